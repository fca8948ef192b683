"""Periods. A period holds the entries (accepted actions) of one owner in one window: a day, a month or a year.

To post an action means to record it in a period. The period holds all data that this needs, so one conditional write
suffices: the keys of the entries show whether the action was already posted, and the values of the entries show how
much of each cap is left. Posting is a pure function. If a concurrent write won, the worker posts the actions again, to
the period that is stored now.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, Decimal
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import ActionType, Cap, Catalog
from saxaul.ledger.actions import Action, Owner, Reversal

ZERO = Decimal(0)

MAX_ENTRIES = 500
"""The most entries of a period. Even the longest possible entries then fit in 400 KB, DynamoDB's limit for an item."""

MAX_WITHHELD = 20
"""The most entries of a period that a cap left without points. A few are enough to show the reason.

More are not stored, so that actions without points cannot fill a period.
"""

MAX_OVERFLOW = 1000
"""The most actions without an entry that a period remembers, so that it recognises repeats of these actions."""

DIGEST_BYTES = 6
"""A period remembers each of these actions by this many bytes of a digest of the action's key.

With 1,000 digests, two actions have the same digest in one of half a billion periods. The second action is then taken
for a repeat of the first.
"""


class PeriodKey(NamedTuple):
    """The key of a period: its owner and its window."""

    owner: Owner
    window: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An accepted action in a period, or a tombstone: a reversal that arrived before its action.

    Attributes:
        quantity: the quantity that the app reported, in the type's unit.
        points: the points that the action earns; zero after a reversal.
        avoided_g: grams of CO2e avoided. A cap withholds points, but never grams.
        units: how much of the quantity earned points. Caps in units count this.
        rule: the version of the action type that was applied.
        reason: why points were withheld; empty if none were.
        campaign: the campaign that multiplied the points; empty if there was none.
        reversal: why the action was reversed; empty if it was not. A reversed entry has no points and no grams.
        conflicted: whether the app sent the same action_id again with different content.
        occurred_at, recorded_at: when the action happened, and when it was posted; instants in seconds.
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
    campaign: str = ""
    reversal: str = ""
    conflicted: bool = False

    @property
    def is_tombstone(self) -> bool:
        """Whether this is a reversal that arrived before its action."""
        return not self.type

    @property
    def is_withheld(self) -> bool:
        """Whether a cap left the entry without points. A reversed entry does not count as withheld."""
        return bool(self.reason) and not self.points and not self.reversal

    def matches(self, action: Action) -> bool:
        """Whether the entry has the same content as the action."""
        return (self.type, self.quantity, self.occurred_at) == (action.type, action.quantity, action.occurred_at)


@dataclass(frozen=True)
class Period:
    """The entries of one owner in one window, keyed by ``<app>:<action_id>``. An unstored period has version 0.

    Attributes:
        overflow: six bytes of a digest for each action that had no room for an entry, to recognise its repeats. Such an
            action earns nothing.
        uncounted: how many more actions had no room after ``overflow`` was full. Each repeat is counted too.
    """

    key: PeriodKey
    entries: Mapping[str, Entry] = field(default_factory=dict)
    version: int = 0
    overflow: bytes = b""
    uncounted: int = 0

    @property
    def points(self) -> int:
        return sum(entry.points for entry in self.entries.values())

    @property
    def avoided_g(self) -> Decimal:
        return sum((entry.avoided_g for entry in self.entries.values()), ZERO)

    @property
    def overflowed(self) -> int:
        """How many actions had no room for an entry: those in ``overflow`` and those that are ``uncounted``."""
        return len(self.overflow) // DIGEST_BYTES + self.uncounted

    def holds(self, name: str) -> bool:
        """Whether the action with this key was posted. A reversed action counts as posted; a tombstone does not."""
        return name in self.entries and not self.entries[name].is_tombstone

    def ripe_points(self, calendar: Calendar, now: int) -> int:
        """Return the points that may be harvested at ``now``."""
        return sum(e.points for e in self.entries.values() if e.points and calendar.ripens_at(e.occurred_at) <= now)


class Posting(NamedTuple):
    """The result of posting: the period, and the number of actions and reversals by outcome.

    If nothing changed, ``period`` is the same object as before. The outcomes are ``posted`` (the action became an
    entry), ``overflowed`` (no room for an entry), ``replayed`` (a repeat), ``conflicted`` (a repeat with different
    content) and ``reversed``.
    """

    period: Period
    outcomes: Counter[str]


def period_of(action: Action, rule: ActionType, calendar: Calendar) -> PeriodKey:
    return PeriodKey(action.owner, calendar.window_of(action.occurred_at, rule.window))


def entry_key(app: str, action_id: str) -> str:
    return f"{app}:{action_id}"


def post(
    period: Period,
    actions: Iterable[Action],
    catalog: Catalog,
    calendar: Calendar,
    recorded_at: int,
    reversals: Iterable[Reversal] = (),
) -> Posting:
    """Post actions, and then reversals, to the period that they belong to. Unchanged repeats change nothing."""
    draft = _Draft(period, _Usage(period.entries.values(), catalog, calendar), recorded_at)
    for action in actions:
        draft.post(action)
    for reversal in reversals:
        draft.reverse(reversal)
    return draft.posting()


