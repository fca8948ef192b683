"""Headers, separators, times and numbers of ride files, and the names that COLUMNS= gives."""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local import ride_survey
from local.replay import ZONE
from local.replay_report import Survey
from local.ride_cells import BadCellError
from local.ride_columns import RIDE_COLUMNS, STATION_COLUMNS, ColumnsError, parse_columns, plain
from local.ride_files import UnreadableFileError
from local.ride_headers import station_header_of
from local.ride_survey import RideFile
from local.ride_times import start_time
from local.rides import Ride
from local.sam import ROOT
from tests.unit.ride_samples import FORMATS, NEW, OLD, trips, trips_of, zipped

TODAY = datetime(2026, 6, 5, 12, tzinfo=ZONE)
LATEST = datetime(2026, 6, 6)  # noqa: DTZ001 - as published
OWN = "Rad;Abfahrt;Breite, Start;Länge = Start;Breite Ziel;Länge Ziel"
OWN_RIDE = "7;01.05.2024 08:30;40,75;-73,97;40,76;-73,98"
OWN_PLACES = "start_lat=Breite, Start,start_lng=Länge = Start,end_lat=breite_ziel,end_lng=Länge Ziel"
OWN_COLUMNS = f"start_time=Abfahrt, {OWN_PLACES},user=Rad"

Read = Callable[..., tuple[Survey, list[Ride]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_file(content: str | bytes, columns: str = "", name: str = "rides.csv") -> tuple[Survey, list[Ride]]:
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        rides = RideFile(file, parse_columns(columns) if columns else {}, None, TODAY)
        return rides.survey(tmp_path / "bad-rows.txt"), list(rides.rides())

    return read_file


def test_a_person_can_name_the_columns_of_any_file(read: Read) -> None:
    survey, rides = read(f"{OWN}\n{OWN_RIDE}\n", OWN_COLUMNS)

    assert survey.bad.count.total() == 0
    assert [(ride.user, str(ride.started)) for ride in rides] == [("rad-7", "2024-05-01 08:30:00")]
    assert rides[0].distance_km == pytest.approx(1.395, abs=0.001)


def test_all_bad_rows_are_counted_and_the_first_are_listed(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ride_survey, "MOST_LISTED", 3)

    survey, _ = read(trips_of(FORMATS["Citi Bike 2013"], trips(2)) + "\n" * 10)

    assert survey.rides == 2
    assert survey.bad.count == {"blank line": 10}
    assert len((tmp_path / "bad-rows.txt").read_text().splitlines()) == 3


def test_a_list_of_rides_whose_first_column_is_the_start_time_is_no_list_of_stations() -> None:
    places = "latitude,longitude,station_id"

    assert station_header_of(f"start_time,{places}", {}) is None
    assert station_header_of(places, {}) is not None


def users(rides: list[Ride]) -> set[str]:
    return {ride.user for ride in rides}


def test_a_named_column_counts_before_a_known_one(read: Read) -> None:
    text = trips_of(FORMATS["Citi Bike 2013"], trips(3))

    assert users(read(text, "bike=gender")[1]) == {"bike-0"}
    assert users(read(text, "user=usertype")[1]) == {"usertype-Subscriber"}


def test_the_user_is_the_bike_or_else_the_station_or_else_the_place_of_the_start(read: Read) -> None:
    text = trips_of(FORMATS["Citi Bike 2013"], trips(3))

    assert users(read(text)[1]) == {"bike-W00000", "bike-W00001", "bike-W00002"}
    assert users(read(text, "bike=birth year")[1]) == {"station-31111", "station-31202", "station-31307"}
    assert users(read(text, "user=birth year")[1]) == {"at~45.50~-73.57", "at~45.52~-73.56", "at~45.53~-73.57"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Abfahrt", "'Abfahrt' names no column: write meaning=column"),
        ("start_time=", "'start_time=' names no column"),
        ("start_time= # ", "names no column"),
        ("=Abfahrt", "COLUMNS has no meaning ''"),
        ("starttime=Abfahrt", "COLUMNS has no meaning 'starttime'. The meanings are start_time, start_lat, "),
        ("user=a,user=b", "COLUMNS names two columns for user: 'a' and 'b'."),
        ("start_lat=x,end_lat=X", "COLUMNS gives the column 'X' two meanings: start_lat and end_lat."),
    ],
)
def test_columns_that_cannot_be_meant_are_refused_with_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ColumnsError, match=re.escape(sentence)) as refused:
        parse_columns(text)

    assert "\n" not in str(refused.value)


