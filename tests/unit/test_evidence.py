"""Checks of the content of reports: possible dates and places of plantings, and normalized texts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.catalog.areas import distance_km
from saxaul.catalog.entries import MAX_RADIUS_KM, Place
from saxaul.catalog.models import ValidationError
from saxaul.storage.orders import from_item, to_item
from saxaul.storage.table import python, raw
from saxaul.trees.orders import OrderedProject
from saxaul.trees.report_rules import apply_confirmations, apply_failures, apply_inspections
from tests.builders import (
    FIRST,
    ORDER,
    ORDERED,
    SECOND,
    accepted,
    apply_reports,
    at,
    confirmation,
    failure,
    inspection,
    make_calendar,
    make_order,
    make_text,
    make_tree_project,
    redemption_after,
    refusals,
)

CALENDAR = make_calendar()


def test_a_tree_may_be_planted_on_the_day_of_its_order_in_the_programmes_time_zone() -> None:
    late = make_order(ORDERED, ordered_at=at("2026-06-05T23:30"))
    early_that_day = confirmation(FIRST, planted_at="2026-06-04T16:00:00Z")
    the_day_before = confirmation(SECOND, planted_at="2026-06-04T15:59:59Z")

    outcome = apply_reports(apply_confirmations, early_that_day, the_day_before, order=late, now=at("2026-06-06T12:00"))

    assert (accepted(outcome), refusals(outcome)) == (1, [(1, "planted_before_order")])


def test_a_tree_must_be_planted_within_the_radius_of_its_order_if_the_order_has_one() -> None:
    near, far = confirmation(FIRST, lat=39.29), confirmation(SECOND, lat=39.31)
    unchecked = ORDER._replace(project=ORDER.project._replace(reach=None))

    checked = apply_reports(apply_confirmations, near, far)
    older = apply_reports(apply_confirmations, near, far | {"lat": 0, "lon": 0}, order=unchecked)

    assert ORDER.project.reach is not None
    assert ORDER.project.reach.radius_km == make_tree_project().place.radius_km == 50
    assert refusals(checked) == [(1, "out_of_reach")]
    assert accepted(older) == 2


def test_a_repeated_confirmation_is_accepted_even_if_newer_rules_would_refuse_it() -> None:
    unchecked = ORDER._replace(ordered_at=0, project=ORDER.project._replace(reach=None))
    first_confirmation = confirmation(FIRST, lat=0, lon=0, planted_at="1999-01-01T00:00:00Z")
    planted = apply_reports(apply_confirmations, first_confirmation, order=unchecked).changes[0].redemption

    again = apply_reports(apply_confirmations, first_confirmation, redemption=planted)

    assert (accepted(again), list(again.changes)) == (1, [])


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        ((38.85, 105.73), (38.85, 105.73), 0),
        ((0, 0), (0, 180), 20_015.1),
        ((90, 17), (-90, -103), 20_015.1),
        ((0, 179.9), (0, -179.9), 22.24),
        ((39.9042, 116.4074), (31.2304, 121.4737), 1067.3),
    ],
)
def test_distances_are_great_circle_distances_on_a_sphere(
    one: tuple[float, float], other: tuple[float, float], km: float
) -> None:
    assert distance_km(*one, *other) == pytest.approx(km, abs=0.1)


LATITUDES, LONGITUDES = st.floats(-90, 90), st.floats(-180, 180)


@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES)
def test_a_distance_is_the_same_in_both_directions_and_at_most_half_the_circumference_of_the_earth(
    lat: float, lon: float, other_lat: float, other_lon: float
) -> None:
    distance = distance_km(lat, lon, other_lat, other_lon)

    assert 0 <= distance <= 20_016
    assert distance == pytest.approx(distance_km(other_lat, other_lon, lat, lon), abs=1e-6)


@pytest.mark.parametrize("tag", [" AX-0001", "AX-0001 ", "  AX-0001  "])
def test_spaces_around_a_tag_are_ignored(tag: str) -> None:
    planted = redemption_after(apply_confirmations, confirmation(FIRST, tag="AX-0001"))

    assert accepted(apply_reports(apply_confirmations, confirmation(FIRST, tag=tag), redemption=planted)) == 1


def test_different_spellings_of_a_tag_are_normalized() -> None:
    planted = redemption_after(apply_confirmations, confirmation(FIRST, tag="Zo\u00eb 1"))

    assert (
        accepted(apply_reports(apply_confirmations, confirmation(FIRST, tag=" Zoe\u0308  1"), redemption=planted)) == 1
    )


@pytest.mark.parametrize("reason", [" ", "", "\u200b", "\u3164", "\u202e", "frost\n", True, 1])
def test_a_failure_without_a_visible_reason_is_refused(reason: object) -> None:
    assert refusals(apply_reports(apply_failures, failure(FIRST, reason=reason))) == [(0, "invalid_failure")]


def test_a_reason_and_an_inspector_are_trimmed_and_keep_the_joiners_of_their_script() -> None:
    persian = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"

    failed = redemption_after(apply_failures, failure(FIRST, reason=f" {persian} "))
    found = redemption_after(
        apply_inspections,
        inspection(FIRST, inspector=f"{persian}  {persian} "),
        redemption=redemption_after(apply_confirmations, confirmation(FIRST)),
    )

    assert failed.tree(FIRST).history[-1].reason == persian
    assert found.tree(FIRST).history[-1].inspector == f"{persian} {persian}"


@pytest.mark.parametrize("radius_km", [0.5, 50, 123.456])
def test_the_radius_of_an_order_is_stored_and_read_back(radius_km: float) -> None:
    reach = ORDER.project.reach
    assert reach is not None
    order = ORDER._replace(project=ORDER.project._replace(reach=reach._replace(radius_km=radius_km)))

    assert from_item({**python(raw(to_item(order))), "v": 0}) == order


def test_a_tiny_latitude_is_rounded_so_that_the_order_can_be_stored() -> None:
    project = make_tree_project()
    tiny = project.model_copy(update={"place": project.place.model_copy(update={"lat": 1e-200, "radius_km": 0.1})})

    assert OrderedProject.of(tiny).reach == (0, 105.73, 0.1, ())


def test_an_order_that_was_stored_without_a_reach_has_none() -> None:
    item = {name: value for name, value in to_item(ORDER).items() if name != "reach"}

    assert from_item({**item, "v": 0}).project.reach is None


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"radius_km": value}
            for value in (0, 1e-9, -1, MAX_RADIUS_KM + 1, float("nan"), float("inf"), True, "50", None)
        ),
        *({name: value} for name in ("lat", "lon") for value in (True, "38.85", None, float("nan"))),
    ],
)
def test_a_place_with_an_invalid_number_is_refused(change: dict[str, Any]) -> None:
    place = {"names": make_text(), "lat": 38.85, "lon": 105.73}

    assert Place.model_validate(place).radius_km == 50
    assert Place.model_validate(place | {"radius_km": MAX_RADIUS_KM}).radius_km == MAX_RADIUS_KM
    with pytest.raises(ValidationError):
        Place.model_validate(place | change)
