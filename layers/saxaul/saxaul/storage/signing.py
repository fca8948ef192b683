"""The key that signs the log. The private key is in KMS and never leaves it."""

import base64
import hashlib
import textwrap
from functools import cached_property

from saxaul.log.ecdsa import with_low_s
from saxaul.storage.clients import kms


class SigningKey:
    """An asymmetric KMS key on the curve P-256."""

    def __init__(self, key_arn: str) -> None:
        self._key_arn = key_arn

    @cached_property
    def public_key(self) -> bytes:
        """The public key, as DER (SubjectPublicKeyInfo). It can be cached: a key's ARN always means the same key."""
        return kms().get_public_key(KeyId=self._key_arn)["PublicKey"]

    @property
    def key_id(self) -> str:
        """The identifier of this key in the log: the SHA-256 of the public key's DER, in hexadecimal."""
        return hashlib.sha256(self.public_key).hexdigest()

    @property
    def pem(self) -> str:
        """The public key as it is published, in PEM (RFC 7468)."""
        lines = textwrap.wrap(base64.b64encode(self.public_key).decode(), 64)
        return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])

    def sign(self, message: bytes) -> bytes:
        """Sign a message with ECDSA and SHA-256, and return the signature as DER.

        An ECDSA signature is a pair (r, s), and two values of s are valid. KMS may use either; this method returns the
        signature with the lower one. KMS accepts messages of up to 4,096 bytes. The header of a log entry is never
        longer.
        """
        answer = kms().sign(KeyId=self._key_arn, Message=message, MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256")
        return with_low_s(answer["Signature"])
