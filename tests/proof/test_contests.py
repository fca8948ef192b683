"""Races in slow motion: whoever comes first, nothing is lost, overspent or oversold."""

import pytest

from tests.proof.contests import CONTESTS, contend


@pytest.mark.parametrize("name", CONTESTS)
def test_who_comes_first_does_not_matter_to(name: str) -> None:
    contend(CONTESTS[name])
