"""One token serves many calls and threads, is renewed in time and after a 401, and no secret is ever shown."""

import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul_client import AnswerError, AppClient, Client, Problem, SaxaulError, TokenError, UnreachableError
from tests.client.fake_api import API, ONCE, SECRET, TOKEN_URL, WALLET, FakeApi, StillClock, ok, refused


def bearers(api: FakeApi) -> list[str]:
    return [request.headers["authorization"] for request in api.requests]


def test_many_calls_use_one_token() -> None:
    api = FakeApi(ok(WALLET))
    with api.client() as app:
        for _ in range(5):
            app.wallet("mei")

    assert len(api.token_requests) == 1
    assert bearers(api) == ["Bearer token-1"] * 5


def test_threads_that_need_a_token_at_the_same_time_request_it_once() -> None:
    api, gate = FakeApi(ok(WALLET)), threading.Barrier(16)
    app = api.client()

    def call(_: int) -> None:
        gate.wait()
        app.wallet("mei")

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(call, range(16)))

    assert len(api.token_requests) == 1
    assert len(api.requests) == 16


def test_threads_that_wait_for_a_refused_token_all_get_the_refusal_of_one_request() -> None:
    api, entered, release = FakeApi(ok(WALLET)), threading.Event(), threading.Event()

    def refuse(_: httpx.Request) -> httpx.Response:
        entered.set()
        release.wait(10)
        return httpx.Response(400, json={"error": "invalid_client"})

    transport = httpx.MockTransport(lambda request: refuse(request) if str(request.url) == TOKEN_URL else api(request))
    asked: list[int] = []

    def counted(request: httpx.Request) -> httpx.Response:
        asked.append(1)
        return transport.handle_request(request)

    app = AppClient(API, TOKEN_URL, "app-id", SECRET, transport=httpx.MockTransport(counted), clock=StillClock())
    with ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(app.wallet, "mei")]
        assert entered.wait(10)
        calls += [threads.submit(app.wallet, "mei") for _ in range(3)]
        threading.Timer(0.2, release.set).start()
        errors = [call.exception(10) for call in calls]

    assert all(isinstance(error, TokenError) for error in errors)
    assert len(asked) < 4
    assert api.requests == []


def test_a_token_is_renewed_a_minute_before_it_expires() -> None:
    api, clock = FakeApi(ok(WALLET)), StillClock()
    app = api.client(clock)

    app.wallet("mei")
    clock.move(3600 - 61)
    app.wallet("mei")
    clock.move(2)
    app.wallet("mei")

    assert bearers(api) == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


def test_a_short_token_is_used_for_half_of_its_life() -> None:
    api, clock = FakeApi(ok(WALLET)), StillClock()
    api.expires_in = 10
    app = api.client(clock)

    for _ in range(3):
        app.wallet("mei")
        clock.move(4)

    assert bearers(api) == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize("expires_in", ["soon", None, -5, 0, True, 10**30, [1]])
def test_a_strange_lifetime_of_a_token_is_taken_for_five_minutes(expires_in: object) -> None:
    api, clock = FakeApi(ok(WALLET)), StillClock()
    api.expires_in = expires_in
    app = api.client(clock)

    app.wallet("mei")
    clock.move(239)
    app.wallet("mei")
    clock.move(2)
    app.wallet("mei")

    assert len(api.token_requests) == 2


def test_after_a_401_the_call_is_repeated_once_with_a_new_token() -> None:
    api = FakeApi(refused(401, "unauthorized"), ok(WALLET))

    assert api.client().wallet("mei").spendable == 50
    assert bearers(api) == ["Bearer token-1", "Bearer token-2"]


def test_a_second_401_is_a_problem() -> None:
    api = FakeApi(refused(401, "unauthorized"))

    with pytest.raises(Problem) as raised:
        api.client().wallet("mei")

    assert raised.value.code == "unauthorized"
    assert len(api.requests) == 2


def test_threads_that_get_a_401_for_the_same_token_renew_it_once() -> None:
    gate = threading.Barrier(8)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] == "Bearer token-1":
            gate.wait(10)
            return refused(401, "unauthorized")
        return ok(WALLET)

    api = FakeApi(answer)
    app = api.client()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(app.wallet, ["mei"] * 8))

    assert len(api.token_requests) == 2


def test_the_token_request_has_the_grant_the_scopes_and_the_credentials() -> None:
    api = FakeApi(ok(WALLET))
    api.client(scopes=["saxaul/wallets.read", "saxaul/trees.redeem"]).wallet("mei")
    [request] = api.token_requests

    assert dict(httpx.QueryParams(request.content.decode())) == {
        "grant_type": "client_credentials",
        "scope": "saxaul/wallets.read saxaul/trees.redeem",
    }
    assert request.headers["authorization"].startswith("Basic ")


def test_a_busy_token_endpoint_is_asked_again() -> None:
    api = FakeApi(ok(WALLET))
    api.token_answers = [httpx.Response(503), httpx.ConnectError("no")]

    assert api.client().wallet("mei").earned == 100
    assert len(api.token_requests) == 3


