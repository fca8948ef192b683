"""The colours and the fonts of the picture and of the page, by day and in the dark."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

Standing = Literal["standing", "awaited", "over"]
"""What a state means for the colour of its seal: a tree stands, is awaited, or is dead or given back."""


class Palette(NamedTuple):
    """Colours. ``ground`` is behind the cards, and ``paper`` is that of a card.

    Attributes:
        ink, soft: text, and text that matters less.
        line: fine lines, which carry no meaning.
        accent: links.
        shade: what commands are written on.
    """

    ground: str
    paper: str
    ink: str
    soft: str
    line: str
    accent: str
    shade: str


LIGHT: Final = Palette("#f1e9d8", "#fdfaf3", "#3d3a33", "#6a6253", "#e0d5bd", "#43653a", "#f3ecdc")
DARK: Final = Palette("#15130e", "#211e17", "#ece5d5", "#b5ab97", "#3f392c", "#a9cf98", "#2b271e")

SEALS: Final[Mapping[Standing, str]] = {"standing": "#4b6d42", "awaited": "#855c1b", "over": "#6a6358"}
"""The colours of the seal with the state. Its text is white, by day and in the dark."""

_STANDINGS: Final[Mapping[str, Standing]] = {
    "reserved": "awaited",
    "ordered": "awaited",
    "refunded": "over",
    "dead": "over",
}


def standing_of(state: str) -> Standing:
    return _STANDINGS.get(state, "standing")


SANS: Final = "-apple-system,'Segoe UI',Roboto,'PingFang SC','Noto Sans CJK SC','Microsoft YaHei',sans-serif"
SERIF: Final = "Georgia,'Noto Serif','Songti SC','Noto Serif CJK SC',SimSun,serif"
MONOSPACE: Final = "ui-monospace,Menlo,Consolas,monospace"
