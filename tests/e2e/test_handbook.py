"""An operator's first half hour and the day of a campaign work as the handbook says, in a clone and on its own stack.

The tests run in their order: the first one starts the stack, and the last line of the second one stops it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.sam import ROOT
from tests.e2e.conftest import free_port

STATE = ROOT / ".local" / "e2e-handbook"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder that looks like a clone in which everything is installed and no stack runs."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    (STATE / "ministack").symlink_to(ROOT / ".local" / "ministack")
    for path in ROOT.iterdir():
        if path.name not in {".local", ".venv", ".git"}:
            (folder / path.name).symlink_to(path)
    (folder / ".local").symlink_to(STATE)
    (folder / ".venv").symlink_to(sys.prefix)
    yield folder
    run("make down", folder)


@pytest.fixture(scope="module")
def variables() -> dict[str, str]:
    """Return the environment of a new terminal. The stack has a port of its own."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("SAXAUL_")}
    return own | {"SAXAUL_STATE": str(STATE), "PORT": str(free_port())}


def run(script: str, clone: Path, variables: dict[str, str] | None = None) -> str:
    """Run a script in a shell that ends at the first command that fails, and return what it prints."""
    environment = variables or {**os.environ, "SAXAUL_STATE": str(STATE)}
    done = subprocess.run(  # noqa: S603 - our documents
        ["/bin/bash", "-c", f"set -e -o pipefail\n{script}"],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def half_hour() -> str:
    """Return the shell lines of the section about the first half hour."""
    page = (ROOT / "docs/operators.md").read_text("utf-8")
    section = page.partition("## Your first half hour\n")[2].partition("\n## ")[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))


def test_the_story_of_a_day_starts_a_stack_and_shows_the_campaign_in_season(
    clone: Path, variables: dict[str, str]
) -> None:
    told = " ".join(run("make story DAY=world-environment-day YEAR=2028", clone, variables).split())

    assert "The stack is up" in told
    assert "It is 4 June 2028 on the stack. An operator previews 5 June" in told
    assert "running: World Environment Day, 5 June 2028 (this one)" in told
    assert "It is 5 June 2028: World Environment Day" in told
    assert "host: not stated for 2028 yet; that of 2026 was Azerbaijan" in told
    assert "points: 2 times for bus_ride, metro_ride" in told
    assert re.search(r"join +World Environment Day", told)
    assert "so far: 0 actions of 0 persons, 0 points, 0 of them by the campaign" in told
    assert "Take the bus: 160 points for 1 ride, 2 times the usual 80, by world-environment-day" in told
    assert "now: 3 actions of 3 persons, 480 points, 240 of them by the campaign" in told
    assert "IN SEASON World Environment Day, 5 June 2028" in told


def test_the_lines_of_the_first_half_hour_do_what_the_page_says(clone: Path, variables: dict[str, str]) -> None:
    printed = run(half_hour(), clone, variables)

    said = [
        "Friday 2030-09-20 09:00",
        '"warnings": []',
        "[('World Car-Free Day', 'running')]",
        "'multiplier': 3.0, 'campaign_id': 'car-free-day'",
        "['World Car-Free Day', ",
        "high_multiplier",
        "[(2, '30', 'operator'), (1, '3', 'operator')]",
        "{'bus_ride': '3', 'bike_ride': '3'}",
        "Sunday 2030-09-22 09:00",
        "['World Car-Free Day', ",
        '"accepted":8',
        "'actions': 8, 'persons': 2, 'points': 1440, 'extra_points': 960",
        "car-free-day: runs until",
        '"reason": "over_units_cap"',
        '"resets_at": "2030-09-23T00:00:00+08:00"',
        '"accepted":21',
        "suspended\n",
        "fakebike reported 21 actions",
        "nothing was changed",
        "nothing of fakebike in the span is left",
        "suspended: fakebike",
        "ended\n",
        "no known batch is late",
        "earned = ripening + spendable + spent",
    ]
    place = 0
    for text in said:
        place = printed.find(text, place)
        assert place >= 0, f"{text} is missing, or comes too early, in:\n{printed}"
    assert not (STATE / "stack.json").exists()
    written = {path.name for path in ROOT.iterdir()} | {".local", ".venv", ".git"}
    assert {path.name for path in clone.iterdir()} <= written
    assert not list(STATE.glob("*bike*.json"))
