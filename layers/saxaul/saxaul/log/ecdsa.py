"""The canonical form of an ECDSA signature on P-256: strict DER, with the lower of the two valid values of s.

An ECDSA signature is a pair of numbers (r, s). If (r, s) is valid, then (r, n - s) is valid too, and anyone can compute
it without the key. Some libraries also read more than one DER encoding of a number. The service therefore writes only
the canonical form. The verifier accepts no other form, with one exception: if a later log entry commits to the
signature, s may be the higher value.
"""

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order n of the curve's group (FIPS 186-5, P-256)."""

_SEQUENCE, _INTEGER = 0x30, 0x02
_LONGEST = 72
"""The most bytes of a signature. In a signature of at most this size, each length is stored in one byte."""


def with_low_s(signature: bytes) -> bytes:
    """Return the canonical form of a signature.

    Raises:
        ValueError: the signature is not the strict DER of two numbers from 1 to n - 1.
    """
    r, s = _numbers_in(signature)
    return _der(r, min(s, ORDER - s))


def is_canonical(signature: bytes) -> bool:
    """Return whether a signature is in canonical form."""
    try:
        return with_low_s(signature) == signature
    except ValueError:
        return False


def _numbers_in(signature: bytes) -> tuple[int, int]:
    # The layout is: SEQUENCE tag, length, INTEGER tag, length of r, r, INTEGER tag, length of s, s. So byte 3 is the
    # length of r, and r begins at byte 4. Encoding r and s again, below, detects any other layout.
    if len(signature) > _LONGEST:
        raise ValueError("the signature is too long")
    split = 4 + signature[3] if len(signature) > 3 else 0  # noqa: PLR2004 - byte 3 must exist
    r, s = (int.from_bytes(part, "big") for part in (signature[4:split], signature[split + 2 :]))
    if not (0 < r < ORDER and 0 < s < ORDER) or _der(r, s) != signature:
        raise ValueError("the signature is not strict DER of two numbers below the order of P-256")
    return r, s


def _der(r: int, s: int) -> bytes:
    body = b"".join(_integer(number) for number in (r, s))
    return bytes([_SEQUENCE, len(body)]) + body


def _integer(number: int) -> bytes:
    """Return the DER of a positive number: the fewest bytes that hold the number with a leading zero bit."""
    digits = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return bytes([_INTEGER, len(digits)]) + digits
