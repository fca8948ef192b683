"""Replays a bike-share operator's published trips as `bike_ride` actions: `python -m local.replay trips.csv`.

Reads the Citi Bike format, with the old header (`tripduration,starttime,…,bikeid`) and the new one
(`ride_id,rideable_type,started_at,…`). A trip's distance is the great circle between its two stations.
All trips move by the same number of whole days, so that the last of them was yesterday. An action's id comes from
the trip and the day it was moved to, so replaying a file on the same day changes nothing.
"""

import argparse
import csv
import hashlib
import math
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import boto3
from dateutil import parser as dates
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn, track
from rich.table import Table

from local.client import Client, stack
from local.console import console, give_up, step
from local.deployment import session_of

ZONE = ZoneInfo("Asia/Shanghai")
"""The programme's zone: a trip keeps the time of day that it had in its own city."""

EARTH_RADIUS_KM = 6371.0088
"""The mean radius, from the International Union of Geodesy and Geophysics."""

BATCH = 500
SENDERS = 4


class Trip(NamedTuple):
    """A published trip. Times have no zone, as published; the distance is in kilometres, to the metre."""

    key: str
    user: str
    started: datetime
    distance_km: float


class Report(NamedTuple):
    """What became of the trips of a file."""

    accepted: int
    refused: Counter[str]
    seconds: float
    users: list[str]


def read_trips(file: Path, user_column: str | None) -> Iterator[Trip]:
    """The trips of a file; one without a user or coordinates is left out.

    Raises:
        ValueError: the file has neither header, or not that column.
    """
    with file.open(newline="", encoding="utf-8-sig") as source:
        rows = csv.DictReader(source)
        columns = {_plain(name): name for name in rows.fieldnames or ()}
        new = "rideid" in columns
        names = _NEW if new else _OLD
        missing = [name for name in names if name not in columns]
        if missing:
            raise ValueError(f"{file} is not in the Citi Bike format: it has no column {missing[0]!r}.")
        user = columns.get(_plain(user_column)) if user_column else columns["startstationid" if new else "bikeid"]
        if user is None:
            raise ValueError(f"{file} has no column {user_column!r}; it has {', '.join(rows.fieldnames or ())}.")
        for row in rows:
            started, *places = (row[columns[name]] for name in names)
            if all(places) and row[user]:
                key = hashlib.sha256("|".join(row.values()).encode()).hexdigest()[:20]
                distance = round(great_circle_km(*map(float, places)), 3)
                yield Trip(key, _identifier(f"{user}-{row[user]}"), dates.parse(started), distance)


_OLD = ("starttime", "startstationlatitude", "startstationlongitude", "endstationlatitude", "endstationlongitude")
_NEW = ("startedat", "startlat", "startlng", "endlat", "endlng")


def great_circle_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """The distance between two places in degrees, by the haversine formula."""
    phi1, phi2 = math.radians(lat1), math.radians(lat2)
    half_chord = (
        math.sin((phi2 - phi1) / 2) ** 2
        + math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(half_chord))


def as_actions(trips: Iterable[Trip], today: datetime) -> list[dict[str, Any]]:
    """The trips as actions, the last of them dated the day before today."""
    trips = sorted(trips, key=lambda trip: trip.started)
    if not trips:
        return []
    shift = timedelta(days=(today.date() - trips[-1].started.date()).days - 1)
    return [
        {
            "action_id": f"{trip.key}-{trip.started + shift:%Y%m%d}",
            "user_id": trip.user,
            "type": "bike_ride",
            "quantity": trip.distance_km,
            "occurred_at": (trip.started + shift).replace(microsecond=0, tzinfo=ZONE).isoformat(),
        }
        for trip in trips
    ]


def replay(client: Client, actions: list[dict[str, Any]]) -> Report:
    """Report the actions, with a progress bar, and wait until the queue has been worked off."""
    refused: Counter[str] = Counter()
    accepted = 0
    began = time.perf_counter()
    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress, ThreadPoolExecutor(SENDERS) as senders:
        task = progress.add_task("", total=len(actions))
        batches = list(_batches(actions))
        for answer in senders.map(lambda batch: client.done("POST", "/actions", {"actions": batch}), batches):
            accepted += answer["accepted"]
            refused.update(refusal["code"] for refusal in answer["refused"])
            progress.advance(task, answer["accepted"] + len(answer["refused"]))
    with step("waiting for the queue"):
        wait_for_empty_queue()
    seconds = time.perf_counter() - began
    return Report(accepted, refused, seconds, sorted({action["user_id"] for action in actions}))


def wait_for_empty_queue(patience: float = 120) -> None:
    """Wait until no accepted action is on its way to a period any more."""
    known = stack()
    sqs = boto3.client("sqs", **session_of(known["endpoint_url"]))
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    deadline = time.monotonic() + patience
    quiet = 0
    while quiet < 2:  # noqa: PLR2004 - twice in a row, because a message may be between the two counts
        counts = sqs.get_queue_attributes(QueueUrl=known["queues"]["actions"], AttributeNames=names)["Attributes"]
        quiet = quiet + 1 if not any(map(int, counts.values())) else 0
        if time.monotonic() > deadline:
            give_up(f"The action queue is not empty after {patience:g} seconds.")
        time.sleep(0.3)


def totals(client: Client, users: list[str]) -> dict[str, float]:
    """The sums over the wallets of these users."""
    fields = ("spendable", "ripening", "spent", "avoided_g")
    with ThreadPoolExecutor(SENDERS) as readers:
        reading = readers.map(lambda user: client.done("GET", f"/users/{user}/wallet"), users)
        wallets = list(track(reading, "reading the wallets", total=len(users), console=console))
    return {name: sum(wallet[name] for wallet in wallets) for name in fields}


def _batches(actions: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    remaining = iter(actions)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _identifier(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._~@:+=-]+", "-", text)[:128]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.replay", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--user", help="the column that names the user; by default the bike, or the start station")
    parser.add_argument("--app", default="alipay")
    chosen = parser.parse_args()
    try:
        trips = list(read_trips(chosen.file, chosen.user))
    except (OSError, ValueError) as error:
        give_up(str(error))
    with Client(chosen.app) as client:
        report = replay(client, as_actions(trips, datetime.now(ZONE)))
        sums = totals(client, report.users)
    _show(report, sums)


def _show(report: Report, sums: Mapping[str, float]) -> None:
    table = Table(show_header=False, box=None)
    sent = report.accepted + report.refused.total()
    table.add_row("accepted", f"{report.accepted:,}")
    for code, count in report.refused.most_common():
        table.add_row(f"refused: {code}", f"{count:,}")
    table.add_row("users", f"{len(report.users):,}")
    table.add_row("points in their wallets", f"{sums['spendable'] + sums['ripening'] + sums['spent']:,.0f}")
    table.add_row("  spendable, ripening", f"{sums['spendable']:,.0f}, {sums['ripening']:,.0f}")
    table.add_row("grams avoided", f"{sums['avoided_g']:,.1f}")
    table.add_row("actions a second", f"{sent / report.seconds:,.0f}")
    console.print(table)


if __name__ == "__main__":
    main()