class _Draft:
    """A period while actions are posted to it."""

    def __init__(self, period: Period, usage: "_Usage", recorded_at: int) -> None:
        self._period = period
        self._usage = usage
        self._recorded_at = recorded_at
        self._entries = dict(period.entries)
        self._withheld = sum(entry.is_withheld for entry in period.entries.values())
        self._overflow = period.overflow
        self._uncounted = period.uncounted
        self._outcomes: Counter[str] = Counter()

    def post(self, action: Action) -> None:
        key = entry_key(action.app, action.action_id)
        known = self._entries.get(key)
        if known is None:
            self._post_new(key, action)
        elif known.is_tombstone:
            self._entries[key] = replace(
                known, type=action.type, quantity=action.quantity, occurred_at=action.occurred_at
            )
            self._outcomes["posted"] += 1
        elif known.matches(action):
            self._outcomes["replayed"] += 1
        else:
            self._entries[key] = replace(known, conflicted=True)
            self._outcomes["conflicted"] += 1

    def reverse(self, reversal: Reversal) -> None:
        """Reverse an action. If the action has not arrived yet, add a tombstone, which reverses the action on arrival.

        An action that had no room for an entry earned nothing, so its reversal changes nothing.
        """
        key = entry_key(reversal.app, reversal.action_id)
        known = self._entries.get(key)
        if known is None:
            if _digest(key) in _digests(self._overflow):
                self._outcomes["replayed"] += 1
                return
            if len(self._entries) >= MAX_ENTRIES:
                self._overflow_with(key)
                return
            known = Entry("", ZERO, reversal.occurred_at, self._recorded_at)
        if known.reversal:
            self._outcomes["replayed"] += 1
            return
        self._usage.release(known)
        self._entries[key] = replace(known, points=0, avoided_g=ZERO, units=ZERO, reversal=reversal.reason)
        self._outcomes["reversed"] += 1

    def posting(self) -> Posting:
        changed = replace(self._period, entries=self._entries, overflow=self._overflow, uncounted=self._uncounted)
        return Posting(self._period if changed == self._period else changed, self._outcomes)

    def _post_new(self, key: str, action: Action) -> None:
        if _digest(key) in _digests(self._overflow):
            self._outcomes["replayed"] += 1
            return
        entry = self._usage.award(action, self._recorded_at)
        if len(self._entries) >= MAX_ENTRIES or (entry.is_withheld and self._withheld >= MAX_WITHHELD):
            self._usage.release(entry)
            self._overflow_with(key)
            return
        self._withheld += entry.is_withheld
        self._entries[key] = entry
        self._outcomes["posted"] += 1

    def _overflow_with(self, key: str) -> None:
        if len(self._overflow) < MAX_OVERFLOW * DIGEST_BYTES:
            self._overflow += _digest(key)
        else:
            self._uncounted += 1
        self._outcomes["overflowed"] += 1


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()[:DIGEST_BYTES]


def _digests(overflow: bytes) -> set[bytes]:
    return {overflow[start : start + DIGEST_BYTES] for start in range(0, len(overflow), DIGEST_BYTES)}


class _Usage:
    """How much of each cap the entries of a period use. It is updated while more actions are posted."""

    def __init__(self, entries: Iterable[Entry], catalog: Catalog, calendar: Calendar) -> None:
        self._catalog = catalog
        self._calendar = calendar
        self._units: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        self._points: defaultdict[tuple[str, str], int] = defaultdict(int)
        for entry in entries:
            self._count(entry)

    def award(self, action: Action, recorded_at: int) -> Entry:
        rule = self._catalog.action_types[action.type]
        multiplier, campaign = self._catalog.best_multiplier(action.type, self._calendar.day_of(action.occurred_at))
        points, units, reason = self._pay(action, rule, multiplier)
        entry = Entry(
            type=action.type,
            quantity=action.quantity,
            occurred_at=action.occurred_at,
            recorded_at=recorded_at,
            points=points,
            avoided_g=action.quantity * rule.avoided_g.value,
            units=units,
            rule=self._catalog.versions.get(action.type, 0),
            reason=reason,
            campaign=campaign,
        )
        self._count(entry)
        return entry

    def release(self, entry: Entry) -> None:
        """Free the part of each cap that an entry used."""
        self._count(replace(entry, points=-entry.points, units=-entry.units))

    def _pay(self, action: Action, rule: ActionType, multiplier: Decimal) -> tuple[int, Decimal, str]:
        """Return the points, the units that earn them, and why a cap withheld points; the reason is empty if none did.

        Points are rounded down, so reporting one action as several smaller ones never earns more.
        """
        if rule.points is None:
            return 0, ZERO, ""
        units = action.quantity if rule.points.per == "unit" else Decimal(1)
        reason = ""
        for cap, window in self._caps(rule, action.occurred_at):
            if cap.units is not None and units > (left := max(ZERO, cap.units - self._units[action.type, window])):
                units, reason = left, "over_units_cap"
        points = int((units * rule.points.value * multiplier).to_integral_value(ROUND_FLOOR))
        for cap, window in self._caps(rule, action.occurred_at):
            if cap.points is not None and points > (room := max(0, cap.points - self._points[action.type, window])):
                points, reason = room, "over_points_cap"
        return points, units, reason

    def _caps(self, rule: ActionType, occurred_at: int) -> Iterator[tuple[Cap, str]]:
        for cap in rule.caps:
            yield cap, self._calendar.window_of(occurred_at, cap.window)

    def _count(self, entry: Entry) -> None:
        rule = self._catalog.action_types.get(entry.type)
        if rule is None:
            return
        for window in {window for _, window in self._caps(rule, entry.occurred_at)}:
            self._units[entry.type, window] += entry.units
            self._points[entry.type, window] += entry.points
