"""The view of a grant."""

from saxaul.catalog.calendar import Calendar
from saxaul.http.views import View
from saxaul.ledger.grants import Grant


def grant_view(grant: Grant, calendar: Calendar) -> View:
    return {
        "app_id": grant.app,
        "covers": list(grant.covers),
        "granted_at": calendar.rfc3339(grant.granted_at),
        "granted_by": grant.granted_by,
    }
