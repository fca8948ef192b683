"""Drawings of trees and shrubs, one for each genus. Each can be alive, dead (bare), or not planted yet (dotted).

A drawing stands on the point (0, 0), is about 110 units high, and uses the units of the certificate's picture.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import cos, pi, radians, sin, sqrt
from typing import Final, Literal, NamedTuple
from xml.etree.ElementTree import Element, SubElement

Growth = Literal["alive", "dead", "awaited"]
"""How a tree is drawn: with its leaves, bare, or dotted because it is not planted yet."""

Point = tuple[float, float]

_DRY, _FAINT = "#9a9184", "0.24"
_HIGHEST_BERRY = -84
_GOLDEN_ANGLE = pi * (3 - sqrt(5))
"""Points at multiples of this angle fill a disc evenly, as the seeds of a sunflower do."""


class Stroke(NamedTuple):
    """A trunk or a branch: its path, its width, and its colour, if it is not that of the bark."""

    path: str
    width: float
    colour: str = ""


class Leafage(NamedTuple):
    """Leaves, needles, blossoms or berries of one colour: their path, and the width of its lines."""

    path: str
    width: float
    colour: str


class Drawing(NamedTuple):
    """A tree or shrub: its branches from the thickest to the thinnest, and its leaves from the back to the front."""

    bark: str
    branches: Sequence[Stroke]
    leafage: Sequence[Leafage]


class _Branch(NamedTuple):
    """A cubic curve from the trunk to a tip."""

    start: Point
    first: Point
    second: Point
    end: Point

    @property
    def path(self) -> str:
        (x, y), (a, b), (c, d), (e, f) = self
        return f"M{x:g} {y:g}C{a:g} {b:g} {c:g} {d:g} {e:g} {f:g}"

    def at(self, share: float) -> Point:
        """Return the point of the curve at a share of it, from 0 to 1."""
        rest = 1 - share
        weights = (rest**3, 3 * rest**2 * share, 3 * rest * share**2, share**3)
        x = sum(weight * point[0] for weight, point in zip(weights, self, strict=True))
        return x, sum(weight * point[1] for weight, point in zip(weights, self, strict=True))


def draw_tree(parent: Element, latin: str, growth: Growth) -> None:
    """Draw the species with this Latin name. A genus without a drawing of its own gets one of a leafy tree."""
    drawing = drawing_of(latin)
    branches = SubElement(parent, "g", {"fill": "none", "stroke-linecap": "round", "stroke-linejoin": "round"})
    branches.set("stroke", drawing.bark if growth == "alive" else _DRY)
    if growth == "awaited":
        branches.set("stroke-dasharray", "1 6")
    for branch in drawing.branches:
        width = min(branch.width, 3) if growth == "awaited" else branch.width
        line = SubElement(branches, "path", {"d": branch.path, "stroke-width": f"{width:g}"})
        if branch.colour and growth == "alive":
            line.set("stroke", branch.colour)
    if growth == "dead":
        return
    leafage = SubElement(parent, "g", {"fill": "none", "stroke-linecap": "round"})
    if growth == "awaited":
        leafage.set("opacity", _FAINT)
    for leaves in drawing.leafage:
        SubElement(leafage, "path", {"d": leaves.path, "stroke": leaves.colour, "stroke-width": f"{leaves.width:g}"})


def drawing_of(latin: str) -> Drawing:
    """Return the drawing of the species with this Latin name."""
    return _DRAWN.get(latin.strip().partition(" ")[0].lower(), _leafy_tree)()


def _saxaul() -> Drawing:
    """Haloxylon: a gnarled desert shrub. Its green twigs bend down and have no leaves."""
    paths = ["M0 4C-2-16-3-34-5-58C-6-76-9-88-8-100", "M-2-18C-14-32-30-42-40-62", "M-4-40C-12-54-20-66-25-84"]
    paths += ["M-3-30C8-46 10-70 12-92", "M0-22C14-36 26-54 30-78", "M1-14C20-26 36-36 46-54"]
    tips = [(-40, -60, 24), (-34, -74, 22), (-25, -84, 26), (-16, -94, 24), (-8, -98, 28), (3, -98, 26), (12, -92, 26)]
    tips += [(22, -86, 24), (30, -77, 26), (38, -66, 22), (45, -54, 22), (-22, -60, 20), (-2, -70, 22), (18, -64, 20)]
    leafage = [
        Leafage(
            "".join(_twig(*tip, angle) for tip in tips for angle in range(9 * shade - 100, 9 * shade + 85, 16)), *look
        )
        for shade, look in enumerate(((1.5, "#54764a"), (1.5, "#6f9057"), (1.5, "#8aa867")))
    ]
    return Drawing("#6d5138", [Stroke(path, 6 - place * 0.6) for place, path in enumerate(paths)], leafage)


def _twig(x: int, y: int, length: int, angle: int) -> str:
    """Return the path of a twig that starts at ``angle`` degrees from vertical and bends down at its end."""
    reach = length * (0.72 + 0.28 * cos(radians(angle * 5 + x * 11)))
    dx, dy = reach * sin(radians(angle)), -reach * cos(radians(angle))
    return f"M{x} {y}q{dx * 0.5:.0f} {dy * 0.75:.0f} {dx:.0f} {dy + abs(dx) * 0.4:.0f}"


def _caragana() -> Drawing:
    """Caragana: many thin stems from the ground, feathery leaves in pairs, and yellow flowers."""
    stems = [
        _Branch((foot, 4), (foot * 1.4, -30), (tip * 0.75, -64), (tip, -height))
        for foot, tip, height in ((-7, -50, 62), (-5, -34, 84), (-3, -16, 98), (0, 3, 106), (3, 21, 96), (5, 38, 80))
    ]
    stems.append(_Branch((7, 4), (12, -24), (40, -44), (54, -58)))
    front, back, flowers = "", "", ""
    for place, stem in enumerate(stems):
        for step in range(5, 20):
            x, y = stem.at(step / 19)
            pair = f"M{x:.1f} {y:.1f}l-7-5M{x:.1f} {y:.1f}l7-5M{x:.1f} {y + 3:.1f}l-6-1M{x:.1f} {y + 3:.1f}l6-1"
            front, back = (front + pair, back) if (place + step) % 2 else (front, back + pair)
            if (place * 3 + step) % 6 == 0:
                flowers += f"M{x + 3:.1f} {y - 4:.1f}h2.6"
    stalks = [Stroke(stem.path, 3.2 - abs(place - 3) * 0.3) for place, stem in enumerate(stems)]
    leafage = [Leafage(back, 2.6, "#7d9a5b"), Leafage(front, 2.6, "#9cb673"), Leafage(flowers, 5, "#efc02f")]
    return Drawing("#8a7a4a", stalks, leafage)


def _sea_buckthorn() -> Drawing:
    """Hippophae: thorny branches, narrow silvery leaves, and dense orange berries along the wood."""
    limbs = [
        _Branch((0, 4), (-3, -30), (4, -66), (-1, -104)),
        _Branch((-1, -16), (-12, -34), (-32, -48), (-42, -72)),
        _Branch((0, -34), (-8, -54), (-20, -72), (-22, -96)),
        _Branch((1, -26), (12, -48), (20, -70), (22, -94)),
        _Branch((1, -12), (16, -28), (36, -42), (46, -66)),
        _Branch((0, -6), (-20, -18), (-44, -26), (-54, -42)),
        _Branch((1, -5), (20, -14), (42, -22), (55, -36)),
    ]
    thorns, leaves, berries = "", ["", ""], ""
    for place, limb in enumerate(limbs):
        for step in range(4, 21):
            x, y = limb.at(step / 20)
            side = 1 if step % 2 else -1
            leaves[step % 2] += f"M{x:.1f} {y:.1f}l{side * 9}-9M{x:.1f} {y:.1f}l{-side * 11}-4"
            if step % 4 == 0:
                thorns += f"M{x:.1f} {y:.1f}l{side * 6}-3"
            if limb.at(step / 20)[1] > _HIGHEST_BERRY and (step + place) % 3:
                berries += f"M{x + side * 3:.1f} {y - 1:.1f}h.1M{x - side * 2.6:.1f} {y + 2:.1f}h.1"
    wood = [Stroke(limb.path, 5 - place * 0.4) for place, limb in enumerate(limbs)]
    leafage = [Leafage(leaves[0], 2, "#7f9a80"), Leafage(leaves[1], 2, "#a3b79c"), Leafage(berries, 5.2, "#e5832a")]
    return Drawing("#5f5348", [*wood, Stroke(thorns, 1.2)], leafage)


def _pine() -> Drawing:
    """Pinus sylvestris: a straight trunk, orange in its upper part, and needles in flat layers."""
    trunk = [Stroke("M0 4C-1-20 1-46 0-70", 8), Stroke("M0-46C1-70-1-96 0-118", 4.6, "#c07a45")]
    tiers = ((-44, 40, -1), (-58, 46, 1), (-72, 42, -1), (-86, 36, 1), (-99, 28, -1), (-111, 19, 1), (-120, 9, -1))
    limbs, needles = "", ["", "", ""]
    for y, reach, side in tiers:
        limbs += f"M0 {y + 9}Q{-reach * 0.5:g} {y + 7} {-reach:g} {y + 1 + side * 2}"
        limbs += f"M0 {y + 8}Q{reach * 0.5:g} {y + 6} {reach:g} {y + 1 - side * 2}"
        for step in range(-12, 13):
            x = reach * step / 12
            base = y + 5 - abs(step) * 0.35 + side * step * 0.16
            for lean in (-5, -2, 2, 5):
                needles[(step + lean) % 3] += f"M{x:.1f} {base:.1f}l{lean + step * 0.25:.1f}-{8 - abs(lean) * 0.5:.1f}"
    colours = ("#3c6349", "#4f7a57", "#6d946a")
    leafage = [Leafage(path, 1.7, colour) for path, colour in zip(needles, colours, strict=True)]
    return Drawing("#75523a", [*trunk, Stroke(limbs, 2.2, "#a0693f")], leafage)


def _poplar() -> Drawing:
    """Populus euphratica: a thick, furrowed trunk, and a broad crown of round leaves in the gold of October."""
    limbs = [
        _Branch((-2, 4), (-6, -18), (2, -34), (-2, -56)),
        _Branch((-2, -30), (-10, -46), (-26, -54), (-34, -74)),
        _Branch((-1, -34), (8, -50), (24, -56), (34, -76)),
        _Branch((-2, -50), (-6, -70), (-10, -84), (-8, -102)),
        _Branch((-1, -46), (4, -66), (12, -80), (14, -98)),
    ]
    wood = [Stroke(limb.path, width) for limb, width in zip(limbs, (13, 6, 6, 5, 4.5), strict=True)]
    wood.append(Stroke("M-6 0C-8-14-4-26-5-40M3 0C0-16 4-24 2-40", 1.2, "#6b5a41"))
    crowns = ((-34, -76, 22, 17), (34, -78, 22, 17), (-12, -102, 24, 19), (14, -100, 24, 19), (0, -80, 28, 20))
    leaves = ["", "", ""]
    for place, crown in enumerate(crowns):
        for number, (x, y) in enumerate(_filled(*crown, 66)):
            leaves[(number + place) % 3] += f"M{x:.1f} {y:.1f}h1.4"
    leafage = [
        Leafage(path, 5.4, colour) for path, colour in zip(leaves, ("#b07f1d", "#d6a232", "#ecc65a"), strict=True)
    ]
    return Drawing("#8f7a5a", wood, leafage)


def _almond() -> Drawing:
    """Prunus (almond): a short, dark trunk, and an open crown of pale pink blossoms."""
    limbs = [
        _Branch((0, 4), (-2, -12), (3, -24), (0, -38)),
        _Branch((0, -26), (-12, -40), (-30, -46), (-42, -66)),
        _Branch((0, -34), (-6, -54), (-18, -70), (-18, -92)),
        _Branch((0, -36), (6, -56), (14, -72), (12, -98)),
        _Branch((1, -28), (14, -42), (30, -50), (44, -70)),
        _Branch((2, -22), (20, -30), (36, -34), (52, -46)),
    ]
    blossoms, leaves = ["", "", ""], ""
    for place, limb in enumerate(limbs[1:]):
        for step in range(6, 21):
            x, y = limb.at(step / 20)
            for number, (dx, dy) in enumerate(_filled(0, 0, 13, 11, 8)):
                blossoms[(number + step + place) % 3] += f"M{x + dx:.1f} {y + dy:.1f}h.1"
            if step % 5 == 0:
                leaves += f"M{x:.1f} {y - 4:.1f}l5-7"
    wood = [Stroke(limb.path, 7 - place * 0.9) for place, limb in enumerate(limbs)]
    pinks = (("#e8a3b5", 4.6), ("#f3c6d0", 5), ("#fae6ea", 4))
    leafage = [Leafage(leaves, 2.6, "#7f9d5f")]
    leafage += [Leafage(path, width, pink) for path, (pink, width) in zip(blossoms, pinks, strict=True)]
    return Drawing("#4c3a33", wood, leafage)


def _leafy_tree() -> Drawing:
    """Return a tree with a round green crown, for a genus that has no drawing of its own."""
    limbs = [
        _Branch((0, 4), (-2, -20), (2, -44), (0, -84)),
        _Branch((0, -34), (-8, -48), (-18, -56), (-26, -74)),
        _Branch((0, -38), (8, -52), (18, -60), (26, -78)),
    ]
    leaves = ["", "", ""]
    for x, y in _filled(0, -76, 42, 36, 330):
        leaves[int(x * 3.7 + y * 5.3) % 3] += f"M{x:.1f} {y:.1f}l2-3"
    greens = ("#55794a", "#6e9659", "#93b478")
    leafage = [Leafage(path, 4.4, colour) for path, colour in zip(leaves, greens, strict=True)]
    return Drawing("#6d5138", [Stroke(limb.path, 7 - 2 * place) for place, limb in enumerate(limbs)], leafage)


def _filled(x: float, y: float, across: float, up: float, number: int) -> Iterator[Point]:
    """Yield this number of points that fill an ellipse evenly, from its centre out. ``across`` and ``up`` are radii."""
    for place in range(number):
        distance, angle = sqrt((place + 0.5) / number), place * _GOLDEN_ANGLE
        yield x + across * distance * cos(angle), y + up * distance * sin(angle)


_DRAWN: Final[Mapping[str, Callable[[], Drawing]]] = {
    "haloxylon": _saxaul,
    "caragana": _caragana,
    "hippophae": _sea_buckthorn,
    "pinus": _pine,
    "populus": _poplar,
    "prunus": _almond,
    "amygdalus": _almond,
}
"""The drawings by the genus, in lower case."""
