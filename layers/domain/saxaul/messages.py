"""The messages of the two queues: accepted actions, packed close, and redemptions to be settled.

A message is billed by each 64 KB, so a call's actions go into as few messages as fit that size.
A user's actions stay together where they fit, because they are posted onto one page with one write.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from saxaul.actions import Action, Id, Owner
from saxaul.catalog import Identifier

MAX_MESSAGE_BYTES = 64 * 1024

Quantity = Annotated[Decimal, Field(gt=0, max_digits=15, decimal_places=6)]
Instant = Annotated[int, Field(ge=0, lt=253_370_764_800)]
"""Seconds since 1970, before the year 9999: as far as a day can be told in every zone."""

PackedAction = tuple[Literal["user", "facility"], Id, Id, str, Quantity, Instant]
"""Owner's kind and id, action_id, type, quantity, occurred_at."""


class ActionMessage(BaseModel):
    """A message of one app's actions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app: str
    actions: list[PackedAction]

    def unpacked(self) -> Iterator[Action]:
        for kind, owner_id, action_id, action_type, quantity, occurred_at in self.actions:
            yield Action(self.app, Owner(kind, owner_id), action_id, action_type, quantity, occurred_at)


class RedemptionMessage(BaseModel):
    """A redemption to be settled; all else is read from its item."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project_id: Identifier
    user_id: Id
    redemption_id: Id


def pack(app: str, actions: Iterable[Action]) -> list[str]:
    """The bodies of the messages that hold the actions of one app, each of at most 64 KB."""
    bodies: list[str] = []
    packed: list[str] = []
    size = envelope = len(_body(app, []))
    for _, together in groupby(sorted(actions, key=_owner), key=_owner):
        texts = [_packed(action) for action in together]
        needed = sum(len(text) + 1 for text in texts)
        if packed and size + needed > MAX_MESSAGE_BYTES:
            bodies.append(_body(app, packed))
            packed, size = [], envelope
        for text in texts:
            if size + len(text) + 1 > MAX_MESSAGE_BYTES:
                bodies.append(_body(app, packed))
                packed, size = [], envelope
            packed.append(text)
            size += len(text) + 1
    return [*bodies, _body(app, packed)] if packed else bodies


def _owner(action: Action) -> Owner:
    return action.owner


def _packed(action: Action) -> str:
    fields = [*action.owner, action.action_id, action.type, str(action.quantity), action.occurred_at]
    return json.dumps(fields, separators=(",", ":"))


def _body(app: str, packed: Sequence[str]) -> str:
    return f'{{"app":{json.dumps(app)},"actions":[{",".join(packed)}]}}'
