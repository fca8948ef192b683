"""The proof of a certificate: the data that binds each statement of the certificate to the log.

The proof holds the particulars that the leaves commit to, the salt of the dedication, and for each event its leaf, the
leaf's inclusion path and the signed header of its entry. :mod:`saxaul.log.checks` checks a proof.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from saxaul.log.canonical_json import Json
from saxaul.log.entries import Leaf, LogEntry, Particulars

SHOWN_EVENTS = 12
"""A certificate with fewer events shows every event of its tree.

With at least this many, it may leave out older inspections that found the tree alive, and the links to older photos.
"""


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event of one certificate as the log records it: leaf ``index`` of ``entry``, and the link to its photo."""

    entry: LogEntry
    index: int
    photo_url: str = ""

    @property
    def leaf(self) -> Leaf:
        return self.entry.leaves[self.index]

    def document(self) -> dict[str, Json]:
        return {
            "leaf": self.leaf.document(),
            "photo_url": self.photo_url or None,
            "index": self.index,
            "path": self.entry.inclusion_path(self.index),
            "entry": self.entry.header(),
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """The proof of one certificate. ``events`` are those that it shows (see SHOWN_EVENTS), oldest first."""

    particulars: Particulars
    events: Sequence[LoggedEvent]

    def document(self) -> dict[str, Json]:
        return {
            "particulars": self.particulars.committed(),
            "salt": self.particulars.salt,
            "events": [event.document() for event in self.events],
        }


@dataclass(frozen=True, slots=True)
class ShownTree:
    """A tree as its certificate shows it. Degrees are text, in the format of the log."""

    tag: str
    lat: str
    lon: str
    photo_url: str | None


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event as the certificate shows it. Times are in RFC 3339."""

    state: str
    at: str
    recorded_at: str
    evidence_url: str | None


def planting_among(leaves: Sequence[Leaf]) -> int:
    """Return the index of the leaf that records the current planting: the last ``planted`` or ``replaced``."""
    return max(place for place, leaf in enumerate(leaves) if leaf.event in ("planted", "replaced"))


def shown_tree(leaf: Leaf, photo_url: str | None) -> ShownTree:
    """Return the tree as the latest event (``leaf``) describes it, with the photo of its planting."""
    return ShownTree(leaf.tag, leaf.lat, leaf.lon, photo_url or None)


def shown_history(events: Iterable[tuple[Leaf, str | None]]) -> tuple[ShownEvent, ...]:
    """Return the history that a certificate shows, from each leaf and the link to its photo."""
    return tuple(
        ShownEvent(leaf.event, leaf.occurred_at, leaf.recorded_at, photo_url or None) for leaf, photo_url in events
    )
