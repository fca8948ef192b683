"""The bodies of queue messages: actions and reversals, redemptions, projects that need an order, checkpoints, erasures.

SQS bills each 64 KB of a message as one request. So the actions of one API request are packed into few messages of at
most 64 KB. The actions of one owner stay in one message if they fit, so that one write can post them to their period.

A message with actions or reversals says to which part of which receipt it belongs, and at which place of the call each
of them was. So whoever has the message can write that part, even if the part does not exist yet.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain, groupby
from operator import attrgetter
from typing import Annotated, Literal, NamedTuple, Self

from saxaul.catalog.entries import AMOUNT_DECIMALS, AMOUNT_DIGITS, RUN_NAME, Identifier, Multiplier
from saxaul.catalog.models import Field, Model, model_validator
from saxaul.ledger.actions import Action, Owner, Reversal, Withdrawal
from saxaul.ledger.fates import mark_of
from saxaul.ledger.identifiers import EntryId, Id, Instant, Reason
from saxaul.ledger.receipts import ReceiptKind, ReceiptPart, waiting_outcomes, with_outcomes

_ONE = Decimal(1)  # that of ledger/entries.py would be one more import

MAX_MESSAGE_BYTES = 64 * 1024
"""The longest body. The bodies are ASCII, so their length in characters is their length in bytes."""

Window = Annotated[str, Field(pattern="^[0-9]{4}(-[0-9]{2}){0,2}$")]
Quantity = Annotated[Decimal, Field(gt=0, max_digits=AMOUNT_DIGITS, decimal_places=AMOUNT_DECIMALS)]

Version = Annotated[int, Field(ge=1, le=99_999_999)]
"""The number of a version of a catalog entry. Its key in the catalog has eight digits."""

RunName = Annotated[str, Field(pattern=f"^{RUN_NAME.pattern}$")]
"""The name of a run of a campaign: the campaign's id and the first day."""

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
    tuple[RunName, Multiplier] | None,
    Quantity | None,
]
"""An action as a row of a message: the fields of Action without the app, with the owner's kind and id.

The last three are the terms of its award: the version of the action type, the run of the campaign and its multiplier,
and the plausible quantity of the facility.
"""

PackedReversal = tuple[Literal["user", "facility"], Id, EntryId, Reason, Instant]
"""A reversal as a row of a message: the owner's kind and id, action_id, reason, occurred_at."""

PackedWithdrawal = tuple[Literal["user", "facility"], Id, Id, Window, bool]
"""A withdrawal as a row of a message: the owner's kind and id, action_id, the window of the period, and is_lifted."""


Index = Annotated[int, Field(strict=True, ge=0)]
"""The place of an action or a reversal in its call, or the number of a message of the call, from 0."""


class CallPart(Model):
    """The fields of a message that say to which part of which receipt it belongs.

    ``accepted_at`` is when the call was accepted, in seconds. ``receipt`` is the id of its receipt, or empty if there
    is none. The call has ``size`` items and was packed into ``parts`` messages; this one is number ``part``, from 0.
    ``places`` has the place of each of its items in the call.
    """

    app: Id
    accepted_at: Annotated[Instant, Field(strict=True)]
    receipt: Id | Literal[""] = Field(default="")
    part: Index = Field(default=0)
    parts: Index = Field(default=1)
    size: Index = Field(default=0)
    places: list[Index] = Field(default=[])

    @model_validator
    def _is_a_part_of_its_call(self) -> Self:
        if self.part >= self.parts:
            raise ValueError("the number of a part must be below the number of parts")
        if len({*self.places}) < len(self.places) or max(self.places, default=-1) >= self.size:
            raise ValueError("the places must differ, and be below the size of the call")
        return self

    def part_of(self, kind: ReceiptKind, found: Mapping[int, str]) -> ReceiptPart:
        """Return the part of the receipt. ``found`` has what became of items, by place; the others are waiting."""
        outcomes = with_outcomes(waiting_outcomes(self.size, self.places), found)
        return ReceiptPart(self.receipt, self.part, self.parts, self.app, kind, self.accepted_at, outcomes)


class ActionMessage(CallPart):
    """The body of a message with actions, reversals or withdrawals of one app.

    The terms of the actions are those of the moment when they were accepted. A message with a receipt has either
    actions or reversals. Withdrawals come from no call, so their messages have no receipt.
    """

    actions: list[PackedAction] = Field(default=[])
    reversals: list[PackedReversal] = Field(default=[])
    withdrawals: list[PackedWithdrawal] = Field(default=[])

    @model_validator
    def _has_a_place_for_each_row(self) -> Self:
        if self.receipt and (self.withdrawals or bool(self.actions) == bool(self.reversals)):
            raise ValueError("a message with a receipt has either actions or reversals")
        if self.receipt and len(self.places) != len(self.actions) + len(self.reversals):
            raise ValueError("a message with a receipt needs a place for each action or reversal")
        return self

    @property
    def user_ids(self) -> set[str]:
        """The persons whose actions, reversals or withdrawals the message has."""
        rows = chain(self.actions, self.reversals, self.withdrawals)
        return {str(row[1]) for row in rows if row[0] == "user"}

    @property
    def mark(self) -> str:
        """What the entries keep of the receipt."""
        return mark_of(self.receipt)

    def receipt_part(self, found: Mapping[int, str]) -> ReceiptPart:
        """Return the part of the receipt. ``found`` has what became of items, by place; the others are waiting."""
        return self.part_of("reversals" if self.reversals else "actions", found)

    def unpacked(self) -> Iterator[Action]:
        mark = self.mark
        for row in self.actions:
            kind, owner_id, action_id, type_, quantity, occurred_at, is_total, evidence_id, rule, bonus, plausible = row
            run, multiplier = bonus or ("", _ONE)
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
                run=run,
                multiplier=multiplier,
                plausible=plausible,
                receipt=mark,
            )

    def unpacked_reversals(self) -> Iterator[Reversal]:
        for kind, owner_id, action_id, reason, occurred_at in self.reversals:
            yield Reversal(self.app, Owner(kind, owner_id), action_id, reason, occurred_at, self.mark)

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


