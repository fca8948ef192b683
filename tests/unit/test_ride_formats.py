"""Ride files are read as the systems publish them: each era, each encoding, each way to pack them."""

import zipfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import pytest

from local.replay import ZONE
from local.replay_report import Survey
from local.ride_survey import RideFile
from local.rides import Ride
from tests.unit.ride_samples import FORMATS, Format, Trip, packed_as_gzip, stations_of, trips, trips_of, zipped

TODAY = datetime(2026, 6, 5, 12, tzinfo=ZONE)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]


def read(
    file: Path, stations: Path | None = None, columns: Mapping[str, str] | None = None
) -> tuple[Survey, list[Ride]]:
    rides = RideFile(file, columns or {}, stations, TODAY)
    survey = rides.survey(file.parent / "bad-rows.txt")
    return survey, list(rides.rides())


def written(folder: Path, members: Mapping[str, bytes]) -> Iterator[tuple[Path, Path | None]]:
    """Write the first member, which has rides, in each way, and yield the file and that of its stations."""
    (name, rides), *others = members.items()
    stations = None
    for other, content in others:
        stations = folder / other
        stations.write_bytes(content)
    (folder / name).write_bytes(rides)
    yield folder / name, stations
    (folder / f"{name}.gz").write_bytes(packed_as_gzip(rides))
    yield folder / f"{name}.gz", stations
    system_files = {"__MACOSX/._rides.csv": b"\0\5\x16\7", "2018/.DS_Store": b"\0\0\0\1Bud1"}
    (folder / "all.zip").write_bytes(
        zipped({f"2018/{name}": content for name, content in members.items()} | system_files)
    )
    yield folder / "all.zip", None
    inner = zipped({**members, **system_files})
    (folder / "nested.zip").write_bytes(zipped({"2018/inner.zip": inner, "__MACOSX/2018/._inner.zip": b"\0\5"}))
    yield folder / "nested.zip", None
    (folder / "packed.zip").write_bytes(
        zipped({f"{name}.gz": packed_as_gzip(content) for name, content in members.items()})
    )
    yield folder / "packed.zip", None
    unpacked = folder / "unpacked"
    unpacked.mkdir()
    for other, content in members.items():
        (unpacked / other).write_bytes(content)
    (unpacked / ".DS_Store").write_bytes(b"\0")
    yield unpacked, None


def expected(published: Format, found: list[Trip]) -> list[tuple[str, datetime, float]]:
    """Return the user, the start and the distance of each trip."""
    return [(trip.bike if published.bike else trip.start.number, trip.started, trip.metres / 1000) for trip in found]


def users_of(published: Format, rides: list[Ride]) -> list[str]:
    return [ride.user.removeprefix("bike-" if published.bike else "station-") for ride in rides]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", FORMATS)
