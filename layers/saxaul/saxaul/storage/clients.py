"""The AWS clients. Each is created once, when it is first needed."""

import os
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

CONNECT_SECONDS = 1
READ_SECONDS = 2
CALL_ATTEMPTS = 3
LONGEST_CALL = CALL_ATTEMPTS * (CONNECT_SECONDS + READ_SECONDS) + sum(2**retry for retry in range(CALL_ATTEMPTS - 1))
"""The longest time that an AWS call takes, in seconds, if every attempt hangs. botocore's standard mode makes three
attempts, with pauses of up to 1 and 2 seconds. No function may time out earlier; a test of the template checks this."""

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": CALL_ATTEMPTS},
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    max_pool_connections=16,  # accrual makes 8 writes at once; the others are spare
)


@cache
def dynamodb() -> "DynamoDBClient":
    return boto3.client("dynamodb", config=_CONFIG)


@cache
def sqs() -> "SQSClient":
    return boto3.client("sqs", config=_CONFIG)


@cache
def s3() -> "S3Client":
    """Return a client whose presigned links use the bucket's own host name in its region.

    The global host name would redirect to the regional one, where the signature is invalid. An endpoint that is not
    AWS's, such as the laptop stack's, has no host name for each bucket, so there the link has the bucket in its path.
    """
    in_host = Config(s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"})
    in_path = Config(s3={"addressing_style": "path"})
    place = in_path if os.environ.get("AWS_ENDPOINT_URL") else in_host
    return boto3.client("s3", config=_CONFIG.merge(Config(signature_version="s3v4")).merge(place))


@cache
def eventbridge() -> "EventBridgeClient":
    return boto3.client("events", config=_CONFIG)


@cache
def kms() -> "KMSClient":
    return boto3.client("kms", config=_CONFIG)
