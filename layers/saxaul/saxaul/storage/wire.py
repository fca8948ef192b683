"""Renders and parses the requests that accrual makes most, in place of botocore's general code.

botocore checks, renders and parses each attribute value by DynamoDB's description of its API. For a batch of 25 periods
or for 100 read items, that takes longer than everything else that accrual computes. DynamoDB's JSON is the same as what
storage works with, except that binary values are in base64. So the standard library renders and parses it. The handlers
are those of botocore's events; signing, sending, retries and errors stay botocore's own.
"""

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_STATEMENTS = "BatchExecuteStatement"
_FAST = (_STATEMENTS, "BatchGetItem", "Query")
_PLACEHOLDER = {"Statements": [{"Statement": "?"}]}
"""What botocore checks and renders in place of the statements."""


def use_plain_json(client: "DynamoDBClient") -> None:
    """Render batches of statements, and parse their responses and those of batch reads and of queries, as plain JSON.

    Binary values of such a response are text in base64. ``table.python`` decodes them.
    """
    events: Any = client.meta.events  # its type stubs know no handler that returns parameters
    events.register(f"provide-client-params.dynamodb.{_STATEMENTS}", _set_aside)
    events.register(f"before-call.dynamodb.{_STATEMENTS}", _render)
    for operation in _FAST:
        events.register(f"before-parse.dynamodb.{operation}", parse_plain_json)


def _set_aside(params: Any, context: Any, **_: object) -> Any:  # noqa: ANN401 - botocore's own
    context["saxaul_body"] = params
    return _PLACEHOLDER


def _render(params: Any, context: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
    params["body"] = json.dumps(context["saxaul_body"], separators=(",", ":"), default=_base64).encode()


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


def parse_plain_json(response_dict: Any, customized_response_dict: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
    """Parse a successful response. botocore then parses an empty one, and adds this to the result."""
    if response_dict["status_code"] == 200:  # noqa: PLR2004 - OK
        customized_response_dict.update(json.loads(response_dict["body"]))
        response_dict["body"] = b"{}"
