"""What is queued for a person who is erased: it is dropped if it came before, and waits if it came after."""

from collections.abc import Sequence

import pytest

from saxaul.ledger.actions import Owner, Withdrawal
from saxaul.ledger.receipts import Fate, fates_of
from saxaul.messages.bodies import pack_withdrawals
from saxaul.storage.table import Table
from tests.builders import (
    APP,
    FACILITY,
    NOON,
    USER,
    action_bodies,
    make_action,
    make_action_type,
    make_calendar,
    reported,
)
from tests.integration.erasing import begin_erasure, finish_erasure
from tests.integration.log_lines import Lines
from tests.integration.stack import Response, Stack, report_actions, report_reversals

POSTED, WAITING, ERASED = Fate("posted"), Fate("waiting"), Fate("dropped", "person_erased")
MEI, LI = "u-mei", "u-li"
CALENDAR = make_calendar()


@pytest.fixture
def stack(stack: Stack) -> Stack:
    stack.seed("action-types", bus_ride=make_action_type())
    return stack


def rides(*user_ids: str) -> Response:
    """Report a ride of each person in one call."""
    return report_actions(*(reported(action_id=f"of-{user_id}", user_id=user_id) for user_id in user_ids))


def said(stack: Stack, response: Response) -> Sequence[Fate | None]:
    """Return what the receipt of a call says."""
    assert response.status == 202
    return fates_of(stack.receipts.parts_of(response.body["receipt_id"]))


@pytest.mark.parametrize("later", [0, 1])
def test_what_was_accepted_until_the_second_of_the_request_is_dropped_and_the_rest_is_posted(
    stack: Stack, later: int
) -> None:
    response = rides(MEI, LI)
    stack.clock.instant += later
    begin_erasure(stack, MEI)

    stack.deliver_reported()

    assert said(stack, response) == [ERASED, POSTED]
    assert stack.periods_of(MEI) == []
    assert len(stack.periods_of(LI)) == 1


def test_what_was_accepted_before_is_dropped_after_the_erasure_too(stack: Stack) -> None:
    early = rides(MEI)
    finish_erasure(stack, begin_erasure(stack, MEI))
    late = rides(MEI, LI)

    stack.deliver_reported()

    assert said(stack, early) == [ERASED]
    assert said(stack, late) == [POSTED, POSTED]
    assert [len(period.entries) for period in stack.periods_of(MEI)] == [1]


def test_what_is_accepted_after_the_request_waits_for_the_end_and_what_comes_with_it_is_posted(
    stack: Stack, lines: Lines
) -> None:
    mark = begin_erasure(stack, MEI)
    stack.clock.instant += 1
    response = rides(MEI, LI)
    bodies = stack.receive_all(stack.actions_url)

    assert stack.accrue(*bodies) == ["m-0"]
    assert said(stack, response) == [WAITING, POSTED]
    assert stack.periods_of(MEI) == []
    assert not [line for line in lines.taken() if MEI in line or LI in line]
    finish_erasure(stack, mark)
    assert stack.accrue(*bodies) == []
    assert said(stack, response) == [POSTED, POSTED]
    assert [len(stack.periods_of(user_id)) for user_id in (MEI, LI)] == [1, 1]


def test_what_comes_in_the_seconds_after_the_end_still_waits(stack: Stack) -> None:
    mark = begin_erasure(stack, MEI)
    finish_erasure(stack, mark)
    stack.clock.instant -= 1
    rides(MEI)

    assert stack.accrue(*stack.receive_all(stack.actions_url)) == ["m-0"]


def test_reversals_of_an_erased_person_are_dropped_and_keep_nothing(stack: Stack) -> None:
    ride = reported(action_id="ride-1", user_id=MEI)
    fields = {name: ride[name] for name in ("action_id", "user_id", "occurred_at")}
    response = report_reversals(fields | {"reason": "refund"})
    begin_erasure(stack, MEI)

    stack.deliver_reported()

    assert said(stack, response) == [ERASED]
    assert not list(stack.ledger.query(f"USER#{MEI}", "0", "~"))


