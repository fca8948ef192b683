"""Files of published rides: every kind of bad row is reported with its line, and every ride is read."""

import gzip
import io
import os
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.replay import ZONE, action_of, shift_of
from local.replay_report import Survey
from local.ride_files import LONGEST_LINE, UnreadableFileError
from local.ride_survey import RideFile
from local.rides import LONGEST_ID, Ride, user_id
from saxaul.ledger.identifiers import is_identifier

TODAY = datetime(2026, 6, 5, 12, tzinfo=ZONE)
NEW = "ride_id,rideable_type,started_at,ended_at,start_station_id,start_lat,start_lng,end_lat,end_lng,member_casual"
RIDE = "A1,classic_bike,2024-05-01 08:30:00,2024-05-01 08:50:00,519,40.75,-73.97,40.76,-73.98,member"
OLD = (
    '"tripduration","starttime","stoptime","start station id","start station name","start station latitude",'
    '"start station longitude","end station id","end station name","end station latitude","end station longitude",'
    '"bikeid","usertype","birth year","gender"'
)
OLD_RIDE = '"60","8/1/2015 0:03:10","","1","A","40.75","-73.97","2","B","40.76","-73.98","17001","Customer","","0"'


@pytest.fixture
def surveyed(tmp_path: Path) -> Callable[..., tuple[Survey, list[Ride], list[str]]]:
    """Return a function that writes a file and returns its survey, its rides, and the reported bad rows."""

    def survey_of(
        content: str | bytes, name: str = "trips.csv", user: str | None = None
    ) -> tuple[Survey, list[Ride], list[str]]:
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        rides = RideFile(file, {"user": user} if user else {}, None, TODAY)
        named = tmp_path / "bad-rows.txt"
        found = rides.survey(named)
        return found, list(rides.rides()), named.read_text().splitlines() if named.exists() else []

    return survey_of


Surveyed = Callable[..., tuple[Survey, list[Ride], list[str]]]


def with_cell(column: str, text: str) -> str:
    cells = dict(zip(NEW.split(","), RIDE.split(","), strict=True)) | {column: text}
    return ",".join(cells.values())


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        *(
            (with_cell("start_lat", text), "coordinate missing")
            for text in ("", "NULL", "NA", "N/A", "\\N", "nan", " ")
        ),
        *(
            (with_cell("end_lng", text), "coordinate not a number")
            for text in ("x", "1_0", "٤٠", "40,7".replace(",", "!"))
        ),
        *(
            (with_cell("end_lat", text), "coordinate out of range")
            for text in ("inf", "-Infinity", "1e999", "90.1", "-91")
        ),
        *((with_cell("start_lng", text), "coordinate out of range") for text in ("180.5", "9" * 400)),
        *(
            (with_cell("started_at", text), "time unreadable")
            for text in ("soon", "10", "2024-02-30 08:00", "2024-05-01", "8:30")
        ),
        *((with_cell("started_at", text), "time missing") for text in ("", "NULL")),
        *(
            (with_cell("started_at", text), "time out of range")
            for text in ("2105-05-01 08:30", "1015-05-01 08:30", "0001-01-01 00:00:00")
        ),
        (RIDE + ",", "trailing separator"),
        (RIDE + ",more", "too many columns"),
        (RIDE.rsplit(",", 1)[0], "too few columns"),
        ("A1", "too few columns"),
        (NEW, "header again"),
        (NEW.upper(), "header again"),
        (with_cell("ride_id", '"A1'), "quote not closed"),
        (with_cell("member_casual", '"member'), "quote not closed"),
        (with_cell("ride_id", '"A"1'), "text behind a quote"),
        ("", "blank line"),
        ("   ", "blank line"),
        (with_cell("ride_id", "A\0"), "NUL character"),
        (with_cell("ride_id", "A" * LONGEST_LINE), "line too long"),
    ],
)
def test_a_bad_row_is_reported_with_its_line_and_the_other_rows_are_read(
    surveyed: Surveyed, row: str, reason: str
) -> None:
    found, rides, named = surveyed(f"{NEW}\n{RIDE}\n{row}\n{RIDE}\n{RIDE}\n")

    assert found.bad.count == {reason: 1}
    assert found.bad.first == {reason: ["3"]}
    assert [line.split(" (")[0].rsplit(": '", 1)[0].rsplit(': "', 1)[0] for line in named] == [f"trips.csv:3: {reason}"]
    assert found.rides == len(rides) == 3


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (RIDE[:70], "last line cut short"),
        (with_cell("member_casual", '"mem'), "quote not closed"),
        ("A1,classic_bike,2024-05-01 08:30:00,汉"[:-1] + "\udce6", "last line cut short"),
    ],
)
def test_a_last_line_that_is_cut_short_is_reported(surveyed: Surveyed, ending: str, reason: str) -> None:
    found, rides, _ = surveyed(f"{NEW}\n{RIDE}\n{ending}".encode(errors="surrogateescape"))

    assert found.bad.first == {reason: ["3"]}
    assert len(rides) == 1
    assert not found.notes, "a character that is cut short does not change the detected encoding"


