"""The transaction that makes a redemption nobody's."""

from typing import TYPE_CHECKING

from saxaul.storage import orders, redemptions
from saxaul.storage.leaves import Leaves, StoredLeaf
from saxaul.storage.table import Table
from saxaul.trees.nobody import MovedToNobody

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


def move_writes(table: Table, moved: MovedToNobody) -> list["TransactWriteItemTypeDef"]:
    """Return the writes that make a redemption nobody's, for a transaction. There are at most 52.

    A redemption has at most 10 trees, and each tree at most 3 orders. So these are at most 30 orders, 10 certificates,
    10 leaves, and the two items of the redemption. They fail if the redemption or one of the orders has changed since
    it was read.
    """
    before, after = moved.before, moved.after
    leaves = Leaves(table)
    return [
        table.erase_write(redemptions.redemption_key(before.user_id, before.redemption_id), before.version),
        table.put_write(redemptions.to_item(after), after.version),
        *(table.replace_write(redemptions.certificate_item(after, tree)) for tree in after.trees),
        *(table.put_write(orders.to_item(order), order.version) for order in moved.orders),
        *(
            leaves.add_write(StoredLeaf(said.leaf.certificate, said.number, said.text), said.recorded_at)
            for said in moved.statements
        ),
    ]
