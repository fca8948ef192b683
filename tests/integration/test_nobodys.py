"""Trees that are nobody's: they stay counted and are reported on as before, and nothing names their person."""

import pytest

from operations import recount as command
from operations.ledger_reading import scan
from saxaul.catalog.calendar import Calendar
from saxaul.storage.nobody import move_writes
from saxaul.storage.table import Item, TransactionRefusedError, transact
from saxaul.trees.nobody import MovedToNobody, moved_to_nobody
from saxaul.trees.redemptions import MAX_TREES_PER_REDEMPTION, MAX_TRIES
from saxaul.trees.states import State
from tests.builders import USER, confirmation, failure, inspection, make_calendar, make_redemption
from tests.integration.erasing import move_to_nobody
from tests.integration.stack import Stack, confirm, redeem, report
from tests.integration.test_impact import Stream, impact, tally

CALENDAR: Calendar = make_calendar()
MEI = "u-mei"
"""The person whose trees become nobody's. No other text has these characters."""


@pytest.fixture
def seeded(stack: Stack) -> Stack:
    stack.seed_catalog(saplings=100)
    stack.add_wallet(16_000, MEI)
    return stack


def ordered(stack: Stack, trees: int = 1, key: str = "key-1") -> tuple[str, list[str]]:
    """Redeem trees of Mei and order them. Return the id of the redemption, and the numbers of its trees."""
    body = redeem(key, MEI, trees=trees, dedication="For my grandmother").body
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []
    stack.run_planting_batch()
    return body["redemption_id"], body["certificates"]


def items_of_mei(stack: Stack) -> list[Item]:
    """Return the items that name Mei, her wallet apart."""
    return [item for item in scan(stack.ledger) if MEI in str(item) and item["sk"] != "WALLET"]


def faults(stack: Stack) -> list[str]:
    """Return the faults, without those of wallets: no test earned what it spends."""
    return [fault for fault in stack.faults() if "spen" not in fault]


def moved_by(stack: Stack, redemption_id: str) -> MovedToNobody:
    redemption = stack.redemption(redemption_id, MEI)
    orders = stack.orders.get_many({order_id for tree in redemption.trees for order_id in tree.orders})
    return moved_to_nobody(redemption, orders, stack.clock.now(), CALENDAR)


def test_no_item_names_the_person_any_more_and_all_items_agree(seeded: Stack) -> None:
    redemption_id, numbers = ordered(seeded, trees=3)
    [order_id] = seeded.order_ids()
    confirm(order_id, confirmation(numbers[0]))
    assert faults(seeded) == []

    nobodys = move_to_nobody(seeded, redemption_id, MEI)

    assert items_of_mei(seeded) == []
    assert faults(seeded) == []
    assert [seeded.redemptions.of_certificate(number) for number in numbers] == [nobodys] * 3
    assert "For my grandmother" not in str(list(scan(seeded.ledger)))
    assert list(seeded.redemptions.forest(nobodys.user_id)) == []


def test_a_move_is_refused_if_the_redemption_or_its_order_has_changed(seeded: Stack) -> None:
    redemption_id, [number] = ordered(seeded)
    [order_id] = seeded.order_ids()
    early = moved_by(seeded, redemption_id)
    confirm(order_id, confirmation(number))
    late = moved_by(seeded, redemption_id)
    order = seeded.orders.get(order_id)
    assert order

    with pytest.raises(TransactionRefusedError):
        transact(move_writes(seeded.ledger, early))
    transact([seeded.ledger.put_write(item_of(seeded, f"ORDER#{order_id}"), order.version)])
    with pytest.raises(TransactionRefusedError):
        transact(move_writes(seeded.ledger, late))
    assert seeded.redemption(redemption_id, MEI).state is State.PLANTED


def item_of(stack: Stack, pk: str) -> Item:
    [found] = [item for item in scan(stack.ledger) if item["pk"] == pk]
    return found


