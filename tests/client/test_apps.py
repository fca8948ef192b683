"""An operator registers apps, changes their secrets and their state, and no text shows a secret."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from saxaul_client import App, AppLimits, OperatorClient, Problem, Reversal
from tests.client.fake_api import API, ONCE, SECRET, TOKEN_URL, FakeApi, StillClock, ok, refused

APP: dict[str, Any] = {
    "app_id": "bikes",
    "name": "City bikes",
    "kind": "third_party",
    "scopes": ["actions.write", "wallets.read"],
    "partners": [],
    "link_pattern": "https://bikes.example/{suggestion_id}",
    "limits": {"calls_per_second": 50, "actions_per_day": 100_000},
    "state": "active",
    "client_id": "client-1",
    "version": 1,
    "created_at": "2027-01-01T08:00:00+08:00",
    "changed_at": "2027-01-01T08:00:00+08:00",
    "changed_by": "operator",
    "secrets": [{"secret_id": "s-1", "created_at": "2027-01-01T08:00:00+08:00", "ends_at": None}],
}
NEW_SECRET = {
    "app_id": "bikes",
    "client_id": "client-1",
    "client_secret": "another",
    "secret_id": "s-2",
    "old_ends_at": "2027-01-03T08:00:00+08:00",
}


def operator_of(api: FakeApi) -> OperatorClient:
    transport = httpx.MockTransport(api)
    return OperatorClient(API, TOKEN_URL, "id", SECRET, transport=transport, clock=StillClock(), retries=ONCE)


def sent(api: FakeApi) -> list[tuple[str, str]]:
    return [(request.method, str(request.url).removeprefix(API)) for request in api.requests]


def test_a_registration_has_the_secret_and_neither_its_text_nor_that_of_a_new_secret_shows_it() -> None:
    registered = httpx.Response(201, json=APP | {"client_secret": "only-once"}, headers={"etag": '"1"'})
    api = FakeApi(registered, httpx.Response(201, json=NEW_SECRET))
    operator = operator_of(api)
    document = {"name": "City bikes", "kind": "third_party"}

    app = operator.register_app("bikes", document, new=True)
    secret = operator.rotate_secret("bikes", overlap_seconds=60)

    assert (app.client_secret, secret.client_secret) == ("only-once", "another")
    assert "only-once" not in repr(app)
    assert "another" not in repr(secret)
    assert secret.old_ends_at == datetime(2027, 1, 3, tzinfo=UTC)
    assert app.limits == AppLimits(50, 100_000)
    assert [(found.secret_id, found.ends_at) for found in app.secrets] == [("s-1", None)]
    assert json.loads(api.requests[0].content) == document
    assert api.requests[0].headers["if-none-match"] == "*"
    assert json.loads(api.requests[1].content) == {"overlap_seconds": 60}
    assert sent(api) == [("PUT", "/apps/bikes"), ("POST", "/apps/bikes/secret")]


def test_an_app_is_changed_in_exactly_the_version_that_was_read() -> None:
    api = FakeApi(httpx.Response(200, json=APP, headers={"etag": '"3"'}))
    operator = operator_of(api)

    read = operator.app("bikes")
    operator.register_app("bikes", {"name": "Bikes"}, if_match=read.etag)

    assert read.client_secret is None
    assert api.requests[1].headers["if-match"] == '"3"'


def test_all_apps_of_all_pages_are_listed_with_the_planting_partners() -> None:
    partner = APP | {"app_id": "see", "kind": "partner", "partners": ["SEE"], "link_pattern": None}
    partner |= {"limits": {"calls_per_second": 50, "actions_per_day": None}}
    api = FakeApi(ok({"apps": [APP], "cursor": "c"}), ok({"apps": [partner], "cursor": None}))

    bikes, see = operator_of(api).apps()

    assert (bikes.kind, bikes.changed_at) == ("third_party", datetime(2027, 1, 1, tzinfo=UTC))
    assert (see.partners, see.limits.actions_per_day) == (("SEE",), None)
    assert sent(api) == [("GET", "/apps"), ("GET", "/apps?cursor=c")]


@pytest.mark.parametrize(
    ("name", "method", "path", "state"),
    [
        ("suspend", "POST", "/apps/bikes/suspend", "suspended"),
        ("resume", "POST", "/apps/bikes/resume", "active"),
        ("end_app", "DELETE", "/apps/bikes", "ended"),
    ],
)
def test_a_change_of_the_state_is_one_request_without_a_body(name: str, method: str, path: str, state: str) -> None:
    api = FakeApi(ok(APP | {"state": state}))

    changed: App = getattr(operator_of(api), name)("bikes")

    assert changed.state == state
    assert sent(api) == [(method, path)]
    assert api.requests[0].content == b""


def test_one_secret_is_deleted_by_its_id_and_the_last_one_is_refused() -> None:
    api = FakeApi(ok(APP), refused(409, "last_secret"))
    operator = operator_of(api)

    assert operator.delete_secret("bikes", "s/2").secrets[0].secret_id == "s-1"
    with pytest.raises(Problem, match="409 last_secret"):
        operator.delete_secret("bikes", "s-1")

    assert api.requests[0].url.raw_path == b"/v1/apps/bikes/secrets/s%2F2"


def test_an_operator_takes_back_actions_in_calls_of_at_most_500_and_follows_them() -> None:
    too_old = {"index": 0, "action_id": "ride-500", "code": "too_old", "detail": "too old"}
    api = FakeApi(
        httpx.Response(202, json={"receipt_id": "r-1", "accepted": 500, "refused": []}),
        httpx.Response(409, json={"code": "all_refused", "accepted": 0, "refused": [too_old]}),
    )
    moment = datetime(2026, 6, 5, 8, 30, tzinfo=UTC)
    rides = [
        Reversal(action_id=f"ride-{number}", occurred_at=moment, reason="fraud", user_id="mei") for number in range(501)
    ]

    taken = operator_of(api).take_back("bikes", rides)

    assert (taken.accepted, [refusal.index for refusal in taken.refused]) == (500, [500])
    assert [receipt.receipt_id for receipt in taken.receipts] == ["r-1"]
    assert sent(api) == [("POST", "/apps/bikes/reversals")] * 2
    assert json.loads(api.requests[1].content) == {"reversals": [rides[500].document()]}
