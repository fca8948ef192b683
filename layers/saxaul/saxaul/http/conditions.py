"""Conditions of a request (RFC 9110).

Of a write: ``If-Match`` names the versions that the caller read, and ``If-None-Match: *`` says that there is none.
Of a read: ``If-None-Match`` names the answers that the caller still has.
"""

import hashlib
import re
from dataclasses import dataclass

from saxaul.problems import PreconditionFailed

_ETAG = re.compile(r'(W/)?"([^"]*)"')


@dataclass(frozen=True)
class Precondition:
    """What must stand there for a write to go through; None where the caller does not say."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, version: int | None) -> None:
        """Hold against the version that stands there; None where nothing does.

        Raises:
            PreconditionFailed: something else stands there.
        """
        if self.if_match is not None and not _names(self.if_match, version):
            now = f"it is at version {version}" if version else "it does not exist"
            raise PreconditionFailed("stale_version", f"The entry is not what If-Match names: {now}. Read it again.")
        if self.if_none_match is not None and _names(self.if_none_match, version):
            raise PreconditionFailed("already_there", f"The entry exists, at version {version}.")


def etag_of(version: int) -> str:
    return f'"{version}"'


def tag_of(text: str) -> str:
    """The tag of an answer that has no version: the same text has the same one."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def is_held(if_none_match: str | None, etag: str) -> bool:
    """Whether the caller has that answer already. A proxy may have made a tag of ours a weak one."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or "*" in tags


def _names(header: str, version: int | None) -> bool:
    """Whether a header's list of tags names a version. A weak tag names none: a write needs to know exactly."""
    if version is None:
        return False
    return header.strip() == "*" or any(not weak and tag == str(version) for weak, tag in _ETAG.findall(header))
