"""The life of one certificate's tree, event by event: what may follow what, and what a certificate may leave out.

    planted ──▶ alive ⟲        An event stands where the log told the one that it follows.
       │          │            Only planted and replaced put a tree into the ground: what is found alive or dead has
       └────┬─────┘            the tag and the place of what stood there. Dates do not go back.
            ▼
          dead ⇄ replaced ──▶ alive

A certificate shows every event except, once it is long, some that found the tree alive: these change nothing. Its
leaves cannot prove that by themselves, because a death, a replacement of the same tag and place, and an inspection may
hide between two that found it alive. So the log settles it, and the leaves are only refused where they already differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from saxaul.log.entries import STANDING_EVENTS, Header, Leaf
from saxaul.log.parsing import RefusedError
from saxaul.log.proof import SHOWN_EVENTS

_FOLLOWERS = {
    "": {"planted"},
    "planted": {"alive", "dead"},
    "alive": {"alive", "dead"},
    "dead": {"replaced"},
    "replaced": {"alive", "dead"},
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One event of one certificate, found where it was said to be."""

    leaf: Leaf
    index: int
    header: Header


def check_next(leaf: Leaf, before: Leaf | None, what: str) -> None:
    """Check that a leaf says what can be said right after ``before``; None where it is the first.

    Raises:
        RefusedError: it does not. ``what`` names it in the reason.
    """
    _check_step(leaf, before.event if before else "", what)
    if before:
        _check_same_tree(leaf, before, what)


def check_shown(events: Sequence[Seen]) -> None:
    """Check the events that a certificate shows, oldest first, as far as they say it themselves.

    Raises:
        RefusedError: one is missing, repeated or in another order, or something else than ``alive`` was left out.
    """
    for seen, before in zip(events, [None, *events], strict=False):
        leaf = seen.leaf
        what = f"its {leaf.event} event"
        if before is None:
            check_next(leaf, None, what)
            continue
        may_hide = len(events) >= SHOWN_EVENTS and before.leaf.event in STANDING_EVENTS and leaf.follows == "alive"
        _check_step(leaf, "alive" if may_hide else before.leaf.event, what)
        _check_order(seen, before)
        _check_same_tree(leaf, before.leaf, what)


def check_left_out(shown: Sequence[Seen], told: Sequence[Seen]) -> list[Seen]:
    """The events of the log that a certificate does not show, each of which changed nothing.

    Raises:
        RefusedError: it shows what the log does not tell of it, or leaves out what it must show.
    """
    hidden = [seen for seen in told if seen not in shown]
    if len(shown) + len(hidden) != len(told):
        raise RefusedError("it shows an event that the log does not tell of it")
    if hidden and hidden[-1] is told[-1]:
        raise RefusedError(f"the log tells more of it: {told[-1].leaf.event} in entry {told[-1].header.sequence}")
    for seen in hidden:
        if seen.leaf.event != "alive":
            raise RefusedError(f"it leaves out that it was {seen.leaf.event} in entry {seen.header.sequence}")
    if hidden and len(shown) < SHOWN_EVENTS:
        raise RefusedError(f"the log tells {len(told)} events of it, and it shows {len(shown)}")
    return hidden


def _check_step(leaf: Leaf, known: str, what: str) -> None:
    if leaf.follows != known:
        raise RefusedError(f"{what} follows {leaf.follows or 'nothing'}, and the log told {known or 'nothing'} before")
    if leaf.event not in _FOLLOWERS[known]:
        raise RefusedError(f"{what} is no step after {known or 'nothing'}")


def _check_order(seen: Seen, before: Seen) -> None:
    sequences = before.header.sequence, seen.header.sequence
    if (sequences[1], seen.index) <= (sequences[0], before.index):
        raise RefusedError("its events are not in the order of the log")
    if sequences[0] == sequences[1] and seen.header != before.header:
        raise RefusedError(f"there are two entries {sequences[0]}")


def _check_same_tree(leaf: Leaf, before: Leaf, what: str) -> None:
    if any(getattr(leaf, name) != getattr(before, name) for name in ("number", "project_id", "particulars")):
        raise RefusedError(f"{what} is of another certificate")
    stood = (before.tag, before.lat, before.lon)
    if leaf.event != "replaced" and (leaf.tag, leaf.lat, leaf.lon) != stood:
        raise RefusedError(f"{what} is of another tree than stood there")
    if _instant(leaf.occurred_at) < _instant(before.occurred_at):
        raise RefusedError(f"{what} is dated before the one that it follows")


def _instant(moment: str) -> float:
    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError:
        raise RefusedError("a leaf has a date that is none") from None