def test_a_late_date_that_would_make_all_other_rides_too_old_is_noted_with_its_line(surveyed: Surveyed) -> None:
    before = with_cell("started_at", "2019-06-01 08:30")
    late = with_cell("started_at", "2026-05-27 08:00")

    survey, *_ = surveyed("\n".join([NEW, *[before] * 20, late, *[before] * 9]))
    usual, *_ = surveyed("\n".join([NEW, *[before] * 20]))

    [note] = survey.notes
    assert note.startswith("Only 1 of 30 rides are of the last 40 days up to 2026-05-27, and much older rides are ")
    assert " That day is in line 22. " in note
    assert usual.notes == []


def test_a_last_line_needs_no_newline(surveyed: Surveyed) -> None:
    found, rides, named = surveyed(f"{NEW}\n{RIDE}")

    assert (found.rides, len(rides), named) == (1, 1, [])


def test_two_months_in_one_file_may_have_different_headers(surveyed: Surveyed) -> None:
    found, rides, _ = surveyed(
        f"{OLD}\n{OLD_RIDE}\n\ufeff{NEW}\n{RIDE}\n{OLD.replace(',', ';')}\n{OLD_RIDE.replace(',', ';')}\n"
    )

    assert found.bad.first == {"header again": ["3", "5"]}
    assert [ride.user for ride in rides] == ["bike-17001", "station-519", "bike-17001"]


def test_rows_below_a_header_without_the_user_column_are_reported(surveyed: Surveyed) -> None:
    found, rides, _ = surveyed(f"{OLD}\n{OLD_RIDE}\n{NEW}\n{RIDE}\n{OLD}\n{OLD_RIDE}\n", user="bikeid")

    assert found.bad.first == {
        "header that cannot be read": ["3"],
        "below a header that cannot be read": ["4"],
        "header again": ["5"],
    }
    assert len(rides) == 2


def test_lines_are_numbered_correctly_with_every_kind_of_line_ending(surveyed: Surveyed) -> None:
    for end in ("\n", "\r\n", "\r"):
        found, rides, _ = surveyed(end.join([NEW, RIDE, "", with_cell("start_lat", "NULL"), RIDE, ""]))

        assert found.bad.first == {"blank line": ["3"], "coordinate missing": ["4"]}
        assert len(rides) == 2


