"""The bodies of queue messages: packed actions and reversals, redemptions to settle, and projects that need an order.

SQS bills each 64 KB of a message as one request. So the actions of one API request are packed into few messages of at
most 64 KB. The actions of one owner stay in one message if they fit, so that one write can post them to their period.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Annotated, Literal

from saxaul.catalog.entries import AMOUNT_DECIMALS, AMOUNT_DIGITS, Identifier, Multiplier
from saxaul.catalog.models import Field, Model
from saxaul.ledger.actions import Action, Owner, Reversal, Withdrawal
from saxaul.ledger.identifiers import Id, Instant, Reason

_ONE = Decimal(1)  # that of ledger/entries.py would be one more import

MAX_MESSAGE_BYTES = 64 * 1024
"""The longest body. The bodies are ASCII, so their length in characters is their length in bytes."""

Window = Annotated[str, Field(pattern=r"^\d{4}(-\d\d){0,2}$")]
Quantity = Annotated[Decimal, Field(gt=0, max_digits=AMOUNT_DIGITS, decimal_places=AMOUNT_DECIMALS)]

Version = Annotated[int, Field(ge=1, le=99_999_999)]
"""The number of a version of a catalog entry. Its key in the catalog has eight digits."""

PackedAction = tuple[
    Literal["user", "facility"],
    Id,
    Id,
    Identifier,
    Quantity,
    Instant,
    bool,
    Id | Literal[""],
    Version,
    tuple[Identifier, Multiplier] | None,
    Quantity | None,
]
"""An action as a row of a message: the fields of Action without the app, with the owner's kind and id.

The last three are the terms of its award: the version of the action type, the campaign and its multiplier, and the
plausible quantity of the facility.
"""

PackedReversal = tuple[Literal["user", "facility"], Id, Id, Reason, Instant]
"""A reversal as a row of a message: the owner's kind and id, action_id, reason, occurred_at."""

PackedWithdrawal = tuple[Literal["user", "facility"], Id, Id, Window, bool]
"""A withdrawal as a row of a message: the owner's kind and id, action_id, the window of the period, and is_lifted."""


class ActionMessage(Model):
    """The body of a message with actions, reversals or withdrawals of one app.

    ``accepted_at`` is when these were accepted, in seconds. The terms of the actions are those of that moment.
    """

    app: Id
    accepted_at: Instant
    actions: list[PackedAction] = Field(default=[])
    reversals: list[PackedReversal] = Field(default=[])
    withdrawals: list[PackedWithdrawal] = Field(default=[])

    def unpacked(self) -> Iterator[Action]:
        for row in self.actions:
            kind, owner_id, action_id, type_, quantity, occurred_at, is_total, evidence_id, rule, bonus, plausible = row
            campaign, multiplier = bonus or ("", _ONE)
            yield Action(
                app=self.app,
                owner=Owner(kind, owner_id),
                action_id=action_id,
                type=type_,
                quantity=quantity,
                occurred_at=occurred_at,
                is_total=is_total,
                evidence_id=evidence_id,
                rule=rule,
                campaign=campaign,
                multiplier=multiplier,
                plausible=plausible,
            )

    def unpacked_reversals(self) -> Iterator[Reversal]:
        for kind, owner_id, action_id, reason, occurred_at in self.reversals:
            yield Reversal(self.app, Owner(kind, owner_id), action_id, reason, occurred_at)

    def unpacked_withdrawals(self) -> Iterator[Withdrawal]:
        for kind, owner_id, action_id, window, is_lifted in self.withdrawals:
            yield Withdrawal(self.app, Owner(kind, owner_id), action_id, window, is_lifted)


class RedemptionMessage(Model):
    """The body of a message for a redemption to settle. The worker reads the redemption from the ledger."""

    project_id: Identifier
    user_id: Id
    redemption_id: Id


class PlantingMessage(Model):
    """The body of a message for a project. The project has trees to order, or it has an unannounced order."""

    project_id: Identifier


def pack(app: str, accepted_at: int, actions: Iterable[Action]) -> list[str]:
    """Pack the actions of one app, which were accepted at one instant, into message bodies of at most 64 KB each."""
    rows = (
        (action.owner, [*action.owner, *_fields_of(action)])
        for action in sorted(actions, key=lambda action: action.owner)
    )
    return _packed(app, accepted_at, "actions", rows)


def _fields_of(action: Action) -> list[object]:
    """Return the fields of an action after app and owner, as JSON values."""
    bonus = [action.campaign, str(action.multiplier)] if action.campaign else None
    plausible = None if action.plausible is None else str(action.plausible)
    return [
        action.action_id,
        action.type,
        str(action.quantity),
        action.occurred_at,
        action.is_total,
        action.evidence_id,
        action.rule,
        bonus,
        plausible,
    ]


def pack_reversals(app: str, accepted_at: int, reversals: Iterable[Reversal]) -> list[str]:
    """Pack the reversals of one app into message bodies of at most 64 KB each."""
    rows = (
        (reversal.owner, [*reversal.owner, reversal.action_id, reversal.reason, reversal.occurred_at])
        for reversal in sorted(reversals, key=lambda reversal: reversal.owner)
    )
    return _packed(app, accepted_at, "reversals", rows)


def pack_withdrawals(app: str, accepted_at: int, withdrawals: Iterable[Withdrawal]) -> list[str]:
    """Pack the withdrawals of one app into message bodies of at most 64 KB each."""
    rows: Iterable[tuple[Owner, list[object]]] = (
        (withdrawal.owner, [*withdrawal.owner, *withdrawal[2:]])
        for withdrawal in sorted(withdrawals, key=lambda withdrawal: withdrawal.owner)
    )
    return _packed(app, accepted_at, "withdrawals", rows)


def _packed(
    app: str,
    accepted_at: int,
    name: Literal["actions", "reversals", "withdrawals"],
    rows: Iterable[tuple[Owner, list[object]]],
) -> list[str]:
    """Pack rows, sorted by owner, into message bodies. The rows of one owner stay in one body if they fit.

    ``name`` is the field of the body that contains the rows.
    """
    bodies: list[str] = []
    packed: list[str] = []
    size = envelope = len(_body(app, accepted_at, name, []))
    for _, together in groupby(rows, key=itemgetter(0)):
        texts = [json.dumps(row, separators=(",", ":")) for _, row in together]
        needed = sum(len(text) + 1 for text in texts)
        if packed and size + needed > MAX_MESSAGE_BYTES:
            bodies.append(_body(app, accepted_at, name, packed))
            packed, size = [], envelope
        for text in texts:
            if size + len(text) + 1 > MAX_MESSAGE_BYTES:
                bodies.append(_body(app, accepted_at, name, packed))
                packed, size = [], envelope
            packed.append(text)
            size += len(text) + 1
    return [*bodies, _body(app, accepted_at, name, packed)] if packed else bodies


def _body(app: str, accepted_at: int, name: str, packed: Sequence[str]) -> str:
    return f'{{"app":{json.dumps(app)},"accepted_at":{accepted_at},"{name}":[{",".join(packed)}]}}'
