"""How far from its project's place a tree may stand."""

from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

EARTH_RADIUS_KM = 6371.0088
"""The mean radius (IUGG, R1). Distances on this sphere are within 0.6 percent of those on the ellipsoid of WGS 84."""
RADIUS_DECIMALS = 3
"""A radius is kept to a thousandth of a kilometre."""


class Reach(NamedTuple):
    """A circle on the ground, its edge included: degrees of WGS 84, and kilometres."""

    lat: float
    lon: float
    radius_km: float

    def holds(self, lat: float, lon: float) -> bool:
        return distance_km(self.lat, self.lon, lat, lon) <= self.radius_km


def distance_km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """The great-circle distance of two points in degrees, by the haversine formula."""
    north, east = radians(other_lat - lat) / 2, radians(other_lon - lon) / 2
    chord = sin(north) ** 2 + cos(radians(lat)) * cos(radians(other_lat)) * sin(east) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, chord)))
