"""Conditional requests (RFC 9110).

In a write of a catalog entry, ``If-Match`` lists the ETags of the versions that the client accepts as the current
version, or their bare numbers. ``If-None-Match: *`` allows the write only if the entry does not exist. In a read,
``If-None-Match`` lists the ETags of the responses that the client has in its cache.
"""

import hashlib
import re
from collections.abc import Mapping

from saxaul.catalog.conditions import Condition, Versions
from saxaul.catalog.entries import Language
from saxaul.http.request import Request, Response
from saxaul.problems import InvalidRequest

_ENTITY_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_MEMBER = re.compile(r'(?:[^,"]|"[^"]*"|")+')
"""A member of a list. An ETag may contain commas."""

_NUMBER = re.compile(r"[0-9]{1,8}")
_LONGEST_LIST = 100
"""The most ETags in one header of a write."""


def condition_of(request: Request) -> Condition:
    """Return the condition of a write request: versions that the current one must be among, or must not be among.

    Raises:
        InvalidRequest: ``invalid_header``: a header is neither ``*`` nor a list of ETags or version numbers.
    """
    if_match, if_none_match = request.header("if-match"), request.header("if-none-match")
    return Condition(
        required=None if if_match is None else _versions_in("If-Match", if_match),
        excluded=Versions() if if_none_match is None else _versions_in("If-None-Match", if_none_match),
    )


def etag_of_version(version: int) -> str:
    return f'"{version}"'


def etag_of_text(text: str) -> str:
    """Return the ETag of a response body. Equal bodies have equal ETags."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def cacheable(
    request: Request,
    text: str,
    cache_headers: Mapping[str, str],
    headers: Mapping[str, str],
    language: Language | None = None,
) -> Response:
    """Return a response with an ETag, or 304 if the client already has this text.

    ``cache_headers`` tell caches how to treat the response. Both responses have them; only the first has ``headers``.
    ``language`` is that of the text, if the request chose it.
    """
    etag = etag_of_text(text)
    if client_has(request.header("if-none-match"), etag):
        return Response("", 304, {**cache_headers, "etag": etag}, language)
    return Response(text, 200, {**cache_headers, "etag": etag, **headers}, language)


def client_has(if_none_match: str | None, etag: str) -> bool:
    """Return whether ``If-None-Match`` lists this ETag, so the client already has the response.

    Weak ETags match too, because a proxy may have made an ETag of ours weak.
    """
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or "*" in tags


def _versions_in(name: str, header: str) -> Versions:
    """Return the versions that a header lists. Weak ETags are ignored, because a write needs an exact version."""
    members = [member for part in _MEMBER.findall(header) if (member := part.strip(" \t"))]
    if members == ["*"]:
        return Versions(any=True)
    if not members:
        raise _invalid(name, "it is empty")
    if len(members) > _LONGEST_LIST:
        raise _invalid(name, f"it lists more than {_LONGEST_LIST} versions")
    numbers, has_weak = set[str](), False
    for place, member in enumerate(members, 1):
        if _NUMBER.fullmatch(member):
            numbers.add(member)
        elif tag := _ENTITY_TAG.fullmatch(member):
            has_weak = has_weak or tag[1] is not None
            numbers |= set() if tag[1] else {tag[2]}
        else:
            raise _invalid(name, f"item {place} {_reason(member)}")
    return Versions(frozenset(numbers), has_weak=has_weak)


def _reason(member: str) -> str:
    if member == "*":
        return "is *, which must stand alone"
    if member.count('"') % 2:
        return "has an unclosed quote"
    return "is neither an ETag in double quotes nor a version number"


def _invalid(name: str, reason: str) -> InvalidRequest:
    return InvalidRequest(
        "invalid_header", f'{name} must be *, or ETags or numbers of versions such as "2" or 2, but {reason}.'
    )
