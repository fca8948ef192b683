"""The drawings on a certificate: dunes at dawn, the shrub in its state, and the QR code.

Lengths are in units of the SVG's view box, which is 390 units wide: about the width of a phone in CSS pixels.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import cos, radians, sin
from xml.etree.ElementTree import Element, SubElement

import segno

WIDTH = 390
HORIZON = 236
"""The y coordinate where the landscape ends and the text begins."""

_INK, _BARK, _DRY = "#3d3a33", "#6d5138", "#9a9184"
_GREENS = ("#54764a", "#6f9057", "#8aa867")
_TIPS = (
    *((-40, -60, 24), (-34, -74, 22), (-25, -84, 26), (-16, -94, 24), (-8, -98, 28), (3, -98, 26), (12, -92, 26)),
    *((22, -86, 24), (30, -77, 26), (38, -66, 22), (45, -54, 22), (-22, -60, 20), (-2, -70, 22), (18, -64, 20)),
)
"""The tips of the branches. Each has x, y, and the length of the twigs that grow there."""

_BRANCHES = (
    "M0 4C-2-16-3-34-5-58C-6-76-9-88-8-100",
    "M-2-18C-14-32-30-42-40-62",
    "M-4-40C-12-54-20-66-25-84",
    "M-3-30C8-46 10-70 12-92",
    "M0-22C14-36 26-54 30-78",
    "M1-14C20-26 36-36 46-54",
)
_NOT_PLANTED = ("reserved", "ordered", "refunded")
_DUNES = (
    ("#ecd2a4", "M0 158C62 126 118 130 178 150S306 168 390 128V240H0Z"),
    ("#e0bd85", "M0 186C70 160 142 172 214 184S338 168 390 176V240H0Z"),
    ("#d3a769", "M0 214C88 190 168 206 246 214S342 206 390 210V240H0Z"),
)


def draw_landscape(parent: Element, state: str) -> None:
    """Draw the desert at dawn and the tree. A dead tree is bare, and a tree that is not planted is dotted."""
    definitions = SubElement(parent, "defs")
    sky = SubElement(definitions, "linearGradient", id="sky", x1="0", y1="0", x2="0", y2="1")
    for offset, colour in (("0", "#cfdcd8"), ("0.55", "#f3e6cb"), ("1", "#fbeed3")):
        SubElement(sky, "stop", {"offset": offset, "stop-color": colour})
    SubElement(parent, "rect", width=str(WIDTH), height=str(HORIZON), fill="url(#sky)")
    SubElement(parent, "circle", {"cx": "296", "cy": "84", "r": "44", "fill": "#f8d79a", "opacity": "0.45"})
    SubElement(parent, "circle", cx="296", cy="84", r="25", fill="#f3bd6b")
    shrub = SubElement(definitions, "g", id="shrub")
    _draw_branches(shrub, _BARK)
    shrub.append(_foliage())
    for colour, dune in _DUNES:
        SubElement(parent, "path", d=dune, fill=colour)
    for x, y, scale in ((238, 184, 0.26), (336, 178, 0.2), (52, 178, 0.22)):
        SubElement(parent, "use", href="#shrub", transform=f"translate({x} {y}) scale({scale})")
    SubElement(parent, "ellipse", cx="142", cy="209", rx="58", ry="5", fill="#a97f49", opacity="0.35")
    tree = SubElement(parent, "g", transform="translate(140 206) scale(1.06)")
    if state in _NOT_PLANTED:
        _draw_branches(tree, _DRY, dotted=True)
        tree.append(_foliage(opacity="0.22"))
    elif state == "dead":
        _draw_branches(tree, _DRY)
    else:
        SubElement(tree, "use", href="#shrub")


def _draw_branches(parent: Element, bark: str, *, dotted: bool = False) -> None:
    branches = SubElement(parent, "g", {"fill": "none", "stroke": bark, "stroke-linecap": "round"})
    if dotted:
        branches.set("stroke-dasharray", "1 6")
    for number, branch in enumerate(_BRANCHES):
        SubElement(branches, "path", {"d": branch, "stroke-width": "3" if dotted else f"{6 - number * 0.6:g}"})


def _foliage(**style: str) -> Element:
    foliage = Element("g", {"fill": "none", "stroke-width": "1.5", "stroke-linecap": "round", **style})
    for shade, colour in enumerate(_GREENS):
        angles = range(9 * shade - 100, 9 * shade + 85, 16)
        twigs = "".join(_twig(x, y, length, angle) for x, y, length in _TIPS for angle in angles)
        SubElement(foliage, "path", d=twigs, stroke=colour)
    return foliage


def _twig(x: int, y: int, length: int, angle: int) -> str:
    """Return the path of a twig that starts at ``angle`` degrees from vertical and bends down at its end."""
    reach = length * (0.72 + 0.28 * cos(radians(angle * 5 + x * 11)))
    dx, dy = reach * sin(radians(angle)), -reach * cos(radians(angle))
    return f"M{x} {y}q{dx * 0.5:.0f} {dy * 0.75:.0f} {dx:.0f} {dy + abs(dx) * 0.4:.0f}"


def draw_qr_code(parent: Element, address: str, x: float, y: float, side: float) -> None:
    """Draw the QR code of an address on a white square.

    Its border is four modules wide, because QR readers need such a quiet zone. ``side`` is the side of the square.
    """
    modules = segno.make_qr(address, error="m").matrix
    border = 4
    scale = side / (len(modules) + 2 * border)
    SubElement(parent, "rect", x=f"{x:g}", y=f"{y:g}", width=f"{side:g}", height=f"{side:g}", rx="8", fill="#fff")
    runs = "".join(
        f"M{start} {row}h{end - start}v1h{start - end}z"
        for row, line in enumerate(modules)
        for start, end in _runs(line)
    )
    place = f"translate({x + border * scale:.3f} {y + border * scale:.3f}) scale({scale:.5f})"
    SubElement(parent, "path", {"d": runs, "transform": place, "fill": _INK, "shape-rendering": "crispEdges"})


def _runs(line: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each run of dark modules in a line."""
    start = 0
    for is_dark, run in groupby(line):
        end = start + len(list(run))
        if is_dark:
            yield start, end
        start = end
