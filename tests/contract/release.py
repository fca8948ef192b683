"""Record the API's document as the last released one, which later changes must not break.

If something in the document breaks clients of the released one, its version must have changed since. Each change that
breaks clients is printed.
"""

import json
from pathlib import Path
from typing import Any

from local.command import command_parser, run_command
from local.console import exit_with
from local.openapi import DOCUMENT
from local.sam import ROOT
from tests.contract.compatibility import breaking_changes

RELEASED = ROOT / "tests" / "contract" / "released.json"


class ReleaseError(Exception):
    """The document cannot be released."""


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def release(document: Path, released: Path) -> list[str]:
    """Copy the document over the released one. Return the changes that break clients.

    Raises:
        ReleaseError: a change breaks clients, and the version is the same.
    """
    broken: list[str] = []
    if released.exists():
        before, now = read(released), read(document)
        broken = breaking_changes(before, now)
        if broken and before["info"]["version"] == now["info"]["version"]:
            found = "\n".join(f"- {change}" for change in broken)
            raise ReleaseError(f"These changes break clients, and the version of the document is the same:\n{found}")
    released.write_bytes(document.read_bytes())
    return broken


def main() -> None:
    command_parser("tests.contract.release", __doc__, is_whole=True).parse_args()
    try:
        broken = release(DOCUMENT, RELEASED)
    except ReleaseError as error:
        exit_with(str(error))
    for change in broken:
        print(f"breaks clients: {change}")  # noqa: T201 - a command
    print(f"{RELEASED.relative_to(ROOT)} is version {read(RELEASED)['info']['version']} now.")  # noqa: T201 - a command


if __name__ == "__main__":
    run_command(main)
