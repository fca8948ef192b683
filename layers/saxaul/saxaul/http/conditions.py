"""Conditional requests (RFC 9110).

In a write, ``If-Match`` names the versions that the client has read, and ``If-None-Match: *`` allows the write only if
the entry does not exist. In a read, ``If-None-Match`` names the responses that the client still has.
"""

import hashlib
import re

from saxaul.catalog.versions import Condition, Versions
from saxaul.http.endpoint import Request

_ETAG = re.compile(r'(W/)?"([^"]*)"')


def condition_of(request: Request) -> Condition:
    """Return the condition that a write sets for the catalog entry that it changes."""
    if_match, if_none_match = request.header("if-match"), request.header("if-none-match")
    return Condition(
        among=None if if_match is None else _versions_in(if_match),
        not_among=Versions() if if_none_match is None else _versions_in(if_none_match),
    )


def etag_of(version: int) -> str:
    return f'"{version}"'


def tag_of(text: str) -> str:
    """Return the ETag of a response that has no version. Equal texts have equal ETags."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def is_held(if_none_match: str | None, etag: str) -> bool:
    """Whether the client already has this response. Weak ETags match, because a proxy may have weakened one of ours."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or "*" in tags


def _versions_in(header: str) -> Versions:
    """Return the versions that a header lists. Weak ETags are ignored, because a write needs an exact version."""
    if header.strip() == "*":
        return Versions(any=True)
    return Versions(frozenset(tag for weak, tag in _ETAG.findall(header) if not weak))
