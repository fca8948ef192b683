"""Recounting the impact: missing counts are reported and corrected, unless the day changes during the count."""

import sys
from dataclasses import replace

import pytest

from operations import recount as command
from saxaul.deadline import UnansweredError
from saxaul.impact.totals import Impact
from saxaul.storage.impact import ImpactStore
from tests.builders import NOON, make_action, make_calendar, make_redemption
from tests.clocks import StoppedClock
from tests.integration.stack import Stack
from tests.integration.test_impact import Stream, impact, tally

CALENDAR = make_calendar()


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
    """Recount, and return the number of days whose totals still lack something, and the printed lines."""
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
    assert capsys.readouterr().err == "✗ Ledger could not be read: timeout\n"


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
    assert len(waits) == 2
    assert len(lost) == 1


def test_an_excess_in_the_totals_is_reported_but_not_corrected(counted: Stack, waits: list[float]) -> None:
    store = ImpactStore(counted.ledger)
    day = store.get_many([CALENDAR.day_of(NOON)])[CALENDAR.day_of(NOON)]
    store.put(replace(day, impact=day.impact.plus(Impact(trees={"reserved": 1}))))

    assert recount(counted, mend=True) == (0, ["2026-06-05 counts 1 trees reserved that the ledger does not hold"])
    assert impact().body["trees"]["reserved"] == 3
    assert waits


def test_a_day_that_lacks_one_state_and_counts_another_is_reported_but_not_corrected(
    counted: Stack, waits: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If a change of a tree's state was never counted, the totals count the tree under another state."""
    store = ImpactStore(counted.ledger)
    day = store.get_many([CALENDAR.day_of(NOON)])[CALENDAR.day_of(NOON)]
    store.put(replace(day, impact=day.impact.plus(Impact(trees={"reserved": -1, "ordered": 1}))))

    assert exit_of(monkeypatch, counted, "--mend") == 1
    assert [line.removeprefix("· ") for line in capsys.readouterr().out.splitlines()] == [
        "2026-06-05 lacks 1 trees reserved",
        "2026-06-05 counts 1 trees ordered that the ledger does not hold",
        "2026-06-05 was not corrected, because it also counts something that the ledger does not hold",
        "✗ 1 of 1 days lack something",
    ]
    assert impact().body["trees"]["ordered"] == 1
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
        "✗ not judged, because the totals changed during the count; run this again: 2026-06-05",
    ]
    assert exit_of(monkeypatch, counted) == 0
    assert capsys.readouterr().out == "✓ the totals of 1 days contain everything in the ledger\n"
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
    assert ("1 of 1 days lack something" in capsys.readouterr().out) is lost
    assert len(waits) == lost
