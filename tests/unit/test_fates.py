"""Fates: what a receipt says of each outcome, and how a message that is delivered again recognises its own work."""

from dataclasses import replace
from decimal import Decimal

import pytest

from saxaul.catalog.entries import Cap
from saxaul.ledger.actions import Reversal
from saxaul.ledger.awards import Terms
from saxaul.ledger.early import EarlyReversal
from saxaul.ledger.fates import fate_of_action, fate_of_reversal, mark_of
from saxaul.ledger.periods import PeriodDraft
from saxaul.ledger.receipts import FATES, Fate
from tests.builders import DAY, NOON, USER, make_action, make_action_type, make_calendar, make_entry, make_period

CALENDAR = make_calendar()
RULE = make_action_type(caps=(Cap(window="day", units=Decimal(5)),))
OURS, THEIRS = "ours", "them"
RIDE = make_action()._replace(receipt=OURS)
STEPS = RIDE._replace(action_id="steps", is_total=True)


def draft() -> PeriodDraft:
    return PeriodDraft(make_period(version=0), Terms(CALENDAR, lambda *_: RULE), NOON)


def reversal(receipt: str) -> Reversal:
    return Reversal(RIDE.app, USER, RIDE.action_id, "refund", NOON, receipt)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, Fate("posted")),
        ({"reason": "over_units_cap"}, Fate("posted", "over_units_cap")),
        ({"reason": "over_points_cap"}, Fate("posted", "over_points_cap")),
        ({"quantity": Decimal(9), "counted": Decimal(4)}, Fate("posted", "over_plausible_quantity")),
        ({"points": 0}, Fate("posted")),
        ({"points": 0, "reason": "over_units_cap"}, Fate("withheld", "over_units_cap")),
        ({"points": 0, "reason": "over_points_cap"}, Fate("withheld", "over_points_cap")),
        ({"points": 0, "reason": "too_small_to_earn"}, Fate("withheld", "too_small_to_earn")),
        ({"points": 0, "void": "same_evidence"}, Fate("withheld", "same_evidence")),
        ({"points": 0, "void": "repeated_id"}, Fate("withheld", "repeated_id")),
        ({"points": 0, "reversal": "refund"}, Fate("withheld", "reversed")),
    ],
)
def test_what_a_receipt_says_of_its_own_action_follows_from_the_entry(changes: dict[str, object], said: Fate) -> None:
    entry = replace(make_entry(counted=Decimal(1), units=Decimal(1)), **changes)  # type: ignore[arg-type]

    for outcome in ("posted", "raised", "redelivered"):
        assert FATES[fate_of_action(outcome, entry)] == said


def test_what_a_receipt_says_of_other_actions_follows_from_the_outcome() -> None:
    entry = make_entry()

    assert FATES[fate_of_action("replayed", entry)] == Fate("replayed")
    assert FATES[fate_of_action("conflicted", entry)] == Fate("conflicted")
    assert FATES[fate_of_action("unrecorded", None)] == Fate("withheld", "no_room")
    assert {FATES[fate_of_action(outcome, None)] for outcome in ("summed", "replayed")} == {Fate("posted", "summed")}


def test_each_character_of_a_receipt_is_given_by_an_outcome_except_those_of_intake_operators_and_erasures() -> None:
    entries = [
        make_entry(),
        *(make_entry(points=p, reason=r) for p in (0, 1) for r in ("over_units_cap", "over_points_cap")),
        make_entry(points=0, reason="too_small_to_earn"),
        make_entry(counted=Decimal("0.5")),
        *(make_entry(points=0, void=void) for void in ("same_evidence", "repeated_id")),
        make_entry(points=0, reversal="x"),
    ]
    of_actions = {fate_of_action("posted", entry) for entry in entries}
    of_actions |= {fate_of_action(outcome, make_entry()) for outcome in ("replayed", "conflicted", "summed")}
    of_reversals = ("reversed", "redelivered", "replayed", "summed", "kept", "unrecorded")

    found = of_actions | {fate_of_action("unrecorded", None)} | {fate_of_reversal(outcome) for outcome in of_reversals}

    assert found == FATES.keys() - {"w", "d", "g"}


def test_a_repeat_is_redelivered_under_its_own_mark_and_replayed_under_another() -> None:
    posted = draft()
    posted.post(RIDE)

    assert posted.post(RIDE) == "redelivered"
    assert posted.post(RIDE._replace(receipt=THEIRS)) == "replayed"
    assert posted.post(RIDE._replace(receipt="")) == "replayed"
    assert posted.post(RIDE._replace(quantity=Decimal(2))) == "conflicted"


def test_a_running_total_knows_the_receipt_that_it_first_came_under_and_the_one_that_last_raised_it() -> None:
    posted = draft()
    posted.post(STEPS)
    posted.post(STEPS._replace(quantity=Decimal(2), receipt="once"))
    posted.post(STEPS._replace(quantity=Decimal(3), receipt=THEIRS))

    outcomes = {mark: posted.post(STEPS._replace(receipt=mark)) for mark in (OURS, "once", THEIRS, "none")}

    assert outcomes == {OURS: "redelivered", "once": "replayed", THEIRS: "redelivered", "none": "replayed"}


def test_a_receipt_that_raises_its_own_total_is_named_once() -> None:
    posted = draft()
    posted.post(STEPS)
    posted.post(STEPS._replace(quantity=Decimal(2)))

    [entry] = posted.posted().entries.values()

    assert (entry.receipt, entry.raised_by) == (OURS, "")


def test_a_reversal_is_redelivered_under_its_own_mark() -> None:
    posted = draft()
    posted.post(RIDE)

    outcomes = [posted.reverse(reversal(mark)) for mark in (THEIRS, THEIRS, OURS, "")]

    assert outcomes == ["reversed", "redelivered", "replayed", "replayed"]


def test_an_early_reversal_is_recognised_when_its_action_has_arrived() -> None:
    posted = draft()
    posted.post(RIDE, EarlyReversal("refund", NOON, THEIRS))

    assert posted.post(RIDE) == "redelivered"
    assert posted.reverse(reversal(THEIRS)) == "redelivered"
    assert posted.reverse(reversal(OURS)) == "replayed"


def test_a_sum_keeps_no_mark_and_a_repeat_of_its_actions_is_not_told_apart() -> None:
    posted = draft()
    for number in range(300):
        posted.post(RIDE._replace(action_id=f"ride-{number}", occurred_at=NOON - number % 2 * DAY))

    sums = [entry for entry in posted.posted().entries.values() if entry.summed]

    assert sums
    assert {entry.receipt for entry in sums} == {""}
    assert posted.post(RIDE._replace(action_id="ride-299", occurred_at=NOON - DAY)) == "replayed"


def test_a_mark_has_twenty_four_bits_of_a_receipt_id() -> None:
    assert mark_of("Zk3vQm81tPa0_xYw") == "Zk3v"
    assert mark_of("") == ""
