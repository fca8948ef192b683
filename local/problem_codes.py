"""Reads docs/problems.md, the only place where the codes of problems, of refused items and of reasons are described.

The codes of warnings are described in docs/api.md.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from local.sam import ROOT

PROBLEMS = ROOT / "docs/problems.md"
API = ROOT / "docs/api.md"
REQUEST = "Codes of a request"
"""The heading above the codes of problems."""


class ProblemCode(NamedTuple):
    """A code as docs/problems.md describes it.

    Attributes:
        status: the HTTP status of the problem; None if API Gateway sends the code with several, or if it is the code of
            a refused item, which is part of a successful response.
        text: when the code is sent, as Markdown without links.
    """

    code: str
    status: int | None
    text: str


@cache
def problem_codes() -> Mapping[str, ProblemCode]:
    """Return the codes of problems, in the order of the document."""
    return {found.code: found for found in codes_below(REQUEST)}


def codes_below(heading: str) -> list[ProblemCode]:
    """Return the codes in the table below a heading.

    Raises:
        LookupError: there is no such heading, or it has no table of codes.
    """
    found = re.search(
        rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", PROBLEMS.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    codes = (
        [code for row in re.findall(r"^\| (.*) \|$", found[1], re.MULTILINE) for code in _codes_in(row)]
        if found
        else []
    )
    if not codes:
        raise LookupError(f"docs/problems.md has no codes below the heading {heading!r}")
    return codes


def codes_in_table(first: str, document: Path = PROBLEMS) -> list[ProblemCode]:
    """Return the codes in the table whose first column has this heading. The last column says what each means.

    Raises:
        LookupError: there is no such table.
    """
    found = re.search(rf"^\| {re.escape(first)} \|.*\n((?:\|.*\n)+)", document.read_text("utf-8"), re.MULTILINE)
    if not found:
        raise LookupError(f"{document.name} has no table with the heading {first!r}")
    rows = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in found[1].splitlines()]
    return [ProblemCode(code, None, _sentence(row[-1])) for row in rows for code in re.findall(r"`([a-z_]+)`", row[0])]


def _codes_in(row: str) -> Iterator[ProblemCode]:
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)]
    *status, codes, text = cells
    for code in re.findall(r"`([a-z_]+)`", codes):
        number = int(status[0]) if status and status[0].isdigit() else None
        yield ProblemCode(code, number, _sentence(text))


def _sentence(text: str) -> str:
    """Return the text of a cell without links, which lead to other documents, and with a full stop.

    A link in parentheses is left out with its words.
    """
    without_pointers = re.sub(r" \(\[[^\]]+\]\([^)]*\)\)", "", text)
    plain = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", without_pointers)
    return f"{plain[:1].upper()}{plain[1:]}".rstrip(".") + "."