def test_the_column_of_the_user_may_have_another_meaning_too() -> None:
    assert parse_columns("bike=Rad,user=Rad") == {"bike": "Rad", "user": "Rad"}


def test_a_list_of_stations_may_have_a_column_of_the_same_name() -> None:
    assert len(parse_columns("start_lat=Breite,station_lat=Breite")) == 2


@given(st.dictionaries(st.sampled_from(sorted(RIDE_COLUMNS)), st.text("aä車 #=(),1", min_size=1, max_size=20)))
def test_each_name_is_read_back_as_it_was_given(columns: dict[str, str]) -> None:
    named = {meaning: name.strip() for meaning, name in columns.items() if plain(name)}
    named = {meaning: name for meaning, name in named.items() if not re.search(r",\s*\w+\s*=", f"{name},")}
    different = {plain(name): meaning for meaning, name in named.items()}
    unique = {meaning: named[meaning] for meaning in different.values()}
    text = ",".join(f"{meaning}={name}" for meaning, name in unique.items())

    if unique:
        assert parse_columns(text) == unique


def test_a_column_that_is_not_there_is_named_with_those_that_are(read: Read) -> None:
    with pytest.raises(UnreadableFileError, match=r"rides\.csv has no column 'Rad'; it has ride_id, rideable_type, "):
        read(NEW, "user=Rad")


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (NEW.replace("started_at", "when"), "no known column for the start time; it has ride_id, rideable_type, when"),
        (NEW.replace("started_at", "when"), "Name it: COLUMNS='start_time=…'"),
        ("started_at,end_lat,end_lng", "no known column for the place where a ride starts; it has started_at, end_lat"),
        ("started_at,start_lat,start_lng,end_lat", "no known column for the place where a ride ends; it has"),
        ("started_at,start_station_id", "COLUMNS='end_lat=…,end_lng=…', or of its station, COLUMNS='end_station_id=…'"),
        ("a,b,c", "has no header with known columns; its first line is 'a,b,c'. If that is a header, name its columns"),
        ("<!DOCTYPE html>", "is a web page or XML and not a list of rides. Download the file of the rides again."),
        ('<?xml version="1.0"?><Error><Code>AccessDenied</Code>', "is a web page or XML"),
        ('{"trips": []}', "has no list of rides. It must be a CSV file, or a zip or a folder with CSV files."),
        (f"A title\n{NEW.replace('started_at', 'when')}", "no known column for the start time; it has ride_id"),
    ],
)
def test_a_header_that_lacks_something_says_what_and_how_to_give_it(read: Read, header: str, sentence: str) -> None:
    with pytest.raises(UnreadableFileError, match=re.escape(sentence)) as refused:
        read(f"{header}\n")

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.7z", b"7z\xbc\xaf\x27\x1c", "is a 7z archive. Unpack it, or save it as CSV, and give the CSV file."),
        ("a.rar", b"Rar!\x1a\7", "is a RAR archive."),
        ("a.parquet", b"PAR1\0", "is a Parquet file."),
        ("a.xls", b"\xd0\xcf\x11\xe0", "is a spreadsheet."),
        ("a.xlsx", zipped({"xl/workbook.xml": b"<x/>", "[Content_Types].xml": b"<x/>"}), "is a spreadsheet. Save it"),
    ],
)
def test_a_file_of_another_format_is_named(read: Read, name: str, content: bytes, sentence: str) -> None:
    with pytest.raises(UnreadableFileError, match=re.escape(sentence)):
        read(content, name=name)


@pytest.mark.parametrize("above", ["sep=,\n", "Trips of May\n\nsource: us,,,\n", ",,,,\n" * 9])
def test_lines_above_the_header_are_reported_and_the_rides_are_read(read: Read, above: str) -> None:
    survey, rides = read(above + trips_of(FORMATS["Citi Bike 2021"], trips(2)))

    assert set(survey.bad.count) == {"above the header"}
    assert len(rides) == 2


@pytest.mark.parametrize("surplus", [1, 3])
def test_every_row_may_end_with_separators_if_the_first_one_does(read: Read, surplus: int) -> None:
    header, *rows = trips_of(FORMATS["Citi Bike 2013"], trips(4)).splitlines()
    behind = "," * surplus

    assert read("\n".join([header, *(row + behind for row in rows)]))[0].bad.count.total() == 0
    assert read("\n".join([header, *(row + behind for row in rows[:3]), rows[3]]))[0].bad.count.total() == 0
    assert read("\n".join([header, rows[0] + behind, rows[1] + behind + ","]))[0].bad.count == {"trailing separator": 1}
    assert read("\n".join([header, rows[0], rows[1] + behind]))[0].bad.count == {"trailing separator": 1}
    assert read("\n".join([header, rows[0] + behind + "x", rows[1]]))[0].bad.count == {"too many columns": 1}


