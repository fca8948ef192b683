"""Lists the catalog of a stack through its API."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from local.client import Client
from saxaul.catalog.entries import MODELS, Entity, Kind

_ABOUT = {"id", "version", "changed_at", "changed_by"}
"""The fields that a list adds to an entry."""


class Listed(NamedTuple):
    """An entry of the catalog: its document and version, and who wrote that version and when (RFC 3339)."""

    kind: Kind
    identifier: str
    document: dict[str, Any]
    version: int
    changed_at: str | None
    changed_by: str | None

    @property
    def entity(self) -> Entity:
        """The document as an entry.

        Raises:
            ValidationError: the document does not fit this checkout's model of the kind.
        """
        return MODELS[self.kind].model_validate(self.document)


def entries_of(operator: Client, kind: Kind) -> Iterator[Listed]:
    """Yield every entry of a kind, sorted by identifier."""
    cursor: str | None = ""
    while cursor is not None:
        page = operator.done("GET", f"/catalog/{kind}?limit=200&cursor={quote(cursor)}")
        for entry in page["entries"]:
            document = {name: value for name, value in entry.items() if name not in _ABOUT}
            yield Listed(kind, entry["id"], document, entry["version"], entry["changed_at"], entry["changed_by"])
        cursor = page["cursor"]
