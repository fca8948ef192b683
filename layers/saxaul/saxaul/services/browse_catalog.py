"""Browsing the catalog: what an operator reads of it, as of now."""

from dataclasses import dataclass
from functools import cache

from saxaul.catalog.entries import Kind
from saxaul.catalog.versions import EntryVersion, VersionedEntry
from saxaul.problems import NotFound
from saxaul.services import wiring
from saxaul.storage.catalog import CatalogStore


@dataclass(frozen=True)
class CatalogBrowsing:
    """Shows entries and their versions."""

    catalog_store: CatalogStore

    def entry(self, kind: Kind, identifier: str) -> VersionedEntry:
        """One entry.

        Raises:
            NotFound: there is none.
        """
        entry = self.catalog_store.get(kind, identifier)
        if entry is None:
            raise unknown_entry(kind, identifier)
        return entry

    def entries(self, kind: Kind, after: str, limit: int) -> list[tuple[str, VersionedEntry]]:
        """Entries of a kind in the order of their identifiers, from the one after ``after`` on."""
        return self.catalog_store.listed(kind, after, limit)

    def versions(self, kind: Kind, identifier: str, before: int, limit: int) -> list[EntryVersion]:
        """What an entry was, newest first, from the version before ``before`` on.

        Raises:
            NotFound: there is no such version.
        """
        found = self.catalog_store.versions(kind, identifier, before, limit)
        if not found:
            raise unknown_entry(kind, identifier)
        return found


def unknown_entry(kind: Kind, identifier: str) -> NotFound:
    """The problem of an entry that is not there."""
    return NotFound("unknown_entry", f"The catalog has no {identifier!r} among its {kind}.")


@cache
def catalog_browsing() -> CatalogBrowsing:
    """The catalog browsing of this process."""
    return CatalogBrowsing(wiring.catalog_store())
