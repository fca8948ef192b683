"""Editions: an entry of the catalog with its version, who made it so, and when."""

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
