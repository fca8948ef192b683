"""Recounting the impact: missing counts are reported and corrected, unless a tally changes during the count."""

import json
import sys
from collections.abc import Sequence

import pytest

from operations import recount as command
from saxaul.deadline import UnansweredError
from saxaul.impact.totals import FacilityYear, Impact, MonthlyAct, Participation, RunKey, Subject, Sum, Tally
from saxaul.ledger.actions import Owner
from saxaul.storage.impact import ImpactStore, tally_key
from tests.builders import (
    FACILITY,
    NOON,
    at,
    make_action,
    make_action_type,
    make_calendar,
    make_campaign,
    make_redemption,
)
from tests.clocks import StoppedClock
from tests.integration.stack import Stack
from tests.integration.test_impact import Stream, impact, tally

CALENDAR = make_calendar()
TODAY = CALENDAR.day_of(NOON)
MEI = Owner("user", "u-mei")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits that the command asked for, in seconds. The command does not really wait."""
    found: list[float] = []
    monkeypatch.setattr(StoppedClock, "sleep", lambda _, seconds: found.append(seconds))
    monkeypatch.setattr("operations.recount.SYSTEM_CLOCK", StoppedClock(NOON))
    return found


@pytest.fixture
def counted(stack: Stack) -> Stack:
    """A stack whose ledger has two rides and two trees, all of them counted in the totals."""
    stack.seed_catalog()
    stack.accrue_all([make_action("ride-1"), make_action("ride-2")])
    stack.redemptions.add(make_redemption(trees=2).reserved(NOON))
    tally(*Stream().records())
    return stack


def recount(stack: Stack, *, mend: bool = False) -> tuple[int, list[str]]:
    """Recount, and return the number of tallies that still lack something, and the printed lines."""
    lines: list[str] = []
    report = command.recount(stack.ledger, CALENDAR, lines.append, mend=mend)
    return report.lacking, lines


def exit_of(monkeypatch: pytest.MonkeyPatch, stack: Stack, *options: str) -> object:
    """Run the command, and return its exit code."""
    arguments = ["recount", "--table", stack.ledger.name, "--time-zone", "Asia/Shanghai", *options]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as ended:
        command.main()
    return ended.value.code


def test_a_read_that_aws_does_not_answer_ends_the_command_with_an_error_message(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise UnansweredError("timeout")

    monkeypatch.setattr(command, "recount", fail)

    assert exit_of(monkeypatch, stack) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("✗ Ledger could not be read: timeout. If the stack has ended, start it with: make up.")


def test_the_json_has_each_difference(
    counted: Stack, waits: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    counted.redemptions.add(make_redemption(redemption_id="r-lost").reserved(NOON))
    capsys.readouterr()

    code = exit_of(monkeypatch, counted, "--json")

    assert (code, sum(waits)) == (1, command.COUNTED_WITHIN)
    assert json.loads(capsys.readouterr().out) == {
        "table": "Ledger",
        "is_complete": False,
        "totals": 1,
        "persons_in_runs": 0,
        "lacking": 1,
        "not_judged": [],
        "differences": ["2026-06-05 lacks 1 trees reserved"],
    }


def test_correct_totals_are_not_reported_and_cause_no_wait(counted: Stack, waits: list[float]) -> None:
    assert recount(counted) == (0, [])
    assert waits == []


def test_an_action_that_was_never_counted_is_reported_and_then_corrected(counted: Stack, waits: list[float]) -> None:
    stream = Stream()
    stream.records()
    counted.accrue_all([make_action("lost")])
    lost = stream.records()

    found, mended, after = recount(counted), recount(counted, mend=True), recount(counted)

    lines = [f"2026-06-05 lacks {what} of user alipay bus_ride" for what in ("1 actions", "1 quantity", "80 points")]
    assert found == (1, [*lines, "2026-06-05 lacks 212.5 avoided_g of user alipay bus_ride"])
    assert mended == (0, [*found[1], "2026-06-05 was corrected"])
    assert after == (0, [])
    assert impact().body["people"][0]["actions"] == 3
    assert sum(waits) == 2 * command.COUNTED_WITHIN
    assert len(lost) == 1


@pytest.fixture
def with_facility(stack: Stack) -> Stack:
    """A stack whose ledger has an action of a facility in each of two years, both of them counted in the totals."""
    stack.seed("action-types", solar=make_action_type(points=None, actor="facility"))
    stack.accrue_all([make_action(day, type="solar", occurred_at=at(f"{day}T12:00"), owner=FACILITY) for day in ENDS])
    tally(*Stream().records())
    return stack


ENDS = ("2025-12-31", "2026-01-01")


def test_what_a_facilitys_year_lacks_is_reported_and_then_corrected(with_facility: Stack, waits: list[float]) -> None:
    with_facility.accrue_all([make_action("lost", type="solar", occurred_at=at("2026-01-01T13:00"), owner=FACILITY)])

    found, mended, after = (recount(with_facility, mend=mend) for mend in (False, True, False))

    missing = [f"lacks {what}" for what in ("1 actions of", "1 quantity of", "212.5 avoided_g of")]
    lines = [f"2026-01-01 {what} facility alipay solar" for what in missing]
    lines_of_year = [f"facility dc-zhangbei in 2026 {what} 2026-01 solar" for what in missing]
    corrected = "facility dc-zhangbei in 2026 was corrected"
    assert found == (2, [*lines, *lines_of_year])
    assert mended == (0, [*lines, "2026-01-01 was corrected", *lines_of_year, corrected])
    assert after == (0, [])
    assert sum(waits) == 2 * command.COUNTED_WITHIN


def test_years_of_facilities_that_were_never_counted_are_added(with_facility: Stack, waits: list[float]) -> None:
    """A ledger that is older than the totals of facilities has none of their tallies."""
    years = [FacilityYear(FACILITY.id, year) for year in (2025, 2026)]
    for year in years:
        with_facility.ledger.delete(tally_key(year))

    lacking, lines = recount(with_facility, mend=True)

    assert (lacking, [line for line in lines if "corrected" in line]) == (
        0,
        [f"{year} was corrected" for year in years],
    )
    assert recount(with_facility) == (0, [])
    assert waits


def test_a_facilitys_year_that_counts_too_much_is_reported_but_not_corrected(
    with_facility: Stack, waits: list[float]
) -> None:
    store, year = ImpactStore(with_facility.ledger), FacilityYear(FACILITY.id, 2026)
    [stored] = store.tallies_of([year])
    store.put(stored._replace(impact=stored.impact.plus(Impact(months={MonthlyAct("2026-02", "solar"): Sum(1)}))))

    assert recount(with_facility, mend=True) == (
        0,
        ["facility dc-zhangbei in 2026 counts 1 actions of 2026-02 solar that the ledger does not hold"],
    )
    assert waits


@pytest.fixture
def with_tallies(stack: Stack) -> Stack:
    """A stack whose day has three tallies: two of shards, and one that an earlier release wrote."""
    stack.seed_catalog()
    stream = Stream()
    for number, shard in enumerate(("shardId-1", "shardId-2")):
        stack.accrue_all([make_action(f"ride-{number}")])
        tally(*stream.records(), shard=shard)
    stack.accrue_all([make_action("ride-old")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("saxaul.storage.impact.tally_number", lambda *_: None)
        tally(*stream.records(), shard="shardId-0")
    assert len(ImpactStore(stack.ledger).tallies_of([TODAY])) == 3
    return stack


def test_what_a_day_with_several_tallies_lacks_is_added_once(with_tallies: Stack, waits: list[float]) -> None:
    before = recount(with_tallies)
    with_tallies.accrue_all([make_action("lost")])

    lacking, lines = recount(with_tallies, mend=True)

    assert before == (0, [])
    assert (lacking, lines[-1]) == (0, "2026-06-05 was corrected")
    assert recount(with_tallies) == (0, [])
    assert [row["actions"] for row in impact().body["people"]] == [4]
    assert waits


def test_a_day_is_not_corrected_if_any_of_its_tallies_changes_meanwhile(
    with_tallies: Stack, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream delivers the missing change just before the correction, in a tally that has none yet."""
    stream = Stream()
    stream.records()
    with_tallies.accrue_all([make_action("late")])
    add = ImpactStore.add

    def overtaken(store: ImpactStore, subject: Subject, missing: Impact, tallies: Sequence[Tally]) -> None:
        tally(*stream.records(), shard="shardId-3")
        add(store, subject, missing, tallies)

    monkeypatch.setattr(ImpactStore, "add", overtaken)

    lacking, lines = recount(with_tallies, mend=True)

    assert (lacking, lines[-1]) == (
        1,
        "2026-06-05 was not corrected, because it changed in the meantime; run this again",
    )
    assert [row["actions"] for row in impact().body["people"]] == [4]
    assert recount(with_tallies) == (0, [])
    assert waits


