"""Periods. A period holds the entries (accepted actions) of one owner in one window: a day, a month or a year.

To post an action means to record it in a period. The period holds all data that this needs, so one conditional write
suffices: the names of the entries show whether the action was already posted, and their values show how much of each
cap is left. Posting is a pure function. If a concurrent write won, the worker posts the actions again, to the period
that is stored now.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import ActionType, Catalog
from saxaul.ledger.actions import Action, Owner, Reversal
from saxaul.ledger.awards import (
    Terms,
    Usage,
    award_in_order,
    in_award_order,
    points_in_order,
    wanted_units,
    with_award,
)
from saxaul.ledger.early import EarlyReversal
from saxaul.ledger.entries import ZERO, Entry, Void, app_of, entry_name
from saxaul.ledger.shares import (
    DIGEST_BYTES,
    MAX_APPS,
    Share,
    can_be_summed,
    digest,
    has_digest,
    open_sum_name,
    shares_of,
)

MAX_FULL = 2 * MAX_APPS
"""The most apps that a period names in ``full``. Apps beyond the first 16 have no share, but are named there too."""


class PeriodKey(NamedTuple):
    """The key of a period: its owner and its window."""

    owner: Owner
    window: str


@dataclass(frozen=True)
class Period:
    """The entries of one owner in one window, by name, in the order in which they were recorded.

    An unstored period has version 0.

    Attributes:
        digests: by app, the digests of the names of actions that were added to sums.
        full: the apps that reported an action for which their share had no room. Such actions earn nothing.
        awaited: the apps that reversed an action of this window before the action arrived. Their reversals are stored
            in an item of their own (see ``ledger/early.py``).
        stored: by name, the entries that were read, each with the form in which it is stored. Only storage uses this,
            so that it converts no entry again that has not changed.
    """

    key: PeriodKey
    entries: Mapping[str, Entry] = field(default_factory=dict)
    version: int = 0
    digests: Mapping[str, bytes] = field(default_factory=dict)
    full: frozenset[str] = frozenset()
    awaited: frozenset[str] = frozenset()
    stored: Mapping[str, tuple[Entry, dict[str, object]]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def window(self) -> str:
        return self.key.window

    @property
    def points(self) -> int:
        return sum(entry.points for entry in self.entries.values())

    @property
    def avoided_g(self) -> Decimal:
        return sum((entry.avoided_g for entry in self.entries.values()), ZERO)

    def sums_up(self, name: str) -> bool:
        """Whether the action with this name was added to a sum, so that it cannot be reversed."""
        return has_digest(self.digests.get(app_of(name), b""), name)

    def over_plausible(self) -> set[str]:
        """Return the names of the entries of which not all counts, because more is not plausible for their day."""
        return {name for name, entry in self.entries.items() if entry.is_over_plausible}

    def ripe_points(self, calendar: Calendar, now: int) -> int:
        """Return the points that may be harvested at ``now``."""
        return sum(e.points for e in self.entries.values() if e.points and calendar.ripens_at(e.occurred_at) <= now)


class Posted(NamedTuple):
    """The result of posting: the period, and the number of actions and reversals by outcome.

    If nothing changed, ``period`` is the same object as before. PeriodDraft describes the outcomes.
    """

    period: Period
    outcomes: Counter[str]


def period_of(action: Action, rule: ActionType, calendar: Calendar) -> PeriodKey:
    """Return the period that an action belongs to. ``rule`` is any version of its type.

    All versions of a type have the same window (``ActionType.forbidden_changes``). So a repeat of an action finds the
    action in its period, even if the repeat was accepted under another version.
    """
    return PeriodKey(action.owner, calendar.window_of(action.occurred_at, rule.window))


def post(
    period: Period,
    actions: Iterable[Action],
    catalog: Catalog,
    calendar: Calendar,
    recorded_at: int,
    reversals: Iterable[Reversal] = (),
) -> Posted:
    """Post actions, and then reversals, to the period that they belong to. Unchanged repeats change nothing.

    The actions are accepted and posted with the same catalog. This suffices for actions without evidence and without
    early reversals, in a period whose entries were all accepted under the versions in this catalog. The accrual service
    handles the other cases with PeriodDraft.
    """
    draft = PeriodDraft(period, Terms.of_catalog(catalog, calendar), recorded_at)
    outcomes = [draft.post(action.on_terms_of(catalog, calendar)) for action in actions]
    outcomes += [draft.reverse(reversal) for reversal in reversals]
    return Posted(draft.posted(), Counter(outcomes))


class PeriodDraft:
    """A period while actions are posted to it.

    The outcomes of an action are ``posted`` (it became an entry), ``summed`` (it was added to a sum), ``raised`` (a
    running total grew), ``replayed`` (a repeat), ``redelivered`` (a repeat under the same receipt), ``conflicted`` (a
    repeat with different content) and ``unrecorded`` (the app's share has no room).
    """

    def __init__(self, period: Period, terms: Terms, recorded_at: int) -> None:
        self._period = period
        self._terms = terms
        self._recorded_at = recorded_at
        self._entries = dict(period.entries)
        self._digests = dict(period.digests)
        self._full = set(period.full)
        self._awaited = set(period.awaited)
        self._shares: dict[str, Share] | None = None
        self._usages: dict[str, Usage] = {}
        self._unsettled: set[str] = set()
        self._changed: set[str] = set()
        self._freed: set[str] = set()
        self._must_write = False

    @property
    def key(self) -> PeriodKey:
        return self._period.key

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The entries by name. Those that ``posted`` has yet to award have old or no points."""
        return self._entries

    def sums_up(self, name: str) -> bool:
        return has_digest(self._digests.get(app_of(name), b""), name)

    def awaits(self, app: str) -> bool:
        """Return whether the app has reversed actions of this window that had not arrived."""
        return app in self._awaited

    def post(self, action: Action, early: EarlyReversal | None = None) -> str:
        """Post an action, and return the outcome. ``early`` is its reversal, if that arrived before it."""
        name = entry_name(action.app, action.action_id)
        known = self._entries.get(name)
        if known is None:
            return "replayed" if self.sums_up(name) else self._post_new(name, action, early)
        if known.is_total_of(action, self._terms.calendar):
            return self._raise_total(name, known, action)
        if known.matches(action):
            return _repeated(known, action)
        self._entries[name] = replace(known, conflicted=True)
        return "conflicted"

    def reverse(self, reversal: Reversal) -> str:
        """Reverse an action, and return the outcome.

        It is ``reversed``, ``redelivered`` (reversed before under the same receipt), ``replayed``, ``summed`` or
        ``unknown``. An action that was added to a sum cannot be reversed by itself, but a reversal may name the whole
        sum. If what it names is unknown, nothing changes.
        """
        name = entry_name(reversal.app, reversal.action_id)
        known = self._entries.get(name)
        if known is None:
            return "summed" if self.sums_up(name) else "unknown"
        if known.reversal:
            return "redelivered" if reversal.receipt and known.reversed_by == reversal.receipt else "replayed"
        reason = self._share_of(reversal.app).add_reason(known, reversal.reason)
        self._replace(name, replace(known, reversal=reason, reversed_by=reversal.receipt))
        self._freed.add(known.type)
        return "reversed"

    def void(self, name: str, why: Void) -> None:
        """Let an entry not count any more, or count again if ``why`` is empty."""
        entry = self._entries[name]
        if entry.void != why:
            self._replace(name, replace(entry, void=why))
            if why:
                self._freed.add(entry.type)

    def contest(self, name: str) -> None:
        """Note that actions that use other caps claim the same evidence as this entry."""
        self._entries[name] = replace(self._entries[name], contested=True)

    def contested_evidence(self) -> set[str]:
        """Return the contested evidence whose entries may earn more or less than before.

        These are the entries of a type that has changed entries, if a cap cuts or did cut entries of the type; and the
        void entries of a type of which an entry stopped counting, because they may use what it has freed.
        """
        if not any(e.contested for e in self._entries.values()):
            return set()
        self._settle()
        contested = self._contested()
        capped = {e.type for e in (*self._period.entries.values(), *self._entries.values()) if e.is_cut}
        cut = self._changed & capped
        return {e.evidence_id for e in contested if e.type in cut or (e.void and e.type in self._freed)}

    def contested_of(self, types: Collection[str]) -> set[str]:
        """Return the contested evidence of entries of these types."""
        return {e.evidence_id for e in self._contested() if e.type in types}

    def _contested(self) -> list[Entry]:
        """Return the entries that claim contested evidence. A reversed or withdrawn one claims nothing any more."""
        return [e for e in self._entries.values() if e.contested and not e.reversal and e.void != "repeated_id"]

    def unkept_claims(self, evidence_id: str, kept: Collection[str]) -> list[str]:
        """Return the names of entries that claim an evidence, but whose claims are not among those that are kept."""
        return [
            name
            for name, e in self._entries.items()
            if e.evidence_id == evidence_id and e.void == "same_evidence" and not e.reversal and name not in kept
        ]

    def points_if(self, counting: Collection[str], of: Collection[str]) -> int:
        """Return the points of all types of the entries ``of``, if only the entries ``counting`` of these count."""
        types = {self._entries[name].type for name in of}
        left = {
            name: replace(entry, void="") if name in counting else entry
            for name, entry in self._entries.items()
            if name in counting or (entry.counts and name not in of)
        }
        return sum(
            points_in_order((entry for _, entry in in_award_order(left, action_type)), self._terms)
            for action_type in types
        )

    def await_action(self, app: str) -> None:
        """Note that the app has reversed an action that has not arrived.

        The period gets a new version even if it awaits other actions of the app already. So a worker that posts the
        action at the same time, and has not seen the reversal, loses the race.
        """
        self._awaited.add(app)
        self._must_write = True

    def has_slot_for(self, app: str) -> bool:
        """Return whether the app may use the period: it does already, or fewer than 16 apps do."""
        apps = self._all_shares().keys() | self._digests.keys() | self._awaited
        return app in apps or len(apps) < MAX_APPS

    def posted(self) -> Period:
        """Return the period with everything posted to it; the same object as before if nothing changed."""
        self._settle()
        changed = replace(
            self._period,
            entries=dict(self._entries),
            digests=dict(self._digests),
            full=frozenset(self._full),
            awaited=frozenset(self._awaited),
        )
        is_same = changed == self._period and list(changed.entries) == list(self._period.entries)
        return self._period if is_same and not self._must_write else changed

    def _post_new(self, name: str, action: Action, early: EarlyReversal | None) -> str:
        if not self.has_slot_for(action.app):
            return self._leave_out(action.app)
        entry = Entry.of(action, self._recorded_at)
        usage = self._usage_of(action.type)
        award = usage.award(entry)
        if early:
            entry = awarded = replace(entry, reversal=early.reason, reversed_by=early.receipt)
        else:
            awarded = with_award(entry, award, self._terms)
        share = self._share_of(action.app)
        if not share.has_room_for(name, awarded):
            return self._add_to_sum(name, entry)
        if awarded.counts:
            usage.add(award)
        share.add(name, awarded)
        self._entries[name] = awarded
        self._changed.add(action.type)
        if any(entry.summed and entry.type == action.type for entry in self._entries.values()):
            self._unsettled.add(action.type)  # sums are awarded after this entry
        return "posted"

    def _raise_total(self, name: str, known: Entry, action: Action) -> str:
        """Raise a running total. It is then awarded as if it were recorded now, after the entries of other apps.

        It keeps the terms of the report that was posted first. So its points never fall because it grows.
        """
        if action.quantity <= known.quantity:
            return _repeated(known, action)
        del self._entries[name]
        raised_by = action.receipt if action.receipt != known.receipt else ""
        raised = replace(known, quantity=action.quantity, occurred_at=action.occurred_at, raised_by=raised_by)
        self._replace(name, raised)
        return "raised"

    def _add_to_sum(self, name: str, entry: Entry) -> str:
        app = app_of(name)
        digests = self._digests.get(app, b"")
        if not can_be_summed(entry) or len(digests) >= DIGEST_BYTES:
            return self._leave_out(app)
        if entry.counts:
            day = self._terms.calendar.windows_of(entry.occurred_at)[0]
            into = open_sum_name(app, day, entry, self._entries)
            so_far = self._entries.get(into)
            if so_far is None and not self._share_of(app).has_room_for_sum(entry):
                return self._leave_out(app)
            self._entries[into] = self._summed(so_far, entry)
            self._unsettled.add(entry.type)
            self._changed.add(entry.type)
            if so_far is None:
                self._share_of(app).add(into, self._entries[into])
        self._digests[app] = digests + digest(name)
        return "summed"

    def _summed(self, so_far: Entry | None, entry: Entry) -> Entry:
        wanted, _ = wanted_units(entry, self._terms.rule(entry.type, entry.rule))
        if so_far is None:
            return replace(entry, summed=1, wanted=wanted, receipt="")
        return replace(
            so_far,
            quantity=so_far.quantity + entry.quantity,
            summed=so_far.summed + 1,
            wanted=so_far.wanted + wanted,
        )

    def _leave_out(self, app: str) -> str:
        if len(self._full) < MAX_FULL:
            self._full.add(app)
        return "unrecorded"

    def _replace(self, name: str, entry: Entry) -> None:
        """Replace an entry by one that is awarded when all else is posted."""
        self._entries[name] = entry
        self._unsettled.add(entry.type)
        self._changed.add(entry.type)
        self._usages.pop(entry.type, None)

    def _usage_of(self, action_type: str) -> Usage:
        """Return how much of the caps the entries of a type use, without the sums.

        Entries that ``posted`` has yet to award are awarded here.
        """
        if action_type not in self._usages:
            counting = [
                entry
                for entry in self._entries.values()
                if entry.type == action_type and entry.counts and not entry.summed
            ]
            awarded = award_in_order(counting, self._terms) if action_type in self._unsettled else counting
            self._usages[action_type] = Usage.of_awarded(awarded, self._terms)
        return self._usages[action_type]

    def _share_of(self, app: str) -> Share:
        return self._all_shares().setdefault(app, Share())

    def _all_shares(self) -> dict[str, Share]:
        if self._shares is None:
            self._shares = shares_of(self._entries.items())
        return self._shares

    def _settle(self) -> None:
        """Award the entries of each type that has changed entries, or sums that come after new entries."""
        for action_type in self._unsettled:
            found = in_award_order(self._entries, action_type)
            awarded = award_in_order((entry for _, entry in found), self._terms)
            self._entries.update(zip((name for name, _ in found), awarded, strict=True))
        self._unsettled.clear()


def _repeated(known: Entry, action: Action) -> str:
    return "redelivered" if known.came_under(action.receipt) else "replayed"
