"""Replays a bike-share operator's published rides as `bike_ride` actions: `python -m local.replay trips.csv`.

A ride's distance is the great circle between where it began and where it ended. All rides move by the same number of
whole days, so that the last of them was yesterday. An action's id comes from the ride and the day it was moved to, so
replaying a file on the same day changes nothing. A row that is no ride is counted and named, and the rest goes on.
"""

import argparse
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from math import fsum
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from rich.markup import escape

from local.action_queue import PATIENCE, ease, messages_in, work_off
from local.calls import StoppedError, answered, in_parallel
from local.client import Client
from local.console import console, give_up, progress, step
from local.replay_report import Sent, Survey, Wallets, totals
from local.ride_files import UnreadableFileError
from local.ride_survey import RideFile
from local.rides import Ride
from local.sam import state

ZONE = ZoneInfo("Asia/Shanghai")
"""The programme's zone: a ride keeps the time of day that it had in its own city."""

CALL = 100
"""Rides of a call, which is one message of the queue."""

CALLS_AHEAD = 5
"""Messages that may wait before as many more are sent. With the calls under way, about 2,000 rides wait at most. Each
may be a write: a worker that got many more would run into its 30 seconds where the machine has other work, and they
would come again 3 minutes later.
"""

SENDERS = 4
READERS = 8


def action_of(ride: Ride, shift: timedelta) -> dict[str, Any]:
    """The ride as an action, moved by whole days."""
    moved = ride.started + shift
    return {
        "action_id": f"{ride.key}-{moved:%Y%m%d}",
        "user_id": ride.user,
        "type": "bike_ride",
        "quantity": ride.distance_km,
        "occurred_at": moved.replace(tzinfo=ZONE).isoformat(),
    }


def shift_of(survey: Survey, today: datetime) -> timedelta:
    """The whole days that bring the last ride to the day before today."""
    return timedelta(days=(today.date() - survey.last_day).days - 1)


def send(client: Client, rides: Iterable[Ride], shift: timedelta, total: int, sent: Sent) -> None:
    """Report the rides, and count in ``sent`` what the API said to them.

    Raises:
        StoppedError: the API did not answer, or refused a whole call, or the queue stands still.
    """

    def report(batch: list[Ride]) -> tuple[list[Ride], Any]:
        return batch, answered(client, "POST", "/actions", {"actions": [action_of(ride, shift) for ride in batch]})

    with progress("sending the rides", "rides", total) as tell:
        paced = _paced(_batches(rides), lambda: tell(sent.accepted + sent.refused.total()))
        for batch, answer in in_parallel(report, paced, SENDERS):
            sent.accepted += answer["accepted"]
            sent.refused.update(refusal["code"] for refusal in answer["refused"])
            sent.users.update(ride.user for ride in batch)
            tell(sent.accepted + sent.refused.total())


def wait_for_empty_queue(patience: float = PATIENCE) -> None:
    """Wait until no accepted action is on its way to a period any more; ends the program if the queue stands still."""
    try:
        work_off(patience)
    except StoppedError as error:
        give_up(str(error))


def read_wallets(client: Client, users: Iterable[str]) -> Wallets:
    """The sums over the wallets of these users.

    Raises:
        StoppedError: the API did not answer, or refused.
    """
    paths = [f"/users/{quote(user, safe='')}/wallet" for user in sorted(users)]
    wallets = []
    with progress("reading the wallets", "wallets", len(paths)) as tell:
        for wallet in in_parallel(lambda path: answered(client, "GET", path), paths, READERS):
            wallets.append(wallet)
            tell(len(wallets))
    spendable, ripening, spent = (
        sum(wallet[name] for wallet in wallets) for name in ("spendable", "ripening", "spent")
    )
    return Wallets(spendable, ripening, spent, fsum(wallet["avoided_g"] for wallet in wallets))


def _paced(batches: Iterable[list[Ride]], waiting: Callable[[], None]) -> Iterator[list[Ride]]:
    """The batches, no faster than the queue is worked off; calls ``waiting`` again and again meanwhile."""
    for number, batch in enumerate(batches):
        if number % CALLS_AHEAD == 0:
            ease(CALLS_AHEAD, waiting)
        yield batch


def _batches(rides: Iterable[Ride]) -> Iterator[list[Ride]]:
    remaining = iter(rides)
    while batch := list(islice(remaining, CALL)):
        yield batch


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.replay", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--user", help="the column that names the user; by default the bike, or the start station")
    parser.add_argument("--app", default="alipay")
    chosen = parser.parse_args()
    today = datetime.now(ZONE)
    bad_rows = state() / "replay" / f"{chosen.file.name[:60]}.bad-rows.txt"
    try:
        with step(f"reading {escape(chosen.file.name)}"):
            file = RideFile(chosen.file, chosen.user, today)
            survey = file.survey(bad_rows)
    except UnreadableFileError as error:
        give_up(str(error))
    for note in survey.notes:
        console.print(f"[yellow]![/] {escape(note)}")
    if survey.rides:
        with Client(chosen.app) as client:
            sent, wallets, trouble = _replay(client, file, survey, today)
    else:
        sent, wallets, trouble = Sent(), None, f"There is no ride in {chosen.file}."
    _show(survey, sent, wallets, bad_rows)
    if trouble:
        give_up(trouble)


def _replay(client: Client, file: RideFile, survey: Survey, today: datetime) -> tuple[Sent, Wallets | None, str | None]:
    """Send the rides and wait for them. Gives what is known then, and what is wrong, if anything is."""
    sent, began = Sent(), time.perf_counter()
    wallets = trouble = None
    try:
        dead = sum(messages_in("actions_dead_letter"))
        try:
            send(client, file.rides(), shift_of(survey, today), survey.rides, sent)
            work_off()
            trouble = _buried(dead)
        except StoppedError as error:
            trouble = str(error)
        sent.seconds = time.perf_counter() - began
        wallets = read_wallets(client, sent.users)
    except StoppedError as error:
        trouble = trouble or str(error)
    except KeyboardInterrupt:
        trouble = "Stopped. Replay the file again today: what has arrived does not change."
    if not (trouble or sent.accepted):
        trouble = "The API refused every ride; docs/problems.md says what the codes above mean."
    return sent, wallets, trouble


def _buried(before: int) -> str | None:
    new = sum(messages_in("actions_dead_letter")) - before
    return (
        f"{new:,} messages of accepted rides could not be posted; look into them with: make dead-letters"
        if new
        else None
    )


def _show(survey: Survey, sent: Sent, wallets: Wallets | None, bad_rows: Path) -> None:
    for line in totals(survey, sent, wallets):
        console.print(escape(line))
    if survey.bad.count:
        console.print(f"All bad rows, with their reasons: {escape(str(bad_rows))}")


if __name__ == "__main__":
    main()
