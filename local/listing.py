"""Lists the catalog of a stack through its API."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from saxaul.catalog.entries import MODELS, Entity, Kind
from saxaul_client import OperatorClient, items_of

_ADDED_FIELDS = {"id", "version", "changed_at", "changed_by", "effective_at", "in_effect"}
"""The fields that a response with entries adds to each entry's own fields."""

_PAGE = 200
"""The most entries that the API lists on a page."""


class Listed(NamedTuple):
    """A catalog entry: its document and version, and when (RFC 3339) and by whom that version was written."""

    kind: Kind
    identifier: str
    document: dict[str, Any]
    version: int
    changed_at: str | None
    changed_by: str | None

    @property
    def is_broken(self) -> bool:
        """Whether the stack cannot read the entry, because an older release wrote it."""
        return self.document == {"broken": True}

    @property
    def entity(self) -> Entity:
        """The document, validated as a catalog entry of its kind.

        Raises:
            ValidationError: the document does not fit the model of the kind in this version of the code.
        """
        return MODELS[self.kind].model_validate(self.document)


def entries_of(operator: OperatorClient, kind: Kind) -> Iterator[Listed]:
    """Yield the latest version of every catalog entry of a kind, sorted by identifier.

    It may take effect later. Entries whose deletion takes effect later are left out.
    """
    for entry in items_of(operator.entry_pages(kind, limit=_PAGE)):
        if not entry.get("deleted"):
            changed = (entry["version"], entry["changed_at"], entry["changed_by"])
            yield Listed(kind, entry["id"], without_added_fields(entry), *changed)


def without_added_fields(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of an entry in a response."""
    return {name: value for name, value in entry.items() if name not in _ADDED_FIELDS}
