"""The load of the throughput benchmark: what is sent to a stack, and what its ledger must have afterwards."""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from saxaul.ledger.actions import Owner
from saxaul.ledger.entries import entry_name
from saxaul.ledger.periods import PeriodKey

APP = "alipay"

TYPE, QUANTITY, POINTS = "walking", 1_000, 20
"""The reported actions: an action type that no campaign multiplies, and what one action earns."""

DAYS = 5
"""The actions are of this many days, so a person has as many periods."""

MOST_A_PERSON = 14 * DAYS
"""How many actions of a person earn their full points."""

REPEATED = 20
"""One in this many actions is sent a second time."""


class Reported(NamedTuple):
    """One reported action: whose, its id, and how many days ago it happened."""

    user: str
    action_id: str
    days_ago: int


@dataclass(frozen=True)
class Load:
    """The calls to send. ``days`` has the date of each number of days ago."""

    calls: Sequence[Sequence[Reported]]
    today: datetime

    def body(self, number: int) -> dict[str, Any]:
        actions = [
            {
                "action_id": action.action_id,
                "user_id": action.user,
                "type": TYPE,
                "quantity": QUANTITY,
                "occurred_at": self._noon(action).isoformat(),
            }
            for action in self.calls[number]
        ]
        return {"actions": actions}

    def key(self, action: Reported) -> PeriodKey:
        return PeriodKey(Owner("user", action.user), self._noon(action).date().isoformat())

    def expected(self) -> dict[PeriodKey, set[str]]:
        """Return the names of the entries that each period must have."""
        found: defaultdict[PeriodKey, set[str]] = defaultdict(set)
        for call in self.calls:
            for action in call:
                found[self.key(action)].add(entry_name(APP, action.action_id))
        return dict(found)

    def _noon(self, action: Reported) -> datetime:
        return (self.today - timedelta(days=action.days_ago)).replace(hour=12, minute=0, second=0, microsecond=0)


def make_load(name: str, actions: int, persons: int, in_a_call: int, today: datetime) -> Load:
    """Return shuffled calls with this many actions, each once, and one in twenty again. ``name`` makes ids unique."""
    rng = random.Random(f"{actions}-{persons}")  # noqa: S311 - an order of actions, not a secret
    rows = [
        Reported(f"{name}-{number % persons}", f"act-{number}", 1 + number // persons % DAYS)
        for number in range(actions)
    ]
    rng.shuffle(rows)
    again = rows[::REPEATED]
    rng.shuffle(again)
    rows += again
    return Load([rows[start : start + in_a_call] for start in range(0, len(rows), in_a_call)], today)


def faults(expected: Mapping[PeriodKey, set[str]], found: Mapping[PeriodKey, Mapping[str, int]]) -> Iterator[str]:
    """Yield a sentence for each period that does not have exactly the expected entries.

    ``found`` has the points of each entry of each period, by the entry's name.
    """
    for key, names in expected.items():
        entries = found.get(key, {})
        if entries.keys() != names:
            yield f"{key.owner.id} on {key.window}: {len(names)} actions were sent, {len(entries)} are posted"
        elif wrong := {name: points for name, points in entries.items() if points != POINTS}:
            yield f"{key.owner.id} on {key.window}: an action earned other points: {wrong}"
