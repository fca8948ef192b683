"""The log on DynamoDB and KMS: an entry is appended in one transaction with the items that it records."""

import random

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from saxaul.log.entries import MAX_LEAVES, LogEntry
from saxaul.services.append_log import LogWriter
from saxaul.settings import settings
from saxaul.storage.log import LogStore, to_item
from saxaul.storage.signing import SigningKey
from saxaul.storage.table import Key, TransactionRefusedError
from tests.builders import NOON, make_calendar, make_leaf
from tests.integration.stack import Stack

PARTNER = "Alxa SEE Foundation"


@pytest.fixture
def key(stack: Stack) -> SigningKey:
    assert stack
    return SigningKey(settings().signing_key)


@pytest.fixture
def log(stack: Stack, key: SigningKey) -> LogWriter:
    return LogWriter(LogStore(stack.ledger), key, make_calendar())


def test_entries_are_numbered_chained_and_signed_by_the_published_key(
    stack: Stack, key: SigningKey, log: LogWriter
) -> None:
    first = log.append(log.head(), PARTNER, [make_leaf(), make_leaf()], [], NOON)
    second = log.append(log.head(), PARTNER, [make_leaf()], [], NOON + 1)

    assert (first.sequence, second.sequence, second.previous) == (1, 2, first.hash)
    assert LogStore(stack.ledger).head() == second
    assert LogStore(stack.ledger).get_many({1, 2, 3}) == {1: first, 2: second}
    assert first.key_id == key.key_id
    public = load_pem_public_key(key.pem.encode())
    assert isinstance(public, ec.EllipticCurvePublicKey)
    for entry in (first, second):
        public.verify(bytes.fromhex(entry.signature), entry.signed_bytes, ec.ECDSA(hashes.SHA256()))


def test_an_entry_and_the_items_that_it_records_are_written_together_or_not_at_all(
    stack: Stack, log: LogWriter
) -> None:
    tree = {"pk": "CERT#1", "sk": "CERT", "sequence": 1}

    log.append(log.head(), PARTNER, [make_leaf()], [stack.ledger.put_write(tree, 0)], NOON)

    written = stack.ledger.get(Key("CERT#1", "CERT"))
    assert written is not None
    assert written["sequence"] == 1
    with pytest.raises(TransactionRefusedError):
        log.append(log.head(), PARTNER, [make_leaf()], [stack.ledger.put_write(tree, 0)], NOON)
    assert len(list(LogStore(stack.ledger).published(0, 10))) == 1


def test_the_second_of_two_appends_to_the_same_head_is_refused_and_writes_nothing(stack: Stack, log: LogWriter) -> None:
    head = log.head()
    log.append(head, "Somebody Else", [make_leaf()], [], NOON)

    with pytest.raises(TransactionRefusedError):
        log.append(head, PARTNER, [make_leaf()], [], NOON)

    assert len(list(LogStore(stack.ledger).published(0, 10))) == 1


def test_the_largest_entry_fits_an_item_easily() -> None:
    rng = random.Random(1)
    leaves = [
        make_leaf(
            tag="".join(chr(rng.randrange(0x10000, 0x1FFFF)) for _ in range(64)),
            project_id="".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789_-") for _ in range(64)),
            lat=f"-{rng.randrange(10**9):010d}",
            lon=f"-{rng.randrange(10**10):011d}",
            evidence=f"{rng.getrandbits(256):064x}",
            particulars=f"{rng.getrandbits(256):064x}",
            occurred_at=f"{rng.randrange(10**25):025d}",
            recorded_at=f"{rng.randrange(10**25):025d}",
        )
        for _ in range(MAX_LEAVES)
    ]
    entry = LogEntry.draft(None, PARTNER, leaves, signed_at="2026-06-20T18:30:00+08:00", key_id="0" * 64)

    assert 150_000 < len(to_item(entry)["entry"]) < 250_000
