"""Actions, such as a bus ride, as apps report them.

``(app, owner, action_id)`` identifies an action. From its quantity, Saxaul computes the points and the avoided grams.
An action never changes, with one exception: a running total, such as that of a step counter, may be reported again and
again in the course of its day, and its highest quantity counts.
"""

from decimal import Decimal
from typing import Literal, NamedTuple, Self

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import AMOUNT_DECIMALS, Catalog

QUANTITY_STEP = Decimal(1).scaleb(-AMOUNT_DECIMALS)
"""Quantities are rounded to a millionth of their unit, half to even."""


class Owner(NamedTuple):
    """The owner of an action: a person, or a facility of the programme, such as a data centre."""

    kind: Literal["user", "facility"]
    id: str


class Reversal(NamedTuple):
    """The reversal of an action by its app. It may arrive before the action.

    ``occurred_at`` is the action's time. ``receipt`` is the mark of the call's receipt; empty if there is none.
    """

    app: str
    owner: Owner
    action_id: str
    reason: str
    occurred_at: int
    receipt: str = ""


class Withdrawal(NamedTuple):
    """The instruction that an entry must not count, because its action id was reported before with another date.

    Attributes:
        window: the window of the period that holds the entry.
        is_lifted: whether an earlier withdrawal of the entry ends, because the action that was reported before was
            reversed.
    """

    app: str
    owner: Owner
    action_id: str
    window: str
    is_lifted: bool = False


class Action(NamedTuple):
    """An action that an app reported.

    Attributes:
        quantity: in the type's unit.
        occurred_at: an instant in seconds.
        is_total: whether the quantity is a running total of the day, of which the highest report counts.
        evidence_id: what proves the action, such as a ticket; empty if nothing does.
        rule: the version of the action type that was in effect when the action was accepted.
        run, multiplier: the run of the campaign that multiplied the points on the action's day, and by how much,
            according to the catalog at acceptance; empty and 1 if there was none.
        plausible: for a facility, the most of its quantity of this type and day that counts; None for a person, whose
            limit the action type has.
        receipt: the mark of the receipt of the call that reported the action; empty if there is none.
    """

    app: str
    owner: Owner
    action_id: str
    type: str
    quantity: Decimal
    occurred_at: int
    is_total: bool = False
    evidence_id: str = ""
    rule: int = 0
    run: str = ""
    multiplier: Decimal = Decimal(1)
    plausible: Decimal | None = None
    receipt: str = ""

    def on_terms_of(self, catalog: Catalog, calendar: Calendar) -> Self:
        """Return the action with the terms of its award, which are those of the catalog at acceptance."""
        multiplier, run = catalog.best_multiplier(self.type, calendar.day_of(self.occurred_at))
        facility = catalog.facilities.get(self.owner.id) if self.owner.kind == "facility" else None
        return self._replace(
            rule=catalog.versions.get(self.type, 0),
            run=run,
            multiplier=multiplier,
            plausible=facility.plausible_a_day[self.type].value if facility else None,
        )

    @property
    def is_implausible(self) -> bool:
        """Whether the action of a facility alone is more than what is plausible for its day."""
        return self.plausible is not None and self.quantity > self.plausible


class RefusalReason(NamedTuple):
    """Why an action, a reversal or a partner's report is refused: a problem code, and a sentence for people."""

    code: str
    detail: str
