"""Reads the items of the ledger's table, and converts those of one owner to domain objects."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from saxaul.audit import Finding, Holdings
from saxaul.catalog.calendar import last_day
from saxaul.ledger.periods import Period
from saxaul.ledger.wallets import Wallet
from saxaul.storage import impact, periods, redemptions, wallets
from saxaul.storage.clients import dynamodb
from saxaul.storage.table import Item, Table, python
from saxaul.trees.redemptions import Redemption

MALFORMED = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError, zlib.error)
"""The exceptions that converting a malformed item can raise."""


class Reading(NamedTuple):
    """Everything in the ledger about one owner, and a finding for each item that cannot be read."""

    holdings: Holdings
    unreadable: list[Finding]


def about_items(table: Table) -> int:
    """Return about how many items a table has: DynamoDB counts them every six hours. 0 if it does not say."""
    try:
        return int(dynamodb().describe_table(TableName=table.name)["Table"].get("ItemCount", 0))
    except (BotoCoreError, ClientError):  # whoever may read the table need not have the right to describe it
        return 0


def scan(table: Table, *, tell: Callable[[int], None] = lambda _: None, **narrowed: Any) -> Iterator[Item]:  # noqa: ANN401 - the scan's own arguments
    """Yield all items of a table with consistent reads. ``narrowed`` has further arguments of DynamoDB's Scan.

    After each page, ``tell`` gets the number of items read so far, those included that a filter leaves out.
    """
    scanned = dynamodb().get_paginator("scan").paginate(TableName=table.name, ConsistentRead=True, **narrowed)
    read = 0
    for page in scanned:
        yield from map(python, page["Items"])
        read += page["ScannedCount"]
        tell(read)


def read_owner(pk: str, items: Iterable[Item]) -> Reading:
    """Convert the wallet, the periods and the redemptions of one owner. Ignores all other items."""
    owner = periods.owner_of(pk)
    broken: list[Finding] = []
    wallet, found_periods, found_redemptions, sizes = (
        Wallet(owner.id),
        list[Period](),
        list[Redemption](),
        dict[str, int](),
    )
    for item in items:
        try:
            if item["sk"] == "WALLET":
                wallet = wallets.from_item(item)
            elif item["sk"].startswith(periods.PERIOD_PREFIX):
                period = periods.from_item(item)
                last_day(period.key.window)
                found_periods.append(period)
                sizes[period.key.window] = size_of(item)
            elif item["sk"].startswith(redemptions.TREE_PREFIX):
                found_redemptions.append(redemptions.from_item(item))
            elif item["sk"].startswith(impact.PARTICIPATION_PREFIX):
                impact.from_item(item)  # only whether it can be read; operations/recount.py compares it
        except MALFORMED as error:
            broken.append(unreadable(item, error))
    return Reading(Holdings(owner, wallet, found_periods, found_redemptions, sizes), broken)


def unreadable(item: Item, error: Exception) -> Finding:
    return Finding(f"item {item['pk']} {item['sk']}", f"cannot be read: {error!r}")


def size_of(value: object) -> int:
    """Return about how many bytes DynamoDB counts for a value: text in UTF-8, and one byte for two digits."""
    match value:
        case dict():
            return 3 + sum(len(name.encode()) + 1 + size_of(member) for name, member in value.items())
        case list():
            return 3 + sum(1 + size_of(member) for member in value)
        case str():
            return len(value.encode())
        case Decimal():
            return 2 + len(value.as_tuple().digits) // 2
        case bool() | None:
            return 1
        case _:
            return len(bytes(value))  # type: ignore[call-overload] # boto3's Binary
