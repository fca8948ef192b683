"""A period that cannot be written, a broken message or a huge message does not hold up the other messages."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import pytest

from functions.accrue_points import handler as accrue_points
from functions.settle_redemptions import handler as settle_redemptions
from saxaul.ledger.actions import Action, Owner
from saxaul.ledger.periods import MAX_ENTRIES
from saxaul.messages.bodies import MAX_MESSAGE_BYTES, ActionMessage
from saxaul.storage.table import Key
from tests.builders import APP, DAY
from tests.proof.memory_dynamodb import Raw
from tests.proof.model import day_of
from tests.proof.twin import START, USERS, Message, Twin, make_message

if TYPE_CHECKING:
    from types import ModuleType

    from aws_lambda_powertools.utilities.typing import LambdaContext

MEI, BAO = USERS


class Context:
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


@pytest.fixture
def twin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Twin]:
    twin = Twin(monkeypatch)
    monkeypatch.setattr(accrue_points, "accrual", lambda: twin.world.accrual)
    monkeypatch.setattr(settle_redemptions, "settling", lambda: twin.world.settling)
    yield twin
    twin.check_that_it_adds_up()


def deliver(function: "ModuleType", bodies: Mapping[str, str]) -> set[str]:
    """Deliver messages to a function as SQS does. Returns the ids of those that SQS must redeliver."""
    event = {"Records": [{"messageId": name, "body": body} for name, body in bodies.items()]}
    response = function.handler(event, cast("LambdaContext", Context()))
    return {failure["itemIdentifier"] for failure in response["batchItemFailures"]}


def refuse_to_write(twin: Twin, *keys: Key) -> None:
    """Make every write to one of these items fail, until the next call of this function."""

    def is_refused(_operation: str, request: Raw) -> bool:
        writes = [request, *(write for entry in request.get("TransactItems", ()) for write in entry.values())]
        items = [write["Item"] for write in writes if "Item" in write]
        return any(Key(item["pk"]["S"], item["sk"]["S"]) in keys for item in items)

    twin.calls.refused = is_refused


def entries_of(twin: Twin, user_id: str) -> dict[str, list[str]]:
    return {period.key.window: sorted(period.entries) for period in twin.world.periods_of(user_id)}


@pytest.mark.parametrize("occurred_at", [START, START - 60 * DAY], ids=["on-time", "late-period-may-be-closed"])
def test_a_period_that_cannot_be_written_holds_up_only_its_own_messages(twin: Twin, occurred_at: int) -> None:
    day, next_day = (day_of(occurred_at + days * DAY).isoformat() for days in (0, 1))
    of_bao = make_message(BAO, "b-1", "bus_ride", occurred_at)
    of_both = Message(APP, (*make_message(MEI, "m-2", "bus_ride", occurred_at).actions, *of_bao.actions))
    bodies = {
        "mei": make_message(MEI, "m-1", "bus_ride", occurred_at).body,
        "bao": of_bao.body,
        "both": of_both.body,
        "broken": "not JSON",
        "bao, next day": make_message(BAO, "b-2", "bus_ride", occurred_at + DAY).body,
    }

    refuse_to_write(twin, Key(f"USER#{BAO}", f"PAGE#{day}"))
    for _ in range(3):
        assert deliver(accrue_points, bodies) == {"bao", "both", "broken"}
        twin.check_that_it_adds_up()
    assert entries_of(twin, MEI) == {day: [f"{APP}:m-1", f"{APP}:m-2"]}
    assert entries_of(twin, BAO) == {next_day: [f"{APP}:b-2"]}

    refuse_to_write(twin)
    assert deliver(accrue_points, {name: bodies[name] for name in ("bao", "both")}) == set()
    assert entries_of(twin, BAO) == {day: [f"{APP}:b-1"], next_day: [f"{APP}:b-2"]}


def test_a_message_above_the_size_limit_is_posted_with_the_others(twin: Twin) -> None:
    names = [f"{'x' * 100}-{number}" for number in range(3000)]
    actions = [Action(APP, Owner("user", MEI), name, "bus_ride", Decimal(1), START) for name in names]
    body = ActionMessage(
        app=APP,
        actions=[
            (*action.owner, action.action_id, action.type, action.quantity, action.occurred_at) for action in actions
        ],
    ).model_dump_json()
    assert len(body) > 5 * MAX_MESSAGE_BYTES

    bodies = {"big": body, "small": make_message(BAO, "b-1", "bus_ride", START).body}
    assert deliver(accrue_points, bodies) == set()

    [period] = twin.world.periods_of(MEI)
    assert list(period.entries) == [f"{APP}:{name}" for name in names[:MAX_ENTRIES]]
    assert period.points == MAX_ENTRIES * 80
    assert list(entries_of(twin, BAO).values()) == [[f"{APP}:b-1"]]


def test_a_project_that_cannot_be_settled_holds_up_only_its_own_redemptions(twin: Twin) -> None:
    twin.deliver([make_message(user_id, f"ride-{user_id}", "bus_ride", START - 2 * DAY, 10) for user_id in USERS])
    for user_id in USERS:
        twin.request(user_id, "one", "saxaul-alxa", 1)
        twin.request(user_id, "other", "willow-yili", 1)
    bodies = {str(number): body for number, body in enumerate(twin.world.queue.sent)}
    [first, *_] = twin.world.redemptions.of_user(MEI)
    unsettled = {name for name, body in bodies.items() if first.project_id in body}

    refuse_to_write(twin, Key(f"USER#{MEI}", f"TREE#{first.redemption_id}"))
    assert deliver(settle_redemptions, bodies | {"broken": "{}"}) == unsettled | {"broken"}
    refuse_to_write(twin)
    assert deliver(settle_redemptions, {name: bodies[name] for name in unsettled}) == set()

    found = [redemption for user_id in USERS for redemption in twin.world.redemptions.of_user(user_id)]
    assert [redemption.state for redemption in found] == ["reserved"] * 4
