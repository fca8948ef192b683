"""Whichever of two workers writes first, nothing is lost, overspent or oversold."""

import pytest

from tests.proof.contests import CONTESTS, run_contest


@pytest.mark.parametrize("name", CONTESTS)
def test_the_outcome_does_not_depend_on_which_worker_writes_first(name: str) -> None:
    run_contest(CONTESTS[name])
