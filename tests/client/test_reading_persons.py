"""An operator reads a person with a reason, on every page, and an app reads the same without one."""

import inspect
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.operations import operations
from saxaul_client import AppClient, OperatorClient, items_of
from tests.client.fake_api import API, SECRET, TOKEN_URL, WALLET, FakeApi, StillClock, ok
from tests.client.test_answers import LINE
from tests.client.test_retries import REDEMPTION

REASON = "投诉 4711 & more"
TREE = {
    "certificate": "1234",
    "state": "reserved",
    "project_id": "saxaul-alxa",
    "redemption_id": "r-1",
    "requested_at": "2027-01-01T08:00:00+08:00",
}
STATEMENT = {"user_id": "mei", "month": "2027-01", "full_apps": [], "points": 0, "avoided_g": 0, "totals": []}


def operator_of(api: FakeApi) -> OperatorClient:
    transport = httpx.MockTransport(api)
    return OperatorClient(API, TOKEN_URL, "id", SECRET, transport=transport, clock=StillClock())


def pages(name: str, item: object) -> FakeApi:
    return FakeApi(ok({name: [item], "cursor": "next"}), ok({name: [], "cursor": None}))


Case = tuple[str, FakeApi, Callable[[Any, Any], Any]]
CASES: list[Callable[[], Case]] = [
    lambda: ("/wallet", FakeApi(ok(WALLET)), lambda client, with_reason: client.wallet("mei", **with_reason)),
    lambda: (
        "/ledger",
        pages("entries", LINE),
        lambda client, with_reason: list(items_of(client.ledger_pages("mei", limit=1, **with_reason))),
    ),
    lambda: (
        "/statement",
        FakeApi(ok(STATEMENT)),
        lambda client, with_reason: client.statement("mei", "2027-01", **with_reason),
    ),
    lambda: (
        "/forest",
        pages("forest", TREE),
        lambda client, with_reason: list(items_of(client.forest_pages("mei", lang="zh", **with_reason))),
    ),
    lambda: (
        "/redemptions",
        pages("redemptions", REDEMPTION),
        lambda client, with_reason: list(items_of(client.redemption_pages("mei", **with_reason))),
    ),
    lambda: (
        "/redemptions/r-1",
        FakeApi(ok(REDEMPTION)),
        lambda client, with_reason: client.redemption("mei", "r-1", **with_reason),
    ),
]


@pytest.mark.parametrize("case", CASES)
def test_an_operator_reads_what_an_app_reads_and_every_request_has_the_reason(case: Callable[[], Case]) -> None:
    path, api, read = case()
    by_operator = read(operator_of(api), {"reason": REASON})
    _, other, _ = case()
    by_app = read(other.client(), {})

    assert by_operator == by_app
    assert {request.url.path for request in (*api.requests, *other.requests)} == {f"/v1/users/mei{path}"}
    assert [request.url.params["reason"] for request in api.requests] == [REASON] * len(other.requests)
    sent = [dict(request.url.params) for request in other.requests]
    assert [dict(request.url.params) for request in api.requests] == [{"reason": REASON} | query for query in sent]
    assert not any("reason" in query for query in sent)


def test_the_reads_of_the_client_are_those_for_which_the_api_asks_a_reason() -> None:
    reads = [route for route in operations() if route.access.scope == "wallets.read" and route.needs_reason]
    of_persons = {route.path.replace("{user_id}", "mei") for route in reads}

    tested = {f"/users/mei{case()[0]}".replace("r-1", "{redemption_id}") for case in CASES}
    assert tested == of_persons
    for name in ("wallet", "ledger_pages", "statement", "forest_pages", "redemption_pages", "redemption"):
        reason = inspect.signature(getattr(OperatorClient, name)).parameters["reason"]
        assert (reason.kind, reason.default) == (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.empty)
        assert "reason" not in inspect.signature(getattr(AppClient, name)).parameters


def test_an_operator_searches_and_reads_campaigns_without_a_reason() -> None:
    found = {"query": "bus", "fallback": False, "suggestions": []}
    api = FakeApi(httpx.Response(200, json=found, headers={"etag": '"1"'}), httpx.Response(304), ok({"running": []}))
    operator = operator_of(api)

    first = operator.suggest("bus", lang="en", limit=3)
    again = operator.suggest("bus", lang="en", limit=3, known=first)

    assert again is first
    assert operator.campaigns() == {"running": []}
    assert [dict(request.url.params) for request in api.requests] == [{"q": "bus", "lang": "en", "limit": "3"}] * 2 + [
        {}
    ]
    assert "user_id" not in inspect.signature(OperatorClient.suggest).parameters
