"""Finds what a stack has: what CloudFormation leaves when it deletes the stack, and what waits in its queues."""

from collections.abc import Iterator
from typing import Final

import boto3
from botocore.exceptions import ClientError

from local.deletions import Resource
from local.deployed import PROJECT, PROJECT_TAG, STAGE_TAG, stack_resources
from local.leftovers import Leftovers
from local.target import Target
from operations.dead_letter_queue import count_messages

_STACK_TAG: Final = "aws:cloudformation:stack-name"
"""AWS puts this tag on what a stack has made."""

_KINDS_BY_ARN: Final = {
    "dynamodb:table/": "AWS::DynamoDB::Table",
    "s3:": "AWS::S3::Bucket",
    "cognito-idp:userpool/": "AWS::Cognito::UserPool",
    "kms:key/": "AWS::KMS::Key",
    "logs:log-group:": "AWS::Logs::LogGroup",
    "backup:backup-vault:": "AWS::Backup::BackupVault",
}
"""How the ARN of a resource goes on after its account, for the kinds that a stack leaves behind."""


def kept_resources(target: Target) -> Iterator[Resource]:
    """Yield what CloudFormation does not delete with the stack, or may make again: old layers, and a log group."""
    leftovers = Leftovers(target.client_arguments)
    for one in stack_resources(boto3.client("cloudformation", **target.client_arguments), target.name):
        found = Resource(one["ResourceType"], one.get("PhysicalResourceId", ""))
        if found.name and one["ResourceStatus"] != "DELETE_COMPLETE" and leftovers.knows(found):
            yield found
        if found.name and found.kind == "AWS::Lambda::Function":
            yield from _layers_of(target, found.name)


def _layers_of(target: Target, function: str) -> Iterator[Resource]:
    """Yield the layers of all versions of a function: an update leaves the layers of earlier ones, if they are kept."""
    functions = boto3.client("lambda", **target.client_arguments)
    try:
        pages = list(functions.get_paginator("list_versions_by_function").paginate(FunctionName=function))
    except functions.exceptions.ResourceNotFoundException:
        return
    for page in pages:
        for version in page["Versions"]:
            yield from (Resource("AWS::Lambda::LayerVersion", layer["Arn"]) for layer in version.get("Layers", []))


def resources_by_tag(target: Target, stage: str) -> Iterator[Resource]:
    """Yield what the stack does not know any more, by the tags that AWS and `make deploy` put on it.

    It may be of an earlier stack of that name. AWS shows tags also of what is gone, which is left out, as is a key that
    KMS will delete.
    """
    leftovers = Leftovers(target.client_arguments)
    tagging = boto3.client("resourcegroupstaggingapi", **target.client_arguments)
    filters = [{"Key": key, "Values": [value]} for key, value in tags_of(target, stage).items()]
    for page in tagging.get_paginator("get_resources").paginate(TagFilters=filters):
        for one in page["ResourceTagMappingList"]:
            found = _of_arn(one["ResourceARN"])
            if found and leftovers.is_left(found):
                yield found


def _of_arn(arn: str) -> Resource | None:
    _, _, service, _, _, rest = arn.split(":", 5)
    for beginning, kind in _KINDS_BY_ARN.items():
        of_service, _, of_resource = beginning.partition(":")
        if service == of_service and rest.startswith(of_resource):
            return Resource(kind, rest.removeprefix(of_resource).removesuffix(":*"))
    return None


def tags_of(target: Target, stage: str) -> dict[str, str]:
    """Return the tags of everything that a stack makes and that can have tags."""
    return {_STACK_TAG: target.name, PROJECT_TAG: PROJECT, STAGE_TAG: stage}


def waiting(target: Target) -> Iterator[tuple[str, int]]:
    """Yield the logical id of each queue that is not empty, and about how many messages it has."""
    sqs = boto3.client("sqs", **target.client_arguments)
    for one in stack_resources(boto3.client("cloudformation", **target.client_arguments), target.name):
        if one["ResourceType"] != "AWS::SQS::Queue" or not one.get("PhysicalResourceId"):
            continue
        try:
            number = count_messages(sqs, one["PhysicalResourceId"])
        except ClientError:  # it is deleted already
            continue
        if number:
            yield one["LogicalResourceId"], number