def test_every_ride_of_a_published_format_is_read_however_it_is_encoded_and_packed(
    tmp_path: Path, name: str, encoding: str
) -> None:
    published, found = FORMATS[name], trips(12)
    members = {"rides-2018.csv": trips_of(published, found, "\r\n").encode(encoding)}
    if published.stations:
        members["Stations_2018.csv"] = stations_of(published, "\r\n").encode(encoding)

    for file, stations in written(tmp_path, members):
        survey, rides = read(file, stations)

        assert survey.bad.count.total() == 0, file
        assert [(ride.started, ride.distance_km) for ride in rides] == [
            (started.replace(microsecond=0), kilometres) for _, started, kilometres in expected(published, found)
        ]
        assert len(set(users_of(published, rides))) == len({user for user, _, _ in expected(published, found)})
        if name != "BIXI 2022":  # its users are the names of stations, because it has no numbers
            assert users_of(published, rides) == [user for user, _, _ in expected(published, found)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", FORMATS)
def test_a_published_format_may_have_quoted_cells_and_any_line_ending(tmp_path: Path, name: str, end: str) -> None:
    published, found = FORMATS[name], trips(5)
    members = {"rides.csv": trips_of(published, found, end, quoted=True).encode()}
    if published.stations:
        members["stations.csv"] = stations_of(published, end).encode()
    (tmp_path / "all.zip").write_bytes(zipped(members))

    survey, rides = read(tmp_path / "all.zip")

    assert (survey.bad.count.total(), survey.notes, len(rides)) == (0, [], 5)


def test_all_formats_in_one_zip_are_read_together(tmp_path: Path) -> None:
    members: dict[str, bytes] = {}
    for name, published in FORMATS.items():
        members[f"{name}/rides.csv"] = trips_of(published, trips(3)).encode(ENCODINGS[len(members) % len(ENCODINGS)])
        if published.stations:
            members[f"{name}/stations.csv"] = stations_of(published).encode()
    (tmp_path / "all.zip").write_bytes(zipped(members))

    survey, rides = read(tmp_path / "all.zip")

    assert survey.bad.count.total() == 0
    assert sorted(ride.distance_km for ride in rides) == sorted(trip.metres / 1000 for trip in trips(3) * len(FORMATS))
    assert survey.columns.total() == len(FORMATS)
    assert len(survey.stations) == sum(published.stations is not None for published in FORMATS.values())


def test_months_of_different_eras_may_follow_each_other_in_one_file(tmp_path: Path) -> None:
    months = [FORMATS[name] for name in ("Citi Bike 2013", "Citi Bike 2016", "Citi Bike 2021", "BIXI 2022")]
    file = tmp_path / "joined.csv"
    file.write_text("".join(trips_of(published, trips(2)) for published in months), "utf-8")

    survey, rides = read(file)

    assert survey.bad.first == {"header again": ["4", "7", "10"]}
    assert [ride.distance_km for ride in rides] == [trip.metres / 1000 for trip in trips(2) * 4]
    assert len({ride.user for ride in rides[:4]}) == 2, "a bike is the same user in each month"


def test_a_row_that_is_there_again_is_counted(tmp_path: Path) -> None:
    published = FORMATS["Citi Bike 2013"]
    month, folder = trips_of(published, trips(4)).encode(), "2013-citibike-tripdata"
    members = {f"{folder}/201306.csv": month, f"{folder}/6_June/201306_1.csv": month}
    (tmp_path / "2013.zip").write_bytes(zipped(members))

    survey, rides = read(tmp_path / "2013.zip")

    assert (survey.rides, survey.again, len({ride.key for ride in rides})) == (8, 4, 4)


def test_the_columns_that_were_read_are_reported_as_a_person_would_give_them(tmp_path: Path) -> None:
    file = tmp_path / "rides.csv"
    file.write_text(trips_of(FORMATS["Citi Bike 2016"], trips(1)), "utf-8")

    survey, _ = read(file)

    (mapping,) = survey.columns
    assert dict(mapping)["start_lat"] == "Start Station Latitude"
    assert read(file, columns=dict(mapping))[1] == read(file)[1]


def test_a_zip_that_was_made_on_windows_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for member, content in {
            "2018\\rides.CSV": trips_of(FORMATS["Citi Bike 2021"], trips(2)),
            "__MACOSX\\._r.csv": "\0",
        }.items():
            info = zipfile.ZipInfo("x")
            info.filename = member
            archive.writestr(info, content)

    survey, rides = read(tmp_path / "all.zip")

    assert (len(rides), survey.notes) == (2, [])


def test_months_in_different_encodings_may_follow_each_other_in_one_file(tmp_path: Path) -> None:
    texts = [trips_of(FORMATS["BIXI 2022"], trips(4)), trips_of(FORMATS["BIXI 2022"], trips(4, datetime(2019, 7, 1)))]  # noqa: DTZ001
    (tmp_path / "joined.csv").write_bytes(texts[0].encode() + texts[1].encode("cp1252"))

    survey, rides = read(tmp_path / "joined.csv")

    assert survey.bad.count == {"header again": 1}
    assert [ride.user for ride in rides[:4]] == [ride.user for ride in rides[4:]]
    assert survey.notes == [
        "joined.csv is not UTF-8 throughout. The rest was read as Windows-1252, so names may look wrong."
    ]
