"""Access to a dead-letter queue for an operator: listing removes no message, and moving loses none."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HELD_SECONDS = 300
"""How many seconds a received message is hidden from other consumers. On exit, it becomes visible at once."""

WAIT_SECONDS = 1
"""Long polling: with any wait, SQS queries all of its servers, so an empty response means that the queue is empty."""

BATCH = 10
"""The most messages that SQS returns in one response."""


class AbsentMessageError(Exception):
    """The queue did not return the message."""


class DeadLetters:
    """The messages of a dead-letter queue. On exit, the messages that were not deleted become visible again."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url
        self._held: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        handles = list(self._held.values())
        for start in range(0, len(handles), BATCH):
            entries: Any = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles[start : start + BATCH])
            ]
            self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def __iter__(self) -> Iterator["MessageTypeDef"]:
        """Return each message once. From one group of a FIFO queue, SQS returns only ten until these are deleted."""
        while True:
            received = self._receive()
            fresh = [message for message in received if message["MessageId"] not in self._held]
            self._held.update({message["MessageId"]: message["ReceiptHandle"] for message in received})
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
            AbsentMessageError: the message is not in the queue, or it is behind other messages of its group.
        """
        for message in self:
            if message["MessageId"] == message_id:
                return message
        raise AbsentMessageError(f"Message {message_id} is not available in {self._url}.")

    def delete(self, message: "MessageTypeDef") -> None:
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        self._held.pop(message["MessageId"])

    def move(self, message: "MessageTypeDef", target_url: str, body: str) -> None:
        """Send a message to another queue, then delete it here.

        After a crash in between, the message exists twice, which is harmless.
        """
        attributes = message["Attributes"]
        extra: dict[str, Any] = {"MessageAttributes": message.get("MessageAttributes", {})}
        if "MessageGroupId" in attributes:
            extra["MessageGroupId"] = attributes["MessageGroupId"]
        if target_url.endswith(".fifo"):
            # With its first MessageDeduplicationId, the queue would silently drop a message of the last five minutes.
            extra["MessageDeduplicationId"] = message["MessageId"]
        self._client.send_message(QueueUrl=target_url, MessageBody=body, **extra)
        self.delete(message)

    def _receive(self) -> list["MessageTypeDef"]:
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=HELD_SECONDS,
            WaitTimeSeconds=WAIT_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return answer.get("Messages", [])
