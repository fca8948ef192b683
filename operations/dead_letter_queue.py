"""Lists, moves and deletes the messages of a dead-letter queue. Listing removes no message, and moving loses none."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HIDDEN_SECONDS = 300
"""How many seconds a received message is hidden from other consumers, unless it is made visible earlier."""

WAIT_SECONDS = 1
"""Seconds to wait for a message. Only with a wait does SQS ask all of its servers, so that no message is missed."""

BATCH = 10
"""The most messages that SQS accepts or returns in one request."""


def count_messages(client: "SQSClient", url: str) -> int:
    """Return about how many messages a queue has, those included that somebody is processing or looking at."""
    found = client.get_queue_attributes(
        QueueUrl=url,
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ],
    )
    return sum(map(int, found["Attributes"].values()))


REDRIVEN = "saxaul-redriven"
"""The attribute of a message that was moved back once. SQS keeps it if the message becomes a dead letter again."""


class AbsentMessageError(Exception):
    """The queue did not return the message."""


class DeadLetters:
    """The messages of a dead-letter queue, as a context manager.

    A received message is hidden from other consumers. On exit, the messages that were not deleted become visible again.
    """

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url
        self._receipts: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        handles = list(self._receipts.values())
        for start in range(0, len(handles), BATCH):
            entries: Any = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles[start : start + BATCH])
            ]
            self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def __iter__(self) -> Iterator["MessageTypeDef"]:
        """Yield each message once. From one group of a FIFO queue, SQS returns at most ten until these are deleted."""
        while True:
            received = self._receive()
            fresh = [message for message in received if message["MessageId"] not in self._receipts]
            self._receipts.update({message["MessageId"]: message["ReceiptHandle"] for message in received})
            if not fresh:
                return
            yield from fresh

    def count(self) -> int:
        """Return the approximate number of messages."""
        counts = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(counts["Attributes"]["ApproximateNumberOfMessages"])

    def find(self, message_id: str) -> "MessageTypeDef":
        """Return one message.

        Raises:
            AbsentMessageError: the message is not in the queue, or is behind ten others of its group in a FIFO queue.
        """
        for message in self:
            if message["MessageId"] == message_id:
                return message
        raise AbsentMessageError(f"Message {message_id} is not available in {self._url}.")

    def delete(self, message: "MessageTypeDef") -> None:
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        self._receipts.pop(message["MessageId"])

    def move(self, message: "MessageTypeDef", target_url: str, body: str) -> None:
        """Send a message to another queue with this body and a mark that it was redriven, then delete it from here.

        If the process ends between the two steps, the message is in both queues. This is harmless, because the
        functions recognize a duplicate.
        """
        attributes = message["Attributes"]
        mark: Any = {REDRIVEN: {"DataType": "String", "StringValue": "yes"}}
        extra: dict[str, Any] = {"MessageAttributes": {**message.get("MessageAttributes", {}), **mark}}
        if "MessageGroupId" in attributes:
            extra["MessageGroupId"] = attributes["MessageGroupId"]
        if target_url.endswith(".fifo"):
            # For five minutes after a message, SQS silently drops another one with the same MessageDeduplicationId.
            extra["MessageDeduplicationId"] = message["MessageId"]
        self._client.send_message(QueueUrl=target_url, MessageBody=body, **extra)
        self.delete(message)

    @staticmethod
    def was_redriven(message: "MessageTypeDef") -> bool:
        """Return whether a message was moved back before, and became a dead letter again."""
        return REDRIVEN in message.get("MessageAttributes", {})

    def _receive(self) -> list["MessageTypeDef"]:
        response = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=WAIT_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return response.get("Messages", [])
