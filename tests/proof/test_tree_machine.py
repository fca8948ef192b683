"""Trees stay correct for any reports in any order, with workers that are killed at any AWS call."""

import os
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from saxaul.services.take_reports import Take
from saxaul.trees.report_rules import Reported, confirm, fail, inspect
from tests.builders import confirmation, failure, inspection
from tests.proof.fuse import Fuse, KilledError, put_in
from tests.proof.nursery import Nursery

PROJECTS = ("saxaul-alxa", "willow-yili")
WORDS: dict[str, tuple[Take, Callable[[str], object]]] = {
    "planted": (confirm, confirmation),
    "failed": (fail, failure),
    "alive": (inspect, lambda number: inspection(number, "alive")),
    "dead": (inspect, lambda number: inspection(number, "dead")),
    "replaced": (inspect, lambda number: inspection(number, "replaced")),
}
deaths = st.one_of(st.none(), st.tuples(st.integers(1, 25), st.booleans()))
"""The number of the AWS call at which a worker is killed, and whether that call takes effect; None for no kill."""


class TreeMachine(RuleBasedStateMachine):
    """Users request trees, batches order them, and the partner sends any report for any order, sensible or not."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.count = 0

    def teardown(self) -> None:
        self.patch.undo()

    @initialize()
    def deploy(self) -> None:
        self.nursery = Nursery(self.patch, PROJECTS)
        self.reserve(0, 2, PROJECTS[0])
        self.batch(None)

    @rule(user=st.integers(0, 2), trees=st.integers(1, 3), project_id=st.sampled_from(PROJECTS))
    def reserve(self, user: int, trees: int, project_id: str) -> None:
        self.count += 1
        self.nursery.reserve(f"u-{user}", f"key-{self.count}", trees, project_id)

    @rule(death=deaths)
    def batch(self, death: tuple[int, bool] | None) -> None:
        self._work(self.nursery.batch, death)

    @rule(
        word=st.sampled_from(sorted(WORDS)),
        picked=st.integers(0, 100),
        some=st.lists(st.integers(0, 5), min_size=1, max_size=4),
        death=deaths,
    )
    def report(self, word: str, picked: int, some: list[int], death: tuple[int, bool] | None) -> None:
        orders = self.nursery.announced
        if not orders:
            return
        order = orders[-1 - picked % len(orders)]
        take, say = WORDS[word]
        words = [say(order.trees[place % len(order.trees)].number) for place in some]

        def call() -> Reported:
            return self.nursery.report(order, take, words)

        self._work(call, death)
        again = call()
        assert not again.changed, "a repeated API call changed something"

    def _work(self, work: Callable[[], object], death: tuple[int, bool] | None) -> None:
        """Do the work. If a death is given, first do it with a worker that is killed."""
        world = self.nursery.world
        if death:
            place, served = death
            put_in(world, Fuse(place.__eq__, served=served))
            try:
                work()
            except KilledError:
                world.start_workers()
            finally:
                vars(world).update(world.sound)
            self.nursery.check()
        work()

    @invariant()
    def is_sound(self) -> None:
        self.nursery.check()


TestTrees = TreeMachine.TestCase
TestTrees.settings = settings.get_profile(f"proof-{os.environ.get('SAXAUL_PROFILE', 'short')}")
