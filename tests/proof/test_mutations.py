"""The proof can fail: each rule that is broken on purpose is noticed by the check that its mutation names."""

from pathlib import Path

import pytest

from tests.proof.mutated_rules import RULES
from tests.proof.mutated_writes import WRITES

MUTATIONS = RULES | WRITES


@pytest.mark.parametrize("wrong", MUTATIONS)
def test_the_proof_notices_when(wrong: str) -> None:
    mutation = MUTATIONS[wrong]
    with pytest.MonkeyPatch.context() as patch:
        mutation.break_it(patch)
        with pytest.raises(AssertionError):
            mutation.caught_by.run()


def test_the_readme_lists_every_mutation_and_what_catches_it() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    rows = [f"| {wrong} | {mutation.caught_by} |" for wrong, mutation in MUTATIONS.items()]

    assert "\n".join(rows) in readme
