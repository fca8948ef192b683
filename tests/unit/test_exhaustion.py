"""When an action type pays again whose caps are used up, by the rules of the ledger."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import ActionType, Cap
from saxaul.ledger.awards import Terms
from saxaul.ledger.entries import Entry
from saxaul.ledger.exhaustion import pays_again_at
from saxaul.ledger.periods import Period, PeriodKey, post
from tests.builders import NOON, USER, at, make_action, make_action_type, make_calendar, make_catalog

CALENDAR = make_calendar()


def cap(window: str, *, units: str | None = None, points: int | None = None) -> Cap:
    return Cap.model_validate({"window": window, "units": units, "points": points})


def posted(rule: ActionType, *actions: tuple[str, int], calendar: Calendar = CALENDAR) -> Iterator[Entry]:
    """Return the entries of actions, each with a quantity and an instant, as they are posted at its instant."""
    period = Period(PeriodKey(USER, calendar.window_of(actions[-1][1], rule.window) if actions else "2026"))
    catalog = make_catalog({"bus_ride": rule})
    for number, (quantity, instant) in enumerate(actions):
        action = make_action(f"a-{number}", quantity=quantity, occurred_at=instant, rule=0)
        period = post(period, [action], catalog, calendar, instant).period
    yield from period.entries.values()


def again(
    rule: ActionType, *actions: tuple[str, int], now: int = NOON, times: str = "1", calendar: Calendar = CALENDAR
) -> int | None:
    terms = Terms(calendar, lambda *_: rule)
    return pays_again_at("bus_ride", posted(rule, *actions, calendar=calendar), terms, lambda _: Decimal(times), now)


@pytest.mark.parametrize(
    ("limit", "instant"),
    [
        (cap("day", units="2"), "2026-06-06T00:00"),
        (cap("day", points=160), "2026-06-06T00:00"),
        (cap("month", units="2"), "2026-07-01T00:00"),
        (cap("month", points=160), "2026-07-01T00:00"),
        (cap("year", units="2"), "2027-01-01T00:00"),
        (cap("year", points=160), "2027-01-01T00:00"),
    ],
)
def test_a_cap_that_is_used_up_pays_again_when_its_window_ends(limit: Cap, instant: str) -> None:
    rule = make_action_type(caps=(limit,))

    assert again(rule, ("1", NOON)) is None
    assert again(rule, ("1", NOON), ("1", NOON)) == at(instant)
    assert again(rule, ("5", NOON)) == at(instant)


@pytest.mark.parametrize(
    ("now", "instant"),
    [
        ("2026-06-30T23:59", "2026-07-01T00:00"),
        ("2026-12-31T23:59", "2027-01-01T00:00"),
        ("2028-02-28T12:00", "2028-02-29T00:00"),
    ],
)
def test_a_day_ends_at_midnight_of_the_programme_also_at_the_end_of_a_month_and_of_a_year(
    now: str, instant: str
) -> None:
    rule = make_action_type(caps=(cap("day", units="1"), cap("year", units="100")))

    assert again(rule, ("1", at(now)), now=at(now)) == at(instant)


def test_the_window_of_a_month_ends_with_the_year_in_december() -> None:
    rule = make_action_type(caps=(cap("month", units="1"),))

    assert again(rule, ("1", at("2026-12-05T12:00")), now=at("2026-12-31T23:59")) == at("2027-01-01T00:00")


def test_a_day_with_a_change_of_the_clocks_ends_at_its_own_midnight() -> None:
    calendar = make_calendar(zone="Europe/Berlin")
    rule = make_action_type(caps=(cap("day", units="1"),))
    begins = calendar.ends_at("2026-03-28")

    assert again(rule, ("1", begins), now=begins, calendar=calendar) == begins + 23 * 3600


def test_of_several_caps_that_are_used_up_the_latest_end_counts() -> None:
    rule = make_action_type(caps=(cap("day", units="1"), cap("month", units="2"), cap("year", units="3")))
    yesterday, last_month = NOON - 86_400, at("2026-05-31T12:00")

    assert again(rule, ("1", NOON)) == at("2026-06-06T00:00")
    assert again(rule, ("1", yesterday), ("1", NOON)) == at("2026-07-01T00:00")
    assert again(rule, ("1", last_month), ("1", yesterday), ("1", NOON)) == at("2027-01-01T00:00")


def test_a_cap_of_an_earlier_window_is_free_again() -> None:
    rule = make_action_type(caps=(cap("day", units="1"), cap("month", units="9")))

    assert again(rule, ("1", NOON - 86_400)) is None


def test_a_rest_of_a_month_that_is_worth_no_point_waits_for_the_next_month() -> None:
    rule = make_action_type(points="1", caps=(cap("day", units="1"), cap("month", units="1.5")))

    assert again(rule, ("1", NOON)) == at("2026-07-01T00:00")


def test_a_rest_that_completes_a_point_of_the_day_still_pays() -> None:
    rule = make_action_type(points="1", caps=(cap("day", units="1"),))

    assert again(rule, ("0.7", NOON)) is None
    assert again(rule, ("0.7", NOON), ("0.3", NOON)) == at("2026-06-06T00:00")


@pytest.mark.parametrize(
    "rule",
    [
        make_action_type(),
        make_action_type(points=None),
        make_action_type(points="0", caps=(cap("day", units="1"),)),
        make_action_type(caps=(cap("day", units="0"),)),
        make_action_type(caps=(cap("day", points=0),)),
        make_action_type(caps=(cap("day", units="1"), cap("year", points=0))),
        make_action_type(points="0.1", caps=(cap("day", units="1"),)),
        make_action_type(per="action", at_least="2000", caps=(cap("day", units="1"),)),
    ],
)
def test_a_type_that_never_pays_and_a_type_without_caps_are_not_used_up(rule: ActionType) -> None:
    assert again(rule) is None
    assert again(rule, ("1", NOON), ("1", NOON)) is None


def test_a_reward_per_action_is_used_up_when_as_many_actions_were_paid() -> None:
    rule = make_action_type(per="action", at_least="5", caps=(cap("day", units="2"),))

    assert again(rule, ("5", NOON), ("1", NOON)) is None
    assert again(rule, ("5", NOON), ("90", NOON)) == at("2026-06-06T00:00")


def test_what_is_plausible_in_a_day_uses_up_nothing() -> None:
    rule = make_action_type(plausible_a_day="1", caps=(cap("day", units="50"),))

    assert again(rule, ("10", NOON)) is None


def test_a_campaign_of_tomorrow_does_not_make_a_small_action_of_today_wait() -> None:
    rule = make_action_type(points="0.0006", caps=(cap("day", units="5000"),))
    terms = Terms(CALENDAR, lambda *_: rule)
    doubled_tomorrow = {CALENDAR.day_of(NOON): Decimal(1)}

    assert pays_again_at("bus_ride", [], terms, lambda day: doubled_tomorrow.get(day, Decimal(2)), NOON) is None


limits = st.lists(
    st.sampled_from([cap(w, units=u) for w in ("day", "month", "year") for u in ("1", "2.5", "7")])
    | st.sampled_from([cap(w, points=p) for w in ("day", "month", "year") for p in (1, 3, 10)]),
    max_size=4,
    unique_by=lambda limit: (limit.window, limit.units is None),
)
reports = st.lists(
    st.tuples(st.sampled_from(["0.3", "1", "2.5", "9"]), st.integers(at("2026-01-01T00:00"), at("2026-06-05T12:00"))),
    max_size=12,
)


@given(limits, reports, st.sampled_from(["0.5", "1", "3"]), st.sampled_from(["unit", "action"]))
def test_the_largest_action_earns_nothing_before_the_instant_and_something_from_then_on(
    caps: list[Cap], reported: list[tuple[str, int]], points: str, per: str
) -> None:
    """What would be earned is computed here by posting the action to the period, as the accrual does."""
    rule = make_action_type(points=points, per=per, caps=tuple(caps), max_quantity="100")
    kept = [
        (quantity, instant)
        for quantity, instant in sorted(reported, key=lambda report: report[1])
        if CALENDAR.window_of(instant, rule.window) == CALENDAR.window_of(NOON, rule.window)
    ]
    instant = again(rule, *kept)

    def earned(when: int) -> int:
        is_same = CALENDAR.window_of(when, rule.window) == CALENDAR.window_of(NOON, rule.window)
        before = list(kept) if is_same else []
        return sum(entry.points for entry in posted(rule, *before, ("100", when))) - sum(
            entry.points for entry in (posted(rule, *before) if before else ())
        )

    if instant is None:
        assert earned(NOON) > 0 or not rule.caps or not posted_alone(rule)
    else:
        assert earned(NOON) == earned(instant - 1) == 0
        assert earned(instant) > 0


def posted_alone(rule: ActionType) -> int:
    """Return what the largest action earns that is alone in its window."""
    return sum(entry.points for entry in posted(rule, ("100", NOON)))
