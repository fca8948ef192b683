"""Small photos of each type, and how a partner declares them."""

import struct
import zlib
from base64 import b64decode
from hashlib import sha256
from typing import Any

from saxaul.trees.photos import PhotoType, type_of


def png(grey: int = 0, *further: tuple[bytes, bytes]) -> bytes:
    """Return a picture of one pixel of this grey. ``further`` are chunks between its header and its data."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), *further, (b"IDAT", zlib.compress(bytes((0, grey)))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


JPEG = b64decode(
    "/9j/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8QEBEQCgwSExIQEw8QEBD/yQALCAABAAEBAREA"
    "/8wABgAQEAX/2gAIAQEAAD8A0s8g/9k="
)
WEBP = b64decode("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
PHOTO = png()


def declared(body: bytes, media_type: PhotoType | None = None) -> dict[str, Any]:
    """Return a photo as a partner declares it, with the type of its bytes unless another one is given."""
    return {"sha256": sha256(body).hexdigest(), "bytes": len(body), "type": media_type or type_of(body) or "image/png"}
