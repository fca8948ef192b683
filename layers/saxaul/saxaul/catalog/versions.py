"""An entry of the catalog with its version, the versions that it had, and what a write demands of them."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from saxaul.catalog.entries import Entity


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


@dataclass(frozen=True)
class Versions:
    """Versions as a caller names them: ``any`` of them, or these numbers, as text."""

    numbers: frozenset[str] = frozenset()
    any: bool = False

    def hold(self, version: int | None) -> bool:
        """Whether the version that stands there is among them; None where nothing stands there."""
        return version is not None and (self.any or str(version) in self.numbers)


@dataclass(frozen=True)
class Condition:
    """What a write demands of the version that stands there: ``among`` these, if given, and ``not_among`` those."""

    among: Versions | None = None
    not_among: Versions = Versions()

    def is_stale(self, version: int | None) -> bool:
        """Whether something else stands there than the caller read."""
        return self.among is not None and not self.among.hold(version)

    def excludes(self, version: int | None) -> bool:
        """Whether something stands there that must not."""
        return self.not_among.hold(version)
