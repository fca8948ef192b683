"""The reach of a project: the area around its place in which its trees must be planted."""

from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

EARTH_RADIUS_KM = 6371.0088
"""The mean radius (IUGG, R1). Distances on this sphere differ by at most 0.6 percent from WGS 84 distances."""
RADIUS_DECIMALS = 3
"""The decimal places of a stored radius in kilometres."""


class Reach(NamedTuple):
    """A circle on the ground, including its edge. The centre is in degrees (WGS 84), the radius in kilometres."""

    lat: float
    lon: float
    radius_km: float

    def contains(self, lat: float, lon: float) -> bool:
        return distance_km(self.lat, self.lon, lat, lon) <= self.radius_km


def distance_km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Return the great-circle distance between two points in degrees, by the haversine formula."""
    north, east = radians(other_lat - lat) / 2, radians(other_lon - lon) / 2
    chord = sin(north) ** 2 + cos(radians(lat)) * cos(radians(other_lat)) * sin(east) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, chord)))
