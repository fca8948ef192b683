"""A catalog entry with its version, its earlier versions, and the conditions of a write."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from saxaul.catalog.entries import Entity


class VersionedEntry(NamedTuple):
    """An entry with its version, which counts its changes. Without an entity, it was deleted or never written.

    ``changed_at`` is an instant in seconds. ``changed_by`` is a person, or the name of the token's client.
    """

    entity: Entity | None
    version: int
    changed_at: int = 0
    changed_by: str = ""


class EntryVersion(NamedTuple):
    """One version of an entry, as it was written at the time. Without a document, this version is a deletion."""

    number: int
    changed_at: int
    changed_by: str
    document: Any


@dataclass(frozen=True)
class Versions:
    """Versions that a request names: ``any`` version, or these numbers, as text."""

    numbers: frozenset[str] = frozenset()
    any: bool = False

    def hold(self, version: int | None) -> bool:
        """Return whether these include the entry's current version, which is None if the entry does not exist."""
        return version is not None and (self.any or str(version) in self.numbers)


@dataclass(frozen=True)
class Condition:
    """The condition of a write: the entry's current version is in ``among``, if given, and not in ``not_among``."""

    among: Versions | None = None
    not_among: Versions = Versions()

    def is_stale(self, version: int | None) -> bool:
        """Return whether the current version is not in ``among``, so the operator read another one."""
        return self.among is not None and not self.among.hold(version)

    def excludes(self, version: int | None) -> bool:
        """Return whether the current version is in ``not_among``."""
        return self.not_among.hold(version)
