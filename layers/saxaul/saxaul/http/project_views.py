"""Views of tree projects and of their saplings."""

from typing import TypedDict

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Language, TreeProject
from saxaul.http.views import NonNegative, Timestamp
from saxaul.trees.reach import Reach
from saxaul.trees.sites import Site, site_of
from saxaul.trees.stock import Stock


class ReleaseView(TypedDict):
    """A release of saplings that is to come."""

    at: Timestamp
    """When the saplings are released."""
    saplings: NonNegative
    """How many saplings are released."""


class SaplingsView(TypedDict):
    """The saplings of a tree project."""

    available: NonNegative
    """How many saplings are unreserved; 0 if the project is closed. It can be a second old."""
    next_release: ReleaseView | None
    """The next release of saplings; null if none is planned."""


class TreeProjectView(SaplingsView):
    """A tree project: what can be planted where, and for how many points."""

    project_id: str
    """The id of the project."""
    species: str
    """The name of the species, in the language of the response."""
    place: str
    """The name of the place, in the language of the response."""
    site: Site
    """Where the trees of new orders are planted."""
    partner: str
    """The partner that plants the trees."""
    price_points: NonNegative
    """The price of one tree, in points."""
    closed: bool
    """Whether the project accepts no requests."""


class TreeProjects(TypedDict):
    """Every tree project."""

    projects: list[TreeProjectView]
    """The tree projects."""


def project_view(
    identifier: str, project: TreeProject, stock: Stock, calendar: Calendar, language: Language, now: int
) -> TreeProjectView:
    """Return the view of a tree project, with its unreserved saplings and the next release of saplings."""
    return {
        "project_id": identifier,
        "species": project.species.in_language(language),
        "place": project.place.names.in_language(language),
        "site": site_of(Reach.of(project.place)),
        "partner": project.partner,
        "price_points": project.price_points,
        "closed": stock.closed,
        **saplings_view(stock, calendar, now),
    }


def saplings_view(stock: Stock, calendar: Calendar, now: int) -> SaplingsView:
    """Return how many saplings of a project are unreserved, and the next release of saplings."""
    release = stock.next_release(now)
    return {
        "available": 0 if stock.closed else max(0, stock.available(now)),
        "next_release": {"at": calendar.rfc3339(release.at), "saplings": release.saplings} if release else None,
    }
