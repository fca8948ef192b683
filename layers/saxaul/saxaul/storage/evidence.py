"""Which tree holds each tag, place and photo, as items of the ledger: ``EVIDENCE#<kind>#<key>`` and ``EVIDENCE``.

An item has the certificate that holds the evidence. If the evidence is free again, it has the leaf that freed it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from saxaul.storage.table import IS_NEW, Item, Key, Table
from saxaul.trees.evidence import Holding, Transfer, TreeEvidence
from saxaul.trees.leaf_refs import LeafRef

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

TREE_EVIDENCE_PREFIX = "EVIDENCE#"
_SORT_KEY = "EVIDENCE"


class EvidenceStore:
    """Reads which certificate holds each piece of evidence, and makes the writes that change it.

    Evidence without an item was never taken.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def holds(self, evidence: Iterable[TreeEvidence]) -> dict[TreeEvidence, Holding]:
        """Return the holding of each of these, without those that were never taken. The read is consistent."""
        keys = {evidence_key(each): each for each in evidence}
        found = self._table.get_many(keys, consistent=True)
        return {keys[key]: hold_of(item) for key, item in found.items()}

    def transfer_write(self, evidence: TreeEvidence, transfer: Transfer) -> "TransactWriteItemTypeDef":
        """Return the write that changes a holding, on condition that it is still the one before the change."""
        before, after = _attributes(transfer.before), _attributes(transfer.after)
        condition = next((f"{name} = :{name}" for name in before), IS_NEW)
        values = {f":{name}": value for name, value in before.items()}
        return self._table.put_if_write(evidence_key(evidence)._asdict() | after, condition, values)


def hold_of(item: Item) -> Holding:
    """Read the item of a piece of evidence."""
    freed_by = item.get("freed_by")
    return Holding(item.get("certificate", ""), LeafRef.parse(freed_by) if freed_by else None)


def _attributes(hold: Holding) -> Item:
    """Return what an item has besides its keys: one attribute, or none if the evidence was never taken."""
    if hold.freed_by:
        return {"freed_by": hold.freed_by.text}
    return {"certificate": hold.certificate} if hold.certificate else {}


def evidence_key(evidence: TreeEvidence) -> Key:
    return Key(f"{TREE_EVIDENCE_PREFIX}{evidence.kind}#{evidence.key}", _SORT_KEY)
