"""The timeline of the catalog: every entry with the versions that are in effect now or will be."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from saxaul.catalog.entries import KINDS, Catalog, Entity, Kind, references_in
from saxaul.catalog.on_demand import OnDemand
from saxaul.catalog.versions import VersionedEntry


def usable_for(delay: int) -> float:
    """Return for how many seconds a worker may use the timeline that it has read. ``delay`` is the CatalogDelay.

    If every copy is younger than the delay, then all workers know a change before it takes effect. The margin is a
    quarter of the delay, and at least a second: instants are whole seconds, rounded down; a write takes some time; and
    the clocks of two workers differ a little.
    """
    return delay - max(1.0, delay / 4)


def renewed_after(delay: int) -> float:
    """Return after how many seconds a worker reads the timeline again: half of the delay, or sooner."""
    return min(delay / 2, usable_for(delay))


@dataclass(frozen=True)
class Timeline:
    """The latest version of each entry, by kind and identifier. Each has the versions that are in effect before it.

    ``changes`` has the instants at which a version of an entry replaces another one, ascending, if they are known
    without reading each entry.
    """

    entries: Mapping[Kind, Mapping[str, VersionedEntry]]
    changes: Sequence[int] | None = None

    def catalog(self, instant: int) -> Catalog:
        """Return the catalog that is in effect at an instant, without references to entries that it does not have."""
        return self._with_dangling(instant).without_dangling()

    def dangling(self, instant: int) -> list[str]:
        """Return what ``catalog`` leaves out, because an entry to which it refers is missing or cannot be read."""
        return self._with_dangling(instant).dangling()

    def _with_dangling(self, instant: int) -> Catalog:
        entities = {kind.replace("-", "_"): self._entities(kind, instant) for kind in KINDS}
        types = self.in_effect("action-types", instant)
        versions = OnDemand(types.keys(), lambda name: types[name].version)
        return Catalog(**entities, versions=versions)  # type: ignore[arg-type] # each kind has its model

    def _entities(self, kind: Kind, instant: int) -> Mapping[str, Entity]:
        entries: Mapping[str, VersionedEntry] = self.entries.get(kind, {})
        return OnDemand(entries.keys(), lambda name: entries[name].at(instant).entity)

    def in_effect(self, kind: Kind, instant: int) -> Mapping[str, VersionedEntry]:
        """Return the version of each entry of a kind that is in effect at an instant.

        Entries that are deleted at that instant, and those whose version cannot be read, are left out.
        """
        entries: Mapping[str, VersionedEntry] = self.entries.get(kind, {})

        def version_of(name: str) -> VersionedEntry | None:
            version = entries[name].at(instant)
            return version if version.entity else None

        return OnDemand(entries.keys(), version_of)

    def next_change(self, instant: int) -> int | None:
        """Return the first instant after this one at which another version takes effect. None if there is none."""
        return next((change for change in self._changes if change > instant), None)

    @cached_property
    def _changes(self) -> Sequence[int]:
        if self.changes is not None:
            return self.changes
        return self.changes_in(KINDS)

    def changes_in(self, kinds: Collection[Kind]) -> Sequence[int]:
        """Return the instants at which a version of an entry of these kinds replaces another one, ascending."""
        entries = (entry for kind in kinds for entry in self.entries.get(kind, {}).values())
        return sorted({version.effective_at for entry in entries for version in entry.chain[1:]})

    def referring_to(self, kind: Kind, identifier: str, instant: int) -> list[str]:
        """Return the entries that refer to an entry at an instant or later, as ``<kind>/<id>``."""
        return [
            f"{referring}/{name}"
            for referring in KINDS
            for name, entry in self.entries.get(referring, {}).items()
            if any(_refers(referring, version, kind, identifier) for version in entry.since(instant))
        ]


def _refers(referring: Kind, version: VersionedEntry, kind: Kind, identifier: str) -> bool:
    if version.entity is None:
        return False
    references = references_in(referring, version.entity.model_dump())
    return any((reference.kind, reference.identifier) == (kind, identifier) for reference in references)
