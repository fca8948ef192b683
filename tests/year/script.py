"""What happens in the year: a random but repeatable list of steps, each a time and what people do then.

It knows nothing of what comes of it. The plain model and the product play it side by side.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import NamedTuple

from tests.year.model import Act, Campaign, Cap, Kind, Programme, Release

PEOPLE = ("chen", "li", "wang")
APPS = ("alipay", "taobao")

KINDS = {
    "ride": Kind(Fraction(80), 212, plausible=6, caps=(Cap("day", 3), Cap("month", 30))),
    "walk": Kind(Fraction(3, 8), 5, plausible=100, caps=(Cap("day", 25, "points"),)),
    "bill": Kind(Fraction(262), 20, plausible=4, caps=(Cap("month", 4), Cap("month", 900, "points"))),
    "repair": Kind(Fraction(700), 3000, plausible=2, caps=(Cap("year", 9), Cap("month", 1200, "points"))),
    "swap": Kind(Fraction(11, 4), 40, plausible=10),
}
"""A kind with each sort of cap, some of them with two, and one without a cap."""

USUAL = (("ride", (1, 2)), ("walk", (7, 20, 41)), ("bill", (1,)), ("repair", (1, 2)), ("swap", (1, 3, 9)))
"""The kinds with the units of one act."""

WEIGHTS = (9, 9, 2, 1, 4)
"""How often each of these kinds occurs."""

PRICE = 2500
"""The points of a tree."""

TIMES = (time(0), time(6, 50), time(7), time(12), time(20, 30), time(23, 50))
"""The times of day at which something happens: also right before and at the boundaries of a day."""


class Report(NamedTuple):
    """An app reports acts in one call, by their names."""

    app: str
    acts: dict[str, Act]


class TakeBack(NamedTuple):
    """An app takes an act back."""

    app: str
    name: str
    act: Act


class Harvest(NamedTuple):
    """A person harvests."""

    person: str


class AskForTree(NamedTuple):
    """A person asks for a tree, and may cancel it at once."""

    person: str
    key: str
    and_cancel: bool


class Plant(NamedTuple):
    """The partner plants all trees that are ordered."""


class EndCampaign(NamedTuple):
    """An operator ends a campaign early, with this day as its last one."""

    name: str
    last: date


class ChangePoints(NamedTuple):
    """An operator changes the points of a kind."""

    kind: str
    points: Fraction


class ReleaseByHand(NamedTuple):
    """An operator releases more saplings at once."""

    saplings: int


Deed = Report | TakeBack | Harvest | AskForTree | Plant | EndCampaign | ChangePoints | ReleaseByHand


class Step(NamedTuple):
    """What happens at one time. ``changes`` are what operators do; they come last, and count from the next step."""

    at: datetime
    deeds: tuple[Deed, ...]
    changes: tuple[Deed, ...]


def new_programme(year: int) -> Programme:
    """Return the programme as it is when the year begins, on paper."""
    return Programme(
        kinds=dict(KINDS),
        campaigns={
            "arbor": Campaign(date(year, 3, 10), date(year, 3, 14), {"ride": Fraction(2), "walk": Fraction(3, 2)}),
            "summer": Campaign(date(year, 7, 1), date(year, 7, 10), {"ride": Fraction(3), "swap": Fraction(5, 4)}),
            "autumn": Campaign(date(year, 9, 10), date(year, 9, 16), {"ride": Fraction(2), "bill": Fraction(2)}),
            "car-free": Campaign(date(year, 9, 13), date(year, 9, 14), {"ride": Fraction(5, 2)}),
        },
        release=Release(date(year, 2, 1), date(year, 11, 20), daily=1, total=20),
        saplings=2,
        price=PRICE,
    )


def changes_of(year: int) -> dict[date, Deed]:
    """Return what operators do, by the day from which on they do it."""
    return {
        date(year, 7, 4): EndCampaign("summer", date(year, 7, 4)),
        date(year, 8, 15): ChangePoints("walk", Fraction(1, 2)),
        date(year, 10, 1): ReleaseByHand(6),
    }


def every_day(year: int, seed: int) -> list[datetime]:
    """Return a time of each day of a year, and of the first day of the next one."""
    chance, first = random.Random(seed), date(year, 1, 1)
    days = [first + timedelta(days=number) for number in range((date(year + 1, 1, 1) - first).days + 1)]
    return [datetime.combine(day, chance.choice(TIMES)) for day in days]


def some_days(year: int) -> list[datetime]:
    """Return times around the boundaries of the year: of months, campaigns, releases, and what operators change."""
    return [
        datetime.combine(date(year + (month > 12), (month - 1) % 12 + 1, day), at)
        for month, day, at in (
            (1, 1, time(12)),
            (1, 31, time(23, 50)),
            (2, 1, time(6, 50)),
            (2, 1, time(7)),
            (3, 9, time(23, 50)),
            (3, 11, time(0)),
            (3, 15, time(7)),
            (7, 3, time(12)),
            (7, 4, time(20, 30)),
            (7, 6, time(12)),
            (8, 15, time(12)),
            (8, 16, time(7)),
            (9, 13, time(12)),
            (9, 17, time(0)),
            (10, 2, time(12)),
            (11, 21, time(7)),
            (12, 31, time(23, 50)),
            (13, 1, time(7)),
        )
    ]


def steps(times: Sequence[datetime], seed: int) -> Iterator[Step]:
    """Yield what happens at these times."""
    chance = random.Random(seed)
    writer = _Writer(chance)
    waiting = dict(changes_of(times[0].year))
    for number, at in enumerate(times):
        due = [day for day in waiting if day <= at.date()]
        changes = tuple(waiting.pop(day) for day in due)
        yield Step(at, tuple(writer.deeds(at, number)), changes)


class _Writer:
    """Writes the deeds of one step after the other."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._told: list[tuple[str, str, Act]] = []

    def deeds(self, at: datetime, number: int) -> Iterator[Deed]:
        chance = self._chance
        if number % 7 == 0:
            yield Plant()
        for app in APPS:
            yield Report(app, dict(self._acts(app, at, number)))
        recent = [told for told in self._told if timedelta() <= at - told[2].at < timedelta(days=45)]
        if recent and chance.random() < 0.3:
            yield TakeBack(*chance.choice(recent))
        if chance.random() < 0.4:
            yield Harvest(chance.choice(PEOPLE))
        if chance.random() < 0.5:
            yield AskForTree(chance.choice(PEOPLE), f"tree-{number}", chance.random() < 0.2)

    def _acts(self, app: str, at: datetime, number: int) -> Iterator[tuple[str, Act]]:
        """Yield what an app reports: new acts of the last days, sometimes one that is too old, or one again."""
        for turn in range(self._chance.randint(1, 4)):
            name = f"{number}-{turn}"
            act = self._act(at)
            self._told.append((app, name, act))
            yield name, act
        told = [(name, act) for of, name, act in self._told[-30:] if of == app and not name.startswith(f"{number}-")]
        if told and self._chance.random() < 0.2:
            yield self._chance.choice(told)

    def _act(self, at: datetime) -> Act:
        chance = self._chance
        [(kind, units)] = chance.choices(USUAL, WEIGHTS)
        days = chance.choice((0, 0, 0, 1, 1, 2, 5, 7, 8))
        when = at - timedelta(days=days, minutes=chance.choice((0, 1, 90, 600)))
        if chance.random() < 0.03:
            when = at + timedelta(hours=1)
        return Act(chance.choice(PEOPLE), kind, chance.choice(units), when)
