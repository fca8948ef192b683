"""The error messages for invalid input. They are short, however long the input is, because a response repeats them."""

import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from saxaul.catalog.models import ValidationError

MAX_LINES = 10
"""The most lines about one entry, action, reversal or report. A last line says how many more errors there are."""

MAX_LINE_BYTES = 200
"""The most bytes of a line, and of a text that an error message quotes."""

MAX_DETAIL_BYTES = 300
"""The most bytes of the lines about one action, reversal or report. A response can have 500 of them."""


def error_lines(error: ValidationError) -> list[str]:
    """Return one line for each of the first errors: the field and the message, such as ``unit: this is required``.

    There are at most MAX_LINES such lines. If there are more errors, a last line such as ``and 990 more`` counts them.
    """
    details = _without_consequences(error.errors(include_url=False, include_input=False))
    first = [": ".join(filter(None, (_place(detail), error_text(detail)))) for detail in details[:MAX_LINES]]
    return bounded_lines(first) + _rest(len(details) - MAX_LINES)


def _without_consequences(details: list[Any]) -> list[Any]:
    """Leave out that a list is too short if its items are invalid: the core counts only valid items."""
    places = [detail["loc"] for detail in details]
    return [
        detail
        for detail in details
        if detail["type"] != "too_short" or not any(_is_inside(place, detail["loc"]) for place in places)
    ]


def _is_inside(place: Sequence[object], other: Sequence[object]) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


def error_text(detail: Mapping[str, Any]) -> str:
    """Return what is wrong, in words without the names of types in our code. ``detail`` is an error of the core."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        pattern = context["pattern"]
        return _PATTERNS.get(pattern, f"this must match the pattern {pattern}")
    text = _TEXTS.get(kind, "this value is not allowed")
    written = text.format_map({name: _plain(limit) for name, limit in context.items()})
    return re.sub(r"\b(1 (?:item|character|digit))s\b", r"\1", written)


def _place(detail: Mapping[str, Any]) -> str:
    return ".".join(str(part) for part in detail["loc"] if part != "[key]")


def _plain(limit: object) -> object:
    """Return a limit as it is written in JSON: without an exponent or needless zeros."""
    return f"{Decimal(str(limit)).normalize():f}" if isinstance(limit, int | float | Decimal) else limit


_LIST, _OBJECT = "this must be a list", "this must be a JSON object"
_NUMBER, _WHOLE = "this must be a number", "this must be a whole number"
_DAY = "this must be a day, such as 2026-06-05"
_TIME = "this must be a time with an offset, such as 2026-06-05T08:30:00+08:00"
_LINK = "this must be a complete link, such as https://example.org/1.jpg"

_TEXTS: Mapping[str, str] = {
    "missing": "this is required",
    "extra_forbidden": "there is no such field",
    "string_type": "this must be text",
    "string_unicode": "this must be text without lone surrogates",
    "string_too_short": "this must have at least {min_length} characters",
    "string_too_long": "this must have at most {max_length} characters",
    "literal_error": "this must be {expected}",
    "bool_type": "this must be true or false",
    "bool_parsing": "this must be true or false",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), _WHOLE),
    "int_parsing_size": "this number is too large",
    **dict.fromkeys(("float_type", "float_parsing", "decimal_type", "decimal_parsing", "finite_number"), _NUMBER),
    "decimal_max_digits": "this must have at most {max_digits} digits",
    "decimal_max_places": "this must have at most {decimal_places} digits after the decimal point",
    "decimal_whole_digits": "this must have at most {whole_digits} digits before the decimal point",
    "greater_than": "this must be more than {gt}",
    "greater_than_equal": "this must be at least {ge}",
    "less_than": "this must be less than {lt}",
    "less_than_equal": "this must be at most {le}",
    "tuple_type": _LIST,
    "list_type": _LIST,
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), _OBJECT),
    "too_short": "this must have at least {min_length} items",
    "too_long": "this must have at most {max_length} items",
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"), _DAY),
    **dict.fromkeys(("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "timezone_aware"), _TIME),
    "datetime_object_invalid": _TIME,
    **dict.fromkeys(("url_type", "url_parsing", "url_syntax_violation"), _LINK),
    "url_scheme": "this must be a link that begins with http:// or https://",
    "url_too_long": "this link must have at most {max_length} characters",
    "json_invalid": "this must be valid JSON",
}
"""What is wrong, for each type of error that our models can have. The names in braces are those of the core."""

_PATTERNS: Mapping[str, str] = {
    "^[A-Za-z0-9._~@:+=-]{1,128}$": "an id must have 1 to 128 characters: letters, digits and ._~@:+=-",
    "^[a-z0-9][a-z0-9_-]{0,63}$": (
        "an id in the catalog must have 1 to 64 characters a-z, 0-9, _ and -, and begin with a letter or a digit"
    ),
    r"^[^\x00-\x1f\x7f-\x9f]+$": "this must have a character, and no control characters such as line breaks",
    r"^([01]\d|2[0-3]):[0-5]\d$": "this must be a time of day, such as 08:30",
}
"""What a text must be, for each pattern of a request."""


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
