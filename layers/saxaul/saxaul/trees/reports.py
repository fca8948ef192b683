"""The four kinds of reports that a partner sends about a tree: confirmation, failure, inspection and correction."""

import re
import unicodedata
from datetime import datetime
from itertools import zip_longest
from typing import Annotated, Literal, Self

from saxaul.catalog.entries import Flag, Latitude, Longitude
from saxaul.catalog.models import AfterValidator, Described, Field, Model, Url, model_validator
from saxaul.ledger.identifiers import Moment
from saxaul.log.degrees import DEGREE_DECIMALS
from saxaul.log.leaves import tag_key
from saxaul.trees.invisible import JOINERS, without_invisible
from saxaul.trees.plantings import PlantedTree
from saxaul.trees.redemptions import MAX_TRIES, Step, Tree
from saxaul.trees.states import State

MAX_LINK = 500
"""The most characters of a link to a photo or other evidence."""

MAX_TAG_KEY = 128
"""The most characters of what a tag is compared by. One character of a tag can stand for up to 18."""


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

_SPACES = dict.fromkeys(
    map(ord, "\u00a0\u1680\u202f\u205f\u3000\u2800\U0001d159" + "".join(map(chr, range(0x2000, 0x200B)))), " "
)
"""Each of these is a space: the spaces of Unicode (category Zs) that keyboards and programs type, such as U+3000 in
Chinese, the empty Braille pattern, and the musical symbol null notehead."""


def _normal_line(text: str) -> str:
    """Return a text in one normal form: composed (NFC), with single spaces inside and none at the ends.

    Raises:
        ValueError: the text has no visible character, or an invisible one that it does not need.
    """
    spaced = unicodedata.normalize("NFC", text).translate(_SPACES)
    line = " ".join(filter(None, spaced.split(" ")))
    if not any(unicodedata.category(character)[0] in _VISIBLE_CATEGORIES for character in line):
        raise ValueError("at least one visible character is required")
    for place, (character, kept) in enumerate(zip_longest(spaced, without_invisible(spaced))):
        if character != kept or not (character.isprintable() or character in JOINERS):
            raise _invisible(spaced, place)
    return line


def _without_joiners(text: str) -> str:
    for place, character in enumerate(text):
        if character in JOINERS:
            raise _invisible(text, place)
    return text


def _invisible(text: str, place: int) -> ValueError:
    """Return the error that says which invisible character a text has at a place."""
    code = f"U+{ord(text[place]):04X} {unicodedata.name(text[place], '')}".rstrip()
    return ValueError(f"its character {place + 1} is invisible ({code})")


def _distinct_tag(tag: str) -> str:
    if not 0 < len(tag_key(tag)) <= MAX_TAG_KEY:
        raise ValueError("its characters stand for too long a text")
    return tag


def _sha256(text: str) -> str:
    if not re.fullmatch(_SHA256, text):
        raise ValueError("a SHA-256 has 64 hexadecimal digits in lower case")
    return text


def _only_true(flag: bool) -> bool:
    if not flag:
        raise ValueError("only true is allowed; a tree that died is reported by an inspection")
    return flag


VisibleLine = AfterValidator(_normal_line)
EvidenceLink = Annotated[
    Url,
    Field(max_length=MAX_LINK),
    AfterValidator(_public_link),
    Described({"pattern": r"^\s*[Hh][Tt][Tt][Pp][Ss]?:"}),
]
ReportedTime = Annotated[Moment, AfterValidator(_since_1970)]
_SHA256 = "^[0-9a-f]{64}$"
Tag = Annotated[
    str,
    Field(min_length=1, max_length=64),
    AfterValidator(_without_joiners),
    VisibleLine,
    AfterValidator(_distinct_tag),
]
"""The text on the label of a tree."""
PhotoHash = Annotated[str, AfterValidator(_sha256), Described({"pattern": _SHA256})]
"""The SHA-256 of the bytes of a photo that was uploaded, as 64 hexadecimal digits in lower case."""


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
    """When the tree was planted. It is not before the day of the order."""
    photo: PhotoHash | None = None
    """The SHA-256 of an uploaded photo of the tree, in hexadecimal. Another tree cannot have the same photo."""
    photo_url: EvidenceLink | None = None
    """A link to a photo of the tree. It is shown, but it is no evidence: anyone can change what it leads to."""

    @property
    def planting(self) -> PlantedTree:
        return _planting(self.planted_at, self.tag, self.lat, self.lon, self.photo_url, self.photo)

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
    """A link to a photo or a report. It is no evidence by itself: anyone can change what it leads to."""
    photo: PhotoHash | None = None
    """The SHA-256 of an uploaded photo, in hexadecimal: of the new tree if the state is `replaced`, and else of the
    inspected tree. No other statement can have the same photo.
    """
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
            planting = _planting(self.planted_at, self.tag, self.lat, self.lon, self.photo_url, self.photo)
        return Step(
            State(self.state),
            int(self.inspected_at.timestamp()),
            now,
            inspector=self.inspector,
            evidence_url=str(self.evidence_url or ""),
            photo="" if planting else self.photo or "",
            planting=planting,
        )


