"""How much of each cap a person has used, and which cap cut an entry, by the award itself."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import event, given

from saxaul.catalog.entries import ActionType, Cap, Catalog
from saxaul.ledger.actions import Action
from saxaul.ledger.awards import Terms, Usage, in_award_order
from saxaul.ledger.cap_uses import CapUse, cap_uses
from saxaul.ledger.entries import Entry
from saxaul.ledger.periods import Period, PeriodKey, post
from tests.builders import DAY, NOON, USER, make_action, make_action_type, make_calendar, make_catalog
from tests.unit.test_posting_properties import action_lists, catalogs, cut_lists, posted

CALENDAR = make_calendar()


def uses_of(period: Period, catalog: Catalog) -> Mapping[str, list[CapUse]]:
    rules = {(name, catalog.versions.get(name, 0)): rule for name, rule in catalog.action_types.items()}
    return {name: [*uses] for name, uses in cap_uses(period.entries, period.entries, rules, CALENDAR).items()}


def explained(rule: ActionType, *actions: Action) -> Mapping[str, list[tuple[str, int, int, bool]]]:
    """Return the caps of each explained entry, by action id: the window, what is used and left, and whether it cut."""
    catalog = make_catalog({"bus_ride": rule})
    period = post(Period(PeriodKey(USER, "2026")), actions, catalog, CALENDAR, NOON).period
    return {
        name.partition(":")[2]: [(use.window, int(use.used), int(use.left), use.cut) for use in uses]
        for name, uses in uses_of(period, catalog).items()
    }


def cap(window: str, *, units: str | None = None, points: int | None = None) -> Cap:
    return Cap.model_validate({"window": window, "units": units, "points": points})


def test_every_cap_of_the_type_is_shown_and_only_the_one_without_room_cut() -> None:
    rule = make_action_type(points="10", caps=(cap("day", units="5"), cap("month", units="2"), cap("year", points=900)))

    found = explained(rule, make_action("paid", quantity="2"), make_action("over"))

    assert found == {"over": [("2026-06-05", 2, 3, False), ("2026-06", 2, 0, True), ("2026", 20, 880, False)]}


def test_two_caps_that_end_at_the_same_entry_both_cut() -> None:
    rule = make_action_type(points="10", caps=(cap("day", units="2"), cap("day", points=20), cap("month", units="2")))

    found = explained(rule, make_action("paid"), make_action("over", quantity="3"))

    assert found == {"over": [("2026-06-05", 2, 0, True), ("2026-06-05", 20, 0, False), ("2026-06", 2, 0, True)]}


def test_units_and_points_that_are_both_cut_name_both_caps() -> None:
    rule = make_action_type(points="10", caps=(cap("day", units="2"), cap("day", points=15)))

    assert explained(rule, make_action("over", quantity="3")) == {
        "over": [("2026-06-05", 2, 0, True), ("2026-06-05", 15, 0, True)]
    }


def test_another_day_has_its_own_room() -> None:
    rule = make_action_type(caps=(cap("day", units="1"), cap("month", units="9")))
    tomorrow = NOON + DAY

    found = explained(
        rule,
        make_action("a", quantity="2"),
        make_action("b", quantity="3", occurred_at=tomorrow),
    )

    assert found == {
        "a": [("2026-06-05", 1, 0, True), ("2026-06", 2, 7, False)],
        "b": [("2026-06-06", 1, 0, True), ("2026-06", 2, 7, False)],
    }


def test_a_cap_of_zero_cuts_everything() -> None:
    assert explained(make_action_type(caps=(cap("day", points=0),)), make_action("a")) == {
        "a": [("2026-06-05", 0, 0, True)]
    }


@pytest.mark.parametrize("change", [{"reversal": "fraud"}, {"void": "same_evidence"}, {"reason": ""}])
def test_an_entry_that_does_not_count_or_earns_all_is_not_explained(change: dict[str, str]) -> None:
    rule = make_action_type(caps=(cap("day", units="1"),))
    catalog = make_catalog({"bus_ride": rule})
    period = post(Period(PeriodKey(USER, "2026")), [make_action("a", quantity="2")], catalog, CALENDAR, NOON).period
    assert uses_of(period, catalog)

    entries = {name: replace(entry, **change) for name, entry in period.entries.items()}  # type: ignore[arg-type]

    assert uses_of(replace(period, entries=entries), catalog) == {}


def test_an_entry_of_an_unknown_version_has_no_caps_and_the_others_have() -> None:
    rule = make_action_type(caps=(cap("day", units="1"),))
    catalog = make_catalog({"bus_ride": rule})
    actions = [make_action("a", quantity="2"), make_action("b")]
    period = post(Period(PeriodKey(USER, "2026")), actions, catalog, CALENDAR, NOON).period
    entries = dict(period.entries)
    entries["alipay:a"] = replace(entries["alipay:a"], rule=9)

    assert list(uses_of(replace(period, entries=entries), catalog)) == ["alipay:b"]


def award_with(caps: tuple[Cap, ...], entry: Entry, earlier: list[Entry], rule: ActionType) -> tuple[Decimal, int]:
    """Return the units and points that an entry would get after the earlier ones if the type had these caps."""
    terms = Terms(CALENDAR, lambda *_: rule.model_copy({"caps": caps}))
    award = Usage.of_awarded(earlier, terms).award(entry)
    return award.units, award.points


@given(catalog=catalogs(), actions=action_lists(), cuts=cut_lists)
def test_the_caps_of_an_entry_are_those_of_its_award(catalog: Catalog, actions: list[Action], cuts: list[int]) -> None:
    """What is left is never below zero. The caps that cut alone give the award, and without them it is higher."""
    period = posted(actions, cuts, catalog)
    found = uses_of(period, catalog)

    cut = {name for name, entry in period.entries.items() if entry.counts and entry.is_cut}
    assert found.keys() == cut
    for name, uses in found.items():
        entry = period.entries[name]
        rule = catalog.action_types[entry.type]
        in_order = in_award_order(period.entries, entry.type)
        earlier = [other for _, other in in_order[: [place for place, _ in in_order].index(name)] if other.counts]
        by_caps = tuple(use.cap for use in uses if use.cut)
        others = tuple(use.cap for use in uses if not use.cut)

        event(f"{len(by_caps)} of {len(uses)} caps cut")
        assert [use.cap for use in uses] == [*rule.caps]
        for use in uses:
            assert use.left == use.limit - use.used >= 0
            assert not (use.cut and use.left)
        assert award_with(by_caps, entry, earlier, rule) == (entry.units, entry.points)
        without = award_with(others, entry, earlier, rule)
        assert without[0] >= entry.units
        assert without > (entry.units, entry.points)