class CheckpointMessage(Model):
    """The body of a message for a published checkpoint, to which witnesses shall add cosignatures.

    ``size`` is the number of leaves of its tree. The worker reads the newest checkpoint, which may be a later one.
    """

    size: Annotated[int, Field(strict=True, ge=1)]


class ErasureMessage(Model):
    """The body of a message for an erasure that has a next step. ``name`` is that of its mark. It names nobody."""

    name: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Call(NamedTuple):
    """A call that reported actions or reversals: its app, when it was accepted, its receipt, and how many items it has.

    ``accepted_at`` is in seconds. ``size`` includes the refused items.
    """

    app: str
    accepted_at: int
    receipt_id: str
    size: int


class Packed(NamedTuple):
    """The body of a message, and its part of the receipt before it is posted."""

    body: str
    part: ReceiptPart


class _Row(NamedTuple):
    """An action, a reversal or a withdrawal of one owner as JSON, and its place in the call."""

    owner: Owner
    text: str
    place: str = ""

    @property
    def size(self) -> int:
        """How many bytes it adds to a body, commas included."""
        return len(self.text) + 1 + (len(self.place) + 1 if self.place else 0)


def pack(call: Call, actions: Sequence[Action], places: Sequence[int]) -> list[Packed]:
    """Pack the actions of a call into message bodies of at most 64 KB each. ``places`` has the place of each."""
    rows = (_row(action.owner, _fields_of(action), place) for action, place in zip(actions, places, strict=True))
    return _packed(call, "actions", rows)


def pack_reversals(call: Call, reversals: Sequence[Reversal], places: Sequence[int]) -> list[Packed]:
    """Pack the reversals of a call into message bodies of at most 64 KB each. ``places`` has the place of each."""
    rows = (
        _row(reversal.owner, [reversal.action_id, reversal.reason, reversal.occurred_at], place)
        for reversal, place in zip(reversals, places, strict=True)
    )
    return _packed(call, "reversals", rows)


def pack_withdrawals(app: str, accepted_at: int, withdrawals: Iterable[Withdrawal]) -> list[str]:
    """Pack the withdrawals of one app into message bodies of at most 64 KB each."""
    rows = (_row(withdrawal.owner, withdrawal[2:]) for withdrawal in withdrawals)
    head = f'"app":{json.dumps(app)},"accepted_at":{accepted_at}'
    return [_body(head, "withdrawals", message) for message in _messages(rows, _room("withdrawals", head))]


def _row(owner: Owner, fields: Iterable[object], place: int | None = None) -> _Row:
    text = json.dumps([*owner, *fields], separators=(",", ":"))
    return _Row(owner, text, "" if place is None else str(place))


def _fields_of(action: Action) -> list[object]:
    """Return the fields of an action after app and owner, as JSON values."""
    bonus = [action.run, str(action.multiplier)] if action.run else None
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


def _packed(call: Call, name: ReceiptKind, rows: Iterable[_Row]) -> list[Packed]:
    """Pack rows into messages, each with its part of the receipt. How many parts there are is known only then."""
    longest = _head(call, call.size, call.size, [])  # there are never more messages than items
    messages = _messages(rows, _room(name, longest))
    packed: list[Packed] = []
    for number, message in enumerate(messages):
        places = [row.place for row in message]
        outcomes = waiting_outcomes(call.size, map(int, places))
        part = ReceiptPart(call.receipt_id, number, len(messages), call.app, name, call.accepted_at, outcomes)
        packed.append(Packed(_body(_head(call, number, len(messages), places), name, message), part))
    return packed


def _messages(rows: Iterable[_Row], room: int) -> list[list[_Row]]:
    """Divide rows among messages that have room for so many bytes. The rows of one owner stay together if they fit."""
    messages: list[list[_Row]] = []
    left = 0
    for _, together in groupby(sorted(rows, key=attrgetter("owner")), key=attrgetter("owner")):
        found = list(together)
        if left < room and sum(row.size for row in found) > left:
            messages.append([])
            left = room
        for row in found:
            if row.size > left:
                messages.append([])
                left = room
            messages[-1].append(row)
            left -= row.size
    return messages


def _room(name: str, head: str) -> int:
    """Return how many bytes of rows a body has room for. Each row counts a comma, but the last one has none."""
    return MAX_MESSAGE_BYTES - len(_body(head, name, [])) + 1


def _head(call: Call, part: int, parts: int, places: Sequence[str]) -> str:
    return (
        f'"app":{json.dumps(call.app)},"accepted_at":{call.accepted_at},"receipt":{json.dumps(call.receipt_id)},'
        f'"part":{part},"parts":{parts},"size":{call.size},"places":[{",".join(places)}]'
    )


def _body(head: str, name: str, rows: Sequence[_Row]) -> str:
    return f'{{{head},"{name}":[{",".join(row.text for row in rows)}]}}'
