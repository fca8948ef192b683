"""Reads docs/problems.md, the only place where the codes of problems and of refused items are described."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from local.sam import ROOT

PROBLEMS = ROOT / "docs/problems.md"
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


def _codes_in(row: str) -> Iterator[ProblemCode]:
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)]
    *status, codes, text = cells
    for code in re.findall(r"`([a-z_]+)`", codes):
        number = int(status[0]) if status and status[0].isdigit() else None
        yield ProblemCode(code, number, _sentence(text))


def _sentence(text: str) -> str:
    """Return the text of a cell without links, which lead to other documents, and with a full stop."""
    plain = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    return f"{plain[:1].upper()}{plain[1:]}".rstrip(".") + "."
