"""The bodies of queue messages: packed actions, redemptions to settle, and projects to place an order for.

SQS bills a message by each 64 KB, so the actions of one API call go into as few messages as that size allows.
The actions of one owner stay in one message if they fit, so that one write can post them to their period.
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

Quantity = Annotated[Decimal, Field(gt=0, max_digits=AMOUNT_DIGITS, decimal_places=AMOUNT_DECIMALS)]

PackedAction = tuple[Literal["user", "facility"], Id, Id, str, Quantity, Instant]
"""The owner's kind and id, action_id, type, quantity, occurred_at."""


PackedReversal = tuple[Literal["user", "facility"], Id, Id, Reason, Instant]
"""The owner's kind and id, action_id, reason, occurred_at."""


class ActionMessage(BaseModel):
    """A message with actions or reversals of one app."""

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
    """A redemption to settle. The worker reads the other fields from the item of the redemption."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project_id: Identifier
    user_id: Id
    redemption_id: Id


class PlantingMessage(BaseModel):
    """A project with trees that wait for an order, or with an order that is not announced."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project_id: Identifier


def pack(app: str, actions: Iterable[Action]) -> list[str]:
    """Return the bodies of the messages with the actions of one app, each at most 64 KB long."""
    rows = (
        (action.owner, [*action.owner, action.action_id, action.type, str(action.quantity), action.occurred_at])
        for action in sorted(actions, key=lambda action: action.owner)
    )
    return _packed(app, "actions", rows)


def pack_reversals(app: str, reversals: Iterable[Reversal]) -> list[str]:
    """Return the bodies of the messages with the reversals of one app, each at most 64 KB long."""
    rows = (
        (reversal.owner, [*reversal.owner, reversal.action_id, reversal.reason, reversal.occurred_at])
        for reversal in sorted(reversals, key=lambda reversal: reversal.owner)
    )
    return _packed(app, "reversals", rows)


def _packed(app: str, name: Literal["actions", "reversals"], rows: Iterable[tuple[Owner, list[object]]]) -> list[str]:
    """Return the bodies for rows sorted by owner. The rows of one owner stay in one message if they fit."""
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
