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
from typing import Any, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape

from local.calls import StoppedError, answered, in_parallel
from local.client import Client, stack
from local.console import console, give_up, progress, step
from local.deployment import session_of
from local.replay_report import Sent, Survey, Wallets, totals
from local.ride_files import UnreadableFileError
from local.ride_survey import RideFile
from local.rides import Ride
from local.sam import state

ZONE = ZoneInfo("Asia/Shanghai")
"""The programme's zone: a ride keeps the time of day that it had in its own city."""

PATIENCE = 120
"""Seconds without any movement after which the queue is taken to stand still."""

CALL = 100
"""Rides of a call. The queue hands 50 calls to one worker, which may write a period for each ride, in 30 seconds."""

SENDERS = 4
READERS = 8


class Waiting(NamedTuple):
    """Messages of a queue: not received yet, and received but not done."""

    visible: int
    in_flight: int


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
        StoppedError: the API did not answer, or refused a whole call.
    """
    began = time.perf_counter()

    def report(batch: list[Ride]) -> tuple[list[Ride], Any]:
        return batch, answered(client, "POST", "/actions", {"actions": [action_of(ride, shift) for ride in batch]})

    with progress("sending the rides", "rides", total) as tell:
        for batch, answer in in_parallel(report, _batches(rides), SENDERS):
            sent.accepted += answer["accepted"]
            sent.refused.update(refusal["code"] for refusal in answer["refused"])
            sent.users.update(ride.user for ride in batch)
            sent.seconds = time.perf_counter() - began
            tell(sent.accepted + sent.refused.total())


def wait_for_empty_queue(patience: float = PATIENCE) -> None:
    """Wait until no accepted action is on its way to a period any more; ends the program if the queue stands still."""
    left = watch(lambda: messages_in("actions"), patience)
    if any(left):
        give_up(_standing_still(left, patience))


def watch(count: Callable[[], Waiting], patience: float, pause: Callable[[float], None] = time.sleep) -> Waiting:
    """Wait while the queue moves: it shrinks, or messages are in flight. Gives what is left when it has stood still.

    ``patience`` is in seconds of pauses, which are 0.3 s each.
    """
    before = count()
    most = sum(before)
    quiet, still = 0 if any(before) else 1, 0.0
    with progress("waiting for the queue", "messages", most) as tell:
        while quiet < 2 and still < patience:  # noqa: PLR2004 - twice in a row: one may be between the two counts
            pause(0.3)
            now = count()
            quiet = quiet + 1 if not any(now) else 0
            still = 0.0 if now.in_flight or now.visible < before.visible else still + 0.3
            before = now
            tell(max(0, most - sum(now)))
    return before


def messages_in(queue: str) -> Waiting:
    """How many messages a queue of the stack has.

    Raises:
        StoppedError: the stack does not answer.
    """
    known = stack()
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    sqs = boto3.client("sqs", **session_of(known["endpoint_url"]))
    try:
        found = sqs.get_queue_attributes(QueueUrl=known["queues"][queue], AttributeNames=names)["Attributes"]
    except (BotoCoreError, ClientError) as error:
        raise StoppedError(f"The stack does not answer ({error}). Start the stack with: make up") from error
    return Waiting(*(int(found[name]) for name in names))


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


def _batches(rides: Iterable[Ride]) -> Iterator[list[Ride]]:
    remaining = iter(rides)
    while batch := list(islice(remaining, CALL)):
        yield batch


def _standing_still(left: Waiting, patience: float) -> str:
    return (
        f"{sum(left):,} messages of accepted actions wait, and none has moved for {patience:g} seconds. They are not "
        f"lost. {state() / 'ministack.log'} may say why; `make up` brings the stack up to date. Replay the file again "
        "today: what has arrived does not change."
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.replay", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--user", help="the column that names the user; by default the bike, or the start station")
    parser.add_argument("--app", default="alipay")
    chosen = parser.parse_args()
    today = datetime.now(ZONE)
    bad_rows = state() / "replay" / f"{chosen.file.name}.bad-rows.txt"
    try:
        with step(f"reading {escape(chosen.file.name)}"):
            file = RideFile(chosen.file, chosen.user, today)
            survey = file.survey(bad_rows)
    except UnreadableFileError as error:
        give_up(str(error))
    for note in survey.notes:
        console.print(f"[yellow]![/] {escape(note)}")
    with Client(chosen.app) as client:
        _replay(client, file, survey, today, bad_rows)


def _replay(client: Client, file: RideFile, survey: Survey, today: datetime, bad_rows: Path) -> None:
    sent = Sent()
    wallets = trouble = None
    try:
        dead = sum(messages_in("actions_dead_letter")) if survey.rides else 0
        send(client, file.rides(), shift_of(survey, today) if survey.rides else timedelta(), survey.rides, sent)
        left = watch(lambda: messages_in("actions"), PATIENCE) if sent.accepted else Waiting(0, 0)
        trouble = _standing_still(left, PATIENCE) if any(left) else _buried(dead) if sent.accepted else None
        wallets = read_wallets(client, sent.users)
    except StoppedError as error:
        trouble = f"{trouble} {error}" if trouble else str(error)
    except KeyboardInterrupt:
        trouble = "Stopped. Replay the file again today: what has arrived does not change."
    _show(survey, sent, wallets, bad_rows)
    if trouble:
        give_up(trouble)
    if not survey.rides:
        give_up("There is no ride in the file.")
    if not sent.accepted:
        give_up("The API refused every ride; docs/problems.md says what the codes above mean.")


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
