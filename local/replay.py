"""Replays the published rides of a bike-sharing system as `bike_ride` actions: `python -m local.replay trips.csv`.

A ride's distance is the great-circle distance from its start to its end. All dates are shifted by the same number of
whole days, so that the last ride was yesterday. An action's id is made of a hash of the ride's row and the shifted
date, so replaying a file again on the same day changes nothing. A row that is not a valid ride is counted and reported,
and the other rows are replayed.
"""

import argparse
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from textwrap import wrap
from typing import NoReturn
from zoneinfo import ZoneInfo

from rich.text import Text

from local.action_queue import wait_until_empty, wait_until_few, waiting_in
from local.calls import StoppedError, in_parallel, stop_on_failure
from local.client import of_stack, open_client, stack_clock
from local.command import add_json, command_parser, non_empty, path, run_command
from local.console import apart_from_the_output, console, exit_with, print_json, progress, shown, step
from local.replay_report import (
    MOST_LISTED,
    Sent,
    Survey,
    Wallets,
    columns_read,
    document,
    totals,
    why_no_ride,
    why_refused,
)
from local.ride_columns import ColumnsError, parse_columns
from local.ride_files import UnreadableFileError
from local.ride_survey import RideFile
from local.rides import Ride
from local.sam import state
from local.tables import WIDTH, Column, number, print_table
from saxaul_client import Action, AppClient, Reported, Wallet

ZONE = ZoneInfo("Asia/Shanghai")
"""The programme's time zone. A ride keeps its local time of day: 08:00 in New York becomes 08:00 in this zone."""

CALL = 100
"""Rides per API call. The API puts the actions of a call into one message of the queue."""

CALLS_AHEAD = 5
"""Before each group of this many calls, the command waits until the queue has at most this many messages.

Including the calls in progress, at most about 2,000 rides wait to be posted. If many more waited, workers on a busy
machine would wait too long for the emulator, and the queue would redeliver their messages only minutes later.
"""

SENDERS = 4
READERS = 8
"""The number of threads that send rides, and the number of threads that read wallets."""


def action_of(ride: Ride, shift: timedelta) -> Action:
    """Return the ride as an action of the API, with its date shifted."""
    moved = ride.started + shift
    return Action(
        action_id=f"{ride.key}-{moved:%Y%m%d}",
        user_id=ride.user,
        type="bike_ride",
        quantity=ride.distance_km,
        occurred_at=moved.replace(tzinfo=ZONE),
    )


def shift_of(survey: Survey, today: datetime) -> timedelta:
    """Return the whole days by which the dates must be shifted so that the last ride was yesterday."""
    return timedelta(days=(today.date() - survey.last_day).days - 1)


def send(app: AppClient, rides: Iterable[Ride], shift: timedelta, total: int, sent: Sent) -> None:
    """Report the rides through the API, and count in ``sent`` how many it accepted and refused.

    Raises:
        StoppedError: the API did not respond, or refused a whole call, or the queue is stuck.
    """

    def report(batch: list[Ride]) -> tuple[list[Ride], Reported]:
        with stop_on_failure():
            return batch, app.report_actions(action_of(ride, shift) for ride in batch)

    with progress("sending the rides", "rides", total) as tell:
        paced = _paced(_batches(_young_enough(rides, sent)), lambda: tell(sent.rides))
        for batch, reported in in_parallel(report, paced, SENDERS):
            sent.add(batch, reported)
            tell(sent.rides)


def _young_enough(rides: Iterable[Ride], sent: Sent) -> Iterator[Ride]:
    """Yield the rides of later days than one of which the API refused a ride as too old. It would refuse the others.

    So a file of a year is replayed about as fast as its last days.
    """
    for ride in rides:
        if ride.started.date() > sent.too_old:
            yield ride
        else:
            sent.refused["too_old"] += 1
            sent.users.add(ride.user)


def read_wallets(app: AppClient, users: Collection[str]) -> Wallets:
    """Read the wallets of these users, and return the sums of their fields.

    Raises:
        StoppedError: the API did not respond, or refused a call.
    """

    def read(user: str) -> Wallet:
        with stop_on_failure():
            return app.wallet(user)

    wallets: list[Wallet] = []
    with progress("reading the wallets (the first ones start the workers)", "wallets", len(users)) as tell:
        for wallet in in_parallel(read, sorted(users), READERS):
            wallets.append(wallet)
            tell(len(wallets))
    return Wallets(
        spendable=sum(wallet.spendable for wallet in wallets),
        ripening=sum(wallet.ripening for wallet in wallets),
        spent=sum(wallet.spent for wallet in wallets),
        avoided_g=sum((wallet.avoided_g for wallet in wallets), Decimal(0)),
    )


def _paced(batches: Iterable[list[Ride]], on_wait: Callable[[], None]) -> Iterator[list[Ride]]:
    """Yield the batches no faster than the workers empty the queue. Calls ``on_wait`` repeatedly during a wait."""
    for calls, batch in enumerate(batches):
        if calls % CALLS_AHEAD == 0:
            wait_until_few(CALLS_AHEAD, on_wait)
        yield batch


