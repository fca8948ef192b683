"""Kills a worker at an AWS call: before the call, or after the call took effect but before it returns."""

from collections.abc import Callable
from typing import Any

from tests.proof.world import World


class KilledError(BaseException):
    """The worker was killed. This is not an ``Exception``, so the worker's ``except Exception`` does not catch it."""


class Fuse:
    """Counts the calls of all clients, and kills the worker at each call number for which ``kills_at`` returns true.

    ``takes_effect``: whether that call takes effect before the worker is killed.
    """

    def __init__(self, kills_at: Callable[[int], bool], *, takes_effect: bool) -> None:
        self.calls = 0
        self._kills_at = kills_at
        self._takes_effect = takes_effect

    def __call__(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any call
        self.calls += 1
        if not self._kills_at(self.calls):
            return call(*args, **kwargs)
        if self._takes_effect:
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


def install(world: World, fuse: Fuse) -> None:
    for name in ("dynamodb", "sqs", "s3", "eventbridge", "kms"):
        setattr(world, name, Fused(getattr(world, name), fuse))


def survive(world: World, work: Callable[[], object]) -> None:
    """Repeat the work with new workers until none is killed, as a redelivery or an app's retry does."""
    while True:
        try:
            work()
        except KilledError:
            world.start_workers()
        else:
            return
