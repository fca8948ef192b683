"""Renders and parses the largest requests to DynamoDB, in place of botocore's general code.

botocore checks, renders and parses each attribute value by DynamoDB's description of its API. For a batch of 25 periods
or for 100 read items, that takes longer than everything else that accrual computes. For the transactions of 150 reports
on trees, it takes as long as everything else that the worker computes. DynamoDB's JSON is the same as what
storage works with, except that binary values are in base64. So the standard library renders and parses it. The handlers
are those of botocore's events; signing, sending, retries and errors stay botocore's own.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def use_plain_json(client: "DynamoDBClient") -> None:
    """Render batches of statements, batch reads and transactions, and parse responses to reads, as plain JSON.

    Binary values of such a response are text in base64. ``table.python`` decodes them.
    """
    for event, handle in HANDLERS.items():
        client.meta.events.register(event, handle)


def _statements(params: Any, context: Any, **_: object) -> Any:  # noqa: ANN401 - botocore's own
    """Keep the request as it is, and return what botocore checks and renders in its place."""
    context["saxaul_body"] = params
    return {"Statements": [{"Statement": "?"}]}


def _batch_get(params: Any, context: Any, **_: object) -> Any:  # noqa: ANN401 - botocore's own
    """Do the same for a batch read. The names of its tables stay, because botocore may choose the host by them."""
    context["saxaul_body"] = params
    return {"RequestItems": {name: {"Keys": [{}]} for name in params["RequestItems"]}}


def _transaction(params: Any, context: Any, **_: object) -> Any:  # noqa: ANN401 - botocore's own
    """Do the same for a transaction. The name of a table stays, and botocore adds the token of the request."""
    context["saxaul_body"] = params
    [first] = params["TransactItems"][0].values()
    return {"TransactItems": [{"Delete": {"TableName": first["TableName"], "Key": {}}}]}


def _render_transaction(params: Any, context: Any, **others: object) -> None:  # noqa: ANN401 - botocore's own
    token = json.loads(params["body"])["ClientRequestToken"]
    context["saxaul_body"] = context["saxaul_body"] | {"ClientRequestToken": token}
    _render(params, context, **others)


def _render(params: Any, context: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
    params["body"] = json.dumps(context["saxaul_body"], separators=(",", ":"), default=_base64).encode()


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


def _parse_plain_json(response_dict: Any, customized_response_dict: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
    """Parse a successful response. botocore then parses an empty one, and adds this to the result."""
    if response_dict["status_code"] == 200:  # noqa: PLR2004 - OK
        customized_response_dict.update(json.loads(response_dict["body"]))
        response_dict["body"] = b"{}"


HANDLERS: Mapping[str, Any] = {
    "provide-client-params.dynamodb.BatchExecuteStatement": _statements,
    "provide-client-params.dynamodb.BatchGetItem": _batch_get,
    "before-call.dynamodb.BatchExecuteStatement": _render,
    "before-call.dynamodb.BatchGetItem": _render,
    "provide-client-params.dynamodb.TransactWriteItems": _transaction,
    "before-call.dynamodb.TransactWriteItems": _render_transaction,
    "before-parse.dynamodb.BatchExecuteStatement": _parse_plain_json,
    "before-parse.dynamodb.BatchGetItem": _parse_plain_json,
    "before-parse.dynamodb.Query": _parse_plain_json,
}
"""The events of botocore that are handled, each with its handler."""
