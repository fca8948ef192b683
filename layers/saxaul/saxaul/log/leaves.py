"""The leaves of the log: what it records, one statement in each.

A leaf is canonical JSON (RFC 8785). Its member ``type`` says of which kind it is: ``tree`` is a statement about the
tree of one certificate, and ``count`` states the numbers of trees. The last leaf of each published tree is a count.

All leaves about one certificate but the inspections that found the tree alive form a chain. Each leaf names the newest
one of the chain before it (``previous``), and how many statements lie between the two (``since``). So nobody can leave
out a leaf of the chain unnoticed, nor misstate how many inspections are left out.
"""

import unicodedata
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from .canonical_json import Json, NotCanonicalError, decode, encode
from .counts import Counts
from .events import EVENTS, TREE_STATES, Event, TreeState
from .fields import parse_count, parse_degrees, parse_hash, parse_object, parse_text, parse_time
from .merkle import leaf_hash
from .verdicts import RefusedError

MAX_LEAF = 65_535
"""The most bytes of a leaf. The length of an entry in an entry bundle has 16 bits."""

_PLACE_UNIT = Decimal("0.00001")
"""Two trees are at the same place if they agree in degrees to this unit, which is about one metre."""


class TreeLeaf(NamedTuple):
    """One statement about the tree of one certificate. Times are in RFC 3339.

    Attributes:
        certificate: the number of the certificate.
        by: the organisation that states it; empty only for ``dedication_erased``.
        state: the state of the tree after the statement.
        occurred_at: when the event happened, as the organisation stated it.
        recorded_at: when the service accepted the statement.
        planted_at: when the tree that the statement is about was planted, as stated.
        tag, lat, lon: of the tree in the ground, or of the dead one. Degrees of WGS 84, from
            :func:`saxaul.log.degrees.degrees`.
        photo: SHA-256 of the bytes of the photo, in hexadecimal; empty if there is none. For ``planted``, ``replaced``
            and ``corrected`` it is the photo of the planting, for ``alive`` and ``dead`` that of the inspection.
        link: SHA-256 of the text of a link, in hexadecimal; empty if there is none. A link is no evidence.
        particulars: the commitment to the fixed facts of the certificate, from :attr:`Particulars.commitment`.
        previous: the hash of the newest leaf of its chain before it; empty for ``planted``.
        since: the number of statements about this certificate after that leaf and before this one.
    """

    certificate: str
    project_id: str
    by: str
    event: Event
    state: TreeState
    occurred_at: str
    recorded_at: str
    planted_at: str
    tag: str
    lat: str
    lon: str
    photo: str
    link: str
    particulars: str
    previous: str
    since: int

    @property
    def is_in_chain(self) -> bool:
        """Whether later leaves name this one as ``previous``. An inspection that finds the tree alive does not."""
        return self.event != "alive"

    def document(self) -> dict[str, Json]:
        return {"type": "tree", **self._asdict()}

    @property
    def text(self) -> bytes:
        """The leaf as the log holds it."""
        return encode(self.document())

    @property
    def hash(self) -> bytes:
        return leaf_hash(self.text)


class CountLeaf(NamedTuple):
    """The numbers of trees in all leaves before this one.

    Attributes:
        size: the index of this leaf, which is the number of leaves before it.
        counted_at: when it was counted, in RFC 3339.
    """

    planted: int
    dead: int
    standing: int
    size: int
    counted_at: str

    @property
    def counts(self) -> Counts:
        return Counts(self.planted, self.dead, self.standing)

    def document(self) -> dict[str, Json]:
        return {"type": "count", **self._asdict()}

    @property
    def text(self) -> bytes:
        """The leaf as the log holds it."""
        return encode(self.document())

    @property
    def hash(self) -> bytes:
        return leaf_hash(self.text)


