"""Actions, such as a bus ride, as apps report them.

``(app, owner, action_id)`` identifies an action. From its quantity, Saxaul computes the points and the avoided grams.
An action never changes, with one exception: a running total, such as that of a step counter, may be reported again and
again in the course of its day, and its highest quantity counts.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from saxaul.catalog.calendar import CLOCK_SKEW, Calendar
from saxaul.catalog.entries import AMOUNT_DECIMALS, ActionType, Catalog
from saxaul.catalog.faults import error_lines

REVERSAL_DAYS = 366
"""How many days after an action an app can reverse it.

The limit stops apps from filling old periods with reversals of actions that do not exist.
"""

QUANTITY_STEP = Decimal(1).scaleb(-AMOUNT_DECIMALS)
"""Quantities are rounded to a millionth of their unit, half to even."""

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE | re.ASCII)
_PLAIN_DECIMAL = re.compile(r"[0-9]{1,32}(\.[0-9]{1,32})?")


class Owner(NamedTuple):
    """The owner of an action: a person, or a facility of the programme, such as a data centre."""

    kind: Literal["user", "facility"]
    id: str


class Reversal(NamedTuple):
    """The reversal of an action by its app. It may arrive before the action. ``occurred_at`` is the action's time."""

    app: str
    owner: Owner
    action_id: str
    reason: str
    occurred_at: int


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
    """

    app: str
    owner: Owner
    action_id: str
    type: str
    quantity: Decimal
    occurred_at: int
    is_total: bool = False
    evidence_id: str = ""


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """A refused action or reversal: its index in the request, and the reason. A ``code`` never changes its meaning."""

    index: int
    action_id: str | None
    code: str
    detail: str


class RefusalReason(NamedTuple):
    """Why an action, a reversal or a partner's report is refused: a problem code, and a sentence for people."""

    code: str
    detail: str


Accepted = TypeVar("Accepted", Action, Reversal)


def _rfc3339_text(value: object) -> object:
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("a time with an offset is required, such as 2026-06-05T08:30:00+08:00")
    return value


_IDENTIFIER = re.compile(r"[A-Za-z0-9._~@:+=-]{1,128}")
_DOT_SEGMENTS = frozenset({".", ".."})
"""In a URL path, these segments mean the current and the parent folder, so HTTP clients remove them."""


def is_identifier(text: str) -> bool:
    """Return whether a text is an identifier that a URL path can contain."""
    return _IDENTIFIER.fullmatch(text) is not None and text not in _DOT_SEGMENTS


def _fits_a_path(text: str) -> str:
    if text in _DOT_SEGMENTS:
        raise ValueError("an id cannot be . or .., because a path cannot contain these")
    return text


Id = Annotated[str, Field(strict=True, pattern=f"^{_IDENTIFIER.pattern}$"), AfterValidator(_fits_a_path)]
"""An identifier that an app chooses. The ledger's keys contain it without escaping; a URL path can contain it."""

