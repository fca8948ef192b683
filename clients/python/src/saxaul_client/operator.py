"""The client of an operator."""

from collections.abc import Iterator

from saxaul_client.client import Client, as_object
from saxaul_client.errors import AnswerError
from saxaul_client.models import CatalogEntry, JsonObject, Page
from saxaul_client.reading import parsed

_ENTRY = "/catalog/{kind}/{id}"


class OperatorClient(Client):
    """Calls the API as an operator: it reads and writes the catalog.

    The ``if_match`` of a write is the ETag of the only version that it may replace. ``new`` is for a write that must
    not replace any. Otherwise it is refused as a ``Problem`` of status 412.
    """

    def entry_pages(
        self, kind: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Iterator[Page[JsonObject]]:
        """Yield the latest version of each entry of a kind, such as ``action-types``, sorted by id."""
        return self._pages("/catalog/{kind}", "entries", _objects, {"limit": limit, "cursor": cursor}, {"kind": kind})

    def entry(self, kind: str, identifier: str) -> CatalogEntry:
        return self._entry("GET", kind, identifier, None, {})

    def write_entry(
        self, kind: str, identifier: str, entry: JsonObject, *, if_match: str | None = None, new: bool = False
    ) -> CatalogEntry:
        """Create or replace an entry."""
        return self._entry("PUT", kind, identifier, entry, _condition(if_match, new=new))

    def delete_entry(self, kind: str, identifier: str, *, if_match: str | None = None) -> CatalogEntry:
        return self._entry("DELETE", kind, identifier, None, _condition(if_match, new=False))

    def version_pages(
        self, kind: str, identifier: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Iterator[Page[JsonObject]]:
        """Yield the versions of an entry, newest first, deletions included."""
        query = {"limit": limit, "cursor": cursor}
        return self._pages(f"{_ENTRY}/versions", "versions", _objects, query, {"kind": kind, "id": identifier})

    def _entry(self, method: str, kind: str, identifier: str, body: object, headers: dict[str, str]) -> CatalogEntry:
        response = self._send(method, _ENTRY, body, headers=headers, parameters={"kind": kind, "id": identifier})
        return CatalogEntry(identifier, as_object(parsed(response.content)), response.headers.get("etag"))


def _condition(if_match: str | None, *, new: bool) -> dict[str, str]:
    return ({"if-match": if_match} if if_match else {}) | ({"if-none-match": "*"} if new else {})


def _objects(entries: object) -> tuple[JsonObject, ...]:
    if not isinstance(entries, list):
        raise AnswerError("the page has no list")
    return tuple(as_object(entry) for entry in entries)
