"""Trees stay correct for any reports in any order, even if workers are killed at any AWS call."""

import os
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from saxaul.trees.report_rules import (
    ApplyReports,
    apply_confirmations,
    apply_corrections,
    apply_failures,
    apply_inspections,
)
from tests.builders import confirmation, correction, failure, inspection
from tests.proof.fuse import Fuse, KilledError, install
from tests.proof.nursery import Nursery

PROJECTS = ("saxaul-alxa", "willow-yili")
REPORTS: dict[str, tuple[ApplyReports, Callable[[str], object]]] = {
    "planted": (apply_confirmations, confirmation),
    "failed": (apply_failures, failure),
    "alive": (apply_inspections, lambda number: inspection(number, "alive")),
    "dead": (apply_inspections, lambda number: inspection(number, "dead")),
    "replaced": (apply_inspections, lambda number: inspection(number, "replaced")),
    "corrected": (apply_corrections, lambda number: correction(number, tag=f"CX-{number}")),
    "moved": (apply_corrections, lambda number: correction(number, lat=38.9, lon=105.8)),
    "withdrawn": (apply_corrections, lambda number: correction(number, alive=True)),
    "taken": (apply_confirmations, lambda number: confirmation(number, tag="AX-1")),
}
kills = st.one_of(st.none(), st.tuples(st.integers(1, 25), st.booleans()))
"""None, or the number of the AWS call at which a worker is killed, and whether that call still takes effect."""


class TreeMachine(RuleBasedStateMachine):
    """Users request trees, planting batches order them, and the partner sends valid and invalid reports."""

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

    @rule(kill=kills)
    def batch(self, kill: tuple[int, bool] | None) -> None:
        self._work(self.nursery.batch, kill)

    @rule(
        kind=st.sampled_from(sorted(REPORTS)),
        picked=st.integers(0, 100),
        indexes=st.lists(st.integers(0, 5), min_size=1, max_size=4),
        kill=kills,
    )
    def report(self, kind: str, picked: int, indexes: list[int], kill: tuple[int, bool] | None) -> None:
        orders = self.nursery.announced
        if not orders:
            return
        order = orders[-1 - picked % len(orders)]
        rule_of_report, make_report = REPORTS[kind]
        reports = [make_report(order.trees[index % len(order.trees)].number) for index in indexes]

        def call() -> None:
            self.nursery.report(order, rule_of_report, reports)

        self._work(call, kill)
        before = self.nursery.redemptions()
        call()
        assert self.nursery.redemptions() == before, "a repeated request changed something"

    def _work(self, work: Callable[[], object], kill: tuple[int, bool] | None) -> None:
        """Do the work. If a kill is given, first let a worker try, and kill it."""
        world = self.nursery.world
        if kill:
            call_number, takes_effect = kill
            install(world, Fuse(call_number.__eq__, takes_effect=takes_effect))
            try:
                work()
            except KilledError:
                world.start_workers()
            finally:
                vars(world).update(world.reliable_clients)
            self.nursery.check(counted=False)
        work()

    @invariant()
    def is_sound(self) -> None:
        self.nursery.check()


TestTrees = TreeMachine.TestCase
TestTrees.settings = settings.get_profile(f"proof-{os.environ.get('SAXAUL_PROFILE', 'short')}")
