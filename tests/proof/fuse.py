"""Kills a worker at a call to AWS: before the call is made, or after it was served and before anybody knew."""

from collections.abc import Callable
from typing import Any

from tests.proof.world import World


class KilledError(BaseException):
    """The worker is gone. It is no Exception, so nothing in the worker can catch it."""


class Fuse:
    """Counts the calls of all clients, and kills at those that ``blows`` names."""

    def __init__(self, blows: Callable[[int], bool], *, served: bool) -> None:
        self.calls = 0
        self._blows = blows
        self._served = served

    def __call__(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any call
        self.calls += 1
        if not self._blows(self.calls):
            return call(*args, **kwargs)
        if self._served:
            call(*args, **kwargs)
        raise KilledError


class Fused:
    """A client whose calls go through a fuse."""

    def __init__(self, client: Any, fuse: Fuse) -> None:  # noqa: ANN401 - any client
        self._client = client
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any call
        found = getattr(self._client, name)
        if not callable(found) or isinstance(found, type):
            return found
        return lambda *args, **kwargs: self._fuse(found, *args, **kwargs)


def put_in(world: World, fuse: Fuse) -> None:
    for name in ("dynamodb", "sqs", "s3", "eventbridge", "kms"):
        setattr(world, name, Fused(getattr(world, name), fuse))


def survive(world: World, work: Callable[[], object]) -> None:
    """Do work that may be killed, again with new workers until it is done: a redelivery, or a caller's repetition."""
    while True:
        try:
            work()
        except KilledError:
            world.start_workers()
        else:
            return
