"""Reads the addresses and names of a stack from CloudFormation, and its operator's client from Cognito."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from local.versions import published
from saxaul.catalog.clients import OPERATOR
from saxaul.log.notes import vkey_of
from saxaul.storage.sequence import HEAD

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef, StackTypeDef

OUTPUTS = {
    "ledger table": "LedgerTableName",
    "catalog table": "CatalogTableName",
    "activity table": "ActivityTableName",
    "actions": "ActionQueueUrl",
    "actions_dead_letter": "ActionDeadLetterQueueUrl",
    "redemptions": "RedemptionQueueUrl",
    "redemptions_dead_letter": "RedemptionDeadLetterQueueUrl",
    "planting": "PlantingQueueUrl",
    "planting_dead_letter": "PlantingDeadLetterQueueUrl",
    "photos": "PhotoQueueUrl",
    "photos_dead_letter": "PhotoDeadLetterQueueUrl",
    "totals_dead_letter": "ImpactDeadLetterQueueUrl",
    "repeats_dead_letter": "RepeatDeadLetterQueueUrl",
    "publication_dead_letter": "PublicationDeadLetterQueueUrl",
    "schedules_dead_letter": "ScheduleDeadLetterQueueUrl",
    "log": "LogQueueUrl",
    "log_dead_letter": "LogDeadLetterQueueUrl",
    "erasures": "EraseQueueUrl",
    "erasures_dead_letter": "EraseDeadLetterQueueUrl",
    "checkpoints": "CheckpointQueueUrl",
    "checkpoints_dead_letter": "CheckpointDeadLetterQueueUrl",
    "files bucket": "FilesBucketName",
    "files' address": "FilesUrl",
    "signing key": "SigningKeyArn",
    "bucket": "ManifestBucketName",
    "catalog bucket": "CatalogBucketName",
    "bus": "BusName",
    "time zone": "TimeZone",
    "log group": "LogGroupName",
    "pool": "UserPoolId",
    "API": "ApiId",
    "API's address": "ApiUrl",
    "tokens' address": "TokenUrl",
}
"""The stack outputs that ``DeployedStack.describe`` needs, by short names."""

DEV, PROD = "dev", "prod"
"""What a stack is for: the values of the template's parameter Stage."""

PROJECT_TAG = "project"
STAGE_TAG = "stage"
"""The tags of every stack, and of what it makes."""

PROJECT = "saxaul"
"""The value of the first tag. `make destroy` deletes nothing without it."""

_KEY_BYTES = 32
"""The length of an Ed25519 public key, which is at the end of its DER form."""

_QUEUES = tuple(name for name, output in OUTPUTS.items() if output.endswith("QueueUrl"))


def is_absent(error: ClientError) -> bool:
    """Return whether CloudFormation refused a call because there is no such stack."""
    return "does not exist" in error.response["Error"].get("Message", "")


def found_stack(cloudformation: "CloudFormationClient", name: str) -> "StackTypeDef | None":
    """Return a stack as CloudFormation describes it, or None if it does not exist."""
    try:
        return cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if is_absent(error):
            return None
        raise


def parameters_of(stack: "StackTypeDef | None") -> dict[str, str]:
    """Return the values of the parameters of a stack, by name; none if there is no stack."""
    return {one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])} if stack else {}


