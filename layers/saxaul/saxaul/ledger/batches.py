"""Where everything that was accepted is, by its receipts: each item is posted, waiting, dead or dropped.

A batch is what one call reported. Its receipt says what became of each item, so the sums over all receipts show what is
still to be posted, and the batches of which something waits can be named.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from saxaul.ledger.receipts import ABSENT, FATES, WAITING, ReceiptPart

LATE_SECONDS = 60
"""After how many seconds a batch should be posted. Usually it is posted in a second or two."""

BatchState = Literal["waiting", "late", "dead", "lost"]
"""What is known of a batch of which something waits.

- ``waiting``: it is young, so it is probably in the queue.
- ``late``: it has waited for longer than ``LATE_SECONDS``.
- ``dead``: its message is in the dead-letter queue.
- ``lost``: it is late, and no queue has its message.
"""


class WaitingBatch(NamedTuple):
    """Items of a batch that wait for the same cause.

    Attributes:
        items: how many they are.
    """

    receipt_id: str
    app: str
    accepted_at: int
    state: BatchState
    items: int

    @property
    def is_fault(self) -> bool:
        return self.state != "waiting"


@dataclass
class BatchSums:
    """How many items were accepted, and where they are. ``waiting`` does not contain those that are dead."""

    accepted: int = 0
    posted: int = 0
    waiting: int = 0
    dead: int = 0
    dropped: int = 0

    def add(self, part: ReceiptPart, *, is_dead: bool = False) -> None:
        """Add the items of a part of a receipt."""
        waiting, dropped = part.outcomes.count(WAITING), sum(map(part.outcomes.count, _DROPPED))
        self.accepted += part.accepted
        self.posted += sum(number for code, number in Counter(part.outcomes).items() if code in _POSTED)
        self.dropped += dropped
        if is_dead:
            self.dead += waiting
        else:
            self.waiting += waiting


_DROPPED = {code for code, fate in FATES.items() if fate.status == "dropped"}
_POSTED = FATES.keys() - {WAITING, *_DROPPED}
"""The outcomes that posting decides."""


def state_of(age: int, *, is_dead: bool, is_nowhere: bool) -> BatchState:
    """Return the state of a batch that was accepted ``age`` seconds ago.

    ``is_dead`` says that its message was seen in the dead-letter queue, ``is_nowhere`` that it is in no queue.
    """
    if is_dead:
        return "dead"
    if age <= LATE_SECONDS:
        return "waiting"
    return "lost" if is_nowhere else "late"


def faults_of(parts: Sequence[ReceiptPart]) -> list[str]:
    """Return what is wrong with the stored parts of one receipt, of which some may be missing."""
    faults = [
        f"part {part.part} has outcomes that have no meaning: {unknown}"
        for part in parts
        if (unknown := "".join(sorted(set(part.outcomes) - FATES.keys() - {ABSENT})))
    ]
    if len({part._replace(part=0, outcomes="") for part in parts}) > 1:
        faults.append("the parts name different calls")
    if len({len(part.outcomes) for part in parts}) > 1:
        faults.append("the parts have different numbers of places")
    claimed = Counter(place for part in parts for place, code in enumerate(part.outcomes) if code != ABSENT)
    twice = sorted(place for place, number in claimed.items() if number > 1)
    if twice:
        faults.append(f"place {twice[0]} is in two parts")
    return faults


def missing_parts(parts: Sequence[ReceiptPart]) -> list[int]:
    """Return the numbers of the parts of a receipt that are not stored."""
    return sorted(set(range(parts[0].parts)) - {part.part for part in parts})
