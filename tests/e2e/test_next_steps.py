"""The story of `make run` ends with a verified tree, and with lines to paste that work as they stand."""

import re
import subprocess
import sys
from typing import Any

import httpx
import pytest

from local.sam import ROOT

PRINTS = {
    "make status": "public log",
    "make invoke FUNCTION=ViewForest": "200",
    "make replay FILE=docs/rides.csv": "grams avoided",
}
"""What each command prints if it does what is said of it."""


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own lines
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.usefixtures("state_folder")
def test_the_story_ends_with_a_verified_tree_and_with_five_lines_that_can_be_pasted(
    stack: dict[str, Any],
) -> None:
    told = run(sys.executable, "-m", "local.story", "--next-steps")

    story, _, rest = told.partition("Five things to try next.")
    assert re.search(r"^VERIFIED .*, certificate \S+$", story, re.MULTILINE)
    lines = re.findall(r"^     (\S.*)$", rest, re.MULTILINE)
    addresses = [line for line in lines if line.startswith(stack["api_url"])]
    commands = [line for line in lines if line not in addresses]
    assert (len(addresses), commands) == (2, list(PRINTS))
    for address in addresses:
        page = httpx.get(address, headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (200, "text/html")
    for command in commands:
        assert PRINTS[command] in run("/bin/sh", "-c", command)
