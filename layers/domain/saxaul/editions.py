"""Editions: an entry of the catalogue with its version, who made it so, and when."""

from typing import Any, NamedTuple

from saxaul.catalog import Entity


class Edition(NamedTuple):
    """An entry and how often it was changed; without an entity it was deleted, or never written.

    ``changed_at`` is an instant in seconds; ``changed_by`` is a person, or the client of the token.
    """

    entity: Entity | None
    version: int
    changed_at: int = 0
    changed_by: str = ""


class Version(NamedTuple):
    """What an entry was once, as it was written then; without a document it was deleted."""

    number: int
    changed_at: int
    changed_by: str
    document: Any
