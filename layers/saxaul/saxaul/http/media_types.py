"""The media type that a client prefers, according to its header ``Accept`` (RFC 9110, section 12.5.1)."""

import re
from typing import Final

_RANGE = re.compile(r"([a-z*]+/[a-z0-9.+*-]+)[ \t]*(?:;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?", re.IGNORECASE)
"""A range of media types, and its weight if it has one. Ranges with other parameters are ignored."""

_LONGEST_HEADER: Final = 500
"""A longer header counts as missing. Those of browsers have about 150 characters."""


def prefers_html(accept: str) -> bool:
    """Return whether a client prefers HTML to JSON, as browsers do. If it takes both alike, it gets JSON."""
    members = accept.split(",") if len(accept) <= _LONGEST_HEADER else []
    found = [match for member in members if (match := _RANGE.fullmatch(member.strip(" \t")))]
    weights = {match[1].lower(): float(match[2] or 1) for match in found}

    def weight_of(name: str) -> float:
        ranges = (name, f"{name.partition('/')[0]}/*", "*/*")
        return next((weights[one] for one in ranges if one in weights), 0)

    return weight_of("text/html") > weight_of("application/json")
