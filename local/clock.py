"""Shows the clock of the laptop stack, or moves it forward.

    python -m local.clock                           show it
    python -m local.clock --at 2027-06-05T09:00     move it to a time in the programme's zone, or with an offset
    python -m local.clock --by 1d                   move it by 90s, 10m, 8h or 1d

A move waits until the queues are empty. Afterwards it runs each function once that a schedule runs, and waits again. So
what was due in between is done. The clock of a stack on AWS cannot be moved.
"""

import argparse
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from botocore.exceptions import BotoCoreError, ClientError

from local.action_queue import Waiting, wait_for_queue, waiting_in
from local.calls import StoppedError
from local.client import LAPTOP, aws_failure, is_on_laptop, stack, stack_name
from local.command import add_json, command_parser, non_empty, run_command
from local.console import apart_from_the_output, console, exit_with, print_json, progress, shown
from local.invoking import invoke_with, lambda_client
from local.stack_clock import StackClock, UnfitTimeError, instant_in, move_by, move_to, seconds_in
from local.template import resources

_PATIENCE = 30
"""Seconds without progress after which a queue counts as stuck."""

_FUNCTION_SECONDS = 300
"""The most seconds that a scheduled function may take."""

_QUEUES = ("actions", "redemptions", "planting", "photos")
"""The queues that must be empty at a move. Work that takes days is never seen on AWS, and the ledger relies on that."""


def advance(move: Callable[[], None], *, as_json: bool = False) -> None:
    """Move the clock of the running laptop stack forward by this function, and do what is due. Then print the time.

    Ends the program if the clock cannot be moved, or if what is due fails.
    """
    wait_until_idle("The clock was not moved.")
    try:
        move()
    except UnfitTimeError as error:
        exit_with(str(error))
    _run_scheduled_functions()
    wait_until_idle("The clock was moved.")
    show(as_json=as_json)


def show(*, as_json: bool = False) -> None:
    """Print the time of the stack in the programme's zone, and by how much it is ahead. As JSON, this is in seconds."""
    clock, zone = StackClock(), ZoneInfo(stack()["time_zone"])
    if as_json:
        now = datetime.fromtimestamp(clock.now(), zone)
        print_json({"time": now, "time_zone": zone.key, "ahead_s": clock.offset})
        return
    time = f"{datetime.fromtimestamp(clock.now(), zone):%A %Y-%m-%d %H:%M:%S %z}"
    ahead = f"{timedelta(seconds=clock.offset)} ahead of this machine" if clock.offset else "as on this machine"
    console.print(shown(f"{time}, {zone.key}, {ahead}"))


def scheduled_functions() -> dict[str, str]:
    """Return what the schedules of the template send to each function that they run, by the function's logical id.

    The catalog comes first, because the others read it.
    """
    found = {
        name: str(event["Properties"]["Input"])
        for name, function in resources("AWS::Serverless::Function").items()
        for event in function.get("Events", {}).values()
        if event["Type"] == "ScheduleV2"
    }
    return dict(sorted(found.items(), key=lambda each: each[0] != "PublishCatalog"))


def _run_scheduled_functions() -> None:
    known, due = stack(), scheduled_functions()
    with (
        progress("running what is due", "functions", len(due)) as tell,
        closing(lambda_client(known, _FUNCTION_SECONDS)) as client,
    ):
        for done, (logical_id, payload) in enumerate(due.items(), start=1):
            ran = invoke_with(client, logical_id, known["functions"][logical_id], payload.encode())
            if ran.failure:
                exit_with(f"The clock was moved. {logical_id} failed: {ran.failure[:300]}")
            tell(done)


def wait_until_idle(said: str) -> None:
    """Wait until the queues are empty. If they are stuck, end the program with a sentence that begins with ``said``."""

    def count() -> Waiting:
        """Count messages in flight like the others: one that fails again and again is in flight nearly all the time."""
        return Waiting(sum(sum(waiting_in(queue)) for queue in _QUEUES), 0)

    most = sum(count())
    with progress("waiting until the queues are empty", "messages", most) as tell:
        left = sum(wait_for_queue(count, 0, _PATIENCE, lambda now: tell(max(0, most - sum(now)))))
    if left:
        what = f"{left:,} messages wait in the queues, and none was processed for {_PATIENCE} seconds"
        exit_with(f"{said} {what}; see: make status")


def main() -> None:
    parser = command_parser("local.clock", __doc__, is_whole=True)
    parser.add_argument("--at", type=non_empty, help="the time to which the clock is moved")
    parser.add_argument("--by", type=non_empty, help="the span by which it is moved")
    add_json(parser)
    chosen = parser.parse_args()
    if chosen.at and chosen.by:
        parser.error("--at and --by exclude each other")
    if stack_name() != LAPTOP:
        if is_on_laptop():
            exit_with(f"{stack_name()} has the clock of the laptop stack, beside which it is. Move it with: make clock")
        exit_with(f"{stack_name()} is on AWS, where the clock cannot be moved: only the laptop stack has a test clock.")
    with apart_from_the_output(needed=chosen.json):
        _run(chosen)


def _run(chosen: argparse.Namespace) -> None:
    zone = ZoneInfo(stack()["time_zone"])
    try:
        if chosen.at:
            instant = instant_in(chosen.at, zone)
            advance(lambda: move_to(instant), as_json=chosen.json)
        elif chosen.by:
            seconds = seconds_in(chosen.by)
            advance(lambda: move_by(seconds), as_json=chosen.json)
        else:
            show(as_json=chosen.json)
    except (StoppedError, UnfitTimeError) as error:
        exit_with(str(error))
    except (BotoCoreError, ClientError) as error:
        exit_with(aws_failure("The clock of the laptop stack could not be moved", error))


if __name__ == "__main__":
    run_command(main)
