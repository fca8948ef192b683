"""A table and a user pool in memory, with workers that register apps, and what must hold of both in the end."""

import random
from collections.abc import Callable, Sequence
from threading import Semaphore, Thread, get_ident
from typing import Any

import pytest

from saxaul.catalog.apps import App, AppRecord
from saxaul.catalog.conditions import Condition
from saxaul.problems import Problem
from saxaul.races import ContendedError
from saxaul.services.end_overlaps import OverlapEnding
from saxaul.services.manage_apps import LEFT_OVER_AFTER, AppManagement, Registered
from saxaul.services.rotate_secrets import Rotated, SecretRotation
from saxaul.storage.apps import Apps
from saxaul.storage.identity import Identity
from saxaul.storage.registry import CLIENTS, Registry
from saxaul.storage.table import Table, python
from tests.builders import NOON, make_calendar
from tests.clocks import StoppedClock
from tests.memory_cognito import POOL, MemoryCognito
from tests.proof.memory_dynamodb import MemoryDynamoDB

BIKES = App(name="Bikes", kind="first_party")
FEWER = App(name="Bikes", kind="first_party", scopes=("actions.write",))
OTHER = App(name="Better bikes", kind="first_party", scopes=("actions.write", "wallets.read"))
OVERLAP = 1000


class KilledError(BaseException):
    """The worker was killed at a call. ``except Exception`` does not catch it."""


class Registering:
    """The registry of apps, and what operators do with the app ``bikes``.

    ``meet`` is called with each AWS call, and makes it.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.clock = StoppedClock(NOON)
        self.cognito = MemoryCognito(self.clock)
        self.dynamodb = MemoryDynamoDB()
        self.meet: Callable[[Callable[[], Any]], Any] = lambda call: call()
        patch.setattr("saxaul.storage.table.dynamodb", lambda: _Met(self, self.dynamodb))
        patch.setattr("saxaul.storage.identity.cognito", lambda: _Met(self, self.cognito))
        self.table = Table("Catalog", self.clock)
        self.management = AppManagement(Apps(self.table), Identity(POOL), self.clock)
        self.rotation = SecretRotation(self.management, make_calendar())

    def put(self, app: App = BIKES) -> Registered:
        return self.management.put("bikes", app, Condition(), "operator")

    def rotate(self, overlap: int = OVERLAP) -> Rotated:
        return self.rotation.rotate("bikes", overlap)

    def end_newest(self) -> AppRecord:
        return self.rotation.end_secret("bikes", self.management.read("bikes").secrets[-1].secret_id)

    def end_oldest(self) -> AppRecord:
        return self.rotation.end_secret("bikes", self.management.read("bikes").secrets[0].secret_id)

    def suspend(self) -> AppRecord:
        return self.management.set_state("bikes", "suspended", "operator")

    def end(self) -> AppRecord:
        return self.management.end("bikes", "operator")

    def sweep(self) -> object:
        return OverlapEnding(self.rotation).run()

    def let_everything_end(self) -> None:
        """Let the time pass after which nothing is under way any more, with the runs of EndOverlaps."""
        for seconds in (60, LEFT_OVER_AFTER, OVERLAP, 0):
            self.clock.instant += seconds
            self.sweep()

    def values(self) -> set[str]:
        """Return the secrets with which the app gets tokens."""
        record = self.management.apps.get("bikes")
        return self.cognito.values_of(record.client_id) if record else set()

    def check_at_any_time(self) -> None:
        """Check what holds of each client of Cognito, also while requests are under way."""
        assert all(1 <= len(client["secrets"]) <= 2 for client in self.cognito.clients.values())

    def check(self) -> tuple[Any, ...]:
        """Check that the table and the user pool agree, and that nothing is left. Return what the app is now."""
        self.check_at_any_time()
        record = self.management.apps.get("bikes")
        others = [item for item in map(python, self.dynamodb.tables["Catalog"].values()) if item["pk"] != "apps"]
        if record is None or record.state == "ended":
            assert (self.cognito.clients, others) == ({}, [])
            return ("ended" if record else "never registered",)
        assert self.cognito.named("bikes") == [record.client_id] == list(self.cognito.clients)
        client = self.cognito.clients[record.client_id]
        assert client["AllowedOAuthScopes"] == [f"saxaul/{scope}" for scope in record.app.granted_scopes]
        assert [(item["pk"], item["sk"]) for item in others] == [(CLIENTS, record.client_id)]
        assert Registry(self.table).find(record.client_id) == record.client
        assert (record.claim, record.syncing) == (None, None)
        assert [(secret.secret_id, secret.ends_at) for secret in record.secrets] == [
            (secret_id, None) for secret_id in client["secrets"]
        ]
        return record.state, record.app, len(client["secrets"])


class _Met:
    """A client whose calls go through ``meet``."""

    def __init__(self, world: Registering, client: Any) -> None:  # noqa: ANN401 - any client
        self._world = world
        self._client = client

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any call
        found = getattr(self._client, name)
        if isinstance(found, type):
            return found
        return lambda **arguments: self._world.meet(lambda: found(**arguments))


class Killing:
    """Counts the calls, and kills the worker at one of them: before it, or after it took effect."""

    def __init__(self, at: int, *, takes_effect: bool) -> None:
        self.calls = 0
        self._at = at
        self._takes_effect = takes_effect

    def __call__(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - any answer
        self.calls += 1
        if self.calls != self._at:
            return call()
        if self._takes_effect:
            call()
        raise KilledError


def interleave(world: Registering, works: Sequence[Callable[[], Any]], seed: int) -> list[Any]:
    """Run several workers, of which a random one makes the next AWS call. Return their results, or their problems.

    In some runs, it is often the one that made the last call.
    """
    chance, turns, done = random.Random(seed), [Semaphore(0) for _ in works], Semaphore(0)
    results: list[Any] = [None] * len(works)
    running = set(range(len(works)))
    own: dict[int | None, int] = {}

    def meet(call: Callable[[], Any]) -> Any:  # noqa: ANN401 - any answer
        number = own[get_ident()]
        done.release()
        turns[number].acquire()
        answer = call()
        world.check_at_any_time()
        return answer

    def run(number: int) -> None:
        own[get_ident()] = number
        turns[number].acquire()
        try:
            results[number] = works[number]()
        except (Problem, ContendedError) as problem:
            results[number] = problem
        except Exception as error:  # noqa: BLE001 - raised again in the test
            results[number] = AssertionError(repr(error))
        running.discard(number)
        done.release()

    world.meet = meet
    threads = [Thread(target=run, args=(number,)) for number in running]
    for thread in threads:
        thread.start()
    stays, last = chance.choice((0.0, 0.5, 0.8)), 0
    while running:
        last = last if last in running and chance.random() < stays else chance.choice(sorted(running))
        turns[last].release()
        done.acquire()
    for thread in threads:
        thread.join()
    world.meet = lambda call: call()
    for result in results:
        if isinstance(result, AssertionError):
            raise result
    return results
