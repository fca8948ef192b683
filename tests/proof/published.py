"""A small log as the service publishes it: three entries, four trees, one of them dead and replaced."""

from dataclasses import replace
from typing import NamedTuple

import pytest

from saxaul.canonical_json import encode
from saxaul.certificates import new_number
from saxaul.proof import Told, proven_certificate
from saxaul.services.transparency import Log
from saxaul.storage.signing import SigningKey
from saxaul.storage.table import Table
from saxaul.storage.transparency import Entries
from saxaul.transparency import Entry, Leaf, evidence_of
from tests.builders import DAY, NOON, PHOTO, make_calendar, make_leaf, make_particulars
from tests.proof.memory_dynamodb import MemoryDynamoDB
from tests.proof.memory_kms import MemoryKMS

BY = "Alxa SEE Foundation"
LATER = "https://trees.example/ax-0001-later.jpg"


class Publication(NamedTuple):
    """What the three public calls answer, byte for byte, and the real log behind them."""

    certificate: bytes
    log: bytes
    key: bytes
    entries: tuple[Entry, ...]
    kms: MemoryKMS


def publish(patch: pytest.MonkeyPatch) -> Publication:
    """Tell the log of four trees, and publish it with the certificate of the one that died and was replaced."""
    store, kms = MemoryDynamoDB(), MemoryKMS()
    patch.setattr("saxaul.storage.table.dynamodb", lambda: store)
    patch.setattr("saxaul.storage.signing.kms", lambda: kms)
    entries, key = Entries(Table("Ledger")), SigningKey("key")
    log = Log(entries, key, make_calendar())
    particulars = make_particulars("For my grandmother · 献给奶奶")
    ours = make_leaf(new_number(), particulars=particulars.commitment)
    others = [make_leaf(new_number(), particulars=make_particulars().commitment) for _ in range(3)]
    log.append(BY, [others[0], ours, others[1]], lambda _: [], NOON)
    log.append(
        BY, [step(others[0], "alive"), step(ours, "dead", evidence=evidence_of(LATER))], lambda _: [], NOON + DAY
    )
    log.append(BY, [step(ours, "replaced", "dead", tag="AX-0002"), others[2]], lambda _: [], NOON + 2 * DAY)
    found = entries.get_many({1, 2, 3})
    told = tuple(found[sequence] for sequence in sorted(found))
    history = [Told(told[0], 1, PHOTO), Told(told[1], 1, LATER), Told(told[2], 0, PHOTO)]
    return Publication(
        certificate=encode(proven_certificate(particulars, history, "en")),
        log=encode({"entries": [entry.document() for entry in told]}),
        key=key.pem.encode(),
        entries=told,
        kms=kms,
    )


def step(leaf: Leaf, event: str, follows: str = "planted", **changes: str) -> Leaf:
    return replace(leaf, event=event, follows=follows, **changes)  # type: ignore[arg-type] # a test may say anything
