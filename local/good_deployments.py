"""Records each deployment of a stack that passed the check of its functions, so that `make rollback` finds it.

A record has the template as it was deployed, and the parameters. The code is not in it: the template names the objects
that `sam deploy` has uploaded, and their bucket keeps them. The record is in the same bucket. So every machine that may
deploy the stack finds it, and on the laptop it goes with the stack.
"""

import json
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import boto3
from pydantic import TypeAdapter

from local.deployed import PROJECT, PROJECT_TAG, found_stack, parameters_of
from local.sam import ROOT

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef
    from mypy_boto3_s3 import S3Client

KEPT: Final = 10
"""How many records of a stack are kept."""

_BUCKET = re.compile(r"\bs3://([a-z0-9.-]+)/")


class RecordError(Exception):
    """A deployment cannot be recorded. The message is a clause."""


class GoodDeployment(NamedTuple):
    """A deployment whose functions have all answered.

    Attributes:
        checked_at: when they did, such as ``2027-06-05T01:00:00Z``.
        release: the commit of the code, and whether it had changes; "unknown" outside of Git.
        template: the template with the addresses of the uploaded code.
        parameters: the values of all parameters.
    """

    checked_at: str
    release: str
    template: str
    parameters: Mapping[str, str]

    def is_same_as(self, other: "GoodDeployment") -> bool:
        """Return whether a deployment of the other one would change nothing."""
        return (self.template, self.parameters) == (other.template, other.parameters)


_RECORD = TypeAdapter(GoodDeployment)


class GoodDeployments:
    """The records of one stack.

    ``unreadable`` has the keys of records that were found and could not be read: they are damaged, or of a release that
    has other fields. They are left out, so that they stop neither a deployment nor a rollback.
    """

    def __init__(self, stack: str, client_arguments: Mapping[str, Any]) -> None:
        self.unreadable: set[str] = set()
        self._stack = stack
        self._client_arguments = client_arguments

    def current(self, release: str = "") -> GoodDeployment | None:
        """Return what is deployed now, as a record of this moment. None if the stack does not exist.

        Raises:
            ClientError, BotoCoreError: an AWS call was refused, or AWS could not be reached.
        """
        found = self._found()
        if found is None:
            return None
        body: object = self._cloudformation.get_template(StackName=self._stack, TemplateStage="Original")[
            "TemplateBody"
        ]
        template = body if isinstance(body, str) else json.dumps(body)
        return GoodDeployment(now(), release, template, parameters_of(found))

    def record(self) -> GoodDeployment:
        """Record what is deployed now, unless the newest record is the same. Forget the oldest of too many records.

        Raises:
            RecordError: the stack does not exist, or its template names no uploaded code.
            ClientError, BotoCoreError: an AWS call was refused, or AWS could not be reached.
        """
        current = self.current(release_here())
        if current is None:
            raise RecordError(f"there is no stack {self._stack}")
        bucket, known = self._bucket_of(current), self.all()
        if known and known[-1].is_same_as(current):
            return known[-1]
        text = json.dumps(current._asdict())
        self._s3.put_object(Bucket=bucket, Key=f"{self._prefix}{current.checked_at}.json", Body=text.encode())
        for old in known[: max(0, len(known) + 1 - KEPT)]:
            self._s3.delete_object(Bucket=bucket, Key=f"{self._prefix}{old.checked_at}.json")
        return current

    def all(self) -> list[GoodDeployment]:
        """Return the recorded deployments, oldest first. The list is empty if the stack does not exist.

        Raises:
            ClientError, BotoCoreError: an AWS call was refused, or AWS could not be reached.
        """
        current = self.current()
        if current is None or not _BUCKET.search(current.template):
            return []
        bucket = self._bucket_of(current)
        listed = self._s3.list_objects_v2(Bucket=bucket, Prefix=self._prefix).get("Contents", [])
        found = []
        for key in sorted(entry["Key"] for entry in listed):
            body = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            try:
                found.append(_parsed(body))
            except (ValueError, LookupError, TypeError):
                self.unreadable.add(key)
        return found

    def status(self) -> str:
        """Return CloudFormation's status of the stack, such as ``UPDATE_COMPLETE``; empty if it does not exist."""
        found = self._found()
        return found["StackStatus"] if found else ""

    def stack_id(self) -> str:
        """Return the id of the stack, which no other stack of its name has; empty if it does not exist."""
        found = self._found()
        return found["StackId"] if found else ""

    def is_of_project(self) -> bool:
        """Return whether the stack has the tag that every deployment of this project gives to it."""
        found = self._found()
        return found is not None and {"Key": PROJECT_TAG, "Value": PROJECT} in found.get("Tags", [])

    def _found(self) -> "StackTypeDef | None":
        return found_stack(self._cloudformation, self._stack)

    def _bucket_of(self, deployment: GoodDeployment) -> str:
        found = _BUCKET.search(deployment.template)
        if not found:
            raise RecordError(f"the template of {self._stack} names no uploaded code")
        return found[1]

    @property
    def _prefix(self) -> str:
        return records_of(self._stack)

    @cached_property
    def _cloudformation(self) -> "CloudFormationClient":
        return boto3.client("cloudformation", **self._client_arguments)

    @cached_property
    def _s3(self) -> "S3Client":
        return boto3.client("s3", **self._client_arguments)


def records_of(stack: str) -> str:
    """Return below what the records of a stack are, in the bucket of its code."""
    return f"saxaul-deployments/{stack}/"


def _parsed(body: bytes) -> GoodDeployment:
    """Return a record. A later release may have written more fields, which are ignored."""
    read = json.loads(body)
    return _RECORD.validate_python({name: read[name] for name in GoodDeployment._fields})


def now() -> str:
    """Return the time of this machine, such as ``2027-06-05T01:00:00Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def release_here() -> str:
    """Return the commit of this folder, and whether files of it have changed since."""
    asked = [["rev-parse", "--short=10", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]]
    try:
        commit, changed = (
            subprocess.run(["git", *one], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
            for one in asked
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit} with changes" if changed else commit
