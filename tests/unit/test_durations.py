"""How long the rest of some work takes is known from what is done, or from the last time."""

import json
from pathlib import Path

import pytest

from local import durations
from local.durations import Work, time_text


class Time:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Time:
    clock = Time()
    monkeypatch.setattr(durations, "monotonic", clock)
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    return clock


def test_the_rest_takes_as_long_for_each_thing_as_what_is_done(time: Time) -> None:
    work = Work("sending", "rides", 2_000)
    work.tell(0)
    time.now += 30
    work.tell(500)

    assert work.left() == 90
    assert work.text() == "sending: 500 of 2,000 rides, about 1 min 30 s left"


def test_too_few_things_say_nothing_about_the_rest(time: Time) -> None:
    work = Work("posting", "wallets", 6_000)
    work.tell(0)
    time.now += 2
    work.tell(1)
    assert work.left() is None
    time.now += 4
    work.tell(300)

    assert work.left() == 114


def test_what_an_earlier_run_has_done_says_nothing_about_the_speed(time: Time) -> None:
    work = Work("reading", "items", 1_000)
    work.tell(900)
    assert work.left() is None
    time.now += 10
    work.tell(950)

    assert work.left() == 10


def test_a_total_that_was_too_low_is_not_shown(time: Time) -> None:
    work = Work("reading", "items", 10)
    work.tell(1)
    time.now += 10
    work.tell(11)

    assert work.text() == "reading: 11 items"


def test_what_cannot_be_counted_takes_as_long_as_the_last_time(time: Time) -> None:
    first = Work("building")
    time.now += 20
    assert first.text() == "building: 20 s"
    first.remember()

    again = Work("building")
    time.now += 5
    assert again.text() == "building: 5 s, about 15 s left"
    time.now += 20
    assert again.text() == "building: 25 s, longer than the last time (20 s)"


def test_the_first_time_only_the_seconds_since_it_began_are_shown(time: Time) -> None:
    work = Work("building")
    time.now += 5

    assert work.left() is None
    assert work.text() == "building: 5 s"


def test_what_differs_from_run_to_run_is_shown_and_not_remembered(time: Time, tmp_path: Path) -> None:
    for file in ("one.csv", "other.csv"):
        work = Work("opening", detail=file)
        time.now += 5
        assert work.text().startswith(f"opening {file}: 5 s")
        work.remember()

    assert json.loads((tmp_path / "durations.json").read_text()) == {"opening": 5}


def test_work_of_a_moment_is_not_remembered(time: Time, tmp_path: Path) -> None:
    work = Work("writing")
    time.now += 1
    work.remember()

    assert not (tmp_path / "durations.json").exists()


def test_only_the_latest_hundred_are_remembered(time: Time, tmp_path: Path) -> None:
    for number in range(120):
        work = Work(f"work {number}")
        time.now += 5
        work.remember()

    known = json.loads((tmp_path / "durations.json").read_text())
    assert list(known) == [f"work {number}" for number in range(20, 120)]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"building": "long"}', "\0"])
def test_a_damaged_memory_is_no_reason_to_fail(content: str, time: Time, tmp_path: Path) -> None:
    (tmp_path / "durations.json").write_text(content)
    work = Work("building")
    assert work.left() is None
    time.now += 5
    work.remember()

    assert Work("building").left() == 5


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(
    time: Time, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path / "file" / "folder"))
    work = Work("building")
    time.now += 5

    work.remember()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3_599, "59 min 59 s"), (7_860, "2 h 11 min")],
)
def test_a_duration_is_shown_in_the_two_largest_units(seconds: float, text: str) -> None:
    assert time_text(seconds) == text