@pytest.mark.parametrize(
    "started", ["2015-08-01 00:03:10", "8/1/2015 0:03:10", "2015-08-01T00:03:10.123Z", "8/1/15 12:03:10 AM"]
)
def test_a_time_is_read_in_each_published_format(surveyed: Surveyed, started: str) -> None:
    _, rides, _ = surveyed(f"{NEW}\n{with_cell('started_at', started)}\n")

    assert [str(ride.started) for ride in rides] == ["2015-08-01 00:03:10"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("quoted", [True, False])
@pytest.mark.parametrize("backwards", [True, False])
@pytest.mark.parametrize(("header", "row"), [(OLD, OLD_RIDE), (NEW, RIDE)])
def test_a_header_may_differ_in_case_separator_quotes_and_order(
    surveyed: Surveyed, header: str, row: str, separator: str, *, quoted: bool, backwards: bool
) -> None:
    texts = [line.replace('"', "").split(",")[:: -1 if backwards else 1] for line in (header.title(), row)]
    lines = [separator.join(f'"{cell}"' if quoted else cell for cell in cells) for cells in texts]

    found, rides, _ = surveyed("\n".join(lines))

    assert (found.bad.count.total(), len(rides)) == (0, 1)
    assert rides[0].distance_km == pytest.approx(1.395, abs=0.001)


def test_the_user_of_a_dockless_ride_is_the_place_where_it_began(surveyed: Surveyed) -> None:
    dockless = with_cell("start_station_id", "")
    found, rides, _ = surveyed(
        f"{NEW}\n{dockless}\n{dockless.replace('40.75,', '40.7512,')}\n{dockless.replace('40.75,', '40.79,')}\n"
    )

    assert found.rides == 3
    assert [ride.user for ride in rides] == ["at~40.75~-73.97", "at~40.75~-73.97", "at~40.79~-73.97"]
    assert all(ride.distance_km > 1 for ride in rides)


def test_a_file_without_station_columns_is_read(surveyed: Surveyed) -> None:
    _, rides, _ = surveyed(
        "started_at,start_lat,start_lng,end_lat,end_lng\n2024-05-01 08:30:00,40.75,-73.97,40.76,-73.98\n"
    )

    assert [ride.user for ride in rides] == ["at~40.75~-73.97"]


def test_users_with_different_names_in_any_script_get_different_ids(surveyed: Surveyed) -> None:
    names = [
        "人民广场",
        "静安寺",
        "徐家汇",
        "Café",
        "Cafe",
        "Cafe ",
        ".",
        "..",
        "a-b",
        "a=b",
        "a==b",
        "🚲",
        "長" * 50,
        "長" * 49 + "短",
    ]
    rows = [with_cell("start_station_id", f'"{name}"') for name in names]

    _, rides, _ = surveyed("\n".join([NEW, *rows]))

    assert len({ride.user for ride in rides}) == len(names)
    assert all(is_identifier(ride.user) for ride in rides)


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), unique=True, max_size=20),
    st.text("abc 站", max_size=60),
)
def test_a_user_id_is_valid_and_unique_for_each_text(texts: list[str], column: str) -> None:
    ids = [user_id(column, text) for text in texts]

    assert len(set(ids)) == len(texts)
    assert all(is_identifier(one) and len(one) <= LONGEST_ID for one in ids)


def test_any_column_can_name_the_user(surveyed: Surveyed) -> None:
    header = NEW.replace("start_station_id", "车辆 编号")

    _, rides, _ = surveyed(f"{header}\n{RIDE}\n", user="车辆编号")
    assert rides[0].user == user_id("车辆编号", "519")

    with pytest.raises(UnreadableFileError, match="has no column 'bike'; it has ride_id, "):
        surveyed(f"{header}\n{RIDE}\n", user="bike")