Reason = Annotated[str, Field(strict=True, max_length=64, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
"""Why an action is reversed, in the app's own words, without control characters."""

Instant = Annotated[int, Field(ge=0, lt=253_370_764_800)]
"""Seconds since 1970, before the year 9999, so that the instant has a date in every time zone."""

Moment = Annotated[AwareDatetime, BeforeValidator(_rfc3339_text)]


def _plain_number(value: object) -> object:
    if isinstance(value, bool) or (isinstance(value, str) and not _PLAIN_DECIMAL.fullmatch(value)):
        raise ValueError('a number is required, or its digits as text, such as 12.5 or "12.5"')
    return value


ReportedQuantity = Annotated[Decimal, Field(allow_inf_nan=False), BeforeValidator(_plain_number)]
"""A JSON number; or text that consists of the ASCII digits 0 to 9 and at most one decimal point between them.

The text has no sign, space or underscore.
"""


class _Reported(BaseModel):
    """The fields that a reported action and a reported reversal share. They identify the action."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action_id: Id
    user_id: Id | None = None
    facility_id: Id | None = None
    occurred_at: Moment

    @model_validator(mode="after")
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
    quantity: ReportedQuantity
    mode: Literal["single", "total"] = "single"
    evidence_id: Annotated[Id | None, Field(validate_default=True)] = None

    @field_validator("evidence_id")
    @classmethod
    def _totals_prove_nothing(cls, evidence_id: str | None, info: ValidationInfo) -> str | None:
        if evidence_id is not None and info.data.get("mode") == "total":
            raise ValueError("a running total cannot have an evidence_id; report the action with mode single")
        return evidence_id


class ReportedReversal(_Reported):
    """One reversal as an app sends it."""

    reason: Reason


def screen(
    app: str, reported: Sequence[object], catalog: Catalog, calendar: Calendar, now: int
) -> tuple[list[Action], list[RefusedItem]]:
    """Split the reported actions into those that can be posted and those that are refused, with the reasons.

    An action is refused if an earlier one of the same request has its id and other content. Repeats of actions in
    earlier requests are found when they are posted.
    """
    earlier: dict[tuple[Owner, str], Action] = {}

    def screened(candidate: object) -> Action | RefusalReason:
        action = _screen_one(app, candidate, catalog, calendar, now)
        if isinstance(action, RefusalReason):
            return action
        first = earlier.setdefault((action.owner, action.action_id), action)
        if first == action or _is_later_total(first, action, calendar):
            return action
        return RefusalReason(
            "conflicting_action", "An earlier action of this request has the same action_id and other content."
        )

    return _split(reported, screened)


def _is_later_total(first: Action, action: Action, calendar: Calendar) -> bool:
    """Return whether both actions report the running total of the same type and day."""
    return (
        first.is_total
        and action.is_total
        and first.type == action.type
        and calendar.day_of(first.occurred_at) == calendar.day_of(action.occurred_at)
    )


def screen_reversals(
    app: str, reported: Sequence[object], now: int, is_summed: Callable[[Reversal], bool] = lambda _: False
) -> tuple[list[Reversal], list[RefusedItem]]:
    """Split the reported reversals into valid and refused ones. Whether their actions exist is checked when posting.

    ``is_summed`` says of a valid reversal whether its action was added to a sum. Such an action cannot be reversed.
    """

    def screened(candidate: object) -> Reversal | RefusalReason:
        reversal = _screen_reversal(app, candidate, now)
        if isinstance(reversal, Reversal) and is_summed(reversal):
            detail = "The app had used up its share of the period, so the action was added to a sum and stays."
            return RefusalReason("summed", detail)
        return reversal

    return _split(reported, screened)


def _split(
    reported: Sequence[object], verdict_on: Callable[[object], Accepted | RefusalReason]
) -> tuple[list[Accepted], list[RefusedItem]]:
    accepted: list[Accepted] = []
    refused: list[RefusedItem] = []
    for index, candidate in enumerate(reported):
        verdict = verdict_on(candidate)
        if isinstance(verdict, RefusalReason):
            refused.append(RefusedItem(index, _action_id_of(candidate), verdict.code, verdict.detail))
        else:
            accepted.append(verdict)
    return accepted, refused


def _screen_reversal(app: str, candidate: object, now: int) -> Reversal | RefusalReason:
    try:
        reported = ReportedReversal.model_validate(candidate)
    except ValidationError as error:
        return RefusalReason("invalid_reversal", "; ".join(error_lines(error)))
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
        return RefusalReason("invalid_action", "; ".join(error_lines(error)))
    rule = catalog.action_types.get(reported.type)
    if rule is None:
        return RefusalReason("unknown_type", f"There is no action type {reported.type!r}.")
    if (rule.actor == "facility") != (reported.owner.kind == "facility"):
        return RefusalReason("wrong_owner", f"{reported.type} can only be reported for a {rule.actor}.")
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
    )


def _time_refusal(rule: ActionType, occurred_at: int, calendar: Calendar, now: int) -> RefusalReason | None:
    if calendar.is_in_future(occurred_at, now):
        return RefusalReason("in_future", "occurred_at is in the future.")
    if calendar.is_too_old(occurred_at, now):
        return RefusalReason("too_old", f"An action can only be reported within {calendar.acceptance_days} days.")
    if rule.is_retired_on(calendar.day_of(occurred_at)):
        return RefusalReason(
            "retired_type", f"This action type is retired for actions that occur on or after {rule.retired_from}."
        )
    return None


def _action_id_of(candidate: Any) -> str | None:  # noqa: ANN401 - any JSON value that the app sent
    action_id = candidate.get("action_id") if isinstance(candidate, dict) else None
    return action_id if isinstance(action_id, str) else None
