"""Manages the catalog: an operator reads, writes and deletes one entry at a time."""

import re
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from saxaul.catalog.entries import KINDS, Identifier, Kind
from saxaul.catalog.versions import VersionedEntry
from saxaul.http.conditions import Precondition, etag_of
from saxaul.http.cursors import cursor_to, place_in_list
from saxaul.http.endpoint import Request, Response, endpoint, whole_number
from saxaul.http.views import entry_view, version_view
from saxaul.ledger.actions import faults
from saxaul.problems import InvalidRequest, NotFound
from saxaul.services.edit_catalog import CatalogEditing
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import Table

_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)
_TOLD = {"version", "changed_at", "changed_by"}
"""What an answer says beside the entry; it may be sent back with it."""

_ENTRY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VERSION = re.compile(r"[0-9]{1,8}")
_AFTER_ALL = "99999999"


@cache
def _catalog_store() -> CatalogStore:
    return CatalogStore(Table(settings().catalog_table))


@cache
def _catalog_editing() -> CatalogEditing:
    return CatalogEditing(_catalog_store(), Stocks(Table(settings().ledger_table)), settings().calendar)


def list_entries(request: Request) -> Response:
    kind = _kind(request)
    limit = whole_number(request, "limit", default=50, most=200)
    found = _catalog_store().listed(kind, place_in_list(request, _ENTRY), limit + 1)
    cursor = cursor_to(found[limit - 1][0]) if len(found) > limit else None
    entries = [entry_view(identifier, edition, settings().calendar) for identifier, edition in found[:limit]]
    return Response({"entries": entries, "cursor": cursor})


def view_entry(request: Request) -> Response:
    kind, identifier = _path(request)
    edition = _catalog_store().get(kind, identifier)
    if edition is None:
        raise _unknown(kind, identifier)
    return _answer(identifier, edition)


def list_versions(request: Request) -> Response:
    """Every version that an entry had, newest first, deletions included."""
    kind, identifier = _path(request)
    limit = whole_number(request, "limit", default=50, most=200)
    before = place_in_list(request, _VERSION) or _AFTER_ALL
    found = _catalog_store().versions(kind, identifier, int(before), limit + 1)
    if not found:
        raise _unknown(kind, identifier)
    cursor = cursor_to(str(found[limit - 1].number)) if len(found) > limit else None
    return Response({"versions": [version_view(it, settings().calendar) for it in found[:limit]], "cursor": cursor})


def write_entry(request: Request) -> Response:
    kind, identifier = _path(request)
    document = _document(request.json(), identifier)
    edition = _catalog_editing().write(kind, identifier, document, _precondition(request), request.who)
    return _answer(identifier, edition)


def delete_entry(request: Request) -> Response:
    kind, identifier = _path(request)
    deleted = _catalog_editing().delete(kind, identifier, _precondition(request), request.who)
    return _answer(identifier, deleted)


def _document(body: Any, identifier: str) -> Any:  # noqa: ANN401 - what an operator sent; it is checked later
    """The entry in a body, which may be an answer that was edited and is sent back."""
    if not isinstance(body, dict):
        return body
    return {key: it for key, it in body.items() if key not in _TOLD and (key, it) != ("id", identifier)}


def _answer(identifier: str, edition: VersionedEntry) -> Response:
    headers = {"etag": etag_of(edition.version)} if edition.entity else {}
    return Response(entry_view(identifier, edition, settings().calendar), headers=headers)


def _precondition(request: Request) -> Precondition:
    return Precondition(request.header("if-match"), request.header("if-none-match"))


def _path(request: Request) -> tuple[Kind, str]:
    kind = _kind(request)
    try:
        return kind, _IDENTIFIER.validate_python(request.path["id"])
    except ValidationError as error:
        raise InvalidRequest("invalid_identifier", "; ".join(faults(error))) from None


def _kind(request: Request) -> Kind:
    for kind in KINDS:
        if kind == request.path["kind"]:
            return kind
    raise NotFound("unknown_kind", f"The catalog has {', '.join(KINDS)}; there is no {request.path['kind']!r}.")


def _unknown(kind: Kind, identifier: str) -> NotFound:
    return NotFound("unknown_entry", f"The catalog has no {identifier!r} among its {kind}.")


handler = endpoint(
    {
        ("GET", "/catalog/{kind}"): list_entries,
        ("GET", "/catalog/{kind}/{id}"): view_entry,
        ("GET", "/catalog/{kind}/{id}/versions"): list_versions,
        ("PUT", "/catalog/{kind}/{id}"): write_entry,
        ("DELETE", "/catalog/{kind}/{id}"): delete_entry,
    }
)
