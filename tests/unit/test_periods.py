"""Posting: an action earns points once, and never more than its caps allow."""

from decimal import Decimal
from typing import Any

import pytest

from saxaul.catalog.entries import Cap
from saxaul.ledger.actions import Reversal
from saxaul.ledger.awards import Terms
from saxaul.ledger.periods import Period, PeriodDraft, PeriodKey, period_of, post
from tests.builders import (
    APP,
    FACILITY,
    NOON,
    USER,
    at,
    make_action,
    make_action_type,
    make_calendar,
    make_campaign,
    make_catalog,
    make_entry,
    make_period,
)

CALENDAR = make_calendar()
EMPTY = Period(PeriodKey(USER, "2026-06-05"))
MONTH = Period(PeriodKey(USER, "2026-06"))


def points_of(period: Period) -> list[int]:
    return [entry.points for entry in period.entries.values()]


def test_an_action_becomes_an_entry_with_points_grams_and_the_version_of_its_action_type() -> None:
    catalog = make_catalog(versions={"bus_ride": 3})

    posting = post(EMPTY, [make_action(quantity="2")], catalog, CALENDAR, NOON + 5)

    entry = posting.period.entries["alipay:ride-1"]
    assert (entry.points, entry.avoided_g, entry.rule, entry.reason) == (160, Decimal(425), 3, "")
    assert (entry.quantity, entry.occurred_at, entry.recorded_at) == (Decimal(2), NOON, NOON + 5)
    assert (posting.outcomes["posted"], posting.outcomes["replayed"]) == (1, 0)


def test_a_repeated_action_changes_nothing_and_gives_the_same_period_object() -> None:
    period = post(EMPTY, [make_action()], make_catalog(), CALENDAR, NOON).period

    again = post(period, [make_action()], make_catalog(), CALENDAR, NOON + 60)

    assert again.period is period
    assert (again.outcomes["posted"], again.outcomes["replayed"]) == (0, 1)


def test_an_action_that_is_twice_in_one_batch_earns_once() -> None:
    posting = post(EMPTY, [make_action(), make_action()], make_catalog(), CALENDAR, NOON)

    assert points_of(posting.period) == [80]
    assert (posting.outcomes["posted"], posting.outcomes["replayed"]) == (1, 1)


def test_the_same_action_id_from_another_app_is_another_action() -> None:
    posting = post(EMPTY, [make_action(), make_action(app="taobao")], make_catalog(), CALENDAR, NOON)

    assert list(posting.period.entries) == ["alipay:ride-1", "taobao:ride-1"]


def test_the_same_action_id_with_another_quantity_is_marked_as_conflicted_and_earns_nothing() -> None:
    period = post(EMPTY, [make_action()], make_catalog(), CALENDAR, NOON).period

    once = post(period, [make_action(quantity="9")], make_catalog(), CALENDAR, NOON)
    again = post(once.period, [make_action(quantity="9")], make_catalog(), CALENDAR, NOON)

    [entry] = once.period.entries.values()
    assert once.outcomes == {"conflicted": 1}
    assert (entry.points, entry.quantity, entry.conflicted) == (80, Decimal(1), True)
    assert again.period is once.period


def test_posting_keeps_the_version_that_was_read_and_does_not_change_the_old_period() -> None:
    period = make_period(make_entry(), version=7)

    posting = post(period, [make_action("ride-9")], make_catalog(), CALENDAR, NOON)

    assert posting.period.version == 7
    assert (len(period.entries), len(posting.period.entries)) == (1, 2)


def test_a_cap_in_units_pays_for_the_remaining_units_and_gives_the_reason() -> None:
    catalog = make_catalog({"bus_ride": make_action_type(caps=(Cap(window="day", units=Decimal("2.5")),))})
    actions = [make_action(f"ride-{n}") for n in range(4)]

    period = post(EMPTY, actions, catalog, CALENDAR, NOON).period

    assert points_of(period) == [80, 80, 40, 0]
    assert [entry.reason for entry in period.entries.values()] == ["", "", "over_units_cap", "over_units_cap"]


