"""A call is repeated while the API is busy or silent: with growing pauses, as Retry-After asks, and not for ever."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul_client import Clock, Problem, Retries, UnreachableError
from tests.client.fake_api import WALLET, FakeApi, StillClock, ok, refused

REDEMPTION = {
    "redemption_id": "r-1",
    "user_id": "mei",
    "state": "requested",
    "project_id": "saxaul-alxa",
    "trees": 1,
    "points": 17900,
    "certificates": ["1234"],
    "requested_at": "2027-01-01T08:00:00+08:00",
}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_api_is_asked_again(status: int) -> None:
    api = FakeApi(refused(status, "busy"), ok(WALLET))

    assert api.client().wallet("mei").spent == 30
    assert len(api.requests) == 2


@pytest.mark.parametrize(
    "error",
    [
        *(httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError),
        *(httpx.WriteError, httpx.PoolTimeout, httpx.DecodingError),
    ],
)
def test_a_call_that_gets_no_response_is_repeated(error: type[httpx.RequestError]) -> None:
    assert FakeApi(error("lost"), ok(WALLET)).client().wallet("mei").spent == 30


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 412, 413, 415, 418, 422, 501, 505])
def test_a_refusal_is_not_repeated(status: int) -> None:
    api = FakeApi(refused(status, "no"))

    with pytest.raises(Problem):
        api.client().wallet("mei")

    assert len(api.requests) == 1


def test_the_pauses_double_up_to_the_longest_and_the_attempts_end() -> None:
    api, clock = FakeApi(refused(503, "busy")), StillClock()
    retries = Retries(attempts=7, seconds=600, first_pause=1, longest_pause=10)

    with pytest.raises(Problem) as raised:
        api.client(clock, retries=retries).wallet("mei")

    assert clock.pauses == [1, 2, 4, 8, 10, 10]
    assert len(api.requests) == 7
    assert raised.value.status == 503


def test_a_pause_is_random_from_zero_to_its_limit() -> None:
    drawn = [Clock().jitter(2.0) for _ in range(200)]

    assert 0 <= min(drawn) < 0.5
    assert 1.5 < max(drawn) <= 2


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("0", 0),
        ("Fri, 01 Jan 2027 00:00:30 GMT", 30),
        ("Fri, 01 Jan 2027 08:00:30 +0800", 30),
        ("Thu, 31 Dec 2026 23:00:00 GMT", 0),
        *((value, 0) for value in ("soon", "", "-5", "1.5", "٣", "9" * 5000, "Fri, 99 Jan 2027 00:00:00 GMT", "1e9")),
    ],
)
def test_retry_after_is_obeyed_in_seconds_and_as_a_date_and_nonsense_is_ignored(value: str, asked: float) -> None:
    clock = StillClock()
    busy = httpx.Response(503, headers=[(b"retry-after", value.encode())])

    FakeApi(busy, ok(WALLET)).client(clock).wallet("mei")

    assert clock.pauses == [asked + 0.25]


def test_a_retry_after_beyond_the_time_of_a_call_ends_it_at_once_and_is_in_the_problem() -> None:
    api, clock = FakeApi(refused(429, "throttled", retry_after="3600")), StillClock()

    with pytest.raises(Problem) as raised:
        api.client(clock).wallet("mei")

    assert (raised.value.retry_after, clock.pauses) == (3600, [])


def test_no_request_begins_after_the_time_of_a_call() -> None:
    clock = StillClock()

    def slow(_: httpx.Request) -> httpx.Response:
        clock.move(25)
        return refused(504, "timeout")

    api = FakeApi(slow)
    with pytest.raises(Problem):
        api.client(clock, retries=Retries(attempts=100, seconds=60)).wallet("mei")

    assert len(api.requests) == 3


@given(st.integers(1, 12), st.floats(0, 100), st.floats(0, 5), st.floats(0, 20), st.integers(0, 30))
def test_whatever_the_api_asks_for_attempts_and_time_are_bounded(
    attempts: int, seconds: float, first: float, longest: float, asked: int
) -> None:
    api, clock = FakeApi(refused(503, "busy", retry_after=str(asked))), StillClock()

    with pytest.raises(Problem):
        api.client(clock, retries=Retries(attempts, seconds, first, longest)).wallet("mei")

    assert len(api.requests) <= attempts
    assert sum(clock.pauses) <= seconds + 1e-3


def test_the_requests_for_a_token_count_among_the_attempts_of_the_call() -> None:
    api = FakeApi(refused(503, "busy"))
    api.token_answers = [httpx.Response(503)] * 2

    with pytest.raises(Problem):
        api.client(retries=Retries(attempts=5, seconds=1000)).wallet("mei")

    assert len(api.token_requests) + len(api.requests) == 5 + 1, "the first request for a token leads to no repetition"


def test_a_silent_api_ends_a_call_after_its_attempts() -> None:
    api = FakeApi(httpx.ReadTimeout("slow"))

    with pytest.raises(UnreachableError):
        api.client().wallet("mei")

    assert len(api.requests) == 6


def test_a_redemption_keeps_its_idempotency_key_over_repetitions_and_another_one_gets_another() -> None:
    api = FakeApi(httpx.ReadTimeout("lost"), refused(503, "busy"), refused(401, "unauthorized"), ok(REDEMPTION))
    app = api.client()

    assert app.redeem("mei", "saxaul-alxa", max_points=17900).redemption_id == "r-1"
    app.redeem("mei", "saxaul-alxa", max_points=17900)
    keys = [request.headers["idempotency-key"] for request in api.requests]

    assert len(set(keys[:4])) == 1
    assert len(keys[0]) == 36
    assert keys[4] != keys[0]


@pytest.mark.parametrize("key", ["order-7", "order:7", "k", "k" * 128])
def test_a_redemption_uses_the_key_of_the_caller(key: str) -> None:
    api = FakeApi(ok(REDEMPTION))

    api.client().redeem("mei", "saxaul-alxa", max_points=1, idempotency_key=key)

    assert api.requests[0].headers["idempotency-key"] == key


def test_a_failed_redemption_has_the_key_with_which_it_can_be_repeated() -> None:
    api = FakeApi(httpx.ReadTimeout("lost"))

    with pytest.raises(UnreachableError) as raised:
        api.client().redeem("mei", "saxaul-alxa", max_points=1)

    assert raised.value.idempotency_key == api.requests[0].headers["idempotency-key"]


@pytest.mark.parametrize("key", ["", " ", "k" * 129, "a,b", "a, a", "a\r\nx: y", "käse", "a\tb", "\x00", "\ud800"])
def test_a_key_that_is_empty_or_too_long_or_has_a_comma_or_is_no_header_is_refused_before_anything_is_sent(
    key: str,
) -> None:
    api = FakeApi(ok(REDEMPTION))

    with pytest.raises(ValueError, match="idempotency-key"):
        api.client().redeem("mei", "saxaul-alxa", max_points=1, idempotency_key=key)

    assert api.requests + api.token_requests == []


@pytest.mark.parametrize("options", [{"attempts": 0}, {"seconds": -1}, {"first_pause": -1}, {"longest_pause": -0.1}])
def test_retries_that_make_no_sense_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least one attempt"):
        Retries(**options)
