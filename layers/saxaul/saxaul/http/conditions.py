"""Conditional requests (RFC 9110).

In a write of a catalog entry, ``If-Match`` lists the ETags of the versions that the client accepts as the current
version, and ``If-None-Match: *`` allows the write only if the entry does not exist. In a read, ``If-None-Match`` lists
the ETags of the responses that the client has in its cache.
"""

import hashlib
import re
from collections.abc import Mapping

from saxaul.catalog.versions import Condition, Versions
from saxaul.http.endpoint import Request, Response

_ETAG = re.compile(r'(W/)?"([^"]*)"')


def condition_of(request: Request) -> Condition:
    """Return the condition of a write request: versions that the current one must be among, or must not be among."""
    if_match, if_none_match = request.header("if-match"), request.header("if-none-match")
    return Condition(
        required=None if if_match is None else _versions_in(if_match),
        excluded=Versions() if if_none_match is None else _versions_in(if_none_match),
    )


def etag_of_version(version: int) -> str:
    return f'"{version}"'


def etag_of_text(text: str) -> str:
    """Return the ETag of a response body. Equal bodies have equal ETags."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def cacheable(request: Request, text: str, cache_headers: Mapping[str, str], headers: Mapping[str, str]) -> Response:
    """Return a response with an ETag, or 304 if the client already has this text.

    ``cache_headers`` tell caches how to treat the response. Both responses have them; only the first has ``headers``.
    """
    etag = etag_of_text(text)
    if client_has(request.header("if-none-match"), etag):
        return Response("", 304, {**cache_headers, "etag": etag})
    return Response(text, 200, {**cache_headers, "etag": etag, **headers})


def client_has(if_none_match: str | None, etag: str) -> bool:
    """Return whether ``If-None-Match`` lists this ETag, so the client already has the response.

    Weak ETags match too, because a proxy may have made an ETag of ours weak.
    """
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or "*" in tags


def _versions_in(header: str) -> Versions:
    """Return the versions that a header lists. Weak ETags are ignored, because a write needs an exact version."""
    if header.strip() == "*":
        return Versions(any=True)
    return Versions(frozenset(tag for weak, tag in _ETAG.findall(header) if not weak))
