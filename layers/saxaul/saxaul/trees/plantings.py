"""A tree as its partner planted it, and as its certificate shows it."""

from typing import NamedTuple

from saxaul.log.degrees import degrees
from saxaul.log.shown import ShownTree


class PlantedTree(NamedTuple):
    """The planting of one tree, as its partner reported it. Degrees are WGS 84; ``planted_at`` is in seconds.

    ``photo`` is the SHA-256 of the bytes of a photo that Saxaul hashed, in hexadecimal. ``photo_url`` is a link, which
    is no evidence, because anyone can change what it leads to. Both are empty if the partner gave none.
    """

    planted_at: int
    tag: str
    lat: float
    lon: float
    photo_url: str = ""
    photo: str = ""


def shown_planting(planting: PlantedTree) -> ShownTree:
    """Return the details of a planting as a certificate shows them, with the degrees that the log has."""
    lat, lon = float(degrees(planting.lat)), float(degrees(planting.lon))
    return ShownTree(planting.tag, lat, lon, planting.photo_url or None)
