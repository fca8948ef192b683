"""Finds what a function of a stack logged, on AWS in the log group, and on the laptop in the file of the emulator."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from operations.log_group import LogGroup

_PLAIN = {"level", "location", "message", "timestamp", "service", "request_id", "_aws", "Function", "xray_trace_id"}
"""Fields that each line has, or that are shown otherwise."""

_HEADER = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (\w+) \[[\w.]+\] (.*)$")
"""How a line of the emulator itself begins. The lines below it, up to the next such line, belong to it."""

_PLACE = re.compile(r'^ +File "(?:[^"]*/(?:code|python)/)?([^"]+)", line (\d+)')
"""How a traceback names a file, of the code of a function or of a layer, and a line of it."""


class Line(NamedTuple):
    """What a function logged at an instant (in seconds since 1970): its level, and one text."""

    at: float
    level: str
    text: str


def lines_on_aws(group: LogGroup, function: str, since: float, until: float, limit: int) -> list[Line]:
    """Return the newest lines of a function, oldest first. ``function`` is its name on AWS.

    In a log group of several functions, the name of each stream contains the name of its function.

    Raises:
        UnfinishedQueryError: the query failed, or did not end in time.
    """
    found = group.find(".", since, until, limit, stream=function).found
    return [_from_fields(fields, at) for at, fields in reversed(found)]


def lines_on_the_laptop(lines: Iterable[str], function: str, limit: int) -> list[Line]:
    """Return the newest lines of a function in the file of the emulator, oldest first.

    The emulator tells there what a function logs, and why it could not be started.
    """
    return list(_told(lines, function))[-limit:]


def _told(lines: Iterable[str], function: str) -> Iterator[Line]:
    names, said, rest, known = re.compile(rf"{re.escape(function)}(?![\w-])"), None, list[str](), set[str]()
    for line in lines:
        header = _HEADER.match(line)
        if header:
            yield from _of_block(said, rest)
            said, rest = (header if names.search(header[3]) else None), []
        elif said:
            told = line.rstrip("\n")
            if told not in known:  # the emulator tells a line twice if Lambda itself was asked for the invocation
                rest.append(told)
            if told.startswith("{"):
                known.add(told)
    yield from _of_block(said, rest)


def _of_block(header: re.Match[str] | None, rest: list[str]) -> Iterator[Line]:
    """Yield what the emulator told below one of its own lines; and that line too if it is a warning or an error."""
    if header is None:
        return
    at, level, text = datetime.fromisoformat(header[1]).replace(tzinfo=UTC).timestamp(), header[2], header[3]
    fields = [found for line in rest if (found := _object(line)) is not None]
    for found in fields:
        yield _from_fields(found, at)
    if level != "INFO" and not fields:
        last = next((line for line in reversed(rest) if line.strip()), "")
        places = [named for line in rest if (named := _PLACE.match(line))]
        place = f" in {places[-1][1]}, line {places[-1][2]}" if places else ""
        yield Line(at, level, f"{text.partition(': ')[0]}: {last}{place}" if last else text)


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _from_fields(fields: dict[str, Any], at: float) -> Line:
    more = " ".join(f"{name}={_short(value)}" for name, value in fields.items() if name not in _PLAIN)
    said = fields.get("message") or fields.get("errorMessage") or fields.get("type") or ""
    return Line(at, str(fields.get("level", "")), f"{said}  {more}".rstrip())


def _short(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
