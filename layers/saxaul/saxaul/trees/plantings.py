"""A tree as its partner planted it."""

from typing import NamedTuple


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
