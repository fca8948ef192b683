"""Screening: checks the actions and reversals that an app reports, and says why one is refused."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar

from saxaul.catalog.calendar import CLOCK_SKEW, Calendar
from saxaul.catalog.entries import ActionType, Catalog, Facility, checked_phrase
from saxaul.catalog.faults import error_sentence, shortened
from saxaul.catalog.models import (
    AfterValidator,
    BeforeValidator,
    Described,
    Field,
    Model,
    ValidationError,
    ValidationInfo,
    exactly_one,
    field_validator,
    model_validator,
)
from saxaul.catalog.sentences import counted
from saxaul.ledger.actions import QUANTITY_STEP, Action, Owner, RefusalReason, Reversal
from saxaul.ledger.identifiers import EntryId, Id, Moment, Reason, is_identifier

REVERSAL_DAYS = 366
"""How many days after an action an app can reverse it.

The limit stops apps from filling old periods with reversals of actions that do not exist.
"""

SHOWN_CHARACTERS = 64
"""How many characters of an identifier the detail of a refusal shows."""

_PLAIN_DECIMAL = re.compile(r"[0-9]{1,32}(\.[0-9]{1,32})?")


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """A refused action or reversal: its index in the request, and the reason. A ``code`` never changes its meaning.

    ``action_id`` is as the app sent it, but cut if it is too long to be an identifier.
    """

    index: int
    action_id: str | None
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class FlaggedItem:
    """An action that was accepted, but counts only in part: its index in the request, and the reason."""

    index: int
    action_id: str
    code: str
    detail: str


class Screened(NamedTuple):
    """The actions of a request that can be posted, those that are refused, and those that count only in part."""

    accepted: list[Action]
    refused: list[RefusedItem]
    flagged: list[FlaggedItem]


Accepted = TypeVar("Accepted", Action, Reversal)


def _plain_number(value: object) -> object:
    if isinstance(value, bool) or (isinstance(value, str) and not _PLAIN_DECIMAL.fullmatch(value)):
        raise ValueError('a number is required, or its digits as text, such as 12.5 or "12.5"')
    return value


ReportedQuantity = Annotated[
    Decimal,
    Field(allow_inf_nan=False),
    BeforeValidator(_plain_number),
    Described({"type": ["number", "string"], "pattern": f"^{_PLAIN_DECIMAL.pattern}$"}),
]
"""A JSON number; or text that consists of the ASCII digits 0 to 9 and at most one decimal point between them.

The text has no sign, space or underscore.
"""


class _Reported(Model):
    """The fields that a reported action and a reported reversal share. They identify the action."""

    json_schema = exactly_one("user_id", "facility_id")

    action_id: Id
    """The id of the action, which the app chooses."""
    user_id: Id | None = None
    """The person who did it."""
    facility_id: Id | None = None
    """The facility that did it. It must be in the catalog."""
    occurred_at: Moment
    """When it happened."""

    @model_validator
    def _one_owner(self) -> Self:
        if (self.user_id is None) == (self.facility_id is None):
            raise ValueError("exactly one of user_id and facility_id is required")
        return self

    @property
    def owner(self) -> Owner:
        return Owner("facility", self.facility_id) if self.facility_id else Owner("user", self.user_id or "")


class ReportedAction(_Reported):
    """One action as an app sends it."""

    type: Annotated[str, Field(strict=True, max_length=64)]
    """The id of an action type, such as `bus_ride`."""
    quantity: ReportedQuantity
    """How much was done, in the unit of the action type, from its `min_quantity` to its `max_quantity`. A text has
    digits and at most one decimal point. The quantity is rounded to six decimals."""
    mode: Literal["single", "total"] = "single"
    """Whether the quantity is that of one action, or the running total of the day."""
    evidence_id: Annotated[Id | None, Field(validate_default=True)] = None
    """What proves the action, such as a ticket, a trip or an order. A running total cannot have it."""

    @field_validator("evidence_id")
    @classmethod
    def _totals_prove_nothing(cls, evidence_id: str | None, info: ValidationInfo) -> str | None:
        if evidence_id is not None and info.data.get("mode") == "total":
            raise ValueError("a running total cannot have an evidence_id; report the action with mode single")
        return evidence_id


class ReportedReversal(_Reported):
    """One reversal as an app sends it."""

    reason: Annotated[Reason, AfterValidator(checked_phrase)]
    """Why the action is reversed. It has a visible character, and no control characters, such as line breaks."""


class OperatorsReversal(ReportedReversal):
    """One reversal of an app's action as an operator sends it. It may name a sum of actions."""

    action_id: EntryId
    """The id of the action, which the app chose; or what names a sum, as `make app-actions` lists it."""


