"""The command `make replay` from its arguments to its exit code, with an API in the same process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from local import replay
from local.action_queue import Waiting
from local.replay import ZONE
from local.sam import ROOT
from saxaul_client import Action, Refusal, Reported, Wallet
from tests.unit.ride_samples import CAPITAL, FORMATS, OLD, Trip, stations_of, trips, trips_of, zipped


class Api:
    """An API that accepts each ride of at least 10 metres of the last 40 days, and counts each action once."""

    def __init__(self) -> None:
        self.actions: dict[str, Action] = {}
        self.calls: list[list[Action]] = []

    def report_actions(self, given: Iterator[Action]) -> Reported:
        actions = list(given)
        self.calls.append(actions)
        oldest = datetime.now(ZONE).date() - timedelta(days=40)
        refused = []
        for index, action in enumerate(actions):
            code = "too_old" if action.occurred_at.date() < oldest else "quantity_out_of_range"
            if code == "too_old" or float(action.quantity) < 0.01:
                refused.append(Refusal(index, code, ""))
            else:
                self.actions[action.action_id] = action
        return Reported(len(actions) - len(refused), tuple(refused))

    def wallet(self, user: str) -> Wallet:
        metres = sum(round(float(action.quantity) * 1000) for action in self.actions.values() if action.user_id == user)
        return Wallet(user, metres, metres, 0, 0, 0, Decimal(metres) / 10)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Api:
    found = Api()

    @contextmanager
    def open_client(*_: object) -> Iterator[Api]:
        yield found

    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(replay, "open_client", open_client)
    monkeypatch.setattr(replay, "waiting_in", lambda _: Waiting(0, 0))
    monkeypatch.setattr(replay, "wait_until_few", lambda *_: None)
    monkeypatch.setattr(replay, "wait_until_empty", lambda: None)
    return found


Replayed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def replayed(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Replayed:
    """Return a function that replays a file, and returns the exit code, the output, and the errors."""
    assert not api.calls

    def run(content: bytes, *arguments: str, name: str = "rides.csv") -> tuple[int, str, str]:
        file = tmp_path / name
        file.write_bytes(content)
        monkeypatch.setattr(sys, "argv", ["replay", str(file), *arguments])
        code = 0
        try:
            replay.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        printed = capsys.readouterr()
        trouble = printed.err.partition("✗ ")[2].splitlines()
        assert all(len(line) <= 80 or " " not in line.strip() for line in trouble), "only a word may be longer"
        return code, printed.out, printed.err.replace("\n  ", " ")

    return run


def mixed(found: list[Trip]) -> bytes:
    """Return a zip of five systems, one of them with a month twice and with bad rows, and with a file of no rides."""
    names = ["Citi Bike 2016", "Capital Bikeshare 2018", "Divvy 2018", "Hubway 2011", "BIXI 2022"]
    members = {f"{name}/rides.csv": trips_of(FORMATS[name], found).encode("utf-16") for name in names}
    members |= {f"{name}/stations.csv": stations_of(FORMATS[name]).encode() for name in names if FORMATS[name].stations}
    lost = f"300,2018-07-01 08:00:00,,99999,Depot,{found[0].start.number},,W1,Member"
    members["Capital Bikeshare 2018/more.csv"] = f"{CAPITAL}\n{lost}\n\n{lost[:30]}".encode()
    members["Citi Bike 2016/again.csv"] = trips_of(FORMATS["Citi Bike 2016"], found).encode()
    return zipped({**members, "README.txt": b"Read me"})


def test_the_totals_of_a_mixed_zip_are_those_of_its_trips(replayed: Replayed, api: Api) -> None:
    found = trips(40)

    code, output, errors = replayed(mixed(found), "--json", name="all.zip")

    totals: dict[str, Any] = json.loads(output)
    metres = sum(trip.metres for trip in found)
    assert code == 0
    assert "✓ sending the rides" in errors
    assert {name: totals[name] for name in ("rows", "rides", "same_row_again", "accepted", "refused", "users")} == {
        "rows": 243,
        "rides": 240,
        "same_row_again": 40,
        "accepted": 240,
        "refused": {},
        "users": 7,  # three bikes, and the stations of BIXI
    }
    assert totals["wallets"]["points"] == totals["wallets"]["ripening"] == 5 * metres
    assert totals["wallets"]["avoided_g"] == pytest.approx(5 * metres / 10)
    assert totals["bad_rows"] == {
        reason: {"count": 1, "first_lines": [f"Capital Bikeshare 2018/more.csv:{line}"]}
        for reason, line in (("station unknown", 2), ("blank line", 3), ("last line cut short", 4))
    }
    assert len(Path(totals["bad_row_file"]).read_text().splitlines()) == 3
    assert sum(kind["lists"] for kind in totals["columns"]) == 7
    assert totals["stations"] == {
        f"all.zip/{name}/stations.csv": 4 for name in ("Capital Bikeshare 2018", "Divvy 2018", "Hubway 2011")
    }
    assert totals["notes"] == [
        "Not replayed: all.zip/README.txt has no header with known columns; its first line is 'Read me'."
    ]
    assert totals["trouble"] is None
    last = datetime.now(ZONE).date() - timedelta(days=1)
    assert max(action.occurred_at.date() for action in api.actions.values()) == last


def test_the_report_for_a_person_fits_into_80_columns(replayed: Replayed) -> None:
    code, output, _ = replayed(mixed(trips(40)), name="all.zip")

    lines = output.splitlines()
    assert code == 0
    assert max(len(line) for line in lines if not line.startswith(("✓", "  /"))) <= 80
    words = [" ".join(line.split()) for line in lines]
    assert {"rides 240", "the same row again 40 counted once"} <= set(words)
    assert "station unknown 1 line Capital Bikeshare 2018/more.csv:2" in words
    assert {"spendable 0", f"ripening (not harvested) {5 * sum(trip.metres for trip in trips(40)):,}"} <= set(words)
    assert lines[-2] == "All bad rows, with their reasons:"
    assert lines[-1].endswith("all.zip.bad-rows.txt")
    assert any(line.startswith("Columns of 2 lists: start_time=Start Time, start_lat=Start Station") for line in lines)


def test_a_file_of_a_year_is_replayed_without_sending_each_ride_that_is_too_old(replayed: Replayed, api: Api) -> None:
    first = datetime(2018, 1, 1, 7)  # noqa: DTZ001 - as published
    found = sorted(trips(20_000, first)[::25], key=lambda trip: trip.started, reverse=True)
    found = [trip._replace(started=first + timedelta(days=at % 360)) for at, trip in enumerate(found)] * 9

    code, output, _ = replayed(trips_of(FORMATS["Citi Bike 2013"], found).encode(), "--json")

    totals = json.loads(output)
    assert code == 0
    assert totals["accepted"] + totals["refused"]["too_old"] == totals["rides"] == len(found)
    assert totals["accepted"] == sum(trip.started >= first + timedelta(days=320) for trip in found)
    assert sum(map(len, api.calls)) < len(found) / 2
    assert totals["users"] == 3


@pytest.mark.parametrize("with_json", [True, False])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK\3\4", "is damaged or cut short"),
        (b"a,b\n1,2\n", "has no header with known columns"),
        (CAPITAL.encode(), "STATIONS=stations.csv"),
    ],
)
def test_a_file_that_cannot_be_read_ends_with_one_sentence(
    replayed: Replayed, content: bytes, sentence: str, *, with_json: bool
) -> None:
    code, output, errors = replayed(content, *["--json"] * with_json)

    assert code == 1
    assert sentence in errors.splitlines()[-1]
    assert "Traceback" not in errors
    if with_json:
        assert output == ""


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (OLD.encode(), "rides.csv has a header and no rides. Download it again, or replay another file."),
        (f"{OLD}\n\n\n{OLD[:40]}".encode(), "has no valid ride. The most frequent reason is: blank line (2 rows). "),
        (
            trips_of(FORMATS["Citi Bike 2013"], trips(3)).replace("45.", "NULL").encode(),
            "The most frequent reason is: coordinate",
        ),
    ],
)
def test_a_file_without_a_ride_says_why_after_its_totals(replayed: Replayed, content: bytes, sentence: str) -> None:
    code, output, errors = replayed(content, "--json")

    assert code == 1
    assert sentence in errors.splitlines()[-1]
    assert json.loads(output)["trouble"] in errors
    assert json.loads(output)["rides"] == 0


def test_rides_whose_stations_are_all_unknown_say_that_another_list_is_needed(
    replayed: Replayed, tmp_path: Path
) -> None:
    (tmp_path / "stations.csv").write_text("id,name,latitude,longitude\n1,A,40,-73\n")
    content = trips_of(FORMATS["Capital Bikeshare 2018"], trips(3)).encode()

    code, _, errors = replayed(content, "--stations", str(tmp_path / "stations.csv"))

    assert code == 1
    assert errors.endswith(
        "station unknown (3 rows). Give a list of the stations of that time: STATIONS=stations.csv.\n"
    )


def test_rides_that_are_all_refused_say_why(replayed: Replayed) -> None:
    round_trips = [trip._replace(end=trip.start) for trip in trips(3)]

    code, output, errors = replayed(trips_of(FORMATS["Citi Bike 2013"], round_trips).encode())

    assert code == 1
    assert "refused: quantity_out_of_range 3" in [" ".join(line.split()) for line in output.splitlines()]
    assert errors == "✗ The API refused every ride: each ends where it began, or is too long. Replay another file.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--columns", "Abfahrt"], "'Abfahrt' names no column"),
        (["--columns", "when=Abfahrt"], "COLUMNS has no meaning 'when'"),
        (["--columns", ""], "must not be empty"),
        (["--stations", ""], "must not be empty"),
        (["--stations", "https://example.org/stations.csv"], "is an address: download the file, and give its path"),
        (["--user", "Rad"], "unrecognized arguments"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_refused(replayed: Replayed, arguments: list[str], sentence: str) -> None:
    code, _, errors = replayed(b"", *arguments)

    assert code == 2
    assert sentence in errors


def test_a_folder_that_cannot_be_written_is_named(replayed: Replayed, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "replay").write_bytes(b"")

    code, _, errors = replayed(trips_of(FORMATS["BIXI 2022"], trips(1)).encode())

    assert code == 1
    assert "rides.csv.bad-rows.txt cannot be written: " in errors.splitlines()[-1]


def test_a_path_may_begin_with_the_home_folder(
    replayed: Replayed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "stations.csv").write_text(stations_of(FORMATS["Divvy 2018"]), "utf-8")

    assert replayed(trips_of(FORMATS["Divvy 2018"], trips(2)).encode(), "--stations", "~/stations.csv")[0] == 0
    assert replayed(b"", "--stations", "~nobody-of-this-name/stations.csv")[0] == 1


def test_a_file_that_is_not_there_is_named(replayed: Replayed, tmp_path: Path) -> None:
    gone = str(tmp_path / "gone.csv")

    code, _, errors = replayed(trips_of(FORMATS["BIXI 2022"], trips(1)).encode(), "--stations", gone)

    assert (code, errors) == (1, f"✗ There is no file {gone}.\n")


@pytest.mark.usefixtures("api")
def test_a_link_to_itself_is_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    monkeypatch.setattr(sys, "argv", ["replay", str(loop)])

    with pytest.raises(SystemExit):
        replay.main()

    said = " ".join(capsys.readouterr().err.split())  # it is folded at 80 columns
    assert said.endswith("cannot be read: Too many levels of symbolic links.")


@pytest.mark.parametrize(
    ("given", "options"),
    [
        (["COLUMNS=user=Bike #, bike=B"], ["--columns", "user=Bike #, bike=B"]),
        (["STATIONS=of May.csv", "JSON=1"], ["--stations", "of May.csv", "--json"]),
        ([], []),
    ],
)
def test_make_passes_its_variables_on_but_not_the_width_of_the_terminal(
    tmp_path: Path, given: list[str], options: list[str]
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    python.chmod(0o755)
    command = [
        "make",
        "--no-print-directory",
        "--old-file=env",
        f"BIN={tmp_path}",
        "replay",
        "FILE=May 2024.zip",
        *given,
    ]
    environment = {**os.environ, "COLUMNS": "80"}

    shown = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)  # noqa: S603

    assert shown.stdout.splitlines() == ["-m", "local.replay", "May 2024.zip", *options]
