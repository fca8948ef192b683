"""Published bike trips through the API. ``TRIPS=trips.csv`` replays a real file instead of the made ones."""

import csv
import math
import os
import random
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.client import Client
from local.replay import ZONE, as_actions, read_trips, replay, totals
from local.sam import ROOT

OLD = [
    *("tripduration", "starttime", "stoptime", "start station id", "start station name", "start station latitude"),
    *("start station longitude", "end station id", "end station name", "end station latitude", "end station longitude"),
    *("bikeid", "usertype", "birth year", "gender"),
]
NEW = [
    *("ride_id", "rideable_type", "started_at", "ended_at", "start_station_name", "start_station_id"),
    *("end_station_name", "end_station_id", "start_lat", "start_lng", "end_lat", "end_lng", "member_casual"),
]


def make_trips(folder: Path, header: list[str], started: str, bike: str, places: list[str]) -> Path:
    """Three hundred trips of ten bikes in one week, some of them round trips."""
    chance = random.Random(len(header))
    file = folder / f"{header[0]}.csv"
    with file.open("w", newline="") as target:
        rows = csv.DictWriter(target, header, restval="")
        rows.writeheader()
        for number in range(300):
            start = (40.7 + chance.random() / 10, -74 + chance.random() / 10)
            end = start if number % 50 == 0 else (40.7 + chance.random() / 10, -74 + chance.random() / 10)
            moment = datetime(2015, 8, 1 + number % 7, chance.randrange(24), 30, number % 60)  # noqa: DTZ001 - as published
            cells = dict(zip(places, (*start, *end), strict=True)) | {bike: f"{number % 10}", header[0]: str(number)}
            rows.writerow(cells | {started: f"{moment:%m/%d/%Y %H:%M:%S}" if header is OLD else str(moment)})
    return file


@pytest.fixture(params=["old header", "new header"])
def trips(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if "TRIPS" in os.environ:
        return Path(os.environ["TRIPS"])
    if request.param == "old header":
        latitudes = [f"{end} station {axis}" for end in ("start", "end") for axis in ("latitude", "longitude")]
        return make_trips(tmp_path, OLD, "starttime", "bikeid", latitudes)
    return make_trips(tmp_path, NEW, "started_at", "start_station_id", ["start_lat", "start_lng", "end_lat", "end_lng"])


def expected_points(file: Path, today: datetime) -> int:
    """The sum in a few lines of its own: 50 points a kilometre, rounded down, at most 500 for a bike and a day."""
    rows = list(csv.reader(file.read_text().splitlines()))
    head, body = rows[0], rows[1:]
    old = head[0] == "tripduration"
    started, bike, *place = (1, 11, 5, 6, 9, 10) if old else (2, 5, 8, 9, 10, 11)
    days = [datetime.strptime(r[started], "%m/%d/%Y %H:%M:%S" if old else "%Y-%m-%d %H:%M:%S").date() for r in body]  # noqa: DTZ007
    shift = (today.date() - max(days)).days - 1
    double = yaml.safe_load((ROOT / "catalog/campaigns.yaml").read_text())["world-environment-day"]["multipliers"]
    earned: defaultdict[tuple[str, Any], int] = defaultdict(int)
    for row, day in zip(body, days, strict=True):
        a, b, c, d = (math.radians(float(row[column])) for column in place)
        h = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
        metres = round(2 * 6371008.8 * math.asin(math.sqrt(h)))
        moved = day + timedelta(days=shift)
        times = double.get("bike_ride", 1) if (moved.month, moved.day) == (6, 5) else 1
        earned[row[bike], moved] += metres * 50 * times // 1000
    return sum(min(500, points) for points in earned.values())


def test_replayed_trips_earn_what_the_file_says_and_nothing_more_the_second_time(alipay: Client, trips: Path) -> None:
    today = datetime.now(ZONE)
    actions = as_actions(list(read_trips(trips, None)), today)

    first = replay(alipay, actions)
    sums = totals(alipay, first.users)
    second = replay(alipay, actions)
    again = totals(alipay, second.users)

    assert first.accepted + first.refused.total() == len(actions)
    assert set(first.refused) == {"quantity_out_of_range"}, "round trips, and nothing else"
    assert sums["spendable"] + sums["ripening"] == expected_points(trips, today) > 0
    assert again == sums