def test_a_cap_in_points_pays_the_remaining_points_and_gives_the_reason() -> None:
    catalog = make_catalog({"bus_ride": make_action_type(caps=(Cap(window="day", points=100),))})

    period = post(EMPTY, [make_action(f"ride-{n}") for n in range(3)], catalog, CALENDAR, NOON).period

    assert points_of(period) == [80, 20, 0]
    assert [entry.reason for entry in period.entries.values()] == ["", "over_points_cap", "over_points_cap"]


def test_a_cap_withholds_points_but_never_grams() -> None:
    catalog = make_catalog({"bus_ride": make_action_type(caps=(Cap(window="day", points=0),))})

    period = post(EMPTY, [make_action(quantity="2")], catalog, CALENDAR, NOON).period

    assert (period.points, period.avoided_g) == (0, Decimal(425))


def test_a_daily_and_a_monthly_cap_both_apply() -> None:
    caps = (Cap(window="day", units=Decimal(2)), Cap(window="month", points=400))
    catalog = make_catalog({"bus_ride": make_action_type(caps=caps)})
    actions = [make_action(f"{d}-{n}", occurred_at=at(f"2026-06-0{d}T12:00")) for d in (1, 2, 3) for n in range(3)]

    period = post(MONTH, actions, catalog, CALENDAR, NOON).period

    assert points_of(period) == [80, 80, 0, 80, 80, 0, 80, 0, 0]


def test_the_caps_of_one_action_type_do_not_affect_another() -> None:
    capped = make_action_type(caps=(Cap(window="day", units=Decimal(1)),))
    catalog = make_catalog({"bus_ride": capped, "metro_ride": capped})

    period = post(EMPTY, [make_action(), make_action("m-1", type="metro_ride")], catalog, CALENDAR, NOON).period

    assert points_of(period) == [80, 80]


def test_a_reward_per_action_does_not_depend_on_the_quantity() -> None:
    rule = make_action_type(points="136", per="action", caps=(Cap(window="month", units=Decimal(2)),))
    trips = [make_action(f"trip-{n}", quantity="900") for n in range(3)]

    period = post(MONTH, trips, make_catalog({"bus_ride": rule}), CALENDAR, NOON).period

    assert points_of(period) == [136, 136, 0]


def test_points_are_rounded_down_once_over_the_sum_of_a_day_and_type() -> None:
    catalog = make_catalog({"bus_ride": make_action_type(points="0.02"), "walk": make_action_type(points="0.02")})
    steps = [make_action(f"a-{n}", quantity="49") for n in range(4)]
    others = [
        make_action("tomorrow", quantity="49", occurred_at=at("2026-06-06T08:00")),
        make_action("walk", quantity="49", type="walk"),
    ]

    period = post(MONTH, [*steps, *others], catalog, CALENDAR, NOON).period

    assert points_of(period) == [0, 1, 1, 1, 0, 0]


def test_a_hundred_times_49_steps_earn_what_4900_steps_earn() -> None:
    catalog = make_catalog({"bus_ride": make_action_type(points="0.02")})

    split = post(EMPTY, [make_action(f"a-{n}", quantity="49") for n in range(100)], catalog, CALENDAR, NOON).period

    assert split.points == post(EMPTY, [make_action(quantity="4900")], catalog, CALENDAR, NOON).period.points == 98


def test_units_that_earn_different_amounts_on_a_day_are_added_before_rounding() -> None:
    old, new = make_action_type(points="0.5"), make_action_type(points="0.7")
    period = post(
        EMPTY, [make_action("a")], make_catalog({"bus_ride": old}, versions={"bus_ride": 1}), CALENDAR, NOON
    ).period

    draft = PeriodDraft(period, Terms(CALENDAR, lambda _, version: {1: old, 2: new}[version]), NOON)
    draft.post(make_action("b", rule=2))
    draft.post(make_action("c", rule=2))

    assert points_of(draft.posted()) == [0, 1, 0]
    assert [entry.rule for entry in draft.posted().entries.values()] == [1, 2, 2]


