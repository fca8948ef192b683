"""Mutations of the rules of receipts. Each docstring says which rule the function breaks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from saxaul.ledger.early import EarlyReversals
from saxaul.ledger.entries import Entry
from saxaul.ledger.fates import mark_of
from saxaul.ledger.receipts import ReceiptPart
from saxaul.messages.bodies import ActionMessage, Packed
from saxaul.services.accrue import Accrual, Accrued
from saxaul.services.queue_calls import Outbox
from saxaul.services.write_receipts import write_receipts
from saxaul.storage.receipts import Receipts, to_item
from tests.proof.faults import Fault
from tests.proof.mutations import Mutations

RECEIPTS = Mutations()
BATCH = "a batch is accrued"
CALLS = "calls are accepted and posted"


@RECEIPTS.caught_by(BATCH, Fault.LOST)
def _(patch: pytest.MonkeyPatch) -> None:
    """A message that is delivered again takes its own entries for those of another call."""
    patch.setattr(Entry, "came_under", lambda *_: False)


@RECEIPTS.caught_by(BATCH)
def _(patch: pytest.MonkeyPatch) -> None:
    """All receipts have the same mark, so that a repeat by another call is taken for a redelivery."""
    patch.setattr("saxaul.messages.bodies.mark_of", lambda receipt_id: mark_of("same" if receipt_id else ""))


@RECEIPTS.caught_by("reversals arrive before their actions", Fault.KILLED_AFTER)
def _(patch: pytest.MonkeyPatch) -> None:
    """A reversal that is delivered again does not recognise that it is kept itself."""
    is_of = EarlyReversals.is_of

    def mutant(early: EarlyReversals, reversal: Any) -> bool:
        return is_of(early, reversal) and early.version == 0

    patch.setattr(EarlyReversals, "is_of", mutant)


@RECEIPTS.caught_by(BATCH, Fault.FAILED)
def _(patch: pytest.MonkeyPatch) -> None:
    """The receipts say that everything is posted before the periods are written."""
    post = Accrual.post

    def mutant(accrual: Accrual, messages: Mapping[str, ActionMessage]) -> Accrued:
        early = {name: dict.fromkeys(m.places, "v" if m.reversals else "p") for name, m in messages.items()}
        write_receipts(accrual.receipts, messages, early, ())
        return post(accrual, messages)

    patch.setattr(Accrual, "post", mutant)


@RECEIPTS.caught_by(BATCH, Fault.FAILED)
def _(patch: pytest.MonkeyPatch) -> None:
    """A message whose receipt could not be written is not delivered again."""
    patch.setattr("saxaul.services.accrue.write_receipts", lambda *found: write_receipts(*found) and {})


@RECEIPTS.caught_by(CALLS)
def _(patch: pytest.MonkeyPatch) -> None:
    """Posting does not write a receipt that intake has not opened."""

    def mutant(receipts: Receipts, parts: Sequence[ReceiptPart]) -> list[Exception | None]:
        return put(receipts, [part for part in parts if not receipts.parts_of(part.receipt_id)]) or [None] * len(parts)

    put = Receipts.put_complete
    patch.setattr(Receipts, "put_complete", mutant)


@RECEIPTS.caught_by(CALLS, Fault.OVERTAKEN)
def _(patch: pytest.MonkeyPatch) -> None:
    """Intake opens a receipt over the one that posting has completed."""
    patch.setattr(Receipts, "create", lambda receipts, part: receipts._table.replace(to_item(part)))


@RECEIPTS.caught_by(CALLS, Fault.KILLED_BEFORE)
def _(patch: pytest.MonkeyPatch) -> None:
    """Intake opens the receipt before it sends the message."""

    def mutant(outbox: Outbox, packed: Sequence[Packed]) -> str:
        for _, part in packed:
            outbox.receipts.create(part)
        return send(outbox, packed)

    send = Outbox.send
    patch.setattr(Outbox, "send", mutant)


@RECEIPTS.caught_by(CALLS)
def _(patch: pytest.MonkeyPatch) -> None:
    """A call is answered before its last message is sent."""
    send = Outbox.send
    patch.setattr(Outbox, "send", lambda outbox, packed: send(outbox, packed[:-1] or packed))


@RECEIPTS.caught_by(BATCH)
def _(patch: pytest.MonkeyPatch) -> None:
    """What became of an action is written at the place of its row in the message, in reverse order."""
    unpacked = ActionMessage.unpacked

    def mutant(message: ActionMessage) -> Iterator[Any]:
        return reversed([*unpacked(message)])

    patch.setattr(ActionMessage, "unpacked", mutant)
