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
from saxaul.ledger.actions import Action, Id, Instant, Owner, Reason, Reversal

MAX_MESSAGE_BYTES = 64 * 1024
"""The longest body. The bodies are ASCII, so their length in characters is their length in bytes."""

Quantity = Annotated[Decimal, Field(gt=0, max_digits=AMOUNT_DIGITS, decimal_places=AMOUNT_DECIMALS)]

PackedAction = tuple[Literal["user", "facility"], Id, Id, str, Quantity, Instant]
"""An action as a row of a message: the owner's kind and id, action_id, type, quantity, occurred_at."""

PackedReversal = tuple[Literal["user", "facility"], Id, Id, Reason, Instant]
"""A reversal as a row of a message: the owner's kind and id, action_id, reason, occurred_at."""


class ActionMessage(BaseModel):
    """The body of a message with actions or reversals of one app."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app: str
    actions: list[PackedAction] = []
    reversals: list[PackedReversal] = []

    def unpacked(self) -> Iterator[Action]:
        for kind, owner_id, action_id, action_type, quantity, occurred_at in self.actions:
            yield Action(self.app, Owner(kind, owner_id), action_id, action_type, quantity, occurred_at)

    def unpacked_reversals(self) -> Iterator[Reversal]:
        for kind, owner_id, action_id, reason, occurred_at in self.reversals:
            yield Reversal(self.app, Owner(kind, owner_id), action_id, reason, occurred_at)


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
        (action.owner, [*action.owner, action.action_id, action.type, str(action.quantity), action.occurred_at])
        for action in sorted(actions, key=lambda action: action.owner)
    )
    return _packed(app, "actions", rows)


def pack_reversals(app: str, reversals: Iterable[Reversal]) -> list[str]:
    """Pack the reversals of one app into message bodies of at most 64 KB each."""
    rows = (
        (reversal.owner, [*reversal.owner, reversal.action_id, reversal.reason, reversal.occurred_at])
        for reversal in sorted(reversals, key=lambda reversal: reversal.owner)
    )
    return _packed(app, "reversals", rows)


def _packed(app: str, name: Literal["actions", "reversals"], rows: Iterable[tuple[Owner, list[object]]]) -> list[str]:
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
