"""What each client has used of its limits, as items of the table of activity.

``CALLS#<client>``, ``-``: ``full_at``, when the bucket of its calls will be full, in nanoseconds since 1970.
``ACTIONS#<client>``, ``<day>``: ``used``, how many actions of the day are taken. It expires two days after the day.

A write is attempted once, or again if it fails at once, so that a table which does not answer delays a call little.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from saxaul.deadline import NoTimeToRepeatError, OutOfTimeError, UnansweredError
from saxaul.limits import IMPOSSIBLE, ActionBlock, CallBlock
from saxaul.storage.patience import one_attempt
from saxaul.storage.table import Item, ItemMovedError, Key, Table

CALLS_PREFIX = "CALLS#"
ACTIONS_PREFIX = "ACTIONS#"

_IS_FULL = "attribute_not_exists(full_at) OR full_at <= :now OR full_at > :impossible"
_HAS_ROOM = "full_at >= :now AND full_at <= :latest"
_DAY_HAS_ROOM = "attribute_not_exists(used) OR used <= :most"


class UsageUnknownError(Exception):
    """The table did not say whether there is room. A block may have been taken all the same."""


class UsageUnansweredError(UsageUnknownError):
    """The table did not answer, not even with an error. So the next call would wait as long, whichever client it is of.

    Of all errors, only these tell something of the other clients: an item can be throttled while others are not.
    """


class Taken(NamedTuple):
    """What became of a block.

    Attributes:
        is_given: whether it was taken.
        state: the state of the item now: when the bucket is full, or how many actions are taken; 0 if there is no item.
    """

    is_given: bool
    state: int


class UsageStore:
    """Takes blocks of calls and of actions."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def take_calls(self, client: str, block: CallBlock) -> Taken:
        """Take calls from the bucket of a client.

        Raises:
            UsageUnansweredError: the table did not answer in time.
            UsageUnknownError: the table refused the write, or there was no time for it.
        """
        key = Key(CALLS_PREFIX + client, "-")
        if block.from_full:
            values = {":now": block.now, ":impossible": block.now + IMPOSSIBLE, ":full_at": block.now + block.cost}
            return self._take(key, "full_at", "SET full_at = :full_at", _IS_FULL, values)
        values = {":now": block.now, ":latest": block.latest, ":cost": block.cost}
        return self._take(key, "full_at", "ADD full_at :cost", _HAS_ROOM, values)

    def take_actions(self, client: str, day: str, block: ActionBlock, expires_at: int) -> Taken:
        """Take actions of a day.

        Raises:
            UsageUnansweredError: the table did not answer in time.
            UsageUnknownError: the table refused the write, or there was no time for it.
        """
        key, update = Key(ACTIONS_PREFIX + client, day), "SET expires_at = :expires_at ADD used :actions"
        values = {":expires_at": expires_at, ":actions": block.actions, ":most": block.most}
        return self._take(key, "used", update, _DAY_HAS_ROOM, values)

    def _take(self, key: Key, attribute: str, update: str, condition: str, values: Item) -> Taken:
        try:
            with _known():
                return Taken(is_given=True, state=int(self._table.update(key, update, condition, values)[attribute]))
        except ItemMovedError as moved:
            return Taken(is_given=False, state=int((moved.winner or {}).get(attribute, 0)))


@contextmanager
def _known() -> Iterator[None]:
    try:
        with one_attempt():
            yield
    except (BotoCoreError, NoTimeToRepeatError, UnansweredError) as error:
        raise UsageUnansweredError(repr(error)) from error
    except (ClientError, OutOfTimeError) as error:
        raise UsageUnknownError(repr(error)) from error
