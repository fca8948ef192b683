"""What a certificate shows of its tree: the tree, and the events of its history."""

from typing import NamedTuple


class ShownTree(NamedTuple):
    """A tree as its certificate shows it. Degrees are WGS 84, with at most as many decimals as the log has."""

    tag: str
    lat: float
    lon: float
    photo_url: str | None


class ShownEvent(NamedTuple):
    """An event as the certificate shows it. Times are in RFC 3339."""

    state: str
    at: str
    recorded_at: str
    evidence_url: str | None
