"""Shows what became of invocations, for people: the answer of one, or a table of many."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rich.text import Text

from local.console import console, shown
from local.invoking import Invocation
from local.tables import number, print_table

MOST_LINES = 120
"""The most lines of an answer that are shown. ``--json`` prints all of it."""

_SHORT = 100
"""An answer with fewer characters is shown in the table of many invocations, if nothing was logged."""

_OF_EVERY_LINE = frozenset(
    ("level", "location", "message", "timestamp", "service", "request_id", "api_request_id", "requestId")
)
"""The fields of a logged line that are not shown beside its message."""

_ELSEWHERE = {"status", "ms"}
"""The fields of a logged line that the table of many invocations shows in another column."""


def show_invocation(found: Invocation, fault: str | None) -> None:
    """Print what a function answered, and what it logged."""
    answered = "failed" if fault else "answered" if found.status is None else f"answered {found.status}"
    style = "red" if fault else "green"
    console.print(f"[bold {style}]{shown(found.function)} {answered}[/] after {found.seconds:.2f} s")
    lines = answer_lines(found)
    for line in lines[:MOST_LINES]:
        console.print(f"  {shown(line)}")
    if len(lines) > MOST_LINES:
        console.print(f"[dim]  … and {len(lines) - MOST_LINES:,} more lines; JSON=1 prints all of them[/]")
    if found.log:
        console.print("[bold]It logged:[/]")
    for line in log_texts(found):
        console.print(f"  {shown(line)}")


def show_table(found: Iterable[tuple[Invocation, str | None]]) -> None:
    """Print a line for each invocation: what was answered, what was logged, and the time. Faults are red."""
    rows = []
    for invocation, fault in found:
        style = "red" if fault else ""
        said = fault or _said(invocation)
        answer = "failed" if fault and invocation.status is None else str(invocation.status or "ok")
        cells = (invocation.function, answer, said, f"{invocation.seconds:.2f}")
        rows.append([Text(cell, style) for cell in cells])
    print_table(["function", number("answer"), "what it said", number("s")], rows)


def document_of(found: Invocation, fault: str | None) -> dict[str, Any]:
    """Return an invocation for a program."""
    return {
        "function": found.function,
        "ok": fault is None,
        "fault": fault,
        "status": found.status,
        "duration_s": round(found.seconds, 3),
        "answer": found.answer,
        "log": [record or line for line, record in zip(found.log, found.records, strict=True)],
    }


def answer_lines(found: Invocation) -> list[str]:
    """Return the lines of an answer: the body of a response, or the error, or else what the function returned."""
    if found.is_error and found.failure:
        return found.failure.splitlines()
    if found.status is None:
        return _pretty(found.answer)
    body = found.answer.get("body")
    if found.answer.get("isBase64Encoded"):
        return [f"{len(body or '') * 3 // 4:,} bytes of {found.answer['headers'].get('content-type')}"]
    try:
        return _pretty(json.loads(body or "null"))
    except ValueError:
        return str(body).splitlines()


def log_texts(found: Invocation) -> list[str]:
    """Return the logged lines as people read them: each with its level, its message, and its own fields."""
    return [
        f"{record.get('level')} {_message_of(record)}" if record and "message" in record else line
        for line, record in zip(found.log, found.records, strict=True)
    ]


def _said(found: Invocation) -> str:
    """Return the last line that a function logged, without its level; or what it returned if it logged none."""
    for record in reversed(found.records):
        if record and "message" in record:
            return _message_of({name: value for name, value in record.items() if value and name not in _ELSEWHERE})
    answer = json.dumps(found.answer)
    return answer if len(answer) < _SHORT else f"{len(answer):,} characters"


def _message_of(fields: Mapping[str, Any]) -> str:
    """Return the message of a logged line, and the fields that only this line has."""
    own = {name: value for name, value in fields.items() if name not in _OF_EVERY_LINE}
    pairs = (f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in own.items())
    return " ".join([str(fields["message"]), *pairs])


def _pretty(value: Any) -> list[str]:  # noqa: ANN401 - any JSON value
    return json.dumps(value, indent=2, ensure_ascii=False).splitlines()
