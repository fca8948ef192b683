"""Replay the published rides of a bike-share operator as `bike_ride` actions: `python -m local.replay trips.csv`.

A ride's distance is the great-circle distance from its start to its end. All rides are moved by the same number of
whole days, so that the last one was yesterday. An action's id is made of the ride and the day that it was moved to, so
replaying a file again on the same day changes nothing. A row that is not a valid ride is counted and reported, and the
other rows are replayed.
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
"""The programme's time zone. A ride keeps the local time of day that it had in its own city."""

CALL = 100
"""Rides per API call. Each call is one message in the queue."""

CALLS_AHEAD = 5
"""The most messages that may wait in the queue before as many more are sent.

With the calls in progress, at most about 2,000 rides wait. Each of them may be a write. On a busy machine, a worker
with many more would reach its timeout of 30 seconds, and its messages would be delivered again 3 minutes later.
"""

SENDERS = 4
READERS = 8


def action_of(ride: Ride, shift: timedelta) -> dict[str, Any]:
    """Return the ride as an action, moved by whole days."""
    moved = ride.started + shift
    return {
        "action_id": f"{ride.key}-{moved:%Y%m%d}",
        "user_id": ride.user,
        "type": "bike_ride",
        "quantity": ride.distance_km,
        "occurred_at": moved.replace(tzinfo=ZONE).isoformat(),
    }


def shift_of(survey: Survey, today: datetime) -> timedelta:
    """Return the number of whole days that moves the last ride to yesterday."""
    return timedelta(days=(today.date() - survey.last_day).days - 1)


def send(client: Client, rides: Iterable[Ride], shift: timedelta, total: int, sent: Sent) -> None:
    """Report the rides through the API, and count in ``sent`` how many it accepted and refused.

    Raises:
        StoppedError: the API did not respond or refused a whole call, or the queue did not move.
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
    """Wait until all accepted actions are posted to their periods. Ends the program if the queue does not move."""
    try:
        work_off(patience)
    except StoppedError as error:
        give_up(str(error))


def read_wallets(client: Client, users: Iterable[str]) -> Wallets:
    """Read the wallets of these users, and return their sums.

    Raises:
        StoppedError: the API did not respond, or refused a call.
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
    """Yield the batches no faster than the workers empty the queue. Calls ``waiting`` repeatedly during a wait."""
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
    parser.add_argument("--user", help="the column to use as the user; by default the bike, or the start station")
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
        sent, wallets, trouble = Sent(), None, f"{chosen.file} has no valid ride."
    _show(survey, sent, wallets, bad_rows)
    if trouble:
        give_up(trouble)


def _replay(client: Client, file: RideFile, survey: Survey, today: datetime) -> tuple[Sent, Wallets | None, str | None]:
    """Send the rides, wait until they are posted, and read the wallets.

    Returns what is known at the end, and one sentence about the first failure, or None.
    """
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
        trouble = "Stopped. You can replay the file again today: rides that have arrived do not count twice."
    if not (trouble or sent.accepted):
        trouble = "The API refused every ride. docs/problems.md explains the codes above."
    return sent, wallets, trouble


def _buried(before: int) -> str | None:
    new = sum(messages_in("actions_dead_letter")) - before
    return f"{new:,} messages with accepted rides could not be posted. To list them: make dead-letters" if new else None


def _show(survey: Survey, sent: Sent, wallets: Wallets | None, bad_rows: Path) -> None:
    for line in totals(survey, sent, wallets):
        console.print(escape(line))
    if survey.bad.count:
        console.print(f"All bad rows, with their reasons: {escape(str(bad_rows))}")


if __name__ == "__main__":
    main()
