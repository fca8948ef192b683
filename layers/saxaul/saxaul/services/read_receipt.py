"""Reads what became of the actions or reversals of one call."""

from collections.abc import Sequence

from saxaul.ledger.receipts import ReceiptPart
from saxaul.problems import NotFound
from saxaul.services import wiring
from saxaul.storage.receipts import Receipts


def read_receipt(app: str | None, receipt_id: str) -> Sequence[ReceiptPart]:
    """Read the parts of a receipt of an app, or, if it is None, of any app consistently. There is at least one.

    Raises:
        NotFound: there is no such receipt, it is another app's, or it has expired. All three get the same answer.
    """
    parts = Receipts(wiring.activity()).parts_of(receipt_id)
    if not parts or app not in (None, parts[0].app):
        raise NotFound("unknown_receipt", "There is no such receipt, it is another app's, or it is older than 30 days.")
    return parts