def test_an_excess_in_the_totals_is_reported_but_not_corrected(counted: Stack, waits: list[float]) -> None:
    store = ImpactStore(counted.ledger)
    [day] = store.tallies_of([TODAY])
    store.put(day._replace(impact=day.impact.plus(Impact(trees={"reserved": 1}))))

    assert recount(counted, mend=True) == (0, ["2026-06-05 counts 1 trees reserved that the ledger does not hold"])
    assert impact().body["tree_counts"]["reserved"] == 3
    assert waits


def test_a_day_that_lacks_one_state_and_counts_another_is_reported_but_not_corrected(
    counted: Stack, waits: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If a change of a tree's state was never counted, the totals count the tree under another state."""
    store = ImpactStore(counted.ledger)
    [day] = store.tallies_of([TODAY])
    store.put(day._replace(impact=day.impact.plus(Impact(trees={"reserved": -1, "ordered": 1}))))

    assert exit_of(monkeypatch, counted, "--mend") == 1
    assert [line.removeprefix("· ") for line in capsys.readouterr().out.splitlines()] == [
        "2026-06-05 lacks 1 trees reserved",
        "2026-06-05 counts 1 trees ordered that the ledger does not hold",
        "2026-06-05 was not corrected, because it also counts something that the ledger does not hold",
        "✗ 1 of the totals of 1 days, years and runs lack something",
    ]
    assert impact().body["tree_counts"]["ordered"] == 1
    assert waits


def test_a_day_that_changes_during_the_count_is_not_judged_and_the_command_exits_with_1(
    counted: Stack, waits: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = Stream()
    stream.records()
    counted.accrue_all([make_action("late")])
    monkeypatch.setattr(StoppedClock, "sleep", lambda *_: tally(*stream.records()))

    assert exit_of(monkeypatch, counted, "--mend") == 1
    assert capsys.readouterr().out.splitlines() == [
        "· 2026-06-05 changed during the count",
        "✗ not judged, because they changed during the count; run this again: 2026-06-05",
    ]
    assert exit_of(monkeypatch, counted) == 0
    assert capsys.readouterr().out == "✓ the totals of 1 days, years and runs contain everything in the ledger\n"
    assert waits == []


@pytest.mark.parametrize(("lost", "status"), [(False, 0), (True, 1)])
def test_the_command_exits_with_1_if_something_is_missing(
    counted: Stack,
    waits: list[float],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    lost: bool,
    status: int,
) -> None:
    if lost:
        counted.accrue_all([make_action("lost")])

    assert exit_of(monkeypatch, counted) == status
    assert ("1 of the totals of 1 days, years and runs lack something" in capsys.readouterr().out) is lost
    assert sum(waits) == lost * command.COUNTED_WITHIN


@pytest.fixture
def campaigning(stack: Stack) -> Stack:
    """A stack whose ledger has rides of two persons that a campaign doubled. The stream delivers no more changes."""
    stack.seed("action-types", bus_ride=make_action_type())
    stack.seed("campaigns", wed=make_campaign(multipliers={"bus_ride": "2"}))
    stack.accrue_all([make_action("ride-1"), make_action("ride-2"), make_action("ride-3", owner=MEI)])
    stream = Stream()
    tally(*stream.records())
    tally(*stream.records())
    return stack


def test_the_persons_of_a_campaign_are_compared_and_shown(
    campaigning: Stack, waits: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_of(monkeypatch, campaigning) == 0
    assert capsys.readouterr().out == (
        "✓ the totals of 2 days, years and runs, and of 2 persons in runs, contain everything in the ledger\n"
    )
    assert waits == []


def test_a_person_whom_a_campaign_lacks_is_reported_and_corrected_and_then_counted_by_the_stream(
    campaigning: Stack, waits: list[float]
) -> None:
    stream = Stream()
    stream.records()
    campaigning.accrue_all([make_action("lost", owner=Owner("user", "u-lost"))])
    stream.records()
    lacking = [
        "2026-06-05 lacks 1 actions of user alipay bus_ride",
        "2026-06-05 lacks 1 quantity of user alipay bus_ride",
        "2026-06-05 lacks 160 points of user alipay bus_ride",
        "2026-06-05 lacks 212.5 avoided_g of user alipay bus_ride",
        "user u-lost in wed@2026-06-05 lacks 1 periods",
        "wed@2026-06-05 lacks 1 actions",
        "wed@2026-06-05 lacks 160 points multiplied by 2",
    ]

    found, mended = recount(campaigning), recount(campaigning, mend=True)

    assert found == (3, lacking)
    assert mended[0] == 0
    assert recount(campaigning) == (1, ["wed@2026-06-05 lacks 1 persons"])
    tally(*stream.records())
    assert recount(campaigning) == (0, [])
    assert waits


def test_a_person_whose_change_was_lost_after_the_participation_was_written_is_corrected(
    campaigning: Stack, waits: list[float]
) -> None:
    stream = Stream()
    stream.records()
    campaigning.accrue_all([make_action("new", owner=Owner("user", "u-new"))])
    tally(*stream.records())

    assert recount(campaigning, mend=True) == (0, ["wed@2026-06-05 lacks 1 persons", "wed@2026-06-05 was corrected"])
    assert recount(campaigning) == (0, [])
    assert waits


def test_a_participation_that_counts_too_much_is_reported(campaigning: Stack, waits: list[float]) -> None:
    store = ImpactStore(campaigning.ledger)
    [mei] = store.tallies_of([Participation(MEI.id, RunKey("wed", TODAY))])
    store.put(mei._replace(impact=Impact(periods=2)))

    assert recount(campaigning) == (0, ["user u-mei in wed@2026-06-05 counts 1 periods that the ledger does not hold"])
    assert waits