def named_photo(report: object) -> str | None:
    """Return the SHA-256 of the photo that a report names, before it is checked; None if it names none."""
    photo = report.get("photo") if isinstance(report, dict) else None
    return photo if isinstance(photo, str) and re.fullmatch(_SHA256, photo) else None


_DEGREES = ("lat", "lon")
_BOTH_DEGREES = {
    "allOf": [
        {
            "if": {"required": [name], "properties": {name: {"not": {"type": "null"}}}},
            "then": {"required": [other], "properties": {other: {"not": {"type": "null"}}}},
        }
        for name, other in (_DEGREES, _DEGREES[::-1])
    ]
}
"""What JSON Schema says of the rule that ``Correction`` checks at its end."""


class Correction(_Report):
    """A correction of what was reported about one planted tree. What it does not name stays as it is."""

    json_schema = _BOTH_DEGREES

    reason: Annotated[str, Field(min_length=1, max_length=200), VisibleLine]
    """Why the correction is made. The owner of the tree can read it. The public log does not have it."""
    tag: Tag | None = None
    """The text on the label of the tree."""
    lat: Latitude | None = None
    """The latitude in degrees (WGS 84), rounded to seven decimals. It is corrected together with `lon`."""
    lon: Longitude | None = None
    """The longitude in degrees (WGS 84), rounded to seven decimals. It is corrected together with `lat`."""
    planted_at: ReportedTime | None = None
    """When the tree was planted."""
    photo: PhotoHash | None = None
    """The SHA-256 of an uploaded photo of the planted tree, in hexadecimal."""
    photo_url: EvidenceLink | None = None
    """A link to a photo of the planted tree."""
    alive: Annotated[Flag, AfterValidator(_only_true)] | None = None
    """`true` if the tree was reported dead by mistake, and has not been replaced since: it is `alive` again."""

    @model_validator
    def _check_degrees(self) -> Self:
        if (self.lat is None) != (self.lon is None):
            raise ValueError("lat and lon are corrected together")
        return self

    def corrected(self, planting: PlantedTree) -> PlantedTree:
        """Return the details of a tree as this correction states them."""
        return PlantedTree(
            planted_at=planting.planted_at if self.planted_at is None else int(self.planted_at.timestamp()),
            tag=planting.tag if self.tag is None else self.tag,
            lat=planting.lat if self.lat is None else round(self.lat, DEGREE_DECIMALS),
            lon=planting.lon if self.lon is None else round(self.lon, DEGREE_DECIMALS),
            photo_url=planting.photo_url if self.photo_url is None else str(self.photo_url),
            photo=planting.photo if self.photo is None else self.photo,
        )

    def repeats(self, tree: Tree) -> bool:
        """Return whether this same complete correction was made, of the tree that is in the ground now."""
        found, state, planting = False, tree.state, None
        for step in tree.history:
            if step.planting and not step.is_correction:
                found = False
            elif step.is_correction and planting and step.reason == self.reason:
                withdrew = state is not step.state
                found |= self.corrected(planting) == step.planting and withdrew == bool(self.alive)
            state, planting = step.state, step.planting or planting
        return found

    def step(self, tree: Tree, planting: PlantedTree, now: int) -> Step:
        """Return the next step of a tree, which from now on has these details."""
        state = State.ALIVE if self.alive else tree.state
        return Step(state, now, now, reason=self.reason, planting=self.corrected(planting), is_correction=True)


def _planting(
    planted_at: datetime, tag: str, lat: float, lon: float, photo_url: Url | None, photo: str | None
) -> PlantedTree:
    return PlantedTree(
        planted_at=int(planted_at.timestamp()),
        tag=tag,
        lat=round(lat, DEGREE_DECIMALS),
        lon=round(lon, DEGREE_DECIMALS),
        photo_url=str(photo_url or ""),
        photo=photo or "",
    )
