"""The reach of a project: the area around its place in which its trees must be planted."""

from math import ceil
from typing import NamedTuple

from saxaul.catalog.areas import Rings, contains, distance_km, farthest_km
from saxaul.catalog.entries import Place
from saxaul.log.degrees import DEGREE_DECIMALS

RADIUS_DECIMALS = 3
"""The decimal places of a stored radius in kilometres."""


class Reach(NamedTuple):
    """A circle on the ground, or a polygon, including its edges. Degrees are those of WGS 84.

    Attributes:
        lat, lon: the centre of the circle; of a polygon, the point that stands for it on maps.
        radius_km: the radius of the circle; of a polygon, the distance from that point to its farthest position.
        rings: the polygon; empty if the reach is the circle.
    """

    lat: float
    lon: float
    radius_km: float
    rings: Rings = ()

    @classmethod
    def of(cls, place: Place) -> "Reach":
        lat, lon = round(place.lat, DEGREE_DECIMALS), round(place.lon, DEGREE_DECIMALS)
        if place.area is None:
            return cls(lat, lon, round(place.radius_km, RADIUS_DECIMALS))
        rings = place.area.rings
        scale = 10**RADIUS_DECIMALS
        return cls(lat, lon, ceil(farthest_km(rings, lat, lon) * scale) / scale, rings)

    def contains(self, lat: float, lon: float) -> bool:
        if self.rings:
            return contains(self.rings, lat, lon)
        return distance_km(self.lat, self.lon, lat, lon) <= self.radius_km

    @property
    def in_words(self) -> str:
        """Where a place must be, as the end of a sentence."""
        within = f"within {self.radius_km:g} km of {self.lat:g}, {self.lon:g}"
        return f"inside its area, which is {within}" if self.rings else within
