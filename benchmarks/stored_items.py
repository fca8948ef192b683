"""What the tables of the emulator store, and how many bytes DynamoDB bills for it."""

from typing import Any

import boto3

from benchmarks.engine import LEDGER
from operations.ledger_reading import size_of
from saxaul.storage.table import Item, python, raw

INDEX_BYTES = 100
"""Bytes that DynamoDB adds to each stored item, for its index."""


def ledger_items() -> dict[tuple[str, str], dict[str, Any]]:
    """Return all items of the ledger in DynamoDB's notation. The meter does not count this."""
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=LEDGER, ConsistentRead=True)
    return {(item["pk"]["S"], item["sk"]["S"]): item for page in pages for item in page["Items"]}


def bytes_of(item: Item) -> int:
    """Return the bytes of an item, without those of the index of the table."""
    return size_of(python(raw(item)))
