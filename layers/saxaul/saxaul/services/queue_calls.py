"""Queues what a call reported, and opens its receipt."""

import secrets
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from saxaul.ledger.receipts import ReceiptPart
from saxaul.messages.bodies import Packed
from saxaul.observability import logger
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.queues import send_actions
from saxaul.storage.receipts import Receipts

_RECEIPT_BYTES = 12


def new_receipt_id() -> str:
    """Return a random id of 16 characters, which nobody can guess.

    It begins with a letter or a digit. A command would take an id that begins with a hyphen for an option.
    """
    while not (receipt_id := secrets.token_urlsafe(_RECEIPT_BYTES))[0].isalnum():
        pass
    return receipt_id


class Outbox(NamedTuple):
    """The queue of actions, and the receipts of the calls that are in it."""

    queue_url: str
    receipts: Receipts

    def send(self, packed: Sequence[Packed]) -> str:
        """Queue the messages of a call, and then open its receipt. Return the id of the receipt.

        The messages go out first. So a receipt that waits always has a message that will complete it. If the receipt
        cannot be opened, the call is accepted all the same: whoever posts a message writes its part of the receipt.
        The id is empty if there are no messages.
        """
        for body, part in packed:
            send_actions(self.queue_url, part.app, [body])
        for _, part in packed:
            self._open(part)
        return packed[0].part.receipt_id if packed else ""

    def _open(self, part: ReceiptPart) -> None:
        try:
            self.receipts.create(part)
        except Exception as error:  # noqa: BLE001 - the actions are queued, so the call has succeeded
            fields = {"receipt_id": part.receipt_id, "part": part.part, "error": repr(error)}
            logger.warning("a receipt could not be opened; posting will write it", extra=fields)


@cache
def outbox() -> Outbox:
    """Return the queue of actions with its receipts, as this process uses it."""
    return Outbox(settings().action_queue_url, Receipts(wiring.activity()))
