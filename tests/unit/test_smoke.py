"""The smoke test finds what is broken in an API, and names the step, the status, the code and the request."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from local import smoke
from local.smoke import SmokeError, SmokeTest, until_it_succeeds
from saxaul.log.notes import vkey_of
from saxaul_client import Client

API = "https://api.example/v1"
TOKENS = "https://tokens.example/oauth2/token"
LOG = "https://files.example/log"
VKEY = vkey_of("files.example/log", bytes(32))
APP = {
    "app_id": "alipay",
    "name": "Alipay",
    "kind": "first_party",
    "state": "active",
    "client_id": "c",
    "version": 1,
    "scopes": ["wallets.read"],
    "partners": [],
    "secrets": [],
    "limits": {"calls_per_second": 50, "actions_per_day": 9},
    "link_pattern": None,
    **dict.fromkeys(["created_at", "changed_at"], "2026-06-05T09:00:00+08:00"),
    "changed_by": "operator",
}
KNOWN: dict[str, Any] = {
    "api_url": API,
    "token_url": TOKENS,
    "endpoint_url": None,
    "clients": {"operator": {}, "alipay": {}},
}

Answers = dict[str, httpx.Response]


def problem(status: int, code: str) -> httpx.Response:
    headers = {"content-type": "application/problem+json", "x-amzn-requestid": "r-1"}
    return httpx.Response(status, headers=headers, text=json.dumps({"code": code, "title": "No", "status": status}))


def sound() -> Answers:
    """Return what an API that works answers, by method and address. The wallet is that with a token."""
    return {
        f"POST {TOKENS}": httpx.Response(200, json={"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}),
        f"GET {API}/openapi.json": httpx.Response(200, json={"openapi": "3.1.0", "paths": {"/log": {}}}),
        f"GET {API}/impact": httpx.Response(200, json={}),
        f"GET {API}/impact?from=rubbish": problem(400, "invalid_parameter"),
        f"GET {API}/suggestions?q=green": httpx.Response(200, json={"suggestions": [{}]}),
        f"GET {API}/log": httpx.Response(200, json={"url": LOG, "vkey": VKEY, "size": 0}),
        f"GET {LOG}/checkpoint": httpx.Response(403),
        f"GET {API}/apps": httpx.Response(200, json={"apps": [APP], "next": None}),
        f"GET {API}/users/saxaul-check/wallet": httpx.Response(200, json={"user_id": "saxaul-check"}),
        f"OPTIONS {API}/users/saxaul-check/wallet": httpx.Response(200, headers={"access-control-allow-origin": "*"}),
    }


def answering(answers: Answers) -> httpx.MockTransport:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/wallet") and request.method == "GET" and "authorization" not in request.headers:
            return answers.get("without a token", problem(401, "unauthorized"))
        return answers[f"{request.method} {request.url}"]

    return httpx.MockTransport(handle)


def failures(
    answers: Answers, monkeypatch: pytest.MonkeyPatch, known: Mapping[str, Any] = KNOWN, *, finds: bool = True
) -> dict[str, str]:
    """Take each step once, and return those that failed or had a remark, with what they said."""
    transport = answering(answers)

    def opened(kind: type[Client], _: str) -> Client:
        return kind(API, TOKENS, "id", "secret", transport=transport)

    monkeypatch.setattr(smoke, "open_client", opened)
    found = {}
    with SmokeTest(known, finds=finds, transport=transport) as test:
        for step in test.steps():
            try:
                if remark := step.ask():
                    found[step.about] = remark
            except SmokeError as error:
                found[step.about] = str(error)
    return found


def test_an_api_that_works_passes_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    assert failures(sound(), monkeypatch) == {}


@pytest.mark.parametrize(
    ("asked", "answer", "step", "said"),
    [
        (f"GET {API}/openapi.json", httpx.Response(200, json={}), "the OpenAPI document", "describes no path"),
        (f"GET {API}/openapi.json", httpx.Response(200, text="<html>"), "the OpenAPI document", "not answer with JSON"),
        (
            f"GET {API}/impact",
            problem(500, "internal_error"),
            "the public totals",
            "GET /impact answered 500 internal_error, and not 200 (request id r-1)",
        ),
        (
            f"GET {API}/suggestions?q=green",
            httpx.Response(200, json={"suggestions": []}),
            "a search for 'green'",
            "found nothing",
        ),
        (f"GET {LOG}/checkpoint", httpx.Response(500), "the public log", "answered 500, and not 200"),
        (f"GET {LOG}/checkpoint", httpx.Response(200, text="x"), "the public log", "not signed by the key of the log"),
        (
            f"GET {API}/users/saxaul-check/wallet",
            httpx.Response(200, json={"user_id": "mei"}),
            "a wallet, as an app",
            "about somebody else",
        ),
        (
            "without a token",
            httpx.Response(200, json={}),
            "a wallet without a token",
            "answered 200, and not 401",
        ),
        ("without a token", httpx.Response(401, json={"message": "no"}), "a wallet without a token", "no code"),
        (f"GET {API}/impact?from=rubbish", problem(400, "refused"), "an invalid request", "answered with refused"),
        (
            f"OPTIONS {API}/users/saxaul-check/wallet",
            httpx.Response(200),
            "a preflight request of a browser",
            "allows the origin None",
        ),
    ],
)
def test_what_is_broken_fails_its_step_only(
    monkeypatch: pytest.MonkeyPatch, asked: str, answer: httpx.Response, step: str, said: str
) -> None:
    found = failures({**sound(), asked: answer}, monkeypatch)

    assert list(found) == [step]
    assert said in found[step]


def test_a_log_with_leaves_must_have_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    told = httpx.Response(200, json={"url": LOG, "vkey": VKEY, "size": 1})

    assert "answered 403" in failures({**sound(), f"GET {API}/log": told}, monkeypatch)["the public log"]


def test_without_a_token_the_first_step_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = httpx.Response(400, json={"error": "invalid_client"})
    transport = answering({**sound(), f"POST {TOKENS}": refused})
    monkeypatch.setattr(smoke, "open_client", lambda kind, _: kind(API, TOKENS, "id", "secret", transport=transport))

    with SmokeTest(KNOWN, transport=transport) as test, pytest.raises(SmokeError, match=r"tokens\.example.*gave none"):
        test.steps()[0].ask()


def test_a_catalog_of_ones_own_need_not_have_the_word(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = httpx.Response(200, json={"suggestions": []})

    assert failures({**sound(), f"GET {API}/suggestions?q=green": nothing}, monkeypatch, finds=False) == {}


def test_without_the_secret_of_an_app_its_step_is_left_out_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = failures(sound(), monkeypatch, {**KNOWN, "clients": {"operator": {}}})

    assert list(found) == ["a wallet, as an app"]
    assert "not asked" in found["a wallet, as an app"]


def test_the_emulator_is_not_asked_for_a_preflight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke, "open_client", lambda kind, _: kind(API))

    with SmokeTest({**KNOWN, "endpoint_url": "http://localhost:4566"}) as test:
        assert not any("preflight" in step.about for step in test.steps())


def test_a_step_is_repeated_until_it_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.smoke.time.sleep", lambda _: None)
    left = [SmokeError("not yet"), SmokeError("not yet"), None]

    assert until_it_succeeds(raising_in_turn(left), patience=60) is None
    assert left == []


def test_a_step_is_not_repeated_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.smoke.time.sleep", lambda _: None)

    with pytest.raises(SmokeError, match="not yet"):
        until_it_succeeds(raising_in_turn([SmokeError("not yet")] * 1_000), patience=0)


def test_the_operator_gets_a_token_before_the_seed_or_the_command_says_why_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(smoke, "until_it_succeeds", lambda ask, _: ask())
    answers = sound()
    transport = answering(answers)
    monkeypatch.setattr(smoke, "open_client", lambda kind, _: kind(API, TOKENS, "id", "secret", transport=transport))

    smoke.wait_for_a_token(KNOWN, [])
    answers[f"POST {TOKENS}"] = httpx.Response(400, json={"error": "invalid_client"})
    with pytest.raises(SystemExit):
        smoke.wait_for_a_token(KNOWN, ["do this"])

    said = " ".join(capsys.readouterr().err.split())
    assert "failed the step a token of the operator" in said
    assert said.endswith("do this")


def test_a_step_that_never_succeeds_ends_with_its_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    transport = answering({**sound(), f"GET {API}/impact": problem(500, "internal_error")})
    monkeypatch.setattr(smoke, "open_client", lambda kind, _: kind(API, TOKENS, "id", "secret", transport=transport))
    monkeypatch.setattr(smoke, "SmokeTest", lambda known, **_: SmokeTest(known, transport=transport))
    monkeypatch.setattr(smoke, "until_it_succeeds", lambda ask, _: ask())

    with pytest.raises(SystemExit) as ended:
        smoke.smoke(KNOWN, finds=True, advice=["do this"])

    assert ended.value.code == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "failed the step the public totals: GET /impact answered 500 internal_error" in said
    assert said.endswith("do this")


def raising_in_turn(outcomes: list[SmokeError | None]) -> Callable[[], str | None]:
    def ask() -> str | None:
        outcome = outcomes.pop(0)
        if outcome:
            raise outcome
        return None

    return ask
