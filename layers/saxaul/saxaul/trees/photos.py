"""Photos of trees. A photo is known by the SHA-256 of its bytes, and is public for good once Saxaul has hashed them."""

from typing import NamedTuple


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
