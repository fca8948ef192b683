"""The area in which the trees of a project are planted, as the page of a certificate draws it."""

from math import asin, atan2, cos, degrees, pi, radians, sin
from typing import NamedTuple

from saxaul.catalog.areas import UNITS, Rings

_EARTH_RADIUS_KM = 6371.0088
_POINTS = 72


class SitePolygon(NamedTuple):
    """A polygon: its outer ring, and then the rings of its holes.

    A ring has points in degrees (WGS 84), latitude first. Its last point is followed by its first one.
    """

    rings: tuple[tuple[tuple[float, float], ...], ...]

    @classmethod
    def around(cls, lat: float, lon: float, radius_km: float) -> "SitePolygon":
        """Return the circle with this centre and radius on the ground, as 72 points."""
        return cls((tuple(_point_at(lat, lon, radius_km, 2 * pi * place / _POINTS) for place in range(_POINTS)),))

    @classmethod
    def within(cls, rings: Rings) -> "SitePolygon":
        """Return the polygon with these rings."""
        return cls(tuple(tuple((lat / UNITS, lon / UNITS) for lon, lat in ring) for ring in rings))


def _point_at(lat: float, lon: float, distance_km: float, bearing: float) -> tuple[float, float]:
    """Return the point at a distance in a direction, in radians clockwise from north. Its longitude may exceed 180."""
    angle, start = distance_km / _EARTH_RADIUS_KM, radians(lat)
    end = asin(sin(start) * cos(angle) + cos(start) * sin(angle) * cos(bearing))
    east = atan2(sin(bearing) * sin(angle) * cos(start), cos(angle) - sin(start) * sin(end))
    return degrees(end), lon + degrees(east)
