"""The client exports a person, asks to erase a person, and waits until it is done."""

from typing import Any

import httpx
import pytest

from saxaul_client import AnswerError, AppClient, Erasure, NotErasedError, OperatorClient
from tests.client.fake_api import API, SECRET, TOKEN_URL, FakeApi, StillClock, ok
from tests.client.test_reading_persons import operator_of

ERASING: dict[str, Any] = {
    "erasure_id": "e-1",
    "state": "erasing",
    "requested_at": "2027-01-01T08:00:00+08:00",
    "requested_by": "operator",
    "reason": "ticket 4711",
    "erased": {},
    "finished_at": None,
    "last_trace_at": None,
}
ERASED = ERASING | {
    "state": "erased",
    "erased": {"wallet": 1, "period": 7},
    "finished_at": "2027-01-01T08:02:00+08:00",
    "last_trace_at": "2027-02-05T08:02:00+08:00",
}
LINES = b'{"kind":"wallet","user_id":"mei"}\n{"kind":"grant","user_id":"mei"}\n'
FILE = "https://exports.s3.example/exports/x/y.jsonl?X-Amz-Signature=abc"


def see_other(url: object = FILE) -> httpx.Response:
    return httpx.Response(303, json={"url": url, "expires_at": "2027-01-01T08:15:00+08:00"}, headers={"location": "x"})


class NoTime(StillClock):
    """A clock on which each pause takes as long as it says."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


def waiting(api: FakeApi) -> OperatorClient:
    return OperatorClient(API, TOKEN_URL, "id", SECRET, transport=httpx.MockTransport(api), clock=NoTime())


def test_an_export_is_returned_as_it_is() -> None:
    api = FakeApi(httpx.Response(200, content=LINES, headers={"content-type": "application/jsonl"}))

    assert operator_of(api).export("mei", reason="ticket 4711") == LINES
    [request] = api.requests
    assert (request.url.path, dict(request.url.params)) == ("/v1/users/mei/export", {"reason": "ticket 4711"})


def test_a_long_export_is_downloaded_from_its_link_without_the_token() -> None:
    api = FakeApi(see_other(), httpx.Response(200, content=LINES))

    assert operator_of(api).export("mei", reason="ticket 4711") == LINES
    exported, downloaded = api.requests
    assert "authorization" in exported.headers
    assert "authorization" not in downloaded.headers
    assert str(downloaded.url) == FILE


@pytest.mark.parametrize("url", ["http://exports.example/x", "ftp://exports.example/x", "", None, 7])
def test_no_other_link_is_followed(url: object) -> None:
    api = FakeApi(see_other(url))

    with pytest.raises(AnswerError):
        operator_of(api).export("mei", reason="ticket 4711")
    assert len(api.requests) == 1


def test_an_operator_erases_a_person_with_a_reason_and_an_app_without_one() -> None:
    api, other = FakeApi(ok(ERASING)), FakeApi(ok(ERASING | {"reason": None, "requested_by": "alipay"}))
    erasure = operator_of(api).erase("mei", reason="ticket 4711")
    app: AppClient = other.client()

    assert isinstance(erasure, Erasure)
    assert (erasure.state, erasure.reason, erasure.finished_at) == ("erasing", "ticket 4711", None)
    assert app.erase("mei").requested_by == "alipay"
    assert [(one.method, one.url.path, dict(one.url.params)) for one in (*api.requests, *other.requests)] == [
        ("DELETE", "/v1/users/mei", {"reason": "ticket 4711"}),
        ("DELETE", "/v1/users/mei", {}),
    ]


def test_waiting_ends_when_the_person_is_erased() -> None:
    api = FakeApi(ok(ERASING), ok(ERASING), ok(ERASED))

    erasure = waiting(api).wait_until_erased("mei", reason="ticket 4711")

    assert erasure.erased == {"wallet": 1, "period": 7}
    assert len(api.requests) == 3


def test_waiting_ends_with_an_error_that_names_the_erasure_and_not_the_person() -> None:
    with pytest.raises(NotErasedError, match=r"e-1 was not finished in 7 seconds") as raised:
        waiting(FakeApi(ok(ERASING), ok(ERASING))).wait_until_erased("mei", reason="ticket 4711", seconds=7)
    assert "mei" not in str(raised.value)


def test_an_erasure_is_read_by_its_id() -> None:
    api = FakeApi(ok(ERASED))

    assert operator_of(api).erasure_by_id("e-1").state == "erased"
    assert [(request.url.path, request.url.query) for request in api.requests] == [("/v1/erasures/e-1", b"")]
