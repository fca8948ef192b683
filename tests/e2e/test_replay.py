"""Replaying published bike rides through the API. ``TRIPS=trips.csv`` replays a real file instead of generated ones."""

import csv
import math
import os
import random
import re
import subprocess
import sys
import zipfile
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.replay import ZONE
from local.sam import ROOT, state

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
    """Write a file of 300 trips of ten bikes in one week. Some of them are round trips."""
    rng = random.Random(len(header))
    file = folder / f"{header[0]}.csv"
    with file.open("w", newline="") as target:
        rows = csv.DictWriter(target, header, restval="")
        rows.writeheader()
        for number in range(300):
            start = (40.7 + rng.random() / 10, -74 + rng.random() / 10)
            end = start if number % 50 == 0 else (40.7 + rng.random() / 10, -74 + rng.random() / 10)
            moment = datetime(2015, 8, 1 + number % 7, rng.randrange(24), 30, number % 60)  # noqa: DTZ001 - as published
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
    """Compute the points independently: 50 points per km of a bike and day, rounded down, at most 500.

    A ride of less than 10 metres is refused.
    """
    rows = list(csv.reader(file.read_text().splitlines()))
    head, body = rows[0], rows[1:]
    old = head[0] == "tripduration"
    started, bike, *columns = (1, 11, 5, 6, 9, 10) if old else (2, 5, 8, 9, 10, 11)
    days = [datetime.strptime(r[started], "%m/%d/%Y %H:%M:%S" if old else "%Y-%m-%d %H:%M:%S").date() for r in body]  # noqa: DTZ007
    shift = (today.date() - max(days)).days - 1
    double = yaml.safe_load((ROOT / "catalog/campaigns.yaml").read_text())["world-environment-day"]["multipliers"]
    metre_points: defaultdict[tuple[str, Any], int] = defaultdict(int)
    for row, day in zip(body, days, strict=True):
        a, b, c, d = (math.radians(float(row[column])) for column in columns)
        h = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
        metres = round(2 * 6371008.8 * math.asin(math.sqrt(h)))
        moved = day + timedelta(days=shift)
        times = double.get("bike_ride", 1) if (moved.month, moved.day) == (6, 5) else 1
        metre_points[row[bike], moved] += metres * 50 * times if metres >= 10 else 0
    return sum(min(500, points // 1000) for points in metre_points.values())


def replayed(file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a new process, with its output in a pipe instead of a terminal."""
    command = [sys.executable, "-m", "local.replay", str(file), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own


def numbers_in(output: str) -> dict[str, str]:
    """Return the number after each label of the totals."""
    return dict(re.findall(r"^ +(\S.*?) {2,}([\d,.]+)(?: |$)", output, re.MULTILINE))


def test_replayed_trips_earn_the_expected_points_and_a_second_replay_adds_nothing(
    stack: dict[str, Any], trips: Path
) -> None:
    assert stack
    today = datetime.now(ZONE)

    first, second = (replayed(trips) for _ in range(2))

    assert (first.returncode, second.returncode) == (0, 0), first.stdout + first.stderr + second.stdout + second.stderr
    totals, again = numbers_in(first.stdout), numbers_in(second.stdout)
    assert {name for name in totals if name.startswith("refused")} <= {"refused: quantity_out_of_range"}, (
        "only round trips may be refused"
    )
    assert int(totals["points in their wallets"].replace(",", "")) == expected_points(trips, today) > 0
    assert {**again, "rides a second": ""} == {**totals, "rides a second": ""}


GOOD = "40.75,-73.97,40.76,-73.97,member"
EVERY_KIND = f"""\
ride_id,rideable_type,started_at,ended_at,start_station_name,start_station_id,end_station_name,end_station_id,start_lat,start_lng,end_lat,end_lng,member_casual
1,classic_bike,2024-05-01 08:00:00,,A,e2e-人民广场,B,2,{GOOD}
2,classic_bike,2024-05-01 08:00:00,,A,e2e-静安寺,B,2,{GOOD}
3,electric_bike,2024-05-01 08:00:00,,,,,,41.5,-70.5,41.51,-70.5,member
4,classic_bike,2024-05-01 08:00:00,,A,1,B,2,NULL,-73.97,40.76,-73.97,member
5,classic_bike,2024-05-01 08:00:00,,A,1,B,2,40.75,,40.76,-73.97,member
6,classic_bike,2024-05-01 08:00:00,,A,1,B,2,40.75,-73.97,inf,-73.97,member
7,classic_bike,2024-05-01 08:00:00,,A,1,B,2,40.75,-73.97,40.76,west,member
8,classic_bike,yesterday,,A,1,B,2,{GOOD}
9,classic_bike,2024-05-01 08:00:00,,A,1,B,2,{GOOD},
10,classic_bike,2024-05-01 08:00:00,,A,1,B,2,{GOOD},more
11,classic_bike,2024-05-01 08:00:00

12,classic_bike,2024-05-01 08:00:00,,"A,1,B,2,{GOOD}
13,classic_bike,2024-05-01 08:00:00,,A\0,1,B,2,{GOOD}
14,classic_bike,2024-05-01 08:00:00,,{"A" * 20_000},1,B,2,{GOOD}
15,classic_bike,2105-05-01 08:00:00,,A,1,B,2,{GOOD}
tripduration,starttime,bikeid,start station latitude,start station longitude,end station latitude,end station longitude
600,5/1/2024 09:00:00,e2e-17,40.75,-73.97,40.75,-73.97
601,5/1/2024 10:00:00,e2e-17,40.75,-73.97,40.76,-73.97
602,5/1/2024 11:00:00,e2e-"""

BAD = {
    "coordinate missing": "5, 6",
    "coordinate out of range": "7",
    "coordinate not a number": "8",
    "time unreadable": "9",
    "trailing separator": "10",
    "too many columns": "11",
    "too few columns": "12",
    "blank line": "13",
    "quote not closed": "14",
    "NUL character": "15",
    "line too long": "16",
    "time out of range": "17",
    "header again": "18",
    "last line cut short": "21",
}


def test_a_file_with_every_kind_of_bad_row_ends_with_its_totals(stack: dict[str, Any], tmp_path: Path) -> None:
    assert stack
    archive = tmp_path / "e2e-trips.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("e2e-trips.csv", EVERY_KIND)
        target.writestr("__MACOSX/._e2e-trips.csv", b"\0\5\x16\7")

    done = replayed(archive)

    assert done.returncode == 0, done.stdout + done.stderr
    totals = numbers_in(done.stdout)
    metres = round(2 * 6371008.8 * math.asin(math.sin(math.radians(0.01) / 2)))
    expected = {
        "rows read": 20,
        "rides": 5,
        "accepted": 4,
        "refused: quantity_out_of_range": 1,
        "bad rows": 15,
        "users": 4,
    }
    assert {name: int(totals[name]) for name in expected} == expected
    assert int(totals["points in their wallets"]) == 4 * (metres * 50 // 1000)
    lines = (state() / "replay" / "e2e-trips.zip.bad-rows.txt").read_text().splitlines()
    named = [re.match(r"e2e-trips\.zip/e2e-trips\.csv:(\d+): ([^:(]+?)(?: \(.*\))?: '", line) for line in lines]
    found = defaultdict(list)
    for match in named:
        assert match
        found[match[2]].append(match[1])
    assert {reason: ", ".join(numbers) for reason, numbers in found.items()} == BAD
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 80
    assert "e2e-trips.zip.bad-rows.txt" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK\3\4", "is damaged or cut short"),
        (b"a,b\n1,2\n", "has no header in the Citi Bike format"),
        (EVERY_KIND.splitlines()[0].encode(), " has no valid ride."),
    ],
)
def test_a_file_without_rides_ends_with_one_sentence(
    stack: dict[str, Any], tmp_path: Path, content: bytes, sentence: str
) -> None:
    assert stack
    file = tmp_path / "trips.csv"
    file.write_bytes(content)

    done = replayed(file)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr
