"""Finds in what a function returned and logged which error it met, and in which line of the project's files."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from local.invoking import Invocation
from local.template import resources
from saxaul.log.verdicts import printable

_FRAME = re.compile(r'File "([^"]+)",? [Ll]ine (\d+)')
_ERROR = re.compile(
    r"^(?:[a-z_][\w.]*\.)?([A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning)|[A-Z]\w+): (.*)", re.MULTILINE
)
_LOGGED_FRAME = re.compile(r'"file":"([^"]+)","line":(\d+)')
_RAISED = re.compile(r"^(\w+)\((.*)\)$", re.DOTALL)
_IN_LAYER = re.compile(r"/python/saxaul/(.+\.py)$")
_IN_FUNCTION = re.compile(r"/(?:code|task)/([^/]+\.py)$")

_LONGEST_ERROR = 200
"""The most characters of an error that are shown, with the three points at its end."""

_ENDED = re.compile(r"Worker process exited immediately\. stderr:|(?P<aws>Runtime exited with)")
"""How the emulator, or AWS, says that the process of a function ended before it answered."""

_READ_OF_ERROR = 10 * _LONGEST_ERROR
"""How many characters of an error are looked at, because a function may return megabytes."""


class Reason(NamedTuple):
    """Why a function failed: the error in one line, and the line of the project's code in which it was raised."""

    error: str
    where: str = ""


def reason_of(invocation: Invocation, why: str) -> Reason:
    """Return the error of an invocation that failed. ``why`` says what is wrong with its outcome."""
    if invocation.is_error and (ended := _ended(invocation)):
        return ended
    texts = [*_texts_of_answer(invocation), *_texts_of_log(invocation)]
    where = next(filter(None, (_where_in(text, invocation.function) for text in texts)), "")
    error = next(filter(None, map(_error_in, texts)), why)
    return Reason(error, where)


def one_line(text: str) -> str:
    """Return a text as one short line, which a terminal can show as it is."""
    line = printable(" ".join(text[:_READ_OF_ERROR].split()))
    return line if len(line) <= _LONGEST_ERROR else f"{line[: _LONGEST_ERROR - 1]}…"


def _ended(invocation: Invocation) -> Reason | None:
    """Return that the process of a function ended before it answered, such as by ``sys.exit``. None if it did not."""
    message = str(invocation.answer.get("errorMessage")) if isinstance(invocation.answer, dict) else ""
    found = _ENDED.search(message)
    if not found or _FRAME.search(message):
        return None
    ours = resources("AWS::Serverless::Function").get(invocation.function)
    where = f"{ours['CodeUri']}/handler.py, or in a module that it imports" if ours else ""
    if found["aws"]:  # which says so too if the process ended later, for example because it had too little memory
        return Reason(f"its process ended before it answered: {message[found.start() :]}", where)
    said = message[found.end() :].strip() or "nothing"
    return Reason(f"its process ended while it was imported, as by sys.exit or os._exit; it said: {said}", where)


def _texts_of_answer(invocation: Invocation) -> Iterator[str]:
    """Yield the traceback of the error that ended a function, as Lambda or the emulator returns it."""
    if not invocation.is_error:
        return
    answer = invocation.answer if isinstance(invocation.answer, dict) else {}
    described = f"{answer.get('errorType', 'Error')}: {answer.get('errorMessage', invocation.answer)}"
    frames = "".join(map(str, answer.get("stackTrace") or ()))
    log = "\n".join(invocation.log)
    if _FRAME.search(described):  # the emulator: a traceback as the message
        yield str(answer["errorMessage"])
    elif frames:
        yield f"{frames}\n{described}"
    elif _FRAME.search(log):  # the emulator: the traceback in the log
        yield log
    yield described


def _texts_of_log(invocation: Invocation) -> Iterator[str]:
    """Yield the tracebacks and errors in lines that the functions logged.

    Lambda returns the last 4 KB of a log. So the first line may lack its beginning, and is no JSON.
    """
    for line, record in zip(invocation.log, invocation.records, strict=True):
        if record is None:
            yield line.replace("\\n", "\n").replace('\\"', '"')
        elif "exception" in record:
            yield str(record["exception"])
        elif "where" in record:
            unsaid = "its message is not logged, because it could name a person"
            yield f"{record['where']}\n{record.get('error', 'Error')}: {unsaid}"
        elif "AccessDenied" in line:
            yield f"AccessDenied: {record.get('error', line)}"
        elif isinstance(record.get("failed"), dict):
            yield from (_RAISED.sub(r"\1: \2", str(error)) for error in record["failed"].values())


def _error_in(text: str) -> str:
    """Return the type and the message of the error at the end of a traceback, as one line."""
    found = [*_ERROR.finditer(text)]
    if not found:
        return ""
    message, _, _ = text[found[-1].start(2) :].partition('","exception_name"')
    return " ".join(f"{found[-1][1]}: {message}".split())


def _where_in(text: str, function: str) -> str:
    """Return the last place of a traceback that is in the code of the project, such as ``functions/x/handler.py:7``."""
    frames = _FRAME.findall(text) or _LOGGED_FRAME.findall(text)
    places = [(source_of(path, function), line) for path, line in frames]
    ours = [f"{source}:{line}" for source, line in places if source]
    return ours[-1] if ours else ""


def source_of(path: str, function: str) -> str | None:
    """Return the file of the project that a worker knows by a path. None if it is not ours."""
    if found := _IN_LAYER.search(path):
        return f"layers/saxaul/saxaul/{found[1]}"
    if (found := _IN_FUNCTION.search(path)) and function in (ours := resources("AWS::Serverless::Function")):
        return f"{ours[function]['CodeUri']}/{found[1]}"
    return None
