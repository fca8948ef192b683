"""Checks a certificate, and the log, against the published key, offline.

    python -m saxaul.log.verify certificate.json --key key.pem
    python -m saxaul.log.verify certificate.json --log log.json --key key.pem
    python -m saxaul.log.verify --log log-1.json --log log-2.json --key key.pem

Ends with 0 where everything holds, with 1 where something does not, and says what.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from saxaul.log.checks import CheckedCertificate, CheckedLog, check_certificate, check_inclusion, check_log
from saxaul.log.parsing import RefusedError


def verdict(certificate: bytes | None, pages: Sequence[bytes], pem: bytes) -> Iterator[str]:
    """What holds, a line each.

    Raises:
        RefusedError: something does not; the message is the reason.
    """
    from saxaul.log.signatures import Keys  # noqa: PLC0415 - here, so that a missing package can be named

    keys = Keys(pem)
    checked = log = None
    if certificate is not None:
        checked = check_certificate(certificate, keys)
        yield from _of_certificate(checked)
    if pages:
        log = check_log(pages, keys)
        yield from _of_log(log)
    if checked and log:
        check_inclusion(checked, log)
        left_out = len(log.lives[checked.number]) - len(checked.events)
        more = f"{_many(left_out, 'older event', 'older events')} beside" if left_out else "nothing else"
        yield f"The log tells of {checked.number} what the certificate says, and {more}."


def _of_certificate(certificate: CheckedCertificate) -> Iterator[str]:
    document = certificate.document
    yield f"Certificate {certificate.number}: {document['species']} in {document['place']}, by {document['partner']}."
    yield f"Applied for {document['applied_at']}; {document['state']}."
    if document["dedication"] is None:
        yield "The dedication was erased; the commitment to it stands."
    for seen in certificate.events:
        leaf, header = seen.leaf, seen.header
        yield (
            f"{leaf.event} {leaf.occurred_at}: entry {header.sequence}, leaf {seen.index + 1} of {header.size}, "
            f"said by {header.by}, signed {header.signed_at}."
        )


def _of_log(log: CheckedLog) -> Iterator[str]:
    yield f"{_many(len(log.headers), 'entry', 'entries')} in the log: all signed, each committing to the one before."
    counts = log.counts
    yield f"Counted again: {counts.planted} planted, {counts.dead} dead, {counts.standing} standing."


def _many(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m saxaul.log.verify", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("certificate", nargs="?", type=Path, help="what GET /certificates/{number} answered")
    parser.add_argument("--log", action="append", default=[], type=Path, help="what GET /log answered; page by page")
    parser.add_argument("--key", required=True, type=Path, help="what GET /log/key answered, and older keys after it")
    chosen = parser.parse_args(arguments)
    if chosen.certificate is None and not chosen.log:
        parser.error("name a certificate, or a log, or both")
    try:
        certificate = chosen.certificate.read_bytes() if chosen.certificate else None
        for line in verdict(certificate, [page.read_bytes() for page in chosen.log], chosen.key.read_bytes()):
            print(line)  # noqa: T201 - this is a command
    except RefusedError as refusal:
        print(f"REFUSED: {refusal}.")  # noqa: T201
        return 1
    except OSError as error:
        parser.error(str(error))
    except ModuleNotFoundError as missing:
        parser.error(f"{missing.name} is needed to check signatures: pip install 'saxaul[verify]'")
    print("VERIFIED")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
