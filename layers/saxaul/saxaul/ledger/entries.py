"""Entries: accepted actions in a period, with what each one is worth."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, Self

from saxaul.catalog.calendar import Calendar
from saxaul.ledger.actions import Action

ZERO = Decimal(0)
ONE = Decimal(1)

Void = Literal["", "same_evidence", "repeated_id"]
"""Why an entry does not count, although its app did not reverse it. Empty: it counts.

``same_evidence``: another action with the same evidence_id counts. The person earns more with it, or it was recorded
first and the person earns as much.
``repeated_id``: the app had reported the same action_id before, with another date, and has not reversed that action.
"""

CUTS = frozenset({"over_units_cap", "over_points_cap"})
"""The reasons of an entry whose points a cap cut."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An accepted action in a period, or the sum of several actions of an app that had used up its share.

    Attributes:
        quantity: the quantity that the app reported, in the type's unit.
        occurred_at, recorded_at: when the action happened, and when it was posted; instants in seconds. For a sum,
            those of its first action. A running total keeps the time at which it was first posted.
        rule: the version of the action type by which the entry is awarded, now and after each change of the period: the
            one in effect when the action was accepted. A running total keeps that of the report that was posted first.
        run, multiplier: the run of the campaign that multiplies the points, such as ``earth-hour@2026-03-28``, and
            by how much; empty and 1 if there is none.
        plausible: for a facility, the most of its quantity of this type and day that counts; None for a person.
        is_total: whether the quantity is a running total of the day.
        evidence_id: what proves the action; empty if nothing does.
        summed: how many actions a sum adds up; 0 if the entry is one action.
        wanted: for a sum, how many units would earn points if there were no caps.
        points: the points that the entry earns.
        units: how much of the quantity earns points. Caps in units count this.
        counted: how much of the quantity counts toward grams and public totals; less if more is not plausible.
        avoided_g: grams of CO2e avoided by the counted quantity. A cap withholds points, but never grams.
        reason: why it earns fewer points than its quantity is worth; empty if it earns all of them.
        void: why the entry does not count; empty if it does.
        reversal: why the app reversed the action; empty if it did not.
        conflicted: whether the app sent the same action_id again with different content.
        contested: whether actions that use other caps claim the same evidence.
        receipt: the mark of the receipt under which the entry first came; empty for a sum.
        raised_by: the mark of the receipt that last raised the running total, if that is another one.
        reversed_by: the mark of the receipt that reversed the action.
    """

    type: str
    quantity: Decimal
    occurred_at: int
    recorded_at: int
    rule: int = 0
    run: str = ""
    multiplier: Decimal = ONE
    plausible: Decimal | None = None
    is_total: bool = False
    evidence_id: str = ""
    summed: int = 0
    wanted: Decimal = ZERO
    points: int = 0
    units: Decimal = ZERO
    counted: Decimal = ZERO
    avoided_g: Decimal = ZERO
    reason: str = ""
    void: Void = ""
    reversal: str = ""
    conflicted: bool = False
    contested: bool = False
    receipt: str = ""
    raised_by: str = ""
    reversed_by: str = ""

    @classmethod
    def of(cls, action: Action, recorded_at: int) -> Self:
        """Return the entry for a new action, before it is awarded."""
        return cls(
            type=action.type,
            quantity=action.quantity,
            occurred_at=action.occurred_at,
            recorded_at=recorded_at,
            rule=action.rule,
            run=action.run,
            multiplier=action.multiplier,
            plausible=action.plausible,
            is_total=action.is_total,
            evidence_id=action.evidence_id,
            receipt=action.receipt,
        )

    @property
    def counts(self) -> bool:
        """Whether the entry earns points and avoids grams: it is neither reversed nor void."""
        return not self.reversal and not self.void

    @property
    def actions(self) -> int:
        """How many actions the entry stands for."""
        return self.summed or 1

    @property
    def is_withheld(self) -> bool:
        """Whether the entry counts, but a cap or its size left it without points."""
        return bool(self.reason) and not self.points and self.counts

    @property
    def is_over_plausible(self) -> bool:
        """Whether the entry counts, but not all of its quantity: more is not plausible for its day."""
        return self.counts and self.counted < self.quantity

    @property
    def is_cut(self) -> bool:
        """Whether a cap cut the points of the entry."""
        return self.reason in CUTS

    def matches(self, action: Action) -> bool:
        """Whether the entry has the same content as the action."""
        return (self.type, self.quantity, self.occurred_at, self.is_total, self.evidence_id) == (
            action.type,
            action.quantity,
            action.occurred_at,
            action.is_total,
            action.evidence_id,
        )

    def came_under(self, receipt: str) -> bool:
        """Whether the receipt with this mark reported the entry: as the first one, or as the last that raised it."""
        return bool(receipt) and receipt in (self.receipt, self.raised_by)

    def is_total_of(self, action: Action, calendar: Calendar) -> bool:
        """Whether the entry and the action report the running total of the same type and day."""
        return (
            self.is_total
            and action.is_total
            and self.type == action.type
            and calendar.day_of(self.occurred_at) == calendar.day_of(action.occurred_at)
        )

    def without_award(self) -> Self:
        """Return the entry with no points, grams or units, because it does not count."""
        if not self.points and not self.units and not self.counted and not self.reason:
            return self
        return replace(self, points=0, units=ZERO, counted=ZERO, avoided_g=ZERO, reason="")


def entry_name(app: str, action_id: str) -> str:
    """Return the name of an entry in its period, ``<app>:<action_id>``."""
    return f"{app}:{action_id}"


def app_of(name: str) -> str:
    return name.partition(":")[0]