def test_a_refusal_of_the_token_endpoint_names_its_error_and_is_not_repeated() -> None:
    api = FakeApi(ok(WALLET))
    api.token_answers = [httpx.Response(400, json={"error": "invalid_client", "error_description": SECRET})]

    with pytest.raises(TokenError, match="400: invalid_client") as raised:
        api.client().wallet("mei")

    assert raised.value.route == "GET /users/{user_id}/wallet"
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "document",
    [
        *({}, {"access_token": 5}, {"access_token": "a\r\nb: c"}, {"access_token": ""}, [], "token", None),
        *({"access_token": "t", "token_type": "mac"},),
    ],
)
def test_a_response_without_a_usable_token_is_an_error_without_a_request_to_the_api(document: object) -> None:
    api = FakeApi(ok(WALLET))
    api.token_answers = [httpx.Response(200, json=document)]

    with pytest.raises(AnswerError, match="no bearer token"):
        api.client().wallet("mei")

    assert api.requests == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_so_that_no_credential_reaches_another_host(status: int) -> None:
    away = httpx.Response(status, headers={"location": "https://evil.test/"})
    api = FakeApi(away)
    seen: list[str] = []

    def watched(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return api(request)

    app = AppClient(API, TOKEN_URL, "app-id", SECRET, transport=httpx.MockTransport(watched), clock=StillClock())
    with pytest.raises(AnswerError, match="redirects are not followed"):
        app.wallet("mei")
    api.token_answers = [away]
    with pytest.raises(SaxaulError):
        Client(API, TOKEN_URL, "app-id", SECRET, transport=httpx.MockTransport(watched)).authorization()

    assert "evil.test" not in seen


def client_of(api: FakeApi, api_url: str) -> AppClient:
    return AppClient(api_url, TOKEN_URL, "app-id", SECRET, transport=httpx.MockTransport(api), clock=StillClock())


@pytest.mark.parametrize("api_url", ["https://api.test", API])
@pytest.mark.parametrize(
    "path",
    [
        *("", "x", ".evil.test/x", "@evil.test/x", ":8443/x", "//evil.test/x", "?x=1", "#x"),
        *(
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/a/..?x=1",
            "/a/..#x",
            "/%2e%2e/b",
            "/a/.%2E",
            "/a\nb",
            "/" + "a" * 70_000,
        ),
    ],
)
def test_a_path_that_could_change_the_host_or_another_part_of_the_address_is_refused(api_url: str, path: str) -> None:
    api = FakeApi(ok())

    with pytest.raises(ValueError, match=r"the path must|the address cannot be used"):
        client_of(api, api_url).call("GET", path)

    assert api.requests + api.token_requests == []


@given(st.text("/.\\@:?#[]%2e a{}\n", max_size=12) | st.text(max_size=12), st.sampled_from(["https://api.test", API]))
def test_a_token_is_sent_only_to_addresses_that_begin_with_that_of_the_api(path: str, api_url: str) -> None:
    api = FakeApi(ok())

    with suppress(ValueError):
        client_of(api, api_url).call("GET", path)

    assert all(str(request.url).startswith(f"{api_url}/") for request in api.requests)


def test_dots_in_a_segment_and_in_a_query_are_sent_as_they_are() -> None:
    api = FakeApi(ok())
    app = api.client()

    app.call("GET", "/a..b/...?x=/../")
    app.call("GET", "/{name}", query={"x": "/../"}, name="a/../b")

    assert [request.url.raw_path for request in api.requests] == [
        b"/v1/a..b/...?x=/../",
        b"/v1/a%2F..%2Fb?x=%2F..%2F",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        refused(403, "forbidden"),
        httpx.ConnectError("no route"),
        ok([]),
        httpx.Response(302),
        refused(500, "internal_error"),
    ],
)
def test_no_error_and_no_repr_shows_a_secret_or_a_token(answer: httpx.Response | Exception) -> None:
    app = FakeApi(answer).client(retries=ONCE)

    with pytest.raises(SaxaulError) as raised:
        app.wallet("mei")

    shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + repr(vars(raised.value))
    chain = raised.value.__context__, raised.value.__cause__
    assert not any(hidden in shown + repr(app) + str(chain) for hidden in (SECRET, "token-1", "Bearer", "Basic"))
    assert not any(isinstance(error, httpx.HTTPError) for error in chain), "it would hold the whole request"
    assert "mei" not in str(raised.value)
    assert repr(app) == f"AppClient(api_url='{API}', client_id='app-id')"


def test_a_client_without_credentials_reads_only_what_is_public() -> None:
    api = FakeApi(ok({"people": []}))
    client = Client(API, transport=httpx.MockTransport(api))

    assert client.impact() == {"people": []}
    assert "authorization" not in api.requests[0].headers
    with pytest.raises(ValueError, match="no credentials"):
        client.call("GET", "/campaigns")


@pytest.mark.parametrize(
    ("api_url", "token_url"),
    [
        ("http://api.test", TOKEN_URL),
        (API, "http://login.test/token"),
        ("ftp://api.test", TOKEN_URL),
        ("https://user:pass@api.test", TOKEN_URL),
        ("https://", TOKEN_URL),
        (f"{API}?x=1", TOKEN_URL),
        ("http://localhost.evil.test", TOKEN_URL),
    ],
)
def test_an_address_to_which_no_secret_may_be_sent_is_refused_without_repeating_it(
    api_url: str, token_url: str
) -> None:
    with pytest.raises(ValueError, match="_url must") as raised:
        AppClient(api_url, token_url, "id", SECRET)

    assert "pass" not in str(raised.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "abc.execute-api.localhost"])
def test_this_machine_may_be_reached_without_tls(host: str) -> None:
    AppClient(f"http://{host}:4566/v1", f"http://{host}:4566/token", "id", SECRET).close()


def test_half_of_the_credentials_are_refused() -> None:
    with pytest.raises(ValueError, match="needed together"):
        AppClient(API, TOKEN_URL, "id")


def test_an_unreachable_api_is_named_by_the_kind_of_failure() -> None:
    with pytest.raises(
        UnreachableError, match=r"GET /users/\{user_id\}/wallet: no response \(ConnectError: no route\)"
    ):
        FakeApi(httpx.ConnectError("no route")).client(retries=ONCE).wallet("mei")
