"""Counts the messages in the action queue of the laptop stack, and waits until there are few or none."""

import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.calls import StoppedError
from local.client import session_to, stack
from local.console import progress
from local.sam import state

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

PATIENCE = 120
"""Seconds without any movement after which the queue counts as stuck."""


class Waiting(NamedTuple):
    """The messages in a queue: those not received yet, and those received but not deleted yet."""

    visible: int
    in_flight: int


def work_off(patience: float = PATIENCE) -> None:
    """Wait until the action queue is empty, and show the progress.

    Raises:
        StoppedError: nothing has moved for ``patience`` seconds.
    """
    most = sum(messages_in("actions"))
    with progress("waiting for the queue", "messages", most) as tell:
        left = watch(lambda: messages_in("actions"), 0, patience, lambda now: tell(max(0, most - sum(now))))
    if any(left):
        raise StoppedError(_standing_still(left, patience))


def ease(few: int, waiting: Callable[[], None]) -> None:
    """Wait until the action queue has at most ``few`` messages, and call ``waiting`` repeatedly in the meantime.

    Raises:
        StoppedError: nothing has moved for two minutes.
    """
    left = watch(lambda: messages_in("actions"), few, PATIENCE, lambda _: waiting())
    if sum(left) > few:
        raise StoppedError(_standing_still(left, PATIENCE))


def watch(
    count: Callable[[], Waiting],
    few: int,
    patience: float,
    tell: Callable[[Waiting], None] = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
) -> Waiting:
    """Wait until a queue has at most ``few`` messages, or is stuck, and return the messages that are left.

    A queue moves while it shrinks or has messages in flight. It is stuck if nothing has moved for ``patience`` seconds,
    counted in pauses of 0.3 s.
    """
    before = count()
    sure = 1 if few else 2  # an empty queue must be seen twice: one count may miss a message
    seen, still = int(sum(before) <= few), 0.0
    while seen < sure and still < patience:
        pause(0.3)
        now = count()
        seen = seen + 1 if sum(now) <= few else 0
        still = 0.0 if now.in_flight or now.visible < before.visible else still + 0.3
        before = now
        tell(now)
    return before


def messages_in(queue: str) -> Waiting:
    """Return how many messages a queue of the stack has.

    Raises:
        StoppedError: the stack does not answer.
    """
    names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    try:
        url = stack()["queues"][queue]
        found = _sqs().get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    except (BotoCoreError, ClientError) as error:
        raise StoppedError(f"The stack does not answer ({error}). Start the stack with: make up") from error
    return Waiting(*(int(found[name]) for name in names))


@cache
def _sqs() -> "SQSClient":
    return boto3.client("sqs", **session_to(stack()))


def _standing_still(left: Waiting, patience: float) -> str:
    return (
        f"{sum(left):,} messages of accepted actions are waiting, and none has moved for {patience:g} seconds. They "
        f"are not lost. {state() / 'ministack.log'} may say why; `make up` updates the stack. You can replay the file "
        "again today: actions that have arrived do not count twice."
    )
