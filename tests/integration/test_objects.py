"""S3 objects through HTTP: signed requests, their conditions, and an S3 that is slow or cannot be reached."""

import socket
import threading
from collections.abc import Iterator
from itertools import count

import pytest
from botocore.httpsession import URLLib3Session
from moto import mock_aws

from saxaul.deadline import DEADLINE
from saxaul.storage import clients, exports, objects
from saxaul.storage.clients import CONNECT_SECONDS, READ_SECONDS
from saxaul.storage.exports import Exports
from saxaul.storage.objects import (
    LONGEST_OBJECT_READ,
    NoObjectError,
    ObjectError,
    ObjectMovedError,
    read_if_changed,
    read_object,
    write_object,
)
from tests.integration.moto_objects import Requests

BUCKET = "published"


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-north-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    caches = (clients.dynamodb, clients.s3, objects._session)  # noqa: SLF001 - a session keeps connections
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


@pytest.fixture
def bucket(credentials: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:  # noqa: ARG001 - must come first
    monkeypatch.setattr(objects, "_session", lambda _: Requests())
    with mock_aws():
        clients.s3().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "cn-north-1"})
        yield BUCKET


def test_an_object_is_replaced_only_if_it_is_still_the_one_that_was_read(bucket: str) -> None:
    with pytest.raises(NoObjectError):
        read_object(bucket, "catalog/current")
    first = write_object(bucket, "catalog/current", b"one", replaced_etag="")
    with pytest.raises(ObjectMovedError):
        write_object(bucket, "catalog/current", b"two", replaced_etag="")
    second = write_object(bucket, "catalog/current", b"two", replaced_etag=first)
    with pytest.raises(ObjectMovedError):
        write_object(bucket, "catalog/current", b"three", replaced_etag=first)

    found = read_object(bucket, "catalog/current")
    assert (found.body, found.etag) == (b"two", second)
    assert found.modified_at > 0
    assert read_if_changed(bucket, "catalog/current", second) is None
    assert read_if_changed(bucket, "catalog/current", first) == found
    with pytest.raises(ObjectMovedError):
        write_object(bucket, "catalog/other", b"", replaced_etag=first)


def test_a_large_object_arrives_complete(bucket: str) -> None:
    body = bytes(range(256)) * 20_000
    write_object(bucket, "catalog/index/large", body)

    found = read_object(bucket, "catalog/index/large")
    assert found.body == body


@pytest.mark.usefixtures("credentials")
def test_on_aws_an_object_is_at_the_bucket_s_own_host_in_its_region() -> None:
    address = objects.object_address("published", "catalog/current")

    assert address == "https://published.s3.cn-north-1.amazonaws.com.cn/catalog/current"


class Sluggish:
    """A server that answers each connection with some bytes, and then sends one more byte every 0.05 seconds."""

    def __init__(self, answer: bytes) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._answer = answer
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.connections = 0
        self._stopped = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._socket.accept()
                with connection:
                    self.connections += 1
                    connection.recv(65536)
                    connection.sendall(self._answer)
                    while not self._stopped.wait(0.05):
                        connection.sendall(b"x" * 65536 if self._answer else b"")
            except OSError:
                continue

    def stop(self) -> None:
        self._stopped.set()
        self._socket.close()


@pytest.fixture
def timeouts(credentials: None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:  # noqa: ARG001 - must come first
    """Return the seconds that each request may take to connect, and to wait for the next bytes."""
    asked: list[tuple[float, float]] = []
    session = objects._session  # noqa: SLF001 - it has the timeouts

    def session_with(given: tuple[float, float]) -> URLLib3Session:
        asked.append(given)
        return session(given)

    monkeypatch.setattr(objects, "_session", session_with)
    return asked


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"], ids=["silent", "trickling"]
)
def test_a_slow_s3_is_given_up_after_a_few_seconds_and_one_attempt(
    monkeypatch: pytest.MonkeyPatch, timeouts: list[tuple[float, float]], answer: bytes
) -> None:
    """One that sends nothing meets the timeouts of the request, and one that never ends meets the limit of a read."""
    looks = count(step=0.5)
    server = Sluggish(answer)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setattr(objects, "monotonic", lambda: next(looks))  # half a second passes from one look to the next

    with pytest.raises(ObjectError):
        read_object(BUCKET, "catalog/current")

    assert timeouts == [(CONNECT_SECONDS, READ_SECONDS)]
    assert CONNECT_SECONDS + READ_SECONDS < LONGEST_OBJECT_READ
    assert next(looks) <= LONGEST_OBJECT_READ + 1
    assert server.connections == 1
    server.stop()


def test_an_export_waits_for_a_slow_s3_as_long_as_it_may_and_makes_one_attempt(
    monkeypatch: pytest.MonkeyPatch, timeouts: list[tuple[float, float]]
) -> None:
    server = Sluggish(b"")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setattr(exports, "_PATIENCE", 0.5)

    with pytest.raises(ObjectError):
        Exports(BUCKET).put("name", b"a line", 0)

    assert timeouts == [(0.5, 0.5)]
    assert server.connections == 1
    server.stop()


@pytest.mark.usefixtures("credentials")
def test_an_unreachable_s3_and_too_little_time_are_errors_of_the_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ObjectError):
        read_object(BUCKET, "catalog/current")
    with DEADLINE.within(1), pytest.raises(ObjectError, match="too little time"):
        read_object(BUCKET, "catalog/current")


def test_statuses_without_the_right_to_list_the_bucket_mean_a_missing_object(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"GET": 403, "PUT": 409}
    body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    monkeypatch.setattr(objects, "_send", lambda method, *_: (answers[method], {}, body))

    with pytest.raises(NoObjectError, match=r"^catalog/current: 403 AccessDenied$"):
        read_object(BUCKET, "catalog/current")
    with pytest.raises(ObjectMovedError):
        write_object(BUCKET, "catalog/current", b"", "")
    answers.update(GET=503, PUT=503)
    with pytest.raises(ObjectError):
        read_object(BUCKET, "catalog/current")
    with pytest.raises(ObjectError):
        write_object(BUCKET, "catalog/current", b"", "")
