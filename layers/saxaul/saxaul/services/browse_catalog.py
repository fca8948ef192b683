"""Reads catalog entries and their earlier versions for operators."""

from dataclasses import dataclass
from functools import cache

from saxaul.catalog.entries import Kind
from saxaul.catalog.versions import EntryVersion, VersionedEntry
from saxaul.problems import NotFound
from saxaul.services import wiring
from saxaul.storage.catalog import CatalogStore


@dataclass(frozen=True)
class CatalogBrowsing:
    """Reads catalog entries and their versions."""

    catalog_store: CatalogStore

    def entry(self, kind: Kind, identifier: str) -> VersionedEntry:
        """Return a catalog entry.

        Raises:
            NotFound: the entry does not exist or was deleted.
        """
        entry = self.catalog_store.get(kind, identifier)
        if entry is None:
            raise unknown_entry(kind, identifier)
        return entry

    def entries(self, kind: Kind, after: str, limit: int) -> list[tuple[str, VersionedEntry]]:
        """Return up to ``limit`` entries of a kind in the order of their ids, starting after the id ``after``."""
        return self.catalog_store.listed(kind, after, limit)

    def versions(self, kind: Kind, identifier: str, before: int, limit: int) -> list[EntryVersion]:
        """Return up to ``limit`` versions of an entry that are lower than ``before``, newest first.

        Raises:
            NotFound: the entry has no such versions.
        """
        found = self.catalog_store.versions(kind, identifier, before, limit)
        if not found:
            raise unknown_entry(kind, identifier)
        return found


def unknown_entry(kind: Kind, identifier: str) -> NotFound:
    """Return the problem for a catalog entry that does not exist."""
    return NotFound(
        "unknown_entry", f"There is no catalog entry {identifier!r}; GET /catalog/{kind} lists the entries."
    )


@cache
def catalog_browsing() -> CatalogBrowsing:
    """Return the catalog browsing service of this process."""
    return CatalogBrowsing(wiring.catalog_store())
