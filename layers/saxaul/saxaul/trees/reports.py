"""The three kinds of reports that a partner sends about a tree: confirmation, failure and inspection."""

import unicodedata
from datetime import datetime
from typing import Annotated, Literal, Self

from saxaul.catalog.entries import Latitude, Longitude
from saxaul.catalog.models import AfterValidator, Described, Field, Model, Url, model_validator
from saxaul.ledger.identifiers import Moment
from saxaul.log.degrees import DEGREE_DECIMALS
from saxaul.trees.invisible import JOINERS, without_invisible
from saxaul.trees.plantings import PlantedTree
from saxaul.trees.redemptions import MAX_TRIES, Step, Tree
from saxaul.trees.states import State

MAX_LINK = 500
"""The most characters of a link to a photo or other evidence."""


def _since_1970(moment: datetime) -> datetime:
    if moment.timestamp() < 0:
        raise ValueError("the time must not be before 1970")
    return moment


def _public_link(link: Url) -> Url:
    if len(str(link)) > MAX_LINK:
        raise ValueError(f"a link must have at most {MAX_LINK} characters")
    if "@" in str(link).partition("//")[2].partition("/")[0]:
        raise ValueError("a link must not have a user name or a password, because anyone can read it")
    return link


_VISIBLE_CATEGORIES = frozenset("LNPS")
"""Unicode categories of letters, numbers, punctuation and symbols. Marks are not in it: they need a base character."""

_BLANK_SYMBOLS = frozenset("\u2800\U0001d159")
"""Symbols that are blank: the empty Braille pattern, and the musical symbol null notehead."""


def _normal_line(text: str) -> str:
    """Return a text in one normal form: composed (NFC), with single spaces inside and none at the ends.

    Raises:
        ValueError: the text has no visible character, or an invisible one that it does not need.
    """
    line = " ".join(filter(None, unicodedata.normalize("NFC", text).split(" ")))
    if not any(
        unicodedata.category(character)[0] in _VISIBLE_CATEGORIES and character not in _BLANK_SYMBOLS
        for character in line
    ):
        raise ValueError("at least one visible character is required")
    drawn = line.translate(dict.fromkeys(map(ord, JOINERS)))
    if not drawn.isprintable() or without_invisible(line) != line:
        raise ValueError("invisible characters are not allowed")
    return line


def _without_joiners(text: str) -> str:
    if set(text) & set(JOINERS):
        raise ValueError("invisible characters are not allowed")
    return text


VisibleLine = AfterValidator(_normal_line)
EvidenceLink = Annotated[
    Url,
    Field(max_length=MAX_LINK),
    AfterValidator(_public_link),
    Described({"pattern": r"^\s*[Hh][Tt][Tt][Pp][Ss]?:"}),
]
ReportedTime = Annotated[Moment, AfterValidator(_since_1970)]
Tag = Annotated[str, Field(min_length=1, max_length=64), VisibleLine, AfterValidator(_without_joiners)]
"""The text on the label of a tree."""


class _Report(Model):
    certificate: Annotated[str, Field(max_length=40)]
    """The number of the tree's certificate. Lower case, and missing dashes or spaces, make no difference."""


class Confirmation(_Report):
    """A report that one tree was planted."""

    tag: Tag
    """The text on the label of the tree. It has a visible character."""
    lat: Latitude
    """The latitude in degrees (WGS 84). It is rounded to seven decimals."""
    lon: Longitude
    """The longitude in degrees (WGS 84). It is rounded to seven decimals."""
    planted_at: ReportedTime
    """When the tree was planted."""
    photo_url: EvidenceLink | None = None
    """A link to a photo of the tree."""

    @property
    def planting(self) -> PlantedTree:
        return _planting(self.planted_at, self.tag, self.lat, self.lon, self.photo_url)

    def step(self, now: int) -> Step:
        return Step(State.PLANTED, self.planting.planted_at, now, planting=self.planting)


