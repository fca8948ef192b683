"""Views of catalog entries and their versions."""

from datetime import date
from decimal import Decimal
from typing import Any, Literal, NotRequired, Protocol, TypedDict, cast

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import campaign_of
from saxaul.catalog.versions import EntryVersion, VersionedEntry
from saxaul.http.views import DayText, NonNegative, Timestamp
from saxaul.impact.campaigns import Run


class ChangeView(TypedDict):
    """Who wrote a version of an entry, and when."""

    version: NonNegative
    """The number of the version."""
    changed_at: Timestamp | None
    """When the version was written; null if an older release wrote it."""
    effective_at: Timestamp | None
    """From when on the version is in effect; null if an older release wrote it."""
    changed_by: str | None
    """Who wrote the version; null if an older release did not store that."""


class WarningView(TypedDict):
    """What is allowed and unlikely about a change."""

    code: str
    """For programs."""
    field: str
    """The field of the entry."""
    detail: str
    """For people."""


class PreviewView(TypedDict):
    """What holds on a day."""

    on: DayText
    """The day."""
    runs: NotRequired[bool]
    """Whether the campaign runs on the day."""
    first_day: NotRequired[DayText | None]
    """The first day of that run of the campaign; null if it does not run."""
    last_day: NotRequired[DayText | None]
    """The last day of that run of the campaign; null if it does not run."""
    multiplier: NotRequired[float]
    """How many times its points an action of this type and day earns."""
    campaign_id: NotRequired[str | None]
    """The campaign that multiplies the points of the action type; null if none does."""


class EntryView(ChangeView):
    """A version of a catalog entry. It also has the fields of the entry itself, which depend on its kind.

    The body of a PUT may have all of these fields too. It ignores them, except ``effective_at``, and ``id``, which must
    be the one in the path.
    """

    id: str
    """The id of the entry."""
    in_effect: NotRequired[NonNegative | None]
    """The version that is in effect now, if it is another one; null if the entry does not exist now."""
    deleted: NotRequired[Literal[True]]
    """This version is a deletion that takes effect later, so it has no fields of an entry."""
    broken: NotRequired[Literal[True]]
    """This version cannot be read, because an older release wrote it. Nothing uses it."""
    warnings: NotRequired[list[WarningView]]
    """In the response to a PUT and to a restore: what is unlikely about the entry."""
    restored_from: NotRequired[NonNegative]
    """In the response to a restore: the version that was restored."""
    preview: NotRequired[PreviewView]
    """In the response to a GET with ``on``: what holds on that day."""


class EntriesPage(TypedDict):
    """A page of the entries of a kind."""

    entries: list[EntryView]
    """The entries, sorted by id."""
    cursor: str | None
    """Requests the next page; null on the last page."""


class VersionView(ChangeView):
    """A version of a catalog entry in the list of its versions."""

    superseded: bool
    """Whether the version never takes effect, because a later one took effect at its time or before."""
    entry: Any
    """The entry as it was written; null if this version is a deletion. If it cannot be read, it is what is stored."""


class VersionsPage(TypedDict):
    """A page of the versions of a catalog entry."""

    versions: list[VersionView]
    """The versions, newest first."""
    cursor: str | None
    """Requests the next page; null on the last page."""


class _Warned(Protocol):
    """A warning."""

    @property
    def code(self) -> str: ...
    @property
    def field(self) -> str: ...
    @property
    def detail(self) -> str: ...


def entry_view(identifier: str, entry: VersionedEntry, calendar: Calendar, now: int) -> EntryView:
    """Return the view of a catalog entry: its latest version, and the fields that an operator set.

    ``in_effect`` is the version in effect if it is another one, or None if that is a deletion.
    """
    view = _entry_view(identifier, entry, calendar)
    current = entry.at(now)
    if current.version != entry.version:
        view["in_effect"] = None if current.is_deletion else current.version
    return view


def preview_view(identifier: str, entry: VersionedEntry, calendar: Calendar, preview: PreviewView) -> EntryView:
    """Return the view of a catalog entry as it is in effect at the end of a day, with what else holds on the day."""
    return {**_entry_view(identifier, entry, calendar), "preview": preview}


def campaign_preview(day: date, run: Run | None) -> PreviewView:
    """Return what holds for a campaign on a day. ``run`` is None if it does not run."""
    return {
        "on": day.isoformat(),
        "runs": run is not None,
        "first_day": run.first.isoformat() if run else None,
        "last_day": run.last.isoformat() if run else None,
    }


def type_preview(day: date, multiplier: Decimal, run: str) -> PreviewView:
    """Return what holds for an action type on a day. ``run`` is empty if no campaign multiplies its points."""
    return {"on": day.isoformat(), "multiplier": float(multiplier), "campaign_id": campaign_of(run) or None}


def warning_view(warning: _Warned) -> WarningView:
    return {"code": warning.code, "field": warning.field, "detail": warning.detail}


def version_view(version: EntryVersion, calendar: Calendar) -> VersionView:
    return {
        **_change_view(version.number, version, calendar),
        "superseded": version.is_superseded,
        "entry": version.document,
    }


def _entry_view(identifier: str, entry: VersionedEntry, calendar: Calendar) -> EntryView:
    change = _change_view(entry.version, entry, calendar)
    return cast("EntryView", {"id": identifier, **change, **_document(entry)})


def _document(entry: VersionedEntry) -> dict[str, Any]:
    if entry.entity:
        return entry.entity.model_dump(mode="json", exclude_defaults=True)
    return {"broken": True} if entry.is_broken else {"deleted": True}


def _change_view(number: int, change: VersionedEntry | EntryVersion, calendar: Calendar) -> ChangeView:
    """Return who made a change, when, and when it takes effect. A value is None if the stored item does not have it."""
    return {
        "version": number,
        "changed_at": calendar.rfc3339(change.changed_at) if change.changed_at else None,
        "effective_at": calendar.rfc3339(change.effective_at) if change.effective_at else None,
        "changed_by": change.changed_by or None,
    }
