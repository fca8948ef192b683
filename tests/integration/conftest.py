"""AWS in process: tables, queues, bucket and bus, the environment of the functions, and a clock that stands still.

moto is no judge of races or of capacity; what it proves is that items, expressions and messages fit together.
"""

import json
from collections.abc import Iterator
from itertools import count

import pytest
from moto import mock_aws

from saxaul.settings import settings
from saxaul.storage import clients
from tests.builders import NOON
from tests.integration.stack import CALLERS, HANDLERS, Clock, Stack

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "cn-north-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "LEDGER_TABLE": "Ledger",
    "CATALOG_TABLE": "Catalog",
    "TIME_ZONE": "Asia/Shanghai",
    "ACCEPTANCE_DAYS": "7",
    "HARVEST_TIME": "07:00",
    "MANIFEST_BUCKET": "manifests",
    "BUS_NAME": "saxaul",
    "CALLERS": json.dumps(CALLERS),
    "POWERTOOLS_SERVICE_NAME": "saxaul",
    "POWERTOOLS_LOG_LEVEL": "INFO",
}

CLOCKED = [
    *(
        f"functions.{name}.handler"
        for name in (
            *("ingest_actions", "plant_trees", "suggest_campaigns", "sweep_redemptions", "view_forest"),
            "view_impact",
        )
    ),
    *(f"saxaul.services.{name}" for name in ("accrue", "edit_catalog", "order", "redeem", "tally", "take_statements")),
]
"""The modules that ask for the time."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Noon of 5 June 2026 in Shanghai, until a test says otherwise."""
    stopped = Clock(NOON)
    for module in CLOCKED:
        monkeypatch.setattr(f"{module}.time", stopped)
    ticks = count()
    monkeypatch.setattr("saxaul.services.search.monotonic", stopped)
    for module in ("catalog", "stocks"):
        monkeypatch.setattr(f"saxaul.storage.{module}.monotonic", lambda: stopped.now + next(ticks) / 1_000_000)
    return stopped


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[Stack]:
    """The stack with empty tables and empty queues, and functions that were never called."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr("saxaul.services.accrue._WRITERS", 1)  # moto's own tables break under threads
    forget_everything()
    with mock_aws():
        _make_tables()
        actions = clients.sqs().create_queue(QueueName="ActionQueue")["QueueUrl"]
        redemptions = clients.sqs().create_queue(QueueName="RedemptionQueue.fifo", Attributes={"FifoQueue": "true"})
        key = clients.kms().create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
        monkeypatch.setenv("SIGNING_KEY", key["Arn"])
        monkeypatch.setenv("ACTION_QUEUE_URL", actions)
        planting = clients.sqs().create_queue(QueueName="PlantingQueue.fifo", Attributes={"FifoQueue": "true"})
        monkeypatch.setenv("REDEMPTION_QUEUE_URL", redemptions["QueueUrl"])
        monkeypatch.setenv("PLANTING_QUEUE_URL", planting["QueueUrl"])
        _make_manifests_and_bus()
        yield Stack(clock, actions, redemptions["QueueUrl"], planting["QueueUrl"])
    forget_everything()


def forget_everything() -> None:
    """Make every worker cold: no settings, no store and no index of a test before.

    The clients stay: they hold nothing of a test, moto answers them anew, and making them is the slow part.
    """
    for module in HANDLERS.values():
        for thing in vars(module).values():
            if hasattr(thing, "cache_clear"):
                thing.cache_clear()
    settings.cache_clear()


def _make_manifests_and_bus() -> None:
    clients.s3().create_bucket(Bucket="manifests", CreateBucketConfiguration={"LocationConstraint": "cn-north-1"})
    events, listener = clients.eventbridge(), clients.sqs().create_queue(QueueName="Listener")["QueueUrl"]
    events.create_event_bus(Name="saxaul")
    events.put_rule(Name="all", EventBusName="saxaul", EventPattern=json.dumps({"source": ["saxaul"]}))
    arn = clients.sqs().get_queue_attributes(QueueUrl=listener, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_targets(Rule="all", EventBusName="saxaul", Targets=[{"Id": "listener", "Arn": arn}])


def _make_tables() -> None:
    dynamodb = clients.dynamodb()
    dynamodb.create_table(
        TableName="Catalog",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    )
    dynamodb.create_table(
        TableName="Ledger",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "list_name", "list_order")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "Listing",
                "KeySchema": [
                    {"AttributeName": "list_name", "KeyType": "HASH"},
                    {"AttributeName": "list_order", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