class Failure(_Report):
    """A report that one tree could not be planted."""

    reason: Annotated[str, Field(min_length=1, max_length=200), VisibleLine]
    """Why the tree could not be planted."""

    def step(self, tree: Tree, order_id: str, now: int) -> Step:
        """Return the next step: ``reserved`` to wait for another order, or ``refunded`` after MAX_TRIES orders."""
        state = State.RESERVED if len(tree.orders) < MAX_TRIES else State.REFUNDED
        return Step(state, now, now, order_id=order_id, reason=self.reason)


_REQUIRED_OF_A_REPLACEMENT = ("tag", "lat", "lon", "planted_at")
_FIELDS_OF_A_REPLACEMENT = {
    "if": {"properties": {"state": {"const": "replaced"}}},
    "then": {
        "required": [*_REQUIRED_OF_A_REPLACEMENT],
        "properties": {name: {"not": {"type": "null"}} for name in _REQUIRED_OF_A_REPLACEMENT},
    },
    "else": {"properties": {name: {"type": "null"} for name in [*_REQUIRED_OF_A_REPLACEMENT, "photo_url"]}},
}
"""What JSON Schema says of the rule that ``Inspection`` checks at its end."""


class Inspection(_Report):
    """A report on the state of one planted tree. For a replaced tree, it has the details of the new tree."""

    json_schema = _FIELDS_OF_A_REPLACEMENT

    state: Literal["alive", "dead", "replaced"]
    """The state in which the tree was found; `replaced` if a new tree was planted in its place."""
    inspected_at: ReportedTime
    """When the tree was inspected."""
    inspector: Annotated[str, Field(min_length=1, max_length=100), VisibleLine]
    """Who inspected the tree."""
    evidence_url: EvidenceLink | None = None
    """A link to a photo or a report."""
    tag: Tag | None = None
    """The text on the label of the new tree. Required if the state is `replaced`, and not allowed otherwise."""
    lat: Latitude | None = None
    """The latitude of the new tree in degrees (WGS 84). Required and allowed as `tag` is."""
    lon: Longitude | None = None
    """The longitude of the new tree in degrees (WGS 84). Required and allowed as `tag` is."""
    planted_at: ReportedTime | None = None
    """When the new tree was planted, not after `inspected_at`. Required and allowed as `tag` is."""
    photo_url: EvidenceLink | None = None
    """A link to a photo of the new tree. Allowed only if the state is `replaced`."""

    @model_validator
    def _check_replacement_fields(self) -> Self:
        particulars = (self.tag, self.lat, self.lon, self.planted_at)
        if self.state != "replaced" and any(particular is not None for particular in (*particulars, self.photo_url)):
            raise ValueError("tag, lat, lon, planted_at and photo_url are only allowed for a replaced tree")
        if self.state == "replaced" and any(particular is None for particular in particulars):
            raise ValueError("a replaced tree requires tag, lat, lon and planted_at")
        if self.planted_at and self.planted_at > self.inspected_at:
            raise ValueError("planted_at must not be after inspected_at")
        return self

    def step(self, now: int) -> Step:
        planting = None
        if self.tag is not None and self.lat is not None and self.lon is not None and self.planted_at is not None:
            planting = _planting(self.planted_at, self.tag, self.lat, self.lon, self.photo_url)
        return Step(
            State(self.state),
            int(self.inspected_at.timestamp()),
            now,
            inspector=self.inspector,
            evidence_url=str(self.evidence_url or ""),
            planting=planting,
        )


def _planting(planted_at: datetime, tag: str, lat: float, lon: float, photo_url: Url | None) -> PlantedTree:
    return PlantedTree(
        planted_at=int(planted_at.timestamp()),
        tag=tag,
        lat=round(lat, DEGREE_DECIMALS),
        lon=round(lon, DEGREE_DECIMALS),
        photo_url=str(photo_url or ""),
    )
