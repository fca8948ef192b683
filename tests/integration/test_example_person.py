"""The person of the examples gets what an event needs, by calls of the API."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import requests

from local import example_person
from local.example_events import PERSON
from local.example_person import ExamplePerson
from saxaul_client import AppClient
from tests.integration.in_process import BASE_URL, send
from tests.integration.stack import Stack

TOKENS = "https://api.example/token"


class Api:
    """The API in this process. What was accepted is posted, and what was requested is settled, when it is read."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if str(request.url) == TOKENS:
            return httpx.Response(200, json={"access_token": "alipay-client", "expires_in": 3600})
        if request.method == "GET" and "/receipts/" in request.url.path:
            self._stack.deliver_reported()
        if request.method == "GET" and "/redemptions/" in request.url.path:
            self.settle()
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        headers["authorization"] = headers["authorization"].removeprefix("Bearer ")
        prepared = requests.Request(request.method, str(request.url), headers, data=request.content or None).prepare()
        answer = send(prepared)
        found = {name: values[0] for name, values in answer.headers.items()}
        return httpx.Response(answer.status_code, headers=found, content=answer.content)

    def settle(self) -> None:
        assert self._stack.settle(*self._stack.receive_all(self._stack.redemptions_url)) == []


@pytest.fixture
def api(stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Api:
    """A laptop stack in the state folder ``tmp_path`` on which a tree costs less than a week earns."""
    stack.seed_catalog(price_points=300)
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.delenv("SAXAUL_STACK", raising=False)
    clients = {"alipay": {"client_id": "alipay-client", "client_secret": "s"}}
    known = {"api_url": BASE_URL, "token_url": TOKENS, "clients": clients}
    (tmp_path / "stack.json").write_text(json.dumps(known))
    monkeypatch.setattr("local.telling.stack_clock", lambda: stack.clock)
    return Api(stack)


@pytest.fixture
def alipay(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppClient]:
    with AppClient(BASE_URL, TOKENS, "alipay-client", "s", transport=httpx.MockTransport(api)) as client:
        monkeypatch.setattr(example_person, "open_client", lambda *_, **__: client)
        yield client


def ready_for(function: str) -> ExamplePerson:
    """Return the person of the stack, as another command finds it, after it got ready for a function."""
    person = example_person.example_person()
    person.get_ready_for(function)
    return person


def test_who_needs_points_reports_a_week_and_can_pay_for_a_tree(
    alipay: AppClient, capsys: pytest.CaptureFixture[str]
) -> None:
    person = ready_for("RedeemTrees")

    assert person.user_id != PERSON
    assert alipay.wallet(person.user_id).harvestable >= 300
    assert f"{person.user_id} reported a week of actions: " in capsys.readouterr().out


def test_who_has_points_already_stays_the_person_of_the_stack(alipay: AppClient) -> None:
    assert alipay
    first = ready_for("RedeemTrees")

    assert ready_for("RedeemTrees").user_id == first.user_id
    assert ready_for("AccruePoints").user_id == first.user_id


@pytest.mark.parametrize("function", ["SettleRedemptions", "ViewForest", "PlaceOrders", "ScheduleOrders"])
def test_who_needs_a_redemption_requests_one_once(alipay: AppClient, function: str) -> None:
    first, second = ready_for(function), ready_for(function)

    assert first.redemption
    assert second.redemption
    assert first.redemption.redemption_id == second.redemption.redemption_id
    assert alipay.redemption(first.user_id, first.redemption.redemption_id).state == "reserved"


def test_a_redemption_that_was_just_requested_is_the_one_to_settle(alipay: AppClient) -> None:
    person = ready_for("RedeemTrees")
    asked = alipay.redeem(person.user_id, "saxaul-alxa", max_points=None, idempotency_key="k")

    found = ready_for("SettleRedemptions").redemption

    assert found
    assert (found.redemption_id, found.state) == (asked.redemption_id, "requested")


def test_an_ordered_tree_is_shown_and_another_one_waits_for_the_next_order(alipay: AppClient, stack: Stack) -> None:
    assert alipay
    first = ready_for("PlaceOrders")
    stack.run_planting_batch()

    shown, waiting = ready_for("ViewForest"), ready_for("PlaceOrders")

    assert shown.user_id == first.user_id
    assert waiting.redemption
    assert waiting.redemption.state == "reserved"
    assert waiting.user_id != first.user_id, "this week's points are spent"


@pytest.mark.parametrize(
    "content", ['{"api_url": "https://other.example/v1", "user_id": "mei-9@example.com"}', "{", "[]", '{"user_id": 1}']
)
def test_the_person_of_another_stack_and_a_broken_file_are_ignored(
    alipay: AppClient, tmp_path: Path, content: str
) -> None:
    assert alipay
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "person.json").write_text(content)

    assert ready_for("AccruePoints").user_id == PERSON
