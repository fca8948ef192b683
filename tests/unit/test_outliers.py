"""What an app reported is added up, and the unusual persons come first."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.app_lines import AppLine, Sought, lines_of
from operations.outliers import Total, by_owner, by_type, distances
from saxaul.ledger.actions import Owner
from tests.builders import FACILITY, NOON, USER, make_entry, make_period


def line(user_id: str = "u-1", **changes: Any) -> AppLine:  # noqa: ANN401 - the fields of a line
    made = AppLine(Owner("user", user_id), "a", "bus_ride", 0, Decimal(1), NOON, NOON, 80, Decimal(212), "counts")
    return made._replace(**changes)


def test_the_distance_is_measured_from_the_median_in_medians_of_all_distances() -> None:
    assert distances([10, 12, 14, 16, 100]) == [-2, -1, 0, 1, 43]


def test_equal_numbers_have_no_distance_and_one_other_number_stands_out() -> None:
    assert distances([5, 5, 5, 5]) == [0, 0, 0, 0]
    assert distances([5, 5, 5, 90]) == [0, 0, 0, 85]
    assert distances([]) == []


@given(st.lists(st.integers(0, 100), min_size=3), st.integers(10**6, 10**9), st.data())
def test_up_to_half_of_the_persons_cannot_hide_each_other(honest: list[int], huge: int, data: st.DataObject) -> None:
    """The mean and the standard deviation would grow with the invented numbers."""
    invented = data.draw(st.integers(1, (len(honest) - 1) // 2))

    found = distances([*honest, *[huge] * invented])

    assert min(found[len(honest) :]) > max(found[: len(honest)])
    assert min(found[len(honest) :]) > 1000


def test_the_most_unusual_person_comes_first_whether_by_actions_or_by_points() -> None:
    many = [line("many", points=0) for _ in range(40)]
    rich = [line("rich", points=9000)]
    usual = [line(f"u-{number}") for number in range(9)]

    rows = by_owner([*usual, *many, *rich])

    assert [row.owner.id for row in rows[:2]] == ["rich", "many"]
    assert {row.distance for row in rows[2:]} == {0}


def test_types_are_added_up_with_the_actions_of_sums_and_without_what_does_not_count() -> None:
    lines = [
        line(type="walking", summed=30, points=10),
        line("u-2", type="walking", standing="reversed", points=0, avoided_g=Decimal(0)),
        line(type="bus_ride", standing="void", points=0, avoided_g=Decimal(0)),
    ]

    assert by_type(lines) == {
        "walking": Total(31, 30, 2, 10, Decimal(212)),
        "bus_ride": Total(1, 0, 1, 0, Decimal(0)),
    }


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        (Sought("alipay", NOON, NOON + 1), 1),
        (Sought("alipay", NOON + 1, NOON + 2), 0),
        (Sought("alipay", NOON - 1, NOON), 0),
        (Sought("ali", NOON, NOON + 1), 0),
        (Sought("alipay", NOON, NOON + 1, "walking"), 0),
        (Sought("alipay", NOON, NOON + 1, "bus_ride", USER.id), 1),
        (Sought("alipay", NOON, NOON + 1, "", "u-43"), 0),
        (Sought("alipay", NOON, NOON + 1, "", FACILITY.id), 0),
    ],
)
def test_a_line_is_found_by_its_app_its_time_its_type_and_its_person(sought: Sought, found: int) -> None:
    period = make_period(replace(make_entry(), recorded_at=NOON))

    assert len(list(lines_of(period, sought))) == found


def test_a_line_is_read_back_from_its_row() -> None:
    made = line("u-7", summed=12, quantity=Decimal("0.000001"), avoided_g=Decimal("1E+3"), standing="void")

    assert AppLine.of_row(made.row()) == made
