"""Reads catalog entries, their earlier versions, and what will be in effect on a day, for operators."""

from datetime import date
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Campaign, Kind
from saxaul.catalog.versions import EntryVersion, VersionedEntry
from saxaul.clock import Clock
from saxaul.impact.campaigns import Run, run_at
from saxaul.problems import NotFound
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore


class Previewed(NamedTuple):
    """A catalog entry as it is in effect at the end of a day.

    Attributes:
        entry: the version in effect.
        run: the run of a campaign that includes the day; None if it does not run, or for another kind.
        multiplier: how many times its points an action type earns on the day; None for another kind.
        multiplied_by: the name of the run of the campaign with this multiplier; empty if there is none.
    """

    entry: VersionedEntry
    run: Run | None = None
    multiplier: Decimal | None = None
    multiplied_by: str = ""


class CatalogBrowsing(NamedTuple):
    """Reads catalog entries and their versions."""

    catalog_store: CatalogStore
    calendar: Calendar
    clock: Clock

    def entry(self, kind: Kind, identifier: str) -> VersionedEntry:
        """Return the latest version of a catalog entry, which may take effect later.

        Raises:
            NotFound: the entry does not exist, or its deletion is in effect.
        """
        entry = self.catalog_store.latest(kind, identifier)
        if not entry.exists_at(self.clock.now()):
            raise unknown_entry(kind, identifier)
        return entry

    def entries(self, kind: Kind, after: str, limit: int) -> list[tuple[str, VersionedEntry]]:
        """Return up to ``limit`` entries of a kind in the order of their ids, starting after the id ``after``."""
        return self.catalog_store.listed(kind, after, limit)

    def preview(self, kind: Kind, identifier: str, day: date) -> Previewed:
        """Return a catalog entry as it is in effect at the end of a day. The day must not be before today.

        Raises:
            NotFound: the entry does not exist at that time.
        """
        found = dict(self._previews(kind, day, [identifier]))
        if identifier not in found:
            raise unknown_entry(kind, identifier)
        return found[identifier]

    def previews(self, kind: Kind, day: date, after: str, limit: int) -> list[tuple[str, Previewed]]:
        """Return up to ``limit`` entries of a kind as they are in effect at the end of a day, sorted by their ids.

        The first is the one after the id ``after``. The day must not be before today.
        """
        return self._previews(kind, day, None, after)[:limit]

    def _previews(
        self, kind: Kind, day: date, identifiers: list[str] | None, after: str = ""
    ) -> list[tuple[str, Previewed]]:
        instant = self.calendar.end_of(day)
        timeline = self.catalog_store.read().timeline
        catalog = timeline.catalog(instant)
        found = sorted(timeline.in_effect(kind, instant).items())
        previews = []
        for name, entry in found:
            if name <= after or (identifiers is not None and name not in identifiers):
                continue
            preview = Previewed(entry)
            if isinstance(entry.entity, Campaign):
                preview = Previewed(entry, run=run_at(entry.entity, day))
            elif kind == "action-types":
                preview = Previewed(entry, None, *catalog.best_multiplier(name, day))
            previews.append((name, preview))
        return previews

    def versions(
        self, kind: Kind, identifier: str, before: int, superseded_from: float, limit: int
    ) -> list[EntryVersion]:
        """Return up to ``limit`` versions of an entry that are lower than ``before``, newest first.

        ``superseded_from`` is the earliest instant at which a version from ``before`` on takes effect.

        Raises:
            NotFound: the entry has no such versions.
        """
        found = self.catalog_store.versions(kind, identifier, before, limit, superseded_from)
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
    return CatalogBrowsing(wiring.catalog_store(), settings().calendar, wiring.clock())
