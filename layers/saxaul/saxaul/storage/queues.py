"""Sending to the queues."""

from collections.abc import Iterable

from saxaul.messages.bodies import PlantingMessage, RedemptionMessage
from saxaul.storage.clients import sqs
from saxaul.trees.redemptions import Redemption


def send_actions(queue_url: str, app: str, bodies: Iterable[str]) -> None:
    """Send packed actions, each app a group of its own, so that the queue serves the apps in turn.

    A message of 64 KB is billed as one request, in a batch or alone, so each is sent alone.
    """
    for body in bodies:
        sqs().send_message(QueueUrl=queue_url, MessageBody=body, MessageGroupId=app)


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


def send_planting(queue_url: str, project_id: str, after: str) -> None:
    """Queue an order for a project. ``after`` names what it follows: within five minutes, repeats are dropped."""
    sqs().send_message(
        QueueUrl=queue_url,
        MessageBody=PlantingMessage(project_id=project_id).model_dump_json(),
        MessageGroupId=project_id,
        MessageDeduplicationId=after,
    )
