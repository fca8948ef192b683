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

from pydantic import BaseModel, ConfigDict, Field

from saxaul.catalog.entries import AMOUNT_DECIMALS, AMOUNT_DIGITS, Identifier
from saxaul.ledger.actions import Action, Id, Instant, Owner, Reason, Reversal, Withdrawal

MAX_MESSAGE_BYTES = 64 * 1024
"""The longest body. The bodies are ASCII, so their length in characters is their length in bytes."""

Window = Annotated[str, Field(pattern=r"^\d{4}(-\d\d){0,2}$")]
Quantity = Annotated[Decimal, Field(gt=0, max_digits=AMOUNT_DIGITS, decimal_places=AMOUNT_DECIMALS)]

PackedAction = tuple[Literal["user", "facility"], Id, Id, str, Quantity, Instant, bool, Id | Literal[""]]
"""An action as a row of a message: the fields of Action without the app, with the owner's kind and id."""

PackedReversal = tuple[Literal["user", "facility"], Id, Id, Reason, Instant]
"""A reversal as a row of a message: the owner's kind and id, action_id, reason, occurred_at."""

PackedWithdrawal = tuple[Literal["user", "facility"], Id, Id, Window, bool]
"""A withdrawal as a row of a message: the owner's kind and id, action_id, the window of the period, and is_lifted."""


class ActionMessage(BaseModel):
    """The body of a message with actions, reversals or withdrawals of one app."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app: str
    actions: list[PackedAction] = []
    reversals: list[PackedReversal] = []
    withdrawals: list[PackedWithdrawal] = []

    def unpacked(self) -> Iterator[Action]:
        for kind, owner_id, action_id, action_type, quantity, occurred_at, is_total, evidence_id in self.actions:
            owner = Owner(kind, owner_id)
            yield Action(self.app, owner, action_id, action_type, quantity, occurred_at, is_total, evidence_id)

    def unpacked_reversals(self) -> Iterator[Reversal]:
        for kind, owner_id, action_id, reason, occurred_at in self.reversals:
            yield Reversal(self.app, Owner(kind, owner_id), action_id, reason, occurred_at)

    def unpacked_withdrawals(self) -> Iterator[Withdrawal]:
        for kind, owner_id, action_id, window, is_lifted in self.withdrawals:
            yield Withdrawal(self.app, Owner(kind, owner_id), action_id, window, is_lifted)


class RedemptionMessage(BaseModel):
    """The body of a message for a redemption to settle. The worker reads the redemption from the ledger."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project_id: Identifier
    user_id: Id
    redemption_id: Id


class PlantingMessage(BaseModel):
    """The body of a message for a project. The project has trees to order, or it has an unannounced order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project_id: Identifier


def pack(app: str, actions: Iterable[Action]) -> list[str]:
    """Pack the actions of one app into message bodies of at most 64 KB each."""
    rows = (
        (action.owner, [*action.owner, *_fields_of(action)])
        for action in sorted(actions, key=lambda action: action.owner)
    )
    return _packed(app, "actions", rows)


def _fields_of(action: Action) -> list[object]:
    """Return the fields of an action after app and owner, as JSON values."""
    return [str(value) if isinstance(value, Decimal) else value for value in action[2:]]


def pack_reversals(app: str, reversals: Iterable[Reversal]) -> list[str]:
    """Pack the reversals of one app into message bodies of at most 64 KB each."""
    rows = (
        (reversal.owner, [*reversal.owner, reversal.action_id, reversal.reason, reversal.occurred_at])
        for reversal in sorted(reversals, key=lambda reversal: reversal.owner)
    )
    return _packed(app, "reversals", rows)


def pack_withdrawals(app: str, withdrawals: Iterable[Withdrawal]) -> list[str]:
    """Pack the withdrawals of one app into message bodies of at most 64 KB each."""
    rows: Iterable[tuple[Owner, list[object]]] = (
        (withdrawal.owner, [*withdrawal.owner, *withdrawal[2:]])
        for withdrawal in sorted(withdrawals, key=lambda withdrawal: withdrawal.owner)
    )
    return _packed(app, "withdrawals", rows)


def _packed(
    app: str, name: Literal["actions", "reversals", "withdrawals"], rows: Iterable[tuple[Owner, list[object]]]
) -> list[str]:
    """Pack rows, sorted by owner, into message bodies. The rows of one owner stay in one body if they fit.

    ``name`` is the field of the body that contains the rows.
    """
    bodies: list[str] = []
    packed: list[str] = []
    size = envelope = len(_body(app, name, []))
    for _, together in groupby(rows, key=itemgetter(0)):
        texts = [json.dumps(row, separators=(",", ":")) for _, row in together]
        needed = sum(len(text) + 1 for text in texts)
        if packed and size + needed > MAX_MESSAGE_BYTES:
            bodies.append(_body(app, name, packed))
            packed, size = [], envelope
        for text in texts:
            if size + len(text) + 1 > MAX_MESSAGE_BYTES:
                bodies.append(_body(app, name, packed))
                packed, size = [], envelope
            packed.append(text)
            size += len(text) + 1
    return [*bodies, _body(app, name, packed)] if packed else bodies


def _body(app: str, name: str, packed: Sequence[str]) -> str:
    return f'{{"app":{json.dumps(app)},"{name}":[{",".join(packed)}]}}'
