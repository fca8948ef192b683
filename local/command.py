"""What all commands have in common: the parser of their arguments, and how they end.

Each command parses its arguments with a parser of :func:`command_parser`, before it does anything else. It runs in
:func:`run_command`. So ``--help`` and a wrong argument never start the command, and a closed pipe or Ctrl-C end it
without a traceback.
"""

import argparse
import os
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from botocore.exceptions import BotoCoreError, ClientError

from local.console import print_failure
from local.failures import file_sentence, flat
from saxaul.deadline import UnansweredError
from saxaul_client import SaxaulError


def command_parser(name: str, doc: str | None, *, is_whole: bool = False) -> argparse.ArgumentParser:
    """Return a parser of the arguments of ``python -m <name>``.

    ``doc`` is the docstring of the module. The help shows its first line, or all of it if ``is_whole``. The name of an
    option must be complete: an abbreviation could mean another option after a later release.
    """
    text = doc or ""
    return argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=text if is_whole else text.partition("\n")[0],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def stack_parser(name: str, doc: str | None) -> argparse.ArgumentParser:
    """Return a parser for a command about a stack by its name, and about where the stack is."""
    parser = command_parser(name, doc)
    parser.add_argument("--stack", type=non_empty, required=True, help="the stack's name")
    parser.add_argument("--region", type=non_empty, help="the AWS region; by default, that which is recorded")
    parser.add_argument("--profile", type=non_empty, help="the profile of the AWS configuration")
    parser.add_argument("--endpoint", type=non_empty, help="laptop, if the stack is on the emulator of this machine")
    return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``: the command prints one JSON document in place of its tables.

    It runs inside of ``apart_from_the_output(needed=chosen.json)``, so that everything else goes to standard error, and
    prints the document by ``print_json``. The exit code is the same with and without it. A command that ends without a
    result prints no document.
    """
    parser.add_argument("--json", action="store_true", help="print the result as one JSON document")


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return the type of an argument that is a whole number from ``least`` to ``most``, written in ASCII digits."""
    allowed = f"of at least {least}" if most is None else f"from {least} to {most}"

    def parse(text: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) <= 18  # noqa: PLR2004 - fits into 64 bits
        if not is_number or int(text) < least or (most is not None and int(text) > most):
            raise argparse.ArgumentTypeError(f"must be a whole number {allowed}")
        return int(text)

    return parse


def non_empty(text: str) -> str:
    """Refuse an empty argument.

    An unset shell variable gives one, and the command would then work with another stack, folder or message.
    """
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def path(text: str) -> Path:
    """Parse the path of a file or a folder. It must not be empty, because that would mean the current folder."""
    return Path(non_empty(text))


def time_zone(text: str) -> ZoneInfo:
    """Parse the name of a time zone, such as ``Asia/Shanghai``."""
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise argparse.ArgumentTypeError("must be the name of a time zone, such as Asia/Shanghai") from None


def run_command(main: Callable[[], object]) -> None:
    """Run a command, and write out what it has printed.

    If the reader of the output has closed the pipe, as ``head`` does, or if somebody presses Ctrl-C, the command is
    interrupted like by an error, so that it stops what it has started. Then the process ends by the same signal by
    which a program ends that does not handle these signals. So a shell stops the loop in which the command runs.

    A file that cannot be used, a full disk, or a stack that cannot be reached, ends the command with a sentence and
    exit code 1, unless the command says more about it itself.
    """
    try:
        try:
            main()
        except SystemExit:
            _flush()
            raise
        _flush()
    except KeyboardInterrupt:
        with suppress(OSError):
            print_failure("Stopped.")
        _end_by(signal.SIGINT)
    except BrokenPipeError:
        if not _has_no_reader():  # the pipe is another one than that of the output
            raise
        _end_by(signal.SIGPIPE)
    except OSError as error:
        if error.errno is None:  # no file could be meant
            raise
        _fail(file_sentence(error))
    except (BotoCoreError, ClientError, UnansweredError) as error:
        _fail(f"AWS could not be used: {flat(error)}.")
    except SaxaulError as error:
        _fail(f"The API could not be used: {error}")


def _fail(sentence: str) -> NoReturn:
    """Print why the command failed, and end the process, although its output may be a file on a full disk."""
    with suppress(OSError):
        print_failure(sentence)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # Python would try again when it ends, and print a traceback
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(1)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # the shell has closed it: >&-
            stream.flush()


def _has_no_reader() -> bool:
    """Return whether the output goes to a pipe that its reader has closed."""
    poll = select.poll()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            poll.register(stream, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _end_by(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
