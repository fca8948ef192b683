"""Properties of posting that hold for any actions: caps, repeats, and the order of actions."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from saxaul.catalog.entries import Cap, Catalog
from saxaul.ledger.actions import Action, Reversal
from saxaul.ledger.periods import Period, PeriodKey, post
from tests.builders import DAY, USER, at, make_action, make_action_type, make_calendar, make_campaign, make_catalog

CALENDAR = make_calendar()
YEAR = Period(PeriodKey(USER, "2026"))
FIRST = at("2026-06-01T00:00")
RECORDED = at("2026-07-01T00:00")

quantities = st.decimals(min_value="0.000001", max_value="50", places=6).filter(bool)
caps = st.lists(
    st.builds(Cap, window=st.sampled_from(["day", "month", "year"]), units=st.decimals(0, 60, places=2))
    | st.builds(Cap, window=st.sampled_from(["day", "month", "year"]), points=st.integers(0, 2000)),
    max_size=3,
    unique_by=lambda cap: (cap.window, cap.units is None),
).map(tuple)


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    rates = st.sampled_from(["0.02", "1", "33.333333", "80"])
    types = {
        name: make_action_type(points=draw(rates), per=draw(st.sampled_from(["unit", "action"])), caps=draw(caps))
        for name in ("bus_ride", "walking")
    }
    return make_catalog(types, campaigns={"wed": make_campaign(multipliers={"bus_ride": "2"})})


@st.composite
def action_lists(draw: st.DrawFn) -> list[Action]:
    """Draw up to 25 actions on four days, some of them with the same id."""
    return [
        make_action(
            f"a-{draw(st.integers(0, 20))}",
            quantity=str(draw(quantities)),
            type=draw(st.sampled_from(["bus_ride", "walking"])),
            occurred_at=FIRST + draw(st.integers(3, 6)) * DAY,
        )
        for _ in range(draw(st.integers(0, 25)))
    ]


def batches(actions: Sequence[Action], cuts: Sequence[int]) -> Iterator[Sequence[Action]]:
    edges = [0, *sorted(min(cut, len(actions)) for cut in cuts), len(actions)]
    return (actions[start:end] for start, end in pairwise(edges))


def posted(actions: Sequence[Action], cuts: Sequence[int], catalog: Catalog) -> Period:
    period = YEAR
    for batch in batches(actions, cuts):
        period = post(period, batch, catalog, CALENDAR, RECORDED).period
    return period


cut_lists = st.lists(st.integers(0, 25), max_size=6)


@given(catalog=catalogs(), actions=action_lists(), cuts=cut_lists)
def test_no_split_into_batches_exceeds_a_cap(catalog: Catalog, actions: list[Action], cuts: list[int]) -> None:
    period = posted(actions, cuts, catalog)

    for name, rule in catalog.action_types.items():
        for cap in rule.caps:
            for window in {CALENDAR.window_of(entry.occurred_at, cap.window) for entry in period.entries.values()}:
                counted = [
                    entry
                    for entry in period.entries.values()
                    if entry.type == name and CALENDAR.window_of(entry.occurred_at, cap.window) == window
                ]
                assert cap.points is None or sum(entry.points for entry in counted) <= cap.points
                assert cap.units is None or sum(entry.units for entry in counted) <= cap.units


@given(catalog=catalogs(), actions=action_lists(), cuts=cut_lists)
def test_several_batches_give_the_same_period_as_one_batch(
    catalog: Catalog, actions: list[Action], cuts: list[int]
) -> None:
    assert posted(actions, cuts, catalog) == posted(actions, [], catalog)


@given(catalog=catalogs(), actions=action_lists(), again=st.data())
def test_posting_the_same_actions_again_changes_nothing(
    catalog: Catalog, actions: list[Action], again: st.DataObject
) -> None:
    once = posted(actions, [], catalog)

    twice = post(once, again.draw(st.permutations(actions)), catalog, CALENDAR, RECORDED + 60)

    assert twice.period is once
    assert twice.outcomes["posted"] == 0
    assert twice.outcomes["replayed"] + twice.outcomes["conflicted"] == len(actions)


@given(
    amounts=st.lists(quantities, max_size=15),
    cap=st.integers(0, 3000),
    order=st.randoms(use_true_random=False),
)
def test_under_a_cap_in_points_the_total_is_the_smaller_of_cap_and_sum_in_any_order(
    amounts: list[Decimal], cap: int, order: Random
) -> None:
    catalog = make_catalog({"bus_ride": make_action_type(points="33.3", caps=(Cap(window="year", points=cap),))})
    actions = [make_action(f"a-{n}", quantity=str(amount)) for n, amount in enumerate(amounts)]
    uncapped = int(sum(amounts) * Decimal("33.3"))
    order.shuffle(actions)

    assert post(YEAR, actions, catalog, CALENDAR, RECORDED).period.points == min(cap, uncapped)


@given(
    parts=st.lists(st.tuples(quantities, st.sampled_from(["alipay", "taobao"])), min_size=1, max_size=12),
    rate=st.sampled_from(["0.02", "0.7", "33.333333"]),
    caps=caps,
)
def test_an_act_pays_the_same_in_one_action_or_in_parts_that_several_apps_report(
    parts: list[tuple[Decimal, str]], rate: str, caps: tuple[Cap, ...]
) -> None:
    catalog = make_catalog({"bus_ride": make_action_type(points=rate, caps=caps)})
    split = [make_action(f"p-{n}", quantity=str(part), app=app) for n, (part, app) in enumerate(parts)]
    whole = make_action(quantity=str(sum(part for part, _ in parts)))

    in_parts = post(YEAR, split, catalog, CALENDAR, RECORDED).period
    at_once = post(YEAR, [whole], catalog, CALENDAR, RECORDED).period

    assert (in_parts.points, in_parts.avoided_g) == (at_once.points, at_once.avoided_g)


@given(catalog=catalogs(), actions=action_lists(), chosen=st.randoms(use_true_random=False))
def test_after_a_reversal_the_others_earn_what_they_would_earn_without_the_reversed_action(
    catalog: Catalog, actions: list[Action], chosen: Random
) -> None:
    different = list({action.action_id: action for action in actions}.values())
    gone = {action for action in different if chosen.random() < 0.4}
    reversals = [Reversal(a.app, a.owner, a.action_id, "x", a.occurred_at) for a in gone]

    after = post(posted(different, [3, 9], catalog), [], catalog, CALENDAR, RECORDED, reversals).period
    never = post(YEAR, [a for a in different if a not in gone], catalog, CALENDAR, RECORDED).period

    assert {name: entry for name, entry in after.entries.items() if entry.counts} == dict(never.entries)
    assert (after.points, after.avoided_g) == (never.points, never.avoided_g)


@given(reports=st.lists(st.integers(1, 20_000), min_size=1, max_size=8), order=st.randoms(use_true_random=False))
def test_of_a_running_total_the_highest_counts_in_any_order_and_however_often(
    reports: list[int], order: Random
) -> None:
    catalog = make_catalog({"bus_ride": make_action_type(points="0.02", caps=(Cap(window="day", points=296),))})
    totals = [make_action(quantity=str(steps))._replace(is_total=True) for steps in reports]
    again = [*totals, *totals]
    order.shuffle(again)

    [entry] = post(YEAR, again, catalog, CALENDAR, RECORDED).period.entries.values()

    assert entry.quantity == Decimal(max(reports))
    assert entry.points == min(296, int(max(reports) * Decimal("0.02")))


@given(catalog=catalogs(), actions=action_lists())
def test_grams_are_the_reported_quantity_times_the_evidence_even_if_points_are_withheld(
    catalog: Catalog, actions: list[Action]
) -> None:
    period = posted(actions, [], catalog)

    assert period.avoided_g == sum(entry.quantity for entry in period.entries.values()) * Decimal("212.5")
