"""Reads and writes objects of S3, with botocore's signer and its HTTP session, and without boto3's client of S3.

Creating that client takes 40 to 90 ms of processor time, because of its large model and endpoint rules. Each cold start
would pay that. Here, the first request takes about 2 ms.
"""

import os
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from math import inf
from time import monotonic
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.exceptions import BotoCoreError, HTTPClientError
from botocore.httpsession import URLLib3Session
from urllib3.exceptions import HTTPError

from saxaul.deadline import DEADLINE, OutOfTimeError
from saxaul.races import LostRaceError
from saxaul.storage.clients import CONNECT_SECONDS, LONGEST_ATTEMPT, READ_SECONDS, credentials, dynamodb

LONGEST_OBJECT_READ = 4.0
"""The most seconds that a worker waits for an object. It is attempted once, and the caller then does without it."""

_WRITE_SECONDS = 20
"""How long a write of a worker may take to connect, to send, and to be answered, each."""

_LONGEST_FETCH = 15.0
"""The most seconds for an upload of a partner, which can be a hundred times as large as what an API call reads."""

_CODE = re.compile(rb"<Code>(\w{1,100})</Code>")
"""The code of an error in the body of S3, such as ``AccessDenied``. It says why a read was refused with 403."""

_PIECE = 1 << 18
"""How many bytes of an object are read at a time."""

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class ObjectError(Exception):
    """An object was not read or written: it is missing, access is denied, or S3 did not answer in time."""


class NoObjectError(ObjectError):
    """There is no such object, or access to it is denied.

    S3 does not tell these two apart if the function may not list the bucket: both are answered with 403.
    """


class _NotModifiedError(ObjectError):
    """The object still has the ``ETag`` of the condition."""


class ObjectMovedError(LostRaceError):
    """An object was not written, because it is no longer the one that the writer has read."""


class StoredObject(NamedTuple):
    """An object: its bytes, and what S3 says in headers: its ``ETag``, when it was written, and its media type."""

    body: bytes
    etag: str
    last_modified: str = ""
    media_type: str = ""

    @property
    def modified_at(self) -> int:
        """When the object was written, an instant in seconds. 0 if S3 did not say it."""
        return int(parsedate_to_datetime(self.last_modified).timestamp()) if self.last_modified else 0


def read_object(bucket: str, key: str) -> StoredObject:
    """Read an object, in at most ``LONGEST_OBJECT_READ`` seconds and one attempt.

    Raises:
        NoObjectError: there is no such object.
        ObjectError: S3 cannot be reached, fails or is slow, or too little time is left to read the table instead.
    """
    return _read(bucket, key, {})


def read_if_changed(bucket: str, key: str, known_etag: str) -> StoredObject | None:
    """Read an object like :func:`read_object`. Return None if it still has the ``ETag`` ``known_etag``.

    Raises:
        NoObjectError, ObjectError: as :func:`read_object` does.
    """
    try:
        return _read(bucket, key, {"If-None-Match": known_etag})
    except _NotModifiedError:
        return None


def _read(bucket: str, key: str, condition: Mapping[str, str]) -> StoredObject:
    try:
        DEADLINE.require(LONGEST_OBJECT_READ + LONGEST_ATTEMPT)
    except OutOfTimeError:
        raise ObjectError("too little time is left") from None
    status, found, body = _send("GET", bucket, key, condition, b"", LONGEST_OBJECT_READ)
    if status == HTTPStatus.NOT_MODIFIED:
        raise _NotModifiedError(f"{key}: {status}")
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN):
        code = _CODE.search(body)
        raise NoObjectError(f"{key}: {status} {code[1].decode() if code else ''}".rstrip())
    if status != HTTPStatus.OK:
        raise ObjectError(f"{key}: {status}")
    return StoredObject(body, found.get("ETag", ""), found.get("Last-Modified", ""))


def fetch_object(bucket: str, key: str, most: int) -> StoredObject | None:
    """Return an object, or its first ``most`` bytes or somewhat more if it is longer; None if there is none.

    The function must be allowed to list the bucket. Otherwise S3 answers 403 for a missing object, which is an error.

    Raises:
        ObjectError: S3 cannot be reached, fails or is slow, or refuses access.
    """
    status, found, body = _send("GET", bucket, key, {}, b"", _LONGEST_FETCH, most=most)
    if status == HTTPStatus.NOT_FOUND:
        return None
    if status != HTTPStatus.OK:
        raise ObjectError(f"{key}: {status}")
    media_type = found.get("Content-Type", "")
    return StoredObject(body, found.get("ETag", ""), found.get("Last-Modified", ""), media_type)


