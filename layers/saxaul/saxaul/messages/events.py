"""The Lambda events that contain queue messages or stream records, and the response that asks for redelivery."""

from collections.abc import Iterable
from typing import Any, NotRequired, TypedDict


class QueueRecord(TypedDict):
    """One queue message of a batch. The fields that no function uses are left out."""

    messageId: str
    body: str


class QueueEvent(TypedDict):
    """A batch of queue messages, the event of one invocation."""

    Records: list[QueueRecord]


class FailedMessage(TypedDict):
    itemIdentifier: str


class QueueResponse(TypedDict):
    """A function's response to a batch of messages. It lists the messages that the queue must redeliver.

    Lambda deletes every other message of the batch from the queue.
    """

    batchItemFailures: list[FailedMessage]


def redeliver(message_ids: Iterable[str]) -> QueueResponse:
    """Return the response that makes the queue redeliver these messages."""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in message_ids]}


class StreamRecord(TypedDict):
    """One change of a DynamoDB item. ``dynamodb`` has the item before and after the change, and when it was made.

    The fields that no function uses are left out.
    """

    eventName: str
    dynamodb: dict[str, Any]


class StreamEvent(TypedDict):
    """A batch of changes of one shard, in the order of the changes.

    Lambda groups these batches by time, in tumbling windows. The last batch of each tumbling window is empty.
    """

    Records: list[StreamRecord]
    shardId: NotRequired[str]


def age_of_oldest(records: Iterable[StreamRecord], now: float) -> int | None:
    """Return how many seconds ago the first of these changes was made. ``now`` is an instant in seconds.

    It is None if no record says when its change was made. DynamoDB says it to the second, by its own clock.
    """
    made = [record["dynamodb"].get("ApproximateCreationDateTime") for record in records]
    return max((round(now - at) for at in made if at is not None), default=None)
