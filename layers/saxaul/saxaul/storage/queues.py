"""Sends messages to the queues."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from saxaul.messages.bodies import CheckpointMessage, ErasureMessage, PlantingMessage, RedemptionMessage
from saxaul.storage.clients import sqs

if TYPE_CHECKING:
    from saxaul.trees.redemptions import Redemption


def send_actions(queue_url: str, app: str, bodies: Iterable[str]) -> None:
    """Send message bodies with an app's actions. Each app is a message group, so the queue serves the apps in turn.

    Each body is filled to at most 64 KB. SQS bills each 64 KB as one request, even within a batch, so sending the
    bodies in batches would save nothing.
    """
    for body in bodies:
        sqs().send_message(QueueUrl=queue_url, MessageBody=body, MessageGroupId=app)


def send_redemption(queue_url: str, redemption: "Redemption") -> None:
    """Queue a redemption after the earlier ones of its project. For five minutes, the queue drops duplicates."""
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
    """Queue a message to place an order for a project.

    ``after`` identifies the cause of the message: a run of the planting batch, or the order that was placed before. For
    five minutes, the queue drops further messages with the same ``after``.
    """
    sqs().send_message(
        QueueUrl=queue_url,
        MessageBody=PlantingMessage(project_id=project_id).model_dump_json(),
        MessageGroupId=project_id,
        MessageDeduplicationId=after,
    )


def send_leaves(queue_url: str) -> None:
    """Queue a message that there are new leaves, which the sequencer reads from the ledger."""
    sqs().send_message(QueueUrl=queue_url, MessageBody="{}")


def send_checkpoint(queue_url: str, size: int) -> None:
    """Queue a message that the checkpoint of a tree with this many leaves is published."""
    sqs().send_message(QueueUrl=queue_url, MessageBody=CheckpointMessage(size=size).model_dump_json())


def send_erasure(queue_url: str, name: str, delay: int = 0) -> None:
    """Queue the next step of an erasure. ``name`` is that of its mark; the message comes after ``delay`` seconds."""
    body = ErasureMessage(name=name).model_dump_json()
    sqs().send_message(QueueUrl=queue_url, MessageBody=body, DelaySeconds=delay)
