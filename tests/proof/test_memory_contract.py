"""Storage gets the same results from the in-memory DynamoDB as from moto, so a proof in memory holds for both."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from operations.ledger_reading import scan
from saxaul.clock import SYSTEM_CLOCK
from saxaul.ledger.actions import Owner
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.storage.periods import Periods
from saxaul.storage.table import FOREST_PAGE, Item, ItemMovedError, Key, Table, TransactionRefusedError, transact
from tests.builders import make_entry
from tests.proof.memory_dynamodb import MemoryDynamoDB

TABLE = Table("Ledger", SYSTEM_CLOCK)
STOCK = Key("PROJECT#saxaul", "STOCK")
WALLET = Key("USER#u", "WALLET")
PERIODS = Periods(TABLE)
OWNER = Owner("user", "sums")
SHORT, LONG = PeriodKey(OWNER, "2026-05-05"), PeriodKey(OWNER, "2026-05")
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
        names = ("pk", "sk", "list_name", "list_order", "forest_order")
        keys: Any = [{"AttributeName": name, "KeyType": kind} for name, kind in (("pk", "HASH"), ("sk", "RANGE"))]
        listing: Any = [
            {"AttributeName": name, "KeyType": kind} for name, kind in (("list_name", "HASH"), ("list_order", "RANGE"))
        ]
        forest: Any = [
            {"AttributeName": name, "KeyType": kind} for name, kind in (("pk", "HASH"), ("forest_order", "RANGE"))
        ]
        client.create_table(
            TableName="Ledger",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=keys,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            GlobalSecondaryIndexes=[
                {"IndexName": "Listing", "KeySchema": listing, "Projection": {"ProjectionType": "KEYS_ONLY"}},
                {"IndexName": "Forest", "KeySchema": forest, "Projection": {"ProjectionType": "KEYS_ONLY"}},
            ],
        )
        yield client


def entry(sk: str, pk: str = "USER#u", **fields: Any) -> Item:  # noqa: ANN401 - any field
    return {"pk": pk, "sk": sk, **fields}


def outcome_of(attempt: Callable[[], object]) -> object:
    """Return the result or the refusal of an operation, in a form that can be compared."""
    try:
        result = attempt()
    except ItemMovedError as lost:
        return "lost race", lost.winner
    except TransactionRefusedError as refused:
        return "refused", list(refused.reasons)
    except ClientError as error:
        return "error", error.response["Error"]["Code"]
    return list(result) if isinstance(result, Iterator) else result


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


def put_periods() -> None:
    """Write a period of one entry, and one that is so long that it has sums."""
    long = {f"alipay:{n * 7919:x}-{n**5:x}": make_entry(n, recorded_at=n**3) for n in range(500)}
    transact([PERIODS.put_write(Period(SHORT, {"alipay:ride": make_entry(7)})), PERIODS.put_write(Period(LONG, long))])
    assert not {"sums", "packed"} - (TABLE.get(Key("USER#sums", "PAGE#2026-05")) or {}).keys()


def plant_two_forests() -> None:
    for pk, count in (("USER#f", 2 * FOREST_PAGE + 3), ("USER#g", 2)):
        put_new(*(entry(f"TREE#{n}", pk, forest_order=f"{n // 2:03d}#{n}", other=n) for n in range(count)))


def twice_the_same() -> None:
    transact([TABLE.put_write(entry("TREE#9"), 0), TABLE.put_write(entry("TREE#9"), 0)])


SUITE: dict[str, Callable[[], object]] = {
    "get a missing item": lambda: TABLE.get(WALLET),
    "put a new item": lambda: TABLE.put(entry("WALLET", balance=100, spent=0, credited={"2026": 7}), 0),
    "put a new item that exists already": lambda: TABLE.put(entry("WALLET", balance=1), 0),
    "put over the expected version": lambda: TABLE.put(entry("WALLET", balance=90, spent=0, credited={}), 1),
    "put over an outdated version": lambda: TABLE.put(entry("WALLET", balance=80), 1),
    "put over a missing item": lambda: TABLE.put(entry("NOTHING"), 3),
    "get an item": lambda: TABLE.get(WALLET),
    "release saplings": lambda: release(10),
    "take saplings": lambda: take(6, 1, 4),
    "take saplings with an outdated version of the plan": lambda: take(1, 0, 9),
    "take more saplings than are left": lambda: take(5, 1, 5),
    "give saplings back": lambda: give_back(2),
    "give back more saplings than were taken": lambda: give_back(5),
    "release fewer saplings than are reserved": lambda: release(3),
    "release more saplings": lambda: release(11),
    "get the stock": lambda: TABLE.get(STOCK),
    "spend points": lambda: spend(30),
    "spend more points than the wallet has": lambda: spend(61),
    "refund points": lambda: refund(10),
    "refund more points than were spent": lambda: refund(21),
    "spend the refunded points": lambda: spend(10),
    "spend from a missing wallet": lambda: transact(
        [TABLE.update_write(Key("USER#x", "WALLET"), *SPEND, {":points": 1, ":one": 1})]
    ),
    "one condition of a transaction fails": lambda: spend_and_put(10, 5),
    "all conditions of a transaction hold": lambda: spend_and_put(10, 0),
    "an item twice in a transaction": twice_the_same,
    "get after the transactions": lambda: [TABLE.get(WALLET), TABLE.get(Key("USER#u", "TREE#1")), TABLE.get(STOCK)],
    "put on a list": lambda: put_new(
        *(
            entry(f"TREE#{digit}", "USER#w", list_name="RESERVED#p", list_order=f"{digit}", other=digit)
            for digit in "241"
        )
    ),
    "put on another list": lambda: TABLE.put(entry("TREE#1", "USER#z", list_name="RESERVED#q", list_order="0"), 0),
    "read a list": lambda: TABLE.listed("RESERVED#p", 10),
    "read the start of a list": lambda: TABLE.listed("RESERVED#p", 2),
    "read a list before a place": lambda: TABLE.listed("RESERVED#p", 10, before="4"),
    "read the start of a list before a place": lambda: TABLE.listed("RESERVED#p", 1, before="4"),
    "read a list backwards": lambda: TABLE.listed("RESERVED#p", 2, backwards=True),
    "read a list backwards before a place": lambda: TABLE.listed("RESERVED#p", 10, backwards=True, before="4"),
    "read a list before its first place": lambda: TABLE.listed("RESERVED#p", 10, before="1"),
    "take an item off a list": lambda: TABLE.put(entry("TREE#2", "USER#w"), 1),
    "read a list without the item that was taken off": lambda: TABLE.listed("RESERVED#p", 10),
    "read an empty list": lambda: TABLE.listed("RESERVED#none", 10),
    "put periods": lambda: put_new(
        *(entry(f"PAGE#{window}", e={}) for window in ("2026-06-05", "2026-06", "2026", "2026-07-01"))
    ),
    "query a range": lambda: TABLE.query("USER#u", "PAGE#2026-06", "PAGE#2026-06-31"),
    "query a range that includes both bounds": lambda: TABLE.query("USER#u", "PAGE#2026", "PAGE#2026-07-01"),
    "query an empty partition": lambda: TABLE.query("USER#nobody", "PAGE#", "PAGE#~"),
    "query backwards": lambda: TABLE.query_back("USER#u", "PAGE#", "PAGE#2026-07-01"),
    "query a range, and only some attributes": lambda: TABLE.query(
        "USER#w", "TREE#1", "TREE#4", "sk, list_order, not_there"
    ),
    "get many items, and only some attributes": lambda: TABLE.get_many(
        [Key("USER#w", "TREE#1"), Key("USER#w", "TREE#2"), WALLET], consistent=True, only="pk, sk, list_order"
    ),
    "put periods with and without sums": put_periods,
    "read the sums between two windows": lambda: PERIODS.sums_between(OWNER, "2026", "2026-12-31"),
    "read the sums of periods of which one is missing": lambda: sorted(
        PERIODS.sums_of_many([SHORT, LONG, PeriodKey(OWNER, "2026")]), key=lambda sums: sums.window
    ),
    "read whole periods": lambda: PERIODS.between(OWNER, "2026", "2026-12-31"),
    "plant two forests": plant_two_forests,
    "read a forest": lambda: TABLE.forest("USER#f", "0", "~"),
    "read a forest from a place on": lambda: TABLE.forest("USER#f", "0", "012#24"),
    "read a forest from a place on that has no tree": lambda: TABLE.forest("USER#f", "0", "012#245"),
    "read a forest from before its first tree on": lambda: TABLE.forest("USER#f", "0", "000"),
    "read a forest up to a place": lambda: TABLE.forest("USER#f", "003#6", "~"),
    "read an empty forest": lambda: TABLE.forest("USER#nobody", "0", "~"),
    "take a tree out of a forest": lambda: TABLE.put(entry("TREE#1", "USER#g", other=1), 1),
    "read a forest without the tree that was taken out": lambda: TABLE.forest("USER#g", "0", "~"),
    "scan": lambda: sorted(scan(TABLE), key=lambda item: (item["pk"], item["sk"])),
    "scan with a filter": lambda: sorted(
        (item["pk"], item["sk"])
        for item in scan(
            TABLE,
            FilterExpression="begins_with(sk, :prefix)",
            ExpressionAttributeValues={":prefix": {"S": "TREE#"}},
        )
    ),
    "last item of a partition": lambda: TABLE.last("USER#u"),
    "last item of an empty partition": lambda: TABLE.last("USER#nobody"),
    "put many items": lambda: TABLE.put_all([entry("CERT", f"CERT#{number}", user_id="u") for number in range(30)]),
    "get many items": lambda: sorted(
        TABLE.get_many([Key(f"CERT#{number}", "CERT") for number in range(120)], consistent=True).items()
    ),
}


def test_storage_gets_the_same_results_from_memory_as_from_moto(monkeypatch: pytest.MonkeyPatch) -> None:
    results: list[dict[str, object]] = []
    for engine in (memory, moto):
        with engine() as client:
            for module in ("saxaul.storage.table", "operations.ledger_reading"):
                monkeypatch.setattr(f"{module}.dynamodb", lambda client=client: client)
            results.append({name: outcome_of(operation) for name, operation in SUITE.items()})

    for name in SUITE:
        assert results[0][name] == results[1][name], name


def test_eventually_consistent_reads_may_return_the_previous_item(monkeypatch: pytest.MonkeyPatch) -> None:
    client = MemoryDynamoDB()
    client.lagging = True
    monkeypatch.setattr("saxaul.storage.table.dynamodb", lambda: client)
    TABLE.put(entry("WALLET", balance=1), 0)
    TABLE.put(entry("WALLET", balance=2), 1)

    assert TABLE.get_many([WALLET], consistent=False)[WALLET]["balance"] == 1
    assert TABLE.get_many([WALLET], consistent=True)[WALLET]["balance"] == 2
    client.catch_up()
    assert TABLE.get_many([WALLET], consistent=False)[WALLET]["balance"] == 2
