"""Reconciliation: a correct ledger gives no findings, and each injected fault is reported with its numbers."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.audit import (
    MAX_ITEM_BYTES,
    PAID,
    CrossChecks,
    Finding,
    Holdings,
    check,
    progress_findings,
    stock_findings,
)
from saxaul.catalog.entries import ActionType
from saxaul.ledger.actions import Owner
from saxaul.ledger.awards import Terms
from saxaul.ledger.entries import Entry
from saxaul.ledger.periods import Period
from saxaul.ledger.shares import digest
from saxaul.ledger.wallets import harvest, position
from saxaul.trees.orders import OrderedTree, OrderProgress
from saxaul.trees.redemptions import Redemption, Step
from saxaul.trees.states import UNPAID, State
from saxaul.trees.stock import Stock
from tests.builders import (
    DAY,
    FACILITY,
    NOON,
    USER,
    make_action_type,
    make_calendar,
    make_entry,
    make_order,
    make_period,
    make_redemption,
    make_wallet,
)

CLOSED = make_period(make_entry(points=300), window="2026-06-05")
CREDITED = replace(make_period(make_entry(points=80)), key=CLOSED.key._replace(window="2026-06"))
CREDITED = replace(CREDITED, entries={"alipay:other": make_entry(points=80)})
RESERVED = make_redemption(points=160).reserved(NOON)
WALLET = make_wallet(
    190, spent=160, credited={"2026-06": 50}, closed_through=date(2026, 6, 5), closed_g=Decimal("212.5")
)
BALANCED = Holdings(USER, WALLET, [CLOSED, CREDITED], [RESERVED, make_redemption("r-2")])


def faults(**changes: Any) -> list[str]:  # noqa: ANN401 - any field of ``Holdings``
    return [finding.detail for finding in check(replace(BALANCED, **changes)) if finding.is_fault]


def test_every_state_of_a_redemption_is_either_paid_or_unpaid() -> None:
    assert set(State) == PAID | UNPAID
    assert not PAID & UNPAID


def test_holdings_that_add_up_have_no_findings() -> None:
    assert check(BALANCED) == []
    assert (BALANCED.earned, BALANCED.ripening) == (380, 30)


def test_a_full_period_is_reported_as_information() -> None:
    full = replace(CREDITED, full=frozenset({"alipay"}))
    detail = "period 2026-06 had no room for further actions of alipay, which earned nothing"

    assert check(replace(BALANCED, periods=[CLOSED, full])) == [Finding("user u-42", detail, is_fault=False)]


def test_empty_holdings_have_no_findings() -> None:
    assert check(Holdings(USER, make_wallet(), [])) == []


def test_an_extra_point_in_the_wallet_is_a_fault_with_its_numbers() -> None:
    assert faults(wallet=WALLET._replace(balance=191)) == [
        "earned 380 is not equal to ripening 30 + spendable 191 + spent 160: the difference is +1 points"
    ]


def test_a_point_missing_from_a_closed_period_is_a_fault() -> None:
    short = replace(CLOSED, entries={"alipay:0": make_entry(points=299)})

    assert faults(periods=[short, CREDITED]) == [
        "earned 379 is not equal to ripening 30 + spendable 190 + spent 160: the difference is +1 points"
    ]


def test_a_missing_closed_period_is_a_fault_in_points_and_grams() -> None:
    assert faults(periods=[CREDITED]) == [
        "earned 80 is not equal to ripening 30 + spendable 190 + spent 160: the difference is +300 points",
        "the wallet has 212.5 g from closed periods, but these periods hold 0 g",
    ]


def test_a_missing_credited_period_is_a_fault() -> None:
    assert faults(periods=[CLOSED]) == ["the wallet has 50 points from period 2026-06, which does not exist"]


def test_zero_points_credited_from_a_missing_period_are_not_a_fault() -> None:
    assert faults(wallet=WALLET._replace(credited={"2026-06": 50, "2026": 0})) == []


@pytest.mark.parametrize("taken", [[], [RESERVED, make_redemption("r-3", points=1).reserved(NOON)]])
def test_redemptions_that_do_not_match_the_spent_points_are_a_fault(taken: list[Redemption]) -> None:
    paid = sum(redemption.points for redemption in taken)

    assert faults(redemptions=taken) == [f"the wallet spent 160 points, but the redemptions took {paid}"]


def test_an_action_in_two_periods_is_reported_with_both_periods() -> None:
    again = replace(CREDITED, entries={"alipay:0": make_entry(points=80)})

    assert faults(periods=[CLOSED, again]) == ["action alipay:0 counts in the periods 2026-06-05 and 2026-06"]


@pytest.mark.parametrize("gone", [{"reversal": "refunded"}, {"void": "repeated_id"}])
def test_an_action_that_counts_in_one_of_two_periods_is_not_a_fault(gone: dict[str, Any]) -> None:
    entry = make_entry(points=0, avoided_g="0", units=Decimal(0), counted=Decimal(0), **gone)
    again = replace(CREDITED, entries={**CREDITED.entries, "alipay:0": entry})

    assert faults(periods=[CLOSED, again]) == []


def test_an_action_that_is_withdrawn_although_it_counts_in_no_other_period_is_a_fault() -> None:
    entry = make_entry(points=0, avoided_g="0", units=Decimal(0), counted=Decimal(0))
    withdrawn = replace(CREDITED, entries={**CREDITED.entries, "alipay:1": replace(entry, void="repeated_id")})
    undone = replace(CLOSED, entries={**CLOSED.entries, "alipay:1": replace(entry, reversal="wrong date")})
    summed = replace(CLOSED, digests={"alipay": digest("alipay:1")})

    assert faults(periods=[undone, withdrawn]) == ["action alipay:1 is withdrawn, but counts in no other period"]
    assert faults(periods=[summed, withdrawn]) == []


def test_an_entry_that_does_not_earn_what_its_rule_gives_is_a_fault_with_both_numbers() -> None:
    terms = Terms(make_calendar(), lambda _, version: make_action_type(points="5" if version == 7 else "80"))
    correct, wrong = make_entry(80), make_entry(81)
    older = make_entry(5, rule=7)

    def found(*entries: Entry) -> list[str]:
        return [finding.detail for finding in check(Holdings(USER, make_wallet(), [make_period(*entries)]), terms)]

    assert found(correct, older) == []
    assert found(correct, wrong) == [
        "action alipay:1 in period 2026-06-05 has 81 points and 212.5 g, but its rules give 80 points and 212.5 g"
    ]


def test_an_entry_of_a_version_that_does_not_exist_is_a_fault() -> None:
    def no_rule(action_type: str, version: int) -> ActionType:
        raise KeyError(action_type, version)

    terms = Terms(make_calendar(), no_rule)

    [finding] = check(Holdings(USER, make_wallet(), [make_period(make_entry(80, rule=7))]), terms)

    assert finding.is_fault
    assert "by a version that does not exist: ('bus_ride', 7)" in finding.detail


def test_an_evidence_that_is_paid_twice_or_not_at_all_is_a_fault() -> None:
    claim = make_entry(points=0, avoided_g="0", evidence_id="trip-1")
    void = replace(claim, units=Decimal(0), counted=Decimal(0), void="same_evidence")
    gone = replace(void, void="", reversal="refunded")

    def found(*entries: Entry) -> list[str]:
        return [finding.detail for finding in check(Holdings(USER, make_wallet(), [make_period(*entries)]))]

    assert found(claim, void, gone) == found(gone, gone) == []
    assert found(claim, claim) == ["evidence trip-1 has 2 claims, of which 2 count instead of one"]
    assert found(void) == ["evidence trip-1 has 1 claims, of which 0 count instead of one"]


def test_a_period_exactly_at_its_limit_is_not_a_fault() -> None:
    full = make_period(make_entry(points=0))

    assert check(Holdings(USER, make_wallet(), [full], sizes={full.key.window: MAX_ITEM_BYTES})) == []


def test_a_period_beyond_its_limit_is_a_fault() -> None:
    assert faults(sizes={"2026-06": MAX_ITEM_BYTES + 1}) == [
        "period 2026-06 takes 409601 bytes, but the limit of an item is 409600"
    ]


@pytest.mark.parametrize("left", [{"points": 80}, {"avoided_g": Decimal(1)}, {"units": Decimal(1)}])
def test_a_reversed_entry_that_still_has_points_grams_or_units_is_a_fault(left: dict[str, Any]) -> None:
    nothing: dict[str, Any] = {"points": 0, "avoided_g": Decimal(0), "units": Decimal(0), "reversal": "refunded"}
    entry = replace(make_entry(), **nothing | left)

    found = check(Holdings(USER, make_wallet(), [make_period(entry)]))

    detail = "action alipay:0 in period 2026-06-05 was reversed but still has points, grams or units"
    assert found == [Finding("user u-42", detail)]


def test_negative_points_of_an_entry_are_a_fault() -> None:
    found = check(Holdings(USER, make_wallet(), [make_period(make_entry(points=-5))]))

    assert [finding.detail for finding in found] == ["action alipay:0 in period 2026-06-05 has -5 points"]


def test_a_negative_wallet_is_reported_as_information() -> None:
    wallet = WALLET._replace(balance=-160, credited={"2026-06": -300})

    assert check(replace(BALANCED, wallet=wallet)) == [
        Finding("user u-42", "the wallet is at -160 points, because reversals took more than was left", is_fault=False)
    ]


def test_a_facility_with_points_is_a_fault_and_one_with_only_grams_is_not() -> None:
    def holdings(owner: Owner, period: Period) -> Holdings:
        return Holdings(owner, make_wallet(0, owner.id), [period])

    assert check(holdings(FACILITY, make_period(make_entry(points=0), owner=FACILITY))) == []
    assert check(holdings(FACILITY, make_period(make_entry(points=3), owner=FACILITY))) == [
        Finding("facility dc-zhangbei", "a facility cannot earn points, but this one has 3")
    ]


@given(points=st.lists(st.integers(0, 500), max_size=5), later=st.sampled_from([0, 1, 5, 20, 400]))
def test_after_a_harvest_the_holdings_add_up_and_match_the_position_that_the_api_shows(
    points: list[int], later: int
) -> None:
    periods = [make_period(make_entry(points=amount), window=f"2026-06-0{day}") for day, amount in enumerate(points, 1)]
    periods = [
        replace(period, entries={f"a:{period.key.window}": entry for entry in period.entries.values()})
        for period in periods
    ]
    calendar, now = make_calendar(), NOON + later * DAY

    wallet = harvest(make_wallet(), periods, calendar, now).wallet
    holdings = Holdings(USER, wallet, periods)

    shown = position(wallet, [period for period in periods if not wallet.is_closed(period.key.window)], calendar, now)
    assert check(holdings) == []
    assert (holdings.earned, holdings.ripening) == (shown.earned, shown.ripening)


ORDERED = RESERVED.ordered("o-1", NOON)
NUMBER = ORDERED.trees[0].number
LEADS_TO = OrderedTree("u-42", "r-1", NUMBER)


def cross_checks(
    *redemptions: Redemption, order: bool = True, certificates: tuple[OrderedTree, ...] = (LEADS_TO,)
) -> CrossChecks:
    books = CrossChecks()
    for redemption in redemptions:
        books.add_redemption(redemption)
    if order:
        books.add_order(make_order(ORDERED))
    for certificate in certificates:
        books.add_certificate(certificate)
    return books


def disagreements_of(books: CrossChecks) -> list[tuple[str, str]]:
    return [(disagreement.finding.subject, disagreement.finding.detail) for disagreement in books.disagreements()]


def test_a_matching_order_redemption_and_certificate_have_no_disagreements() -> None:
    assert disagreements_of(cross_checks(ORDERED)) == []


def test_a_tree_that_failed_and_was_ordered_again_belongs_to_both_orders() -> None:
    failed = ORDERED.stepped({NUMBER: Step(State.RESERVED, NOON, NOON, order_id="o-1", reason="frost")})
    again = failed.ordered("o-2", NOON)

    books = cross_checks(again)
    books.add_order(make_order(again, order_id="o-2"))

    assert disagreements_of(cross_checks(failed)) == disagreements_of(books) == []
    assert disagreements_of(cross_checks(again)) == [
        ("redemption r-1 of user u-42", f"has tree {NUMBER} in order o-2, which does not list it")
    ]


def test_a_refunded_tree_returns_its_points_but_not_its_sapling() -> None:
    two = make_redemption(trees=2).reserved(NOON).ordered("o-1", NOON)
    refunded = two.stepped({two.trees[0].number: Step(State.REFUNDED, NOON, NOON, order_id="o-1", reason="frost")})
    books = CrossChecks()
    books.add_redemption(refunded)
    books.add_stock(Stock("saxaul-alxa", 2, 2))

    assert check(Holdings(USER, make_wallet(-160, spent=160), [], [refunded]))[0].is_fault is False
    assert books.unbalanced_projects(NOON) == []


def test_an_ordered_tree_that_its_order_does_not_list_is_a_fault() -> None:
    assert disagreements_of(cross_checks(ORDERED, order=False)) == [
        ("redemption r-1 of user u-42", f"has tree {NUMBER} in order o-1, which does not list it")
    ]


def test_an_order_that_lists_a_reserved_tree_is_a_fault() -> None:
    assert disagreements_of(cross_checks(RESERVED)) == [
        ("order o-1", f"lists tree {NUMBER} of redemption r-1 of user u-42, which does not name this order")
    ]


def test_a_tree_in_two_orders_is_a_fault_of_the_second() -> None:
    books = cross_checks(ORDERED)
    books.add_order(make_order(ORDERED, order_id="o-2"))

    assert [subject for subject, _ in disagreements_of(books)] == ["order o-2"]


def test_a_tree_listed_twice_in_one_order_is_a_fault() -> None:
    books = cross_checks(ORDERED)
    books.add_order(make_order(ORDERED))

    assert [subject for subject, _ in disagreements_of(books)] == ["order o-1"]


def test_an_order_for_another_project_than_its_redemption_is_a_fault_of_both() -> None:
    books = cross_checks(ORDERED, order=False)
    books.add_order(make_order(ORDERED)._replace(project_id="elsewhere"))

    assert {subject for subject, _ in disagreements_of(books)} == {"order o-1", "redemption r-1 of user u-42"}


def test_a_certificate_that_leads_to_another_redemption_is_a_fault_of_both() -> None:
    books = cross_checks(RESERVED, order=False, certificates=(LEADS_TO._replace(user_id="u-43"),))

    assert disagreements_of(books) == [
        ("redemption r-1 of user u-42", f"has tree {NUMBER}, whose certificate does not lead to it"),
        (f"certificate {NUMBER}", "leads to redemption r-1 of user u-43, which has no such tree"),
    ]


def test_a_certificate_may_exist_before_its_redemption_is_settled() -> None:
    assert disagreements_of(cross_checks(make_redemption("r-1", trees=0), order=False)) != []
    assert disagreements_of(cross_checks(RESERVED._replace(state=State.REQUESTED), order=False)) == []


DONE = ORDERED.stepped({NUMBER: Step(State.RESERVED, NOON, NOON, order_id="o-1", reason="frost")})
PROGRESS = OrderProgress.of(make_order(ORDERED), open_trees=1)
WRONG_FIELDS: list[tuple[str, object]] = [
    ("project_id", "elsewhere"),
    ("partner", "another"),
    ("ordered_at", NOON + 1),
    ("trees", 2),
    ("open_trees", 0),
    ("is_announced", True),
]


@pytest.mark.parametrize(("redemption", "open_trees"), [(ORDERED, 1), (DONE, 0)])
def test_an_order_balances_only_with_its_progress(redemption: Redemption, open_trees: int) -> None:
    progress = PROGRESS._replace(open_trees=open_trees, version=3)
    alone, books = cross_checks(redemption), cross_checks(redemption)
    books.add_progress(progress)

    assert (alone.unbalanced_orders(), books.unbalanced_orders()) == (["o-1"], [])
    assert progress_findings("o-1", make_order(ORDERED), {"r-1": redemption}, progress) == []
    assert progress_findings("o-1", make_order(ORDERED), {"r-1": redemption}, None) == [
        Finding("order o-1", "has no progress")
    ]


@pytest.mark.parametrize("open_trees", [0, 1])
def test_a_progress_without_an_order_and_redemptions_is_a_fault(open_trees: int) -> None:
    books = CrossChecks()
    books.add_progress(PROGRESS._replace(open_trees=open_trees))

    assert books.unbalanced_orders() == ["o-1"]
    assert progress_findings("o-1", None, {}, PROGRESS) == [Finding("order o-1", "has a progress, but does not exist")]
    assert progress_findings("o-1", None, {}, None) == []


def test_each_field_of_a_progress_is_compared() -> None:
    assert {*OrderProgress._fields} == {"order_id", "version", *(name for name, _ in WRONG_FIELDS)}


@pytest.mark.parametrize(("name", "value"), WRONG_FIELDS)
def test_a_progress_with_a_wrong_field_is_a_fault_with_both_values(name: str, value: object) -> None:
    wrong, books = PROGRESS._replace(**{name: value}), cross_checks(ORDERED)  # type: ignore[arg-type]
    books.add_progress(wrong)

    [finding] = progress_findings("o-1", make_order(ORDERED), {"r-1": ORDERED}, wrong)

    right = getattr(PROGRESS, name)
    details = {f"has a progress with {name} {value!r} instead of {right!r}"}
    if name == "open_trees":
        details = {"counts 0 open trees, but its redemptions have 1"}
    assert (finding.subject, {finding.detail}, books.unbalanced_orders()) == ("order o-1", details, ["o-1"])


def test_the_open_trees_are_not_compared_if_a_redemption_is_missing() -> None:
    wrong = PROGRESS._replace(open_trees=0, partner="another")

    [finding] = progress_findings("o-1", make_order(ORDERED), {}, wrong)

    assert finding.detail == f"has a progress with partner 'another' instead of {PROGRESS.partner!r}"


@pytest.mark.parametrize(
    ("stock", "trees", "expected"),
    [
        (Stock("p", 10, 3), 3, []),
        (Stock("p", 10, 3), 2, ["reserved 3 saplings, but its redemptions took 2"]),
        (Stock("p", 2, 3), 3, ["reserved 3 of 2 saplings: it is oversold"]),
        (Stock("p"), 0, []),
        (Stock("p"), 1, ["reserved 0 saplings, but its redemptions took 1"]),
    ],
)
def test_a_stock_reserves_as_many_saplings_as_its_redemptions_took_and_no_more_than_it_released(
    stock: Stock, trees: int, expected: list[str]
) -> None:
    assert [finding.detail for finding in stock_findings(stock, stock, trees, NOON)] == expected


@pytest.mark.parametrize(("trees", "is_sound"), [(2, False), (3, True), (4, True), (5, False)])
def test_if_a_stock_changes_during_the_count_the_trees_must_lie_between_its_two_readings(
    trees: int, is_sound: bool
) -> None:
    assert (stock_findings(Stock("p", 10, 3), Stock("p", 10, 4), trees, NOON) == []) is is_sound


def test_projects_whose_stock_and_redemptions_disagree_are_named_even_without_a_stock() -> None:
    books = cross_checks(
        RESERVED, RESERVED._replace(redemption_id="r-2", project_id="b"), make_redemption(project_id="c")
    )
    books.add_stock(Stock("saxaul-alxa", 10, 1))
    books.add_stock(Stock("d", 10, 1))

    assert books.unbalanced_projects(NOON) == ["b", "d"]
