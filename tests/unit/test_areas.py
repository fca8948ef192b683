"""Areas of tree projects: which polygons are accepted, and which places are in them."""

import json
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import atan2
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from saxaul.catalog.areas import (
    MAX_POSITIONS,
    UNITS,
    Area,
    Corner,
    contains,
    distance_km,
    fault_in,
    in_degrees,
    rings_of,
    square_km,
)
from saxaul.catalog.entries import MAX_RADIUS_KM, Place, TreeProject
from saxaul.catalog.faults import error_lines
from saxaul.catalog.models import ValidationError
from saxaul.catalog.recorded import recorded
from saxaul.storage.orders import from_item, to_item
from saxaul.storage.table import python, raw
from saxaul.trees.manifests import manifest_of
from saxaul.trees.orders import OrderedProject
from saxaul.trees.reach import Reach
from saxaul.trees.sites import site_of
from tests.builders import ORDER, make_calendar, make_text, make_tree_project
from tests.steps import steps_of

SQUARE = [[105.7, 38.8], [105.8, 38.8], [105.8, 38.9], [105.7, 38.9], [105.7, 38.8]]
HOLE = [[105.72, 38.82], [105.72, 38.84], [105.74, 38.84], [105.74, 38.82], [105.72, 38.82]]
CROSSED = [[105.7, 38.8], [105.8, 38.9], [105.8, 38.8], [105.7, 38.9], [105.7, 38.8]]


def area(*rings: Sequence[Sequence[Any]], **changes: object) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [list(ring) for ring in rings], **changes}


def place(found: object, **changes: object) -> dict[str, Any]:
    return {"names": make_text().model_dump(), "lat": 38.85, "lon": 105.73, "area": found, **changes}


def project_at(found: Place) -> TreeProject:
    return make_tree_project().model_copy(update={"place": found})


def faults(found: object, **changes: object) -> list[str]:
    with pytest.raises(ValidationError) as raised:
        Place.model_validate(place(found, **changes))
    return error_lines(raised.value)


def moved(ring: Sequence[Sequence[float]], lon: float, lat: float = 0.0) -> list[list[float]]:
    return [[x + lon, y + lat] for x, y in ring]


def fan(positions: int) -> list[list[float]]:
    """Return a ring of this many positions, without a side that touches another one."""
    row = [[105.7 + number / 2_000, 38.8 + number * number / 1e7] for number in range(positions - 2)]
    return [*row, [105.7, 39.0], row[0]]


