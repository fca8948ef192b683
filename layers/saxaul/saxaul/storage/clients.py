"""The AWS clients, each made once and when first needed."""

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
"""Seconds that a call takes at most when every attempt hangs: botocore's standard mode pauses for up to 1 and 2 seconds
between three attempts. No function may time out before that; the template's test holds them to it."""

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": CALL_ATTEMPTS},
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    max_pool_connections=16,  # as many as accrual writes at once, and some
)


@cache
def dynamodb() -> "DynamoDBClient":
    return boto3.client("dynamodb", config=_CONFIG)


@cache
def sqs() -> "SQSClient":
    return boto3.client("sqs", config=_CONFIG)


@cache
def s3() -> "S3Client":
    """A client whose links name the bucket's own host in its region.

    The global host redirects to the region, and the signature does not hold there. An endpoint other than AWS's, as a
    laptop stack has, knows no host for each bucket, so there the bucket is in the path.
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
