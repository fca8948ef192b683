"""The items in the partition of a person, ``USER#<user_id>``, as they are: read and deleted, whatever they hold."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from saxaul.impact.totals import Tally
from saxaul.ledger.periods import Period
from saxaul.storage import impact, periods
from saxaul.storage.attributes import stored_bytes
from saxaul.storage.claims import EARLY_PREFIX, EVIDENCE_PREFIX
from saxaul.storage.grants import GRANT_PREFIX
from saxaul.storage.impact import PARTICIPATION_PREFIX
from saxaul.storage.periods import PERIOD_PREFIX
from saxaul.storage.redemptions import TREE_PREFIX
from saxaul.storage.table import Item, Key, Table, wallet_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_FIRST, _LAST = "!", "~"
"""Sort before and after the sort key of every item of a person."""

_KINDS: Mapping[str, str] = {
    EARLY_PREFIX: "early_reversal",
    EVIDENCE_PREFIX: "evidence",
    GRANT_PREFIX: "grant",
    PERIOD_PREFIX: "period",
    PARTICIPATION_PREFIX: "participation",
    TREE_PREFIX: "redemption",
    wallet_key("").sk: "wallet",
}
"""What the sort key of an item of each kind begins with."""


class PersonItem(NamedTuple):
    """One item of a person, and its kind; the kind is empty if nothing knows such items."""

    kind: str
    item: Item

    @property
    def key(self) -> Key:
        return Key(self.item["pk"], self.item["sk"])

    @property
    def size(self) -> int:
        """About how many bytes the item has."""
        return stored_bytes(self.item)


class PersonItems:
    """Reads all items of a person, and makes the writes that delete them."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, user_id: str) -> Iterator[PersonItem]:
        """Yield every item of a person, by sort key, read consistently."""
        return map(_known, self._table.query(wallet_key(user_id).pk, _FIRST, _LAST))

    def again(self, items: Iterable[PersonItem]) -> list[PersonItem]:
        """Read these items again, consistently. Return those that still exist."""
        found = self._table.get_many([item.key for item in items], consistent=True)
        return list(map(_known, found.values()))

    def read(self, found: PersonItem) -> Period | Tally | None:
        """Return the period or the participation that an item holds. None if it holds something else.

        Raises:
            ValueError: the item cannot be read.
        """
        try:
            if found.kind == "period":
                return periods.from_item(found.item)
            return impact.from_item(found.item) if found.kind == "participation" else None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, zlib.error) as error:
            raise ValueError(f"a malformed {found.kind}") from error

    def delete_write(self, item: PersonItem) -> "TransactWriteItemTypeDef":
        """Return the deletion of an item, for a transaction: it must still have the version that was read.

        An item without a version must still exist.
        """
        version = item.item.get("v")
        return self._table.erase_write(item.key, int(version) if version is not None else None)


def _known(item: Item) -> PersonItem:
    kind = next((kind for prefix, kind in _KINDS.items() if item["sk"].startswith(prefix)), "")
    return PersonItem(kind, item)
