"""What SQS hands to a function, and how the function says which messages to deliver again."""

from collections.abc import Iterable
from typing import TypedDict


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
