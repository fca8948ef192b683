"""Counts the messages in the queues of a stack, and waits until the action queue has few messages or none."""

import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.calls import StoppedError
from local.client import client_arguments_of_stack, stack
from local.console import progress
from local.sam import emulator_log

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

PATIENCE = 120
"""The queue counts as stuck after this many seconds in which it neither shrinks nor has messages in flight."""


class Waiting(NamedTuple):
    """The numbers of messages in a queue.

    ``visible`` counts those that no worker has received, ``in_flight`` those that were received but not yet deleted.
    """

    visible: int
    in_flight: int


def wait_until_empty(patience: float = PATIENCE) -> None:
    """Wait until the action queue is empty, and show the progress.

    Raises:
        StoppedError: the queue is stuck: it has not moved for ``patience`` seconds.
    """
    most = sum(waiting_in("actions"))
    with progress("waiting for the queue", "messages", most) as tell:
        left = wait_for_queue(lambda: waiting_in("actions"), 0, patience, lambda now: tell(max(0, most - sum(now))))
    if any(left):
        raise StoppedError(_stuck_message(left, patience))


def wait_until_few(few: int, on_wait: Callable[[], None]) -> None:
    """Wait until the action queue has at most ``few`` messages, and call ``on_wait`` repeatedly in the meantime.

    Raises:
        StoppedError: the queue is stuck: it has not moved for two minutes.
    """
    left = wait_for_queue(lambda: waiting_in("actions"), few, PATIENCE, lambda _: on_wait())
    if sum(left) > few:
        raise StoppedError(_stuck_message(left, PATIENCE))


def wait_for_queue(
    count: Callable[[], Waiting],
    few: int,
    patience: float,
    tell: Callable[[Waiting], None] = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
) -> Waiting:
    """Wait until a queue has at most ``few`` messages, or is stuck, and return how many messages are left.

    A queue moves while it shrinks or has messages in flight. It is stuck if it has not moved for ``patience`` seconds,
    counted in pauses of 0.3 s. After each pause, ``tell`` is called with the current numbers.
    """
    before = count()
    needed = 1 if few else 2  # an empty queue must be counted twice, because one count may miss a message
    reached, unmoved = int(sum(before) <= few), 0.0
    while reached < needed and unmoved < patience:
        pause(0.3)
        now = count()
        reached = reached + 1 if sum(now) <= few else 0
        unmoved = 0.0 if now.in_flight or now.visible < before.visible else unmoved + 0.3
        before = now
        tell(now)
    return before


def waiting_in(queue: str) -> Waiting:
    """Return how many messages a queue of the selected stack has.

    Raises:
        StoppedError: the queue could not be read.
    """
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    try:
        url = stack()["queues"][queue]
        found = _sqs(stack()["endpoint_url"]).get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    except (BotoCoreError, ClientError) as error:
        raise StoppedError(
            f"The stack does not respond ({error}). If it is the laptop stack, start it with: make up"
        ) from error
    return Waiting(*(int(found[name]) for name in names))


@cache
def _sqs(_: str | None) -> "SQSClient":
    """Return a client for the selected stack, which has this endpoint. A process may use two stacks in turn."""
    return boto3.client("sqs", **client_arguments_of_stack(stack()))


def _stuck_message(left: Waiting, patience: float) -> str:
    return (
        f"{sum(left):,} messages of accepted actions are waiting in the queue, and none was processed for "
        f"{patience:g} seconds. They are not lost. {emulator_log()} may say why; `make up` updates the "
        "stack. You can replay the file again today: an action that has arrived does not count twice."
    )
