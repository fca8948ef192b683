"""An entry of the catalog with its version, the versions that it had, and what a write demands of them."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from saxaul.catalog.entries import Entity
from saxaul.problems import PreconditionFailed


class VersionedEntry(NamedTuple):
    """An entry and how often it was changed; without an entity it was deleted, or never written.

    ``changed_at`` is an instant in seconds; ``changed_by`` is a person, or the client of the token.
    """

    entity: Entity | None
    version: int
    changed_at: int = 0
    changed_by: str = ""


class EntryVersion(NamedTuple):
    """What an entry was once, as it was written then; without a document it was deleted."""

    number: int
    changed_at: int
    changed_by: str
    document: Any


Versions = frozenset[str]
"""Versions as a caller names them: numbers as text, or ANY_VERSION."""

ANY_VERSION: Versions = frozenset({"*"})


@dataclass(frozen=True)
class Condition:
    """What a write demands of the version that stands there: ``among`` these, if given, and ``not_among`` those."""

    among: Versions | None = None
    not_among: Versions = frozenset()

    def check(self, version: int | None) -> None:
        """Hold the condition against the version that stands there; None where nothing does.

        Raises:
            PreconditionFailed: the condition does not hold.
        """
        if self.among is not None and not _holds(self.among, version):
            now = f"it is at version {version}" if version else "it does not exist"
            raise PreconditionFailed(
                "stale_version", f"The entry is not at a version that the call names: {now}. Read it again."
            )
        if _holds(self.not_among, version):
            raise PreconditionFailed("already_there", f"The entry exists, at version {version}.")


def _holds(versions: Versions, version: int | None) -> bool:
    return version is not None and (versions == ANY_VERSION or str(version) in versions)
