"""A small programme on paper: lists of what happened, and sums that are made from these lists each time.

It is written to be read beside docs/api.md ("How points are counted", "Redemptions") and docs/operations.md. It imports
nothing of the product. All times are local times of the programme, and all numbers are exact.

- An act is what an app reported of a person: so much of a kind, at a time.
- A kind gives points for a unit. Its caps limit the units or the points of a person in a day, a month or a year.
- A campaign multiplies the points of some kinds on its days. If several do, the highest number counts.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from math import floor
from typing import Literal, NamedTuple

ACCEPTANCE_DAYS = 7
"""How many days after an act an app may still report it."""

RIPE_AT = time(7)
"""When points ripen, on the day after the act. Saplings are released at the same time of each day."""

DAY = timedelta(days=1)


class Cap(NamedTuple):
    """The most units, or the most points, of a person in each day, month or year."""

    window: Literal["day", "month", "year"]
    most: int
    of: Literal["units", "points"] = "units"


@dataclass(frozen=True)
class Kind:
    """A kind of act: the points and the grams of CO2e of a unit, and how many units of a day can save CO2e."""

    points: Fraction
    grams: int
    plausible: int
    caps: tuple[Cap, ...] = ()


@dataclass(frozen=True)
class Campaign:
    """A campaign on the days from ``first`` to ``last``. ``times`` says by what it multiplies the points of kinds."""

    first: date
    last: date
    times: dict[str, Fraction]


class Release(NamedTuple):
    """Saplings that are released each morning on the days from ``first`` to ``last``, ``total`` at most."""

    first: date
    last: date
    daily: int
    total: int


@dataclass(frozen=True)
class Act:
    """What an app reported.

    ``points`` of a unit, the ``campaign`` and its ``times`` were those in the programme when the act was accepted.
    """

    person: str
    kind: str
    units: int
    at: datetime
    points: Fraction = Fraction()
    times: Fraction = Fraction(1)
    campaign: str = ""


class Progress(NamedTuple):
    """What a campaign has brought so far. ``extra`` points are those that its numbers gave: half of them if doubled."""

    acts: int
    people: int
    points: int
    extra: Fraction


@dataclass
class Purse:
    """The points that a person has harvested: those that can be spent, and those that are spent."""

    spendable: int = 0
    spent: int = 0


@dataclass
class Tree:
    """A tree that a person asked for, and what became of it."""

    person: str
    state: str


@dataclass
class Programme:
    """What happened so far. ``acts`` has the accepted acts by app and name, in the order in which they were posted."""

    kinds: dict[str, Kind]
    campaigns: dict[str, Campaign]
    release: Release
    saplings: int
    price: int
    acts: dict[tuple[str, str], Act] = field(default_factory=dict)
    taken_back: set[tuple[str, str]] = field(default_factory=set)
    purses: dict[str, Purse] = field(default_factory=dict)
    trees: dict[str, Tree] = field(default_factory=dict)

    # --- What apps do -------------------------------------------------------------------------------------------------

    def report(self, app: str, name: str, act: Act, now: datetime) -> str:
        """Accept an act, and return "accepted", or why it is refused. The same act again changes nothing."""
        if act.at.date() < now.date() - ACCEPTANCE_DAYS * DAY:
            return "too_old"
        if act.at > now + timedelta(minutes=5):
            return "in_future"
        if (app, name) not in self.acts:
            points = self.kinds[act.kind].points
            times, campaign = self.best_campaign(act)
            self.acts[app, name] = replace(act, points=points, times=times, campaign=campaign)
        return "accepted"

    def take_back(self, app: str, name: str) -> None:
        self.taken_back.add((app, name))

    def harvest(self, person: str, now: datetime) -> None:
        """Move the ripe points into the purse. It can be a negative number, if acts were taken back."""
        purse = self.purse(person)
        purse.spendable = self.ripe(person, now) - purse.spent

    def ask_for_tree(self, key: str, person: str, now: datetime) -> str:
        """Reserve a tree for a person, and return "reserved", or why there is none."""
        if self.available(now) < 1:
            return "sold_out"
        self.harvest(person, now)
        purse = self.purse(person)
        if purse.spendable < self.price:
            return "insufficient_points"
        purse.spendable -= self.price
        purse.spent += self.price
        self.trees[key] = Tree(person, "reserved")
        return "reserved"

    def cancel(self, key: str) -> None:
        """Give the points of a reserved tree back."""
        tree = self.trees[key]
        assert tree.state == "reserved"
        tree.state = "cancelled"
        self.purse(tree.person).spendable += self.price
        self.purse(tree.person).spent -= self.price

    # --- What the programme and its partners do -----------------------------------------------------------------------

    def order(self) -> None:
        """Order the reserved trees from the partner."""
        for tree in self.trees.values():
            if tree.state == "reserved":
                tree.state = "ordered"

    def plant(self) -> int:
        """Plant the ordered trees, and return how many there were."""
        ordered = [tree for tree in self.trees.values() if tree.state == "ordered"]
        for tree in ordered:
            tree.state = "planted"
        return len(ordered)

    # --- What operators do --------------------------------------------------------------------------------------------

    def end_campaign(self, name: str, last: date) -> None:
        self.campaigns[name] = replace(self.campaigns[name], last=last)

    def change_points(self, name: str, points: Fraction) -> None:
        """Let acts that are accepted from now on earn other points."""
        self.kinds[name] = replace(self.kinds[name], points=points)

    # --- What anybody can read ----------------------------------------------------------------------------------------

    def purse(self, person: str) -> Purse:
        return self.purses.setdefault(person, Purse())

    def running(self, day: date) -> dict[str, Campaign]:
        return {name: campaign for name, campaign in self.campaigns.items() if campaign.first <= day <= campaign.last}

    def best_campaign(self, act: Act) -> tuple[Fraction, str]:
        """Return the highest number by which a campaign multiplies the points of an act, and its name. Without, 1."""
        running = self.running(act.at.date()).items()
        found = [(campaign.times[act.kind], name) for name, campaign in running if act.kind in campaign.times]
        return max(found, default=(Fraction(1), ""))

    def progress(self, name: str) -> Progress:
        """Return the sums of the acts that a campaign multiplied and that count."""
        people = {act.person for act in self.acts.values()}
        awards = [award for person in people for award in self.awards(person) if award[0].campaign == name]
        extra = sum((points * (act.times - 1) / act.times for act, points in awards), Fraction())
        return Progress(len(awards), len({act.person for act, _ in awards}), sum(points for _, points in awards), extra)

    def counting(self, person: str, kind: str) -> list[Act]:
        """Return the acts of a person and kind that count, in the order in which they were posted."""
        return [
            act
            for name, act in self.acts.items()
            if (act.person, act.kind) == (person, kind) and name not in self.taken_back
        ]

    def awards(self, person: str) -> list[tuple[Act, int]]:
        """Return the acts of a person that count, each with its points."""
        return [award for kind in self.kinds for award in self.awards_of(person, kind)]

    def awards_of(self, person: str, kind: str) -> list[tuple[Act, int]]:
        """Give each act its points, one after the other.

        Each cap leaves the act what earlier acts of its window have not used. The points of a day are the sum of units
        times points times campaign, rounded down once; an act earns what it adds to that.
        """
        units: dict[str, int] = {}
        points: dict[str, int] = {}
        worth: dict[str, Fraction] = {}
        awards = []
        for act in self.counting(person, kind):
            windows = windows_of(act.at)
            paid, caps = act.units, self.kinds[kind].caps
            for cap in caps:
                if cap.of == "units":
                    paid = min(paid, cap.most - units.get(windows[cap.window], 0))
            before = worth.get(windows["day"], Fraction())
            after = before + paid * act.points * act.times
            earned = floor(after) - floor(before)
            for cap in caps:
                if cap.of == "points":
                    earned = min(earned, cap.most - points.get(windows[cap.window], 0))
            worth[windows["day"]] = after
            for window in windows.values():
                units[window] = units.get(window, 0) + paid
                points[window] = points.get(window, 0) + earned
            awards.append((act, earned))
        return awards

    def earned(self, person: str) -> int:
        return sum(points for _, points in self.awards(person))

    def ripe(self, person: str, now: datetime) -> int:
        """Return the points of the acts that are ripe: from 07:00 on the next day on."""
        return sum(points for act, points in self.awards(person) if ripens_at(act) <= now)

    def grams(self, person: str) -> int:
        """Return the grams of CO2e that a person avoided. Of each kind and day, no more than is plausible counts."""
        days: dict[tuple[str, date], int] = {}
        for kind in self.kinds:
            for act in self.counting(person, kind):
                days[kind, act.at.date()] = days.get((kind, act.at.date()), 0) + act.units
        return sum(min(units, self.kinds[kind].plausible) * self.kinds[kind].grams for (kind, _), units in days.items())

    def statement(self, person: str, month: str) -> dict[str, int]:
        """Return the points of a month such as ``2027-06``, by kind. A kind without an act that counts is left out."""
        found: dict[str, int] = {}
        for act, points in self.awards(person):
            if windows_of(act.at)["month"] == month:
                found[act.kind] = found.get(act.kind, 0) + points
        return found

    def available(self, now: datetime) -> int:
        """Return the saplings that were released so far and that nobody has reserved."""
        taken = [tree for tree in self.trees.values() if tree.state != "cancelled"]
        return self.saplings + self.released_by_schedule(now) - len(taken)

    def released_by_schedule(self, now: datetime) -> int:
        latest = now.date() if now.time() >= RIPE_AT else now.date() - DAY
        days = (min(latest, self.release.last) - self.release.first).days + 1
        return min(max(days, 0) * self.release.daily, self.release.total)


def windows_of(at: datetime) -> dict[str, str]:
    """Return the day, the month and the year of a time."""
    return {"day": f"{at:%Y-%m-%d}", "month": f"{at:%Y-%m}", "year": f"{at:%Y}"}


def ripens_at(act: Act) -> datetime:
    return datetime.combine(act.at.date() + DAY, RIPE_AT)
