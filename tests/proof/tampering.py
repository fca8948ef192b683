"""Every small change of a JSON document and of the text of a proof, and what the verifier says of the result."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from saxaul.log.certificates import check_certificate, parse_certificate
from saxaul.log.notes import VerifierKey
from saxaul.log.verdicts import NotVerifiedError

Json = Any
Way = tuple[str | int, ...]
"""The members and indexes by which a value is reached in a document."""


def text_of(document: Json) -> bytes:
    """Return canonical JSON, without any check of its content. It must have no fractions but plain ones."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8", "replace")


def refusal(text: bytes, vkey: str) -> str | None:
    """Return the first words and the reason with which a certificate is refused offline, or None if it is verified."""
    try:
        check_certificate(parse_certificate(text), VerifierKey.parse(vkey))
    except NotVerifiedError as reason:
        return f"{reason.word}: {reason}"
    return None


def ways(document: Json, way: Way = ()) -> Iterator[tuple[Way, Json]]:
    """Yield each value in a document, with its way from the top."""
    yield way, document
    match document:
        case dict():
            for name, value in document.items():
                yield from ways(value, (*way, name))
        case list():
            for index, value in enumerate(document):
                yield from ways(value, (*way, index))


def at(document: Json, way: Way, value: Json) -> Json:
    """Return a copy of a document with another value at one place. The rest of the copy is shared."""
    if not way:
        return value
    first, *rest = way
    copy = document.copy()
    copy[first] = at(document[first], tuple(rest), value)
    return copy


def changes(value: Json) -> Iterator[Json]:
    """Yield other values for one value: of its type and of others, and parts removed, repeated and reordered."""
    match value:
        case None:
            yield from ("", "x", 0, False, [], {})
        case bool() | int() | float():
            yield from (value + 1, -value if value else 1, str(value), True, None, [value])
        case str():
            yield from (f"{value}x", f" {value}", value[:-1] if value else "x", value.swapcase() + "\u200d", None, 0)
            yield from ([value], {"": value})
        case list():
            yield from ([], None, {}, [*value, None], [*value, *value[:1]])
            yield from (value[:index] + value[index + 1 :] for index in range(len(value)))
            yield from ([*value[:index], value[index], *value[index:]] for index in range(len(value)))
            yield from (swapped(value, index) for index in range(len(value) - 1))
        case dict():
            yield from ({}, None, [], value | {"x": None}, value | {"": ""})
            yield from ({other: value[other] for other in value if other != name} for name in value)


def swapped(values: Sequence[Json], index: int) -> list[Json]:
    """Return a list in which the value at the index and the next one have changed places."""
    return [*values[:index], values[index + 1], values[index], *values[index + 2 :]]


def changed_lines(text: str) -> Iterator[str]:
    """Yield a text with each line removed, repeated, put after the next one, emptied, and changed in two places."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        before, after = lines[:index], lines[index + 1 :]
        other = "A" if line[:1] != "A" else "B"
        for new in ([], [line, line], [""], [f"{line} "], [other + line[1:]], [line[:-3] + other + line[-2:]]):
            if new != [line]:
                yield "\n".join([*before, *new, *after])
        if after and after[0] != line:
            yield "\n".join(swapped(lines, index))


def tampered(document: Json) -> Iterator[tuple[Way, Json]]:
    """Yield each small change of a document, with the way to what was changed."""
    for way, value in ways(document):
        for other in changes(value):
            if type(other) is not type(value) or other != value:
                yield way, at(document, way, other)
