"""Replaying published bike rides through the API of the laptop stack."""

import json
import math
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
from tests.unit.ride_samples import FORMATS, Trip, stations_of, trips, trips_of

SYSTEMS = ["Citi Bike 2016", "Capital Bikeshare 2018", "Divvy 2018", "Bluebikes 2023", "BIXI 2022"]


def of_system(position: int) -> list[Trip]:
    """Return 40 trips of a system, with bikes and stations of its own, of a few days. Each tenth is a round trip."""
    found = []
    for at, trip in enumerate(trips(40)):
        stations = [
            station._replace(number=f"{position}{station.number}", name=f"{position} {station.name}")
            for station in (trip.start, trip.end)
        ]
        end = stations[0] if at % 10 == 9 else stations[1]
        started = trip.started.replace(day=1 + at % 5)
        found.append(Trip(started, stations[0], end, f"e2e-{position}-{trip.bike}"))
    return found


def expected_points(found: list[tuple[str, Trip]], today: datetime) -> int:
    """Compute the points independently: 50 points per km of a user and day, rounded down, at most 500."""
    shift = (today.date() - max(trip.started for _, trip in found).date()).days - 1
    double = yaml.safe_load((ROOT / "catalog/campaigns.yaml").read_text())["world-environment-day"]["multipliers"]
    metre_points: defaultdict[tuple[str, Any], int] = defaultdict(int)
    for user, trip in found:
        moved = trip.started.date() + timedelta(days=shift)
        times = double.get("bike_ride", 1) if (moved.month, moved.day) == (6, 5) else 1
        metre_points[user, moved] += trip.metres * 50 * times
    return sum(min(500, points // 1000) for points in metre_points.values())


def replayed(file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a new process, with its output in a pipe instead of a terminal."""
    command = [sys.executable, "-m", "local.replay", str(file), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own


def numbers_in(output: str) -> dict[str, str]:
    """Return the number after each label of the totals."""
    return dict(re.findall(r"^ +(\S.*?) {2,}([\d,.]+)(?: |$)", output, re.MULTILINE))


@pytest.mark.usefixtures("stack")
def test_a_zip_of_five_systems_earns_the_expected_points_and_a_second_replay_adds_nothing(tmp_path: Path) -> None:
    today, found, archive = datetime.now(ZONE), [], tmp_path / "e2e-systems.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for position, name in enumerate(SYSTEMS):
            published = FORMATS[name]
            of_its_own = of_system(position)
            target.writestr(
                f"{name}/rides.csv", trips_of(published, of_its_own).encode(["utf-16", "cp1252"][position % 2])
            )
            if published.stations:
                stations = {station.number: station for trip in of_its_own for station in (trip.start, trip.end)}
                target.writestr(f"{name}/stations.csv", stations_of(published, found=stations.values()))
            by_name = name == "BIXI 2022"
            found += [
                (trip.bike if published.bike else trip.start.name if by_name else trip.start.number, trip)
                for trip in of_its_own
            ]

    first, second = (replayed(archive, "--json") for _ in range(2))

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    totals, again = json.loads(first.stdout), json.loads(second.stdout)
    assert (totals["rides"], totals["accepted"], totals["bad_rows"]) == (200, 180, {})
    assert totals["refused"] == {"quantity_out_of_range": 20}, "the round trips"
    assert totals["users"] == len({user for user, _ in found})
    assert totals["wallets"]["points"] == expected_points(found, today) > 0
    assert {**again, "duration_s": 0} == {**totals, "duration_s": 0}


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


@pytest.mark.usefixtures("stack")
def test_a_file_with_every_kind_of_bad_row_ends_with_its_totals(tmp_path: Path) -> None:
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
    assert "e2e-trips.zip.bad-rows.txt" in done.stdout.splitlines()[-1]
