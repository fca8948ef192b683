"""The clock of the laptop stack: the times that it accepts, how it moves, and whose clocks follow it."""

import fcntl
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from local import clock as clock_command
from local import stack as stack_command
from local.action_queue import Waiting
from local.client import stack_clock
from local.emulator import with_clock
from local.stack_clock import (
    StackClock,
    UnfitTimeError,
    clock_file,
    forget,
    instant_in,
    move_by,
    move_to,
    seconds_in,
)
from local.worker_clock import ClockFinder, move, offset_in
from saxaul.clock import SYSTEM_CLOCK, Clock
from tests.clocks import StoppedClock

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = 86_400
TOLERANCE = 3_600
"""Seconds that may pass between two looks at a clock, on a machine that stops for a while. The clock moves by days."""


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.delenv("SAXAUL_STACK", raising=False)
    return tmp_path


def is_ahead_by(seconds: int) -> bool:
    return seconds <= StackClock().now() - int(time.time()) + 1 <= seconds + TOLERANCE


# --- Times and spans --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2027-06-05T09:00", "2027-06-05T01:00:00"),
        ("2027-06-05 09:00:30", "2027-06-05T01:00:30"),
        ("2027-06-05", "2027-06-04T16:00:00"),
        ("2027-06-05T09:00Z", "2027-06-05T09:00:00"),
        ("2027-06-05T09:00:00-03:30", "2027-06-05T12:30:00"),
    ],
)
def test_a_time_without_an_offset_is_in_the_zone_of_the_programme(text: str, utc: str) -> None:
    assert datetime.fromtimestamp(instant_in(text, SHANGHAI), UTC).replace(tzinfo=None).isoformat() == utc


@pytest.mark.parametrize(
    "text",
    [
        "",
        "noon",
        "2027",
        "2027-6-5",
        "2027-06-31",
        "2027-06-05T25:00",
        "20270605T0900",
        "2027-W22-6",
        "1d",
        "-2027-06-05",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UnfitTimeError, match="is not a time"):
        instant_in(text, SHANGHAI)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("8h", 28_800), ("1d", DAY), ("007d", 7 * DAY)]
)
def test_a_span_is_a_whole_number_and_its_unit(text: str, seconds: int) -> None:
    assert seconds_in(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "1", "0d", "-1d", "1.5d", "1w", "1 d", "1d2h", "\u0663d", "9999999999s"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(UnfitTimeError, match="is not a span"):
        seconds_in(text)


# --- Moving -----------------------------------------------------------------------------------------------------------


def test_a_clock_that_was_never_moved_shows_the_time_of_the_machine() -> None:
    assert StackClock().offset == 0
    assert is_ahead_by(0)


def test_a_moved_clock_goes_on() -> None:
    move_to(int(time.time()) + 3 * DAY)
    before = StackClock().now_ns()

    assert is_ahead_by(3 * DAY - 1)
    assert StackClock().now_ns() > before
    assert abs(StackClock().now_ns() / 1e9 - StackClock().now()) < TOLERANCE


def test_two_moves_add_up() -> None:
    move_by(DAY)
    move_by(60)

    assert StackClock().offset == DAY + 60


def test_the_clock_never_goes_back() -> None:
    move_by(DAY)

    for instant in (int(time.time()), int(time.time()) + DAY - 60, StackClock().now()):
        with pytest.raises(UnfitTimeError, match="only goes forward"):
            move_to(instant)
    assert StackClock().offset == DAY


def test_the_clock_goes_no_further_than_this_century() -> None:
    with pytest.raises(UnfitTimeError, match="2099"):
        move_by(100 * 365 * DAY)
    with pytest.raises(UnfitTimeError, match="2099"):
        move_to(instant_in("2100-01-02", SHANGHAI))
    assert StackClock().offset == 0


def test_no_move_is_lost_if_several_happen_at_once() -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: move_by(1), range(100)))

    assert StackClock().offset == 100


def test_a_stack_that_starts_has_the_time_of_the_machine(state_folder: Path) -> None:
    move_by(DAY)

    forget()

    assert StackClock().offset == 0
    assert [file.name for file in state_folder.iterdir()] == ["clock.lock"]


def test_a_stack_that_starts_waits_for_a_process_that_moves_the_clock(state_folder: Path) -> None:
    move_by(DAY)
    with ThreadPoolExecutor(1) as threads:
        with (state_folder / "clock.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            forgotten = threads.submit(forget)
            with pytest.raises(TimeoutError):
                forgotten.result(timeout=0.2)
            assert StackClock().offset == DAY
        forgotten.result(timeout=60)

    assert StackClock().offset == 0


# --- Workers ----------------------------------------------------------------------------------------------------------

WORKER = """
import sys, time
for _ in sys.stdin:
    from saxaul.clock import SYSTEM_CLOCK
    print(SYSTEM_CLOCK.now() - int(time.time()), (SYSTEM_CLOCK.now_ns() - time.time_ns()) // 10**9,
          round(SYSTEM_CLOCK.elapsed() - time.monotonic()), flush=True)
"""


@pytest.fixture
def worker() -> Iterator["subprocess.Popen[str]"]:
    """A process that shows at each line how far its clocks are ahead. It starts as the workers of the stack do."""
    program = [sys.executable, "-c", with_clock(WORKER, str(clock_file()))]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        yield process
        process.kill()


def looks(worker: "subprocess.Popen[str]") -> list[int]:
    """Return by how many seconds a worker's clocks are ahead: that of seconds, of nanoseconds, and of durations."""
    assert worker.stdin
    assert worker.stdout
    worker.stdin.write("\n")
    worker.stdin.flush()
    return [int(ahead) for ahead in worker.stdout.readline().split()]


def roughly(*seconds: int) -> list[Any]:
    return [pytest.approx(each, abs=TOLERANCE) for each in seconds]


def test_a_running_worker_follows_each_move_and_so_do_the_ages_of_its_caches(worker: "subprocess.Popen[str]") -> None:
    assert looks(worker) == roughly(0, 0, 0)
    move_by(DAY)
    assert looks(worker) == roughly(DAY, DAY, DAY)
    move_by(DAY)
    assert looks(worker) == roughly(2 * DAY, 2 * DAY, 2 * DAY)


def test_a_worker_that_starts_later_has_the_moved_clock_from_its_first_look(worker: "subprocess.Popen[str]") -> None:
    move_by(DAY)

    assert looks(worker) == roughly(DAY, DAY, DAY)


def test_only_the_module_of_the_clock_is_changed_when_it_is_imported() -> None:
    finder = ClockFinder(str(clock_file()))

    assert [finder.find_spec(name) for name in ("json", "saxaul", "saxaul.races", "clock")] == [None] * 4


def test_a_clock_of_any_class_can_be_moved(state_folder: Path) -> None:
    class Other(StoppedClock):
        pass

    move(Other, str(state_folder / "clock"))
    move_by(DAY)

    assert (Other(7).now(), Other(7).now_ns()) == (DAY + 7, (DAY + 7) * 10**9)
    assert StoppedClock(7).now() == 7


def test_a_damaged_file_is_an_error_and_not_another_time(state_folder: Path) -> None:
    (state_folder / "clock").write_text("soon")

    with pytest.raises(ValueError, match="soon"):
        offset_in(str(state_folder / "clock"))


# --- Commands ---------------------------------------------------------------------------------------------------------


def test_commands_use_the_clock_of_the_laptop_stack_and_never_for_a_stack_on_aws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    move_by(DAY)

    assert isinstance(stack_clock(), StackClock)
    monkeypatch.setenv("SAXAUL_STACK", "trees")
    assert stack_clock() is SYSTEM_CLOCK
    assert type(SYSTEM_CLOCK) is Clock


def refusal(command: Any, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> str:  # noqa: ANN401
    """Return what a command prints to standard error before it ends, which it must."""
    monkeypatch.setattr(sys, "argv", ["command", *arguments])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code
    return str(capsys.readouterr().err)


@pytest.mark.parametrize("arguments", [[], ["--by", "1d"], ["--at", "2050-01-01"]])
def test_the_clock_of_a_stack_on_aws_cannot_be_moved(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAXAUL_STACK", "trees")

    error = refusal(clock_command, arguments, monkeypatch, capsys)

    assert error == ("✗ trees is on AWS, where the clock cannot be moved: only the laptop stack has a test clock.\n")
    assert not clock_file().exists()


def test_a_time_and_a_span_exclude_each_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "exclude each other" in refusal(clock_command, ["--at", "2050-01-01", "--by", "1d"], monkeypatch, capsys)


def test_without_a_running_stack_the_clock_cannot_be_moved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "start it with: make up" in refusal(clock_command, ["--by", "1d"], monkeypatch, capsys)
    assert not clock_file().exists()


def test_a_running_stack_is_not_started_at_another_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stack_command, "running", SimpleNamespace)

    error = refusal(stack_command, ["up", "--at", "2050-01-01"], monkeypatch, capsys)

    assert "make clock AT=2050-01-01" in error
    assert not clock_file().exists()


@pytest.mark.parametrize("at", ["2020-01-01", "noon", "2100-06-01"])
def test_a_stack_cannot_start_in_the_past_or_at_no_time(
    at: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("the emulator was started"))

    assert refusal(stack_command, ["up", "--at", at], monkeypatch, capsys).count("\n") == 1
    assert not clock_file().exists()


def test_the_json_of_the_clock_has_the_time_and_how_far_it_is_ahead(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(clock_command, "stack", lambda: {"time_zone": "Asia/Shanghai"})
    move_by(DAY)

    clock_command.show(as_json=True)

    found = json.loads(capsys.readouterr().out)
    assert abs(datetime.fromisoformat(found["time"]).timestamp() - time.time() - DAY) < TOLERANCE
    assert (found["time_zone"], found["ahead_s"]) == ("Asia/Shanghai", DAY)


def test_the_clock_is_not_moved_while_work_is_stuck_in_a_queue(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stuck = {"actions": Waiting(0, 0), "redemptions": Waiting(2, 0), "planting": Waiting(1, 0), "photos": Waiting(4, 0)}
    monkeypatch.setattr(clock_command, "waiting_in", stuck.__getitem__)
    monkeypatch.setattr(clock_command, "_PATIENCE", 0.5)

    with pytest.raises(SystemExit):
        clock_command.advance(lambda: move_by(DAY))

    assert "The clock was not moved. 7 messages wait in the queues" in capsys.readouterr().err
    assert StackClock().offset == 0


def test_the_scheduled_functions_are_those_of_the_template_and_the_catalog_is_first() -> None:
    found = clock_command.scheduled_functions()

    assert next(iter(found)) == "PublishCatalog"
    assert found.keys() == {
        *("PublishCatalog", "SweepRedemptions", "ScheduleOrders"),
        *("EndOverlaps", "SequenceLog", "ErasePersons"),
    }
    assert found["ScheduleOrders"] == '{"schedule": "planting"}'