def test_columns_that_another_program_has_added_are_left_alone(read: Read) -> None:
    header, *rows = trips_of(FORMATS["Citi Bike 2021"], trips(3)).splitlines()
    lines = [f",{header},Unnamed: 5", *(f"{at},{row}," for at, row in enumerate(rows))]

    assert read("\n".join(lines))[0].rides == 3


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_decimal_comma_is_read_if_it_does_not_separate_cells(read: Read, separator: str) -> None:
    header = separator.join(("started_at", "start_lat", "start_lng", "end_lat", "end_lng"))
    rows = [("40,75", "-73,97", "40,76", "-73,98"), ("40.75", "-73.97", "40,76", "-73,98"), ("4.0,7", "1", "1", "1")]

    survey, rides = read("\n".join([header, *(separator.join(("2024-05-01 08:30", *row)) for row in rows)]))

    assert [ride.distance_km for ride in rides] == [pytest.approx(1.395, abs=0.001)] * 2
    assert survey.bad.count == {"coordinate not a number": 1}


@pytest.mark.parametrize(
    ("cell", "column", "started"),
    [
        ("1653343831220", "starttimems", "2022-05-23 18:10:31"),
        ("1653343831220.0", "starttimems", "2022-05-23 18:10:31"),
        ("1653343831220", "abfahrt", "2022-05-23 22:10:31"),
        ("1653343831", "abfahrt", "2022-05-23 22:10:31"),
        ("2014-04-15 00:01", "startdate", "2014-04-15 00:01:00"),
        ("2021-06-29 17:46:28.653", "startdate", "2021-06-29 17:46:28"),
        ("2019-12-01 00:00:05.5640", "starttime", "2019-12-01 00:00:05"),
        ("6/30/2016 23:59", "starttime", "2016-06-30 23:59:00"),
        ("2/10/2015 2:04:42 PM", "starttime", "2015-02-10 14:04:42"),
        ("31.12.2019 23:59", "abfahrt", "2019-12-31 23:59:00"),
        ("2018-07-01 00:00:05 UTC", "starttime", "2018-07-01 00:00:05"),
        ("2024-05-01T08:30:00+02:00", "startedat", "2024-05-01 08:30:00"),
    ],
)
def test_a_time_is_read_as_it_is_published(cell: str, column: str, started: str) -> None:
    assert str(start_time(cell, column, LATEST)) == started


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("31/12/2019 23:59", "day before the month"),
        ("31/31/2019 23:59", "time unreadable"),
        ("2019-12-31", "time unreadable"),
        ("20191231", "time unreadable"),
        ("1.65334E+12", "time unreadable"),
        ("99.99.2019 08:00", "time unreadable"),
        ("4102444800", "time out of range"),
        ("9999999999999", "time out of range"),
        ("000000000", "time out of range"),
        ("-", "time missing"),
    ],
)
def test_a_time_that_cannot_be_read_says_why(cell: str, reason: str) -> None:
    with pytest.raises(BadCellError, match=reason):
        start_time(cell, "starttime", LATEST)


def test_dates_with_the_day_first_are_named_in_a_note(read: Read) -> None:
    text = (
        trips_of(FORMATS["Citi Bike 2016"], trips(3)).replace("7/1/2018", "31/8/2016").replace("7/2/2018", "5/8/2016")
    )

    survey, _ = read(text)

    assert survey.bad.count == {"day before the month": 2}
    assert len(survey.notes) == 1
    assert survey.notes[0].startswith("2 rows have a date such as 31/08/2016. With slashes, the month is read first")


def test_the_documented_columns_are_those_that_are_known() -> None:
    text = (ROOT / "docs/replay.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \|[^|]*\| (.*) \|$", text, re.MULTILINE))

    assert {meaning: re.findall(r"`([^`]+)`", names) for meaning, names in rows.items()} == {
        **{meaning: list(names) for meaning, names in RIDE_COLUMNS.items()},
        **{meaning: list(names) for meaning, names in STATION_COLUMNS.items()},
    }


def test_no_published_name_has_two_meanings() -> None:
    for table in (RIDE_COLUMNS, STATION_COLUMNS):
        names = [plain(name) for published in table.values() for name in published]

        assert len(names) == len(set(names))
    assert {plain(name) for name in OLD.split(",")} >= {plain("start_station_latitude"), plain("bike_id")}
