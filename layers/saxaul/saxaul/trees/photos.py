"""Photos of trees. A photo is known by the SHA-256 of its bytes, and is public for good once Saxaul has hashed them."""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Annotated, Literal, NamedTuple

from saxaul.catalog.models import Field, Model

MAX_PHOTO_BYTES = 15_000_000
"""The most bytes of a photo."""

MAX_PHOTOS = 100
"""The most photos of one request."""

PhotoType = Literal["image/jpeg", "image/png", "image/webp"]
"""The media types of photos."""

Sha256 = Annotated[str, Field(strict=True, pattern="^[0-9a-f]{64}$")]
"""The SHA-256 of a photo's bytes, as 64 hexadecimal digits in lower case."""

RefusalCode = Literal["too_large", "other_bytes", "not_a_photo", "other_type"]
"""Why an upload is no photo: it has too many bytes, bytes of another SHA-256, those of no photo, or of another type."""

_UPLOAD = re.compile(r"uploads/([0-9a-f]{64})/[\w-]{1,100}", re.ASCII)

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_MARK, _FIRST_SEGMENT, _SCAN = 0xFF, 0xC0, 0xDA
_WITHOUT_LENGTH = frozenset(range(0xD0, 0xDA))
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_END_OF_PICTURE = b"\xff\xd9"
_OWN_BYTES = 2
"""The length of a segment counts the two bytes that say it."""
_MOST_SEGMENTS = 5000
"""The most segments that are followed before the scan. A photo with the longest profiles has a few hundred."""


class DeclaredPhoto(Model):
    """A photo that a partner is about to upload."""

    sha256: Sha256
    """The SHA-256 of the bytes of the photo, as 64 hexadecimal digits in lower case."""
    bytes: Annotated[int, Field(strict=True, ge=1, le=MAX_PHOTO_BYTES)]
    """How many bytes the photo has. An upload with another number is refused."""
    type: PhotoType
    """The media type of the photo."""


class PhotosToUpload(Model):
    """Photos of trees that a partner wants to upload."""

    photos: Annotated[list[DeclaredPhoto], Field(min_length=1, max_length=MAX_PHOTOS)]
    """The photos, at most 100."""


class UploadForm(NamedTuple):
    """A form that uploads one photo (a presigned POST of S3). S3 refuses any other size, type and key.

    ``fields`` come before the file in the form. ``expires_at`` is an instant in seconds.
    """

    url: str
    fields: Mapping[str, str]
    expires_at: int


class OfferedUpload(NamedTuple):
    """A photo that a partner wants to upload.

    ``form`` is None if the photo is hashed already. ``refused`` is the last upload that was refused, if it is not.
    """

    sha256: str
    form: UploadForm | None
    refused: "RefusedUpload | None" = None


class RefusedUpload(NamedTuple):
    """An upload that was not the declared photo. It is deleted.

    ``key`` is that of its form. ``refused_at`` is an instant in seconds.
    """

    key: str
    code: RefusalCode
    refused_at: int


class HashedPhoto(NamedTuple):
    """A photo whose bytes Saxaul has hashed and published.

    Attributes:
        sha256: the SHA-256 of the bytes as they were uploaded, as 64 hexadecimal digits in lower case.
        size: how many bytes it has.
        type: its media type, such as ``image/jpeg``.
        hashed_at: an instant in seconds.
    """

    sha256: str
    size: int
    type: str
    hashed_at: int


def upload_key(sha256: str, nonce: str) -> str:
    """Return where a photo is uploaded to. ``nonce`` is different for each upload."""
    return f"uploads/{sha256}/{nonce}"


def declared_in(key: str) -> str:
    """Return the SHA-256 that an upload was declared with.

    Raises:
        ValueError: this is not the key of an upload.
    """
    found = _UPLOAD.fullmatch(key)
    if found is None:
        raise ValueError(f"{key} is not the key of an upload")
    return found[1]


def photo_key(sha256: str) -> str:
    """Return where a hashed photo is published."""
    return f"photos/{sha256}"


def examined(body: bytes, declared_type: str, declared_sha256: str, now: int) -> HashedPhoto | RefusalCode:
    """Return the photo of these bytes, or why they are not the declared one."""
    if len(body) > MAX_PHOTO_BYTES:
        return "too_large"
    if sha256(body).hexdigest() != declared_sha256:
        return "other_bytes"
    found = type_of(body)
    if found is None:
        return "not_a_photo"
    if found != declared_type:
        return "other_type"
    return HashedPhoto(declared_sha256, len(body), found, now)


def type_of(body: bytes) -> PhotoType | None:
    """Return the media type of a photo, from its bytes; None if they are not a photo of one of the types.

    The parts of the file are followed as its format says, up to the picture. So a page or a program that only begins as
    a photo does is none. What follows the end of the picture is not looked at, because cameras add to it.
    """
    return next((name for name, is_one in _CHECKS.items() if is_one(body)), None)


def _is_png(body: bytes) -> bool:
    """Return whether the chunks of a PNG file are complete: a header first, then data, and an end."""
    place, has_data = len(_PNG), False
    while body.startswith(_PNG) and len(header := body[place : place + 8]) == 8:  # noqa: PLR2004 - the length and the name of a chunk
        length, name = int.from_bytes(header[:4], "big"), header[4:]
        if (place == len(_PNG)) != (name == b"IHDR") or not name.isalpha():
            return False
        has_data = has_data or name == b"IDAT"
        place += 12 + length
        if name == b"IEND":
            return has_data and place <= len(body)
    return False


def _is_jpeg(body: bytes) -> bool:
    """Return whether the segments of a JPEG file lead to a picture that has a size, a scan and an end."""
    place, has_frame = len(_JPEG), False
    for _ in range(_MOST_SEGMENTS if body.startswith(_JPEG) else 0):
        mark, kind = body[place : place + 2] if place + 4 <= len(body) else (0, 0)
        length = int.from_bytes(body[place + 2 : place + 4], "big")
        if mark != _MARK or kind < _FIRST_SEGMENT or kind in _WITHOUT_LENGTH or length < _OWN_BYTES:
            return False
        place += 2 + length
        if kind == _SCAN:
            return has_frame and body.find(_END_OF_PICTURE, place) >= 0
        has_frame = has_frame or kind in _FRAMES
    return False


def _is_webp(body: bytes) -> bool:
    """Return whether a RIFF file is a WebP picture, and is as long as it says."""
    is_riff = body[:4] == b"RIFF" and body[8:12] == b"WEBP"
    length = 8 + int.from_bytes(body[4:8], "little")
    chunk = int.from_bytes(body[16:20], "little")
    return is_riff and body[12:16] in (b"VP8 ", b"VP8L", b"VP8X") and 20 + chunk <= length <= len(body)


_CHECKS: Mapping[PhotoType, Callable[[bytes], bool]] = {
    "image/jpeg": _is_jpeg,
    "image/png": _is_png,
    "image/webp": _is_webp,
}
