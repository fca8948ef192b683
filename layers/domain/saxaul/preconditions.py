"""Conditions of a write (RFC 9110): ``If-Match`` names the versions that the caller read, ``If-None-Match: *`` none."""

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


def _names(header: str, version: int | None) -> bool:
    """Whether a header's list of tags names a version. A weak tag names none: a write needs to know exactly."""
    if version is None:
        return False
    return header.strip() == "*" or any(not weak and tag == str(version) for weak, tag in _ETAG.findall(header))
