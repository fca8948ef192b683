"""Lets operators list catalog entries, preview a day, and read, write, restore and delete one entry at a time."""

from datetime import date
from math import inf
from typing import Annotated, Any

from saxaul.startup import prepare
from saxaul.catalog.entries import KINDS, MAX_ENTRY_BYTES, AnyDay, Campaign, Entity, Identifier, Kind
from saxaul.catalog.faults import error_sentence, shortened
from saxaul.catalog.models import Field, Model, TypeAdapter, ValidationError
from saxaul.catalog.versions import HIGHEST_VERSION, VersionedEntry
from saxaul.http.access import TO_OPERATE
from saxaul.http.bodies import Record
from saxaul.http.catalog_views import (
    EntriesPage,
    EntryView,
    PreviewView,
    VersionsPage,
    campaign_preview,
    entry_view,
    preview_view,
    type_preview,
    version_view,
    warning_view,
)
from saxaul.http.conditional_requests import condition_of, etag_of_version
from saxaul.http.cursors import Cursors
from saxaul.http.endpoint import endpoint
from saxaul.http.operations import ETAG, IF_MATCH, IF_NONE_MATCH_OF_A_WRITE, Answer, operation
from saxaul.http.query import CURSOR, Day, FreeText, WholeNumber, checked_number
from saxaul.http.request import Request, Response
from saxaul.http.sizes import page_of
from saxaul.problems import InvalidRequest, NotFound
from saxaul.services import wiring
from saxaul.services.browse_catalog import Previewed, catalog_browsing
from saxaul.services.edit_catalog import catalog_editing
from saxaul.services.find_client import registered_client
from saxaul.services.wiring import clock, today
from saxaul.settings import settings

_ADDED = EntryView.__annotations__.keys() - {"id"}
"""The fields that a response adds to the entry. In a request they are not part of it. All but ``effective_at`` are
ignored."""

LONGEST_BODY = 3 * MAX_ENTRY_BYTES
"""The most characters of the body of a PUT. A longer body is not parsed, because that would take long.

A character that is written as ``\\uXXXX`` takes up to three times the bytes that it has in UTF-8.
"""


class RunEnd(Model):
    """The body of a request to end the run of a campaign that includes today."""

    last_day: AnyDay | None = None
    """The last day of the run, by default today. With yesterday, nothing more is multiplied as soon as the change is in
    effect."""


_END = Record("end of a run", RunEnd, is_optional=True)
_LIMIT = WholeNumber("limit", "The most entries or versions of the page.", default=50, maximum=200)
_ON = Day("on", "The day of a preview: the entries are shown as they will be at its end.")
_EFFECTIVE_AT = FreeText(
    "effective_at", "When the change takes effect, in RFC 3339. Without it, after the delay of the catalog."
)
_CONDITIONS = (IF_MATCH, IF_NONE_MATCH_OF_A_WRITE)
_ETAG_OF_AN_ENTRY = ETAG._replace(text=f"{ETAG.text} A deletion does not have it.", required=False)
_WRITTEN = {200: Answer(EntryView, headers=(ETAG,))}
_REFUSED = (
    *("invalid_identifier", "invalid_header", "unknown_kind", "stale_version", "already_there", "entry_moved"),
    *("saplings_reserved", "too_many_pending", "referenced"),
)
_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)
_ENTRIES = Cursors("entries", _IDENTIFIER)
_VERSIONS: Cursors[tuple[int, int]] = Cursors(
    "versions", TypeAdapter(tuple[Annotated[int, Field(ge=0, le=HIGHEST_VERSION)], Annotated[int, Field(ge=0)]])
)
"""The place in a list of versions: the last version of a page, and the earliest instant at which a version up to there
takes effect."""


