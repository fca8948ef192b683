"""The writes of a transaction that spend points and reserve saplings, and those that give them back.

A redemption is written together with them. They need nothing of what reads wallets and stocks.
"""

from typing import TYPE_CHECKING

from saxaul.storage.table import IS_AS_EXPECTED, Table, stock_key, wallet_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from saxaul.trees.stock import Stock

_HAS_ENOUGH = "balance >= :points"
_HAS_SPENT = "spent >= :points"
_ENOUGH_UNRESERVED = "reserved <= :most"
_ENOUGH_RESERVED = "reserved >= :saplings"


class Spending:
    """Makes the writes that spend and refund points of a wallet, and that reserve and unreserve saplings of a stock.

    Each is an update with a condition, for a transaction.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def debit_write(self, user_id: str, points: int) -> "TransactWriteItemTypeDef":
        """Return the write that spends points, on condition that the balance suffices."""
        return self._table.update_write(
            wallet_key(user_id),
            "SET balance = balance - :points, spent = spent + :points, v = v + :one",
            _HAS_ENOUGH,
            {":points": points, ":one": 1},
        )

    def refund_write(self, user_id: str, points: int) -> "TransactWriteItemTypeDef":
        """Return the write that gives back spent points, on condition that at least as many were spent."""
        return self._table.update_write(
            wallet_key(user_id),
            "SET balance = balance + :points, spent = spent - :points, v = v + :one",
            _HAS_SPENT,
            {":points": points, ":one": 1},
        )

    def reserve_write(self, stock: "Stock", saplings: int, now: int) -> "TransactWriteItemTypeDef":
        """Return the write that reserves saplings, on condition that enough saplings are unreserved at ``now``.

        The write also fails if an operator has changed the stock since it was read.
        """
        return self._table.update_write(
            stock_key(stock.project_id),
            "SET reserved = reserved + :saplings",
            f"{IS_AS_EXPECTED} AND {_ENOUGH_UNRESERVED}",
            {":saplings": saplings, ":expected_version": stock.version, ":most": stock.released_by(now) - saplings},
        )

    def unreserve_write(self, project_id: str, saplings: int) -> "TransactWriteItemTypeDef":
        """Return the write that makes reserved saplings unreserved again."""
        return self._table.update_write(
            stock_key(project_id), "SET reserved = reserved - :saplings", _ENOUGH_RESERVED, {":saplings": saplings}
        )
