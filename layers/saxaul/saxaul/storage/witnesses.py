"""Sends checkpoints to witnesses (C2SP tlog-witness), with botocore's HTTP session.

A witness belongs to somebody else. So its answer may be late, long or anything: each request takes bounded time, and
of an answer only its first bytes are read.
"""

import os
from functools import cache
from time import monotonic
from typing import Any, NamedTuple

from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.exceptions import BotoCoreError, HTTPClientError
from botocore.httpsession import URLLib3Session
from urllib3.exceptions import HTTPError

LONGEST_REQUEST = 4.0
"""The seconds after which no more of an answer is read. So a request takes at most 10: a connection and two reads."""

MAX_ANSWER = 16 * 1024
"""The most bytes of an answer. A cosignature has about 200."""

_CONNECT_SECONDS = 2
_PIECE = 4 * 1024


class WitnessUnreachableError(Exception):
    """A witness cannot be reached, or did not answer in time."""


class WitnessAnswer(NamedTuple):
    """What a witness answered: the HTTP status, and the body, cut at MAX_ANSWER bytes."""

    status: int
    body: bytes


def add_checkpoint(url: str, body: str) -> WitnessAnswer:
    """Send a checkpoint to the witness at ``url``. Redirections are not followed.

    Raises:
        WitnessUnreachableError: there was no answer in time, or the connection would not be encrypted.
    """
    if not url.startswith("https://") and not os.environ.get("AWS_ENDPOINT_URL"):
        raise WitnessUnreachableError("only a laptop stack may use http")
    request = AWSRequest(
        "POST",
        f"{url.rstrip('/')}/add-checkpoint",
        {"Content-Type": "text/plain; charset=utf-8", "User-Agent": "saxaul"},
        body.encode(),
        stream_output=True,
    )
    try:
        ends = monotonic() + LONGEST_REQUEST
        response: AWSResponse = _session().send(request.prepare())
        return WitnessAnswer(response.status_code, _beginning(response.raw, ends))
    except (BotoCoreError, HTTPClientError, HTTPError, OSError) as error:
        raise WitnessUnreachableError(type(error).__name__) from error


def _beginning(raw: Any, ends: float) -> bytes:  # noqa: ANN401 - a response of urllib3
    pieces, size = list[bytes](), 0
    while size < MAX_ANSWER and (piece := raw.read1(_PIECE)):
        pieces.append(piece)
        size += len(piece)
        if monotonic() > ends:
            raw.close()
            raise TimeoutError
    raw.close()
    return b"".join(pieces)[:MAX_ANSWER]


@cache
def _session() -> URLLib3Session:
    return URLLib3Session(timeout=(_CONNECT_SECONDS, LONGEST_REQUEST))  # type: ignore[arg-type] # both timeouts
