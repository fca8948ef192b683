"""Trees whose person was erased: they are nobody's, their dedications are gone, and the log says so."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.ledger.identifiers import is_identifier
from saxaul.log.lives import next_life
from saxaul.trees.nobody import MovedToNobody, moved_to_nobody
from saxaul.trees.redemptions import Redemption, Seal
from saxaul.trees.report_rules import (
    ApplyReports,
    apply_confirmations,
    apply_corrections,
    apply_failures,
    apply_inspections,
)
from saxaul.trees.statements import Statement
from saxaul.trees.states import IllegalTransitionError, State
from tests.builders import (
    FIRST,
    NOON,
    ORDER,
    ORDERED,
    SECOND,
    USER,
    apply_reports,
    confirmation,
    correction,
    failure,
    inspection,
    make_calendar,
    make_order,
    make_redemption,
)

CALENDAR = make_calendar()
DEDICATED = ORDERED._replace(dedication="For Mei", version=3)
ORDERS = {ORDER.order_id: ORDER._replace(version=7)}
PHOTO = sha256(b"a photo").hexdigest()


def moved(redemption: Redemption) -> MovedToNobody:
    return moved_to_nobody(redemption, ORDERS, NOON + 90, CALENDAR)


def after_reports(
    redemption: Redemption, *reports: object, apply: ApplyReports = apply_confirmations
) -> tuple[Redemption, Sequence[Statement]]:
    """Apply a partner's reports. Return the redemption that they change, and the statements for the log."""
    [change] = apply_reports(apply, *reports, redemption=redemption).changes
    return change.redemption, change.statements


def seals_of(redemption: Redemption) -> list[Seal]:
    return [tree.seal for tree in redemption.trees if tree.seal]


def test_a_redemption_of_nobody_is_named_after_its_first_tree_and_loses_its_dedication() -> None:
    found = moved(DEDICATED)

    assert found.before == DEDICATED
    assert found.after == DEDICATED._replace(user_id=f"#{FIRST}", dedication="", version=0)
    assert found.after.is_nobodys
    assert not DEDICATED.is_nobodys
    assert not is_identifier(found.after.user_id), "no person can have this id"


def test_the_orders_of_its_trees_name_nobody_and_still_list_the_other_trees() -> None:
    other = make_redemption("r-2").reserved(NOON).ordered("o-1", NOON)
    order = make_order(ORDERED, other)._replace(version=7)

    found = moved_to_nobody(ORDERED, {"o-1": order}, NOON, CALENDAR)

    [after] = found.orders
    assert [tree.user_id for tree in after.trees] == [f"#{FIRST}", f"#{FIRST}", USER.id]
    assert [tree[1:] for tree in after.trees] == [tree[1:] for tree in order.trees]
    assert after.version == 7


def test_each_planted_tree_with_a_dedication_gets_a_statement_that_it_was_erased() -> None:
    planted, [first] = after_reports(DEDICATED, confirmation(FIRST, photo=PHOTO))

    found = moved(planted)

    [statement] = found.statements
    leaf = statement.leaf
    assert (leaf.certificate, leaf.event, leaf.by, leaf.state) == (FIRST, "dedication_erased", "", "planted")
    assert leaf.occurred_at == leaf.recorded_at == CALENDAR.rfc3339(NOON + 90)
    assert (leaf.photo, leaf.link) == ("", "")
    assert (leaf.previous, leaf.since) == (first.leaf.hash.hex(), 0)
    assert leaf.particulars == first.leaf.particulars, "the log commits to the dedication without showing it"
    assert (statement.number, statement.recorded_at) == (2, NOON + 90)
    assert [seal.salt for seal in seals_of(found.after)] == [None]
    assert seals_of(found.after)[0].dedication_digest == seals_of(planted)[0].dedication_digest
    assert found.after.tree(FIRST).chain.statements == 2
    assert found.after.tree(FIRST).history == planted.tree(FIRST).history
    assert found.after.tree(SECOND).seal is None


def test_a_tree_without_a_dedication_keeps_its_salt_and_gets_no_statement() -> None:
    planted, _ = after_reports(ORDERED, confirmation(FIRST))

    found = moved(planted)

    assert found.statements == []
    assert found.after.trees == planted.trees


def test_a_redemption_without_ordered_trees_cannot_be_nobodys() -> None:
    with pytest.raises(IllegalTransitionError):
        moved(make_redemption().reserved(NOON))


def test_a_tree_that_failed_leaves_each_of_its_orders_to_nobody() -> None:
    failed, _ = after_reports(DEDICATED, failure(FIRST), failure(SECOND), apply=apply_failures)
    again = failed.ordered("o-2", NOON)

    found = moved_to_nobody(again, ORDERS | {"o-2": make_order(again, order_id="o-2")}, NOON, CALENDAR)

    assert [order.order_id for order in found.orders] == ["o-1", "o-2"]
    assert {tree.user_id for order in found.orders for tree in order.trees} == {f"#{FIRST}"}


REPORTS: Mapping[str, tuple[ApplyReports, Callable[[int], object]]] = {
    "alive": (apply_inspections, lambda n: inspection(FIRST, "alive", inspector=str(n))),
    "dead": (apply_inspections, lambda n: inspection(FIRST, "dead", inspector=str(n))),
    "replaced": (apply_inspections, lambda n: inspection(FIRST, "replaced", tag=f"N-{n}", lat=38.9 + n / 1000)),
    "corrected": (apply_corrections, lambda n: correction(FIRST, tag=f"T-{n}")),
}


@given(st.lists(st.sampled_from(sorted(REPORTS)), max_size=6), st.integers(0, 6))
def test_the_statements_about_an_erased_dedication_follow_the_rules_of_the_log(events: list[str], when: int) -> None:
    redemption, said = after_reports(DEDICATED, confirmation(FIRST))
    life = next_life(None, said[0].leaf)
    for number, event in enumerate([*events[:when], "erased", *events[when:]]):
        if event == "erased":
            found = moved(redemption)
            redemption, statements = found.after, found.statements
        else:
            apply, report = REPORTS[event]
            outcome = apply_reports(apply, report(number), redemption=redemption)
            statements = [one for change in outcome.changes for one in change.statements]
            redemption = next((change.redemption for change in outcome.changes), redemption)
        for statement in statements:
            life = next_life(life, statement.leaf)
            assert statement.number == redemption.tree(FIRST).chain.statements

    assert life.is_erased
    assert redemption.is_nobodys
    assert seals_of(redemption)[0].salt is None


def test_a_tree_of_nobody_that_is_planted_later_has_no_dedication_to_erase() -> None:
    nobodys = moved(DEDICATED).after

    planted, [statement] = after_reports(nobodys, confirmation(FIRST))

    assert statement.leaf.event == "planted"
    assert seals_of(planted)[0].salt is not None
    assert planted.tree(FIRST).state is State.PLANTED
