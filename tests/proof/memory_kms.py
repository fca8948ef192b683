"""KMS in memory, with one Ed25519 signing key."""

from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_MOST_BYTES = 4096


class MemoryKMS:
    """The part of a KMS client that storage uses. ``signed`` has each message that it signed."""

    def __init__(self) -> None:
        self.signed: list[bytes] = []

    @cached_property
    def private_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.generate()

    def get_public_key(self, KeyId: str) -> dict[str, Any]:  # noqa: N803 - as boto3 names them
        assert KeyId
        return {
            "PublicKey": self.private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        }

    def sign(self, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> dict[str, Any]:  # noqa: N803
        assert KeyId
        assert (MessageType, SigningAlgorithm) == ("RAW", "ED25519_SHA_512")
        assert 1 <= len(Message) <= _MOST_BYTES, "KMS signs at most 4,096 bytes"
        self.signed.append(Message)
        return {"Signature": self.private_key.sign(Message)}
