"""Rides that name only stations: where the stations are found, and what is said if they are not."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from local.replay import ZONE
from local.replay_report import Survey
from local.ride_files import UnreadableFileError
from local.ride_survey import RideFile
from local.rides import Ride
from tests.unit.ride_samples import CAPITAL, NEW, zipped

TODAY = datetime(2026, 6, 5, 12, tzinfo=ZONE)
DEGREE = 111.195
"""Kilometres in a degree of latitude, on a sphere of the mean radius."""


def ride(start: str, end: str, names: tuple[str, str] = ("", "")) -> str:
    return f'300,2018-07-01 08:00:00,,"{start}","{names[0]}","{end}","{names[1]}",W1,Member'


def rides(*rows: str) -> bytes:
    return "\n".join([CAPITAL, *rows]).encode()


Surveyed = Callable[..., tuple[Survey, list[Ride]]]


@pytest.fixture
def surveyed(tmp_path: Path) -> Surveyed:
    """Return a function that packs files in a zip, and returns its survey and its rides."""

    def survey(members: Mapping[str, str | bytes], given: bytes | None = None, name: str = "given.csv") -> Any:  # noqa: ANN401
        encoded = {name: text.encode() if isinstance(text, str) else text for name, text in members.items()}
        (tmp_path / "all.zip").write_bytes(zipped(encoded))
        stations = tmp_path / name if given is not None else None
        if stations and given is not None:
            stations.write_bytes(given)
        file = RideFile(tmp_path / "all.zip", {}, stations, TODAY)
        return file.survey(tmp_path / "bad-rows.txt"), list(file.rides())

    return survey


@pytest.mark.parametrize(
    "stations",
    [
        "id,name,latitude,longitude\n1,A,40,-73\n2,B,41,-73\n",
        "Last Updated:,12/5/2023,,,\nNumber,Name,Latitude,Longitude,District\n1,A,40,-73,x\n2,B,41,-73,x\n",
        "\ufeffpk;name;latitude;longitude\n1;A;40,0;-73,0\n2;B;41,0;-73,0\n",
        '"Station","Station ID","Latitude","Longitude"\n"A","1","40","-73"\n"B","2.0","41","-73"\n',
        "id,name,latitude,longitude\nx,A,40,-73\ny,B,41,-73\n",
        "latitude,longitude,name\n40,-73,  a\n41,-73,B \n",
        "X,Y,OBJECTID,NAME,STATION_ID,LATITUDE,LONGITUDE\n0,0,9,A,1,40,-73\n0,0,8,B,2,41,-73\n",
    ],
)
def test_a_list_of_stations_is_found_by_its_header(surveyed: Surveyed, stations: str) -> None:
    survey, found = surveyed({"rides.csv": rides(ride("1", "2", ("A", "B"))), "beside.csv": stations})

    assert [one.distance_km for one in found] == [pytest.approx(DEGREE, abs=0.01)]
    assert survey.stations == {"all.zip/beside.csv": 2}


@pytest.mark.parametrize("version", ["1.1", "3.0"])
@pytest.mark.parametrize("key", [("1", "2"), ("31111", "31202"), ("A", "B")])
def test_a_feed_is_asked_by_id_then_by_short_name_then_by_name(
    surveyed: Surveyed, key: tuple[str, str], version: str
) -> None:
    def station(station_id: str, short_name: str, name: str, latitude: float) -> dict[str, Any]:
        named: Any = [{"text": name, "language": "en"}] if version == "3.0" else name
        return {"station_id": station_id, "short_name": short_name, "name": named, "lat": latitude, "lon": -73}

    stations = [
        station("1", "31111", "A", 40),
        station("2", "31202", "B", 41),
        station("3", "1", "2", 80),
        {"station_id": "4", "name": "nowhere"},
    ]
    feed = json.dumps({"version": version, "data": {"stations": stations}}, indent=1).encode("utf-8-sig")

    survey, found = surveyed({"rides.csv": rides(ride(*key))}, feed, "feed")

    assert [one.distance_km for one in found] == [pytest.approx(DEGREE, abs=0.01)]
    assert survey.notes == ["feed: 1 of the stations has no place, and is left out."]


@pytest.mark.parametrize(
    ("published", "listed"),
    [
        ("31111", "31111.0"),
        ("31,111", "31111"),
        (" 31111 ", "31111"),
        ("A32000", "a32000"),
        ("\uff16\uff10\uff10\uff11", "6001"),
    ],
)
def test_an_id_is_found_however_a_spreadsheet_has_changed_it(surveyed: Surveyed, published: str, listed: str) -> None:
    stations = f'id,name,latitude,longitude\n"{listed}",A,40,-73\nother,B,41,-73\n'

    _, found = surveyed({"rides.csv": rides(ride(published, "other")), "stations.csv": stations})

    assert [one.distance_km for one in found] == [pytest.approx(DEGREE, abs=0.01)]


def test_a_renamed_station_is_found_by_its_id_and_a_renumbered_one_by_its_name(surveyed: Surveyed) -> None:
    stations = "id,name,latitude,longitude\n1,New name,40,-73\n777,Same name,41,-73\n"

    _, found = surveyed({"rides.csv": rides(ride("1", "2", ("Old name", "Same name"))), "stations.csv": stations})

    assert [one.distance_km for one in found] == [pytest.approx(DEGREE, abs=0.01)]


def test_an_id_that_another_station_had_in_another_year_is_found_in_the_list_of_its_year(surveyed: Surveyed) -> None:
    lists = {
        f"Stations_{year}.csv": f"code,name,latitude,longitude\n6100,A,40,-73\n6200,B,{40 + degrees},-73\n"
        for year, degrees in (("2014", 1), ("2015", 2), ("2016", 3), ("2017", 4))
    }
    months = {f"OD_{month}.csv": rides(ride("6100", "6200")) for month in ("2014-04", "2015-11", "2016-01", "2019-07")}

    _, found = surveyed({**lists, **months})

    assert [round(one.distance_km / DEGREE) for one in found] == [1, 2, 3, 4]


def test_a_list_in_the_same_folder_counts_before_those_in_other_folders(surveyed: Surveyed) -> None:
    members = {
        f"{folder}/{name}": content
        for folder, degrees in (("a", 1), ("b", 2))
        for name, content in (
            ("rides.csv", rides(ride("1", "2"))),
            ("stations.csv", f"id,name,latitude,longitude\n1,A,40,-73\n2,B,{40 + degrees},-73\n".encode()),
        )
    }

    _, found = surveyed(members)

    assert [round(one.distance_km / DEGREE) for one in found] == [1, 2]


def test_a_given_list_counts_before_one_beside_the_rides_which_has_the_others(surveyed: Surveyed) -> None:
    beside = "id,name,latitude,longitude\n1,A,40,-73\n2,B,41,-73\n"

    _, found = surveyed(
        {"rides.csv": rides(ride("1", "2")), "stations.csv": beside}, b"id,latitude,longitude\n2,45,-73\n"
    )

    assert [round(one.distance_km / DEGREE) for one in found] == [5]


def test_the_columns_of_a_list_of_stations_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "rides.csv").write_bytes(rides(ride("1", "2")))
    (tmp_path / "stationen.csv").write_text("Nr;Breite;Länge\n1;40,0;-73,0\n2;41,0;-73,0\n", "utf-8")
    columns = {"station_id": "Nr", "station_lat": "Breite", "station_lng": "Länge"}

    file = RideFile(tmp_path / "rides.csv", columns, tmp_path / "stationen.csv", TODAY)

    assert file.survey(tmp_path / "bad-rows.txt").rides == 1
    assert [one.distance_km for one in file.rides()] == [pytest.approx(DEGREE, abs=0.01)]


def test_a_ride_of_a_station_that_no_list_has_is_a_bad_row(surveyed: Surveyed, tmp_path: Path) -> None:
    rows = [
        ride("1", "2"),
        ride("1", "8D OPS 01"),
        ride("", "2"),
        ride("1", ""),
        ride("1", "NULL"),
        ride("MTL-ECO5.1-01", "2"),
    ]
    stations = "id,name,latitude,longitude\n1,A,40,-73\n2,B,41,-73\n8D OPS 01,Test,0,0\n"

    survey, found = surveyed({"rides.csv": rides(*rows), "stations.csv": stations})

    assert len(found) == 1
    assert survey.bad.first == {
        "station unknown": ["rides.csv:3", "rides.csv:7"],
        "station missing": ["rides.csv:4", "rides.csv:5", "rides.csv:6"],
    }
    named = (tmp_path / "bad-rows.txt").read_text()
    assert "rides.csv:3: station unknown (end station '8D OPS 01'): " in named
    assert "rides.csv:4: station missing (start station): " in named


def test_a_ride_without_coordinates_has_those_of_its_station(surveyed: Surveyed) -> None:
    def row(end_id: str, latitude: str, longitude: str) -> str:
        return f"1,classic_bike,2024-05-01 08:00:00,,A,1,B,{end_id},40,-73,{latitude},{longitude},member"

    body = [row("2", "", ""), row("2", "0.0", "0.0"), row("2", "NULL", "-73"), row("", "0", "0"), row("2", "x", "-73")]
    stations = "id,name,latitude,longitude\n1,Far,80,0\n2,B,41,-73\n"

    survey, found = surveyed({"rides.csv": "\n".join([NEW, *body]), "stations.csv": stations})

    assert [round(one.distance_km / DEGREE) for one in found] == [1] * 4
    assert survey.bad.count == {"coordinate not a number": 1}
    assert surveyed({"rides.csv": "\n".join([NEW, *body])})[0].bad.count == {
        "coordinate missing": 4,
        "coordinate not a number": 1,
    }


def test_rides_without_coordinates_and_without_a_list_say_what_to_give(tmp_path: Path) -> None:
    file = tmp_path / "201807-capitalbikeshare-tripdata.csv"
    file.write_bytes(rides(ride("1", "2")))

    with pytest.raises(UnreadableFileError) as refused:
        RideFile(file, {}, None, TODAY).survey(tmp_path / "bad-rows.txt")

    assert str(refused.value) == (
        f"{file.name} has stations without coordinates, and there is no list of stations beside it. Give one: "
        "STATIONS=stations.csv, with the columns id, name, latitude and longitude, or the file "
        "station_information.json of the system's GBFS feed."
    )


def test_of_several_lists_that_cannot_be_replayed_the_one_with_rides_is_named(surveyed: Surveyed) -> None:
    with pytest.raises(UnreadableFileError, match=r"^all\.zip/m\.csv has stations without coordinates"):
        surveyed({"a.txt": "Read me", "m.csv": rides(ride("1", "2")), "z.txt": "Terms of use"})


def test_a_spreadsheet_of_stations_beside_the_rides_is_named(surveyed: Surveyed) -> None:
    sheet, old, new = "Divvy_Stations_2014-Q1Q2.xlsx", rides(ride("1", "2")), f"{NEW}\n"

    with pytest.raises(
        UnreadableFileError, match=rf"feed\. all\.zip/{sheet} is a spreadsheet\. Save it as CSV to use it"
    ):
        surveyed({"a.csv": old, sheet: b"PK\3\4"})
    assert surveyed({"a.csv": new, sheet: b"PK\3\4"})[0].notes == [
        f"Not read: all.zip/{sheet} is a spreadsheet. Save it as CSV to use it."
    ]


def test_an_archive_of_rides_may_give_the_stations_for_another(surveyed: Surveyed) -> None:
    other = zipped({"rides.csv": rides(ride("1", "2")), "stations.csv": STATION_LIST + b"2,B,41,-73\n", "a.txt": b"Hi"})

    survey, found = surveyed({"rides.csv": rides(ride("2", "1"))}, other, "Divvy_Trips_2017.zip")

    assert [round(one.distance_km / DEGREE) for one in found] == [1]
    assert survey.stations == {"Divvy_Trips_2017.zip/stations.csv": 2}


def test_a_list_of_rides_that_needs_stations_does_not_stop_the_others(surveyed: Surveyed) -> None:
    coordinates = f"{NEW}\n1,b,2024-05-01 08:00:00,,A,1,B,2,40,-73,41,-73,member"

    survey, found = surveyed({"new.csv": coordinates, "old.csv": rides(ride("1", "2"))})

    assert len(found) == 1
    assert survey.notes == [
        "Not replayed: all.zip/old.csv has stations without coordinates, and there is no list of stations beside it."
    ]


STATION_LIST = b"id,name,latitude,longitude\n1,A,40,-73\n"


@pytest.mark.parametrize(
    ("members", "given", "sentence"),
    [
        ({"stations.csv": STATION_LIST}, None, "all.zip has stations and no rides. Give the rides as FILE=, and the"),
        ({"rides.csv": rides()}, rides(), "given.csv is not a list of stations. It must be a CSV file with columns"),
        ({"rides.csv": rides()}, b"id,name,latitude,longitude\n", "given.csv is not a list of stations. It must be"),
        ({"rides.csv": rides()}, b"id,name\n1,A\n", "given.csv is not a list of stations. It must be"),
        ({"rides.csv": rides()}, b"", "given.csv is not a list of stations. It must be"),
    ],
)
def test_a_file_in_the_place_of_another_is_named(
    surveyed: Surveyed, members: dict[str, bytes], given: bytes | None, sentence: str
) -> None:
    with pytest.raises(UnreadableFileError, match=sentence.replace(".", r"\.")):
        surveyed(members, given)


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"data": {"stations": [1]}}', b"{", b"[" * 100_000, b"{\xff"])
def test_json_that_is_no_feed_is_no_list_of_stations(surveyed: Surveyed, content: bytes) -> None:
    with pytest.raises(UnreadableFileError, match="is not a list of stations"):
        surveyed({"rides.csv": rides()}, content, "station_information.json")

    survey, _ = surveyed({"rides.csv": rides(), "feed.json": content, "stations.csv": STATION_LIST})
    assert survey.notes == ["Not read: all.zip/feed.json is JSON, and not the station_information of a GBFS feed."]
