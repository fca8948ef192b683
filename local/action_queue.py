"""The action queue of the laptop stack: how much waits in it, and waiting for it."""

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
"""Seconds without any movement after which the queue is taken to stand still."""


class Waiting(NamedTuple):
    """Messages of a queue: not received yet, and received but not done."""

    visible: int
    in_flight: int


def work_off(patience: float = PATIENCE) -> None:
    """Wait until the action queue is empty, and show how far that is.

    Raises:
        StoppedError: nothing has moved for so many seconds.
    """
    most = sum(messages_in("actions"))
    with progress("waiting for the queue", "messages", most) as tell:
        left = watch(lambda: messages_in("actions"), 0, patience, lambda now: tell(max(0, most - sum(now))))
    if any(left):
        raise StoppedError(_standing_still(left, patience))


def ease(few: int, waiting: Callable[[], None]) -> None:
    """Wait until the action queue has only a few messages; calls ``waiting`` again and again meanwhile.

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
    """Wait while a queue moves, which is while it shrinks or messages are in flight, until it has only a few messages.

    Gives what is left: more than a few if nothing has moved for ``patience`` seconds of pauses, which are 0.3 s each.
    """
    before = count()
    sure = 1 if few else 2  # that a queue is empty is seen twice: a message may be between the two counts
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
    """How many messages a queue of the stack has.

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
        f"{sum(left):,} messages of accepted actions wait, and none has moved for {patience:g} seconds. They are not "
        f"lost. {state() / 'ministack.log'} may say why; `make up` brings the stack up to date. Replay the file again "
        "today: what has arrived does not change."
    )