def parse(text: bytes) -> TreeLeaf | CountLeaf:
    """Return the leaf that a text of the log holds.

    Raises:
        RefusedError: the text is not the canonical JSON of a leaf, or a member is missing, unknown or malformed.
    """
    if len(text) > MAX_LEAF:
        raise RefusedError(f"a leaf has {len(text)} bytes, more than {MAX_LEAF}")
    try:
        document = decode(text)
    except NotCanonicalError as error:
        raise RefusedError(f"a leaf was changed: {error}") from None
    kind = document.get("type") if isinstance(document, dict) else None
    match kind:
        case "tree":
            return _parse_tree(document)
        case "count":
            return _parse_count(document)
        case _:
            raise RefusedError("a leaf is neither about a tree nor a count")


def parse_statement(text: bytes, certificate: str) -> TreeLeaf:
    """Return the statement about the tree of this certificate that a text of the log holds.

    Raises:
        RefusedError: the text is not one, as :func:`parse` says, or it is about something else.
    """
    leaf = parse(text)
    if not isinstance(leaf, TreeLeaf) or leaf.certificate != certificate:
        raise RefusedError(f"a leaf of {certificate} is not about its tree")
    return leaf


def _parse_tree(document: Json) -> TreeLeaf:
    members = parse_object(document, "a leaf", " ".join(("type", *TreeLeaf._fields)))
    del members["type"]
    since = parse_count(members["since"], "since of a leaf")
    for name, value in members.items():
        if name != "since":
            parse_text(value, f"{name} of a leaf")
    event = members["event"]
    if event not in EVENTS or members["state"] not in TREE_STATES:
        raise RefusedError("a leaf has an unknown event or state")
    if event in TREE_STATES and members["state"] != event:
        raise RefusedError(f"the state after the {event} event is not {event}")
    _check_names(members)
    for name in ("occurred_at", "recorded_at", "planted_at"):
        parse_time(members[name], f"{name} of a leaf")
    parse_degrees(members["lat"], 90, "lat of a leaf")
    parse_degrees(members["lon"], 180, "lon of a leaf")
    parse_hash(members["particulars"], "particulars of a leaf")
    for name in ("photo", "link", "previous"):
        if members[name]:
            parse_hash(members[name], f"{name} of a leaf")
    if (event == "planted") != (not members["previous"]) or (event == "planted" and since):
        raise RefusedError(f"the {event} event names a wrong leaf before it")
    return TreeLeaf(**members)


def _check_names(members: dict[str, str]) -> None:
    for name in ("certificate", "project_id"):
        if not members[name]:
            raise RefusedError(f"{name} of a leaf is empty")
    if not members["by"] and members["event"] != "dedication_erased":
        raise RefusedError("by of a leaf is empty")
    if not tag_key(members["tag"]):
        raise RefusedError("tag of a leaf is empty")


def _parse_count(document: Json) -> CountLeaf:
    members = parse_object(document, "a count", " ".join(("type", *CountLeaf._fields)))
    del members["type"]
    parse_time(members["counted_at"], "counted_at of a count")
    for name, value in members.items():
        if name != "counted_at":
            parse_count(value, f"{name} of a count")
    count = CountLeaf(**members)
    if count.standing != count.planted - count.dead:
        raise RefusedError("the numbers of a count do not add up")
    return count


def tag_key(tag: str) -> str:
    """Return what two tags have in common if they are the same: compatible characters, case and spaces folded."""
    return " ".join(unicodedata.normalize("NFKC", tag).casefold().split())


def place_key(lat: str, lon: str) -> str:
    """Return the place of a tree, as degrees with five decimals. Two trees with the same key are at the same place.

    ``lat`` and ``lon`` are degrees as in a leaf. Halves are rounded to the even digit. The meridian of 180 degrees has
    one key, and so has each pole.
    """
    latitude, longitude = (Decimal(text).quantize(_PLACE_UNIT, ROUND_HALF_EVEN) for text in (lat, lon))
    at_pole = abs(latitude) == 90  # noqa: PLR2004 - degrees
    if at_pole:
        longitude = Decimal(0).quantize(_PLACE_UNIT)
    elif longitude == -180:  # noqa: PLR2004 - degrees
        longitude = -longitude
    return ",".join(f"{value or abs(value):f}" for value in (latitude, longitude))
