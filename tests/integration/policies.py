"""Compares each AWS call of a function with the function's policy in ``template.yaml``, because moto checks none.

A call is written as in ``tests/template/test_permissions.py``: an action, and the resource with the names of the
template. If a statement of a policy has a condition on leading keys, each partition of the call must meet it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, NamedTuple

import pytest
from botocore.client import BaseClient

from local.template import Properties, resources

RESOURCES: Mapping[str, str] = {
    "Ledger": "LedgerTable",
    "Catalog": "CatalogTable",
    "Activity": "ActivityTable",
    "ActionQueue": "ActionQueue",
    "RedemptionQueue.fifo": "RedemptionQueue",
    "PlantingQueue.fifo": "PlantingQueue",
    "CheckpointQueue": "CheckpointQueue",
    "LogQueue": "LogQueue",
    "EraseQueue": "EraseQueue",
    "files": "FilesBucket",
    "manifests": "ManifestBucket",
    "uploads": "UploadBucket",
    "exports": "ExportBucket",
    "published": "CatalogBucket",
    "saxaul": "Bus",
    "pool_1": "UserPool",
}
"""The name of each resource in the template, by its name in these tests."""

STREAM = (".StreamArn", "/stream/*")
"""How the resource of a stream ends."""

_WRITES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
_BATCHED = {"SendMessageBatch": "SendMessage", "DeleteMessageBatch": "DeleteMessage"}


class Access(NamedTuple):
    """What a call needs: an action, a resource, and for a table the partitions, which may be unknown (None)."""

    action: str
    resource: str
    partitions: frozenset[str] | None = None

    def is_allowed_by(self, statement: Properties) -> bool:
        if self.action not in statement["Action"] or not fnmatchcase(self.resource, resource_of(statement)):
            return False
        patterns = [key for test in statement.get("Condition", {}).values() for key in test["dynamodb:LeadingKeys"]]
        if not patterns:
            return True
        return self.partitions is not None and all(
            any(fnmatchcase(partition, pattern) for pattern in patterns) for partition in self.partitions
        )


class Calls:
    """The AWS calls of the function that runs, compared with its policy."""

    def __init__(self) -> None:
        self.function = ""
        self.refused: list[Access] = []

    def check(self, accesses: Iterable[Access]) -> None:
        for access in accesses if self.function else ():
            if not any(access.is_allowed_by(statement) for statement in statements_of(self.function)):
                self.refused.append(access)

    @contextmanager
    def of(self, function: str) -> Iterator[None]:
        """Check the calls of this function, such as ``view_impact``.

        Raises:
            AssertionError: its policy does not allow a call.
        """
        self.function, self.refused = function, []
        try:
            yield
        finally:
            self.function = ""
        assert not self.refused, f"the policy of {function} does not allow {self.refused}"


CALLS = Calls()


@cache
def statements_of(function: str) -> list[Properties]:
    """Return what a function may do: by its own policy, and by policies that are resources of their own."""
    name = "".join(word.capitalize() for word in function.split("_"))
    others = [
        policy["PolicyDocument"]
        for policy in resources("AWS::IAM::Policy").values()
        if {"Ref": f"{name}Role"} in policy["Roles"]
    ]
    documents = [*resources("AWS::Serverless::Function")[name]["Policies"], *others]
    return [statement for document in documents for statement in document["Statement"]]


def resource_of(statement: Properties) -> str:
    """Return the resource of a statement with the names of the template, such as ``CatalogBucket/catalog/*``."""
    [reference] = statement["Resource"].values()
    return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", reference).removesuffix(".Arn")


def watch_calls(patch: pytest.MonkeyPatch) -> None:
    """Check the calls that botocore's clients make while ``CALLS.of`` is entered."""
    make = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - each call of each client

    def watched(client: Any, operation: str, params: Any) -> Any:  # noqa: ANN401 - botocore's own
        CALLS.check(accesses_of(client.meta.service_model.service_name, operation, params))
        return make(client, operation, params)

    patch.setattr(BaseClient, "_make_api_call", watched)


def accesses_of(service: str, operation: str, params: Any) -> Iterator[Access]:  # noqa: ANN401 - any parameters
    match service:
        case "dynamodb":
            yield from _of_dynamodb(operation, params)
        case "sqs":
            queue = RESOURCES[params["QueueUrl"].rpartition("/")[2]]
            yield Access(f"sqs:{_BATCHED.get(operation, operation)}", queue)
        case "s3" if operation == "ListObjectsV2":
            yield Access("s3:ListBucket", RESOURCES[params["Bucket"]])
        case "s3":
            yield access_to_object(operation, params["Bucket"], params["Key"])
        case "events":
            yield from (Access(f"events:{operation}", RESOURCES[entry["EventBusName"]]) for entry in params["Entries"])
        case "cognito-idp":
            yield Access(f"cognito-idp:{operation}", RESOURCES[params["UserPoolId"]])
        case "kms":
            yield Access(f"kms:{operation}", "SigningKey")
        case _:
            raise AssertionError(f"the action of {service} {operation} is unknown")


def access_to_object(operation: str, bucket: str, key: str) -> Access:
    return Access(f"s3:{operation}", f"{RESOURCES[bucket]}/{key}")


def _of_dynamodb(operation: str, params: Any) -> Iterator[Access]:  # noqa: ANN401 - any parameters
    match operation:
        case "TransactWriteItems":
            for write in params["TransactItems"]:
                for kind, details in write.items():
                    yield from _of_dynamodb(_WRITES[kind], details)
        case "BatchExecuteStatement":
            for statement in params["Statements"]:
                verb, table = re.findall(r'^(\w+).*?"(\w+)"', statement["Statement"])[0]
                yield Access(f"dynamodb:PartiQL{verb.capitalize()}", RESOURCES[table])
        case "BatchGetItem" | "BatchWriteItem":
            for table, request in params["RequestItems"].items():
                keys = request["Keys"] if "Keys" in request else [write["PutRequest"]["Item"] for write in request]
                yield Access(f"dynamodb:{operation}", RESOURCES[table], frozenset(key["pk"]["S"] for key in keys))
        case "Query":
            index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
            values = params["ExpressionAttributeValues"]
            partition = next(values[name] for name in (":list_name", ":value", ":pk") if name in values)["S"]
            yield Access("dynamodb:Query", RESOURCES[params["TableName"]] + index, frozenset({partition}))
        case _:
            place = params["Key"] if "Key" in params else params["Item"]
            yield Access(f"dynamodb:{operation}", RESOURCES[params["TableName"]], frozenset({place["pk"]["S"]}))
