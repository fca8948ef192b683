"""A small log as the service publishes it: three entries and four trees. One tree died and was replaced."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pytest

from saxaul.certificate.certificate import Certificate
from saxaul.clock import SYSTEM_CLOCK
from saxaul.log.canonical_json import encode
from saxaul.log.entries import Leaf, LogEntry, evidence_of
from saxaul.log.proof import LoggedEvent
from saxaul.services.append_log import Log
from saxaul.storage.log import LogStore
from saxaul.storage.signing import SigningKey
from saxaul.storage.table import Table
from saxaul.trees.numbers import new_number
from tests.builders import DAY, NOON, PHOTO, make_calendar, make_leaf, make_particulars
from tests.proof.memory_dynamodb import MemoryDynamoDB
from tests.proof.memory_kms import MemoryKMS

BY = "Alxa SEE Foundation"
LATER = "https://trees.example/ax-0001-later.jpg"
END = b'{"entries":[]}'
"""The empty page that ends a log."""


class Publication(NamedTuple):
    """The exact responses of the three public endpoints, and the log entries and the key behind them."""

    shown: Certificate
    certificate: bytes
    log: bytes
    key: bytes
    entries: tuple[LogEntry, ...]
    kms: MemoryKMS


class Office:
    """The real log on an in-memory table and key, and the tree whose certificate is published."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        store, self.kms = MemoryDynamoDB(), MemoryKMS()
        patch.setattr("saxaul.storage.table.dynamodb", lambda: store)
        patch.setattr("saxaul.storage.signing.kms", lambda: self.kms)
        self.entries, self.key = LogStore(Table("Ledger", SYSTEM_CLOCK)), SigningKey("key")
        self._log = Log(self.entries, self.key, make_calendar())
        self.particulars = make_particulars("For my grandmother · 献给奶奶")
        self.ours = make_leaf(new_number(), particulars=self.particulars.commitment)

    def tell(self, now: int, *leaves: Leaf) -> LogEntry:
        return self._log.append(self._log.head(), BY, leaves, [], now)

    def publication(self, *history: LoggedEvent) -> Publication:
        shown = Certificate.proven(self.particulars, history)
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
    office = Office(patch)
    ours = office.ours
    others = [make_leaf(new_number(), particulars=make_particulars().commitment) for _ in range(3)]
    dead = step(ours, "dead", evidence=evidence_of(LATER))
    first = office.tell(NOON, others[0], ours, others[1])
    second = office.tell(NOON + DAY, step(others[0], "alive"), dead)
    third = office.tell(NOON + 2 * DAY, step(ours, "replaced", "dead", tag="AX-0002"), others[2])
    return office.publication(LoggedEvent(first, 1, PHOTO), LoggedEvent(second, 1, LATER), LoggedEvent(third, 0, PHOTO))


def publish_inspected(
    patch: pytest.MonkeyPatch, events: Sequence[str], but: Sequence[int] = (), **replaced: str
) -> Publication:
    """Append one tree and its events to the log. Publish its certificate without the events at the places in ``but``.

    ``replaced`` holds the fields that each replacement changes.
    """
    office = Office(patch)
    leaves = [office.ours]
    for event in events:
        changes = replaced if event == "replaced" else {}
        leaves.append(step(leaves[-1], event, leaves[-1].event, **changes))
    history = [LoggedEvent(office.tell(NOON + place * DAY, leaf), 0, PHOTO) for place, leaf in enumerate(leaves)]
    return office.publication(*(told for place, told in enumerate(history) if place not in but))


def step(leaf: Leaf, event: str, follows: str = "planted", **changes: str) -> Leaf:
    return replace(leaf, event=event, follows=follows, **changes)  # type: ignore[arg-type] # a test may set any field
