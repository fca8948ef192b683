"""Breaking a rule on purpose, and the check of the proof that must notice."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.proof.contests import CONTESTS, contend
from tests.proof.faults import Fault
from tests.proof.scenarios import SCENARIOS, operations_of, play

Breaking = Callable[[pytest.MonkeyPatch], None]


class Check(NamedTuple):
    """A part of the proof: a contest; or a scenario, undisturbed or with a fault at each of its calls."""

    name: str
    fault: Fault | None = None

    def __str__(self) -> str:
        return f"{self.name}, where one call {self.fault.value}" if self.fault else self.name

    def run(self) -> None:
        """Raise an AssertionError where the ledger is wrong."""
        if self.name in CONTESTS:
            contend(CONTESTS[self.name])
            return
        scenario = SCENARIOS[self.name]
        with pytest.MonkeyPatch.context() as patch:
            operations, undisturbed = operations_of(scenario, patch)
        for number, operation in enumerate(operations):
            if self.fault and self.fault.applies_to(operation):
                with pytest.MonkeyPatch.context() as patch:
                    assert play(scenario, patch, self.fault, number) == undisturbed


class Mutation(NamedTuple):
    """A rule broken in one way, and the check that fails then."""

    break_it: Breaking
    caught_by: Check


class Mutations(dict[str, Mutation]):
    """Mutations by what is wrong with them."""

    def caught_by(self, name: str, fault: Fault | None = None) -> Callable[[Breaking], Breaking]:
        """Add a function whose docstring says in one line how the rule is broken."""

        def add(break_it: Breaking) -> Breaking:
            assert break_it.__doc__
            self[break_it.__doc__.rstrip(".")] = Mutation(break_it, Check(name, fault))
            return break_it

        return add
