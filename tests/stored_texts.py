"""Finds every text in what is stored, so that a test can search for what must not be there."""

import gzip
import zlib
from collections.abc import Iterator
from typing import Any

from saxaul.storage.periods import decompressed


def texts_in(value: Any) -> Iterator[str]:  # noqa: ANN401 - any part of an item
    """Yield each text at any depth, also in compressed bytes."""
    match value:
        case dict():
            for name, part in value.items():
                yield name
                yield from texts_in(part)
        case list() | tuple() | set():
            for part in value:
                yield from texts_in(part)
        case bytes():
            yield unpacked(value).decode(errors="replace")
        case _:
            yield str(value)


def unpacked(content: bytes) -> bytes:
    for unpack in (gzip.decompress, zlib.decompress, decompressed):
        try:
            return unpack(content)
        except (OSError, EOFError, zlib.error):
            continue
    return content
