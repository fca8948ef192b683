"""Screens what is to be posted: drops what belongs to erased persons, and lets wait what comes after an erasure.

An erasure takes a few minutes. What was accepted before it is of the erased person, and is dropped, however late it is
posted. What was accepted after it is of a person of whom nothing is known. It waits until nothing of the erased person
is left, because the erasure could not tell the two apart.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor
from typing import NamedTuple, TypeVar

from saxaul.ledger.actions import Action, Reversal, Withdrawal
from saxaul.messages.bodies import ActionMessage
from saxaul.people.erasures import ErasureMark
from saxaul.services.post_together import Origin
from saxaul.storage.erasures import Erasures
from saxaul.storage.table import BATCH_GET

WAITS = "it has an action of a person whose erasure is not finished"
"""Why a message must be delivered again. It names no person, because the reason is logged."""

_Change = TypeVar("_Change", Action, Reversal, Withdrawal)


def marks_of(erasures: Erasures, messages: Iterable[ActionMessage], threads: Executor) -> Mapping[str, ErasureMark]:
    """Return the marks of the erased persons of messages, by user_id. Each person is read once, consistently."""
    user_ids = sorted({user_id for message in messages for user_id in message.user_ids})
    parts = [user_ids[start : start + BATCH_GET] for start in range(0, len(user_ids), BATCH_GET)]
    return {user_id: mark for found in threads.map(erasures.find_many, parts) for user_id, mark in found.items()}


class Screen(NamedTuple):
    """What is known of the persons of a batch of messages, and what was found.

    Attributes:
        marks: the marks of the erased persons, by user_id.
        messages: the messages by their ids.
        dropped: where the dropped actions, reversals and withdrawals come from.
        waiting: the messages that have something that must wait.
    """

    marks: Mapping[str, ErasureMark]
    messages: Mapping[str, ActionMessage]
    now: int
    dropped: list[Origin]
    waiting: set[str]

    def kept(self, changes: Iterable[tuple[_Change, Origin]]) -> Iterator[tuple[_Change, Origin]]:
        """Yield the changes that can be posted now."""
        for change, origin in changes:
            mark = self.marks.get(change.owner.id) if change.owner.kind == "user" else None
            accepted_at = self.messages[origin.message_id].accepted_at
            if mark and _is_dropped(mark, change, accepted_at):
                self.dropped.append(origin)
            elif mark and mark.defers(accepted_at, self.now):
                self.waiting.add(origin.message_id)
            else:
                yield change, origin


def _is_dropped(mark: ErasureMark, change: Action | Reversal | Withdrawal, accepted_at: int) -> bool:
    """Return whether a change is of the erased person.

    A withdrawal is not accepted from an app, but made of what was in the periods of a person at the time.
    """
    return mark.is_of_erased(accepted_at) if isinstance(change, Withdrawal) else mark.drops(accepted_at)
