"""Checks a certificate, the log, or both against the published key, offline.

Check a certificate and the log:

    python -m saxaul.log.verify certificate.json --log log.json --key key.pem

Check two copies of the log, and that they do not contradict each other:

    python -m saxaul.log.verify --log mine.json --log yours.json --key key.pem

A log file holds one page of GET /log per line. The last line of the last file must be the page without entries, which
marks the end of the log. The last line of the output gives the result, and the exit code gives it too:

    0  VERIFIED         every check passed, as of the newest log entry
    1  REFUSED          something is not what was signed, or the certificate hides a logged event: forged or damaged
    2                   no result: the arguments are wrong, a file cannot be read, the output cannot be written, or a
                        package is missing
    3  INCOMPLETE       no sign of a forgery, but something must be fetched, such as the next page of the log
    4  NOT IN THE LOG   the certificate has no proof, or it is signed but not in the complete log

Without --log, the command checks only that every statement of the certificate is signed, so the best possible result is
INCOMPLETE.

If the reader of the output closes it early, as ``head`` does, the signal SIGPIPE ends the command without a message. On
Windows, which has no such signal, that is an output that cannot be written.
"""

import argparse
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from saxaul.log.checks import CheckedCertificate, CheckedLog, check_certificate, check_inclusion, check_log
from saxaul.log.parsing import MAX_KEY_FILE, IncompleteError, NotVerifiedError, printable


def verify(certificate: bytes | None, pages: Sequence[bytes], pem: bytes) -> Iterator[str]:
    """Check a certificate, a log, or both, and yield the lines to print, as :func:`printable` returns them.

    The result is VERIFIED if the generator ends without an exception. ``pages`` are the pages of the log; the last one
    must have no entries. Without pages, the generator always raises an exception, because only the log shows what the
    certificate leaves out. ``pem`` holds the public keys.

    Raises:
        RefusedError: a check failed. The message is the reason.
        IncompleteError: a file is an error response, the log or one of its pages is missing, or there is no key.
        NotInLogError: the certificate is not in the log, or has no proof.
    """
    from saxaul.log.signatures import Keys  # noqa: PLC0415 - here, so that main() can name a missing package

    keys = Keys(pem)
    log = check_log(pages, keys) if pages else None
    checked = check_certificate(certificate, keys, log) if certificate is not None else None
    if checked:
        yield from map(printable, _lines_about_certificate(checked))
    if log:
        yield from map(printable, _lines_about_log(log))
        if checked:
            yield printable(_line_about_inclusion(checked, log))
        log.check_complete()
    else:
        raise IncompleteError(
            "every statement of the certificate is signed, but only the log shows whether it leaves out a death or a "
            "later event: fetch GET /log and pass it with --log"
        )


def _line_about_inclusion(certificate: CheckedCertificate, log: CheckedLog) -> str:
    left_out = len(check_inclusion(certificate, log))
    inspections = _quantity(left_out, "inspection that changed nothing", "inspections that changed nothing")
    more = f"also {inspections}" if left_out else "no others"
    return f"For {certificate.number}, the log has the events that the certificate shows, and {more}."


def _lines_about_certificate(certificate: CheckedCertificate) -> Iterator[str]:
    document = certificate.document
    yield f"Certificate {certificate.number}: {document['species']} in {document['place']}, by {document['partner']}."
    yield f"Requested at {document['requested_at']}. Current state: {document['state']}."
    for event in certificate.events:
        leaf, header = event.leaf, event.header
        yield (
            f"{leaf.event} {leaf.occurred_at}: entry {header.sequence}, leaf {event.index + 1} of {header.size}, "
            f"reported by {header.by}, signed {header.signed_at}."
        )
    photos = [shown["photo_url"] for shown in document["proof"]["events"]]
    left_out = sum(
        bool(event.leaf.evidence) and photo is None for event, photo in zip(certificate.events, photos, strict=True)
    )
    if left_out:
        yield f"The certificate leaves out {_quantity(left_out, 'link to an older photo', 'links to older photos')}."


def _lines_about_log(log: CheckedLog) -> Iterator[str]:
    yield f"{_quantity(len(log.headers), 'entry', 'entries')} in the log: all signatures and the hash chain are valid."
    counts = log.counts
    if log.headers:
        yield f"The newest is entry {len(log.headers)}, signed {log.headers[-1].signed_at}."
    yield f"Recounted from the leaves: {counts.planted} planted, {counts.dead} dead, {counts.standing} standing."


def _quantity(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code.

    Raises:
        SystemExit: the arguments are wrong, a file cannot be read, or a package is missing.
        OSError: the output cannot be written; a BrokenPipeError if its reader has closed it.
    """
    _escape_unknown_characters()
    parser = argparse.ArgumentParser(
        prog="python -m saxaul.log.verify",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("certificate", nargs="?", type=Path, help="the response of GET /certificates/{number}")
    parser.add_argument(
        "--log", action="append", default=[], type=Path, help="pages of GET /log, one per line (repeatable)"
    )
    parser.add_argument("--key", required=True, type=Path, help="the response of GET /log/key, and any older keys")
    chosen = parser.parse_args(arguments)
    if chosen.certificate is None and not chosen.log:
        parser.error("give a certificate, a log, or both")
    try:
        certificate = chosen.certificate.read_bytes() if chosen.certificate else None
        pages = [page for file in chosen.log for page in split_pages(file.read_bytes())]
        key = _read_key(chosen.key)
    except OSError as error:
        parser.error(str(error))
    try:
        for line in verify(certificate, pages, key):
            print(line)  # noqa: T201 - this is a command
    except NotVerifiedError as reason:
        print(f"{reason.word}: {reason}.")  # noqa: T201
        return reason.exit_code
    except ModuleNotFoundError as missing:
        parser.error(f"{missing.name} is needed to check signatures: pip install cryptography")
    print("VERIFIED")  # noqa: T201
    return 0


def split_pages(text: bytes) -> list[bytes]:
    """Return the pages in a log file, one per line. A page never contains a line break.

    For an empty file, return one empty page, which :func:`verify` reports as incomplete.
    """
    return [line for line in text.splitlines() if line.strip()] or [b""]


def _read_key(file: Path) -> bytes:
    """Return the bytes of a key file, but of a file that is too large only enough for :class:`Keys` to refuse it."""
    with file.open("rb") as opened:
        return opened.read(MAX_KEY_FILE + 1)


def _escape_unknown_characters() -> None:
    """Print an escape code for a character that the terminal's encoding does not have, rather than fail."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    for interruption in ("SIGPIPE", "SIGINT"):  # the reader closed the pipe, as `head` does; or Ctrl-C
        if hasattr(signal, interruption):  # Windows has no SIGPIPE
            signal.signal(getattr(signal, interruption), signal.SIG_DFL)  # end at once, without a traceback
    try:
        code = main()
        sys.stdout.flush()
    except OSError as failure:  # of the output
        print(failure, file=sys.stderr)  # noqa: T201
        os._exit(2)  # at once, because Python would try to write the output again
    sys.exit(code)