def test_a_reward_per_action_is_paid_only_from_its_smallest_quantity() -> None:
    rule = make_action_type(points="136", per="action", at_least="20")
    trips = [make_action("short", quantity="19.9"), make_action("long", quantity="20")]

    short, long = post(MONTH, trips, make_catalog({"bus_ride": rule}), CALENDAR, NOON).period.entries.values()

    assert (short.points, short.reason, short.avoided_g) == (0, "too_small_to_earn", Decimal("19.9") * Decimal("212.5"))
    assert (long.points, long.reason) == (136, "")


def test_grams_count_up_to_the_plausible_quantity_of_a_person_type_and_day_whatever_the_app() -> None:
    catalog = make_catalog({"bus_ride": make_action_type(plausible_a_day="3")})
    rides = [make_action(quantity="2", app=app) for app in ("alipay", "taobao", "tmall")]
    tomorrow = make_action(quantity="2", app="tmall", occurred_at=at("2026-06-06T08:00"), action_id="next")

    period = post(MONTH, [*rides, tomorrow], catalog, CALENDAR, NOON).period

    assert [entry.counted for entry in period.entries.values()] == [2, 1, 0, 2]
    assert [entry.avoided_g for entry in period.entries.values()] == [425, Decimal("212.5"), 0, 425]
    assert points_of(period) == [160] * 4


def test_a_quantity_counts_again_when_the_one_that_used_up_the_plausible_quantity_is_reversed() -> None:
    catalog = make_catalog({"bus_ride": make_action_type(plausible_a_day="1")})
    period = post(EMPTY, [make_action("a"), make_action("b")], catalog, CALENDAR, NOON).period

    after = post(period, [], catalog, CALENDAR, NOON, [Reversal(APP, USER, "a", "refunded", NOON)]).period

    assert [[entry.counted for entry in found.entries.values()] for found in (period, after)] == [[1, 0], [0, 1]]


def test_a_running_total_that_grows_is_awarded_after_what_was_recorded_in_the_meantime() -> None:
    catalog = make_catalog({"bus_ride": make_action_type(points="1", caps=(Cap(window="day", points=10),))})
    total = make_action("steps", quantity="4")._replace(is_total=True)
    period = post(EMPTY, [total, make_action("other", quantity="5", app="taobao")], catalog, CALENDAR, NOON).period

    raised = post(period, [total._replace(quantity=Decimal(9), occurred_at=NOON + 60)], catalog, CALENDAR, NOON + 90)

    assert raised.outcomes == {"raised": 1}
    assert [(name, entry.points) for name, entry in raised.period.entries.items()] == [
        ("taobao:other", 5),
        ("alipay:steps", 5),
    ]
    assert raised.period.entries["alipay:steps"].occurred_at == NOON + 60


@pytest.mark.parametrize(
    "changes",
    [{"is_total": False}, {"type": "walk"}, {"occurred_at": at("2026-06-06T08:00")}],
)
def test_a_running_total_is_only_raised_by_a_total_of_the_same_type_and_day(changes: dict[str, Any]) -> None:
    catalog = make_catalog({"bus_ride": make_action_type(), "walk": make_action_type()})
    total = make_action("steps")._replace(is_total=True)
    period = post(MONTH, [total], catalog, CALENDAR, NOON).period

    posting = post(period, [total._replace(quantity=Decimal(9), **changes)], catalog, CALENDAR, NOON)

    assert posting.outcomes == {"conflicted": 1}
    assert posting.period.points == 80


