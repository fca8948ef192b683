"""The events that bring queue messages and stream records to a function, and the answer that asks for redelivery."""

from collections.abc import Iterable
from typing import Any, NotRequired, TypedDict


class QueueRecord(TypedDict):
    """One message of a batch. Lambda sends more fields than these."""

    messageId: str
    body: str


class QueueEvent(TypedDict):
    """A batch of messages."""

    Records: list[QueueRecord]


class FailedMessage(TypedDict):
    itemIdentifier: str


class QueueAnswer(TypedDict):
    """The messages to deliver again. Every other message of the batch is deleted from the queue."""

    batchItemFailures: list[FailedMessage]


def redeliver(message_ids: Iterable[str]) -> QueueAnswer:
    """Return the answer that has these messages delivered again."""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in message_ids]}


class StreamRecord(TypedDict):
    """One change of an item, with the item before and after it. Lambda sends more fields than these."""

    eventName: str
    dynamodb: dict[str, Any]


class StreamEvent(TypedDict):
    """A batch of changes of one shard, in order. The last batch of a tumbling window is empty."""

    Records: list[StreamRecord]
    shardId: NotRequired[str]
