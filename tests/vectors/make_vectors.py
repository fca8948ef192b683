"""Makes the vectors in this folder: a log, certificates, forgeries, and the result that each must give.

Each run makes a new key and does not store the private key. So each run replaces every file:
``python -m tests.vectors.make_vectors tests/vectors``.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import rfc8785

from local.command import command_parser, path, run_command
from tests.vectors import cases
from tests.vectors.cases import ABSENT, REFUSED, VERIFIED, Check, Json
from tests.vectors.documents import Key, changed, make_certificate, make_log, page


def file_of(name: str) -> str:
    return f"{name.replace(',', '').replace(' ', '-')}.json"


def make_certificates(log: list[Json]) -> Iterator[tuple[str, bytes, Check]]:
    """Yield the name, the bytes and the expected result of each certificate."""
    alive = make_certificate(log, cases.GENUINE["alive"])
    for name, shown in cases.GENUINE.items():
        yield name, rfc8785.dumps(make_certificate(log, shown)), Check(VERIFIED)
    for name, (mentions, shown) in cases.HIDING.items():
        yield name, rfc8785.dumps(make_certificate(log, shown)), Check(REFUSED, mentions)
    for name, (mentions, changes) in cases.FORGED.items():
        yield name, rfc8785.dumps(changed(alive, changes)), Check(REFUSED, mentions)
    spaced = json.dumps(alive, ensure_ascii=False, sort_keys=True).encode()
    yield "a certificate with spaces", spaced, Check(REFUSED, "canonical JSON")
    yield "not planted yet", rfc8785.dumps(changed(alive, cases.NOT_PLANTED)), Check(ABSENT, "proof")


def make_logs(key: Key) -> Iterator[tuple[str, bytes, Check]]:
    """Yield the name, the bytes and the expected result of each log of three entries."""
    start, other, impostor = cases.STORY[:3], Key(), Key()
    impostor.key_id = key.key_id
    log = make_log(key, start)
    for name, (mentions, changes) in cases.SIGNED.items():
        yield name, page(*make_log(key, start, newest=changes)), Check(REFUSED, mentions)
    for name, (mentions, changes) in cases.UNSIGNED.items():
        yield name, page(*changed({"log": log}, changes)["log"]), Check(REFUSED, mentions)
    r_and_s = log[-1]["signature"]
    padded = f"30{int(r_and_s[2:4], 16) + 1:02x}02{int(r_and_s[6:8], 16) + 1:02x}00{r_and_s[8:]}"
    newest = log[-1] | {"signature": padded}
    yield "a needless zero in a signature", page(*log[:-1], newest), Check(REFUSED, "signature")
    yield "an older signature with the higher s", page(*make_log(key, start, higher=2)), Check(VERIFIED)
    fork = page(*make_log(key, start, newest={"leaves.1.tag": "S-4b"}))
    yield "a log that differs in entry 3", fork, Check(VERIFIED)
    utc = page(*make_log(key, start, newest={"signed_at": "2026-03-10T10:01:00Z"}))
    yield "a time in UTC", utc, Check(VERIFIED)
    higher = page(*make_log(key, start, higher=3))
    yield "the newest signature with the higher s", higher, Check(REFUSED, "canonical form")
    yield "a log of another key", page(*make_log(other, start)), Check(REFUSED, "key")
    yield (
        "a log of another key with the name of this key",
        page(*make_log(impostor, start)),
        Check(REFUSED, "signature"),
    )
    spaced = json.dumps({"entries": log}, ensure_ascii=False, sort_keys=True).encode() + b"\n"
    yield "a page with spaces", spaced, Check(REFUSED, "canonical JSON")


def make_vectors(folder: Path) -> None:
    key, other = Key(), Key()
    log = make_log(key, cases.STORY)
    files = {"key.pem": key.pem, "other-key.pem": other.pem, "both-keys.pem": other.pem + key.pem}
    files |= {"page-1.json": page(*log[:2]), "page-2.json": page(*log[2:3]), "page-3.json": page(*log[3:])}
    files |= {"end.json": page(), "error.json": rfc8785.dumps({"message": "Internal Server Error"})}
    checks = dict(cases.ASSEMBLED)
    for name, content, check in make_certificates(log):
        files[file_of(name)] = content
        checks[name] = check._replace(certificate=file_of(name), log=cases.WHOLE)
    for name, content, check in make_logs(key):
        files[file_of(name)] = content + page()
        checks[name] = check._replace(log=[file_of(name)])
    expected = {
        name: check._asdict() | {"exit_code": cases.EXIT_CODES[check.last_line]} for name, check in checks.items()
    }
    files["expected.json"] = json.dumps(expected, ensure_ascii=False, indent=1).encode() + b"\n"
    for name, content in files.items():
        (folder / name).write_bytes(content)


def main() -> None:
    parser = command_parser("tests.vectors.make_vectors", __doc__)
    parser.add_argument("folder", type=path, help="the folder to write to")
    make_vectors(parser.parse_args().folder)


if __name__ == "__main__":
    run_command(main)
