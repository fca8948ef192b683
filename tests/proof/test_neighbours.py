"""A period that cannot be written, a broken message or a huge message does not hold up the other messages."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MethodType
from typing import TYPE_CHECKING, cast

import pytest

from functions.accrue_points import handler as accrue_points
from functions.settle_redemptions import handler as settle_redemptions
from saxaul.ledger.actions import Action, Owner, Reversal
from saxaul.ledger.shares import DIGEST_LENGTH, MAX_APPS
from saxaul.messages.bodies import MAX_MESSAGE_BYTES, ActionMessage
from saxaul.storage.table import Key
from tests import partiql
from tests.builders import APP, DAY
from tests.proof.memory_dynamodb import MemoryDynamoDB, Raw
from tests.proof.reports import day_of
from tests.proof.twin import HOSTILE, LIMITS, START, USERS, Message, Twin, make_message, reversing

if TYPE_CHECKING:
    from types import ModuleType

    from aws_lambda_powertools.utilities.typing import LambdaContext

MEI, BAO = USERS


class Context:
    function_name = "saxaul-Function"
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

    def execute_or_refuse(store: MemoryDynamoDB, statement: Raw) -> Raw:
        if partiql.key_of(statement) in keys:
            return partiql.refused("ItemCollectionSizeLimitExceeded")
        return MemoryDynamoDB.execute(store, statement)

    twin.calls.refused = is_refused
    twin.world.store.execute = MethodType(execute_or_refuse, twin.world.store)  # type: ignore[method-assign]


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
        accepted_at=START,
        actions=[(*action.owner, *action[2:8], 1, None, None) for action in actions],
    ).model_dump_json()
    assert len(body) > 5 * MAX_MESSAGE_BYTES

    bodies = {"big": body, "small": make_message(BAO, "b-1", "bus_ride", START).body}
    assert deliver(accrue_points, bodies) == set()

    [period] = twin.world.periods_of(MEI)
    entries = [name for name, entry in period.entries.items() if not entry.summed]
    [summed] = [entry for entry in period.entries.values() if entry.summed]
    assert entries == [f"{APP}:{name}" for name in names[: len(entries)]]
    assert summed.summed == LIMITS.digest_bytes // DIGEST_LENGTH
    assert period.points == (len(entries) + summed.summed) * 80
    assert period.full == {APP}
    assert list(entries_of(twin, BAO).values()) == [[f"{APP}:b-1"]]


def test_an_app_without_a_share_of_a_period_is_left_out_and_named(twin: Twin) -> None:
    apps = [f"app-{number:02}" for number in range(MAX_APPS + 1)]
    for app in apps:
        action = Action(app, Owner("user", MEI), "ride", "bus_ride", Decimal(1), START)
        assert deliver(accrue_points, {app: Message(app, (action,)).body}) == set()

    [period] = twin.world.periods_of(MEI)
    assert list(period.entries) == [f"{app}:ride" for app in apps[:-1]]
    assert period.full == {apps[-1]}


def test_reversals_that_change_many_items_do_not_hold_up_those_of_another_app(twin: Twin) -> None:
    """An app has used each id in three periods, each time with evidence that it also claims in a period of its own."""
    mei, numbers = Owner("user", MEI), range(20)

    def claim(name: str, type_: str, quantity: str, days: int, evidence: str) -> None:
        action = Action(HOSTILE, mei, name, type_, Decimal(quantity), START - days * DAY, evidence_id=evidence)
        assert deliver(accrue_points, {"claim": Message(HOSTILE, (action,)).body}) == set()

    for number in numbers:
        for place, type_ in enumerate(("bus_ride", "walking", "leave_the_car")):
            evidence = f"e-{number}-{place}"
            claim(f"x-{number}", type_, "30", 31 * number, evidence)
            claim(f"rival-{evidence}", "bus_ride", "0.0001", 1000 + 3 * number + place, evidence)
    taken = [Reversal(HOSTILE, mei, f"x-{number}", "refund", START - 31 * number * DAY) for number in numbers]
    honest = make_message(MEI, "honest", "bus_ride", START)
    assert deliver(accrue_points, {"honest": honest.body}) == set()

    bodies = {
        "honest": reversing(honest.actions[0]).body,
        "hostile": Message(HOSTILE, (), tuple(taken)).body,
    }
    assert deliver(accrue_points, bodies) == set()

    entries = [found for period in twin.world.periods_of(MEI) for found in period.entries.items()]
    assert all(bool(entry.reversal) != entry.counts for _, entry in entries)
    assert {name for name, entry in entries if entry.counts} == {name for name, _ in entries if ":rival" in name}


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
