"""Small ride files as the systems published them in each of their eras, made from one list of trips.

The headers, the ways to write times, and the station lists are those of the published files. The trips are ours.
"""

import csv
import gzip
import io
import math
import zipfile
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo


class Quoted(csv.excel):
    """Every cell is in quotes."""

    quoting = csv.QUOTE_ALL


class Station(NamedTuple):
    number: str
    name: str
    latitude: float
    longitude: float


STATIONS = [
    Station("31111", "Métro Peel / de Maisonneuve", 45.50081, -73.57486),
    Station("31202", "10th & U St NW", 45.51734, -73.56203),
    Station("31307", 'Parc "Nord", Rachel', 45.52651, -73.56948),
    Station("31410", "Fan Pier", 45.49472, -73.58119),
]


class Trip(NamedTuple):
    started: datetime
    start: Station
    end: Station
    bike: str

    @property
    def metres(self) -> int:
        """The distance by the formula of the chord, which is not the one of the product."""
        points = []
        for station in (self.start, self.end):
            north, east = math.radians(station.latitude), math.radians(station.longitude)
            points.append(
                (math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)),
            )
        return round(2 * 6371008.8 * math.asin(math.dist(*points) / 2))


def trips(count: int, first: datetime = datetime(2018, 7, 1, 6, 4)) -> list[Trip]:  # noqa: DTZ001 - as published
    """Return trips of three bikes, one each 11 hours, none of which is a round trip."""
    return [
        Trip(first + timedelta(hours=11 * at), STATIONS[at % 4], STATIONS[(at + 1 + at % 3) % 4], f"W{at % 3:05d}")
        for at in range(count)
    ]


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _month_first(moment: datetime) -> str:
    return f"{moment.month}/{moment.day}/{moment.year} {moment.hour}:{moment.minute:02d}"


def _montreal(moment: datetime) -> str:
    return str(int(moment.replace(tzinfo=ZoneInfo("America/Toronto")).timestamp() * 1000))


class Format(NamedTuple):
    """A published format.

    Attributes:
        header: the names of the columns.
        row: the cells of a trip, by the number of the trip.
        stations: the header and the cells of the list of stations, if the trips have no coordinates.
        bike: whether the trips name the bike.
    """

    header: str
    row: Callable[[int, Trip], list[str]]
    stations: tuple[str, Callable[[Station], list[str]]] | None = None
    bike: bool = True


def _old(time: Callable[[datetime], str]) -> Callable[[int, Trip], list[str]]:
    return lambda _, trip: [
        *("1,783.0", time(trip.started), time(trip.started)),
        *(
            text
            for end in (trip.start, trip.end)
            for text in (end.number, end.name, str(end.latitude), str(end.longitude))
        ),
        *(trip.bike, "Subscriber", "\\N", "0"),
    ]


def _new(at: int, trip: Trip) -> list[str]:
    started = f"{_iso(trip.started)}.123"
    places = [str(degrees) for end in (trip.start, trip.end) for degrees in (end.latitude, end.longitude)]
    stations = [trip.start.name, trip.start.number, trip.end.name, trip.end.number]
    return [f"{at:016X}", "classic_bike", started, started, *stations, *places, "member"]


def _numbered(time: Callable[[datetime], str]) -> Callable[[int, Trip], list[str]]:
    return lambda _, trip: [
        *("300", time(trip.started), time(trip.started), trip.start.number, trip.start.name),
        *(trip.end.number, trip.end.name, trip.bike, "Member"),
    ]


def _divvy(at: int, trip: Trip) -> list[str]:
    stations = [trip.start.number, trip.start.name, trip.end.number, trip.end.name]
    return [str(at), _month_first(trip.started), "", trip.bike, "1,783.0", *stations, "Subscriber", "Male", "1985"]


OLD = (
    "tripduration,starttime,stoptime,start station id,start station name,start station latitude,"
    "start station longitude,end station id,end station name,end station latitude,end station longitude,"
    "bikeid,usertype,birth year,gender"
)
OLD_TITLES = (
    "Trip Duration,Start Time,Stop Time,Start Station ID,Start Station Name,Start Station Latitude,"
    "Start Station Longitude,End Station ID,End Station Name,End Station Latitude,End Station Longitude,"
    "Bike ID,User Type,Birth Year,Gender"
)
NEW = (
    "ride_id,rideable_type,started_at,ended_at,start_station_name,start_station_id,end_station_name,end_station_id,"
    "start_lat,start_lng,end_lat,end_lng,member_casual"
)
CAPITAL = (
    "Duration,Start date,End date,Start station number,Start station,End station number,End station,"
    "Bike number,Member type"
)
DIVVY = (
    "trip_id,{}time,{}time,bikeid,tripduration,from_station_id,from_station_name,to_station_id,to_station_name,"
    "usertype,gender,birthyear"
)
DIVVY_RENTALS = (
    "01 - Rental Details Rental ID,01 - Rental Details Local Start Time,01 - Rental Details Local End Time,"
    "01 - Rental Details Bike ID,01 - Rental Details Duration In Seconds Uncapped,03 - Rental Start Station ID,"
    "03 - Rental Start Station Name,02 - Rental End Station ID,02 - Rental End Station Name,User Type,Member Gender,"
    "05 - Member Details Member Birthday Year"
)
BIXI_2022 = (
    "STARTSTATIONNAME,STARTSTATIONARRONDISSEMENT,STARTSTATIONLATITUDE,STARTSTATIONLONGITUDE,ENDSTATIONNAME,"
    "ENDSTATIONARRONDISSEMENT,ENDSTATIONLATITUDE,ENDSTATIONLONGITUDE,STARTTIMEMS,ENDTIMEMS"
)

