"""The key that signs the log. The private key is in KMS and never leaves it."""

from functools import cached_property

from botocore.exceptions import BotoCoreError, ClientError

from saxaul.deadline import OutOfTimeError, UnansweredError
from saxaul.storage.clients import kms

_DER_PREFIX = bytes.fromhex("302a300506032b6570032100")
"""What precedes the 32 bytes of an Ed25519 public key in its DER form, SubjectPublicKeyInfo (RFC 8410)."""

_KEY_BYTES = 32


_UNAVAILABLE = (BotoCoreError, ClientError, UnansweredError, OutOfTimeError)


class KeyUnavailableError(UnansweredError):
    """KMS refused a call, is throttled, or did not answer in time. The call can be repeated."""


class SigningKey:
    """An asymmetric KMS key on the curve Edwards25519."""

    def __init__(self, key_arn: str) -> None:
        self._key_arn = key_arn

    @cached_property
    def public_key(self) -> bytes:
        """The 32 bytes of the public key (RFC 8032). It can be cached: a key's ARN always means the same key.

        Raises:
            KeyUnavailableError: KMS did not tell it.
            ValueError: the key is not an Ed25519 key.
        """
        try:
            der = kms().get_public_key(KeyId=self._key_arn)["PublicKey"]
        except _UNAVAILABLE as error:
            raise KeyUnavailableError(repr(error)) from error
        if not der.startswith(_DER_PREFIX) or len(der) != len(_DER_PREFIX) + _KEY_BYTES:
            raise ValueError("the signing key of the log is not an Ed25519 key")
        return der[len(_DER_PREFIX) :]

    def sign(self, message: bytes) -> bytes:
        """Sign a message of up to 4,096 bytes with Ed25519, and return the 64 bytes of the signature.

        A checkpoint is never longer. The same message always gets the same signature.

        Raises:
            KeyUnavailableError: KMS did not sign it.
        """
        signing = {"KeyId": self._key_arn, "MessageType": "RAW", "SigningAlgorithm": "ED25519_SHA_512"}
        try:
            return kms().sign(Message=message, **signing)["Signature"]  # type: ignore[arg-type] # literals
        except _UNAVAILABLE as error:
            raise KeyUnavailableError(repr(error)) from error
