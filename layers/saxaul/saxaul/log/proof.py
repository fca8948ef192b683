"""A certificate with its proof: all that somebody needs to check it without asking us.

The document shows what the certificate says, and beside it, under ``proof``, what binds each word of that to the log:
the particulars that the leaves commit to, the salt of the dedication, and for each event its leaf, the leaf's inclusion
path and the signed header of its entry. :mod:`saxaul.log.verification` takes it apart again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from saxaul.log.canonical_json import Json
from saxaul.log.entries import Leaf, LogEntry, Particulars

SHOWN_EVENTS = 12
"""A certificate shows every event while there are fewer. With so many, it may leave out older inspections."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event of one certificate, as the log tells it: leaf ``index`` of ``entry``, and the photo behind it."""

    entry: LogEntry
    index: int
    photo_url: str = ""

    @property
    def leaf(self) -> Leaf:
        return self.entry.leaves[self.index]


def proven_certificate(particulars: Particulars, history: Sequence[Told], language: str) -> dict[str, Json]:
    """The certificate of a tree that is in the log, by what the log tells of it, oldest first: see SHOWN_EVENTS."""
    last = history[-1]
    planted = planting_among([told.leaf for told in history])
    return {
        "number": last.leaf.number,
        "state": last.leaf.event,
        "project_id": last.leaf.project_id,
        "species": particulars.species[language],
        "latin": particulars.latin,
        "place": particulars.place[language],
        "partner": particulars.partner,
        "dedication": particulars.dedication,
        "applied_at": particulars.applied_at,
        "planted_at": history[planted].leaf.occurred_at,
        "tree": standing_tree(last.leaf, history[planted].photo_url),
        "history": shown_history((told.leaf, told.photo_url) for told in history),
        "proof": {
            "particulars": particulars.committed(),
            "salt": particulars.salt,
            "events": [_event(told) for told in history],
        },
    }


def planting_among(leaves: Sequence[Leaf]) -> int:
    """Which of a certificate's leaves tells how what stands now was planted: the last ``planted`` or ``replaced``."""
    return max(place for place, leaf in enumerate(leaves) if leaf.event in ("planted", "replaced"))


def standing_tree(leaf: Leaf, photo_url: str | None) -> dict[str, Json]:
    """The tree as the latest event found it, with the photo of its planting."""
    return {"tag": leaf.tag, "lat": leaf.lat, "lon": leaf.lon, "photo_url": photo_url or None}


def shown_history(events: Iterable[tuple[Leaf, str | None]]) -> list[Json]:
    """The life of a tree as its certificate shows it: each leaf and the photo behind it, in short."""
    return [
        {
            "state": leaf.event,
            "at": leaf.occurred_at,
            "recorded_at": leaf.recorded_at,
            "evidence_url": photo_url or None,
        }
        for leaf, photo_url in events
    ]


def _event(told: Told) -> dict[str, Json]:
    return {
        "leaf": told.leaf.document(),
        "photo_url": told.photo_url or None,
        "index": told.index,
        "path": told.entry.inclusion_path(told.index),
        "entry": told.entry.header(),
    }
