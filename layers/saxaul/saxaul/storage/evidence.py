"""Whose each tag, place and photo is, as items of the ledger: ``EVIDENCE#<kind>#<key>`` and ``EVIDENCE``."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from saxaul.storage.table import IS_NEW, Key, Table
from saxaul.trees.evidence import Transfer, TreeEvidence

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

TREE_EVIDENCE_PREFIX = "EVIDENCE#"
_SORT_KEY = "EVIDENCE"
_BELONGS = "certificate = :certificate"


class EvidenceStore:
    """Reads whose evidence is, and makes the writes that let it change hands. An evidence without an item is free."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def owners(self, evidence: Iterable[TreeEvidence]) -> dict[TreeEvidence, str]:
        """Return the number of the certificate that each of these belongs to; without those that are free.

        The read is consistent.
        """
        keys = {evidence_key(each): each for each in evidence}
        found = self._table.get_many(keys, consistent=True)
        return {keys[key]: item["certificate"] for key, item in found.items()}

    def transfer_write(self, evidence: TreeEvidence, transfer: Transfer) -> "TransactWriteItemTypeDef":
        """Return the write that lets evidence change hands, on condition that it still is whose it was.

        Evidence that is taken and given up in one change is only checked to be free.
        """
        key = evidence_key(evidence)
        if transfer == Transfer("", ""):
            return self._table.check_write(key, expected_version=0)
        condition = _BELONGS if transfer.before else IS_NEW
        values = {":certificate": transfer.before} if transfer.before else {}
        if not transfer.after:
            return self._table.delete_if_write(key, f"{IS_NEW} OR {condition}", values)
        return self._table.put_if_write({**key._asdict(), "certificate": transfer.after}, condition, values)


def evidence_key(evidence: TreeEvidence) -> Key:
    return Key(f"{TREE_EVIDENCE_PREFIX}{evidence.kind}#{evidence.key}", _SORT_KEY)
