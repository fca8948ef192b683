"""A simulated day of a green programme: each user's actions, and the API calls (POST /actions) that report them.

- Every user has at least one action and five on average, log-normally distributed (sigma 1). The busiest tenth of the
  users has two fifths of all actions, and the busiest user about two hundred.
- The action types are those of the default catalog, in the shares of ``MIX``. Seven in a hundred actions are of types
  with a monthly cap. They are posted to the period of the month, which already holds the actions of ``DAYS_BEFORE``
  earlier days. No type of the default catalog has a yearly cap.
- One in a hundred reports is sent again unchanged, up to a few hours later.
- Identifiers are as long as real ones: user ids have 16 digits, action ids are UUIDs of 36 characters.
- *One by one* means that an app reports each action when it happens. *Together* means that an app holds back a user's
  actions and reports about 2.2 of them at once. In both cases, a call reports the actions of many users.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, time
from random import Random
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

MIX = {
    "walking": 30.0,
    "metro_ride": 16.0,
    "bus_ride": 12.0,
    "bike_ride": 12.0,
    "no_cutlery": 11.0,
    "e_invoice": 5.0,
    "parcel_box_return": 4.0,
    "etc_toll": 3.0,
    "paperless_bill": 1.5,
    "secondhand_item": 1.2,
    "train_ticket": 1.0,
    "show_ticket": 0.8,
    "leave_the_car": 0.7,
    "green_hotel_night": 0.7,
    "hospital_booking": 0.5,
    "plastic_recycling": 0.4,
    "clothes_recycling": 0.2,
}
"""The percentage of actions of each action type."""

QUANTITIES = {
    "walking": (200, 6000, 1),
    "bike_ride": (300, 6000, 1000),
    "train_ticket": (50, 1500, 1),
    "plastic_recycling": (1, 40, 10),
    "clothes_recycling": (10, 80, 10),
}
"""For each type: a quantity is a random integer from the first to the second number, divided by the third.

The quantity of all types not listed is 1.
"""

DAYS_BEFORE = 15
"""How many earlier days of the month have actions in the monthly periods."""

REPEAT_SHARE = 0.01
"""The share of the reports that is sent again."""

SPREAD = 1.0
"""The sigma of the log-normal distribution."""

TOGETHER = 0.69
"""The probability that the user's next action is reported in the same call. So a call reports about 2.2 at once."""

_MEAN = 4.85  # actions per user, before rounding and before the minimum of one
_DAY = 86_400
_SECONDS_BETWEEN = 300  # between two actions that are reported together


class Arrival(NamedTuple):
    """Some actions of one user in one call: ``acts`` actions, the first of which is number ``first`` of the user's day.

    ``at`` is in seconds after midnight. ``again`` marks a repeat of an earlier arrival.
    """

    at: float
    user: int
    first: int
    acts: int
    again: bool


Call = list[Arrival]
Reported = dict[str, Any]
"""An action as an app reports it."""


class Day:
    """The actions of a day. The same seed gives the same actions."""

    def __init__(self, users: int, day: date, zone: ZoneInfo, *, together: bool, seed: int = 1) -> None:
        self._seed = seed
        self._together = together
        self._zone = zone
        self._midnight = int(datetime.combine(day, time(), zone).timestamp())
        self._month = int(datetime.combine(day.replace(day=1), time(), zone).timestamp())
        self.users = users
        self.arrivals = sorted(arrival for user in range(users) for arrival in self._arrivals_of(user))
        self.actions = sum(arrival.acts for arrival in self.arrivals if not arrival.again)

    def calls(self, size: int) -> list[Call]:
        """Divide the day into calls of about ``size`` actions, in order of arrival."""
        calls: list[Call] = []
        room = 0
        for arrival in self.arrivals:
            if arrival.acts > room:
                calls.append([])
                room = max(size, arrival.acts)
            calls[-1].append(arrival)
            room -= arrival.acts
        return calls

    def reported(self, user: int) -> list[Reported]:
        """Return all of a user's actions on the day, in order."""
        chance = self._chance(user, "acts")
        moments = [
            self._midnight + max(0.0, arrival.at - (arrival.acts - 1 - number) * _SECONDS_BETWEEN)
            for arrival in self._arrivals_of(user)
            if not arrival.again
            for number in range(arrival.acts)
        ]
        return [self._act(user, chance, moment, MIX) for moment in moments]

    def calls_of(self, user: int) -> list[int]:
        """Return for each of a user's actions on the day, in order, the number of the arrival that reports it."""
        first = [arrival for arrival in self._arrivals_of(user) if not arrival.again]
        return [number for number, arrival in enumerate(first) for _ in range(arrival.acts)]

    def reported_before(self, user: int, kinds: Collection[str]) -> list[Reported]:
        """Return the user's actions of some types on earlier days of the month, at the same rate as on this day."""
        chance = self._chance(user, "before")
        mix = {kind: MIX[kind] for kind in kinds if kind in MIX}
        share = sum(mix.values()) / sum(MIX.values())
        acts = sum(chance.random() < share for _ in range(self._acts(user) * DAYS_BEFORE))
        moments = sorted(chance.uniform(self._month, self._midnight) for _ in range(acts))
        return [self._act(user, chance, moment, mix) for moment in moments]

    def _acts(self, user: int) -> int:
        drawn = self._chance(user, "number").lognormvariate(math.log(_MEAN) - SPREAD**2 / 2, SPREAD)
        return max(1, round(drawn))

    def _arrivals_of(self, user: int) -> Iterator[Arrival]:
        chance = self._chance(user, "arrivals")
        runs = list(_runs(chance, self._acts(user), TOGETHER if self._together else 0))
        first = 0
        for count, at in zip(runs, sorted(chance.random() * _DAY for _ in runs), strict=True):
            yield Arrival(at, user, first, count, again=False)
            if chance.random() < REPEAT_SHARE:
                yield Arrival(min(at + chance.expovariate(1 / 3600), _DAY - 1), user, first, count, again=True)
            first += count

    def _act(self, user: int, chance: Random, moment: float, mix: Mapping[str, float]) -> Reported:
        kind = chance.choices(list(mix), list(mix.values()))[0]
        least, most, divisor = QUANTITIES.get(kind, (1, 1, 1))
        return {
            "action_id": str(UUID(int=chance.getrandbits(128), version=4)),
            "user_id": f"{2_088_000_000_000_000 + user}",
            "type": kind,
            "quantity": chance.randint(least, most) / divisor,
            "occurred_at": datetime.fromtimestamp(int(moment), self._zone).isoformat(),
        }

    def _chance(self, user: int, what: str) -> Random:
        return Random(f"{self._seed}/{user}/{what}")  # noqa: S311 - the day must be reproducible


def _runs(chance: Random, acts: int, together: float) -> Iterator[int]:
    """Divide a number of actions into runs, and yield the length of each. The actions of a run are in one call."""
    while acts:
        count = 1
        while count < acts and chance.random() < together:
            count += 1
        yield count
        acts -= count
