"""What a certificate shows of its tree: the tree, and the events of its history."""

from typing import NamedTuple


class ShownTree(NamedTuple):
    """A tree as its certificate shows it. Degrees are text, in the format of the log."""

    tag: str
    lat: str
    lon: str
    photo_url: str | None


class ShownEvent(NamedTuple):
    """An event as the certificate shows it. Times are in RFC 3339."""

    state: str
    at: str
    recorded_at: str
    evidence_url: str | None
