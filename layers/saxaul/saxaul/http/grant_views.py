"""Views of grants."""

from collections.abc import Sequence
from typing import TypedDict

from saxaul.catalog.calendar import Calendar
from saxaul.http.views import Timestamp
from saxaul.ledger.grants import Cover, Grant


class GrantView(TypedDict):
    """What a person allows a third-party app to do."""

    user_id: str
    """The person."""
    app_id: str
    """The third-party app."""
    covers: list[Cover]
    """What the app may do for the person."""
    granted_at: Timestamp
    """When the grant was recorded in its present form."""
    granted_by: str
    """The id of the first-party app that recorded the grant."""


class GrantsView(TypedDict):
    """All grants of a person: at most one for each third-party app."""

    user_id: str
    """The person."""
    grants: list[GrantView]
    """The grants, sorted by app."""


class NoGrantView(TypedDict):
    """What a third-party app may do after its grant was taken back: nothing."""

    user_id: str
    """The person."""
    app_id: str
    """The third-party app."""
    covers: list[Cover]
    """An empty list."""


def grant_view(grant: Grant, calendar: Calendar) -> GrantView:
    return {
        "user_id": grant.user_id,
        "app_id": grant.app,
        "covers": list(grant.covers),
        "granted_at": calendar.rfc3339(grant.granted_at),
        "granted_by": grant.granted_by,
    }


def grants_view(user_id: str, grants: Sequence[Grant], calendar: Calendar) -> GrantsView:
    return {"user_id": user_id, "grants": [grant_view(grant, calendar) for grant in grants]}


def no_grant_view(user_id: str, app: str) -> NoGrantView:
    return {"user_id": user_id, "app_id": app, "covers": []}
