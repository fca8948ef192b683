"""Draws a small map as SVG: the area of a project, the tree in it, lines of latitude and longitude, and a scale.

The map loads nothing. It is plane: a degree of longitude is as wide as it is in the middle of the map.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from math import ceil, cos, floor, radians
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement

from saxaul.certificate.site import SitePolygon

WIDTH_OF_MAP, HEIGHT_OF_MAP = 360, 250
_KM_PER_DEGREE = 111.2
_MARGIN_SHARE = 0.12
_LEAST_SPAN = 0.02
"""The least height of a map in degrees, about two kilometres."""

_MOST_LINES = 4
_STEPS = tuple(digit * 10.0**power for power in range(-4, 2) for digit in (1, 2, 5))
_LONGEST_SCALE = 0.3
_FURTHEST_NORTH = 85.0
_MIDDLE = 180.0


class _View(NamedTuple):
    """A part of the earth, and how it is drawn. ``scale`` is units for each degree of latitude."""

    lat: float
    lon: float
    scale: float

    @property
    def narrowing(self) -> float:
        """The width of a degree of longitude, compared with one of latitude."""
        return cos(radians(max(-_FURTHEST_NORTH, min(_FURTHEST_NORTH, self.lat))))

    def place(self, lat: float, lon: float) -> tuple[float, float]:
        x = WIDTH_OF_MAP / 2 + (lon - self.lon) * self.narrowing * self.scale
        return x, HEIGHT_OF_MAP / 2 - (lat - self.lat) * self.scale


def draw_map(site: SitePolygon | None, tree: tuple[float, float] | None, *, is_dead: bool, title: str) -> Element:
    """Return a map with the area of a project, if it is known, and the tree, if it is planted. One of both is needed.

    ``tree`` is its latitude and longitude in degrees. ``title`` is what screen readers say.
    """
    rings = site.rings if site else ()
    middle = tree[1] if tree else rings[0][0][1]
    near = [[(lat, _near(lon, middle)) for lat, lon in ring] for ring in rings]
    view = _view_of([*chain(*near), *([tree] if tree else [])])
    size = {"viewBox": f"0 0 {WIDTH_OF_MAP} {HEIGHT_OF_MAP}", "role": "img", "aria-label": title, "class": "map"}
    svg = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size})
    SubElement(svg, "rect", {"class": "sand", "width": str(WIDTH_OF_MAP), "height": str(HEIGHT_OF_MAP)})
    if near:
        outlines = ("L".join("{:.1f},{:.1f}".format(*view.place(*point)) for point in ring) for ring in near)
        path = "".join(f"M{outline}Z" for outline in outlines)
        SubElement(svg, "path", {"class": "site", "fill-rule": "evenodd", "d": path})
    _draw_lines(svg, view)
    if tree:
        x, y = view.place(*tree)
        SubElement(svg, "circle", {"class": "halo", "cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "11"})
        kind = "dot dead" if is_dead else "dot"
        SubElement(svg, "circle", {"class": kind, "cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "5"})
    _draw_scale(svg, view)
    return svg


def _near(lon: float, middle: float) -> float:
    """Return a longitude at most 180 degrees from another one, so that an area at the 180th meridian stays whole."""
    return middle + (lon - middle + _MIDDLE) % (2 * _MIDDLE) - _MIDDLE


def _view_of(points: Sequence[tuple[float, float]]) -> _View:
    lats, lons = [lat for lat, _ in points], [lon for _, lon in points]
    middle = _View((max(lats) + min(lats)) / 2, (max(lons) + min(lons)) / 2, 1)
    tall = max(max(lats) - min(lats), _LEAST_SPAN)
    wide = max((max(lons) - min(lons)) * middle.narrowing, _LEAST_SPAN)
    room = 1 - 2 * _MARGIN_SHARE
    return middle._replace(scale=min(HEIGHT_OF_MAP * room / tall, WIDTH_OF_MAP * room / wide))


def _draw_lines(svg: Element, view: _View) -> None:
    """Draw lines of latitude and longitude at round degrees, with their degrees at the edges."""
    half = HEIGHT_OF_MAP / 2 / view.scale
    for lat, text in _round_degrees(view.lat - half, view.lat + half, "NS"):
        _, y = view.place(lat, 0)
        SubElement(svg, "path", {"class": "grid", "d": f"M0 {y:.1f}H{WIDTH_OF_MAP}"})
        SubElement(svg, "text", {"class": "degrees", "x": "6", "y": f"{y - 4:.1f}"}).text = text
    half = WIDTH_OF_MAP / 2 / view.scale / view.narrowing
    for lon, text in _round_degrees(view.lon - half, view.lon + half, "EW"):
        x, _ = view.place(0, lon)
        SubElement(svg, "path", {"class": "grid", "d": f"M{x:.1f} 0V{HEIGHT_OF_MAP}"})
        SubElement(svg, "text", {"class": "degrees", "x": f"{x + 4:.1f}", "y": "14"}).text = text


def _round_degrees(start: float, end: float, letters: str) -> Iterator[tuple[float, str]]:
    """Yield round degrees between two, and how they are written. ``letters`` are for positive and negative ones."""
    step = next((step for step in _STEPS if (end - start) / step <= _MOST_LINES), _STEPS[-1])
    decimals = max(0, len(f"{step:.4f}".rstrip("0").partition(".")[2]))
    for number in range(ceil(start / step), floor(end / step) + 1):
        value = number * step
        shown = (value + _MIDDLE) % (2 * _MIDDLE) - _MIDDLE
        letter = letters[0] if shown > 0 else letters[1] if shown < 0 else ""
        yield value, f"{abs(shown):.{decimals}f}°{letter}"


def _draw_scale(svg: Element, view: _View) -> None:
    """Draw a bar that is a round number of kilometres long."""
    per_km = view.scale / _KM_PER_DEGREE
    length = (
        max(step for step in _STEPS if step == _STEPS[0] or step * 10 * per_km <= WIDTH_OF_MAP * _LONGEST_SCALE) * 10
    )
    x, y, wide = WIDTH_OF_MAP - 14, HEIGHT_OF_MAP - 14, length * per_km
    SubElement(svg, "path", {"class": "scale", "d": f"M{x - wide:.1f} {y - 5}v5H{x}v-5"})
    text = f"{length:g} km" if length >= 1 else f"{length * 1000:g} m"
    SubElement(svg, "text", {"class": "degrees", "x": f"{x}", "y": f"{y - 9}", "text-anchor": "end"}).text = text
