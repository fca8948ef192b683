"""The site of a project, as manifests and views show it."""

from typing import Literal, TypedDict

from saxaul.catalog.areas import in_degrees
from saxaul.trees.reach import Reach


class PolygonView(TypedDict):
    """A polygon of GeoJSON (RFC 7946)."""

    type: Literal["Polygon"]
    """The geometry."""
    coordinates: list[list[list[float]]]
    """The outer ring, and then the holes in it. A position is `[longitude, latitude]` in degrees (WGS 84)."""


class Site(TypedDict):
    """Where trees must be planted: in a circle on the ground, or in an area."""

    lat: float
    """The latitude of the centre in degrees (WGS 84)."""
    lon: float
    """The longitude of the centre in degrees (WGS 84)."""
    radius_km: float
    """The radius in kilometres. With an area, it is the distance from the centre to its farthest position."""
    area: PolygonView | None
    """The area in which the trees must be planted, its edges included; null if that is the circle."""


def site_of(reach: Reach) -> Site:
    """Return the view of a reach."""
    area: PolygonView | None = {"type": "Polygon", "coordinates": in_degrees(reach.rings)} if reach.rings else None
    return {"lat": reach.lat, "lon": reach.lon, "radius_km": reach.radius_km, "area": area}