def test_an_action_with_evidence_of_an_erased_person_is_dropped_and_claims_nothing(stack: Stack) -> None:
    response = report_actions(reported(user_id=MEI, evidence_id="e-1"), reported(user_id=LI, evidence_id="e-1"))
    begin_erasure(stack, MEI)

    stack.deliver_reported()

    assert said(stack, response) == [ERASED, POSTED]
    assert not list(stack.ledger.query(f"USER#{MEI}", "0", "~"))


def test_a_receipt_that_was_complete_before_the_erasure_stays_as_it_is(stack: Stack) -> None:
    response = rides(MEI)
    bodies = stack.receive_all(stack.actions_url)
    assert stack.accrue(*bodies) == []
    begin_erasure(stack, MEI)

    assert stack.accrue(*bodies) == []

    assert said(stack, response) == [POSTED]


def test_a_message_for_a_facility_with_the_id_of_an_erased_person_is_posted(stack: Stack) -> None:
    stack.seed("action-types", green_power=make_action_type(points=None, actor="facility"))
    begin_erasure(stack, FACILITY.id)
    kwh = make_action("kwh", type="green_power", owner=FACILITY)

    assert stack.accrue_all([kwh]) == []

    assert stack.periods_of(FACILITY.id) == []
    assert len(list(stack.ledger.query(f"FACILITY#{FACILITY.id}", "0", "~"))) == 1


@pytest.mark.parametrize("is_lifted", [False, True])
def test_a_withdrawal_from_a_period_that_does_not_exist_changes_nothing(stack: Stack, *, is_lifted: bool) -> None:
    [body] = pack_withdrawals(APP, NOON, [Withdrawal(APP, USER, "ride-1", "2026-06-05", is_lifted=is_lifted)])

    assert stack.accrue(body) == []

    assert not list(stack.ledger.query(f"USER#{USER.id}", "0", "~"))


def test_a_withdrawal_that_was_found_before_the_end_does_not_reach_the_person_who_comes_after(stack: Stack) -> None:
    mark = begin_erasure(stack)
    stack.clock.instant += 60
    [body] = pack_withdrawals(APP, stack.clock.instant, [Withdrawal(APP, USER, "ride-1", "2026-06-05")])
    during = stack.accrue(body)
    finish_erasure(stack, mark)
    assert stack.accrue_all([make_action("ride-1")]) == []

    after = stack.accrue(body)

    assert (during, after) == ([], [])
    [period] = stack.periods_of(USER.id)
    assert [entry.void for entry in period.entries.values()] == [""]


def test_each_person_of_a_batch_is_read_once_in_batches_of_100_and_no_facility(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.seed("action-types", green_power=make_action_type(points=None, actor="facility"))
    begin_erasure(stack, MEI)
    people = [Owner("user", f"u-{number}") for number in range(150)]
    actions = [make_action(f"{n}-{owner.id}", owner=owner) for owner in people for n in range(2)]
    kwh = make_action("kwh", type="green_power", owner=FACILITY)
    catalog = stack.catalog_store.catalog()
    bodies = [
        body
        for found in (actions[:200], actions[100:], [kwh])
        for body in action_bodies(APP, NOON, [one.on_terms_of(catalog, CALENDAR) for one in found])
    ]
    read: list[tuple[int, bool]] = []
    get_many = Table.get_many

    def counted(table: Table, keys: object, *, consistent: bool, only: str = "") -> object:
        found = list(keys)  # type: ignore[call-overload]
        if found and found[0].pk.startswith("ERASED#"):
            read.append((len(found), consistent))
        return get_many(table, found, consistent=consistent, only=only)

    monkeypatch.setattr(Table, "get_many", counted)

    assert stack.accrue(*bodies) == []

    assert read == [(100, True), (50, True)]
