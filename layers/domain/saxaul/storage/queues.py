"""Sending to the two queues."""

from collections.abc import Sequence

from saxaul.messages import RedemptionMessage
from saxaul.redemptions import Redemption
from saxaul.storage.clients import sqs

_BATCH = 10
"""The most messages that SQS takes in one request."""


class NotSentError(Exception):
    """SQS did not take some of the messages."""


def send_actions(queue_url: str, app: str, bodies: Sequence[str]) -> None:
    """Send packed actions, each app a group of its own, so that the queue serves the apps in turn.

    Raises:
        NotSentError: some messages were not taken; sending all of them again does no harm.
    """
    for start in range(0, len(bodies), _BATCH):
        answer = sqs().send_message_batch(
            QueueUrl=queue_url,
            Entries=[
                {"Id": str(number), "MessageBody": body, "MessageGroupId": app}
                for number, body in enumerate(bodies[start : start + _BATCH])
            ],
        )
        if answer.get("Failed"):
            raise NotSentError(answer["Failed"][0]["Code"])


def send_redemption(queue_url: str, redemption: Redemption) -> None:
    """Queue a redemption behind those of its project that asked before. Within five minutes, repeats are dropped."""
    message = RedemptionMessage(
        project_id=redemption.project_id, user_id=redemption.user_id, redemption_id=redemption.redemption_id
    )
    sqs().send_message(
        QueueUrl=queue_url,
        MessageBody=message.model_dump_json(),
        MessageGroupId=redemption.project_id,
        MessageDeduplicationId=redemption.redemption_id,
    )
