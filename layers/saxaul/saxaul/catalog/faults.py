"""The error messages for invalid input. They are short, however long the input is, because a response repeats them."""

import json
from bisect import bisect_right

from saxaul.catalog.models import ValidationError

MAX_LINES = 10
"""The most lines about one entry, action, reversal or report. A last line says how many more errors there are."""

MAX_LINE_BYTES = 200
"""The most bytes of a line, and of a text that an error message quotes."""

MAX_DETAIL_BYTES = 300
"""The most bytes of the lines about one action, reversal or report. A response can have 500 of them."""


def error_lines(error: ValidationError) -> list[str]:
    """Return one line for each of the first errors: the field and the message, such as ``unit: Field required``.

    There are at most MAX_LINES such lines. If there are more errors, a last line such as ``and 990 more`` counts them.
    """
    details = error.errors(include_url=False, include_context=False, include_input=False)
    first = [
        ": ".join(filter(None, (".".join(map(str, detail["loc"])), detail["msg"].removeprefix("Value error, "))))
        for detail in details[:MAX_LINES]
    ]
    return bounded_lines(first) + _rest(len(details) - MAX_LINES)


def bounded_lines(lines: list[str], most: int = MAX_LINES) -> list[str]:
    """Return the first ``most`` lines, each of at most MAX_LINE_BYTES, and a line that counts the others."""
    return [shortened(line) for line in lines[:most]] + _rest(len(lines) - most)


def _rest(count: int) -> list[str]:
    return [f"and {count} more"] if count > 0 else []


def error_sentence(error: ValidationError) -> str:
    """Return the first errors in one line of at most MAX_DETAIL_BYTES."""
    return shortened("; ".join(error_lines(error)), MAX_DETAIL_BYTES)


def shortened(text: str, most: int = MAX_LINE_BYTES) -> str:
    """Return a text that has at most ``most`` bytes in a JSON document. A longer text is cut, and ends with "…"."""
    if len(text) <= most and _json_bytes(text) <= most:
        return text
    room = most - _json_bytes("…")
    kept = bisect_right(range(most), room, key=lambda length: _json_bytes(text[:length])) - 1
    return text[:kept] + "…"


def _json_bytes(text: str) -> int:
    """Return how many bytes a text takes up in a JSON document of UTF-8, without the quotation marks around it."""
    return len(json.dumps(text, ensure_ascii=False).encode(errors="replace")) - len('""')
