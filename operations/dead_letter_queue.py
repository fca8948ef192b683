"""A dead-letter queue as an operator handles it: looked into without taking, emptied without losing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HELD_SECONDS = 300
"""How long a message is out of sight while we look; when we are done, it is back at once."""

WAIT_SECONDS = 1
"""Any wait makes SQS ask all of its servers, so that an empty answer means an empty queue."""

BATCH = 10
"""The most messages that SQS hands out at once."""


class AbsentMessageError(Exception):
    """The queue did not hand out that message."""


class DeadLetters:
    """The messages of a dead-letter queue. Those that are left when it is closed are in sight again."""

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
        """Each message once. Of one group of a FIFO queue these are the first ten, until they are deleted."""
        while True:
            received = self._receive()
            fresh = [message for message in received if message["MessageId"] not in self._held]
            self._held.update({message["MessageId"]: message["ReceiptHandle"] for message in received})
            if not fresh:
                return
            yield from fresh

    def count(self) -> int:
        """About how many messages there are."""
        counts = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(counts["Attributes"]["ApproximateNumberOfMessages"])

    def find(self, message_id: str) -> "MessageTypeDef":
        """One message.

        Raises:
            AbsentMessageError: it is not there, or behind others of its group.
        """
        for message in self:
            if message["MessageId"] == message_id:
                return message
        raise AbsentMessageError(f"There is no message {message_id} to be had in {self._url}.")

    def delete(self, message: "MessageTypeDef") -> None:
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        self._held.pop(message["MessageId"])

    def move(self, message: "MessageTypeDef", target_url: str, body: str) -> None:
        """Send before deleting: whatever stops us in between leaves it twice, and twice does no harm."""
        attributes = message["Attributes"]
        extra: dict[str, Any] = {"MessageAttributes": message.get("MessageAttributes", {})}
        if "MessageGroupId" in attributes:
            extra["MessageGroupId"] = attributes["MessageGroupId"]
        if target_url.endswith(".fifo"):
            # Under its first MessageDeduplicationId the queue would silently drop it, if that was sent minutes ago.
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