def test_the_largest_redemption_with_as_many_orders_as_it_can_have_fits_one_transaction(seeded: Stack) -> None:
    """Each tree fails alone each time, so that each time it gets an order of its own."""
    redemption_id, numbers = ordered(seeded, MAX_TREES_PER_REDEMPTION)
    for number in numbers:
        for tried in range(MAX_TRIES - 1):
            order_id = seeded.redemption(redemption_id, MEI).tree(number).order_id
            assert report("failures", order_id, failure(number, reason=f"dry {tried}")).body["accepted"] == 1
            seeded.clock.instant += 1
            seeded.run_planting_batch()
        order_id = seeded.redemption(redemption_id, MEI).tree(number).order_id
        assert confirm(order_id, confirmation(number)).body["accepted"] == 1
    moved = moved_by(seeded, redemption_id)

    writes = move_writes(seeded.ledger, moved)

    orders = 1 + MAX_TREES_PER_REDEMPTION * (MAX_TRIES - 1)
    assert len(moved.orders) == orders
    assert len(writes) == 2 + 2 * MAX_TREES_PER_REDEMPTION + orders
    transact(writes)
    assert items_of_mei(seeded) == []
    assert faults(seeded) == []


def test_partners_report_on_trees_of_nobody_as_before(seeded: Stack) -> None:
    redemption_id, [number] = ordered(seeded)
    [order_id] = seeded.order_ids()
    nobodys = move_to_nobody(seeded, redemption_id, MEI)
    seeded.clock.instant += 600

    reports = [
        ("confirmations", confirmation(number)),
        ("inspections", inspection(number, "dead")),
        ("inspections", inspection(number, "replaced")),
    ]
    for name, body in reports:
        assert report(name, order_id, body).body == {"accepted": 1, "refused": []}

    assert seeded.redemption(redemption_id, nobodys.user_id).trees[0].state is State.REPLACED
    assert faults(seeded) == []


def test_a_tree_of_nobody_that_fails_is_ordered_again_and_at_last_nobody_gets_the_points(seeded: Stack) -> None:
    redemption_id, [number] = ordered(seeded)
    nobodys = move_to_nobody(seeded, redemption_id, MEI)
    wallet = seeded.wallet(MEI)
    for tried in range(MAX_TRIES):
        order_id = seeded.redemption(redemption_id, nobodys.user_id).trees[0].order_id
        assert report("failures", order_id, failure(number, reason=f"dry {tried}")).body["accepted"] == 1
        seeded.clock.instant += 1
        assert len(seeded.run_planting_batch()) == (tried < MAX_TRIES - 1)

    assert seeded.redemption(redemption_id, nobodys.user_id).state is State.REFUNDED
    assert seeded.wallet(MEI) == wallet
    assert items_of_mei(seeded) == []


def test_the_totals_count_a_tree_once_before_and_after_it_becomes_nobodys(
    seeded: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(seeded.clock), "sleep", lambda *_: None)
    stream = Stream()
    redemption_id, [number] = ordered(seeded)
    [order_id] = seeded.order_ids()
    tally(*stream.records())

    move_to_nobody(seeded, redemption_id, MEI)
    tally(*stream.records())
    moved = impact().body["tree_counts"]
    confirm(order_id, confirmation(number))
    tally(*stream.records())

    assert moved["ordered"] == 1
    assert impact().body["tree_counts"]["ordered"] == 0
    lines: list[str] = []
    assert command.recount(seeded.ledger, CALENDAR, lines.append).is_complete
    assert lines == []


def test_a_redemption_of_another_person_is_not_touched(seeded: Stack) -> None:
    seeded.add_wallet(160)
    body = redeem("other").body
    redemption_id, _ = ordered(seeded)
    other = seeded.redemption(body["redemption_id"])

    move_to_nobody(seeded, redemption_id, MEI)

    assert seeded.redemption(body["redemption_id"]) == other
    assert other.user_id == USER.id
    [order] = seeded.orders.get_many(seeded.order_ids()).values()
    assert USER.id in {tree.user_id for tree in order.trees}
    assert make_redemption().is_nobodys is False
