"""Erasures: everything that names a person is deleted. It takes a few minutes, and workers finish it.

It first cancels the redemptions that wait, so that their points and saplings go back. Then it waits until no worker can
be alive that had read the person before the mark was there. It waits once more if something was requested just before.
Only then it deletes, and it ends only when a query finds nothing. So nothing is written behind it.

An erasure has two records. Its mark is found by the person's id and tells workers which messages to drop. Its receipt
says what was erased, and names nobody.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

ErasureState = Literal["erasing", "erased"]
"""Whether an erasure is still going on."""

BACKUP_DAYS = 35
"""For how many days DynamoDB keeps what is needed to restore a table as it was at any second."""

ErasureStep = Literal["cancelling", "waiting", "deleting"]
"""What an erasure does next, or waits for: cancel redemptions; look whether all are settled, after a time; delete."""

_NOTHING: Mapping[str, int] = MappingProxyType({})


CLOCKS_AGREE_WITHIN = 5
"""Seconds by which the clocks of workers, and that of DynamoDB, may differ."""


class ErasureMark(NamedTuple):
    """What workers know of the newest erasure of a person. Instants are in seconds since 1970.

    Attributes:
        name: a keyed hash of the user id, in hexadecimal.
        erasure_id: the erasure.
        requested_at: when it was requested. What was accepted in this second or before belongs to the erased person.
        user_id: the person, only until the erasure is finished; empty afterwards.
        step: what the erasure does next.
        due_at: the instant from which on it does that.
        finished_at: when nothing was left; None while the erasure goes on.
        version: the version of the stored item; 0 if it is new.
    """

    name: str
    erasure_id: str
    requested_at: int
    user_id: str = ""
    step: ErasureStep = "cancelling"
    due_at: int = 0
    finished_at: int | None = None
    version: int = 0

    @property
    def is_finished(self) -> bool:
        return self.finished_at is not None

    def drops(self, accepted_at: int) -> bool:
        """Return whether a message that was accepted at an instant is of the erased person.

        Workers of the API write both instants. Their clocks are trusted to the second: what a worker whose clock is
        ahead accepts just before the request may count as of the next person.
        """
        return accepted_at <= self.requested_at

    def defers(self, accepted_at: int, now: int) -> bool:
        """Return whether a message must still wait, because it is of the person that begins after the erasure.

        It waits a few seconds longer than the erasure takes. So each change that it makes comes after the erasure by
        the clock of DynamoDB too, as ``is_of_erased`` needs it.
        """
        is_over = self.finished_at is not None and now > self.finished_at + 2 * CLOCKS_AGREE_WITHIN
        return not is_over and not self.drops(accepted_at)

    def is_of_erased(self, at: int) -> bool:
        """Return whether an item that was changed, or a repeat that was found, at an instant was of the erased person.

        The instant may be by another clock. Until the erasure is finished, nothing of the next person is written.
        """
        return self.finished_at is None or at <= self.finished_at + CLOCKS_AGREE_WITHIN


class ErasureReceipt(NamedTuple):
    """What an operator may keep as proof of an erasure. It does not name the person. Instants are in seconds.

    Attributes:
        requested_by: the client that requested it.
        reason: why, in the operator's words; empty if an app requested it.
        erased: how many items of each kind were erased so far.
        finished_at: when nothing was left; None while the erasure goes on.
    """

    erasure_id: str
    requested_at: int
    requested_by: str
    reason: str = ""
    erased: Mapping[str, int] = _NOTHING
    finished_at: int | None = None

    @property
    def state(self) -> ErasureState:
        return "erasing" if self.finished_at is None else "erased"

    @property
    def last_trace_at(self) -> int | None:
        """Until when backups can have what was erased; None while the erasure goes on."""
        return None if self.finished_at is None else self.finished_at + BACKUP_DAYS * 86_400
