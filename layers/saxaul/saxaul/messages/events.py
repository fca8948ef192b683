"""What queues and the ledger's stream hand to a function, and how it says which messages to deliver again."""

from collections.abc import Iterable
from typing import Any, NotRequired, TypedDict


class QueueRecord(TypedDict):
    """One message of a batch; more fields come with it."""

    messageId: str
    body: str


class QueueEvent(TypedDict):
    """A batch of messages."""

    Records: list[QueueRecord]


class FailedMessage(TypedDict):
    itemIdentifier: str


class QueueAnswer(TypedDict):
    """SQS deletes every message of the batch that is not named here."""

    batchItemFailures: list[FailedMessage]


def redeliver(message_ids: Iterable[str]) -> QueueAnswer:
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in message_ids]}


class StreamRecord(TypedDict):
    """One change of an item, with what it was before and after; more fields come with it."""

    eventName: str
    dynamodb: dict[str, Any]


class StreamEvent(TypedDict):
    """A batch of changes of one shard, in their order. The last one of a window has none."""

    Records: list[StreamRecord]
    shardId: NotRequired[str]
