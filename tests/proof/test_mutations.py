"""The proof can fail: each mutation breaks a rule on purpose, and the check that it names detects it."""

from pathlib import Path

import pytest

from tests.proof.mutated_receipts import RECEIPTS
from tests.proof.mutated_rules import RULES
from tests.proof.mutated_totals import TOTALS
from tests.proof.mutated_writes import WRITES

MUTATIONS = RULES | WRITES | RECEIPTS | TOTALS


@pytest.mark.parametrize("wrong", MUTATIONS)
def test_the_proof_detects_the_mutation(wrong: str) -> None:
    mutation = MUTATIONS[wrong]
    with pytest.MonkeyPatch.context() as patch:
        mutation.break_it(patch)
        with pytest.raises(AssertionError):
            mutation.caught_by.run()


def test_the_readme_lists_every_mutation_and_the_check_that_detects_it() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    rows = [f"| {wrong} | {mutation.caught_by} |" for wrong, mutation in MUTATIONS.items()]

    assert "\n".join(rows) in readme
