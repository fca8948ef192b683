"""Finds the receipts that the messages of the dead-letter queue of actions belong to."""

import json
from typing import Any

from operations.ledger_reading import MALFORMED
from saxaul.http.bodies import MAX_ACTIONS
from saxaul.ledger.receipts import ReceiptPart
from saxaul.messages.bodies import CallPart


def part_named_in(body: str) -> ReceiptPart | None:
    """Return the part of a receipt that a message belongs to, as it was before posting.

    The actions in the message need not be readable. None means that the message names no receipt, as a message of
    withdrawals, or that what it names cannot be read.
    """
    try:
        return _named_in(json.loads(body))
    except (*MALFORMED, RecursionError):
        return None


def _named_in(message: dict[str, Any]) -> ReceiptPart | None:
    """Return the part that a message names; None if it names none, or a longer call than intake accepts.

    Raises:
        AttributeError, ValueError: the message is malformed.
    """
    named = CallPart.model_validate({name: value for name, value in message.items() if name in CallPart.model_fields})
    if not named.receipt or named.size > MAX_ACTIONS:
        return None
    return named.part_of("reversals" if message.get("reversals") else "actions", {})
