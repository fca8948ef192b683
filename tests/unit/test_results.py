"""What the stories print of a search result."""

from typing import Any

import pytest

from local.results import worth


@pytest.mark.parametrize(
    ("unit", "text"), [("ride", "80 points a ride"), ("invoice", "80 points an invoice"), ("kWh", "80 points a kWh")]
)
def test_the_unit_of_an_action_has_its_article(unit: str, text: str) -> None:
    result: dict[str, Any] = {"kind": "action", "points": "80", "avoided_g": None, "unit": unit}

    assert worth(result) == text
