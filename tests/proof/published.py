"""A small log as the service publishes it: three entries and four trees. One tree died and was replaced."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from saxaul.certificate.from_log import certificate_from_log
from saxaul.services.append_log import LogWriter
from saxaul.storage.log import LogStore

from saxaul.certificate.certificate import Certificate
from saxaul.clock import SYSTEM_CLOCK
from saxaul.log.canonical_json import encode
from saxaul.log.ecdsa import with_low_s
from saxaul.log.entries import Leaf, LogEntry, evidence_of
from saxaul.log.parsing import NotVerifiedError
from saxaul.log.proof import LoggedEvent
from saxaul.log.verify import verify
from saxaul.storage.signing import SigningKey
from saxaul.storage.table import Table
from saxaul.trees.numbers import new_number
from tests.builders import DAY, NOON, PHOTO, make_calendar, make_leaf, make_particulars
from tests.proof.memory_dynamodb import MemoryDynamoDB
from tests.proof.memory_kms import MemoryKMS

PARTNER = "Alxa SEE Foundation"
LATER = "https://trees.example/ax-0001-later.jpg"
END = b'{"entries":[]}'
"""The empty page that ends a log."""


class Publication(NamedTuple):
    """The exact responses of the three public endpoints, and the objects from which they were made."""

    shown: Certificate
    certificate: bytes
    log: bytes
    key: bytes
    entries: tuple[LogEntry, ...]
    kms: MemoryKMS


class LogFixture:
    """A log and its key in memory. ``planted`` is the first leaf of the tree whose certificate is published."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        store, self.kms = MemoryDynamoDB(), MemoryKMS()
        patch.setattr("saxaul.storage.table.dynamodb", lambda: store)
        patch.setattr("saxaul.storage.signing.kms", lambda: self.kms)
        self.entries, self.key = LogStore(Table("Ledger", SYSTEM_CLOCK)), SigningKey("key")
        self._log = LogWriter(self.entries, self.key, make_calendar())
        self.particulars = make_particulars("For my grandmother · 献给奶奶")
        self.planted = make_leaf(new_number(), particulars=self.particulars.commitment)

    def append(self, now: int, *leaves: Leaf) -> LogEntry:
        return self._log.append(self._log.head(), PARTNER, leaves, [], now)

    def publication(self, *history: LoggedEvent) -> Publication:
        shown = certificate_from_log(self.particulars, history)
        return Publication(
            shown=shown,
            certificate=encode(shown.document("en")),
            log=f'{{"entries":[{",".join(self.entries.published(0, 100))}]}}'.encode(),
            key=self.key.pem.encode(),
            entries=tuple(entry for _, entry in sorted(self.entries.get_many(set(range(1, 100))).items())),
            kms=self.kms,
        )


def publish(patch: pytest.MonkeyPatch) -> Publication:
    """Append four trees to the log, and publish it with the certificate of the tree that died and was replaced."""
    fixture = LogFixture(patch)
    ours = fixture.planted
    others = [make_leaf(new_number(), particulars=make_particulars().commitment) for _ in range(3)]
    dead = step(ours, "dead", evidence=evidence_of(LATER))
    first = fixture.append(NOON, others[0], ours, others[1])
    second = fixture.append(NOON + DAY, step(others[0], "alive"), dead)
    third = fixture.append(NOON + 2 * DAY, step(ours, "replaced", "dead", tag="AX-0002"), others[2])
    return fixture.publication(
        LoggedEvent(first, 1, PHOTO), LoggedEvent(second, 1, LATER), LoggedEvent(third, 0, PHOTO)
    )


def publish_inspected(
    patch: pytest.MonkeyPatch, events: Sequence[str], left_out: Sequence[int] = (), **replaced: str
) -> Publication:
    """Append one tree and its events to the log, and publish its certificate without some of the events.

    ``left_out`` holds the indexes of these events; the planting has index 0.
    ``replaced`` holds the fields of the leaf that each replacement changes.
    """
    fixture = LogFixture(patch)
    leaves = [fixture.planted]
    for event in events:
        changes = replaced if event == "replaced" else {}
        leaves.append(step(leaves[-1], event, leaves[-1].event, **changes))
    history = [LoggedEvent(fixture.append(NOON + index * DAY, leaf), 0, PHOTO) for index, leaf in enumerate(leaves)]
    return fixture.publication(*(event for index, event in enumerate(history) if index not in left_out))


def step(leaf: Leaf, event: str, follows: str = "planted", **changes: str) -> Leaf:
    return leaf._replace(event=event, follows=follows, **changes)  # type: ignore[arg-type] # a test may set any field


def publish_tree(*events: str, left_out: Sequence[int] = (), **changes: str) -> Publication:
    """Publish a tree that was planted and had these events. Its certificate lacks the events at ``left_out``."""
    with pytest.MonkeyPatch.context() as patch:
        return publish_inspected(patch, events, left_out, **changes)


def refusal(certificate: bytes | None, log: Sequence[bytes], key: bytes) -> str | None:
    """Return the reason for which these documents are refused, or None. Adds the page that ends the log."""
    try:
        list(verify(certificate, [*log, END] if log else [], key))
    except NotVerifiedError as reason:
        return str(reason)
    return None


def change(document: Any, path: Sequence[str | int], value: object) -> bytes:  # noqa: ANN401 - any JSON
    """Change one member of a document, and return its canonical text, as a careful forger would."""
    changed = json.loads(document)
    *way, last = path
    inner = changed
    for name in way:
        inner = inner[name]
    inner[last] = value
    return encode(changed)


def signed(entry: LogEntry, kms: MemoryKMS) -> LogEntry:
    return entry.signed(with_low_s(kms.sign("key", entry.signed_bytes, "RAW", "ECDSA_SHA_256")["Signature"]))
