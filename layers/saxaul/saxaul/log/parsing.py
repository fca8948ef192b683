"""Strict parsers for published certificates and log entries. They refuse every other form and give the reason."""

import json
from dataclasses import fields
from typing import Any

from saxaul.log.canonical_json import Json, NotCanonicalError, decode
from saxaul.log.entries import EVENTS, Counts, Header, Leaf


class NotVerifiedError(Exception):
    """The check did not succeed. The message is the reason.

        NotVerifiedError
         ├── RefusedError      something is not what was signed, or a logged event is hidden
         ├── IncompleteError   the given files are not enough to decide
         └── NotInLogError     the certificate is signed but not in the given log, or it has no proof

    Attributes:
        word: the first words of the last line that the command prints.
        exit_code: the exit code of the command.
    """

    word = "NOT VERIFIED"
    exit_code = 1


class RefusedError(NotVerifiedError):
    """The data is not what was signed, or the certificate hides an event that the log holds."""

    word = "REFUSED"
    exit_code = 1


class IncompleteError(NotVerifiedError):
    """Something must be fetched before the check can finish. There is no sign of a forgery."""

    word = "INCOMPLETE"
    exit_code = 3


class NotInLogError(NotVerifiedError):
    """The whole log does not have an entry of the certificate, or the certificate has no proof."""

    word = "NOT IN THE LOG"
    exit_code = 4


def leaf_of(document: Json) -> Leaf:
    members = members_of(document, "a leaf", " ".join(names_of(Leaf)))
    if not all(isinstance(value, str) for value in members.values()):
        raise RefusedError("a leaf has a value that is not text")
    if members["event"] not in EVENTS:
        raise RefusedError("a leaf has an unknown event")
    return Leaf(**members)


def header_of(document: Json) -> Header:
    members = members_of(document, "an entry", " ".join(names_of(Header)))
    counts = members_of(members["counts"], "the counts of an entry", " ".join(Counts._fields))
    numbers = [members["sequence"], members["size"], *counts.values()]
    texts = [value for name, value in members.items() if name not in ("sequence", "size", "counts")]
    if not all(type(value) is int for value in numbers) or not all(isinstance(value, str) for value in texts):
        raise RefusedError("an entry has a value of the wrong type")
    return Header(**members | {"counts": Counts(**counts)})


def json_in(text: bytes, what: str) -> Json:
    """Return the value of a canonical text. ``what`` names the text in the reason.

    Raises:
        IncompleteError: the text is empty or an error response, so it must be fetched again.
        RefusedError: the text is not canonical JSON.
    """
    if not text.strip():
        raise IncompleteError(f"{what} is empty: fetch it again")
    if _is_of_a_failure(text):
        raise IncompleteError(f"{what} is an error response: fetch it again")
    try:
        return decode(text)
    except NotCanonicalError as error:
        raise RefusedError(f"{what} was changed or cut: {error}") from None


def _is_of_a_failure(text: bytes) -> bool:
    """Return whether a text is a problem document (RFC 9457) or markup, which a certificate or a log page never is."""
    if text.lstrip().startswith(b"<"):
        return True
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(document, dict):
        return False
    is_problem = "code" in document and bool({"title", "status"} & document.keys())
    return is_problem or document.keys() == {"message"}  # an error of API Gateway


def members_of(document: Json, what: str, names: str) -> dict[str, Any]:
    if not isinstance(document, dict) or document.keys() != set(names.split()):
        raise RefusedError(f"{what} does not have exactly the members {names}")
    return dict(document)


def names_of(record: type[Leaf | Header]) -> list[str]:
    return [field.name for field in fields(record)]
