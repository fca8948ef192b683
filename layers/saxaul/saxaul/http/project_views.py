"""Views of tree projects and of their saplings."""

from typing import TypedDict

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Language, TreeProject
from saxaul.http.views import NonNegative, Timestamp, View
from saxaul.trees.stock import Stock


class ReleaseView(TypedDict):
    """A release of saplings that is to come."""

    at: Timestamp
    """When the saplings are released."""
    saplings: NonNegative
    """How many saplings are released."""


def project_view(
    identifier: str, project: TreeProject, stock: Stock, calendar: Calendar, language: Language, now: int
) -> View:
    """Return the view of a tree project, with its unreserved saplings and the next release of saplings."""
    return {
        "id": identifier,
        "species": project.species.in_language(language),
        "place": project.place.names.in_language(language),
        "partner": project.partner,
        "price_points": project.price_points,
        "closed": stock.closed,
        **saplings_view(stock, calendar, now),
    }


def saplings_view(stock: Stock, calendar: Calendar, now: int) -> View:
    """Return how many saplings of a project are unreserved, and the next release of saplings."""
    release = stock.next_release(now)
    return {
        "available": 0 if stock.closed else max(0, stock.available(now)),
        "next_release": {"at": calendar.rfc3339(release.at), "saplings": release.saplings} if release else None,
    }