def stack_resources(cloudformation: "CloudFormationClient", name: str) -> "list[StackResourceSummaryTypeDef]":
    """Return the resources of a stack as CloudFormation lists them; none if the stack does not exist."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    try:
        return [resource for page in pages for resource in page["StackResourceSummaries"]]
    except ClientError as error:
        if is_absent(error):
            return []
        raise


class UnfitStackError(Exception):
    """The stack exists, but lacks something that these commands need. The message is one sentence."""


class DeployedStack:
    """A deployed stack. ``client_arguments`` are those of ``boto3.client``; only a laptop stack has an ``endpoint``."""

    def __init__(self, name: str, client_arguments: Mapping[str, Any], endpoint: str | None = None) -> None:
        self._name = name
        self._client_arguments = client_arguments
        self._endpoint = endpoint

    def describe(self) -> dict[str, Any]:
        """Return how to reach the stack: addresses, names, and the operators' client with its secret.

        Raises:
            UnfitStackError: an output, the client or its secret is missing.
            ClientError, BotoCoreError: an AWS call was refused, or AWS could not be reached.
        """
        outputs, endpoint = self.outputs, self._endpoint
        missing = [output for output in OUTPUTS.values() if output not in outputs]
        if missing:
            names = ", ".join(missing)
            raise UnfitStackError(f"The stack {self._name} is not from this template: it lacks the outputs {names}.")
        emulated = f"{endpoint}/_aws/execute-api/{outputs['ApiId']}/v1"
        return {
            "api_url": emulated if endpoint else outputs["ApiUrl"],
            "token_url": f"{endpoint}/oauth2/token" if endpoint else outputs["TokenUrl"],
            "region": self._client_arguments["region_name"],
            "account": self._stack["StackId"].split(":")[4],
            "endpoint_url": endpoint,
            "stage": outputs.get("Stage", DEV),
            "dashboard_url": outputs.get("DashboardUrl", ""),
            "tables": {table: outputs[OUTPUTS[f"{table} table"]] for table in ("ledger", "catalog", "activity")},
            "queues": {queue: outputs[OUTPUTS[queue]] for queue in _QUEUES},
            "bucket": outputs["ManifestBucketName"],
            "catalog_bucket": outputs["CatalogBucketName"],
            "files_bucket": outputs["FilesBucketName"],
            **self._log(),
            "bus": outputs["BusName"],
            "time_zone": outputs["TimeZone"],
            "harvest_time": self.parameters.get("HarvestTime", ""),
            "log_group": outputs["LogGroupName"],
            "functions": self.functions,
            "versions": self._versions(),
            "clients": {OPERATOR: self._operator(outputs["UserPoolId"])},
        }

    def _log(self) -> dict[str, str]:
        """Return where the public log is, its verifier key, and its witnesses."""
        outputs = self.outputs
        address = outputs["FilesUrl"].replace("{bucket}", outputs["FilesBucketName"]).rstrip("/")
        url = f"{address}/log"
        kms = boto3.client("kms", **self._client_arguments)
        der = kms.get_public_key(KeyId=outputs["SigningKeyArn"])["PublicKey"]
        origin = self._log_name() or outputs.get("LogOrigin") or url.partition("://")[2]
        vkey = vkey_of(origin, der[-_KEY_BYTES:])
        return {"log_url": url, "log_vkey": vkey, "witnesses": outputs.get("Witnesses", "")}

    def _log_name(self) -> str:
        """Return the name that the log got with its first leaf; empty before that. Only the ledger knows it."""
        ledger = boto3.client("dynamodb", **self._client_arguments)
        head = {"pk": {"S": HEAD.pk}, "sk": {"S": HEAD.sk}}
        found = ledger.get_item(TableName=self.outputs[OUTPUTS["ledger table"]], Key=head, ConsistentRead=True)
        return found["Item"]["origin"]["S"] if "Item" in found else ""

    @cached_property
    def functions(self) -> dict[str, str]:
        """The physical name of each function, by its logical id."""
        return {name: physical for (kind, name), physical in self._resources.items() if kind == "AWS::Lambda::Function"}

    def _versions(self) -> dict[str, str]:
        """Return the version of each function that the last deployment has published, by its logical id."""
        found = published(arn for (kind, _), arn in self._resources.items() if kind == "AWS::Lambda::Version")
        return {name: found[physical] for name, physical in self.functions.items() if physical in found}

    @cached_property
    def _resources(self) -> dict[tuple[str, str], str]:
        """The physical id of each resource, by its type and its logical id."""
        return {
            (resource["ResourceType"], resource["LogicalResourceId"]): resource["PhysicalResourceId"]
            for resource in stack_resources(self._cloudformation, self._name)
            if "PhysicalResourceId" in resource and not resource["ResourceStatus"].startswith("DELETE_")
        }

    def _operator(self, pool: str) -> dict[str, Any]:
        cognito = boto3.client("cognito-idp", **self._client_arguments)
        for (kind, _), client_id in self._resources.items():
            if kind != "AWS::Cognito::UserPoolClient":
                continue
            client = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client_id)["UserPoolClient"]
            if client["ClientName"] != OPERATOR:
                continue
            if "ClientSecret" not in client:
                raise UnfitStackError(f"The client of operators of {self._name} has no secret in Cognito.")
            scopes = client.get("AllowedOAuthScopes", [])
            return {"client_id": client_id, "client_secret": client["ClientSecret"], "scopes": scopes}
        raise UnfitStackError(f"The stack {self._name} has no client for operators; deploy it again.")

    @cached_property
    def outputs(self) -> dict[str, str]:
        return {output["OutputKey"]: output["OutputValue"] for output in self._stack.get("Outputs", [])}

    @cached_property
    def parameters(self) -> dict[str, str]:
        return parameters_of(self._stack)

    @cached_property
    def _stack(self) -> "StackTypeDef":
        return self._cloudformation.describe_stacks(StackName=self._name)["Stacks"][0]

    @cached_property
    def _cloudformation(self) -> "CloudFormationClient":
        return boto3.client("cloudformation", **self._client_arguments)
