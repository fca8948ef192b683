"""The ledger in memory and moto's answer storage alike, so what is proved in memory is not proved of something else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from operations.ledger_reading import scan
from saxaul.clock import SYSTEM_CLOCK
from saxaul.storage.table import Item, ItemMovedError, Key, Table, TransactionRefusedError, transact
from tests.proof.memory_dynamodb import MemoryDynamoDB

TABLE = Table("Ledger", SYSTEM_CLOCK)
STOCK = Key("PROJECT#saxaul", "STOCK")
WALLET = Key("USER#u", "WALLET")
RELEASE = "SET reserved = if_not_exists(reserved, :none), released = :released, timetable = :timetable, v = :v"
CAN_RELEASE = "attribute_not_exists(reserved) OR reserved <= :most"
TAKE = ("SET reserved = reserved + :saplings", "v = :read AND reserved <= :most")
GIVE_BACK = ("SET reserved = reserved - :saplings", "reserved >= :saplings")
SPEND = ("SET balance = balance - :points, spent = spent + :points, v = v + :one", "balance >= :points")
REFUND = ("SET balance = balance + :points, spent = spent - :points, v = v + :one", "spent >= :points")


@contextmanager
def memory() -> Iterator[Any]:
    yield MemoryDynamoDB()


@contextmanager
def moto() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="cn-north-1", aws_access_key_id="a", aws_secret_access_key="b")
        names = ("pk", "sk", "list_name", "list_order")
        keys: Any = [{"AttributeName": name, "KeyType": kind} for name, kind in (("pk", "HASH"), ("sk", "RANGE"))]
        listing: Any = [
            {"AttributeName": name, "KeyType": kind} for name, kind in (("list_name", "HASH"), ("list_order", "RANGE"))
        ]
        client.create_table(
            TableName="Ledger",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=keys,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            GlobalSecondaryIndexes=[
                {"IndexName": "Listing", "KeySchema": listing, "Projection": {"ProjectionType": "KEYS_ONLY"}}
            ],
        )
        yield client


def entry(sk: str, pk: str = "USER#u", **fields: Any) -> Item:  # noqa: ANN401 - any field
    return {"pk": pk, "sk": sk, **fields}


def outcome_of(attempt: Callable[[], object]) -> object:
    """What an operation answers, or how it is refused, in a form that can be compared."""
    try:
        answer = attempt()
    except ItemMovedError as lost:
        return "lost race", lost.winner
    except TransactionRefusedError as refused:
        return "refused", list(refused.reasons)
    except ClientError as error:
        return "error", error.response["Error"]["Code"]
    return list(answer) if isinstance(answer, Iterator) else answer


def put_new(*items: Item) -> None:
    for item in items:
        TABLE.put(item, expected_version=0)


def release(saplings: int) -> None:
    plan = {":released": saplings, ":timetable": None, ":v": 1}
    transact([TABLE.update_write(STOCK, RELEASE, CAN_RELEASE, {**plan, ":none": 0, ":most": saplings})])


def take(saplings: int, read: int, most: int) -> None:
    transact([TABLE.update_write(STOCK, *TAKE, {":saplings": saplings, ":read": read, ":most": most})])


def give_back(saplings: int) -> None:
    transact([TABLE.update_write(STOCK, *GIVE_BACK, {":saplings": saplings})])


def spend(points: int) -> None:
    transact([TABLE.update_write(WALLET, *SPEND, {":points": points, ":one": 1})])


def refund(points: int) -> None:
    transact([TABLE.update_write(WALLET, *REFUND, {":points": points, ":one": 1})])


def spend_and_put(points: int, read: int) -> None:
    spending = TABLE.update_write(WALLET, *SPEND, {":points": points, ":one": 1})
    transact([spending, TABLE.put_write(entry("TREE#1", state="reserved"), read)])


def twice_the_same() -> None:
    transact([TABLE.put_write(entry("TREE#9"), 0), TABLE.put_write(entry("TREE#9"), 0)])


SUITE: dict[str, Callable[[], object]] = {
    "get nothing": lambda: TABLE.get(WALLET),
    "put new": lambda: TABLE.put(entry("WALLET", balance=100, spent=0, credited={"2026": 7}), 0),
    "put new again": lambda: TABLE.put(entry("WALLET", balance=1), 0),
    "put over what was read": lambda: TABLE.put(entry("WALLET", balance=90, spent=0, credited={}), 1),
    "put over what moved": lambda: TABLE.put(entry("WALLET", balance=80), 1),
    "put over what is not there": lambda: TABLE.put(entry("NOTHING"), 3),
    "get": lambda: TABLE.get(WALLET),
    "release": lambda: release(10),
    "take": lambda: take(6, 1, 4),
    "take as it was planned before": lambda: take(1, 0, 9),
    "take more than there is": lambda: take(5, 1, 5),
    "give back": lambda: give_back(2),
    "give back more than was taken": lambda: give_back(5),
    "release less than is spoken for": lambda: release(3),
    "release more": lambda: release(11),
    "stock": lambda: TABLE.get(STOCK),
    "spend": lambda: spend(30),
    "spend more than there is": lambda: spend(61),
    "refund": lambda: refund(10),
    "refund more than was spent": lambda: refund(21),
    "spend again": lambda: spend(10),
    "spend from no wallet": lambda: transact(
        [TABLE.update_write(Key("USER#x", "WALLET"), *SPEND, {":points": 1, ":one": 1})]
    ),
    "part of a transaction does not hold": lambda: spend_and_put(10, 5),
    "all of a transaction holds": lambda: spend_and_put(10, 0),
    "an item twice in a transaction": twice_the_same,
    "after the transactions": lambda: [TABLE.get(WALLET), TABLE.get(Key("USER#u", "TREE#1")), TABLE.get(STOCK)],
    "list": lambda: put_new(
        *(
            entry(f"TREE#{digit}", "USER#w", list_name="RESERVED#p", list_order=f"{digit}", other=digit)
            for digit in "241"
        )
    ),
    "list others": lambda: TABLE.put(entry("TREE#1", "USER#z", list_name="RESERVED#q", list_order="0"), 0),
    "listed": lambda: TABLE.listed("RESERVED#p", 10),
    "listed at most": lambda: TABLE.listed("RESERVED#p", 2),
    "listed before": lambda: TABLE.listed("RESERVED#p", 10, before="4"),
    "listed before at most": lambda: TABLE.listed("RESERVED#p", 1, before="4"),
    "listed backwards": lambda: TABLE.listed("RESERVED#p", 2, backwards=True),
    "listed before, backwards": lambda: TABLE.listed("RESERVED#p", 10, backwards=True, before="4"),
    "listed before the first": lambda: TABLE.listed("RESERVED#p", 10, before="1"),
    "leave the list": lambda: TABLE.put(entry("TREE#2", "USER#w"), 1),
    "listed afterwards": lambda: TABLE.listed("RESERVED#p", 10),
    "listed nowhere": lambda: TABLE.listed("RESERVED#none", 10),
    "periods": lambda: put_new(
        *(entry(f"PAGE#{window}", e={}) for window in ("2026-06-05", "2026-06", "2026", "2026-07-01"))
    ),
    "query": lambda: TABLE.query("USER#u", "PAGE#2026-06", "PAGE#2026-06-31"),
    "query to its bounds": lambda: TABLE.query("USER#u", "PAGE#2026", "PAGE#2026-07-01"),
    "query nothing": lambda: TABLE.query("USER#nobody", "PAGE#", "PAGE#~"),
    "query back": lambda: TABLE.query_back("USER#u", "PAGE#", "PAGE#2026-07-01"),
    "scan": lambda: sorted(scan(TABLE), key=lambda item: (item["pk"], item["sk"])),
    "scan for some": lambda: sorted(
        (item["pk"], item["sk"])
        for item in scan(
            TABLE,
            FilterExpression="begins_with(sk, :prefix)",
            ExpressionAttributeValues={":prefix": {"S": "TREE#"}},
        )
    ),
    "last": lambda: TABLE.last("USER#u"),
    "last of nothing": lambda: TABLE.last("USER#nobody"),
    "put many": lambda: TABLE.put_all([entry("CERT", f"CERT#{number}", user_id="u") for number in range(30)]),
    "get many": lambda: sorted(
        TABLE.get_many([Key(f"CERT#{number}", "CERT") for number in range(120)], consistent=True).items()
    ),
}


def test_storage_is_answered_alike_in_memory_and_by_moto(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[dict[str, object]] = []
    for engine in (memory, moto):
        with engine() as client:
            for module in ("saxaul.storage.table", "operations.ledger_reading"):
                monkeypatch.setattr(f"{module}.dynamodb", lambda client=client: client)
            answers.append({name: outcome_of(operation) for name, operation in SUITE.items()})

    for name in SUITE:
        assert answers[0][name] == answers[1][name], name


def test_reads_that_may_lag_see_the_item_before_until_the_table_catches_up(monkeypatch: pytest.MonkeyPatch) -> None:
    client = MemoryDynamoDB()
    client.lagging = True
    monkeypatch.setattr("saxaul.storage.table.dynamodb", lambda: client)
    TABLE.put(entry("WALLET", balance=1), 0)
    TABLE.put(entry("WALLET", balance=2), 1)

    assert TABLE.get_many([WALLET], consistent=False)[WALLET]["balance"] == 1
    assert TABLE.get_many([WALLET], consistent=True)[WALLET]["balance"] == 2
    client.catch_up()
    assert TABLE.get_many([WALLET], consistent=False)[WALLET]["balance"] == 2