@operation(
    "GET",
    "/catalog/{kind}",
    TO_OPERATE,
    query=(_ON, _LIMIT, CURSOR),
    answers={200: EntriesPage},
    problems=("unknown_kind",),
)
def list_entries(request: Request) -> Response:
    """List the latest version of each catalog entry of a kind, sorted by id; or what will be in effect on a day."""
    kind, on = _kind(request), _preview_day(request)
    limit = _LIMIT.of(request)
    selected_by = (kind, on.isoformat() if on else "")
    after = _ENTRIES.place_in(request, *selected_by) or ""
    if on:
        previews = catalog_browsing().previews(kind, on, after, limit + 1)
        count = len(previews)
        shown = page_of(_preview(identifier, previewed, on) for identifier, previewed in previews[:limit])
    else:
        entries = catalog_browsing().entries(kind, after, limit + 1)
        count, calendar, now = len(entries), settings().calendar, clock().now()
        shown = page_of(entry_view(identifier, entry, calendar, now) for identifier, entry in entries[:limit])
    cursor = _ENTRIES.cursor_for(shown[-1]["id"], *selected_by) if count > len(shown) else None
    page: EntriesPage = {"entries": shown, "cursor": cursor}
    return Response(page)


@operation(
    *("GET", "/catalog/{kind}/{id}", TO_OPERATE),
    query=(_ON,),
    answers={200: Answer(EntryView, headers=(_ETAG_OF_AN_ENTRY,))},
    problems=("invalid_identifier", "unknown_kind", "unknown_entry"),
)
def view_entry(request: Request) -> Response:
    """Show the latest version of a catalog entry, or the version that will be in effect on a day."""
    kind, identifier = _path(request)
    if on := _preview_day(request):
        previewed = catalog_browsing().preview(kind, identifier, on)
        return Response(_preview(identifier, previewed, on), headers=_etag(previewed.entry))
    entry = catalog_browsing().entry(kind, identifier)
    return Response(_view(identifier, entry), headers=_etag(entry))


@operation(
    *("GET", "/catalog/{kind}/{id}/versions", TO_OPERATE),
    query=(_LIMIT, CURSOR),
    answers={200: VersionsPage},
    problems=("invalid_identifier", "unknown_kind", "unknown_entry"),
)
def list_versions(request: Request) -> Response:
    """List the versions of a catalog entry, newest first, with who wrote them. A deletion is a version too."""
    kind, identifier = _path(request)
    limit = _LIMIT.of(request)
    before, superseded_from = _VERSIONS.place_in(request, kind, identifier) or (HIGHEST_VERSION, inf)
    found = catalog_browsing().versions(kind, identifier, before, superseded_from, limit + 1)
    versions = page_of(version_view(version, settings().calendar) for version in found[:limit])
    cursor = None
    if len(found) > len(versions):
        shown = found[: len(versions)]
        earliest = min(superseded_from, *(version.effective_at for version in shown))
        cursor = _VERSIONS.cursor_for((shown[-1].number, int(earliest)), kind, identifier)
    page: VersionsPage = {"versions": versions, "cursor": cursor}
    return Response(page)


@operation(
    *("PUT", "/catalog/{kind}/{id}", TO_OPERATE),
    headers=_CONDITIONS,
    body=Entity,
    answers=_WRITTEN,
    problems=("invalid_entry", *_REFUSED),
)
def write_entry(request: Request) -> Response:
    """Create or replace a catalog entry. A new entry takes effect at once, and a change a little later.

    The body is the entry. It may also have the fields that the response to a GET adds, which are ignored, except
    ``effective_at``. It is safe to repeat the request. With If-Match, a repeat gets the status 412.
    """
    kind, identifier = _path(request)
    if len(request.body_text) > LONGEST_BODY:
        raise InvalidRequest("invalid_entry", f"The body is too large; an entry has at most {MAX_ENTRY_BYTES} bytes.")
    body = request.json()
    document = _document(body, identifier)
    named = body.get("effective_at") if isinstance(body, dict) else None
    written = catalog_editing().write(
        kind, identifier, document, condition_of(request), request.username_or_client, named
    )
    view = _view(identifier, written.entry)
    view["warnings"] = [warning_view(warned) for warned in written.warnings]
    return Response(view, headers=_etag(written.entry))


@operation(
    *("POST", "/catalog/{kind}/{id}/versions/{version}/restore", TO_OPERATE),
    query=(_EFFECTIVE_AT,),
    headers=_CONDITIONS,
    answers=_WRITTEN,
    problems=("invalid_entry", "unknown_version", "version_is_deletion", *_REFUSED),
)
def restore_entry(request: Request) -> Response:
    """Write an earlier version of a catalog entry again, as its next version. It also restores a deleted entry."""
    kind, identifier = _path(request)
    number = checked_number("version", request.path("version"), HIGHEST_VERSION)
    written = catalog_editing().restore(
        kind, identifier, number, condition_of(request), request.username_or_client, _EFFECTIVE_AT.of(request)
    )
    view = _view(identifier, written.entry)
    view["warnings"] = [warning_view(warned) for warned in written.warnings]
    view["restored_from"] = number
    return Response(view, headers=_etag(written.entry))