def test_a_reversed_running_total_stays_reversed_when_it_grows() -> None:
    total = make_action("ride-1")._replace(is_total=True)
    reversal = Reversal(APP, USER, "ride-1", "wrong", NOON)
    period = post(EMPTY, [total], make_catalog(), CALENDAR, NOON, [reversal]).period

    raised = post(period, [total._replace(quantity=Decimal(9))], make_catalog(), CALENDAR, NOON).period

    assert points_of(raised) == [0]


def test_products_with_more_digits_than_a_default_decimal_are_not_rounded() -> None:
    rule = make_action_type(points="333333333.333333", avoided_g="333333333.333333", max_quantity="999999999")
    action = make_action(quantity="777777777.777777")

    period = post(EMPTY, [action], make_catalog({"bus_ride": rule}), CALENDAR, NOON).period

    product = 777_777_777_777_777 * 333_333_333_333_333
    [entry] = period.entries.values()
    assert entry.points == product // 10**12
    assert entry.avoided_g == Decimal((0, tuple(int(digit) for digit in str(product)), -12))


def test_a_campaign_multiplies_points_on_its_day_but_never_grams() -> None:
    catalog = make_catalog(campaigns={"wed": make_campaign(multipliers={"bus_ride": "2"})})
    on_the_day, day_after = make_action(), make_action("ride-2", occurred_at=at("2026-06-06T00:00"))

    period = post(MONTH, [on_the_day, day_after], catalog, CALENDAR, NOON).period

    assert points_of(period) == [160, 80]
    assert [entry.avoided_g for entry in period.entries.values()] == [Decimal("212.5")] * 2


def test_of_two_campaigns_only_the_higher_multiplier_applies() -> None:
    catalog = make_catalog(
        campaigns={
            "double": make_campaign(multipliers={"bus_ride": "2"}),
            "more": make_campaign(multipliers={"bus_ride": "2.5"}),
        }
    )

    assert post(EMPTY, [make_action()], catalog, CALENDAR, NOON).period.points == 200


def test_a_campaign_does_not_raise_a_cap() -> None:
    rule = make_action_type(caps=(Cap(window="day", points=100),))
    catalog = make_catalog({"bus_ride": rule}, campaigns={"wed": make_campaign(multipliers={"bus_ride": "3"})})

    assert post(EMPTY, [make_action()], catalog, CALENDAR, NOON).period.points == 100


def test_an_action_of_a_facility_has_grams_and_no_points() -> None:
    catalog = make_catalog({"solar_warehouse": make_action_type(points=None, actor="facility", avoided_g="536.6")})
    action = make_action(type="solar_warehouse", quantity="1000", owner=FACILITY)

    period = post(Period(PeriodKey(FACILITY, "2026-06-05")), [action], catalog, CALENDAR, NOON).period

    assert (period.points, period.avoided_g) == (0, Decimal(536_600))


def test_actions_can_be_posted_to_a_period_with_entries_of_a_deleted_type() -> None:
    period = make_period(make_entry(type="gone"))

    assert post(period, [make_action("ride-9")], make_catalog(), CALENDAR, NOON).period.points == 160


@pytest.mark.parametrize(
    ("windows", "window"),
    [((), "2026-06-05"), (("day",), "2026-06-05"), (("day", "month"), "2026-06"), (("year", "day"), "2026")],
)
def test_the_period_of_an_action_is_as_long_as_the_longest_window_of_its_caps(
    windows: tuple[str, ...], window: str
) -> None:
    rule = make_action_type(caps=tuple(Cap.model_validate({"window": length, "points": 1}) for length in windows))

    assert period_of(make_action(), rule, CALENDAR) == PeriodKey(USER, window)


def test_only_ripe_points_may_be_harvested() -> None:
    period = make_period(make_entry(80), make_entry(50, occurred_at=at("2026-06-06T09:00")), window="2026-06")

    assert period.ripe_points(CALENDAR, at("2026-06-06T06:59")) == 0
    assert period.ripe_points(CALENDAR, at("2026-06-06T07:00")) == 80
    assert period.ripe_points(CALENDAR, at("2026-06-07T07:00")) == 130
