"""The rules for the events of one certificate: their order, and which of them the certificate may leave out.

    planted ──▶ alive ⟲        Each leaf names the event that it follows: the previous event of this certificate in
       │          │            the log. Only planted and replaced put a tree into the ground, so alive and dead must
       └────┬─────┘            have the tag and the coordinates of the event before them. No occurred_at is earlier
            ▼                  than the one before.
          dead ⇄ replaced ──▶ alive

A certificate must show every event, with one exception: a certificate that shows at least SHOWN_EVENTS events may leave
out ``alive`` events, which change nothing.

Only the log can show what a certificate leaves out. Suppose that a tree is found alive, dies, is replaced by a tree
with the same tag and coordinates, and is found alive twice. If a certificate leaves out the death, the replacement and
the first inspection after the replacement, its leaves look like those of one tree that stayed alive. Therefore
:func:`check_shown` refuses only contradictions between the leaves of a certificate, and :func:`check_left_out` compares
the certificate with the log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from saxaul.log.entries import Header, Leaf
from saxaul.log.events import STANDING_EVENTS
from saxaul.log.parsing import RefusedError
from saxaul.log.proof import SHOWN_EVENTS

_FOLLOWERS = {
    "": {"planted"},
    "planted": {"alive", "dead"},
    "alive": {"alive", "dead"},
    "dead": {"replaced"},
    "replaced": {"alive", "dead"},
}
"""The events that may come directly after an event; the empty text stands for the beginning."""


@dataclass(frozen=True, slots=True)
class CheckedEvent:
    """One event of one certificate: leaf ``index`` of the entry with this header."""

    leaf: Leaf
    index: int
    header: Header


def check_next(leaf: Leaf, before: Leaf | None, what: str) -> None:
    """Check that a leaf may come directly after ``before``; None means that the leaf is the first.

    Raises:
        RefusedError: the leaf may not come there. ``what`` names the leaf in the reason.
    """
    _check_step(leaf, before.event if before else "", what)
    if before:
        _check_same_tree(leaf, before, what)


def check_shown(events: Sequence[CheckedEvent]) -> None:
    """Check the events that a certificate shows, oldest first, as far as that is possible without the log.

    Raises:
        RefusedError: an event is repeated or out of order, or the leaves show that a required event is missing.
    """
    for event, before in zip(events, [None, *events], strict=False):
        leaf = event.leaf
        what = f"the {leaf.event} event"
        if before is None:
            check_next(leaf, None, what)
            continue
        # Alive events may be missing between these two events if the tree was standing after the earlier one.
        may_hide = len(events) >= SHOWN_EVENTS and before.leaf.event in STANDING_EVENTS and leaf.follows == "alive"
        _check_step(leaf, "alive" if may_hide else before.leaf.event, what)
        _check_order(event, before)
        _check_same_tree(leaf, before.leaf, what)


def check_left_out(shown: Sequence[CheckedEvent], logged: Sequence[CheckedEvent]) -> list[CheckedEvent]:
    """Return the logged events that a certificate leaves out. All of them are ``alive`` events, which change nothing.

    Args:
        shown: the events that the certificate shows, oldest first.
        logged: the events of this certificate in the log, oldest first.

    Raises:
        RefusedError: the certificate shows an event that the log does not have, or leaves out one that it must show.
    """
    hidden = [event for event in logged if event not in shown]
    if len(shown) + len(hidden) != len(logged):
        raise RefusedError("the certificate shows an event that the log does not have")
    if hidden and hidden[-1] is logged[-1]:
        raise RefusedError(
            f"the certificate hides a later event: {logged[-1].leaf.event} in entry {logged[-1].header.sequence}"
        )
    for event in hidden:
        if event.leaf.event != "alive":
            raise RefusedError(f"the certificate hides the {event.leaf.event} event of entry {event.header.sequence}")
    if hidden and len(shown) < SHOWN_EVENTS:
        raise RefusedError(
            f"the log has {len(logged)} events of this tree, but the certificate shows only {len(shown)}"
        )
    return hidden


def _check_step(leaf: Leaf, known: str, what: str) -> None:
    """Check that a leaf names ``known`` as the event before it, and that the leaf may come after that event."""
    if leaf.follows != known:
        raise RefusedError(
            f"{what} is recorded as following {leaf.follows or 'no event'}, but comes after {known or 'no event'}"
        )
    if leaf.event not in _FOLLOWERS[known]:
        raise RefusedError(f"{what} cannot come after {known or 'no event'}")


def _check_order(event: CheckedEvent, before: CheckedEvent) -> None:
    sequences = before.header.sequence, event.header.sequence
    if (sequences[1], event.index) <= (sequences[0], before.index):
        raise RefusedError("the events of the certificate are not in the order of the log")
    if sequences[0] == sequences[1] and event.header != before.header:
        raise RefusedError(f"there are two different entries {sequences[0]}")


def _check_same_tree(leaf: Leaf, before: Leaf, what: str) -> None:
    if any(getattr(leaf, name) != getattr(before, name) for name in ("certificate", "project_id", "particulars")):
        raise RefusedError(f"{what} belongs to another certificate")
    place_before = (before.tag, before.lat, before.lon)
    if leaf.event != "replaced" and (leaf.tag, leaf.lat, leaf.lon) != place_before:
        raise RefusedError(f"{what} has another tag or place than the event before it")
    if datetime.fromisoformat(leaf.occurred_at) < datetime.fromisoformat(before.occurred_at):
        raise RefusedError(f"{what} is dated before the event that it follows")
