"""The items of hashed photos: what is written is known, once and for good."""

from hashlib import sha256

from saxaul.storage.photos import Photos
from saxaul.storage.table import Key
from saxaul.trees.photos import HashedPhoto
from tests.builders import NOON
from tests.integration.stack import Stack

HASHES = [sha256(str(number).encode()).hexdigest() for number in range(120)]


def test_only_photos_that_were_written_are_known(stack: Stack) -> None:
    photos = Photos(stack.ledger)
    for hashed in HASHES[:3]:
        photos.put(HashedPhoto(hashed, 7, "image/png", NOON))

    assert photos.known([*HASHES, HASHES[0]]) == set(HASHES[:3])
    assert photos.known([]) == set()


def test_the_first_write_of_a_photo_is_kept(stack: Stack) -> None:
    photos = Photos(stack.ledger)
    photos.put(HashedPhoto(HASHES[0], 7, "image/png", NOON))
    photos.put(HashedPhoto(HASHES[0], 7, "image/png", NOON + 60))

    item = stack.ledger.get(Key(f"PHOTO#{HASHES[0]}", "PHOTO"))
    assert item is not None
    assert {name: item[name] for name in ("bytes", "type", "hashed_at")} == {
        "bytes": 7,
        "type": "image/png",
        "hashed_at": NOON,
    }
