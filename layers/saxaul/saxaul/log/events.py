"""The events of a tree that the log records."""

from typing import Literal, get_args

Event = Literal["planted", "alive", "dead", "replaced"]

EVENTS: tuple[Event, ...] = get_args(Event)

STANDING_EVENTS = frozenset({"planted", "alive", "replaced"})
"""The events after which a tree counts as standing."""
