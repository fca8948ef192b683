"""Checks the signatures of the log.

This is the only module that needs ``cryptography``: the Lambda functions sign with KMS and check no signatures.
"""

import hashlib
from collections.abc import Iterator

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from saxaul.log.ecdsa import is_canonical, with_low_s
from saxaul.log.entries import Header
from saxaul.log.parsing import MAX_KEY_FILE, IncompleteError, RefusedError

_BEGIN, _END = b"-----BEGIN PUBLIC KEY-----", b"-----END PUBLIC KEY-----"


class Keys:
    """The public keys of the log, by ``key_id``."""

    def __init__(self, pem: bytes) -> None:
        """Read every public key of a PEM file.

        Raises:
            IncompleteError: the file has no public key.
            RefusedError: the file is too large, or a key in it cannot be read or is not a P-256 key.
        """
        if len(pem) > MAX_KEY_FILE:
            raise RefusedError(f"the key file is larger than {MAX_KEY_FILE // 1024} KB")
        self._keys: dict[str, EllipticCurvePublicKey] = {}
        for block in _blocks(pem):
            try:
                key = load_pem_public_key(block)
            except (ValueError, UnsupportedAlgorithm):
                raise RefusedError("the key file holds a block that is not a public key") from None
            if not (isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)):
                raise RefusedError("the key file holds a key that is not an ECDSA key on P-256")
            name = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
            self._keys[name] = key
        if not self._keys:
            raise IncompleteError("the key file holds no public key: fetch GET /log/key")

    def check(self, header: Header, *, is_committed_to: bool = False) -> None:
        """Check the signature of a header.

        A signature must be in canonical form (:mod:`saxaul.log.ecdsa`). There is one exception: if ``is_committed_to``
        is true, the signature may have the higher of the two valid values of s. In this case, a later entry contains a
        hash of the signature, so nobody can replace the signature with its other form.

        Raises:
            RefusedError: none of the keys signed this header, or the signature is not in canonical form.
        """
        key = self._keys.get(header.key_id)
        if key is None:
            raise RefusedError(f"entry {header.sequence} is signed with a key that is not in the key file")
        try:
            signature = bytes.fromhex(header.signature)
            with_low_s(signature)  # raises ValueError if it is not strict DER
            key.verify(signature, header.signed_bytes, ECDSA(SHA256()))
        except (ValueError, InvalidSignature):
            signature = b""
        if signature.hex() != header.signature or not signature:
            raise RefusedError(f"the signature of entry {header.sequence} is not valid")
        if not (is_committed_to or is_canonical(signature)):
            raise RefusedError(
                f"the signature of entry {header.sequence} is not in canonical form, and no later entry commits to it"
            )


def _blocks(pem: bytes) -> Iterator[bytes]:
    """Yield each public key of a PEM file, from its first line to its last. The time is linear in the file's size."""
    start = pem.find(_BEGIN)
    while start >= 0 and (end := pem.find(_END, start)) >= 0:
        yield pem[start : end + len(_END)] + b"\n"
        start = pem.find(_BEGIN, end)
