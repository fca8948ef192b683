"""Wallets as items. This module also reads the sums of the open periods of a wallet."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from secrets import token_hex
from typing import TYPE_CHECKING

from saxaul.ledger.actions import Owner
from saxaul.ledger.entries import Entry
from saxaul.ledger.periods import PeriodKey
from saxaul.ledger.sums import PeriodSums
from saxaul.storage.patience import one_attempt
from saxaul.storage.periods import Periods, entries_using_caps, period_key
from saxaul.storage.table import Item, ItemMovedError, Table, wallet_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

from saxaul.ledger.wallets import Wallet

_LAST_WINDOW = "9999-12-31"
_AT_A_GLANCE = "pk, sk, balance, e, z, packed"
"""The attributes of a wallet and of periods that a glance needs. The attribute ``digests`` of a period can be long."""


class Wallets:
    """Reads and writes wallets."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._periods = Periods(table)

    def get(self, user_id: str) -> Wallet:
        """Return a person's wallet. If nothing was harvested yet, the wallet is empty."""
        item = self._table.get(wallet_key(user_id))
        return from_item(item) if item else Wallet(user_id)

    def get_many(self, user_ids: set[str]) -> dict[str, Wallet]:
        items = self._table.get_many(map(wallet_key, user_ids), consistent=True)
        return {
            user_id: from_item(items[wallet_key(user_id)]) if wallet_key(user_id) in items else Wallet(user_id)
            for user_id in user_ids
        }

    def open_periods(self, wallet: Wallet) -> list[PeriodSums]:
        """Return the sums of every period that the wallet has not closed.

        This takes one query, and usually one batch read.
        """
        owner, windows = Owner("user", wallet.user_id), wallet.open_windows
        recent = self._periods.sums_between(owner, windows.first, _LAST_WINDOW)
        others = windows.others - {period.window for period in recent}
        rest = self._periods.sums_of_many([PeriodKey(owner, window) for window in others])
        return recent + [period for period in rest if not wallet.is_closed(period.window)]

    def glance(
        self, user_id: str, windows: Iterable[str], action_types: Collection[str]
    ) -> tuple[int, Sequence[Entry]]:
        """Return a person's balance, and the entries of these types that use a cap in the periods of these windows.

        This takes one batch read, which is tried once. It is not consistent, which halves its cost:
        what it returns is shown and decides nothing, and a consistent read would lack the queued actions too.

        Raises:
            OutOfTimeError, OverloadedError, UnansweredError: there was no complete answer in time.
        """
        owner = Owner("user", user_id)
        periods = [period_key(PeriodKey(owner, window)) for window in windows]
        with one_attempt():
            items = self._table.get_many([wallet_key(user_id), *periods], consistent=False, only=_AT_A_GLANCE)
        wallet = items.get(wallet_key(user_id), {})
        found = [entry for key in periods if key in items for entry in entries_using_caps(items[key], action_types)]
        return int(wallet.get("balance", 0)), found

    def put(self, wallet: Wallet) -> None:
        """Write a wallet, if the stored version is still the one that was read.

        The AWS client retries a write whose response was lost. If the first attempt took effect, DynamoDB refuses the
        retry, because the version has changed. So each write stores a random mark. If the stored wallet has that mark,
        the write succeeded, and the harvest can return how many points it moved.

        Raises:
            ItemMovedError: a concurrent write changed the wallet first.
        """
        mark = token_hex(8)
        try:
            self._table.put({**to_item(wallet), "mark": mark}, wallet.version)
        except ItemMovedError as moved:
            if moved.winner is None or moved.winner.get("mark") != mark:
                raise

    def put_write(self, wallet: Wallet) -> "TransactWriteItemTypeDef":
        return self._table.put_write(to_item(wallet), wallet.version)


def to_item(wallet: Wallet) -> Item:
    item: Item = {
        **wallet_key(wallet.user_id)._asdict(),
        "balance": wallet.balance,
        "spent": wallet.spent,
        "credited": dict(wallet.credited),
        "settled_g": wallet.closed_g,
    }
    if wallet.closed_through:
        item["settled_through"] = wallet.closed_through.isoformat()
    return item


def from_item(item: Item) -> Wallet:
    closed_through = item.get("settled_through")
    return Wallet(
        user_id=item["pk"].removeprefix("USER#"),
        balance=int(item["balance"]),
        spent=int(item["spent"]),
        credited={window: int(points) for window, points in item["credited"].items()},
        closed_through=date.fromisoformat(closed_through) if closed_through else None,
        closed_g=item["settled_g"],
        version=int(item["v"]),
    )
