"""Checks a certificate, and the log, against the published key, offline.

    python -m saxaul.log.verify certificate.json --log log.json --key key.pem
    python -m saxaul.log.verify --log log-1.json --log log-2.json --key key.pem
    python -m saxaul.log.verify certificate.json --key key.pem

A file of the log holds one page or more, a line each. It ends with a page that has no entry: that is how one knows that
the log is whole. The last line says what came of it, and the command ends with the same:

    0  VERIFIED         the tree is as the certificate says, as of the newest entry of the log
    1  REFUSED          something is not what was signed, or hides what the log tells: a forgery, or damage
    2                   the command was not understood, or a file cannot be read
    3  INCOMPLETE       all that was given holds, but something must be fetched: the log, or its next page
    4  NOT IN THE LOG   it is signed, and the whole log does not have it, or it has no proof
"""

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from saxaul.log.checks import CheckedCertificate, CheckedLog, check_certificate, check_inclusion, check_log
from saxaul.log.parsing import IncompleteError, NotVerifiedError


def verdict(certificate: bytes | None, pages: Sequence[bytes], pem: bytes) -> Iterator[str]:
    """What holds, a line each. ``pages`` are those of the log up to the first one without an entry, which ends it.

    A certificate without the log is never verified: only the log shows what it leaves out.

    Raises:
        RefusedError: something does not hold; the message is the reason.
        IncompleteError: the log is missing, or a page of it.
        NotInLogError: the log does not have the certificate.
    """
    from saxaul.log.signatures import Keys  # noqa: PLC0415 - here, so that a missing package can be named

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
            "the certificate holds by itself, but only the log shows whether it leaves out a death, or what came "
            "later: fetch GET /log and give it with --log"
        )


def _of_inclusion(certificate: CheckedCertificate, log: CheckedLog) -> str:
    left_out = len(check_inclusion(certificate, log))
    inspections = _many(left_out, "inspection that changed nothing", "inspections that changed nothing")
    more = f"{inspections} beside" if left_out else "nothing else"
    return f"The log tells of {certificate.number} what the certificate says, and {more}."


def _of_certificate(certificate: CheckedCertificate) -> Iterator[str]:
    document = certificate.document
    yield f"Certificate {certificate.number}: {document['species']} in {document['place']}, by {document['partner']}."
    yield f"Applied for {document['applied_at']}; {document['state']}."
    for seen in certificate.events:
        leaf, header = seen.leaf, seen.header
        yield (
            f"{leaf.event} {leaf.occurred_at}: entry {header.sequence}, leaf {seen.index + 1} of {header.size}, "
            f"said by {header.by}, signed {header.signed_at}."
        )
    photos = [event["photo_url"] for event in document["proof"]["events"]]
    unseen = sum(
        bool(seen.leaf.evidence) and photo is None for seen, photo in zip(certificate.events, photos, strict=True)
    )
    if unseen:
        yield f"The links to {_many(unseen, 'older photo', 'older photos')} are not shown."


def _of_log(log: CheckedLog) -> Iterator[str]:
    yield f"{_many(len(log.headers), 'entry', 'entries')} in the log: all signed, each committing to the one before."
    counts = log.counts
    if log.headers:
        yield f"The newest is entry {len(log.headers)}, signed {log.headers[-1].signed_at}."
    yield f"Counted again: {counts.planted} planted, {counts.dead} dead, {counts.standing} standing."


def _many(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def main(arguments: Sequence[str] | None = None) -> int:
    _speak_on_any_terminal()
    parser = argparse.ArgumentParser(
        prog="python -m saxaul.log.verify",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("certificate", nargs="?", type=Path, help="what GET /certificates/{number} answered")
    parser.add_argument("--log", action="append", default=[], type=Path, help="what GET /log answered, a page a line")
    parser.add_argument("--key", required=True, type=Path, help="what GET /log/key answered, and older keys after it")
    chosen = parser.parse_args(arguments)
    if chosen.certificate is None and not chosen.log:
        parser.error("name a certificate, or a log, or both")
    try:
        certificate = chosen.certificate.read_bytes() if chosen.certificate else None
        pages = [page for file in chosen.log for page in pages_in(file.read_bytes())]
        for line in verdict(certificate, pages, chosen.key.read_bytes()):
            print(line)  # noqa: T201 - this is a command
    except NotVerifiedError as reason:
        print(f"{reason.word}: {reason}.")  # noqa: T201
        return reason.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # whoever reads this has read enough
        return 2
    except OSError as error:
        parser.error(str(error))
    except ModuleNotFoundError as missing:
        parser.error(f"{missing.name} is needed to check signatures: pip install cryptography")
    print("VERIFIED")  # noqa: T201
    return 0


def pages_in(text: bytes) -> list[bytes]:
    """The pages in a file of the log, a line each: no page has a line break in it. An empty file is an empty page."""
    return [line for line in text.splitlines() if line.strip()] or [b""]


def _speak_on_any_terminal() -> None:
    """Let a terminal show the code of a character that it cannot show, rather than end the command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