@operation(
    *("POST", "/catalog/{kind}/{id}/end", TO_OPERATE),
    headers=(IF_MATCH,),
    body=_END,
    answers=_WRITTEN,
    problems=("invalid_entry", "unknown_entry", "campaign_not_running", *_REFUSED),
)
def end_campaign(request: Request) -> Response:
    """End the run of a campaign that includes today, on today or on another day. It writes the campaign's next version.

    If the run ends on that day already, nothing is written. So it is safe to repeat the request. The kind is
    `campaigns`.
    """
    kind, identifier = _path(request)
    if kind != "campaigns":
        raise NotFound("unknown_kind", "Only a run of a campaign can be ended, so the kind must be campaigns.")
    last = _END.of(request).last_day
    written = catalog_editing().end_run(identifier, last, condition_of(request), request.username_or_client)
    view = _view(identifier, written.entry)
    view["warnings"] = [warning_view(warned) for warned in written.warnings]
    return Response(view, headers=_etag(written.entry))


@operation(
    *("DELETE", "/catalog/{kind}/{id}", TO_OPERATE),
    query=(_EFFECTIVE_AT,),
    headers=_CONDITIONS,
    answers={200: EntryView},
    problems=("unknown_entry", "still_needed", *_REFUSED),
)
def delete_entry(request: Request) -> Response:
    """Delete a catalog entry. Its versions stay readable."""
    kind, identifier = _path(request)
    named = _EFFECTIVE_AT.of(request)
    deleted = catalog_editing().delete(kind, identifier, condition_of(request), request.username_or_client, named)
    return Response(_view(identifier, deleted))


def _document(body: Any, identifier: str) -> Any:  # noqa: ANN401 - any JSON value; it is checked later
    """Return the entry in a request body, without the fields that only responses have.

    So an operator can edit the response to a GET request and send it back in a PUT request.
    """
    if not isinstance(body, dict):
        return body
    return {name: value for name, value in body.items() if name not in _ADDED and (name, value) != ("id", identifier)}


def _view(identifier: str, entry: VersionedEntry) -> EntryView:
    return entry_view(identifier, entry, settings().calendar, clock().now())


def _etag(entry: VersionedEntry) -> dict[str, str]:
    return {} if entry.is_deletion else {"etag": etag_of_version(entry.version)}


def _preview_day(request: Request) -> date | None:
    """Return the day of which a preview is requested, or None.

    Raises:
        InvalidRequest: the day is not a date, or it is over.
    """
    day = _ON.of(request)
    if day and day < today():
        raise InvalidRequest(
            "invalid_parameter",
            "on must not be before today; the list of versions shows what was in effect on an earlier day.",
        )
    return day


def _preview(identifier: str, previewed: Previewed, day: date) -> EntryView:
    preview: PreviewView = {"on": day.isoformat()}
    if isinstance(previewed.entry.entity, Campaign):
        preview = campaign_preview(day, previewed.run)
    elif previewed.multiplier is not None:
        preview = type_preview(day, previewed.multiplier, previewed.multiplied_by)
    return preview_view(identifier, previewed.entry, settings().calendar, preview)


def _path(request: Request) -> tuple[Kind, str]:
    kind = _kind(request)
    try:
        return kind, _IDENTIFIER.validate_python(request.path("id"))
    except ValidationError as error:
        raise InvalidRequest("invalid_identifier", error_sentence(error)) from None


def _kind(request: Request) -> Kind:
    named = request.path("kind")
    for kind in KINDS:
        if kind == named:
            return kind
    raise NotFound(
        "unknown_kind", f"The catalog has the kinds {', '.join(KINDS)}, but no kind {shortened(repr(named))}."
    )


handler = endpoint(
    *(list_entries, view_entry, list_versions, write_entry, restore_entry, end_campaign, delete_entry),
    find_client=registered_client,
)
prepare(wiring.connect, _IDENTIFIER.prepare)
