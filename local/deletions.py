"""Remembers what is to be deleted of a stack, so that a deletion that was stopped anywhere can go on.

CloudFormation forgets a stack when it has deleted it, but the tables, the buckets, the pool and the key remain. So
their names are written before: to a file here, and to the bucket of artefacts, where another machine finds them. Who
may not use that bucket so is told, and goes on with the file.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import boto3
from botocore.exceptions import ClientError

from local.console import console, shown
from local.deployed import found_stack
from local.deployment import artefacts_of
from local.failures import flat
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
        stack_id: which stack of that name it is; empty if CloudFormation had deleted it before.
    """

    stack: str
    region: str
    account: str
    stage: str
    resources: tuple[Resource, ...]
    stack_id: str = ""

    def with_all_of(self, earlier: "Deletion | None") -> "Deletion":
        """Return one that also has what an earlier deletion had still to do."""
        more = earlier.resources if earlier else ()
        return self._replace(resources=tuple(dict.fromkeys([*self.resources, *more])))


def remember(target: Target, deletion: Deletion) -> None:
    """Write what is to be deleted: to the file of this machine, and to the bucket if that is possible."""
    where = {"endpoint_url": target.endpoint, "profile": target.profile}
    document = {**deletion._asdict(), **where, "resources": [list(one) for one in deletion.resources]}
    write_private(file_of_deletion(target.name), document)
    with _telling("Other machines do not know that it is being deleted"):
        if bucket := bucket_of_artefacts(target):
            s3 = boto3.client("s3", **target.client_arguments)
            s3.put_object(Bucket=bucket, Key=_key(target), Body=json.dumps(document).encode())


def recall(target: Target) -> Deletion | None:
    """Return what was to be deleted of a stack; None if nothing was, or if all of it is.

    A note about another stack of that name is left out: another machine has ended that deletion, and deployed anew.
    """
    begun = _unless_of_another(_begun_here(target), target)
    if begun:
        return begun
    with _telling("It is not known whether another machine is deleting it"):
        return _unless_of_another(_begun_elsewhere(target), target)
    return None


def _unless_of_another(begun: Deletion | None, target: Target) -> Deletion | None:
    if begun is None or not begun.stack_id:
        return begun
    found = found_stack(boto3.client("cloudformation", **target.client_arguments), target.name)
    return begun if found is None or found["StackId"] == begun.stack_id else None


def _begun_here(target: Target) -> Deletion | None:
    try:
        return _parsed(json.loads(file_of_deletion(target.name).read_text("utf-8")), target)
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _begun_elsewhere(target: Target) -> Deletion | None:
    bucket = bucket_of_artefacts(target)
    if bucket is None:
        return None
    s3 = boto3.client("s3", **target.client_arguments)
    try:
        return _parsed(json.loads(s3.get_object(Bucket=bucket, Key=_key(target))["Body"].read()), target)
    except (ValueError, LookupError, TypeError):
        return None
    except ClientError as error:
        if error.response["Error"].get("Code") in _MISSING:
            return None
        raise


def forget(target: Target) -> None:
    """Forget a deletion that has ended. The file is deleted last, so that a stop in between is repeated."""
    with _telling("Other machines still believe that it is being deleted"):
        if bucket := bucket_of_artefacts(target):
            boto3.client("s3", **target.client_arguments).delete_object(Bucket=bucket, Key=_key(target))
    file_of_deletion(target.name).unlink(missing_ok=True)


def bucket_of_artefacts(target: Target) -> str | None:
    """Return the bucket to which sam uploads the code of the region's stacks; None if it does not exist yet."""
    if target.endpoint:
        s3, name = boto3.client("s3", **target.client_arguments), artefacts_of(target.region)
        return name if name in {bucket.get("Name") for bucket in s3.list_buckets()["Buckets"]} else None
    found = found_stack(boto3.client("cloudformation", **target.client_arguments), _SAM_STACK)
    outputs = found.get("Outputs", []) if found else []
    named = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    return named.get("SourceBucket")


@contextmanager
def _telling(what_follows: str) -> Iterator[None]:
    """Print one line if the bucket refuses a call, and go on."""
    try:
        yield
    except ClientError as error:
        console.print(
            f"[yellow]![/] {shown(what_follows)}, because the bucket of its code refused a call: {shown(flat(error))}"
        )


def _key(target: Target) -> str:
    return f"saxaul-deletions/{target.region}/{target.name}.json"


def _parsed(document: Mapping[str, Any], target: Target) -> Deletion:
    resources = tuple(Resource(*map(str, one)) for one in document["resources"])
    texts = {name: str(document[name]) for name in ("stack", "region", "account", "stage")}
    if (texts["stack"], texts["region"]) != (target.name, target.region):
        raise ValueError(f"it is about {texts['stack']} in {texts['region']}")
    return Deletion(**texts, resources=resources, stack_id=str(document.get("stack_id", "")))
