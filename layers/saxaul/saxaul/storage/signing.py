"""The key that signs the log. Its private half is in KMS and never leaves it."""

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
        """The public half, as DER (SubjectPublicKeyInfo). It never changes: another key has another ARN."""
        return kms().get_public_key(KeyId=self._key_arn)["PublicKey"]

    @property
    def key_id(self) -> str:
        """What the log calls this key: SHA-256 of the public half, in hexadecimal."""
        return hashlib.sha256(self.public_key).hexdigest()

    @property
    def pem(self) -> str:
        """The public half as it is published (RFC 7468)."""
        lines = textwrap.wrap(base64.b64encode(self.public_key).decode(), 64)
        return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])

    def sign(self, message: bytes) -> bytes:
        """ECDSA with SHA-256, as DER in its one form: KMS returns either value of s.

        KMS takes a message of up to 4,096 bytes, which no header of an entry exceeds.
        """
        answer = kms().sign(KeyId=self._key_arn, Message=message, MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256")
        return with_low_s(answer["Signature"])