def delete_object(bucket: str, key: str) -> None:
    """Delete an object. If there is none, change nothing.

    Raises:
        ObjectError: S3 cannot be reached, fails or is slow, or refuses access.
    """
    status, _, _ = _send("DELETE", bucket, key, {}, b"", 2.0 * _WRITE_SECONDS)
    if status not in (HTTPStatus.NO_CONTENT, HTTPStatus.OK, HTTPStatus.NOT_FOUND):
        raise ObjectError(f"{key}: {status}")


def write_object(
    bucket: str,
    key: str,
    body: bytes,
    replaced_etag: str | None = None,
    headers: Mapping[str, str] = _NO_HEADERS,
    patience: float = _WRITE_SECONDS,
) -> str:
    """Write an object, and return its ``ETag``.

    If ``replaced_etag`` is an ``ETag``, write only if the object has it; if it is empty, only if there is no object. If
    it is None, write in any case. S3 keeps the ``headers``, such as ``Content-Type``, and sends them with the object.
    It may take ``patience`` seconds to connect to an address of S3, as many to send, and as many to be answered.

    Raises:
        ObjectMovedError: the condition is not met, or a concurrent write is in progress.
        ObjectError: S3 cannot be reached, fails or is slow. The object may have been written.
    """
    condition = {"If-Match": replaced_etag} if replaced_etag else {"If-None-Match": "*"}
    conditional = {} if replaced_etag is None else condition
    status, found, _ = _send("PUT", bucket, key, {**headers, **conditional}, body, 2.0 * patience)
    if status in (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND):
        raise ObjectMovedError(key)
    if status != HTTPStatus.OK:
        raise ObjectError(f"{key}: {status}")
    return found.get("ETag", "")


def _send(
    method: str,
    bucket: str,
    key: str,
    headers: Mapping[str, str],
    body: bytes,
    seconds: float,
    *,
    most: float = inf,
) -> tuple[int, Mapping[str, str], bytes]:
    """Send one signed request. Return the status, the headers and the body of the response.

    A read has the time-outs of each AWS call. Another request may take half of the ``seconds`` to connect, half to send
    and half to be answered. Of a body of more than ``most`` bytes, return these and at most ``_PIECE`` more.

    Raises:
        ObjectError: there was no complete response in this many seconds.
    """
    ends = monotonic() + seconds
    timeouts = (CONNECT_SECONDS, READ_SECONDS) if method == "GET" else (seconds / 2, seconds / 2)
    request = AWSRequest(method, object_address(bucket, key), dict(headers), body, stream_output=True)
    try:
        S3SigV4Auth(credentials().get_frozen_credentials(), "s3", dynamodb().meta.region_name).add_auth(request)
        response: AWSResponse = _session(timeouts).send(request.prepare())
        return response.status_code, response.headers, _content(response.raw, ends, most)
    except (BotoCoreError, HTTPClientError, HTTPError, OSError) as error:
        raise ObjectError(f"{key}: {error!r}") from error


def _content(raw: Any, ends: float, most: float) -> bytes:  # noqa: ANN401 - a response of urllib3
    pieces, size = [], 0
    for piece in raw.stream(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raw.close()
            break
        if monotonic() > ends:
            raw.close()
            raise TimeoutError
    return b"".join(pieces)


def object_address(bucket: str, key: str) -> str:
    """Return the URL of an object: at the emulator if there is one, or else at the bucket's own host in its region."""
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        return f"{endpoint.rstrip('/')}/{bucket}/{quote(key)}"
    # The end of the host name differs between the partitions of AWS, such as that of China. botocore knows it.
    return f"{dynamodb().meta.endpoint_url.replace('//dynamodb.', f'//{bucket}.s3.', 1)}/{quote(key)}"


@cache
def _session(timeouts: tuple[float, float]) -> URLLib3Session:
    """Return the session that connects in this many seconds and then waits so long for an answer.

    A socket's timeout for sending is that for connecting.
    """
    given: Any = timeouts  # which botocore passes on, and types as whole numbers
    return URLLib3Session(timeout=given)
