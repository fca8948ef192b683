"""Lists the catalog of a stack through its API."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from local.client import Client
from saxaul.catalog.entries import MODELS, Entity, Kind

_ADDED_FIELDS = {"id", "version", "changed_at", "changed_by"}
"""The fields that a response with entries adds to each entry's own fields."""


class Listed(NamedTuple):
    """A catalog entry: its document and version, and when (RFC 3339) and by whom that version was written."""

    kind: Kind
    identifier: str
    document: dict[str, Any]
    version: int
    changed_at: str | None
    changed_by: str | None

    @property
    def entity(self) -> Entity:
        """The document, validated as a catalog entry of its kind.

        Raises:
            ValidationError: the document does not fit the model of the kind in this version of the code.
        """
        return MODELS[self.kind].model_validate(self.document)


def entries_of(operator: Client, kind: Kind) -> Iterator[Listed]:
    """Yield every catalog entry of a kind, sorted by identifier."""
    cursor: str | None = ""
    while cursor is not None:
        page = operator.call_or_exit("GET", f"/catalog/{kind}?limit=200&cursor={quote(cursor)}")
        for entry in page["entries"]:
            document = {name: value for name, value in entry.items() if name not in _ADDED_FIELDS}
            yield Listed(kind, entry["id"], document, entry["version"], entry["changed_at"], entry["changed_by"])
        cursor = page["cursor"]
