"""The rules for the events of one certificate's tree: their order, and which events a certificate may leave out.

    planted ──▶ alive ⟲        Each leaf names the event that it follows, which must be the previous one in the log.
       │          │            Only planted and replaced put a tree into the ground: an alive or dead event must have
       └────┬─────┘            the tag and the place of the event before it. Dates do not go back.
            ▼
          dead ⇄ replaced ──▶ alive

A certificate shows every event. The only exception: a long certificate may leave out some ``alive`` events, which
change nothing. The leaves of the certificate cannot prove that nothing else was left out, because a death, a
replacement with the same tag and place, and an inspection could be hidden between two ``alive`` events. So
:func:`check_left_out` compares the certificate with the log, and :func:`check_shown` refuses only what the leaves
themselves contradict.
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
    """One event of one certificate: leaf ``index`` of the entry with this header."""

    leaf: Leaf
    index: int
    header: Header


def check_next(leaf: Leaf, before: Leaf | None, what: str) -> None:
    """Check that a leaf may come directly after ``before``; None means that the leaf is the first.

    Raises:
        RefusedError: it may not. ``what`` names the leaf in the reason.
    """
    _check_step(leaf, before.event if before else "", what)
    if before:
        _check_same_tree(leaf, before, what)


def check_shown(events: Sequence[Seen]) -> None:
    """Check the events that a certificate shows, oldest first, as far as that is possible without the log.

    Raises:
        RefusedError: an event is repeated or out of order, or the leaves show that a required event is missing.
    """
    for seen, before in zip(events, [None, *events], strict=False):
        leaf = seen.leaf
        what = f"the {leaf.event} event"
        if before is None:
            check_next(leaf, None, what)
            continue
        may_hide = len(events) >= SHOWN_EVENTS and before.leaf.event in STANDING_EVENTS and leaf.follows == "alive"
        _check_step(leaf, "alive" if may_hide else before.leaf.event, what)
        _check_order(seen, before)
        _check_same_tree(leaf, before.leaf, what)


def check_left_out(shown: Sequence[Seen], told: Sequence[Seen]) -> list[Seen]:
    """Return the logged events that a certificate leaves out. All of them are ``alive`` events, which change nothing.

    Raises:
        RefusedError: the certificate shows an event that the log does not have, or leaves out one that it must show.
    """
    hidden = [seen for seen in told if seen not in shown]
    if len(shown) + len(hidden) != len(told):
        raise RefusedError("the certificate shows an event that the log does not have")
    if hidden and hidden[-1] is told[-1]:
        raise RefusedError(
            f"the certificate hides a later event: {told[-1].leaf.event} in entry {told[-1].header.sequence}"
        )
    for seen in hidden:
        if seen.leaf.event != "alive":
            raise RefusedError(f"the certificate hides the {seen.leaf.event} event of entry {seen.header.sequence}")
    if hidden and len(shown) < SHOWN_EVENTS:
        raise RefusedError(f"the log has {len(told)} events of this tree, but the certificate shows only {len(shown)}")
    return hidden


def _check_step(leaf: Leaf, known: str, what: str) -> None:
    if leaf.follows != known:
        raise RefusedError(
            f"{what} is recorded as following {leaf.follows or 'no event'}, but comes after {known or 'no event'}"
        )
    if leaf.event not in _FOLLOWERS[known]:
        raise RefusedError(f"{what} cannot come after {known or 'no event'}")


def _check_order(seen: Seen, before: Seen) -> None:
    sequences = before.header.sequence, seen.header.sequence
    if (sequences[1], seen.index) <= (sequences[0], before.index):
        raise RefusedError("the events of the certificate are not in the order of the log")
    if sequences[0] == sequences[1] and seen.header != before.header:
        raise RefusedError(f"there are two different entries {sequences[0]}")


def _check_same_tree(leaf: Leaf, before: Leaf, what: str) -> None:
    if any(getattr(leaf, name) != getattr(before, name) for name in ("number", "project_id", "particulars")):
        raise RefusedError(f"{what} belongs to another certificate")
    stood = (before.tag, before.lat, before.lon)
    if leaf.event != "replaced" and (leaf.tag, leaf.lat, leaf.lon) != stood:
        raise RefusedError(f"{what} has another tag or place than the event before it")
    if _instant(leaf.occurred_at) < _instant(before.occurred_at):
        raise RefusedError(f"{what} is dated before the event that it follows")


def _instant(moment: str) -> float:
    try:
        return datetime.fromisoformat(moment).timestamp()
    except ValueError:
        raise RefusedError("a leaf has an invalid date") from None
