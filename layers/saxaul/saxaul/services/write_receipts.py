"""Writes the receipts of a batch of messages when what became of their actions and reversals is known.

A receipt is written after the periods. So no receipt says that an action is posted before it is. If the worker stops in
between, the message is delivered again: then the worker finds its own entries, and writes the receipt.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from botocore.exceptions import ClientError

from saxaul.ledger.receipts import ReceiptPart
from saxaul.messages.bodies import ActionMessage
from saxaul.storage.receipts import Receipts
from saxaul.storage.table import BATCH_WRITE


def write_receipts(
    receipts: Receipts, messages: Mapping[str, ActionMessage], fates: Mapping[str, Mapping[int, str]]
) -> dict[str, str]:
    """Write the part of a receipt of each message that has one. Return the messages that must be delivered again.

    The result maps message ids to reasons. ``fates`` has the characters for the places of a message that were posted.
    The other places are waiting, because their message has failed.

    The queue may deliver two copies of a message in one batch. Both belong to one part, and a complete one wins.
    """
    parts: dict[tuple[str, int], ReceiptPart] = {}
    owners: dict[tuple[str, int], list[str]] = {}
    for message_id, message in messages.items():
        if message.receipt:
            part = message.receipt_part(fates.get(message_id, {}))
            key = (part.receipt_id, part.part)
            owners.setdefault(key, []).append(message_id)
            if key not in parts or parts[key].is_waiting:
                parts[key] = part
    failed: dict[str, str] = {}
    for part, error in _written(receipts, parts.values()):
        failed |= dict.fromkeys(owners[part.receipt_id, part.part], f"the receipt cannot be written: {error!r}")
    return failed


def _written(receipts: Receipts, parts: Iterable[ReceiptPart]) -> Iterator[tuple[ReceiptPart, Exception]]:
    """Write parts, the complete ones in batches. Yield those that could not be written, with the reason."""
    found = list(parts)
    complete = [part for part in found if not part.is_waiting]
    for start in range(0, len(complete), BATCH_WRITE):
        yield from _written_together(receipts, complete[start : start + BATCH_WRITE])
    for part in (part for part in found if part.is_waiting):
        try:
            receipts.put_partial(part)
        except Exception as error:  # noqa: BLE001 - a failure of one receipt must not stop the others
            yield part, error


def _written_together(receipts: Receipts, batch: Sequence[ReceiptPart]) -> Iterator[tuple[ReceiptPart, Exception]]:
    try:
        receipts.put_complete(batch)
    except Exception as error:  # noqa: BLE001 - a failure of one batch must not stop the others
        if len(batch) > 1 and _is_invalid(error):
            # One malformed item makes DynamoDB refuse the whole batch. It must not hold up the others.
            for part in batch:
                yield from _written_together(receipts, [part])
        else:
            yield from ((part, error) for part in batch)


def _is_invalid(error: Exception) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == "ValidationException"
