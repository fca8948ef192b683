"""Manages the catalog: an operator lists entries, and reads, writes and deletes one entry at a time."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from saxaul.catalog.entries import KINDS, Identifier, Kind
from saxaul.catalog.faults import faults
from saxaul.catalog.versions import VersionedEntry
from saxaul.http.conditions import condition_of, etag_of
from saxaul.http.cursors import Cursors
from saxaul.http.endpoint import Request, Response, endpoint, whole_number
from saxaul.http.views import entry_view, version_view
from saxaul.problems import InvalidRequest, NotFound
from saxaul.services.browse_catalog import catalog_browsing
from saxaul.services.edit_catalog import catalog_editing
from saxaul.settings import settings

_ADDED = {"version", "changed_at", "changed_by"}
"""The fields that a response adds to the entry. A client may send them back; they are ignored."""

_AFTER_ALL = 99_999_999
"""A version that is higher than all others."""

_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)
_ENTRIES = Cursors("entries", _IDENTIFIER)
_VERSIONS: Cursors[int] = Cursors("versions", TypeAdapter(Annotated[int, Field(ge=0, le=_AFTER_ALL)]))


def list_entries(request: Request) -> Response:
    kind = _kind(request)
    limit = whole_number(request, "limit", default=50, most=200)
    found = catalog_browsing().entries(kind, _ENTRIES.place_in(request) or "", limit + 1)
    cursor = _ENTRIES.to(found[limit - 1][0]) if len(found) > limit else None
    entries = [entry_view(identifier, entry, settings().calendar) for identifier, entry in found[:limit]]
    return Response({"entries": entries, "cursor": cursor})


def view_entry(request: Request) -> Response:
    kind, identifier = _path(request)
    return _answer(identifier, catalog_browsing().entry(kind, identifier))


def list_versions(request: Request) -> Response:
    """List every version of an entry, newest first, deletions included."""
    kind, identifier = _path(request)
    limit = whole_number(request, "limit", default=50, most=200)
    before = _VERSIONS.place_in(request)
    found = catalog_browsing().versions(kind, identifier, _AFTER_ALL if before is None else before, limit + 1)
    cursor = _VERSIONS.to(found[limit - 1].number) if len(found) > limit else None
    versions = [version_view(version, settings().calendar) for version in found[:limit]]
    return Response({"versions": versions, "cursor": cursor})


def write_entry(request: Request) -> Response:
    kind, identifier = _path(request)
    document = _document(request.json(), identifier)
    entry = catalog_editing().write(kind, identifier, document, condition_of(request), request.who)
    return _answer(identifier, entry)


def delete_entry(request: Request) -> Response:
    kind, identifier = _path(request)
    return _answer(identifier, catalog_editing().delete(kind, identifier, condition_of(request), request.who))


def _document(body: Any, identifier: str) -> Any:  # noqa: ANN401 - any JSON value; it is checked later
    """Return the entry in a body. Fields that a response adds are dropped, so an edited response can be sent back."""
    if not isinstance(body, dict):
        return body
    return {name: value for name, value in body.items() if name not in _ADDED and (name, value) != ("id", identifier)}


def _answer(identifier: str, entry: VersionedEntry) -> Response:
    headers = {"etag": etag_of(entry.version)} if entry.entity else {}
    return Response(entry_view(identifier, entry, settings().calendar), headers=headers)


def _path(request: Request) -> tuple[Kind, str]:
    kind = _kind(request)
    try:
        return kind, _IDENTIFIER.validate_python(request.path("id"))
    except ValidationError as error:
        raise InvalidRequest("invalid_identifier", "; ".join(faults(error))) from None


def _kind(request: Request) -> Kind:
    named = request.path("kind")
    for kind in KINDS:
        if kind == named:
            return kind
    raise NotFound("unknown_kind", f"The catalog has the kinds {', '.join(KINDS)}, but no kind {named!r}.")


handler = endpoint(
    {
        ("GET", "/catalog/{kind}"): list_entries,
        ("GET", "/catalog/{kind}/{id}"): view_entry,
        ("GET", "/catalog/{kind}/{id}/versions"): list_versions,
        ("PUT", "/catalog/{kind}/{id}"): write_entry,
        ("DELETE", "/catalog/{kind}/{id}"): delete_entry,
    }
)