WRONG = {
    "no polygon": (area(SQUARE, type="Point"), "area.type: this must be 'Polygon'"),
    "a geometry in a feature": ({"type": "Feature", "geometry": area(SQUARE)}, "area.coordinates: this is required"),
    "another member": (area(SQUARE, bbox=[0, 0, 1, 1]), "area.bbox: there is no such field"),
    "no ring": (area(), "area.coordinates: this must have at least 1 item"),
    "a ring of three": (area(SQUARE[:2] + SQUARE[:1]), "area.coordinates.0: this must have at least 4 items"),
    "an open ring": (area(SQUARE[:-1]), "area.coordinates: a ring must end with its first position"),
    "an altitude": (
        area([[*SQUARE[0], 1200.0], *SQUARE[1:]]),
        "area.coordinates.0.0: this must be [longitude, latitude], without an altitude",
    ),
    "half a position": (area([[105.7], *SQUARE[1:]]), "area.coordinates.0.0: this must have at least 2 items"),
    "text": (area([["105.7", 38.8], *SQUARE[1:]]), "area.coordinates.0.0.0: this must be a JSON number, not a string"),
    "a boolean": (
        area([[True, 38.8], *SQUARE[1:]]),
        "area.coordinates.0.0.0: this must be a JSON number, not a string",
    ),
    "latitude first": (area([[y, x] for x, y in SQUARE]), "area.coordinates.0.0: this must be [longitude, latitude]"),
    "beyond the map": (area([[180.1, 0], *SQUARE[1:]]), "area.coordinates.0.0.0: this must be at most 180"),
    "a huge number": (area([[1e300, 0], *SQUARE[1:]]), "area.coordinates.0.0.0: this must be at most 180"),
    "not a number": (area([[float("nan"), 0], *SQUARE[1:]]), "area.coordinates.0.0.0: this must be at "),
    "null": (area([[None, 0], *SQUARE[1:]]), "area.coordinates.0.0.0: this must be a JSON number"),
    "a crossing": (area(CROSSED), "area.coordinates: a ring must not cross or touch itself"),
    "a line": (area([[105.7, 38.8], [105.8, 38.9], [105.9, 39.0], [105.7, 38.8]]), "area.coordinates: a ring must not"),
    "there and back": (area([*SQUARE[:2], [105.9, 38.8], *SQUARE[1:]]), "area.coordinates: a ring must not cross"),
    "a touching corner": (
        area([[105.7, 38.8], [105.8, 38.8], [105.75, 38.85], [105.8, 38.9], [105.7, 38.9], [105.75, 38.85], SQUARE[0]]),
        "area.coordinates: a ring must not cross or touch itself",
    ),
    "a position twice": (area([SQUARE[0], *SQUARE]), "area.coordinates: neighbouring positions of a ring must differ"),
    "nearly twice": (area([[105.7, 38.80000000001], *SQUARE]), "area.coordinates: "),
    "too small": (area([[105.73 + x / 2e4, 38.85 + y / 2e4] for x, y in ((0, 0), (1, 0), (1, 1), (0, 0))]), "square"),
    "a hole outside": (area(SQUARE, moved(HOLE, 0.2)), "must be inside the first ring"),
    "a hole on the edge": (area(SQUARE, moved(HOLE, -0.02)), "must not cross or touch each other"),
    "a hole across": (area(SQUARE, moved(HOLE, 0.07)), "must not cross or touch each other"),
    "a hole in a hole": (
        area(SQUARE, HOLE, [[105.725, 38.825], [105.735, 38.825], [105.735, 38.835], [105.725, 38.825]]),
        "a hole must not be inside another hole",
    ),
    "a hole around": (area(HOLE, SQUARE), "must be inside the first ring"),
    "the same hole twice": (area(SQUARE, HOLE, HOLE), "must not cross or touch each other"),
    "around the world": (area([[-179, 38], [179, 38], [179, 39], [-179, 38]]), "must not cross the 180th meridian"),
    "too many positions": (area(fan(MAX_POSITIONS + 1)), "this must have at most 200 items"),
    "too many in all rings": (area(fan(MAX_POSITIONS - 2), HOLE), "an area has at most 200 positions"),
    "elsewhere": (area(moved(SQUARE, 1)), "area: lat and lon must be within the bounds of the area"),
    "too far": (area([[105, 38], [112, 38], [112, 39], [105, 38]]), "area: no position may be more than 500 km"),
    "a list": ([SQUARE], "area: this must be a JSON object"),
}


@pytest.mark.parametrize(("found", "reason"), WRONG.values(), ids=WRONG)
def test_what_is_no_area_is_refused_with_a_reason(found: object, reason: str) -> None:
    assert reason in "\n".join(faults(found))


def test_a_place_has_a_radius_or_an_area() -> None:
    assert Place.model_validate(place(None)).radius_km == 50
    assert Place.model_validate(place(None, radius_km=7)).radius_km == 7
    assert Place.model_validate(place(area(SQUARE))).area == Area.model_validate(area(SQUARE))
    assert faults(area(SQUARE), radius_km=50) == ["a place has either radius_km or area"]


@pytest.mark.parametrize(
    "found", [area(SQUARE), area(SQUARE, HOLE), area(SQUARE[::-1], HOLE[::-1]), area(fan(MAX_POSITIONS))]
)
def test_an_area_is_read_back_as_it_was_written(found: dict[str, Any]) -> None:
    written = project_at(Place.model_validate(place(found)))
    document = written.model_dump(mode="json", exclude_defaults=True)

    assert json.loads(json.dumps(document["place"]["area"])) == found
    assert TreeProject.model_validate(document) == recorded(TreeProject, document) == written


def test_numbers_of_a_body_are_exact_and_give_the_same_area() -> None:
    exact = [[Decimal(str(number)) for number in position] for position in SQUARE]

    assert Place.model_validate(place(area(exact))).area == Place.model_validate(place(area(SQUARE))).area


