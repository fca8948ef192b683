"""The impact: the totals of periods and redemptions, in which each change is counted once."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from operations.ledger_reading import size_of
from saxaul.catalog.entries import MAX_TYPES_OF_A_FACILITY
from saxaul.impact.changes import difference, impact_of_period, impact_of_redemption, participations_in, run_names_in
from saxaul.impact.totals import (
    Act,
    Change,
    FacilityYear,
    Impact,
    Mark,
    MonthlyAct,
    Participation,
    Progress,
    RunKey,
    Subject,
    Sum,
    Tally,
    short_name,
    sums_by_type,
    tally_number,
)
from saxaul.ledger.actions import Owner
from saxaul.ledger.entries import ZERO
from saxaul.ledger.periods import Period
from saxaul.storage.impact import from_item, tally_key, to_item
from saxaul.storage.table import python, raw
from saxaul.trees.plantings import PlantedTree
from saxaul.trees.redemptions import Step
from saxaul.trees.states import State
from tests.builders import APP, DAY, FACILITY, NOON, at, make_calendar, make_entry, make_period, make_redemption

CALENDAR = make_calendar()
TODAY = date(2026, 6, 5)
RIDE = Act("user", APP, "bus_ride")
PLANTING = PlantedTree(NOON, "AX-1", 38.8, 105.7)


def change(sequence: int, actions: int = 1, subject: Subject = TODAY) -> Change:
    return Change(sequence, NOON, {subject: Impact({RIDE: Sum(actions)})})


def actions_of(tally: Tally) -> int:
    return tally.impact.acts.get(RIDE, Sum()).actions


def test_a_period_counts_each_action_on_its_own_day_by_owner_app_and_type() -> None:
    period = make_period(
        make_entry(80),
        make_entry(40, quantity=Decimal(9), counted=Decimal("2.5")),
        make_entry(5, NOON + DAY),
        window="2026-06",
    )

    assert impact_of_period(period, CALENDAR) == {
        TODAY: Impact({RIDE: Sum(2, Decimal("3.5"), 120, Decimal(425))}),
        date(2026, 6, 6): Impact({RIDE: Sum(1, Decimal(1), 5, Decimal("212.5"))}),
    }


def test_the_actions_of_a_facility_are_counted_separately() -> None:
    period = make_period(make_entry(0, type="solar_warehouse"), owner=FACILITY)

    assert set(impact_of_period(period, CALENDAR)[TODAY].acts) == {Act("facility", APP, "solar_warehouse")}


def test_the_actions_of_a_facility_also_count_in_its_year_by_month_and_type() -> None:
    period = make_period(
        make_entry(0, at("2026-06-05T12:00"), type="solar_warehouse"),
        make_entry(0, at("2026-06-30T23:59"), type="solar_warehouse", quantity=Decimal(9), counted=Decimal(3)),
        make_entry(0, at("2026-07-01T00:00"), type="solar_warehouse"),
        make_entry(0, at("2026-07-01T00:00"), type="green_power"),
        owner=FACILITY,
    )

    assert impact_of_period(period, CALENDAR)[FacilityYear(FACILITY.id, 2026)] == Impact(
        months={
            MonthlyAct("2026-06", "solar_warehouse"): Sum(2, Decimal(4), 0, Decimal(425)),
            MonthlyAct("2026-07", "solar_warehouse"): Sum(1, Decimal(1), 0, Decimal("212.5")),
            MonthlyAct("2026-07", "green_power"): Sum(1, Decimal(1), 0, Decimal("212.5")),
        }
    )


def test_a_facilitys_year_ends_at_midnight_in_the_programmes_time_zone() -> None:
    before, after = at("2026-12-31T23:59"), at("2027-01-01T00:00")
    period = make_period(make_entry(0, before), make_entry(0, after), owner=FACILITY)

    months = {
        subject.year: [act.month for act in impact.months]
        for subject, impact in impact_of_period(period, CALENDAR).items()
        if isinstance(subject, FacilityYear)
    }

    assert months == {2026: ["2026-12"], 2027: ["2027-01"]}


def test_an_action_that_moves_to_another_year_is_subtracted_from_the_first() -> None:
    before = make_period(make_entry(0, at("2026-12-31T23:00")), owner=FACILITY)
    after = make_period(make_entry(0, at("2027-01-01T01:00")), owner=FACILITY)

    added = difference(impact_of_period(after, CALENDAR), impact_of_period(before, CALENDAR))

    assert {subject: [sums.actions for sums in impact.months.values()] for subject, impact in added.items()} == {
        date(2026, 12, 31): [],
        date(2027, 1, 1): [],
        FacilityYear(FACILITY.id, 2026): [-1],
        FacilityYear(FACILITY.id, 2027): [1],
    }


@pytest.mark.parametrize(
    ("types", "length", "most_bytes"), [(1, 16, 1024), (2, 16, 2 * 1024), (MAX_TYPES_OF_A_FACILITY, 64, 80 * 1024)]
)
def test_a_facilitys_year_is_a_small_item(types: int, length: int, most_bytes: int) -> None:
    """The last case has as many types as a facility may have, with the longest ids, large sums and two shards."""
    many = Sum(10**6, Decimal("999999999.999999"), 0, Decimal("999999999.999999"))
    names = [f"{number:02}".rjust(length, "t") for number in range(types)]
    months = {MonthlyAct(f"2026-{month:02}", name): many for month in range(1, 13) for name in names}
    marks = {short_name(f"shardId-{shard:020}-0a1b2c3d"): Mark(10**21 + shard, NOON) for shard in range(2)}
    tally = Tally(FacilityYear("green-power-data-centre", 2026), Impact(months=months), marks, version=1)

    item = {**to_item(tally), "v": 10**6}

    assert size_of(python(raw(item))) <= most_bytes
    assert from_item(python(raw(item))) == tally._replace(version=10**6)


def test_a_persons_actions_count_only_on_days() -> None:
    assert set(impact_of_period(make_period(make_entry(80)), CALENDAR)) == {TODAY}


def test_the_months_of_a_facilitys_year_add_up_by_type() -> None:
    solar = Sum(2, Decimal(4), 0, Decimal(425))
    months = {MonthlyAct(month, "solar_warehouse"): solar for month in ("2026-06", "2026-07")}

    assert sums_by_type(Impact(months={**months, MonthlyAct("2026-06", "green_power"): Sum(1)})) == {
        "solar_warehouse": Sum(4, Decimal(8), 0, Decimal(850)),
        "green_power": Sum(1),
    }


def test_an_action_counts_on_its_day_in_the_programmes_time_zone() -> None:
    period = make_period(make_entry(occurred_at=at("2026-06-06T00:10")))

    assert set(impact_of_period(period, CALENDAR)) == {date(2026, 6, 6)}


def test_reversed_and_void_actions_do_not_count() -> None:
    taken_back = make_entry(0, avoided_g="0", reversal="refund", units=ZERO)
    period = make_period(taken_back, replace(taken_back, reversal="", void="same_evidence"))

    assert impact_of_period(period, CALENDAR) == {}


def test_a_reversal_subtracts_what_its_action_added() -> None:
    before = make_period(make_entry(80))
    after = make_period(make_entry(0, avoided_g="0", units=ZERO, reversal="refund"))

    added = difference(impact_of_period(after, CALENDAR), impact_of_period(before, CALENDAR))

    assert added == {TODAY: Impact({RIDE: Sum(-1, Decimal(-1), -80, Decimal("-212.5"))})}
    assert Impact().plus(impact_of_period(before, CALENDAR)[TODAY]).plus(added[TODAY]).is_zero


def test_a_period_written_again_with_the_same_entries_adds_nothing() -> None:
    period = make_period(make_entry(80), make_entry(40))

    assert (
        difference(
            impact_of_period(replace(period, version=9, full=frozenset({APP})), CALENDAR),
            impact_of_period(period, CALENDAR),
        )
        == {}
    )


def test_each_tree_counts_by_its_own_state_once_it_is_reserved() -> None:
    pending = make_redemption(trees=3)
    ordered = pending.reserved(NOON).ordered("o-1", NOON + DAY)
    first, second, third = (tree.number for tree in pending.trees)
    growing = ordered.stepped({first: Step(State.PLANTED, NOON, NOON, planting=PLANTING)})
    over = growing.stepped({second: Step(State.REFUNDED, NOON, NOON), third: Step(State.RESERVED, NOON, NOON)})

    assert impact_of_redemption(pending, CALENDAR) == impact_of_redemption(pending.rejected("sold_out"), CALENDAR) == {}
    assert impact_of_redemption(pending.reserved(NOON).cancelled(), CALENDAR) == {}
    assert impact_of_redemption(pending.reserved(NOON), CALENDAR) == {TODAY: Impact(trees={"reserved": 3})}
    assert impact_of_redemption(growing, CALENDAR) == {TODAY: Impact(trees={"ordered": 2, "planted": 1})}
    assert impact_of_redemption(over, CALENDAR) == {TODAY: Impact(trees={"planted": 1, "refunded": 1, "reserved": 1})}
    step_on = difference(impact_of_redemption(growing, CALENDAR), impact_of_redemption(ordered, CALENDAR))
    assert step_on == {TODAY: Impact(trees={"ordered": -1, "planted": 1})}


def test_changes_that_are_delivered_again_are_counted_once() -> None:
    changes = [change(sequence) for sequence in (3, 5, 9)]

    day = Tally(TODAY).with_changes(changes, "a", NOON)

    assert (actions_of(day), day.marks) == (3, {"a": Mark(9, NOON)})
    assert day.with_changes(changes, "a", NOON) is day
    assert day.with_changes(changes[:2], "a", NOON) is day
    assert actions_of(day.with_changes([changes[2], change(12)], "a", NOON)) == 4


def test_each_shard_has_its_own_mark_so_one_may_be_far_ahead() -> None:
    ahead = Tally(TODAY).with_changes([change(900)], "a", NOON)

    both = ahead.with_changes([change(7)], "b", NOON)

    assert actions_of(both) == 2
    assert both.with_changes([change(7)], "b", NOON) is both


def test_a_facilitys_year_has_marks_of_its_own() -> None:
    year, other = FacilityYear(FACILITY.id, 2026), FacilityYear("other", 2026)
    months = Impact(months={MonthlyAct("2026-06", "solar_warehouse"): Sum(1)})
    changes = [Change(3, NOON, {year: months, TODAY: Impact()}), Change(5, NOON, {other: months})]

    tally = Tally(year).with_changes(changes, "a", NOON)

    assert (tally.impact, tally.marks) == (months, {"a": Mark(3, NOON)})
    assert tally.with_changes(changes, "a", NOON) is tally


def test_a_batch_without_changes_of_a_day_does_not_change_that_day() -> None:
    day = Tally(TODAY)

    assert day.with_changes([change(1, subject=date(2026, 6, 6))], "a", NOON) is day


def test_the_mark_of_a_shard_is_removed_when_its_changes_can_no_longer_be_delivered_again() -> None:
    day = Tally(TODAY).with_changes([change(1)], "a", NOON).with_changes([change(1)], "b", NOON + DAY)

    later = day.with_changes([change(2)], "b", NOON + 2 * DAY)

    assert (set(day.marks), set(later.marks)) == ({"a", "b"}, {"b"})


def test_a_mark_has_less_than_30_bytes_so_the_tallies_of_a_thousand_shards_stay_small() -> None:
    """A shard lives for about four hours, and a mark for 30. So a tally can have the marks of 62 x 9 shards."""
    marks = {short_name(f"shardId-{shard:020}-0a1b2c3d"): Mark(10**25 + shard, NOON) for shard in range(62 * 9)}
    tally = Tally(TODAY, marks=marks, number=3)

    item = python(raw({**to_item(tally), "v": 1}))

    assert size_of(item) < 30 * len(marks)
    assert from_item(item) == tally._replace(version=1)


def test_the_tally_of_an_earlier_release_is_read_with_its_marks() -> None:
    shard = "shardId-00000001764210000000-0a1b2c3d"
    old = {"pk": "IMPACT#2026-06", "sk": "DAY#2026-06-05", "acts": {}, "trees": {"reserved": 2}, "v": 7}

    tally = from_item(python(raw({**old, "marks": {shard: ["123456700000000000012345678", NOON]}})))

    marks = {short_name(shard): Mark(123456700000000000012345678, NOON)}
    assert tally == Tally(TODAY, Impact(trees={"reserved": 2}), marks, version=7)


def test_a_facilitys_year_has_one_tally() -> None:
    assert tally_number(FacilityYear(FACILITY.id, 2026), short_name("shardId-1")) is None
    assert tally_key(FacilityYear(FACILITY.id, 2026)) == ("IMPACT#FACILITIES#2026", f"FACILITY#{FACILITY.id}")


def test_a_user_and_a_facility_with_the_same_id_are_counted_separately() -> None:
    periods = [make_period(make_entry(0), owner=Owner(kind, "x")) for kind in ("user", "facility")]

    assert {act.owner for period in periods for act in impact_of_period(period, CALENDAR)[TODAY].acts} == {
        "user",
        "facility",
    }


def test_the_tallies_of_a_run_and_of_a_participation_take_one_write_unit_each() -> None:
    """The ids are the longest, a run has sums of several multipliers, and two shards add to an item."""
    run = RunKey("c" * 64, TODAY)
    progress = Progress(10**9, 10**8, {str(multiplier): 10**11 for multiplier in (1, "1.5", 2, 3)})
    marks = {short_name(f"shardId-{shard:020}-0a1b2c3d"): Mark(10**21 + shard, NOON) for shard in range(2)}
    tallies = [
        Tally(run, Impact(progress=progress), marks, version=1, number=15),
        Tally(run, Impact(progress=Progress()), version=1),
        Tally(Participation("u" * 128, run), Impact(periods=366), marks, version=1),
    ]

    for tally in tallies:
        item = python(raw({**to_item(tally), "v": 10**6}))
        assert size_of(item) <= 1024
        assert from_item(item) == tally._replace(version=10**6)


def test_a_reversed_action_and_one_of_a_facility_take_part_in_no_campaign() -> None:
    wed = make_entry(160, run="wed@2026-06-05", multiplier=Decimal(2))
    entries = [wed, replace(wed, reversal="refund"), replace(wed, void="repeated_id")]

    def runs(period: Period) -> list[tuple[str, Progress]]:
        found = impact_of_period(period, CALENDAR).items()
        return [(str(subject), impact.progress) for subject, impact in found if isinstance(subject, RunKey)]

    assert runs(make_period(*entries)) == [("wed@2026-06-05", Progress(1, 0, {"2": 160}))]
    assert runs(make_period(wed, owner=FACILITY)) == []
    assert run_names_in(make_period(*entries)) == {"wed@2026-06-05"}
    assert run_names_in(make_period(*entries[1:])) == set()
    assert participations_in(FACILITY, {"wed@2026-06-05": 1}) == {}
