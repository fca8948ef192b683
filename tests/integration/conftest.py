"""Fixtures: AWS in this process (by moto), the environment variables of the functions, and a stopped clock.

moto neither throttles nor reports conflicts between transactions. It ignores the conditions of PartiQL statements, so
``moto_statements.py`` replaces that part. These tests prove that items, expressions and messages fit together.
"""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from moto import mock_aws
from moto.dynamodb.models import DynamoDBBackend

from saxaul.http import endpoint
from saxaul.http.endpoint import utf8_text
from saxaul.services.search import RENEWING
from saxaul.settings import settings
from saxaul.storage import clients
from tests.builders import NOON
from tests.clocks import StoppedClock
from tests.integration.log_lines import Lines, written_lines
from tests.integration.moto_objects import Requests
from tests.integration.moto_statements import batch_execute_statement
from tests.integration.policies import CALLS, accesses_of, watch_calls
from tests.integration.public_log import PublishedFiles
from tests.integration.quick_moto import quick
from tests.integration.stack import HANDLERS, REGISTERED, Stack, redeem
from tests.memory_cognito import POOL, MemoryCognito
from tests.one_thread import run_in_one_thread
from tests.proof.memory_kms import MemoryKMS

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "cn-north-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "LEDGER_TABLE": "Ledger",
    "CATALOG_TABLE": "Catalog",
    "ACTIVITY_TABLE": "Activity",
    "OPERATOR_CLIENT": "operator-client",
    "USER_POOL": POOL,
    "TIME_ZONE": "Asia/Shanghai",
    "ACCEPTANCE_DAYS": "7",
    "HARVEST_TIME": "07:00",
    "MANIFEST_BUCKET": "manifests",
    "UPLOAD_BUCKET": "uploads",
    "EXPORT_BUCKET": "exports",
    "FILES_BUCKET": "files",
    "FILES_URL": "https://{bucket}.example",
    "BUS_NAME": "saxaul",
    "POWERTOOLS_SERVICE_NAME": "saxaul",
    "POWERTOOLS_LOG_LEVEL": "INFO",
}

_PLAIN_QUEUES = ("LogQueue", "CheckpointQueue", "EraseQueue")


