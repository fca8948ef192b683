"""Finds the receipts that the messages of the dead-letter queue of actions belong to."""

import json

from operations.ledger_reading import MALFORMED
from saxaul.http.bodies import MAX_ACTIONS
from saxaul.ledger.identifiers import is_identifier
from saxaul.ledger.receipts import ReceiptKind, ReceiptPart, waiting_outcomes


def part_named_in(body: str) -> ReceiptPart | None:
    """Return the part of a receipt that a message belongs to, as it was before posting.

    The actions in the message need not be readable. None means that the message names no receipt, as a message of
    withdrawals, or that what it names cannot be read.
    """
    try:
        return _named_in(json.loads(body))
    except (*MALFORMED, RecursionError):
        return None


def _named_in(message: dict[str, object]) -> ReceiptPart:
    """Return the part that a message names.

    Raises:
        ArithmeticError, AttributeError, KeyError, TypeError, ValueError: the message is malformed, or names none.
    """
    size, part, parts, accepted_at = (_number(message[name]) for name in ("size", "part", "parts", "accepted_at"))
    places, receipt_id, app = message["places"], message["receipt"], message["app"]
    if not (isinstance(receipt_id, str) and is_identifier(receipt_id) and isinstance(app, str)):
        raise ValueError("these are not names")
    if not (isinstance(places, list) and 0 <= part < parts and size <= MAX_ACTIONS):
        raise ValueError("this is no part of a receipt")
    at = [_number(place) for place in places]
    if not all(0 <= place < size for place in at):
        raise ValueError("a place is outside of the call")
    kind: ReceiptKind = "reversals" if message.get("reversals") else "actions"
    return ReceiptPart(receipt_id, part, parts, app, kind, accepted_at, waiting_outcomes(size, at))


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError("this is not a whole number")
    return value
