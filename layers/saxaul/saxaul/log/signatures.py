"""The log's signatures. The one module that needs ``cryptography``: the functions sign with KMS and check nothing."""

import hashlib
import re

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from saxaul.log.ecdsa import has_one_form, with_low_s
from saxaul.log.entries import Header
from saxaul.log.parsing import IncompleteError, RefusedError

_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----\r?\n?", re.DOTALL)


class Keys:
    """The published keys, each under the name that the log has for it."""

    def __init__(self, pem: bytes) -> None:
        """Take every public key of a PEM file.

        Raises:
            IncompleteError: there is none.
            RefusedError: there is one that is no P-256 key.
        """
        self._keys: dict[str, EllipticCurvePublicKey] = {}
        for block in _PEM.findall(pem):
            try:
                key = load_pem_public_key(block)
            except (ValueError, UnsupportedAlgorithm):
                raise RefusedError("the key file holds something that is no public key") from None
            if not (isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)):
                raise RefusedError("the key file holds a key of another kind than ECDSA on P-256")
            name = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
            self._keys[name] = key
        if not self._keys:
            raise IncompleteError("the key file holds no public key: fetch GET /log/key")

    def check(self, header: Header, *, is_committed_to: bool = False) -> None:
        """Check the signature of a header.

        A signature of any form but the one of :mod:`saxaul.log.ecdsa` is taken only where ``is_committed_to`` says
        that a later entry commits to it, so that there it has one form too.

        Raises:
            RefusedError: it is not one of these keys' signature of this header, or not in its one form.
        """
        key = self._keys.get(header.key_id)
        if key is None:
            raise RefusedError(f"entry {header.sequence} is signed with a key that is not the published one")
        try:
            signature = bytes.fromhex(header.signature)
            with_low_s(signature)  # raises where it is not strict DER
            key.verify(signature, header.signed_bytes, ECDSA(SHA256()))
        except (ValueError, InvalidSignature):
            signature = b""
        if signature.hex() != header.signature or not signature:
            raise RefusedError(f"the signature of entry {header.sequence} does not hold")
        if not (is_committed_to or has_one_form(signature)):
            raise RefusedError(
                f"the signature of entry {header.sequence} is not in its one form, and no entry commits to it"
            )
