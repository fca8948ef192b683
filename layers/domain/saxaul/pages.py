"""Pages: what a user's accepted actions became, one page for each cap window.

Idempotency, caps and the ledger live on the page together, so posting an action is one conditional write:
an entry's key says that it is here already, and the other entries say what is left of its caps.
Posting is a pure function; whoever loses a race for the page posts again onto the page that won.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, Decimal
from typing import NamedTuple

from saxaul.actions import Action, Owner
from saxaul.calendar import Calendar
from saxaul.catalog import ActionType, Cap, Catalogue

ZERO = Decimal(0)


class PageKey(NamedTuple):
    """A page's name: whose it is, and its window."""

    owner: Owner
    window: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What an accepted action became.

    Attributes:
        quantity: what the app reported, in the type's unit.
        points: what it earns; zero once it is reversed.
        avoided_g: grams of CO2e avoided. A cap withholds points, never grams.
        units: how much of the quantity was paid, which is what a cap by units counts.
        rule: the version of the action type's rule that was applied.
        reason: why points were withheld or taken back; empty where they were not.
        occurred_at, recorded_at: when the act was, and when it was posted; instants in seconds.
    """

    type: str
    quantity: Decimal
    occurred_at: int
    recorded_at: int
    points: int = 0
    avoided_g: Decimal = ZERO
    units: Decimal = ZERO
    rule: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Page:
    """The entries of one owner in one window, by ``<app>:<action_id>``. A page nobody has written has version 0."""

    key: PageKey
    entries: Mapping[str, Entry] = field(default_factory=dict)
    version: int = 0

    @property
    def points(self) -> int:
        return sum(entry.points for entry in self.entries.values())

    @property
    def avoided_g(self) -> Decimal:
        return sum((entry.avoided_g for entry in self.entries.values()), ZERO)

    def ripe_points(self, calendar: Calendar, now: int) -> int:
        """The points that may be harvested by now."""
        return sum(e.points for e in self.entries.values() if e.points and calendar.ripens_at(e.occurred_at) <= now)


class Posting(NamedTuple):
    """The page after posting, and what each action met there. A page that did not change keeps its identity."""

    page: Page
    posted: int
    replayed: int


def page_of(action: Action, rule: ActionType, calendar: Calendar) -> PageKey:
    return PageKey(action.owner, calendar.window_of(action.occurred_at, rule.window))


def post(page: Page, actions: Iterable[Action], catalogue: Catalogue, calendar: Calendar, recorded_at: int) -> Posting:
    """Post actions onto the page they belong to. An action that is there already changes nothing."""
    entries = dict(page.entries)
    usage = _Usage(page.entries.values(), catalogue, calendar)
    replayed = 0
    for action in actions:
        key = entry_key(action.app, action.action_id)
        if key in entries:
            replayed += 1
            continue
        entries[key] = usage.award(action, recorded_at)
    posted = len(entries) - len(page.entries)
    return Posting(replace(page, entries=entries) if posted else page, posted, replayed)


def entry_key(app: str, action_id: str) -> str:
    return f"{app}:{action_id}"


class _Usage:
    """What the entries of a page have used of each cap, kept up while more are posted."""

    def __init__(self, entries: Iterable[Entry], catalogue: Catalogue, calendar: Calendar) -> None:
        self._catalogue = catalogue
        self._calendar = calendar
        self._units: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self._points: defaultdict[tuple[str, str], int] = defaultdict(int)
        for entry in entries:
            self._count(entry)

    def award(self, action: Action, recorded_at: int) -> Entry:
        rule = self._catalogue.action_types[action.type]
        points, units, reason = self._pay(action, rule)
        entry = Entry(
            type=action.type,
            quantity=action.quantity,
            occurred_at=action.occurred_at,
            recorded_at=recorded_at,
            points=points,
            avoided_g=action.quantity * rule.avoided_g.value,
            units=units,
            rule=self._catalogue.versions.get(action.type, 0),
            reason=reason,
        )
        self._count(entry)
        return entry

    def _pay(self, action: Action, rule: ActionType) -> tuple[int, Decimal, str]:
        """Points, the units that they pay, and why it is not more. Points round down: splitting an act never pays."""
        if rule.points is None:
            return 0, ZERO, ""
        units = action.quantity if rule.points.per == "unit" else Decimal(1)
        reason = ""
        for cap, window in self._caps(rule, action.occurred_at):
            if cap.units is not None and units > (left := max(ZERO, cap.units - self._units[action.type, window])):
                units, reason = left, "over_units_cap"
        points = int((units * rule.points.value * self._multiplier(action)).to_integral_value(ROUND_FLOOR))
        for cap, window in self._caps(rule, action.occurred_at):
            if cap.points is not None and points > (room := max(0, cap.points - self._points[action.type, window])):
                points, reason = room, "over_points_cap"
        return points, units, reason

    def _multiplier(self, action: Action) -> Decimal:
        """The best that a campaign of that day offers; campaigns do not multiply each other."""
        day = self._calendar.day_of(action.occurred_at)
        campaigns = self._catalogue.campaigns.values()
        offers = [it.multipliers[action.type] for it in campaigns if action.type in it.multipliers and it.runs_on(day)]
        return max(offers, default=Decimal(1))

    def _caps(self, rule: ActionType, occurred_at: int) -> Iterator[tuple[Cap, str]]:
        for cap in rule.caps:
            yield cap, self._calendar.window_of(occurred_at, cap.window)

    def _count(self, entry: Entry) -> None:
        rule = self._catalogue.action_types.get(entry.type)
        if rule is None:
            return
        for window in {window for _, window in self._caps(rule, entry.occurred_at)}:
            self._units[entry.type, window] += entry.units
            self._points[entry.type, window] += entry.points
