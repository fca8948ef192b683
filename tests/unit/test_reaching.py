"""A command reaches the laptop stack without a proxy, and without a profile of AWS."""

import os

import boto3
import pytest
from botocore.utils import get_environ_proxies

from local.deployment import client_arguments

ENDPOINT = "http://localhost:4680"


@pytest.fixture(autouse=True)
def company(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the shell name a proxy, and a profile that does not exist."""
    for name in ("NO_PROXY", "no_proxy", "AWS_DEFAULT_PROFILE"):
        monkeypatch.setenv(name, "")  # so that they are as before after the test
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_PROFILE", "nope")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def test_the_laptop_stack_is_reached_without_a_proxy_and_without_the_profile() -> None:
    client = boto3.client("sqs", **client_arguments(ENDPOINT))

    assert client.meta.endpoint_url == ENDPOINT
    assert get_environ_proxies(ENDPOINT) == {}
    assert get_environ_proxies("http://amazonaws.com") != {}
    assert "AWS_PROFILE" not in os.environ


@pytest.mark.parametrize(
    ("before", "after"),
    [("", "localhost,127.0.0.1"), ("a.b,localhost", "a.b,localhost,127.0.0.1"), ("*", "*")],
)
def test_what_the_shell_excepts_from_its_proxy_stays_excepted(
    monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    monkeypatch.setenv("NO_PROXY", before)

    client_arguments(ENDPOINT)
    client_arguments(ENDPOINT)

    assert os.environ["NO_PROXY"] == after


def test_aws_is_reached_with_the_proxy_and_the_profile() -> None:
    client_arguments(None)

    assert os.environ["AWS_PROFILE"] == "nope"
    assert os.environ["NO_PROXY"] == ""