def _batches(rides: Iterable[Ride]) -> Iterator[list[Ride]]:
    remaining = iter(rides)
    while batch := list(islice(remaining, CALL)):
        yield batch


def main() -> None:
    parser = command_parser("local.replay", __doc__)
    parser.add_argument("file", type=_file, help="a CSV file, plain or as gzip, a zip with CSV files, or a folder")
    parser.add_argument(
        "--columns", type=_columns, default={}, help="the names of columns, by meaning: start_time=Abfahrt,user=Rad"
    )
    parser.add_argument("--stations", type=_file, help="a list of stations: a CSV file, or station_information.json")
    parser.add_argument("--app", type=non_empty, default="alipay", help="the app that reports the rides")
    add_json(parser)
    chosen = parser.parse_args()
    with apart_from_the_output(needed=chosen.json):
        _run(chosen)


def _file(text: str) -> Path:
    """Parse the path of a file. Not every shell replaces a ``~`` behind ``FILE=``."""
    if text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError("is an address: download the file, and give its path")
    try:
        return path(text).expanduser()
    except RuntimeError:
        return path(text)


def _columns(text: str) -> dict[str, str]:
    try:
        return parse_columns(non_empty(text))
    except ColumnsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _run(chosen: argparse.Namespace) -> None:
    """Replay the file of a command, and print its totals."""
    today = datetime.fromtimestamp(stack_clock().now(), ZONE)
    bad_rows = state() / "replay" / f"{Path(os.path.realpath(chosen.file)).name[:60]}.bad-rows.txt"
    try:
        with step("opening", shown(chosen.file)):
            file = RideFile(chosen.file, chosen.columns, chosen.stations, today)
        with progress("reading the rides", "kB", file.kilobytes) as tell:
            survey = file.survey(bad_rows, tell)
    except (UnreadableFileError, StoppedError) as error:
        _fail(str(error))
    _show_survey(survey)
    if survey.rides:
        with open_client(AppClient, chosen.app) as app:
            sent, wallets, trouble = _replay(app, file, survey, today)
    else:
        sent, wallets, trouble = Sent(), None, why_no_ride(chosen.file, survey, bad_rows)
    show(survey, sent, wallets, bad_rows)
    if chosen.json:
        named = {"bad_row_file": bad_rows if survey.bad.count else None, "trouble": trouble}
        print_json({"file": chosen.file, **document(survey, sent, wallets), **named})
    if trouble:
        _fail(trouble)


def _fail(trouble: str) -> NoReturn:
    """End the program with a sentence, or several, on lines that a terminal shows whole."""
    first, *rest = wrap(trouble, WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    exit_with(first, [f"  {line}" for line in rest])


def _replay(app: AppClient, file: RideFile, survey: Survey, today: datetime) -> tuple[Sent, Wallets | None, str | None]:
    """Send the rides, wait until they are posted, and read the wallets.

    Returns how the API responded; the sums of the wallets, or None if they could not be read; and one sentence about
    the first failure, or None if there was none.
    """
    sent, began = Sent(), time.perf_counter()
    wallets = trouble = None
    try:
        dead = sum(waiting_in("actions_dead_letter"))
        try:
            send(app, file.rides(), shift_of(survey, today), survey.rides, sent)
            wait_until_empty()
            trouble = _new_dead_letters(dead)
        except StoppedError as error:
            trouble = str(error)
        sent.seconds = time.perf_counter() - began
        wallets = read_wallets(app, sent.users)
    except StoppedError as error:
        trouble = trouble or str(error)
    except KeyboardInterrupt:
        trouble = "Stopped. You can replay the file again today: a ride that has arrived does not count twice."
    if not (trouble or sent.accepted):
        trouble = why_refused(sent)
    return sent, wallets, trouble


def _new_dead_letters(before: int) -> str | None:
    """Return one sentence if the dead-letter queue has more messages than before the replay, or else None."""
    new = sum(waiting_in("actions_dead_letter")) - before
    listing = f"make dead-letters{of_stack()}"
    return f"{new:,} messages with accepted rides could not be posted. To list them: {listing}" if new else None


def _show_survey(survey: Survey) -> None:
    """Print what was read from which column, and what a person should know about the file."""
    for line in columns_read(survey):
        _print_folded(line)
    if survey.stations:
        _print_folded("Stations: " + ", ".join(f"{name} ({count:,})" for name, count in survey.stations.items()))
    for note in survey.notes:
        print_table([Column(), Column()], [[Text("!", "yellow"), note]], keys=0)


def _print_folded(line: str) -> None:
    print_table([Column()], [[line]])


def show(survey: Survey, sent: Sent, wallets: Wallets | None, bad_rows: Path) -> None:
    """Print the totals, and name the file that lists the bad rows."""
    print_table([Column(), number(), Column()], totals(survey, sent, wallets), indent=1)
    if survey.bad.count:
        listed = "All" if survey.bad.count.total() <= MOST_LISTED else f"The first {MOST_LISTED:,}"
        console.print(f"{shown(listed)} bad rows, with their reasons:\n  {shown(bad_rows)}")


if __name__ == "__main__":
    run_command(main)
