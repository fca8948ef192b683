"""Remembers what is to be deleted of a stack, so that a deletion that was stopped anywhere can go on.

CloudFormation forgets a stack when it has deleted it, but the tables, the buckets, the pool and the key remain. So
their names are written before: to a file here, and to the bucket of artefacts, where another machine finds them.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import boto3
from botocore.exceptions import ClientError

from local.deployment import artefacts_of
from local.sam import write_private
from local.target import Target, file_of_deletion

_SAM_STACK: Final = "aws-sam-cli-managed-default"
"""The stack with the bucket that sam makes in each region of an account."""

_MISSING = ("NoSuchKey", "NoSuchBucket", "404")


class Resource(NamedTuple):
    """Something of a stack: its type in CloudFormation, and the name, id or ARN by which AWS knows it."""

    kind: str
    name: str


class Deletion(NamedTuple):
    """A deletion that was confirmed.

    Attributes:
        stack, region, account: which stack it is about.
        stage: what the stack was for.
        resources: what CloudFormation does not delete, or not surely.
    """

    stack: str
    region: str
    account: str
    stage: str
    resources: tuple[Resource, ...]

    def with_all_of(self, earlier: "Deletion | None") -> "Deletion":
        """Return one that also has what an earlier deletion had still to do."""
        more = earlier.resources if earlier else ()
        return self._replace(resources=tuple(dict.fromkeys([*self.resources, *more])))


def unfinished(stack: str) -> bool:
    """Return whether a deletion of the stack was begun on this machine, and has not ended."""
    return file_of_deletion(stack).exists()


def remember(target: Target, deletion: Deletion) -> None:
    """Write what is to be deleted. The file is written first: who cannot write to the bucket goes on from here."""
    where = {"endpoint_url": target.endpoint, "profile": target.profile}
    document = {**deletion._asdict(), **where, "resources": [list(one) for one in deletion.resources]}
    write_private(file_of_deletion(target.name), document)
    if bucket := bucket_of_artefacts(target):
        s3 = boto3.client("s3", **target.client_arguments)
        s3.put_object(Bucket=bucket, Key=_key(target), Body=json.dumps(document).encode())


def recall(target: Target) -> Deletion | None:
    """Return what was to be deleted of a stack; None if nothing was, or if all of it is."""
    try:
        return _parsed(json.loads(file_of_deletion(target.name).read_text("utf-8")))
    except (OSError, ValueError, LookupError, TypeError):
        pass
    bucket = bucket_of_artefacts(target)
    if bucket is None:
        return None
    s3 = boto3.client("s3", **target.client_arguments)
    try:
        return _parsed(json.loads(s3.get_object(Bucket=bucket, Key=_key(target))["Body"].read()))
    except ClientError as error:
        if error.response["Error"].get("Code") in _MISSING:
            return None
        raise


def forget(target: Target) -> None:
    """Forget a deletion that has ended. The file is deleted last, so that a stop in between is repeated."""
    if bucket := bucket_of_artefacts(target):
        boto3.client("s3", **target.client_arguments).delete_object(Bucket=bucket, Key=_key(target))
    file_of_deletion(target.name).unlink(missing_ok=True)


def bucket_of_artefacts(target: Target) -> str | None:
    """Return the bucket to which sam uploads the code of the region's stacks; None if it does not exist yet."""
    if target.endpoint:
        s3, name = boto3.client("s3", **target.client_arguments), artefacts_of(target.region)
        return name if name in {bucket.get("Name") for bucket in s3.list_buckets()["Buckets"]} else None
    cloudformation = boto3.client("cloudformation", **target.client_arguments)
    try:
        [found] = cloudformation.describe_stacks(StackName=_SAM_STACK)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"].get("Message", ""):
            return None
        raise
    named = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    return named.get("SourceBucket")


def _key(target: Target) -> str:
    return f"saxaul-deletions/{target.region}/{target.name}.json"


def _parsed(document: Mapping[str, Any]) -> Deletion:
    resources = tuple(Resource(*map(str, one)) for one in document["resources"])
    texts = {name: str(document[name]) for name in ("stack", "region", "account", "stage")}
    return Deletion(**texts, resources=resources)
