"""Areas on the ground: polygons in the form of GeoJSON (RFC 7946).

Degrees are counted in whole units of seven decimals, which is about a centimetre. So what is on an edge, and whether
two edges meet, is decided exactly. An edge is a straight line in longitude and latitude, as GeoJSON has it.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations, pairwise
from math import asin, cos, pi, radians, sin, sqrt
from typing import Annotated, Any, Literal

from saxaul.catalog.models import AfterValidator, BeforeValidator, Field, Model

EARTH_RADIUS_KM = 6371.0088
"""The mean radius (IUGG, R1). Distances on this sphere differ by at most 0.6 percent from WGS 84 distances."""

MAX_POSITIONS = 200
"""The most positions of an area, those of its holes included."""

MIN_SQUARE_KM = 0.01
"""The smallest area, a hectare. A phone's position under trees can be wrong by about as much as its side."""

UNITS = 10_000_000
"""How many units a degree has."""

Corner = tuple[int, int]
"""A position of a ring: a longitude and a latitude, in units."""

Rings = tuple[tuple[Corner, ...], ...]
"""A polygon: its outer ring, and then the rings of its holes. Each ring ends with its first position."""

Side = tuple[Corner, Corner]


def json_number(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value that is a number in JSON.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("this must be a JSON number, not a string or a boolean")  # noqa: TRY004 - pydantic reports this one
    return value


def _two_numbers(position: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(position, list | tuple) and len(position) > 2:  # noqa: PLR2004
        raise ValueError("this must be [longitude, latitude], without an altitude")
    return position


def _longitude_first(position: tuple[float, ...]) -> tuple[float, ...]:
    if abs(position[1]) > 90:  # noqa: PLR2004 - a pole
        raise ValueError("this must be [longitude, latitude], and the latitude from -90 to 90")
    return position


def _sound(coordinates: tuple[tuple[tuple[float, ...], ...], ...]) -> tuple[tuple[tuple[float, ...], ...], ...]:
    if fault := fault_in(rings_of(coordinates)):
        raise ValueError(fault)
    return coordinates


_Degrees = Annotated[float, BeforeValidator(json_number), Field(ge=-180, le=180)]
_Position = Annotated[
    tuple[_Degrees, ...],
    Field(min_length=2, max_length=2),
    BeforeValidator(_two_numbers),
    AfterValidator(_longitude_first),
]
_Ring = Annotated[tuple[_Position, ...], Field(min_length=4, max_length=MAX_POSITIONS)]
_Coordinates = Annotated[tuple[_Ring, ...], Field(min_length=1, max_length=MAX_POSITIONS // 4), AfterValidator(_sound)]


class Area(Model):
    """A polygon of GeoJSON (RFC 7946). Degrees are those of WGS 84, and are rounded to seven decimals."""

    type: Literal["Polygon"]
    """The geometry."""
    coordinates: _Coordinates
    """The outer ring, and then the holes in it, with at most 200 positions in total. A position is
    `[longitude, latitude]`, and each ring ends with its first position. Rings must not cross or touch themselves or
    each other, and must not cross the 180th meridian."""

    @property
    def rings(self) -> Rings:
        return rings_of(self.coordinates)


def rings_of(coordinates: Sequence[Sequence[Sequence[float]]]) -> Rings:
    """Return the rings of a polygon in units."""
    return tuple(tuple((in_units(position[0]), in_units(position[1])) for position in ring) for ring in coordinates)


def in_units(degrees: float) -> int:
    return round(degrees * UNITS)


def in_degrees(rings: Rings) -> list[list[list[float]]]:
    """Return the coordinates of a polygon in degrees, as GeoJSON has them."""
    return [[[lon / UNITS, lat / UNITS] for lon, lat in ring] for ring in rings]


def fault_in(rings: Rings) -> str | None:
    """Return why the rings are no area, or None if they are one."""
    if sum(map(len, rings)) > MAX_POSITIONS:
        return f"an area has at most {MAX_POSITIONS} positions"
    for ring in rings:
        if fault := _fault_in_ring(ring):
            return fault
    if any(_meet(*sides) for ring, other in combinations(rings, 2) for sides in _pairs(ring, other)):
        return "the rings of an area must not cross or touch each other"
    outer, *holes = rings
    if not all(_is_within(hole[0], outer) for hole in holes):
        return "each ring after the first is a hole, and must be inside the first ring"
    if any(_is_within(one[0], other) or _is_within(other[0], one) for one, other in combinations(holes, 2)):
        return "a hole must not be inside another hole"
    if square_km(rings) < MIN_SQUARE_KM:
        return f"an area must have at least {MIN_SQUARE_KM:g} square kilometres"
    return None


def _fault_in_ring(ring: tuple[Corner, ...]) -> str | None:
    if ring[0] != ring[-1]:
        return "a ring must end with its first position"
    sides = list(pairwise(ring))
    if any(start == end for start, end in sides):
        return "neighbouring positions of a ring must differ in their first seven decimals"
    if any(abs(start[0] - end[0]) > 180 * UNITS for start, end in sides):
        return "an area must not cross the 180th meridian; make two projects of it"
    for (place, side), (other_place, other) in combinations(enumerate(sides), 2):
        is_next, is_round = other_place == place + 1, place == 0 and other_place == len(sides) - 1
        meet = _turn_back(side, other) if is_next else _turn_back(other, side) if is_round else _meet(side, other)
        if meet:
            return "a ring must not cross or touch itself"
    return None


def _pairs(ring: tuple[Corner, ...], other: tuple[Corner, ...]) -> Iterator[tuple[Side, Side]]:
    return ((side, other_side) for side in pairwise(ring) for other_side in pairwise(other))


def _turn(start: Corner, end: Corner, position: Corner) -> int:
    """Return a positive number if a position is to the left of the line from start to end, and 0 if it is on it."""
    return (end[0] - start[0]) * (position[1] - start[1]) - (end[1] - start[1]) * (position[0] - start[0])


def _is_on(side: Side, position: Corner) -> bool:
    """Return whether a position is on a side, its ends included."""
    (west, east), (south, north) = (sorted((side[0][axis], side[1][axis])) for axis in (0, 1))
    is_beside = west <= position[0] <= east and south <= position[1] <= north
    return is_beside and _turn(*side, position) == 0


def _meet(side: Side, other: Side) -> bool:
    """Return whether two sides have a position in common."""
    crosses = _are_apart(side, other) and _are_apart(other, side)
    return crosses or any(_is_on(side, end) for end in other) or any(_is_on(other, end) for end in side)


def _are_apart(side: Side, other: Side) -> bool:
    """Return whether the ends of the other side are on different sides of the line through this one."""
    one, two = (_turn(*side, end) for end in other)
    return (one > 0 > two) or (one < 0 < two)


def _turn_back(side: Side, following: Side) -> bool:
    """Return whether a side goes back along the one before it."""
    return _is_on(side, following[1]) or _is_on(following, side[0])


def contains(rings: Rings, lat: float, lon: float) -> bool:
    """Return whether a place in degrees is in an area. Its edges, those of its holes included, are in it."""
    x, y = in_units(lon), in_units(lat)
    same = (-x,) if abs(x) == 180 * UNITS else ()
    return any(_contains(rings, (each, y)) for each in (x, *same))


def _contains(rings: Rings, position: Corner) -> bool:
    if any(_is_on(side, position) for ring in rings for side in pairwise(ring)):
        return True
    outer, *holes = rings
    return _is_within(position, outer) and not any(_is_within(position, hole) for hole in holes)


def _is_within(position: Corner, ring: tuple[Corner, ...]) -> bool:
    """Return whether a position that is on no side of a ring is inside it: a ray to the east leaves it an odd time."""
    x, y = position
    is_inside = False
    for start, end in pairwise(ring):
        if (start[1] > y) != (end[1] > y) and (_turn(start, end, (x, y)) > 0) == (end[1] > start[1]):
            is_inside = not is_inside
    return is_inside


def square_km(rings: Rings) -> float:
    """Return about how large an area is without its holes. It is reckoned in the plane, at its middle latitude."""
    outer, *holes = (abs(_doubled(ring)) / 2 for ring in rings)
    middle = sum(lat for _, lat in rings[0][1:]) / (len(rings[0]) - 1) / UNITS
    side = EARTH_RADIUS_KM * pi / 180 / UNITS
    return (outer - sum(holes)) * side * side * cos(radians(middle))


def _doubled(ring: tuple[Corner, ...]) -> int:
    """Return twice the area within a ring, in square units; it is negative if the ring goes clockwise."""
    return sum(start[0] * end[1] - end[0] * start[1] for start, end in pairwise(ring))


def distance_km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Return the great-circle distance between two points in degrees, by the haversine formula."""
    north, east = radians(other_lat - lat) / 2, radians(other_lon - lon) / 2
    chord = sin(north) ** 2 + cos(radians(lat)) * cos(radians(other_lat)) * sin(east) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, chord)))


def farthest_km(rings: Rings, lat: float, lon: float) -> float:
    """Return the distance from a place in degrees to the farthest position of an area."""
    return max(distance_km(lat, lon, y / UNITS, x / UNITS) for x, y in rings[0])
