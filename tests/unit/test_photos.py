"""Photos: their declarations, and what is no photo of the declared type."""

import json
from hashlib import sha256
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.catalog.models import ValidationError
from saxaul.messages.uploads import uploaded_keys
from saxaul.trees.photos import (
    MAX_PHOTO_BYTES,
    DeclaredPhoto,
    HashedPhoto,
    PhotosToUpload,
    PhotoType,
    declared_in,
    examined,
    type_of,
    upload_key,
)
from tests.builders import NOON
from tests.photos import JPEG, PHOTO, WEBP, declared, png

PAGE = b"<!doctype html><script>alert(1)</script>"
DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
EACH: list[tuple[bytes, PhotoType]] = [(JPEG, "image/jpeg"), (PHOTO, "image/png"), (WEBP, "image/webp")]


@pytest.mark.parametrize(("body", "found"), EACH)
def test_the_type_of_a_photo_is_known_from_its_bytes(body: bytes, found: PhotoType) -> None:
    assert type_of(body) == found
    assert type_of(body + b"what a camera adds") == found


@pytest.mark.parametrize(("body", "_"), EACH)
def test_a_photo_that_is_cut_off_is_none(body: bytes, _: PhotoType) -> None:
    assert [length for length in range(len(body)) if type_of(body[:length])] == []


NO_PHOTOS = {
    "nothing": b"",
    "a page": PAGE,
    "a drawing": DRAWING,
    "a GIF": b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
    "a PDF": b"%PDF-1.7\n",
    "a page after the first bytes of a JPEG": b"\xff\xd8\xff\xe0" + PAGE,
    "a page after the first bytes of a PNG": PHOTO[:8] + PAGE,
    "a page after the header of a PNG": PHOTO[:33] + PAGE,
    "a PNG without data": PHOTO[:33] + PHOTO[-12:],
    "a PNG with two headers": PHOTO[:33] + PHOTO[8:],
    "a page in a RIFF file": b"RIFF\x40\x00\x00\x00WEBP" + PAGE,
    "a sound in a RIFF file": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(28),
    "a JPEG without a frame": b"\xff\xd8" + JPEG[JPEG.index(b"\xff\xda") :],
    "a JPEG that ends before its scan": b"\xff\xd8\xff\xd9",
    "a JPEG of very many segments": b"\xff\xd8" + b"\xff\xe0\x00\x02" * 6000 + JPEG[2:],
    "a picture behind a page": PAGE + PHOTO,
}


@pytest.mark.parametrize("body", NO_PHOTOS.values(), ids=NO_PHOTOS)
def test_what_only_begins_as_a_photo_is_none(body: bytes) -> None:
    assert type_of(body) is None


@given(st.binary(max_size=300), st.sampled_from([b"", JPEG[:2], JPEG[:60], PHOTO[:8], PHOTO[:33], WEBP[:12]]))
def test_no_bytes_at_all_make_the_examination_fail(rest: bytes, beginning: bytes) -> None:
    body = beginning + rest
    found = examined(body, "image/png", sha256(body).hexdigest(), NOON)

    assert isinstance(found, HashedPhoto) == (type_of(body) == "image/png")


def test_the_photo_of_an_upload_has_the_declared_bytes_and_the_declared_type() -> None:
    name = sha256(PHOTO).hexdigest()

    assert examined(PHOTO, "image/png", name, NOON) == HashedPhoto(name, len(PHOTO), "image/png", NOON)
    assert examined(png(1), "image/png", name, NOON) == "other_bytes"
    assert examined(PHOTO, "image/jpeg", name, NOON) == "other_type"
    assert examined(PAGE, "image/png", sha256(PAGE).hexdigest(), NOON) == "not_a_photo"
    assert examined(bytes(MAX_PHOTO_BYTES + 1), "image/png", name, NOON) == "too_large"


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": "0" * 63},
        {"sha256": "0" * 65},
        {"sha256": "0" * 64 + "\n"},
        {"sha256": "A" * 64},
        {"sha256": "../" + "0" * 61},
        {"sha256": None},
        {"bytes": 0},
        {"bytes": MAX_PHOTO_BYTES + 1},
        {"bytes": "100"},
        {"bytes": 1.5},
        {"bytes": True},
        {"type": "image/svg+xml"},
        {"type": "text/html"},
        {"name": "tree.png"},
    ],
)
def test_a_declaration_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    assert DeclaredPhoto.model_validate(declared(PHOTO)).bytes == len(PHOTO)
    with pytest.raises(ValidationError):
        DeclaredPhoto.model_validate(declared(PHOTO) | changes)


def test_a_request_has_one_to_a_hundred_photos() -> None:
    for number in (1, 100):
        assert len(PhotosToUpload.model_validate({"photos": [declared(PHOTO)] * number}).photos) == number
    for number in (0, 101):
        with pytest.raises(ValidationError):
            PhotosToUpload.model_validate({"photos": [declared(PHOTO)] * number})


def test_the_key_of_an_upload_says_what_was_declared() -> None:
    assert declared_in(upload_key("a" * 64, "Zk3-_1")) == "a" * 64
    for key in ("photos/" + "a" * 64, "uploads/a/b", "uploads/" + "a" * 64 + "/", "uploads/" + "a" * 64 + "/a/b"):
        with pytest.raises(ValueError, match="not the key of an upload"):
            declared_in(key)


def message(*keys: str) -> str:
    return json.dumps({"Records": [{"s3": {"object": {"key": quote_plus(key)}}} for key in keys]})


def test_a_message_of_s3_names_the_uploads_and_a_test_of_s3_names_none() -> None:
    assert uploaded_keys(message("uploads/a/b c", "uploads/é/+")) == ["uploads/a/b c", "uploads/é/+"]
    assert uploaded_keys('{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "uploads"}') == []


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "1", "{}", '{"Records": 1}', '{"Records": [{}]}', "[" * 10**5])
def test_another_message_is_refused(body: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the JSON parser has a message of its own
        uploaded_keys(body)
