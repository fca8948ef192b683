"""Lets operators list catalog entries, and read, write and delete one entry at a time."""

from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from saxaul.catalog.entries import KINDS, Identifier, Kind
from saxaul.catalog.faults import error_lines
from saxaul.catalog.versions import HIGHEST_VERSION, VersionedEntry
from saxaul.http.conditions import condition_of, etag_of_version
from saxaul.http.cursors import Cursors
from saxaul.http.endpoint import Request, Response, endpoint, whole_number
from saxaul.http.views import entry_view, version_view
from saxaul.problems import InvalidRequest, NotFound
from saxaul.services.browse_catalog import catalog_browsing
from saxaul.services.edit_catalog import catalog_editing
from saxaul.settings import settings

_ADDED = {"version", "changed_at", "changed_by"}
"""The fields that a response adds to the entry. In a request they are ignored."""

_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)
_ENTRIES = Cursors("entries", _IDENTIFIER)
_VERSIONS: Cursors[int] = Cursors("versions", TypeAdapter(Annotated[int, Field(ge=0, le=HIGHEST_VERSION)]))


def list_entries(request: Request) -> Response:
    kind = _kind(request)
    limit = whole_number(request, "limit", default=50, maximum=200)
    found = catalog_browsing().entries(kind, _ENTRIES.place_in(request) or "", limit + 1)
    cursor = _ENTRIES.cursor_for(found[limit - 1][0]) if len(found) > limit else None
    entries = [entry_view(identifier, entry, settings().calendar) for identifier, entry in found[:limit]]
    return Response({"entries": entries, "cursor": cursor})


def view_entry(request: Request) -> Response:
    kind, identifier = _path(request)
    return _entry_response(identifier, catalog_browsing().entry(kind, identifier))


def list_versions(request: Request) -> Response:
    """List the versions of an entry, newest first. A deletion is a version too."""
    kind, identifier = _path(request)
    limit = whole_number(request, "limit", default=50, maximum=200)
    before = _VERSIONS.place_in(request)
    found = catalog_browsing().versions(kind, identifier, HIGHEST_VERSION if before is None else before, limit + 1)
    cursor = _VERSIONS.cursor_for(found[limit - 1].number) if len(found) > limit else None
    versions = [version_view(version, settings().calendar) for version in found[:limit]]
    return Response({"versions": versions, "cursor": cursor})


def write_entry(request: Request) -> Response:
    kind, identifier = _path(request)
    document = _document(request.json(), identifier)
    entry = catalog_editing().write(kind, identifier, document, condition_of(request), request.username_or_client)
    return _entry_response(identifier, entry)


def delete_entry(request: Request) -> Response:
    kind, identifier = _path(request)
    return _entry_response(
        identifier, catalog_editing().delete(kind, identifier, condition_of(request), request.username_or_client)
    )


def _document(body: Any, identifier: str) -> Any:  # noqa: ANN401 - any JSON value; it is checked later
    """Return the entry in a request body, without the fields that only responses have.

    So an operator can edit the response to a GET request and send it back in a PUT request.
    """
    if not isinstance(body, dict):
        return body
    return {name: value for name, value in body.items() if name not in _ADDED and (name, value) != ("id", identifier)}


def _entry_response(identifier: str, entry: VersionedEntry) -> Response:
    headers = {"etag": etag_of_version(entry.version)} if entry.entity else {}
    return Response(entry_view(identifier, entry, settings().calendar), headers=headers)


def _path(request: Request) -> tuple[Kind, str]:
    kind = _kind(request)
    try:
        return kind, _IDENTIFIER.validate_python(request.path("id"))
    except ValidationError as error:
        raise InvalidRequest("invalid_identifier", "; ".join(error_lines(error))) from None


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
