"""What the functions log never names a person: not on the usual way, nor when something of the person is missing."""

import json
from collections.abc import Callable

import pytest

from saxaul.deadline import UnansweredError
from saxaul.ledger.actions import Owner, Withdrawal
from saxaul.messages.bodies import pack_withdrawals
from saxaul.storage.clients import dynamodb
from tests.builders import APP, NOON, confirmation, make_campaign, reported
from tests.integration.erasing import begin_erasure, finish_erasure, move_to_nobody
from tests.integration.log_lines import Lines
from tests.integration.stack import (
    Stack,
    call,
    call_grant,
    cancel,
    certificate,
    confirm,
    grant,
    harvest,
    invoke,
    ledger_of,
    redeem,
    report_actions,
    report_reversals,
    view_order,
    wallet_of,
)
from tests.integration.test_impact import Stream, tally

MEI = "nobody-may-log-this-id"
NEXT_MORNING = NOON + 19 * 3600
RIDE = reported(user_id=MEI)
ACTION = {name: RIDE[name] for name in ("action_id", "user_id", "occurred_at")}


@pytest.fixture
def seeded(stack: Stack) -> Stack:
    stack.seed_catalog(price_points=80)
    stack.seed("campaigns", world_environment_day=make_campaign(multipliers={"bus_ride": "2"}))
    return stack


def naming(lines: Lines) -> list[str]:
    """Return the lines that name the person. There are lines, or nothing would have been checked."""
    found = lines.taken()
    assert found
    return [line for line in found if MEI in line]


def settle(stack: Stack) -> list[str]:
    return stack.settle(*stack.receive_all(stack.redemptions_url))


def test_the_journey_of_a_person_logs_no_user_id(seeded: Stack, lines: Lines) -> None:
    stream = Stream()
    assert grant("report", "read", user_id=MEI).status == 200
    report_actions(RIDE)
    seeded.deliver_reported()
    seeded.clock.instant = NEXT_MORNING
    assert harvest(MEI).body["moved"] == 160
    redeemed = redeem(user_id=MEI, dedication="For my grandmother").body
    assert settle(seeded) == []
    [order_id] = seeded.run_planting_batch()
    [number] = redeemed["certificates"]
    assert confirm(order_id, confirmation(number, planted_at="2026-06-06T06:30:00+08:00")).body["accepted"] == 1
    assert certificate(number).status == view_order(order_id).status == 200
    records = stream.records()
    tally(*records)
    tally(*stream.records())
    invoke("find_repeats", {"Records": records})
    report_reversals(ACTION | {"reason": "refund"})
    seeded.deliver_reported()
    assert len(ledger_of(MEI)) == 1
    assert wallet_of(MEI)["earned"] == 0
    assert call_grant("DELETE", user_id=MEI).status == 200

    assert naming(lines) == []


def test_messages_about_a_person_who_is_missing_log_no_user_id(seeded: Stack, lines: Lines) -> None:
    mark = begin_erasure(seeded, MEI)
    seeded.clock.instant += 1
    report_actions(RIDE)
    report_reversals(ACTION | {"reason": "refund"})
    bodies = seeded.receive_all(seeded.actions_url)
    [withdrawal] = pack_withdrawals(APP, NOON, [Withdrawal(APP, Owner("user", MEI), "ride-1", "2026-06-05")])
    message = {"project_id": "saxaul-alxa", "user_id": MEI, "redemption_id": "no-such-redemption"}

    assert seeded.accrue(*bodies, withdrawal) == ["m-0", "m-1"]
    assert seeded.settle(json.dumps(message)) == []
    assert harvest(MEI).code == redeem(user_id=MEI).code == cancel("no-such", MEI).code == "erasure_in_progress"
    finish_erasure(seeded, mark)
    assert cancel("no-such", MEI).code == "unknown_redemption"
    assert wallet_of(MEI)["earned"] == 0

    assert naming(lines) == []


def test_messages_that_cannot_be_read_log_no_user_id(seeded: Stack, lines: Lines) -> None:
    message = {"project_id": "saxaul-alxa", "user_id": MEI, "redemption_id": ["of", MEI]}
    action = {"app": APP, "accepted_at": NOON, "actions": [["user", MEI, "ride-1"]]}

    assert seeded.accrue(json.dumps(action)) == ["m-0"]
    assert seeded.settle(json.dumps(message)) == ["m-0"]

    assert naming(lines) == []


def test_a_redemption_that_moved_to_nobody_logs_no_user_id(seeded: Stack, lines: Lines) -> None:
    seeded.add_wallet(80, MEI)
    redeemed = redeem(user_id=MEI).body
    assert settle(seeded) == []
    [order_id] = seeded.run_planting_batch()
    move_to_nobody(seeded, redeemed["redemption_id"], MEI)

    assert confirm(order_id, confirmation(redeemed["certificates"][0])).body["accepted"] == 1
    assert certificate(redeemed["certificates"][0]).status == 200
    assert cancel(redeemed["redemption_id"], MEI).code == "unknown_redemption"

    assert naming(lines) == []


NAMING: dict[str, Callable[[], object]] = {
    "path": lambda: call("view_forest", "GET", "/users/{user_id}/wallet", path={"user_id": MEI}),
    "query": lambda: call("suggest_campaigns", "GET", "/suggestions", query={"user_id": MEI}),
    "body": lambda: report_actions(RIDE),
    "export": lambda: call("manage_persons", "GET", "/users/{user_id}/export", path={"user_id": MEI}),
}
"""Requests of an app that name a person, by where they do so."""


@pytest.mark.parametrize("named_in", NAMING)
@pytest.mark.parametrize("error", [ValueError, UnansweredError])
def test_an_unexpected_failure_of_an_app_s_request_logs_no_text_of_an_error(
    seeded: Stack, named_in: str, error: type[Exception], lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seeded

    def failing(**_: object) -> None:
        raise error(f"the item of {MEI} is broken") from KeyError(MEI)

    for name in ("get_item", "batch_get_item", "batch_write_item", "query", "transact_write_items", "put_item"):
        monkeypatch.setattr(dynamodb(), name, failing)

    NAMING[named_in]()

    written = lines.taken()
    assert [line for line in written if MEI in line] == []
    assert error.__name__ in [json.loads(line).get("error") for line in written]
