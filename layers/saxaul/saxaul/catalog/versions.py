"""The versions of a catalog entry, and the conditions that a write can set on the current version."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from saxaul.catalog.entries import Entity

HIGHEST_VERSION = 99_999_999
"""An upper bound of version numbers: their sort keys have eight digits."""


class VersionedEntry(NamedTuple):
    """A catalog entry and its version number, which increases with each change.

    ``entity`` is None if the entry was deleted or never written. ``changed_at`` is an instant in seconds.
    ``changed_by`` is a person, or the name of the client whose token was used.
    """

    entity: Entity | None
    version: int
    changed_at: int = 0
    changed_by: str = ""


class EntryVersion(NamedTuple):
    """One version of an entry, as an operator wrote it. ``document`` is None if this version is a deletion."""

    number: int
    changed_at: int
    changed_by: str
    document: Any


@dataclass(frozen=True)
class Versions:
    """The versions that an If-Match or If-None-Match header lists: some numbers (as text), or ``any`` version."""

    numbers: frozenset[str] = frozenset()
    any: bool = False

    def include(self, version: int | None) -> bool:
        """Return whether a version is one of these. None stands for a missing entry; the result is then False."""
        return version is not None and (self.any or str(version) in self.numbers)


@dataclass(frozen=True)
class Condition:
    """The condition of a write: the current version is one of ``required`` and is not one of ``excluded``.

    If ``required`` is None, the entry may be missing or have any version that is not excluded.
    """

    required: Versions | None = None
    excluded: Versions = Versions()

    def is_stale(self, version: int | None) -> bool:
        """Return whether this write was based on a version that is not the current one."""
        return self.required is not None and not self.required.include(version)

    def excludes(self, version: int | None) -> bool:
        """Return whether the current version is an excluded one."""
        return self.excluded.include(version)
