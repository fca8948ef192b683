"""moto that answers sooner says the same as moto."""

from typing import Any

import pytest
from moto import mock_aws

from saxaul.storage import clients
from tests.integration.conftest import ENVIRONMENT
from tests.integration.quick_moto import quick

ITEM: dict[str, Any] = {
    "pk": {"S": "梭梭"},
    "number": {"N": "3.50"},
    "nothing": {"NULL": True},
    "no": {"BOOL": False},
    "bytes": {"B": b"\x00\xff"},
    "texts": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2"]},
    "many": {"BS": [b"\x00", b"\x01"]},
    "empty": {"M": {}},
    "deep": {"M": {"list": {"L": [{"S": ""}, {"M": {"S": {"N": "1"}}}, {"L": []}, {"B": b""}]}}},
}


def answers() -> list[Any]:
    """Return what moto says to calls of several kinds, without what differs at each call."""
    with mock_aws():
        dynamodb, sqs = clients.dynamodb(), clients.sqs()
        dynamodb.create_table(
            TableName="Items",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )
        written = dynamodb.put_item(TableName="Items", Item=ITEM, ReturnConsumedCapacity="TOTAL")
        key: Any = {"pk": ITEM["pk"]}
        with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException) as refused:
            dynamodb.put_item(
                TableName="Items",
                Item=key,
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        check: Any = {"TableName": "Items", "Item": key, "ConditionExpression": "attribute_not_exists(pk)"}
        with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as cancelled:
            dynamodb.transact_write_items(TransactItems=[{"Put": check}])
        queue = sqs.create_queue(QueueName="Queue")["QueueUrl"]
        sqs.send_message(QueueUrl=queue, MessageBody="text")
        [message] = sqs.receive_message(QueueUrl=queue)["Messages"]
        found = [
            written,
            dynamodb.get_item(TableName="Items", Key=key),
            dynamodb.get_item(TableName="Items", Key={"pk": {"S": "missing"}}),
            dynamodb.scan(TableName="Items"),
            refused.value.response,
            cancelled.value.response,
        ]
        for response in found:
            response["ResponseMetadata"] = {}
        return [*found, queue, message["Body"]]


def test_moto_that_answers_sooner_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    slow = answers()
    with quick():
        assert answers() == slow

    [_, read, *_] = slow
    assert read["Item"] == ITEM