def test_the_largest_area_is_checked_by_comparing_each_two_sides_once() -> None:
    largest, half = (rings_of([fan(positions)]) for positions in (MAX_POSITIONS, MAX_POSITIONS // 2))
    pairs_of_sides = MAX_POSITIONS**2 / 2

    assert fault_in(largest) is None
    assert steps_of(lambda: fault_in(largest)) < 50 * pairs_of_sides
    assert steps_of(lambda: fault_in(largest)) < 4.5 * steps_of(lambda: fault_in(half))


# --- Places in areas, reckoned in a second way ---------------------------------------------------------------------

SMALL = st.integers(-12, 12)


@st.composite
def stars(draw: st.DrawFn) -> tuple[Corner, ...]:
    """Return a ring around the origin, with one position in each of several directions."""
    corners = draw(st.lists(st.tuples(SMALL, SMALL).filter(any), min_size=3, max_size=9))
    by_direction = {Fraction(*_direction(corner)): corner for corner in corners}
    ring = sorted(by_direction.values(), key=lambda corner: atan2(corner[1], corner[0]))
    assume(len(ring) >= 3)
    sides = list(pairwise([*ring, ring[0]]))
    assume(all(x * other_y - other_x * y > 0 for (x, y), (other_x, other_y) in sides))  # less than half a turn each
    return (*ring, ring[0])


def _direction(corner: Corner) -> tuple[int, int]:
    """Return numerator and denominator of a fraction that is the same for corners in the same direction only."""
    x, y = corner
    reach = abs(x) + abs(y)
    return (reach - x if y >= 0 else 3 * reach + x, reach)


def in_triangles(ring: tuple[Corner, ...], place: Corner) -> str:
    """Say whether a place is inside, outside or on the edge of a star: in one of its triangles from the origin."""
    px, py = place
    for (ax, ay), (bx, by) in pairwise(ring):
        whole = ax * by - bx * ay
        of_a, of_b = Fraction(px * by - bx * py, whole), Fraction(ax * py - px * ay, whole)
        if of_a >= 0 and of_b >= 0 and of_a + of_b <= 1:
            return "edge" if of_a + of_b == 1 else "inside"
    return "outside"


def grown(ring: tuple[Corner, ...], times: int) -> tuple[Corner, ...]:
    return tuple((x * times, y * times) for x, y in ring)


@given(stars(), st.integers(-40, 40), st.integers(-40, 40), st.booleans())
def test_a_place_is_in_an_area_if_it_is_in_one_of_its_triangles_and_in_none_of_the_hole(
    star: tuple[Corner, ...],
    x: int,
    y: int,
    clockwise: bool,
) -> None:
    outer, hole = grown(star, 3), star[::-1] if clockwise else star
    is_in = in_triangles(outer, (x, y)) != "outside"
    is_in_hole = in_triangles(star, (x, y)) == "inside"

    assert contains((outer[::-1] if clockwise else outer,), y / UNITS, x / UNITS) == is_in
    assert contains((outer, hole), y / UNITS, x / UNITS) == (is_in and not is_in_hole)


@given(stars(), st.data())
def test_each_edge_belongs_to_the_area(star: tuple[Corner, ...], data: st.DataObject) -> None:
    ring = grown(star, 60)
    (ax, ay), (bx, by) = data.draw(st.sampled_from(list(pairwise(ring))))
    part = data.draw(st.integers(0, 60))
    x, y = ax + (bx - ax) * part // 60, ay + (by - ay) * part // 60

    assert contains((ring,), y / UNITS, x / UNITS)


@given(stars())
def test_a_star_has_no_fault_but_its_size(star: tuple[Corner, ...]) -> None:
    assert fault_in((star,)) == "an area must have at least 0.01 square kilometres"
    assert fault_in((grown(star, 40_000),)) is None


def touch(one: Sequence[Corner], other: Sequence[Corner]) -> bool:
    """Return whether two segments meet, by solving for the place at which their lines meet."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = *one, *other
    bottom = (bx - ax) * (dy - cy) - (by - ay) * (dx - cx)
    if bottom:
        of_one = Fraction((cx - ax) * (dy - cy) - (cy - ay) * (dx - cx), bottom)
        of_other = Fraction((cx - ax) * (by - ay) - (cy - ay) * (bx - ax), bottom)
        return 0 <= of_one <= 1 and 0 <= of_other <= 1
    if (bx - ax) * (cy - ay) != (by - ay) * (cx - ax):
        return False
    spans = [sorted((ax * 100 + ay, bx * 100 + by)), sorted((cx * 100 + cy, dx * 100 + dy))]
    return max(span[0] for span in spans) <= min(span[1] for span in spans)


@given(st.lists(st.tuples(SMALL, SMALL), min_size=4, max_size=7, unique=True))
def test_a_ring_is_refused_exactly_if_two_of_its_sides_meet(corners: list[Corner]) -> None:
    sides = list(pairwise([*corners, corners[0]]))
    last = len(sides) - 1
    apart = [(a, b) for a in range(len(sides)) for b in range(a + 2, len(sides)) if (a, b) != (0, last)]
    around = [(sides[number - 1], sides[number]) for number in range(len(sides))]
    goes_back = any(
        (b[0] - a[0]) * (c[1] - b[1]) == (b[1] - a[1]) * (c[0] - b[0])
        and (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1]) < 0
        for (a, b), (_, c) in around
    )
    meets = goes_back or any(touch(sides[a], sides[b]) for a, b in apart)
    ring = grown((*corners, corners[0]), 100_000)

    assert (fault_in((ring,)) == "a ring must not cross or touch itself") == meets


def accepted_place(document: dict[str, Any]) -> Place | list[str]:
    """Return a place, or why it is refused."""
    try:
        return Place.model_validate(document)
    except ValidationError as error:
        return error_lines(error)


RINGS = st.lists(
    st.lists(st.lists(st.floats() | st.integers() | st.none(), max_size=3), max_size=6).map(
        lambda ring: ring + ring[:1]
    ),
    max_size=3,
)


@given(RINGS, st.floats(-90, 90), st.floats(-180, 180))
def test_whatever_is_accepted_can_be_ordered_shown_and_asked(rings: Any, lat: float, lon: float) -> None:  # noqa: ANN401
    found = accepted_place(place(area(*rings), lat=lat, lon=lon))
    if isinstance(found, Place):
        use(found)
    else:
        assert found


@given(stars(), st.integers(-170, 170), st.integers(-85, 85), st.integers(40_000, 300_000))
def test_an_accepted_area_lies_in_the_circle_of_its_order(
    star: tuple[Corner, ...], lon: int, lat: int, size: int
) -> None:
    ring = [[lon + x * size / UNITS, lat + y * size / UNITS] for x, y in star]
    found = accepted_place(place(area(ring), lat=lat, lon=lon))
    if not isinstance(found, Place):
        assert "square kilometres" in str(found)
        return

    reach = use(found)
    middle = [(a + b) / 2 for a, b in zip(ring[0], ring[1], strict=True)]
    assert 0 < reach.radius_km <= MAX_RADIUS_KM + 1
    assert distance_km(lat, lon, middle[1], middle[0]) <= reach.radius_km * 1.01
    assert reach.contains(lat, lon)


def use(found: Place) -> Reach:
    """Do with a place what is done with that of a project, and return its reach."""
    project = project_at(found)
    order = ORDER._replace(project=OrderedProject.of(project))
    assert from_item({**python(raw(to_item(order))), "v": 0}) == order
    reach = order.project.reach
    assert reach is not None
    assert json.loads(manifest_of(order, make_calendar()).contents["json"])["site"] == site_of(reach)
    assert reach.contains(0, 0) in (True, False)
    assert reach.in_words
    return reach


def test_the_area_of_a_square_kilometre_is_one() -> None:
    side = 1 / (6371.0088 * 2 * 3.14159265358979 / 360)
    square = rings_of([[[0, 0], [side, 0], [side, side], [0, side], [0, 0]]])

    assert square_km(square) == pytest.approx(1, rel=1e-4)


def test_a_place_on_the_180th_meridian_has_two_names() -> None:
    east = rings_of([[[179, 0], [180, 0], [180, 1], [179, 1], [179, 0]]])

    assert contains(east, 0.5, 180)
    assert contains(east, 0.5, -180)
    assert not contains(east, 0.5, -179.9)


# --- The way of an area: from the catalog to the partner -----------------------------------------------------------

PROJECT = project_at(Place.model_validate(place(area(SQUARE, HOLE))))


def test_a_tree_must_be_in_the_area_of_its_order() -> None:
    order = ORDER._replace(project=OrderedProject.of(PROJECT))
    reach = order.project.reach
    assert reach is not None

    assert reach.contains(38.85, 105.75)
    assert not reach.contains(38.83, 105.73), "it is in the hole"
    assert not reach.contains(38.85, 105.81)
    assert distance_km(38.85, 105.73, 38.85, 105.81) < reach.radius_km
    assert reach.in_words.startswith("inside its area, which is within ")


def test_a_site_with_an_area_has_its_polygon_and_the_distance_to_its_farthest_position() -> None:
    reach = Reach.of(PROJECT.place)

    assert site_of(reach) == {
        "lat": 38.85,
        "lon": 105.73,
        "radius_km": pytest.approx(distance_km(38.85, 105.73, 38.8, 105.8), abs=0.001),
        "area": {"type": "Polygon", "coordinates": [SQUARE, HOLE]},
    }
    assert in_degrees(reach.rings) == [SQUARE, HOLE]
    assert site_of(Reach(38.85, 105.73, 50))["area"] is None


def test_an_area_is_frozen_in_its_order_and_fits_the_spreadsheet_by_its_centre() -> None:
    order = ORDER._replace(project=OrderedProject.of(PROJECT))
    [_, row, *_] = manifest_of(order, make_calendar()).contents["csv"].decode("utf-8-sig").splitlines()

    assert row.endswith(f",38.85,105.73,{Reach.of(PROJECT.place).radius_km}")
