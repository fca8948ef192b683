"""Exports that are too long for a response, as files in their private bucket: ``exports/<name>/<sha256>.jsonl``.

``<name>`` is the name of the mark of the person (erasures.py), so a key does not name the person. A file expires after
a day, and an erasure of the person deletes it. Its name is the hash of its bytes, so it is safe to write it again.
"""

from hashlib import sha256
from typing import NamedTuple

from saxaul.deadline import DEADLINE
from saxaul.storage.clients import s3
from saxaul.storage.objects import write_object

EXPORT_LINK_SECONDS = 900
"""How many seconds a link to a file is valid."""

EXPORT_PREFIX = "exports/"

_PATIENCE = 3.0
"""The most seconds that a request waits to connect to S3, to send a file, and to be answered, each."""

_LONGEST_PUT = 3 * _PATIENCE + 1.0
"""How many seconds must be left to write a file, and to answer the request."""

_HEADERS = {"Content-Type": "application/jsonl", "Cache-Control": "no-store"}


class ExportLink(NamedTuple):
    """A link that downloads an export without a token, and when it expires, in seconds since 1970."""

    url: str
    expires_at: int


class Exports:
    """The bucket of exports."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def put(self, name: str, content: bytes, now: int) -> ExportLink:
        """Write a file, and return a link to it.

        Raises:
            OutOfTimeError: there may be too little time left for that. Nothing was written.
            ObjectError: S3 cannot be reached, fails or is slow. The file may have been written.
        """
        DEADLINE.require(_LONGEST_PUT)
        key = f"{EXPORT_PREFIX}{name}/{sha256(content).hexdigest()}.jsonl"
        write_object(self._bucket, key, content, headers=_HEADERS, patience=_PATIENCE)
        wanted = {"Bucket": self._bucket, "Key": key}
        url = s3().generate_presigned_url("get_object", Params=wanted, ExpiresIn=EXPORT_LINK_SECONDS)
        return ExportLink(url, now + EXPORT_LINK_SECONDS)

    def delete_all(self, name: str) -> None:
        """Delete all files of a person. It is safe to repeat this."""
        while found := s3().list_objects_v2(Bucket=self._bucket, Prefix=f"{EXPORT_PREFIX}{name}/").get("Contents", []):
            for each in found:
                s3().delete_object(Bucket=self._bucket, Key=each["Key"])
