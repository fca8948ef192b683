"""Views of catalog entries and their versions."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.versions import EntryVersion, VersionedEntry
from saxaul.http.views import View


def entry_view(identifier: str, entry: VersionedEntry, calendar: Calendar, now: int) -> View:
    """Return the view of a catalog entry: its latest version, and the fields that an operator set.

    ``in_effect`` is the version in effect if it is another one, or None if that is a deletion.
    """
    current = entry.at(now)
    in_effect = {"in_effect": None if current.is_deletion else current.version}
    return {
        "id": identifier,
        "version": entry.version,
        **_change(entry, calendar),
        **(in_effect if current.version != entry.version else {}),
        **_document(entry),
    }


def preview_view(
    identifier: str, entry: VersionedEntry, calendar: Calendar, day: date, preview: Mapping[str, Any]
) -> View:
    """Return the view of a catalog entry as it is in effect at the end of a day, with what else holds on the day."""
    own = {"id": identifier, "version": entry.version, **_change(entry, calendar), **_document(entry)}
    return own | {"preview": {"on": day.isoformat(), **preview}}


def version_view(version: EntryVersion, calendar: Calendar) -> View:
    superseded = {"superseded": version.is_superseded}
    return {"version": version.number, **_change(version, calendar), **superseded, "entry": version.document}


def _document(entry: VersionedEntry) -> View:
    if entry.entity:
        return entry.entity.model_dump(mode="json", exclude_defaults=True)
    return {"broken": True} if entry.is_broken else {"deleted": True}


def _change(change: VersionedEntry | EntryVersion, calendar: Calendar) -> View:
    """Return who made a change, when, and when it takes effect. A value is None if the stored item does not have it."""
    times = {"changed_at": change.changed_at, "effective_at": change.effective_at}
    shown = {name: calendar.rfc3339(instant) if instant else None for name, instant in times.items()}
    return {**shown, "changed_by": change.changed_by or None}
