"""The AWS clients. Each is created once, when it is first needed.

They are those of boto3, but made by botocore, on which boto3 is built: importing boto3 also imports its file transfers
for S3, which no function uses.
"""

import os
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ConnectionError as UnreachableError
from botocore.exceptions import HTTPClientError
from botocore.session import Session, get_session

from saxaul.deadline import DEADLINE, NoTimeToRepeatError, OutOfTimeError, UnansweredError
from saxaul.storage.wire import use_plain_json

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

CONNECT_SECONDS = 1
READ_SECONDS = 2
CALL_ATTEMPTS = 3
LONGEST_CALL = CALL_ATTEMPTS * (CONNECT_SECONDS + READ_SECONDS) + sum(2**retry for retry in range(CALL_ATTEMPTS - 1))
"""The most seconds that an AWS call can take, if every attempt times out. botocore's standard mode makes three
attempts, with pauses of up to 1 and 2 seconds between them. A test checks that no function's timeout is shorter."""

LONGEST_ATTEMPT = CONNECT_SECONDS + READ_SECONDS + 2 ** (CALL_ATTEMPTS - 2)
"""The most seconds that one attempt and the pause after it can take."""

_ANSWER_SECONDS = 0.5
"""The time that is left for an error response after the last attempt."""

ONE_ATTEMPT = LONGEST_ATTEMPT + _ANSWER_SECONDS + 0.5
"""With a deadline of this many seconds, a call makes one attempt, or more if they begin within half a second."""

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": CALL_ATTEMPTS},
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    max_pool_connections=16,  # accrual makes 8 requests at once; the other connections are spare
    user_agent="saxaul",  # composing that of botocore takes a tenth of each call (decision 36)
)


@cache
def _session() -> Session:
    """Return the session that all clients share. Each session reads the list of AWS regions again."""
    return get_session()


_NO_ANSWER = (HTTPClientError, UnreachableError)
"""The errors of the network: a timeout, a refused connection, or one that ended without an answer."""

_LOST = "saxaul_lost"
"""The key, in the context of a call, of the error of an attempt that was not answered."""

_creating = Lock()
"""A session must not create clients in two threads. The preparation of a worker may run beside a request."""


def _client(service: str, config: Config = _CONFIG) -> Any:  # noqa: ANN401 - the callers know the type of their client
    with _creating:
        return _session().create_client(service, config=config)


@cache
def dynamodb() -> "DynamoDBClient":
    client: DynamoDBClient = _client("dynamodb")
    _watch_time(client)
    use_plain_json(client)
    return client


def credentials() -> "Credentials":
    """Return the credentials of this process, which botocore renews if they expire."""
    return dynamodb()._get_credentials()  # type: ignore[attr-defined, no-any-return] # noqa: SLF001 - a second session would look for them again


@cache
def sqs() -> "SQSClient":
    client: SQSClient = _client("sqs")
    _watch_time(client)
    return client


def _watch_time(client: "CognitoIdentityProviderClient | DynamoDBClient | KMSClient | SQSClient") -> None:
    client.meta.events.register("before-send", _require_time)
    client.meta.events.register("response-received", _note_lost_answer)
    client.meta.events.register("after-call-error", _translate_lost_answer)


def _require_time(**_: object) -> None:
    """Refuse an attempt of a call that might not end before the invocation does. botocore does not retry the error."""
    DEADLINE.require(LONGEST_ATTEMPT + _ANSWER_SECONDS)


def _note_lost_answer(exception: BaseException | None, context: dict[str, object], **_: object) -> None:
    """Note in the context of a call that an attempt was not answered, because the next attempt may be refused."""
    if isinstance(exception, _NO_ANSWER):
        context[_LOST] = repr(exception)


def _translate_lost_answer(exception: BaseException, context: dict[str, object], **_: object) -> None:
    """Translate the error of a call that was not answered, also if a further attempt was refused for lack of time."""
    if isinstance(exception, _NO_ANSWER):
        raise UnansweredError(repr(exception)) from exception
    if isinstance(exception, OutOfTimeError) and _LOST in context:
        raise NoTimeToRepeatError(context[_LOST]) from exception


@cache
def s3() -> "S3Client":
    """Return an S3 client whose presigned links use the host name of the bucket in its region.

    The global host name would redirect to the regional one, for which the signature is not valid. An emulator, such as
    that of the laptop stack, has one host name for all buckets, so links to an emulator have the bucket in the path.
    """
    host_style = Config(s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"})
    path_style = Config(s3={"addressing_style": "path"})
    addressing = path_style if os.environ.get("AWS_ENDPOINT_URL") else host_style
    config = _CONFIG.merge(Config(signature_version="s3v4")).merge(addressing)
    client: S3Client = _client("s3", config)
    return client


@cache
def eventbridge() -> "EventBridgeClient":
    client: EventBridgeClient = _client("events")
    return client


@cache
def kms() -> "KMSClient":
    client: KMSClient = _client("kms")
    _watch_time(client)
    return client


@cache
def cognito() -> "CognitoIdentityProviderClient":
    """Return a client of Cognito that makes one attempt of each call, because some calls must not be repeated.

    So it can wait for the answer as long as another call waits for an answer and pauses.
    """
    once = Config(retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=LONGEST_ATTEMPT - CONNECT_SECONDS)
    client: CognitoIdentityProviderClient = _client("cognito-idp", _CONFIG.merge(once))
    _watch_time(client)
    return client
