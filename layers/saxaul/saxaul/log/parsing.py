"""Reading what was published, strictly: a text or a record of any other form than ours is refused with the reason."""

from dataclasses import fields
from typing import Any

from saxaul.log.canonical_json import Json, NotCanonicalError, decode
from saxaul.log.entries import EVENTS, Counts, Header, Leaf


class RefusedError(Exception):
    """What was checked is not what was signed; the message is the reason."""


def leaf_of(document: Json) -> Leaf:
    members = members_of(document, "a leaf", " ".join(names_of(Leaf)))
    if not all(isinstance(value, str) for value in members.values()):
        raise RefusedError("a leaf holds something other than text")
    if members["event"] not in EVENTS:
        raise RefusedError("a leaf tells of no event that there is")
    return Leaf(**members)


def header_of(document: Json) -> Header:
    members = members_of(document, "an entry", " ".join(names_of(Header)))
    counts = members_of(members["counts"], "the counts of an entry", " ".join(Counts._fields))
    numbers = [members["sequence"], members["size"], *counts.values()]
    texts = [value for name, value in members.items() if name not in ("sequence", "size", "counts")]
    if not all(type(value) is int for value in numbers) or not all(isinstance(value, str) for value in texts):
        raise RefusedError("an entry holds something of another kind than it should")
    return Header(**members | {"counts": Counts(**counts)})


def json_in(text: bytes, what: str) -> Json:
    try:
        return decode(text)
    except NotCanonicalError as error:
        raise RefusedError(f"{what} was changed or cut: {error}") from None


def members_of(document: Json, what: str, names: str) -> dict[str, Any]:
    if not isinstance(document, dict) or document.keys() != set(names.split()):
        raise RefusedError(f"{what} has other members than {names}")
    return dict(document)


def names_of(record: type[Leaf | Header]) -> list[str]:
    return [field.name for field in fields(record)]
