"""Accepts the request to erase a person, and shows what became of it. ``erase_person.py`` erases."""

import secrets
from functools import cache
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.people.erasures import ErasureMark, ErasureReceipt
from saxaul.problems import NotFound
from saxaul.races import retry_lost_races
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.erasures import Erasures
from saxaul.storage.queues import send_erasure

_SECOND = 1_000_000_000
"""A second in nanoseconds."""


class ErasureRequests(NamedTuple):
    """Accepts and shows erasures."""

    erasures: Erasures
    queue_url: str
    clock: Clock

    def request(self, user_id: str, requested_by: str, reason: str) -> ErasureReceipt:
        """Begin to erase a person, and return the receipt. If an erasure goes on, return that of this one.

        The worker is told in both cases, so a repeated request helps if the first one failed before it told the worker.
        What is accepted in the second of the request is of the erased person. So this returns only in a later second:
        what is sent after the response is of a new person.

        Raises:
            ContendedError: every attempt lost its race against another request.
        """
        mark = retry_lost_races(lambda: self._begun(user_id, requested_by, reason), self.clock)
        send_erasure(self.queue_url, mark.name)
        if mark.requested_at >= self.clock.now():
            self.clock.sleep(1 - self.clock.now_ns() % _SECOND / _SECOND)
        return self._receipt_of(mark)

    def _begun(self, user_id: str, requested_by: str, reason: str) -> ErasureMark:
        """Return the mark of the erasure that goes on, or else of a new one."""
        known = self.erasures.find(user_id)
        if known and not known.is_finished:
            return known
        erasure_id, now = secrets.token_hex(16), self.clock.now()
        version = known.version if known else 0
        mark = ErasureMark(self.erasures.name_of(user_id), erasure_id, now, user_id, version=version)
        self.erasures.begin(mark, ErasureReceipt(erasure_id, now, requested_by, reason))
        return mark

    def newest(self, user_id: str) -> ErasureReceipt:
        """Return the receipt of the newest erasure of a person.

        Raises:
            NotFound: ``no_erasure``: the person was never erased.
        """
        mark = self.erasures.find(user_id)
        if mark is None:
            raise NotFound("no_erasure", "Nobody has requested to erase this person.")
        return self._receipt_of(mark)

    def receipt(self, erasure_id: str) -> ErasureReceipt:
        """Return a receipt.

        Raises:
            NotFound: ``unknown_erasure``: there is no such erasure.
        """
        found = self.erasures.receipt(erasure_id)
        if found is None:
            raise NotFound("unknown_erasure", "There is no erasure with this id; DELETE /users/{user_id} returns ids.")
        return found

    def _receipt_of(self, mark: ErasureMark) -> ErasureReceipt:
        """Return the receipt that was written together with a mark."""
        found = self.erasures.receipt(mark.erasure_id)
        if found is None:
            raise LookupError(f"the erasure {mark.erasure_id} has no receipt")
        return found


@cache
def erasure_requests() -> ErasureRequests:
    """Return the service of this process that accepts erasures."""
    return ErasureRequests(Erasures(wiring.ledger()), settings().erase_queue_url, wiring.clock())
