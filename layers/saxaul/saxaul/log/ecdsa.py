"""The one form of an ECDSA signature on P-256: strict DER, with the lower of the two values of s.

Whoever has a signature (r, s) can write (r, n - s) without the key, and that holds too. DER as some libraries read it
has more than one text for a number. So only one of these forms is taken, and the signer writes that one.
"""

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order n of the curve's group (FIPS 186-5, P-256)."""

_SEQUENCE, _INTEGER = 0x30, 0x02
_LONGEST = 72
"""Bytes of the longest signature; every length in it fits one byte."""


def with_low_s(signature: bytes) -> bytes:
    """The one form of a signature.

    Raises:
        ValueError: it is not the strict DER of a pair of numbers from 1 to n - 1.
    """
    r, s = _numbers_in(signature)
    return _der(r, min(s, ORDER - s))


def has_one_form(signature: bytes) -> bool:
    """Whether a signature is in its one form."""
    try:
        return with_low_s(signature) == signature
    except ValueError:
        return False


def _numbers_in(signature: bytes) -> tuple[int, int]:
    # In these few bytes an integer begins behind two others, and the second where the first ends.
    if len(signature) > _LONGEST:
        raise ValueError("the signature is too long")
    split = 4 + signature[3] if len(signature) > 3 else 0  # noqa: PLR2004 - behind two tags and two lengths
    r, s = (int.from_bytes(part, "big") for part in (signature[4:split], signature[split + 2 :]))
    if not (0 < r < ORDER and 0 < s < ORDER) or _der(r, s) != signature:
        raise ValueError("the signature is not strict DER of two numbers below the order of P-256")
    return r, s


def _der(r: int, s: int) -> bytes:
    body = b"".join(_integer(number) for number in (r, s))
    return bytes([_SEQUENCE, len(body)]) + body


def _integer(number: int) -> bytes:
    """DER of a positive number: as few bytes as hold it and a zero bit before it."""
    digits = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return bytes([_INTEGER, len(digits)]) + digits