GBFS = (
    "id,name,lat,lon",
    lambda station: [station.number, station.name, str(station.latitude), str(station.longitude)],
)


def _places(station: Station) -> list[str]:
    return [str(station.latitude), str(station.longitude)]


def _divvy_station(station: Station) -> list[str]:
    return [station.number, station.name, "Chicago", *_places(station), "15", "2/10/2015 14:04:42", ""]


def _hubway_station(station: Station) -> list[str]:
    return [station.name, station.number, *_places(station), "Boston", "15"]


def _bixi_station(station: Station) -> list[str]:
    return [station.number, station.name, *_places(station)]


FORMATS: Mapping[str, Format] = {
    "Citi Bike 2013": Format(OLD, _old(_iso)),
    "Citi Bike 2016": Format(OLD_TITLES, _old(_month_first)),
    "Citi Bike 2021": Format(NEW, _new, bike=False),
    "Capital Bikeshare 2010": Format(
        "Duration,Start date,End date,Start station,End station,Bike#,Member Type",
        lambda _, trip: [
            *("14h 26min. 2sec.", _month_first(trip.started), _month_first(trip.started)),
            *(f"{station.name} ({station.number})" for station in (trip.start, trip.end)),
            *(trip.bike, "Casual"),
        ],
        ("OBJECTID,ID,ADDRESS,TERMINAL_NUMBER,LATITUDE,LONGITUDE", lambda s: ["7", "8", "x", s.number, *_places(s)]),
    ),
    "Capital Bikeshare 2012": Format(
        "Duration,Duration(Sec),Start date,Start Station,Start terminal,End date,End Station,End terminal,Bike#,Type",
        lambda _, trip: [
            *("0h 8m 34s", "514", _month_first(trip.started), trip.start.name, trip.start.number),
            *(_month_first(trip.started), trip.end.name, trip.end.number, trip.bike, "Registered"),
        ],
        ("id,name,lat,lon", _bixi_station),
    ),
    "Capital Bikeshare 2014": Format(
        "Duration,Start date,Start Station,End date,End Station,Bike#,Subscription Type",
        lambda _, trip: [
            *("0h 7m 54s", _iso(trip.started)[:-3], f"{trip.start.name} ", _iso(trip.started)[:-3], trip.end.name),
            *(trip.bike, "Subscriber"),
        ],
        ("id,name,lat,lon", _bixi_station),
    ),
    "Capital Bikeshare 2018": Format(CAPITAL, _numbered(_iso), ("id,name,lat,lon", _bixi_station)),
    "Capital Bikeshare 2020": Format(NEW, _new, bike=False),
    "Divvy 2013": Format(
        DIVVY.format("start", "stop"),
        _divvy,
        ("id,name,city,latitude,longitude,dpcapacity,online_date,", _divvy_station),
    ),
    "Divvy 2017": Format(
        DIVVY.format("start_", "end_"),
        _divvy,
        ("id,name,city,latitude,longitude,dpcapacity,online_date,", _divvy_station),
    ),
    "Divvy 2018": Format(
        DIVVY_RENTALS, _divvy, ("id,name,city,latitude,longitude,dpcapacity,online_date,", _divvy_station)
    ),
    "Divvy 2020": Format(NEW, _new, bike=False),
    "Hubway 2011": Format(
        CAPITAL,
        _numbered(_month_first),
        ("Station,Station ID,Latitude,Longitude,Municipality,# of Docks", _hubway_station),
    ),
    "Hubway 2015": Format(OLD, _old(_iso)),
    "Bluebikes 2020": Format(
        OLD.replace(",birth year,gender", ",postal code"), lambda _, trip: [*_old(_iso)(0, trip)[:-2], "02139"]
    ),
    "Bluebikes 2023": Format(NEW, _new, bike=False),
    "BIXI 2014": Format(
        "start_date,start_station_code,end_date,end_station_code,duration_sec,is_member",
        lambda _, trip: [_iso(trip.started)[:-3], trip.start.number, "", trip.end.number, "1061", "1"],
        ("Code,name,latitude,longitude", _bixi_station),
        bike=False,
    ),
    "BIXI 2021": Format(
        "start_date,emplacement_pk_start,end_date,emplacement_pk_end,duration_sec,is_member",
        lambda _, trip: [f"{_iso(trip.started)}.653", trip.start.number, "", trip.end.number, "6417", "0"],
        ("pk,name,latitude,longitude", _bixi_station),
        bike=False,
    ),
    "BIXI 2022": Format(
        BIXI_2022,
        lambda _, trip: [
            *(text for end in (trip.start, trip.end) for text in (end.name, "Ville-Marie", *_places(end))),
            *(_montreal(trip.started), _montreal(trip.started + timedelta(minutes=9))),
        ],
        bike=False,
    ),
}


def as_text(header: str, rows: list[list[str]], end: str = "\n", separator: str = ",", *, quoted: bool = False) -> str:
    """Return a CSV file. ``header`` is separated by commas."""
    target = io.StringIO()
    dialect = Quoted if quoted else csv.excel
    csv.writer(target, dialect, delimiter=separator, lineterminator=end).writerows([header.split(","), *rows])
    return target.getvalue()


def trips_of(published: Format, found: list[Trip], end: str = "\n", *, quoted: bool = False) -> str:
    return as_text(published.header, [published.row(at, trip) for at, trip in enumerate(found)], end, quoted=quoted)


def stations_of(published: Format, end: str = "\n", found: Iterable[Station] = STATIONS) -> str:
    assert published.stations
    header, row = published.stations
    return as_text(header, [row(station) for station in found], end)


def zipped(members: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def packed_as_gzip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)
