"""Writes the receipts of a batch of messages when what became of their actions and reversals is known.

A receipt is written after the periods. So no receipt says that an action is posted before it is. If the worker stops in
between, the message is delivered again: then the worker finds its own entries, and writes the receipt.

A complete receipt stays as it is. If the message is delivered again after that, its entries may have changed, for
example by a reversal, and the receipt says what posting did.
"""

from collections.abc import Collection, Iterator, Mapping

from saxaul.ledger.receipts import ReceiptPart
from saxaul.messages.bodies import ActionMessage
from saxaul.storage.receipts import Receipts


def write_receipts(
    receipts: Receipts,
    messages: Mapping[str, ActionMessage],
    fates: Mapping[str, Mapping[int, str]],
    repeated: Collection[str],
) -> dict[str, str]:
    """Write the part of a receipt of each message that has one. Return the messages that must be delivered again.

    The result maps message ids to reasons. ``fates`` has the characters for the places of a message that were posted.
    The other places are waiting, because their message has failed. ``repeated`` are the messages of which something may
    have been posted before. Their parts may be complete already.

    The queue may deliver two copies of a message in one batch. Both belong to one part, and a complete one wins.
    """
    parts: dict[tuple[str, int], tuple[ReceiptPart, bool]] = {}
    owners: dict[tuple[str, int], list[str]] = {}
    for message_id, message in messages.items():
        if message.receipt:
            part = message.receipt_part(fates.get(message_id, {}))
            key = (part.receipt_id, part.part)
            owners.setdefault(key, []).append(message_id)
            if key not in parts or parts[key][0].is_waiting:
                parts[key] = part, part.is_waiting or message_id in repeated
    failed: dict[str, str] = {}
    for part, error in _written(receipts, parts.values()):
        if error:
            failed |= dict.fromkeys(owners[part.receipt_id, part.part], f"the receipt cannot be written: {error!r}")
    return failed


def _written(
    receipts: Receipts, parts: Collection[tuple[ReceiptPart, bool]]
) -> Iterator[tuple[ReceiptPart, Exception | None]]:
    """Write parts. Yield each with why it may not be written, or None if it is.

    A part is written on condition that no complete one is stored if the flag beside it says so, and in a batch if not.
    """
    new = [part for part, is_conditional in parts if not is_conditional]
    yield from zip(new, receipts.put_complete(new), strict=True)
    for part, is_conditional in parts:
        if is_conditional:
            yield part, _put_unless_complete(receipts, part)


def _put_unless_complete(receipts: Receipts, part: ReceiptPart) -> Exception | None:
    try:
        receipts.put_unless_complete(part)
    except Exception as error:  # noqa: BLE001 - a failure of one receipt must not stop the others
        return error
    return None
