"""Lists everything that an emulator holds in a region, to see what a deployment has left."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import boto3


class Kind(NamedTuple):
    """A kind of resource: the AWS call that lists it, and where its names are. Without a name, an entry is one."""

    service: str
    call: str
    listed: str
    name: str | None
    arguments: Mapping[str, Any] = {}


KINDS: Final = (
    Kind("dynamodb", "list_tables", "TableNames", None),
    Kind("dynamodb", "list_backups", "BackupSummaries", "BackupArn"),
    Kind("s3", "list_buckets", "Buckets", "Name"),
    Kind("sqs", "list_queues", "QueueUrls", None),
    Kind("lambda", "list_functions", "Functions", "FunctionArn", {"FunctionVersion": "ALL"}),
    Kind("lambda", "list_layers", "Layers", "LayerArn"),
    Kind("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    Kind("logs", "describe_log_groups", "logGroups", "logGroupName"),
    Kind("iam", "list_roles", "Roles", "RoleName"),
    Kind("iam", "list_policies", "Policies", "Arn", {"Scope": "Local"}),
    Kind("events", "list_rules", "Rules", "Name"),
    Kind("events", "list_event_buses", "EventBuses", "Name"),
    Kind("scheduler", "list_schedules", "Schedules", "Name"),
    Kind("cognito-idp", "list_user_pools", "UserPools", "Id", {"MaxResults": 60}),
    Kind("kms", "list_keys", "Keys", "KeyId"),
    Kind("kms", "list_aliases", "Aliases", "AliasName"),
    Kind("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    Kind("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    Kind("sns", "list_topics", "Topics", "TopicArn"),
    Kind("sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
    Kind("ssm", "describe_parameters", "Parameters", "Name"),
    Kind("secretsmanager", "list_secrets", "SecretList", "Name"),
    Kind("apigateway", "get_rest_apis", "items", "id"),
    Kind("resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList", "ResourceARN"),
)


def everything(client_arguments: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return the names of all resources by their kind, with the objects in the buckets of code and the stacks."""
    found = {f"{kind.service} {kind.call}": set(_names(kind, client_arguments)) for kind in KINDS}
    found["layers"] = set(_layer_versions(client_arguments))
    found["code"] = set(_code(client_arguments))
    stacks = boto3.client("cloudformation", **client_arguments).describe_stacks()["Stacks"]
    return found | {"stacks": {stack["StackName"] for stack in stacks}}


def what_is_new(before: Mapping[str, set[str]], after: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return what was not there before, by its kind."""
    return {kind: new for kind, names in after.items() if (new := names - before[kind])}


def _client(service: str, client_arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a client of any service
    make: Any = boto3.client
    return make(service, **client_arguments)


def _names(kind: Kind, client_arguments: Mapping[str, Any]) -> list[str]:
    client = _client(kind.service, client_arguments)
    if client.can_paginate(kind.call):
        answers = list(client.get_paginator(kind.call).paginate(**kind.arguments))
    else:
        answers = [getattr(client, kind.call)(**kind.arguments)]
    return [one if kind.name is None else one[kind.name] for answer in answers for one in answer.get(kind.listed, [])]


def _layer_versions(client_arguments: Mapping[str, Any]) -> list[str]:
    client = _client("lambda", client_arguments)
    layers = [layer["LayerName"] for layer in client.list_layers()["Layers"]]
    versions = [client.list_layer_versions(LayerName=name)["LayerVersions"] for name in layers]
    return [version["LayerVersionArn"] for found in versions for version in found]


def _code(client_arguments: Mapping[str, Any]) -> list[str]:
    s3 = _client("s3", client_arguments)
    region, names = client_arguments["region_name"], [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    here = [name for name in names if name == f"saxaul-artefacts-{region}"]
    return [one["Key"] for name in here for one in s3.list_objects_v2(Bucket=name).get("Contents", [])]
