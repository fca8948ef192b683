"""Strict parsers for published certificates and log entries. They refuse any deviation from the format and say why."""

import json
import re
from dataclasses import fields
from datetime import datetime
from typing import Any

from saxaul.log.canonical_json import Json, NotCanonicalError, decode
from saxaul.log.counts import Counts
from saxaul.log.degrees import DEGREE_DECIMALS, degrees
from saxaul.log.entries import Header, Leaf
from saxaul.log.events import TREE_STATES

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
"""A time in RFC 3339, but only in the form that the service writes: upper case, whole seconds, with an offset.

Without an offset, each verifier would read the time in its own time zone.
"""

_HASH = re.compile(r"[0-9a-f]{64}")

_DEGREES = re.compile(rf"-?(0|[1-9][0-9]{{0,2}})\.[0-9]{{{DEGREE_DECIMALS}}}")

HEADER_FIELDS = tuple(field.name for field in fields(Header))
"""The names of the fields of a signed header."""

MAX_KEY_FILE = 64 * 1024
"""The most bytes of a key file. A key has 178 bytes, so the file may hold hundreds of keys."""

LANGUAGES_OF_PARTICULARS = "en zh"
"""The languages of the texts in the particulars: those of the catalog, from which the particulars are made."""


def printable(text: str) -> str:
    """Return the text with each unprintable character, such as a line break, replaced by an escape code.

    Such a character could move the cursor, change colours, or add a line that looks like the result.
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


class NotVerifiedError(Exception):
    """The check did not succeed. The message is the reason, as :func:`printable` returns it.

        NotVerifiedError
         ├── RefusedError      something is not what was signed, or the certificate hides a logged event
         ├── IncompleteError   a file is missing or incomplete, so the check cannot finish
         └── NotInLogError     the certificate is signed but not in the log, or it has no proof

    Attributes:
        word: the first words of the last line that ``python -m saxaul.log.verify`` prints.
        exit_code: the exit code of that command.
    """

    word = "NOT VERIFIED"
    exit_code = 1

    def __init__(self, reason: str) -> None:
        super().__init__(printable(reason))


class RefusedError(NotVerifiedError):
    """The data is not what was signed, or the certificate hides an event that the log records."""

    word = "REFUSED"
    exit_code = 1


class IncompleteError(NotVerifiedError):
    """A file must be fetched, or fetched again, before the check can finish. There is no sign of a forgery."""

    word = "INCOMPLETE"
    exit_code = 3


class NotInLogError(NotVerifiedError):
    """An entry that the certificate refers to is not in the log, or the certificate has no proof."""

    word = "NOT IN THE LOG"
    exit_code = 4


def parse_leaf(document: Json) -> Leaf:
    """Return the leaf in a JSON object.

    Raises:
        RefusedError: a member is missing, unknown or malformed.
    """
    members = parse_object(document, "a leaf", " ".join(Leaf._fields))
    if not all(isinstance(value, str) for value in members.values()):
        raise RefusedError("a leaf has a value that is not text")
    if members["event"] not in TREE_STATES:
        raise RefusedError("a leaf has an unknown event")
    for name in ("certificate", "project_id", "tag"):
        if not members[name]:
            raise RefusedError(f"{name} of a leaf is empty")
    parse_time(members["occurred_at"], "occurred_at of a leaf")
    parse_time(members["recorded_at"], "recorded_at of a leaf")
    _check_degrees(members["lat"], 90, "lat of a leaf")
    _check_degrees(members["lon"], 180, "lon of a leaf")
    if members["evidence"]:
        parse_hash(members["evidence"], "evidence of a leaf")
    parse_hash(members["particulars"], "particulars of a leaf")
    return Leaf(**members)


def parse_header(document: Json) -> Header:
    """Return the header in a JSON object.

    Raises:
        RefusedError: a member is missing, unknown or malformed.
    """
    members = parse_object(document, "an entry", " ".join(HEADER_FIELDS))
    counts = parse_object(members["counts"], "the counts of an entry", " ".join(Counts._fields))
    numbers = [members["sequence"], members["size"], *counts.values()]
    texts = [value for name, value in members.items() if name not in ("sequence", "size", "counts")]
    if not all(type(value) is int for value in numbers) or not all(isinstance(value, str) for value in texts):
        raise RefusedError("an entry has a value of the wrong type")
    for name in ("root", "previous", "key_id"):
        parse_hash(members[name], f"{name} of an entry")
    parse_time(members["signed_at"], "signed_at of an entry")
    return Header(**members | {"counts": Counts(**counts)})


def parse_particulars(document: Json) -> dict[str, Any]:
    """Return the particulars in a JSON object: ``species`` and ``place`` by language, and the other texts.

    Raises:
        RefusedError: a member is missing, unknown or malformed.
    """
    names = "species latin place partner requested_at dedication_digest"
    members = parse_object(document, "the particulars", names)
    for name in ("species", "place"):
        for language, text in parse_object(members[name], name, LANGUAGES_OF_PARTICULARS).items():
            parse_text(text, f"{name} in {language}")
    for name in ("latin", "partner"):
        parse_text(members[name], name)
    parse_time(members["requested_at"], "requested_at")
    parse_hash(members["dedication_digest"], "dedication_digest")
    return members


def parse_json(text: bytes, what: str) -> Json:
    """Return the value that a canonical JSON text represents. ``what`` names the text in the reason.

    Raises:
        IncompleteError: the text is empty or an error response, so it must be fetched again.
        RefusedError: the text is not canonical JSON.
    """
    if not text.strip():
        raise IncompleteError(f"{what} is empty: fetch it again")
    if _is_error_response(text):
        raise IncompleteError(f"{what} is an error response: fetch it again")
    try:
        return decode(text)
    except NotCanonicalError as error:
        raise RefusedError(f"{what} was changed or cut: {error}") from None


def parse_object(document: Json, what: str, names: str) -> dict[str, Any]:
    """Return a JSON object that must have exactly the members in ``names``. ``what`` names the object in the reason.

    Raises:
        RefusedError: the document is not such an object.
    """
    if not isinstance(document, dict) or document.keys() != set(names.split()):
        raise RefusedError(f"{what} does not have exactly the members {names}")
    return dict(document)


def parse_text(value: Json, what: str) -> str:
    """Return a value that must be text. ``what`` names it in the reason.

    Raises:
        RefusedError: it is not text.
    """
    if not isinstance(value, str):
        raise RefusedError(f"{what} is not text")
    return value


def parse_hash(value: Json, what: str) -> str:
    """Return a value that must be a hash or a salt. ``what`` names it in the reason.

    Raises:
        RefusedError: it is not 64 hexadecimal digits in lower case.
    """
    if not (isinstance(value, str) and _HASH.fullmatch(value)):
        raise RefusedError(f"{what} is not 64 hexadecimal digits in lower case")
    return value


def parse_time(value: Json, what: str) -> str:
    """Return a value that must be a time. ``what`` names it in the reason.

    Raises:
        RefusedError: it is not a time in the form that the service writes.
    """
    try:
        is_time = bool(isinstance(value, str) and _TIME.fullmatch(value) and datetime.fromisoformat(value))
    except ValueError:
        is_time = False  # there is no such day
    if not is_time:
        raise RefusedError(f"{what} is not a time in RFC 3339, to the second and with an offset from UTC")
    return str(value)


def _check_degrees(text: str, most: int, what: str) -> None:
    """Check that a text is what :func:`saxaul.log.degrees.degrees` writes, so zero has no sign."""
    if not (_DEGREES.fullmatch(text) and abs(float(text)) <= most and text == degrees(float(text))):
        raise RefusedError(f"{what} is not degrees from -{most} to {most} with {DEGREE_DECIMALS} decimals")


def _is_error_response(text: bytes) -> bool:
    """Return whether a text is an error response: a problem document (RFC 9457), markup, or an API Gateway error."""
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
