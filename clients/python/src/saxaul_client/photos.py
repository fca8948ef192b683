"""Photos before they are uploaded: their bytes, and how they are declared."""

from hashlib import sha256
from pathlib import Path

from saxaul_client.models import JsonObject

MAX_BYTES = 15_000_000
"""The most bytes of a photo."""


def bytes_of(photo: bytes | str | Path) -> bytes:
    """Return the bytes of a photo, given as they are or as the path of a file.

    Raises:
        ValueError: there are none, or too many.
        OSError: the file cannot be read.
    """
    if isinstance(photo, bytes):
        content = photo
    else:
        with Path(photo).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    if not 0 < len(content) <= MAX_BYTES:
        raise ValueError(f"a photo must have 1 to {MAX_BYTES:,} bytes")
    return content


def declaration(content: bytes) -> JsonObject:
    """Return what declares a photo: its SHA-256, its size and its type.

    Raises:
        ValueError: it does not begin as a JPEG, PNG or WebP file does.
    """
    return {"sha256": sha256(content).hexdigest(), "bytes": len(content), "type": _type(content)}


def _type(content: bytes) -> str:
    if content.startswith(b"\xff\xd8"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    raise ValueError("a photo must be a JPEG, PNG or WebP file")