MayReport = Callable[[Owner], bool]
"""Says whether the app may report and reverse the actions of an owner."""


def anyone(owner: Owner) -> bool:  # noqa: ARG001 - for any owner
    """Let an app report for everyone, as first-party apps do."""
    return True


def screen(
    app: str,
    reported: Sequence[object],
    catalog: Catalog,
    calendar: Calendar,
    now: int,
    may_report: MayReport = anyone,
) -> Screened:
    """Split the reported actions into those that can be posted and those that are refused, with the reasons.

    The accepted actions have the terms of their award, from this catalog.

    An action is refused if an earlier one of the same request has its id and other content. Repeats of actions in
    earlier requests are found when they are posted.
    """
    earlier: dict[tuple[Owner, str], Action] = {}

    def screened(candidate: object) -> Action | RefusalReason:
        action = _screen_one(app, candidate, catalog, calendar, now)
        if isinstance(action, RefusalReason):
            return action
        if not may_report(action.owner):
            return _not_granted(app)
        first = earlier.setdefault((action.owner, action.action_id), action)
        if first == action or _is_later_total(first, action, calendar):
            return action
        return RefusalReason(
            "conflicting_action", "An earlier action of this request has the same action_id and other content."
        )

    accepted, refused = _split(reported, screened)
    return Screened([action for _, action in accepted], refused, list(_flagged(accepted, catalog)))


def accepted_places(size: int, refused: Sequence[RefusedItem]) -> list[int]:
    """Return the places of the accepted items of a request with ``size`` items, in order."""
    others = {item.index for item in refused}
    return [place for place in range(size) if place not in others]


def _flagged(accepted: Sequence[tuple[int, Action]], catalog: Catalog) -> Iterator[FlaggedItem]:
    """Yield the actions of facilities that are more than what is plausible for a day."""
    for index, action in accepted:
        if action.is_implausible and action.plausible is not None:
            unit = catalog.action_types[action.type].unit
            detail = f"The public totals count at most {action.plausible.normalize():f} {unit} of a day."
            yield FlaggedItem(index, action.action_id, "over_plausible_quantity", detail)


def _is_later_total(first: Action, action: Action, calendar: Calendar) -> bool:
    """Return whether both actions report the running total of the same type and day."""
    return (
        first.is_total
        and action.is_total
        and first.type == action.type
        and calendar.day_of(first.occurred_at) == calendar.day_of(action.occurred_at)
    )


def persons_in(reported: Sequence[object]) -> set[str]:
    """Return the user ids of all reported items that have one, also of items that are refused for another reason."""
    named = (candidate.get("user_id") for candidate in reported if isinstance(candidate, dict))
    return {user_id for user_id in named if isinstance(user_id, str) and is_identifier(user_id)}


def _not_granted(app: str) -> RefusalReason:
    return RefusalReason("not_granted", f"This person has no grant that lets {app} report; ask the person for one.")


def screen_reversals(
    app: str,
    reported: Sequence[object],
    now: int,
    is_summed: Callable[[Reversal], bool] = lambda _: False,
    may_report: MayReport = anyone,
    facilities: Mapping[str, Facility] | None = None,
    *,
    model: type[ReportedReversal] = ReportedReversal,
) -> tuple[list[Reversal], list[RefusedItem]]:
    """Split the reported reversals into valid and refused ones. Whether their actions exist is checked when posting.

    ``is_summed`` says of a valid reversal whether its action was added to a sum. Such an action cannot be reversed.
    ``facilities`` are those of the catalog. If it is None, the facilities of the reversals are not checked. ``model``
    is what the sender may send.
    """

    def screened(candidate: object) -> Reversal | RefusalReason:
        reversal = _screen_reversal(app, candidate, now, model)
        if not isinstance(reversal, Reversal):
            return reversal
        if not may_report(reversal.owner):
            return _not_granted(app)
        if facilities is not None and (refusal := _facility_refusal(app, reversal.owner, facilities)):
            return refusal
        if is_summed(reversal):
            detail = "The app had used up its share of the period, so the action was added to a sum and stays."
            return RefusalReason("summed", detail)
        return reversal

    accepted, refused = _split(reported, screened)
    return [reversal for _, reversal in accepted], refused