def _one_at_a_time(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that only one thread runs at a time. moto copies all tables for a transaction without a lock."""
    lock = threading.Lock()

    def locked(*args: Any) -> Any:  # noqa: ANN401 - any method
        with lock:
            return method(*args)

    return locked


class CheckedKMS(MemoryKMS):
    """KMS with an Ed25519 key, which moto lacks. Each call is compared with the policy of the function that runs."""

    def get_public_key(self, KeyId: str) -> dict[str, Any]:  # noqa: N803 - as boto3 names them
        CALLS.check(accesses_of("kms", "GetPublicKey", {}))
        return super().get_public_key(KeyId)

    def sign(self, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> dict[str, Any]:  # noqa: N803
        CALLS.check(accesses_of("kms", "Sign", {}))
        return super().sign(KeyId, Message, MessageType, SigningAlgorithm)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    """A clock that shows noon of 5 June 2026 in Shanghai until a test changes it."""
    stopped = StoppedClock(NOON)
    monkeypatch.setattr("saxaul.services.wiring.SYSTEM_CLOCK", stopped)
    return stopped


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """What the logger of the functions writes during a test."""
    with written_lines(monkeypatch) as written:
        yield written


@pytest.fixture(scope="module")
def quick_moto() -> Iterator[None]:
    """Moto that answers sooner, and says the same. Other modules of the process may call the emulator, not moto."""
    with quick():
        yield


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch, clock: StoppedClock, quick_moto: None) -> Iterator[Stack]:  # noqa: ARG001 - makes it quicker
    """A stack with empty tables, empty queues and empty caches."""
    with new_stack(monkeypatch, clock) as made:
        yield made


@pytest.fixture
def log(stack: Stack) -> PublishedFiles:
    """The public log of the stack."""
    return PublishedFiles(stack.clock)


@pytest.fixture
def ordered(stack: Stack, log: PublishedFiles) -> tuple[str, str]:
    """Return the order id and the certificate number of a tree that was redeemed with a dedication."""
    assert log
    stack.seed_catalog()
    stack.add_wallet(160)
    response = redeem(dedication="For my grandmother · 献给奶奶")
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []
    [order_id] = stack.run_planting_batch()
    [number] = response.body["certificates"]
    return order_id, number


@contextmanager
def new_stack(monkeypatch: pytest.MonkeyPatch, clock: StoppedClock) -> Iterator[Stack]:
    """Make a stack with empty tables, empty queues and empty caches, for as long as the context lasts."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    run_in_one_thread(monkeypatch)  # moto's tables are not thread-safe
    monkeypatch.setattr(DynamoDBBackend, "batch_execute_statement", batch_execute_statement)
    monkeypatch.setattr(DynamoDBBackend, "transact_write_items", _one_at_a_time(DynamoDBBackend.transact_write_items))
    clear_worker_caches()
    watch_calls(monkeypatch)
    for module in (endpoint, *HANDLERS.values()):
        if hasattr(module, "utf8_text"):
            monkeypatch.setattr(module, "utf8_text", text_without_records)
    with mock_aws():
        _make_tables()
        actions = clients.sqs().create_queue(QueueName="ActionQueue")["QueueUrl"]
        redemptions = clients.sqs().create_queue(QueueName="RedemptionQueue.fifo", Attributes={"FifoQueue": "true"})
        log, checkpoints, erasures = (clients.sqs().create_queue(QueueName=n)["QueueUrl"] for n in _PLAIN_QUEUES)
        monkeypatch.setenv("LOG_QUEUE_URL", log)
        monkeypatch.setenv("CHECKPOINT_QUEUE_URL", checkpoints)
        monkeypatch.setenv("ERASE_QUEUE_URL", erasures)
        monkeypatch.setenv("ERASURE_DELAY", "90")
        monkeypatch.setenv("SIGNING_KEY", "key")
        key = CheckedKMS()
        monkeypatch.setattr("saxaul.storage.signing.kms", lambda: key)
        monkeypatch.setattr("saxaul.storage.objects._session", lambda _: Requests())
        monkeypatch.setenv("ACTION_QUEUE_URL", actions)
        planting = clients.sqs().create_queue(QueueName="PlantingQueue.fifo", Attributes={"FifoQueue": "true"})
        monkeypatch.setenv("REDEMPTION_QUEUE_URL", redemptions["QueueUrl"])
        monkeypatch.setenv("PLANTING_QUEUE_URL", planting["QueueUrl"])
        _make_buckets_and_bus()
        cognito = MemoryCognito(clock, _check_call)
        monkeypatch.setattr("saxaul.storage.identity.cognito", lambda: cognito)
        made = Stack(clock, actions, redemptions["QueueUrl"], planting["QueueUrl"], cognito)
        made.register_all(REGISTERED)
        yield made
        wait_for_renewals()
    clear_worker_caches()


def _check_call(operation: str) -> None:
    CALLS.check(accesses_of("cognito-idp", operation, {"UserPoolId": POOL}))


def text_without_records(body: object) -> str:
    """Return the text of a response.

    Raises:
        AssertionError: it contains a named tuple, which JSON would show as a list without the names of its fields.
    """
    values = [body]
    while values:
        match values.pop():
            case dict() as members:
                values += members.values()
            case list() | tuple() as members:
                assert type(members) in (list, tuple), f"a response contains {members!r}"
                values += members
    return utf8_text(body)


def wait_for_renewals() -> None:
    """Wait until no thread renews a search index: its calls would count as those of the next test's function."""
    for thread in threading.enumerate():
        if thread.name == RENEWING:
            thread.join()


def clear_worker_caches() -> None:
    """Clear the cached settings, stores and indexes, so that the next call is a cold start.

    The AWS clients are kept, because they hold no data of a test and creating them is slow.
    """
    kept = [module for name, module in sys.modules.items() if name.startswith("saxaul.services.")]
    for module in [*HANDLERS.values(), *kept]:
        for member in vars(module).values():
            if hasattr(member, "cache_clear"):
                member.cache_clear()
    settings.cache_clear()


def _make_buckets_and_bus() -> None:
    for bucket in ("manifests", "uploads", "exports", "files"):
        clients.s3().create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "cn-north-1"})
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
        TableName="Activity",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
            {"AttributeName": "waiting", "AttributeType": "S"},
            {"AttributeName": "accepted_at", "AttributeType": "N"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "Waiting",
                "KeySchema": [
                    {"AttributeName": "waiting", "KeyType": "HASH"},
                    {"AttributeName": "accepted_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
    )
    dynamodb.create_table(
        TableName="Ledger",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("pk", "sk", "list_name", "list_order", "forest_order")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "Listing",
                "KeySchema": [
                    {"AttributeName": "list_name", "KeyType": "HASH"},
                    {"AttributeName": "list_order", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
            {
                "IndexName": "Forest",
                "KeySchema": [
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "forest_order", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
        ],
    )
