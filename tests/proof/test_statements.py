"""Storage gets the same outcomes of batches of statements from memory as from MiniStack, which parses PartiQL itself.

The corrections of ``local/emulator.py`` are tested here too.
"""

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.deployment import ADMIN
from saxaul.clock import SYSTEM_CLOCK
from saxaul.races import ThrottledError
from saxaul.storage import batches
from saxaul.storage.batches import MAX_BYTES, MAX_STATEMENTS, StatementRefusedError, Write, write_batch
from saxaul.storage.table import Item, ItemMovedError, Key, Table, python
from saxaul.storage.wire import use_plain_json
from tests import partiql
from tests.proof.memory_dynamodb import MemoryDynamoDB, Raw, refusal

TABLE = Table("Ledger", SYSTEM_CLOCK)
ATTRIBUTES = ("e", "z", "full", "awaited")
KEYS: Any = [{"AttributeName": name, "KeyType": kind} for name, kind in (("pk", "HASH"), ("sk", "RANGE"))]


@pytest.fixture(scope="module")
def ministack(endpoint: str) -> Any:  # noqa: ANN401 - a client
    client = client_of("dynamodb", endpoint)
    client.create_table(
        TableName="Ledger",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=KEYS,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return client


def client_of(service: Any, endpoint: str, **keys: str) -> Any:  # noqa: ANN401 - any service
    own: Any = keys or {"aws_access_key_id": ADMIN["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": "test"}
    region = ADMIN.get("AWS_DEFAULT_REGION", os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
    client: Any = boto3.client(service, endpoint_url=endpoint, region_name=region, **own)
    if service == "dynamodb":
        use_plain_json(client)
    return client


def item(sk: str, **fields: Any) -> Item:  # noqa: ANN401 - any field
    return {"pk": "USER#mei", "sk": sk, **fields}


def write(*writes: tuple[Item, int]) -> list[tuple[str, object]]:
    """Write one batch, and return the outcomes in a form that can be compared."""
    found = write_batch(TABLE, [Write(item, version, 0) for item, version in writes], ATTRIBUTES)
    return [(type(outcome).__name__, getattr(outcome, "winner", None)) for outcome in found]


def stored(*keys: str) -> list[Item]:
    return sorted(TABLE.get_many([Key("USER#mei", key) for key in keys], consistent=True).values(), key=str)


STEPS: dict[str, Callable[[], object]] = {
    "write new items": lambda: write((item("1", e=[{"k": "a", "q": 5}]), 0), (item("2", z=b"\x00\xff", full=["a"]), 0)),
    "meet an item that exists": lambda: write((item("1", e=[]), 0), (item("3", e=[]), 0)),
    "replace known items": lambda: write((item("1", z=b"long"), 1), (item("2", e=[True, None, "ü"]), 1)),
    "replace an outdated version": lambda: write((item("1", e=[]), 1), (item("3", e=[{"m": {"n": 1}}]), 1)),
    "replace an item that does not exist": lambda: write((item("4", e=[]), 2)),
    "replace an item by the same": lambda: write((item("3", e=[{"m": {"n": 1}}]), 2)),
    "set and remove attributes": lambda: write((item("2", z=b"z", awaited=["b"]), 2)),
    "a full batch": lambda: write(*((item(f"n-{n}", e=[n]), 0) for n in range(MAX_STATEMENTS))),
    "read": lambda: stored("1", "2", "3", "4", *(f"n-{n}" for n in range(MAX_STATEMENTS))),
}


def test_statements_have_the_same_outcomes_in_memory_as_on_ministack(
    ministack: Any,  # noqa: ANN401 - a client
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    results = []
    for client in (MemoryDynamoDB(), ministack):
        use(monkeypatch, client)
        results.append({name: step() for name, step in STEPS.items()})

    for name in STEPS:
        assert results[0][name] == results[1][name], name
    assert len(results[0]["read"]) == 3 + MAX_STATEMENTS  # type: ignore[arg-type]


def use(patch: pytest.MonkeyPatch, client: Any) -> None:  # noqa: ANN401 - any client
    for module in ("table", "batches"):
        patch.setattr(f"saxaul.storage.{module}.dynamodb", lambda: client)


def test_the_emulator_shows_writes_by_statements_in_the_stream(
    endpoint: str,
    ministack: Any,  # noqa: ANN401 - a client
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(monkeypatch, ministack)
    streams = client_of("dynamodbstreams", endpoint)
    arn = ministack.describe_table(TableName="Ledger")["Table"]["LatestStreamArn"]
    [shard] = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    begin = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")

    for version in (0, 1, 1, 0):  # the last two are refused
        write((item("streamed", e=[version]), version))
    records = streams.get_records(ShardIterator=begin["ShardIterator"])["Records"]

    seen = [record for record in records if record["dynamodb"]["Keys"]["sk"]["S"] == "streamed"]
    assert [(record["eventName"], images(record)) for record in seen] == [
        ("INSERT", [None, 1]),
        ("MODIFY", [1, 2]),
    ]


def images(record: Raw) -> list[int | None]:
    """Return the versions of the item before and after a change."""
    both = [python(record["dynamodb"].get(name, {})) for name in ("OldImage", "NewImage")]
    return [int(image["v"]) if image else None for image in both]


@pytest.mark.parametrize(
    ("actions", "table", "refused"),
    [
        (["PartiQLInsert", "PartiQLUpdate"], "Ledger", []),
        (["PartiQLInsert"], "Ledger", ["update"]),
        (["PartiQLUpdate"], "Ledger", ["insert"]),
        (["PartiQLInsert", "PartiQLUpdate"], "Other", ["insert", "update"]),
        (["PutItem", "UpdateItem", "BatchExecuteStatement"], "Ledger", ["insert", "update"]),
    ],
)
def test_the_emulator_checks_each_statement_as_an_action_on_its_table(
    endpoint: str,
    ministack: Any,  # noqa: ANN401 - a client
    monkeypatch: pytest.MonkeyPatch,
    actions: list[str],
    table: str,
    refused: list[str],
) -> None:
    use(monkeypatch, ministack)
    name = "-".join([*actions, table])
    write((item(name, e=[]), 0))
    iam = client_of("iam", endpoint)
    arn = ministack.describe_table(TableName="Ledger")["Table"]["TableArn"].replace("Ledger", table)
    statement = {"Effect": "Allow", "Action": [f"dynamodb:{action}" for action in actions], "Resource": arn}
    iam.create_user(UserName=name)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    use(monkeypatch, client_of("dynamodb", endpoint, **keys))

    writes = {"insert": (item(f"{name}-new", e=[]), 0), "update": (item(name, e=[1]), 1)}
    assert [kind for kind, one in writes.items() if is_denied(one)] == refused


def is_denied(one: tuple[Item, int]) -> bool:
    try:
        [outcome] = write_batch(TABLE, [Write(*one, 0)], ATTRIBUTES)
    except ClientError as error:
        return error.response["Error"]["Code"] == "AccessDeniedException"
    assert outcome is None
    return False


class Answering:
    """A client that answers each statement with a code, and runs none."""

    def __init__(self, *codes: str) -> None:
        self.codes = codes

    def batch_execute_statement(self, Statements: Sequence[Raw]) -> Raw:  # noqa: N803 - as boto3 names it
        assert len(Statements) == len(self.codes)
        return {"Responses": [partiql.refused(code) if code else {"TableName": "Ledger"} for code in self.codes]}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ConditionalCheckFailed", ItemMovedError),
        ("DuplicateItem", ItemMovedError),
        ("TransactionConflict", ItemMovedError),
        ("InternalServerError", ItemMovedError),
        ("ProvisionedThroughputExceeded", ThrottledError),
        ("ThrottlingError", ThrottledError),
        ("RequestLimitExceeded", ThrottledError),
        ("ValidationError", StatementRefusedError),
        ("ItemCollectionSizeLimitExceeded", StatementRefusedError),
        ("AccessDenied", StatementRefusedError),
        ("ResourceNotFound", StatementRefusedError),
    ],
)
def test_each_code_of_a_statement_decides_only_about_its_own_write(
    monkeypatch: pytest.MonkeyPatch, code: str, expected: type[Exception]
) -> None:
    use(monkeypatch, Answering("", code, ""))

    first, second, third = write_batch(TABLE, [Write(item(str(n)), 0, 0) for n in range(3)], ATTRIBUTES)

    assert (first, type(second), third) == (None, expected, None)


class Particular(MemoryDynamoDB):
    """Refuses each batch that has a statement for the item ``bad``, as DynamoDB does with a malformed statement."""

    def batch_execute_statement(self, Statements: list[Raw]) -> Raw:  # noqa: N803 - as boto3 names it
        if any(partiql.key_of(statement)[1] == "bad" for statement in Statements):
            raise refusal(ClientError, "BatchExecuteStatement", "ValidationException")
        return super().batch_execute_statement(Statements)


def test_a_malformed_statement_for_which_the_batch_is_refused_does_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(monkeypatch, Particular())

    outcomes = write((item("1"), 0), (item("bad"), 0), (item("2"), 0))

    assert [name for name, _ in outcomes] == ["NoneType", "StatementRefusedError", "NoneType"]
    assert len(stored("1", "bad", "2")) == 2


def test_a_loser_without_its_item_must_be_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = MemoryDynamoDB()
    memory.returns_losers = False
    use(monkeypatch, memory)

    assert write((item("1", e=[]), 0), (item("2", e=[]), 0)) == [("NoneType", None)] * 2
    assert write((item("1", e=[1]), 7)) == [("ItemMovedError", None)]


def test_a_batch_has_at_most_25_writes_and_one_megabyte_but_at_least_one_write() -> None:
    sizes = [10] * 30 + [MAX_BYTES // 2] * 3 + [2 * MAX_BYTES, 5]

    divided = list(batches.batches(Write({}, 0, size) for size in sizes))

    assert [size for batch in divided for _, _, size in batch] == sizes
    assert [len(batch) for batch in divided] == [25, 6, 2, 1, 1]
