"""KMS in memory, with one P-256 signing key."""

from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_MOST_BYTES = 4096


class MemoryKMS:
    """The part of a KMS client that storage uses."""

    @cached_property
    def private_key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    def get_public_key(self, KeyId: str) -> dict[str, Any]:  # noqa: N803 - as boto3 names them
        assert KeyId
        der = self.private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return {"PublicKey": der}

    def sign(self, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> dict[str, Any]:  # noqa: N803
        assert KeyId
        assert (MessageType, SigningAlgorithm) == ("RAW", "ECDSA_SHA_256")
        assert 1 <= len(Message) <= _MOST_BYTES, "KMS signs at most 4,096 bytes"
        return {"Signature": self.private_key.sign(Message, ec.ECDSA(hashes.SHA256()))}
