"""Apps stay correct if a worker is killed at any of its AWS calls, and if workers race each other."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest

from saxaul.problems import Problem
from saxaul.services.manage_apps import LEFT_OVER_AFTER, Registered
from saxaul.services.rotate_secrets import CLAIMED_FOR, Rotated
from tests.proof.registering import BIKES, FEWER, OTHER, OVERLAP, KilledError, Killing, Registering, interleave

Work = Callable[[Registering], Any]

SEEDS = range(80)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Registering]]:
    return lambda: Registering(monkeypatch)  # type: ignore[return-value]


def nothing(_: Registering) -> None:
    pass


def registered(world: Registering) -> None:
    world.put()


def rotated(world: Registering) -> None:
    world.put()
    world.rotate()


def overlap_over(world: Registering) -> None:
    rotated(world)
    world.clock.instant += OVERLAP


def crashed_rotation(world: Registering) -> None:
    """A rotation that crashed after it added a secret, so long ago that its claim is over."""
    world.put()
    world.rotation._claim("bikes")  # noqa: SLF001 - what a rotation does before it crashes
    world.management.identity.add_secret(world.management.read("bikes").client_id)
    world.clock.instant += CLAIMED_FOR


def crashed_registration(world: Registering) -> None:
    """A registration that crashed after it made a client, so long ago that the client is left over."""
    world.meet = Killing(4, takes_effect=False)
    with pytest.raises(KilledError):
        world.put()
    world.meet = lambda call: call()
    assert len(world.cognito.clients) == 1
    world.clock.instant += LEFT_OVER_AFTER


def almost_over(world: Registering) -> None:
    rotated(world)
    world.clock.instant += OVERLAP - 1


def sweep_a_second_later(world: Registering) -> None:
    world.clock.instant += 1
    world.sweep()


CRASHES: dict[str, tuple[Work, Work]] = {
    "register": (nothing, lambda world: world.put()),
    "change": (registered, lambda world: world.put(FEWER)),
    "rotate": (registered, lambda world: world.rotate()),
    "rotate at once": (registered, lambda world: world.rotate(0)),
    "rotate after an overlap": (overlap_over, lambda world: world.rotate()),
    "rotate after a crash": (crashed_rotation, lambda world: world.rotate()),
    "end the old secret": (rotated, lambda world: world.end_oldest()),
    "end the new secret": (rotated, lambda world: world.end_newest()),
    "suspend": (registered, lambda world: world.suspend()),
    "resume": (
        lambda world: (world.put(), world.suspend()),
        lambda world: world.management.set_state("bikes", "active", "operator"),
    ),
    "end": (rotated, lambda world: world.end()),
    "end overlaps": (overlap_over, lambda world: world.sweep()),
    "end overlaps after a crash": (crashed_rotation, lambda world: world.sweep()),
}


def by_an_operator(world: Registering, work: Work) -> Any:  # noqa: ANN401 - any result
    """Do the work as an operator does who had no answer: again, and after a while if another request is under way.

    If the app has two valid secrets, the operator has seen the value of the older one only, and ends the newer one.
    """
    for _ in range(4):
        try:
            return work(world)
        except Problem as problem:
            if problem.code != "rotation_in_progress":
                return problem.code
        secrets = world.management.read("bikes").secrets
        if len(secrets) > 1 and not secrets[0].is_over(world.clock.now()):
            world.rotation.end_secret("bikes", secrets[-1].secret_id)
        else:
            world.clock.instant += CLAIMED_FOR
    raise AssertionError("the work cannot be done")


@pytest.mark.parametrize("takes_effect", [False, True], ids=["before the call", "after the call"])
@pytest.mark.parametrize("name", CRASHES)
def test_a_worker_killed_at_any_call_leaves_what_a_repeat_completes(
    name: str, world: Callable[[], Registering], *, takes_effect: bool
) -> None:
    prepare, work = CRASHES[name]
    undisturbed = world()
    prepare(undisturbed)
    work(undisturbed)
    undisturbed.let_everything_end()
    expected = undisturbed.check()

    for at in count(1):
        crashed = world()
        prepare(crashed)
        killing = crashed.meet = Killing(at, takes_effect=takes_effect)
        try:
            work(crashed)
        except KilledError:
            crashed.meet = lambda call: call()
        else:
            assert killing.calls == at - 1 > 0
            return
        crashed.check_at_any_time()
        result = by_an_operator(crashed, work)
        seen = {result.secret} if isinstance(result, Rotated) else set()
        assert seen <= crashed.values()
        crashed.let_everything_end()
        assert crashed.check() == expected, f"killed at call {at}"
        assert seen <= crashed.values()


@pytest.mark.parametrize("takes_effect", [False, True], ids=["before the call", "after the call"])
@pytest.mark.parametrize("name", CRASHES)
def test_a_worker_killed_at_any_call_leaves_no_client_and_no_secret_for_good_even_without_a_repeat(
    name: str, world: Callable[[], Registering], *, takes_effect: bool
) -> None:
    prepare, work = CRASHES[name]
    for at in count(1):
        crashed = world()
        prepare(crashed)
        crashed.meet = Killing(at, takes_effect=takes_effect)
        try:
            work(crashed)
        except KilledError:
            crashed.meet = lambda call: call()
        else:
            return
        crashed.let_everything_end()
        crashed.check()


RACES: dict[str, tuple[Work, list[Work]]] = {
    "two registrations": (nothing, [lambda world: world.put(), lambda world: world.put()]),
    "three registrations": (nothing, [lambda world: world.put()] * 3),
    "a registration and the end of a crashed one": (
        crashed_registration,
        [lambda world: world.put(), lambda world: world.sweep()],
    ),
    "two registrations of different apps": (nothing, [lambda world: world.put(), lambda world: world.put(OTHER)]),
    "two rotations": (registered, [lambda world: world.rotate(), lambda world: world.rotate()]),
    "two rotations at once": (registered, [lambda world: world.rotate(0), lambda world: world.rotate(0)]),
    "a rotation and a change": (registered, [lambda world: world.rotate(), lambda world: world.put(FEWER)]),
    "two changes": (registered, [lambda world: world.put(FEWER), lambda world: world.put(OTHER)]),
    "a change and its opposite": (
        lambda world: (world.put(), world.put(FEWER)),
        [lambda world: world.put(BIKES), lambda world: world.put(FEWER), lambda world: world.put(OTHER)],
    ),
    "a change and a suspension": (registered, [lambda world: world.put(FEWER), lambda world: world.suspend()]),
    "a rotation and the end": (registered, [lambda world: world.rotate(), lambda world: world.end()]),
    "a change and the end": (registered, [lambda world: world.put(FEWER), lambda world: world.end()]),
    "two ends": (rotated, [lambda world: world.end(), lambda world: world.end()]),
    "the end of an overlap and of the new secret": (
        overlap_over,
        [lambda world: world.sweep(), lambda world: world.end_newest()],
    ),
    "the end of the new secret while the overlap ends": (
        almost_over,
        [lambda world: world.end_newest(), sweep_a_second_later],
    ),
    "the end of both secrets": (rotated, [lambda world: world.end_oldest(), lambda world: world.end_newest()]),
    "a rotation and the end of an overlap": (
        overlap_over,
        [lambda world: world.sweep(), lambda world: world.rotate()],
    ),
    "a rotation after a crash and the end of overlaps": (
        crashed_rotation,
        [lambda world: world.sweep(), lambda world: world.rotate()],
    ),
    "two runs of the end of overlaps": (overlap_over, [lambda world: world.sweep(), lambda world: world.sweep()]),
}


@pytest.mark.parametrize("name", RACES)
def test_workers_that_race_each_other_leave_one_client_and_the_secrets_that_they_returned(
    name: str, world: Callable[[], Registering]
) -> None:
    prepare, works = RACES[name]
    for seed in SEEDS:
        raced = world()
        prepare(raced)

        results = interleave(raced, [partial(work, raced) for work in works], seed)

        shown = {result.secret for result in results if isinstance(result, Registered | Rotated) and result.secret}
        is_ended = raced.management.read("bikes").state == "ended"
        assert is_ended or shown <= raced.values() or "at once" in name, f"seed {seed}"
        raced.let_everything_end()
        raced.check()
        assert is_ended or not shown or shown & raced.values(), f"seed {seed}"


def test_of_racing_registrations_exactly_one_gets_the_secret(world: Callable[[], Registering]) -> None:
    for seed in SEEDS:
        raced = world()
        results = interleave(raced, [raced.put, raced.put, raced.put], seed)

        assert len([result for result in results if result.secret]) == 1
        assert {result.record.client_id for result in results} == set(raced.cognito.clients)


def test_of_racing_rotations_one_or_none_is_refused_and_each_secret_that_was_returned_is_valid(
    world: Callable[[], Registering],
) -> None:
    for seed in SEEDS:
        raced = world()
        raced.put()
        results = interleave(raced, [raced.rotate, raced.rotate], seed)

        made = [result for result in results if isinstance(result, Rotated)]
        assert [problem.code for problem in results if isinstance(problem, Problem)] == ["rotation_in_progress"]
        assert {rotated.secret for rotated in made} < raced.values()


def test_a_client_of_a_crashed_registration_stays_for_five_minutes_and_is_then_deleted_but_no_younger_one(
    world: Callable[[], Registering],
) -> None:
    started = world()
    crashed_registration(started)
    started.clock.instant -= 1
    [left] = started.cognito.clients
    started.sweep()
    assert list(started.cognito.clients) == [left]

    made = started.put()
    started.clock.instant += 1
    started.sweep()

    assert list(started.cognito.clients) == [made.record.client_id]
    started.check()
