"""The drawings on a certificate: dunes at dawn with the tree in its state, and the QR code.

Lengths are in units of the SVG's view box, which is 390 units wide: about the width of a phone in CSS pixels. The
classes of the parts let a page give them other colours in the dark.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement

import segno

from saxaul.certificate.species import Growth, draw_tree

WIDTH = 390
HORIZON = 236
"""The y coordinate where the landscape ends and the text begins."""

_INK = "#3d3a33"
_GROWTHS: dict[str, Growth] = {"reserved": "awaited", "ordered": "awaited", "refunded": "awaited", "dead": "dead"}
_SKY = (("0", "#cfdcd8"), ("0.55", "#f3e6cb"), ("1", "#fbeed3"))
_DUNES = (
    ("#ecd2a4", "M0 158C62 126 118 130 178 150S306 168 390 128V240H0Z"),
    ("#e0bd85", "M0 186C70 160 142 172 214 184S338 168 390 176V240H0Z"),
    ("#d3a769", "M0 214C88 190 168 206 246 214S342 206 390 210V240H0Z"),
)


def draw_landscape(parent: Element, latin: str, state: str) -> None:
    """Draw the desert at dawn and the tree. A dead tree is bare, and a tree that is not planted is dotted."""
    definitions = SubElement(parent, "defs")
    sky = SubElement(definitions, "linearGradient", id="sky", x1="0", y1="0", x2="0", y2="1")
    for number, (offset, colour) in enumerate(_SKY):
        SubElement(sky, "stop", {"class": f"sky{number}", "offset": offset, "stop-color": colour})
    SubElement(parent, "rect", width=str(WIDTH), height=str(HORIZON), fill="url(#sky)")
    SubElement(parent, "circle", {"cx": "296", "cy": "84", "r": "44", "fill": "#f8d79a", "opacity": "0.45"})
    SubElement(parent, "circle", cx="296", cy="84", r="25", fill="#f3bd6b")
    grown = SubElement(definitions, "g", id="tree")
    draw_tree(grown, latin, "alive")
    for number, (colour, dune) in enumerate(_DUNES):
        SubElement(parent, "path", {"class": f"dune{number}", "d": dune, "fill": colour})
    for x, y, scale in ((238, 184, 0.26), (336, 178, 0.2), (52, 178, 0.22)):
        SubElement(parent, "use", href="#tree", transform=f"translate({x} {y}) scale({scale})")
    SubElement(parent, "ellipse", cx="142", cy="209", rx="58", ry="5", fill="#a97f49", opacity="0.35")
    tree = SubElement(parent, "g", transform="translate(140 206) scale(1.06)")
    growth = growth_of(state)
    if growth == "alive":
        SubElement(tree, "use", href="#tree")
    else:
        draw_tree(tree, latin, growth)


def growth_of(state: str) -> Growth:
    """Return how a tree in this state is drawn."""
    return _GROWTHS.get(state, "alive")


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
