"""Conditions of a request (RFC 9110).

Of a write: ``If-Match`` names the versions that the caller read, and ``If-None-Match: *`` says that there is none.
Of a read: ``If-None-Match`` names the answers that the caller still has.
"""

import hashlib
import re

from saxaul.catalog.versions import Condition, Versions
from saxaul.http.endpoint import Request

_ETAG = re.compile(r'(W/)?"([^"]*)"')


def condition_of(request: Request) -> Condition:
    """What a write demands of the entry that it changes."""
    if_match, if_none_match = request.header("if-match"), request.header("if-none-match")
    return Condition(
        among=None if if_match is None else _versions_in(if_match),
        not_among=Versions() if if_none_match is None else _versions_in(if_none_match),
    )


def etag_of(version: int) -> str:
    return f'"{version}"'


def tag_of(text: str) -> str:
    """The tag of an answer that has no version: the same text has the same one."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def is_held(if_none_match: str | None, etag: str) -> bool:
    """Whether the caller has that answer already. A proxy may have made a tag of ours a weak one."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or "*" in tags


def _versions_in(header: str) -> Versions:
    """The versions that a header's list of tags names. A weak tag names none: a write needs to know exactly."""
    if header.strip() == "*":
        return Versions(any=True)
    return Versions(frozenset(tag for weak, tag in _ETAG.findall(header) if not weak))
