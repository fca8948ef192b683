"""The proof of a certificate: the data that binds each statement of the certificate to the log.

A proof holds the particulars that the leaves commit to, and the salt of the dedication. For each event it holds the
leaf, the inclusion path of the leaf, and the signed header of the log entry. :mod:`saxaul.log.checks` checks proofs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from saxaul.log.canonical_json import Json
from saxaul.log.entries import Leaf, LogEntry, Particulars
from saxaul.log.shown import ShownEvent, ShownTree

SHOWN_EVENTS = 12
"""A certificate that shows fewer events than this must show every event of its tree.

A certificate that shows at least this many may leave out older inspections that found the tree alive, and the links to
older photos.
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
            "entry": self.entry.header_document(),
        }


class Proof(NamedTuple):
    """The proof of one certificate. ``events`` are the events that the certificate shows, oldest first."""

    particulars: Particulars
    events: Sequence[LoggedEvent]

    def document(self) -> dict[str, Json]:
        return {
            "particulars": self.particulars.committed_fields(),
            "salt": self.particulars.salt,
            "events": [event.document() for event in self.events],
        }


def latest_planting_index(leaves: Sequence[Leaf]) -> int:
    """Return the index of the leaf that records the current planting: the last ``planted`` or ``replaced``."""
    return max(index for index, leaf in enumerate(leaves) if leaf.event in ("planted", "replaced"))


def shown_tree(leaf: Leaf, photo_url: str | None) -> ShownTree:
    """Return a tree as the leaf of its newest event describes it. ``photo_url`` is the photo of its newest planting."""
    return ShownTree(leaf.tag, float(leaf.lat), float(leaf.lon), photo_url or None)


def shown_history(events: Iterable[tuple[Leaf, str | None]]) -> tuple[ShownEvent, ...]:
    """Return the history that a certificate shows. ``events`` holds each leaf and the link to its photo, if any."""
    return tuple(
        ShownEvent(leaf.event, leaf.occurred_at, leaf.recorded_at, photo_url or None) for leaf, photo_url in events
    )