def zipped(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


LIST = f"{NEW}\n{RIDE}\n{with_cell('ride_id', 'A2')}\n".encode()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
def test_every_common_encoding_is_read(surveyed: Surveyed, encoding: str) -> None:
    found, rides, _ = surveyed(f"{NEW}\n{with_cell('start_station_id', 'Café')}\n".encode(encoding))

    assert [ride.user for ride in rides] == [user_id("station", "Café")]
    assert len(found.notes) == (encoding in {"cp1252", "latin-1"})


def test_different_names_in_an_unknown_encoding_get_different_ids(surveyed: Surveyed) -> None:
    rows = [
        with_cell("start_station_id", f"站{number}").encode("gbk") + b"\x81\x8d"[: number + 1] for number in range(2)
    ]
    _, rides, _ = surveyed(b"\n".join([NEW.encode(), *rows]))

    assert len({ride.user for ride in rides}) == 2


def test_a_published_archive_is_read_with_its_inner_archive_and_without_system_files(surveyed: Surveyed) -> None:
    bad = f"{NEW}\n\n{RIDE}\n".encode()
    inner = zipped({"202402.csv": LIST})
    members = {
        "2024/b.csv": bad,
        "2024/a.csv": LIST,
        "__MACOSX/2024/._a.csv": b"\0\5",
        "2024/.DS_Store": b"\0",
        "2024/inner.zip": inner,
    }

    found, rides, named = surveyed(zipped(members), name="2024.zip")

    assert (found.rides, len(rides)) == (5, 5)
    assert found.bad.first == {"blank line": ["2024/b.csv:2"]}
    assert named == ["2024.zip/2024/b.csv:2: blank line: ''"]


def test_a_file_without_rides_in_an_archive_is_skipped_with_a_note(surveyed: Surveyed) -> None:
    found, rides, _ = surveyed(zipped({"trips.csv": LIST, "readme.txt": b"Read me", "empty.csv": b""}), name="all.zip")

    assert len(rides) == 2
    assert sorted(note.split(" ")[2] for note in found.notes) == ["all.zip/empty.csv", "all.zip/readme.txt"]


def test_a_gzip_file_is_read(surveyed: Surveyed) -> None:
    assert surveyed(gzip.compress(LIST), name="trips.csv.gz")[0].rides == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    # The content is part of the test id. It must be the same in all processes of a parallel run, so ``mtime`` is fixed.
    [
        (b"", "is empty."),
        (b"\n\n", "is empty."),
        (b"a,b,c\n1,2,3\n", "has no header with known columns; its first line is 'a,b,c'."),
        (RIDE.encode(), "has no header with known columns"),
        (
            NEW.replace("end_lng", "there").encode(),
            "has no known column for the place where a ride ends; it has ride_id, ",
        ),
        (bytes(range(256)) * 10, "is not a CSV file: its first line has"),
        (b"x" * 50_000, "is not a CSV file: its first line has"),
        (gzip.compress(LIST * 1000, mtime=0)[:-20], "is damaged or cut short"),
        (gzip.compress(b"\0" * 512, mtime=0), "is not a CSV file: its first line has"),
        (zipped({"trips.csv": LIST})[:-30], "is damaged or cut short"),
        (zipped({"photo.png": b"\0"}), "is a zip without a CSV file in it."),
        (zipped({"trips.csv": LIST}).replace(b"\x00\x00\x08\x00", b"\x01\x00\x08\x00"), "cannot be unpacked: "),
    ],
)
def test_a_file_that_cannot_be_read_gives_an_error_of_one_line(
    surveyed: Surveyed, content: bytes, sentence: str
) -> None:
    with pytest.raises(UnreadableFileError, match=re.escape(sentence)) as refused:
        surveyed(content)

    assert "\n" not in str(refused.value)


def test_a_folder_or_a_missing_file_gives_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"^There is no file .*gone\.csv\.$"):
        RideFile(tmp_path / "gone.csv", {}, None, TODAY)
    with pytest.raises(UnreadableFileError, match="has no CSV, gzip or zip file in it"):
        RideFile(tmp_path, {}, None, TODAY)
    with pytest.raises(UnreadableFileError, match="is not a regular file"):
        RideFile(Path(os.devnull), {}, None, TODAY)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "trips.csv"
    with file.open("w") as target:
        target.write(NEW + "\n")
        target.writelines(f"{RIDE}\n{with_cell('start_lat', 'NULL')}\n" for _ in range(10_000))
        target.write('"' + "x" * 8_000_000 + "\n" + RIDE)

    tracemalloc.start()
    rides = RideFile(file, {}, None, TODAY)
    found = rides.survey(tmp_path / "bad-rows.txt")
    handed_over = sum(1 for _ in rides.rides())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (found.rides, handed_over) == (10_001, 10_001)
    assert found.bad.first["line too long"] == ["20002"]
    assert file.stat().st_size > 9_000_000
    assert peak < 8_000_000


def test_all_rides_are_moved_by_whole_days_so_that_the_last_one_was_yesterday(surveyed: Surveyed) -> None:
    found, rides, _ = surveyed(f"{NEW}\n{RIDE}\n{with_cell('started_at', '2024-04-29 23:59:59')}\n")

    moved = [action_of(ride, shift_of(found, TODAY)) for ride in rides]

    times = [action.occurred_at.isoformat() for action in moved]
    assert times == ["2026-06-04T08:30:00+08:00", "2026-06-02T23:59:59+08:00"]
    assert moved[0].action_id == f"{rides[0].key}-20260604"
