"""Ages as the operators' commands show them."""

import pytest

from operations.ages import age_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7_199, "119 min"),
        (7_200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 days"),
        (1_209_600, "14 days"),
    ],
)
def test_an_age_is_a_whole_number_of_the_largest_unit_of_which_it_has_two(seconds: float, text: str) -> None:
    assert age_text(seconds) == text
