"""The command: checks a certificate, or follows a log.

    saxaul-log verify certificate.json --vkey <vkey> [--log <url>] [--policy <file>] [--state <file>]
    saxaul-log monitor <url> --vkey <vkey> --state <file> [--policy <file>]

The last line of the output gives the result, and the exit code gives it too:

    0  VERIFIED AS OF ...    every check passed (verify)
       OK ...                the log is what it was, and more (monitor)
    1  FORGED                something is not what the log recorded, hides an event, or breaks a rule of the log
    2                        no result: the arguments are wrong, or a file cannot be read or written
    3  MORE TO FETCH         no sign of a forgery, but something cannot be fetched yet, such as a file of the log
    4  NOT IN THE LOG YET    the certificate has no proofs, because the log has no statement about its tree yet

A vkey is the public key of the log, as the service shows it. @file reads it from a file. Keep the first one you got,
and do not take it from whoever gives you a certificate. A policy names the witnesses that must have cosigned what you
check, in the form of C2SP tlog-policy.
"""

import argparse
import io
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from .certificates import MAX_CERTIFICATE
from .fetching import LogReader
from .monitor import follow
from .notes import ED25519, VerifierKey
from .policy import MAX_POLICY, Policy
from .states import StateFileError
from .verdicts import NotVerifiedError, printable
from .verify import verify

_MAX_VKEY = 4096


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code.

    Raises:
        SystemExit: the arguments are wrong, a file cannot be used, or a package is missing.
        OSError: the output cannot be written; a BrokenPipeError if its reader has closed it.
    """
    _escape_unknown_characters()
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        lines = _lines(chosen)
        for line in lines:
            print(line)  # noqa: T201 - this is a command
    except NotVerifiedError as reason:
        print(f"{reason.word}: {reason}.")  # noqa: T201
        return reason.exit_code
    except (_UsageError, StateFileError) as error:
        parser.error(printable(str(error)))
    except ModuleNotFoundError as missing:
        parser.error(f"{missing.name} is needed to check signatures: pip install cryptography")
    return 0


class _UsageError(Exception):
    """An argument or a file cannot be used. The message says why."""


def _lines(chosen: argparse.Namespace) -> Iterator[str]:
    """Yield the lines that the chosen command prints."""
    key = _read_key(chosen.vkey)
    policy = _read_policy(chosen.policy, key) if chosen.policy else None
    if chosen.command == "monitor":
        yield printable(follow(_reader(chosen.url), key, chosen.state, policy).line)
        return
    log = _reader(chosen.log) if chosen.log else None
    certificate = _read(chosen.certificate, MAX_CERTIFICATE)
    yield from verify(certificate, key, log=log, policy=policy, state=chosen.state)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="saxaul-log", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="verify|monitor")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--vkey", required=True, help="the public key of the log, or @file")
    shared.add_argument("--policy", type=Path, metavar="FILE", help="witnesses that must have cosigned (tlog-policy)")
    checking = commands.add_parser("verify", parents=[shared], help="check a certificate")
    checking.add_argument("certificate", type=Path, help="the answer of GET /certificates/{number}; - for the input")
    checking.add_argument("--log", metavar="URL", help="the address of the log: also refuse a hidden latest event")
    checking.add_argument("--state", type=Path, metavar="FILE", help="the state of a monitor, which answers the same")
    following = commands.add_parser("monitor", parents=[shared], help="follow a log from where it stopped")
    following.add_argument("url", metavar="URL", help="the address of the log, below which checkpoint and tile/ lie")
    following.add_argument("--state", required=True, type=Path, metavar="FILE", help="what the monitor knows")
    return parser


def _read_key(given: str) -> VerifierKey:
    text = given
    if given.startswith("@"):
        try:
            text = _read(Path(given[1:]), _MAX_VKEY).decode().strip()
        except UnicodeDecodeError:
            raise _UsageError(f"{given[1:]} does not hold a vkey") from None
    try:
        key = VerifierKey.parse(text)
    except ValueError as error:
        raise _UsageError(f"--vkey: {error}") from None
    if key.type != ED25519:
        raise _UsageError("--vkey: this is the key of a witness, not of a log")
    return key


def _read_policy(file: Path, key: VerifierKey) -> Policy:
    try:
        policy = Policy.parse(_read(file, MAX_POLICY))
    except ValueError as error:
        raise _UsageError(f"{file}: {error}") from None
    if policy.logs and key not in policy.logs:
        raise _UsageError(f"{file} names other logs than --vkey")
    return policy


def _reader(url: str) -> LogReader:
    try:
        return LogReader(url)
    except ValueError as error:
        raise _UsageError(str(error)) from None


def _read(file: Path, most: int) -> bytes:
    """Return the bytes of a file, but of a larger one only enough to see that it is too large."""
    try:
        if str(file) == "-":
            return sys.stdin.buffer.read(most + 1)
        with file.open("rb") as opened:
            return opened.read(most + 1)
    except (OSError, ValueError) as error:
        raise _UsageError(str(error)) from None


def _escape_unknown_characters() -> None:
    """Print an escape code for a character that the terminal's encoding does not have, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def run() -> None:
    """Run the command as a program."""
    for interruption in ("SIGPIPE", "SIGINT"):  # the reader closed the pipe, as `head` does; or Ctrl-C
        if hasattr(signal, interruption):  # Windows has no SIGPIPE
            signal.signal(getattr(signal, interruption), signal.SIG_DFL)  # end at once, without a traceback
    try:
        code = _exit_code()
        if sys.stdout:  # None if it is closed
            sys.stdout.flush()
    except OSError as failure:  # of the output
        _complain(str(failure))
        code = 2
    except Exception:  # noqa: BLE001 - a fault of this command is never the verdict FORGED, which is 1
        _complain(traceback.format_exc())
        code = 2
    os._exit(code)  # at once: Python would write the output again, and wait for downloads that nobody needs any more


def _complain(text: str) -> None:
    """Print a text to the error output, if there is one that can be written."""
    if sys.stderr:
        with suppress(OSError):
            print(text, file=sys.stderr, flush=True)  # noqa: T201


def _exit_code() -> int:
    try:
        return main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0


if __name__ == "__main__":
    run()
