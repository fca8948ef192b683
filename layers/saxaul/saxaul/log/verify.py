"""Checks a certificate, the log, or both against the published key, offline.

    python -m saxaul.log.verify certificate.json --log log.json --key key.pem
    python -m saxaul.log.verify --log log-1.json --log log-2.json --key key.pem
    python -m saxaul.log.verify certificate.json --key key.pem

A log file holds one page of GET /log per line. The last page must be one without entries: it shows that the log is
complete. The last line of the output gives the result, and the exit code gives it too:

    0  VERIFIED         the certificate agrees with the log, as of the newest log entry
    1  REFUSED          something is not what was signed, or the certificate hides a logged event: forged or damaged
    2                   the arguments are wrong, or a file or a package is missing
    3  INCOMPLETE       no sign of a forgery, but something must be fetched, such as the next page of the log
    4  NOT IN THE LOG   the certificate is signed but not in the whole log, or it has no proof
"""

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from saxaul.log.checks import CheckedCertificate, CheckedLog, check_certificate, check_inclusion, check_log
from saxaul.log.parsing import IncompleteError, NotVerifiedError


def verdict(certificate: bytes | None, pages: Sequence[bytes], pem: bytes) -> Iterator[str]:
    """Check the files and yield the facts found, one line each. Everything is verified only if this does not raise.

    ``pages`` are the pages of the log; the last one must have no entries. Without the log, a certificate is never
    verified, because only the log shows what the certificate leaves out.

    Raises:
        RefusedError: a check failed. The message is the reason.
        IncompleteError: the log or one of its pages is missing.
        NotInLogError: the certificate is not in the log, or has no proof.
    """
    from saxaul.log.signatures import Keys  # noqa: PLC0415 - here, so that main() can name a missing package

    keys = Keys(pem)
    log = check_log(pages, keys) if pages else None
    checked = check_certificate(certificate, keys, log) if certificate is not None else None
    if checked:
        yield from _of_certificate(checked)
    if log:
        yield from _of_log(log)
        if checked:
            yield _of_inclusion(checked, log)
        log.check_whole()
    else:
        raise IncompleteError(
            "every statement of the certificate is signed, but only the log shows whether it leaves out a death or a "
            "later event: fetch GET /log and pass it with --log"
        )


def _of_inclusion(certificate: CheckedCertificate, log: CheckedLog) -> str:
    left_out = len(check_inclusion(certificate, log))
    inspections = _many(left_out, "inspection that changed nothing", "inspections that changed nothing")
    more = f"also {inspections}" if left_out else "no others"
    return f"For {certificate.number}, the log has the events that the certificate shows, and {more}."


def _of_certificate(certificate: CheckedCertificate) -> Iterator[str]:
    document = certificate.document
    yield f"Certificate {certificate.number}: {document['species']} in {document['place']}, by {document['partner']}."
    yield f"Applied for at {document['applied_at']}. Current state: {document['state']}."
    for seen in certificate.events:
        leaf, header = seen.leaf, seen.header
        yield (
            f"{leaf.event} {leaf.occurred_at}: entry {header.sequence}, leaf {seen.index + 1} of {header.size}, "
            f"reported by {header.by}, signed {header.signed_at}."
        )
    photos = [event["photo_url"] for event in document["proof"]["events"]]
    unseen = sum(
        bool(seen.leaf.evidence) and photo is None for seen, photo in zip(certificate.events, photos, strict=True)
    )
    if unseen:
        yield f"The certificate leaves out {_many(unseen, 'link to an older photo', 'links to older photos')}."


def _of_log(log: CheckedLog) -> Iterator[str]:
    yield f"{_many(len(log.headers), 'entry', 'entries')} in the log: all signatures and the hash chain are valid."
    counts = log.counts
    if log.headers:
        yield f"The newest is entry {len(log.headers)}, signed {log.headers[-1].signed_at}."
    yield f"Recounted from the leaves: {counts.planted} planted, {counts.dead} dead, {counts.standing} standing."


def _many(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def main(arguments: Sequence[str] | None = None) -> int:
    _speak_on_any_terminal()
    parser = argparse.ArgumentParser(
        prog="python -m saxaul.log.verify",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("certificate", nargs="?", type=Path, help="the response of GET /certificates/{number}")
    parser.add_argument("--log", action="append", default=[], type=Path, help="pages of GET /log, one per line")
    parser.add_argument("--key", required=True, type=Path, help="the response of GET /log/key, and any older keys")
    chosen = parser.parse_args(arguments)
    if chosen.certificate is None and not chosen.log:
        parser.error("give a certificate, a log, or both")
    try:
        certificate = chosen.certificate.read_bytes() if chosen.certificate else None
        pages = [page for file in chosen.log for page in pages_in(file.read_bytes())]
        for line in verdict(certificate, pages, chosen.key.read_bytes()):
            print(line)  # noqa: T201 - this is a command
    except NotVerifiedError as reason:
        print(f"{reason.word}: {reason}.")  # noqa: T201
        return reason.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # the reader closed the pipe, as `head` does
        return 2
    except OSError as error:
        parser.error(str(error))
    except ModuleNotFoundError as missing:
        parser.error(f"{missing.name} is needed to check signatures: pip install cryptography")
    print("VERIFIED")  # noqa: T201
    return 0


def pages_in(text: bytes) -> list[bytes]:
    """Return the pages in a log file, one per line. No page contains a line break.

    An empty file gives one empty page, which the check then reports as one to fetch again.
    """
    return [line for line in text.splitlines() if line.strip()] or [b""]


def _speak_on_any_terminal() -> None:
    """Print an escape code for a character that the terminal cannot show, rather than fail."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
