"""The AWS clients: the hosts of presigned links, and the timeouts of AWS calls."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from saxaul.storage import clients


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    for name in ("AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        monkeypatch.delenv(name, raising=False)
    yield
    clients.s3.cache_clear()
    clients.dynamodb.cache_clear()


def link(bucket: str) -> str:
    clients.s3.cache_clear()
    return clients.s3().generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "orders/one.csv"})


@pytest.mark.parametrize("region", ["ap-southeast-1", "eu-central-1", "us-east-1"])
def test_a_presigned_link_uses_the_buckets_host_in_its_region(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    led = urlsplit(link("manifests"))

    assert led.hostname == f"manifests.s3.{region}.amazonaws.com"
    assert led.path == "/orders/one.csv"
    assert f"%2F{region}%2Fs3%2Faws4_request" in led.query, "signed for the region with Signature Version 4"


def test_on_the_laptop_stack_a_presigned_link_has_the_bucket_in_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-southeast-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:4566")
    led = urlsplit(link("manifests"))

    assert (led.netloc, led.path) == ("localhost:4566", "/manifests/orders/one.csv")


def test_an_aws_call_that_hangs_times_out_and_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-southeast-1")
    clients.dynamodb.cache_clear()
    config: Any = clients.dynamodb().meta.config

    assert (config.connect_timeout, config.read_timeout) == (clients.CONNECT_SECONDS, clients.READ_SECONDS)
    assert config.retries["total_max_attempts"] == clients.CALL_ATTEMPTS > 1
    assert clients.LONGEST_CALL == 3 * (1 + 2) + 1 + 2