def _split(
    reported: Sequence[object], verdict_on: Callable[[object], Accepted | RefusalReason]
) -> tuple[list[tuple[int, Accepted]], list[RefusedItem]]:
    """Return the accepted items with their indexes, and the refused ones."""
    accepted: list[tuple[int, Accepted]] = []
    refused: list[RefusedItem] = []
    for index, candidate in enumerate(reported):
        verdict = verdict_on(candidate)
        if isinstance(verdict, RefusalReason):
            refused.append(RefusedItem(index, _action_id_of(candidate), verdict.code, verdict.detail))
        else:
            accepted.append((index, verdict))
    return accepted, refused


def _screen_reversal(app: str, candidate: object, now: int, model: type[ReportedReversal]) -> Reversal | RefusalReason:
    try:
        reported = model.model_validate(candidate)
    except ValidationError as error:
        return RefusalReason("invalid_reversal", error_sentence(error))
    occurred_at = int(reported.occurred_at.timestamp())
    if occurred_at > now + CLOCK_SKEW:
        return RefusalReason("in_future", "occurred_at is in the future.")
    if occurred_at < now - REVERSAL_DAYS * 86_400:
        return RefusalReason("too_old", f"An action can only be reversed within {REVERSAL_DAYS} days.")
    return Reversal(app, reported.owner, reported.action_id, reported.reason, occurred_at)


def _screen_one(app: str, candidate: object, catalog: Catalog, calendar: Calendar, now: int) -> Action | RefusalReason:
    try:
        reported = ReportedAction.model_validate(candidate)
    except ValidationError as error:
        return RefusalReason("invalid_action", error_sentence(error))
    rule = catalog.action_types.get(reported.type)
    if rule is None:
        return RefusalReason("unknown_type", f"There is no action type {shortened(repr(reported.type))}.")
    if (rule.actor == "facility") != (reported.owner.kind == "facility"):
        return RefusalReason("wrong_owner", f"{reported.type} can only be reported for a {rule.actor}.")
    if refusal := _facility_refusal(app, reported.owner, catalog.facilities, reported.type):
        return refusal
    if not rule.min_quantity <= reported.quantity <= rule.max_quantity:
        limits = f"at least {rule.min_quantity.normalize():f} and at most {rule.max_quantity.normalize():f} {rule.unit}"
        return RefusalReason("quantity_out_of_range", f"The quantity must be {limits}.")
    occurred_at = int(reported.occurred_at.timestamp())
    if untimely := _time_refusal(rule, occurred_at, calendar, now):
        return untimely
    return Action(
        app=app,
        owner=reported.owner,
        action_id=reported.action_id,
        type=reported.type,
        quantity=reported.quantity.quantize(QUANTITY_STEP).normalize(),
        occurred_at=occurred_at,
        is_total=reported.mode == "total",
        evidence_id=reported.evidence_id or "",
    ).on_terms_of(catalog, calendar)


def _facility_refusal(
    app: str, owner: Owner, facilities: Mapping[str, Facility], action_type: str | None = None
) -> RefusalReason | None:
    """Return why an app may not report this type for a facility. For a reversal, the type is not known."""
    if owner.kind != "facility":
        return None
    facility, shown = facilities.get(owner.id), cut(owner.id)
    if facility is None:
        return RefusalReason("unknown_facility", f"There is no facility {shown!r}.")
    if facility.app != app:
        return RefusalReason("not_your_facility", f"Another app reports the actions of the facility {shown!r}.")
    if action_type is not None and action_type not in facility.plausible_a_day:
        detail = f"The facility {shown!r} has no plausible quantity of {action_type} in the catalog."
        return RefusalReason("wrong_type_for_facility", detail)
    return None


def cut(identifier: str) -> str:
    """Return an identifier as a message shows it. The catalog has no longer ones."""
    return identifier if len(identifier) <= SHOWN_CHARACTERS else f"{identifier[:SHOWN_CHARACTERS]}…"


def _time_refusal(rule: ActionType, occurred_at: int, calendar: Calendar, now: int) -> RefusalReason | None:
    if calendar.is_in_future(occurred_at, now):
        return RefusalReason("in_future", "occurred_at is in the future.")
    if calendar.is_too_old(occurred_at, now):
        within = counted(calendar.acceptance_days, "day")
        return RefusalReason("too_old", f"An action can only be reported within {within}.")
    if rule.is_retired_on(calendar.day_of(occurred_at)):
        return RefusalReason(
            "retired_type", f"This action type is retired for actions that occur on or after {rule.retired_from}."
        )
    return None


def _action_id_of(candidate: Any) -> str | None:  # noqa: ANN401 - any JSON value that the app sent
    action_id = candidate.get("action_id") if isinstance(candidate, dict) else None
    return shortened(action_id) if isinstance(action_id, str) else None
