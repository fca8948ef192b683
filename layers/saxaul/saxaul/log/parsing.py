"""Reading what was published, strictly: a text or a record of any other form than ours is refused with the reason."""

import json
from dataclasses import fields
from typing import Any

from saxaul.log.canonical_json import Json, NotCanonicalError, decode
from saxaul.log.entries import EVENTS, Counts, Header, Leaf


class NotVerifiedError(Exception):
    """What was checked cannot be called verified; the message is the reason.

        NotVerifiedError
         ├── RefusedError      it is not what was signed, or it hides something
         ├── IncompleteError   there is not enough here to tell
         └── NotInLogError     it is signed, and the log that was given does not have it

    Attributes:
        word: what a report begins with.
        exit_code: what the command ends with.
    """

    word = "NOT VERIFIED"
    exit_code = 1


class RefusedError(NotVerifiedError):
    """What was checked is not what was signed, or hides what the log tells."""

    word = "REFUSED"
    exit_code = 1


class IncompleteError(NotVerifiedError):
    """Something must be fetched before anything can be said. Nothing speaks of a forgery."""

    word = "INCOMPLETE"
    exit_code = 3


class NotInLogError(NotVerifiedError):
    """The log, from its first entry to its last, does not have what was checked."""

    word = "NOT IN THE LOG"
    exit_code = 4


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
    """The value of a canonical text.

    Raises:
        IncompleteError: nothing was fetched, or the answer that a call failed.
        RefusedError: it is no canonical text.
    """
    if not text.strip():
        raise IncompleteError(f"{what} is empty: fetch it again")
    if _is_of_a_failure(text):
        raise IncompleteError(f"{what} is the answer of a call that failed: fetch it again")
    try:
        return decode(text)
    except NotCanonicalError as error:
        raise RefusedError(f"{what} was changed or cut: {error}") from None


def _is_of_a_failure(text: bytes) -> bool:
    """Whether this is a problem of RFC 9457 or a page of markup, which no certificate and no log looks like."""
    if text.lstrip().startswith(b"<"):
        return True
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(document, dict):
        return False
    is_problem = "code" in document and bool({"title", "status"} & document.keys())
    return is_problem or document.keys() == {"message"}  # of the gateway itself


def members_of(document: Json, what: str, names: str) -> dict[str, Any]:
    if not isinstance(document, dict) or document.keys() != set(names.split()):
        raise RefusedError(f"{what} has other members than {names}")
    return dict(document)


def names_of(record: type[Leaf | Header]) -> list[str]:
    return [field.name for field in fields(record)]
