"""The versions of a catalog entry."""

import json
from typing import Any, NamedTuple

from saxaul.catalog.entries import Entity

HIGHEST_VERSION = 99_999_999
"""An upper bound of version numbers: their sort keys have eight digits."""


class VersionedEntry(NamedTuple):
    """A version of a catalog entry, and the earlier versions that are still in effect before this one is.

    Attributes:
        entity: the entry; None if this version is a deletion, if it cannot be read, or if the entry was never written.
        version: the number of the version, which increases with each change; 0 if the entry was never written.
        changed_at: when this version was written, an instant in seconds; 0 if that is not recorded.
        changed_by: who wrote it: a person, or the name of the client whose token was used.
        effective_at: from when on this version is in effect, an instant in seconds.
        before: the versions that are in effect until then, oldest first. Their instants increase.
        is_broken: whether this version cannot be read, because an older release wrote it.
    """

    entity: Entity | None
    version: int
    changed_at: int = 0
    changed_by: str = ""
    effective_at: int = 0
    before: "tuple[VersionedEntry, ...]" = ()
    is_broken: bool = False

    @property
    def is_deletion(self) -> bool:
        return self.version > 0 and self.entity is None and not self.is_broken

    @property
    def chain(self) -> "tuple[VersionedEntry, ...]":
        """This version and the ones before it, oldest first."""
        return (*self.before, self)

    def at(self, instant: int) -> "VersionedEntry":
        """Return the version that is in effect at an instant.

        A clock that is behind that of the writer may ask for an instant before the first version, and gets the first.
        """
        return self.since(instant)[0]

    def since(self, instant: int) -> "tuple[VersionedEntry, ...]":
        """Return the version that is in effect at an instant, and those that will be in effect later, in this order."""
        chain = self.chain
        begun = [place for place, version in enumerate(chain) if version.effective_at <= instant]
        return chain[begun[-1] :] if begun else chain

    def exists_at(self, instant: int) -> bool:
        """Return whether the entry exists. It exists until its deletion is in effect."""
        return self.version > 0 and not (self.is_deletion and self.effective_at <= instant)

    def followed_by(
        self, entity: Entity | None, effective_at: int, changed_at: int, changed_by: str
    ) -> "VersionedEntry":
        """Return the next version, which is written at ``changed_at`` and takes effect at ``effective_at``.

        A version of which no part is in effect between these instants is left out: it was in effect before, or it would
        take effect at ``effective_at`` or later, and never does.
        """
        current = self.since(changed_at) if self.version and effective_at > changed_at else ()
        before = tuple(version._replace(before=()) for version in current if version.effective_at < effective_at)
        return VersionedEntry(entity, self.version + 1, changed_at, changed_by, effective_at, before)


class EntryVersion(NamedTuple):
    """One version of an entry, as an operator wrote it.

    ``document`` is None if this version is a deletion. ``effective_at`` is the instant from which on it is in effect.
    ``is_superseded`` tells whether it never takes effect, because a later version took effect at that time or before.
    """

    number: int
    changed_at: int
    changed_by: str
    document: Any
    effective_at: int = 0
    is_superseded: bool = False


def content_of(entry: VersionedEntry) -> dict[str, Any]:
    """Return what is stored of a version besides its number, with the document that this release writes."""
    content: dict[str, Any] = {
        "changed_at": entry.changed_at,
        "changed_by": entry.changed_by,
        "effective_at": entry.effective_at,
    }
    if entry.entity:
        document = entry.entity.model_dump(mode="json", exclude_defaults=True)
        content["document"] = json.dumps(document, ensure_ascii=False)
    return content
