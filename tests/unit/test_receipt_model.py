"""The model of receipts, with which the test under load compares what the stack says, finds each kind of fault."""

from typing import Any

import pytest

from tests.e2e.receipt_model import Sent, wrong_receipts

RIDE = {"action_id": "ride-1", "user_id": "mei", "type": "bus_ride", "quantity": 1, "occurred_at": "2026-06-05T08:30"}
OTHER = RIDE | {"occurred_at": "2026-06-05T08:31"}
STEPS = [RIDE | {"mode": "total", "quantity": quantity} for quantity in (1, 2, 3)]
REVERSAL = {"action_id": "ride-1", "user_id": "mei", "occurred_at": "2026-06-05T08:30", "reason": "refund"}
POSTED, REPLAYED, CONFLICTED = ("posted", ""), ("replayed", ""), ("conflicted", "")

Fate = tuple[str, str]
Told = tuple[dict[str, Any], Fate]


def faults(*calls: list[Told], repeated: tuple[int, ...] = ()) -> list[str]:
    """Return the faults of calls of one app, each with items and what its receipt says of them."""
    sent, receipts = [], {}
    for number, told in enumerate(calls):
        name = "reversals" if "reason" in told[0][0] else "actions"
        refused = [place for place, (_, (status, _)) in enumerate(told) if status == "refused"]
        sent.append(Sent("alipay", name, [item for item, _ in told], f"r-{number}", refused, number in repeated))
        receipts[f"r-{number}"] = receipt_of(name, [fate for _, fate in told])
    return wrong_receipts(sent, receipts)


def receipt_of(kind: str, fates: list[Fate]) -> dict[str, Any]:
    statuses = [status for status, _ in fates]
    items = [
        {"index": place, "status": status} | ({"reason": reason} if reason else {})
        for place, (status, reason) in enumerate(fates)
    ]
    accepted = len(fates) - statuses.count("refused")
    counts = {status: statuses.count(status) for status in {*statuses, "waiting", "refused"}}
    return {"kind": kind, "accepted": accepted, "counts": counts, "items": items}


@pytest.mark.parametrize(
    "calls",
    [
        [[(RIDE, POSTED)]],
        [[(RIDE, ("withheld", "over_units_cap"))], [(RIDE, REPLAYED)], [(OTHER, CONFLICTED)]],
        [[(RIDE, CONFLICTED)], [(OTHER, POSTED)], [(RIDE, CONFLICTED)], [(OTHER, REPLAYED)]],
        [[(RIDE, POSTED), (RIDE, POSTED), (OTHER, ("refused", ""))]],
        [[(RIDE, ("posted", "summed"))], [(OTHER, ("posted", "summed"))]],
        [[(RIDE, ("withheld", "no_room"))], [(RIDE, ("withheld", "no_room"))]],
        [[(STEPS[0], POSTED)], [(STEPS[2], POSTED)], [(STEPS[1], REPLAYED)], [(STEPS[2], REPLAYED)]],
        [[(RIDE, POSTED)], [(REVERSAL, ("reversed", ""))]],
        [[(RIDE, ("withheld", "reversed"))], [(REVERSAL, ("nothing_to_reverse", "kept"))]],
        [[(REVERSAL, ("nothing_to_reverse", "kept"))]],
    ],
)
def test_receipts_that_are_right_have_no_faults(calls: list[list[Told]]) -> None:
    assert faults(*calls) == []


@pytest.mark.parametrize(
    "calls",
    [
        [[(RIDE, ("waiting", ""))]],
        [[(RIDE, ("dropped", ""))]],
        [[(RIDE, POSTED)], [(RIDE, POSTED)]],
        [[(RIDE, POSTED)], [(RIDE, CONFLICTED)]],
        [[(RIDE, POSTED)], [(OTHER, REPLAYED)]],
        [[(RIDE, POSTED), (OTHER, POSTED)]],
        [[(RIDE, REPLAYED)]],
        [[(RIDE, ("posted", "summed"))], [(RIDE, REPLAYED)]],
        [[(STEPS[0], POSTED)], [(STEPS[2], REPLAYED)]],
        [[(STEPS[0], POSTED)], [(STEPS[2], POSTED)], [(STEPS[2], POSTED)]],
        [[(STEPS[0], CONFLICTED)], [(STEPS[2], POSTED)]],
        [[(RIDE, POSTED)], [(REVERSAL, ("nothing_to_reverse", "kept"))]],
        [[(RIDE, POSTED)], [(REVERSAL, ("nothing_to_reverse", "not_kept"))]],
        [[(RIDE, POSTED)], [(REVERSAL, REPLAYED)]],
        [[(REVERSAL, ("reversed", ""))]],
    ],
)
def test_each_kind_of_wrong_receipt_is_a_fault(calls: list[list[Told]]) -> None:
    assert faults(*calls) != []


@pytest.mark.parametrize("change", [{"accepted": 2}, {"kind": "reversals"}, {"counts": {"posted": 2}}, {"items": []}])
def test_a_receipt_that_does_not_fit_its_call_is_a_fault(change: dict[str, Any]) -> None:
    receipt = receipt_of("actions", [POSTED]) | change

    assert wrong_receipts([Sent("alipay", "actions", [RIDE], "r-0", [], was_repeated=False)], {"r-0": receipt})


def test_a_call_whose_response_was_lost_may_be_the_one_that_came_first() -> None:
    assert faults([(RIDE, REPLAYED)], [(RIDE, REPLAYED)], repeated=(0,)) == []
    assert faults([(RIDE, REPLAYED)], [(OTHER, CONFLICTED)], repeated=(0,)) == []
    assert faults([(RIDE, REPLAYED)], [(OTHER, REPLAYED)], repeated=(0,)) != []
    assert faults([(REVERSAL, REPLAYED)], repeated=(0,)) == []
