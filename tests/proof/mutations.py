"""Mutations: each breaks one rule on purpose, and names the check of the proof that must then fail."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.proof.contests import CONTESTS, run_contest
from tests.proof.faults import Fault
from tests.proof.scenarios import SCENARIOS, operations_of, play
from tests.proof.streams import STREAM, check_streams

Breaking = Callable[[pytest.MonkeyPatch], None]


class Check(NamedTuple):
    """A part of the proof: a stream, a contest, a scenario, or a scenario with a fault at each call in turn."""

    name: str
    fault: Fault | None = None

    def __str__(self) -> str:
        return f"{self.name}; one AWS call {self.fault.value}" if self.fault else self.name

    def run(self) -> None:
        """Run the check. Raises AssertionError if the ledger is wrong."""
        if self.name == STREAM:
            check_streams()
            return
        if self.name in CONTESTS:
            run_contest(CONTESTS[self.name])
            return
        scenario = SCENARIOS[self.name]
        with pytest.MonkeyPatch.context() as patch:
            operations, undisturbed = operations_of(scenario, patch)
        for number, operation in enumerate(operations):
            if self.fault and self.fault.applies_to(operation):
                with pytest.MonkeyPatch.context() as patch:
                    assert play(scenario, patch, self.fault, number) == undisturbed


class Mutation(NamedTuple):
    """A function that breaks one rule, and the check that must then fail."""

    break_it: Breaking
    caught_by: Check


class Mutations(dict[str, Mutation]):
    """Mutations, keyed by how the rule is broken."""

    def caught_by(self, name: str, fault: Fault | None = None) -> Callable[[Breaking], Breaking]:
        """Register a function that breaks a rule. Its one-line docstring says how the rule is broken."""

        def add(break_it: Breaking) -> Breaking:
            assert break_it.__doc__
            self[break_it.__doc__.rstrip(".")] = Mutation(break_it, Check(name, fault))
            return break_it

        return add
