"""Claims to evidence and early reversals as items, in the partition of their owner."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from saxaul.ledger.actions import Owner
from saxaul.ledger.claims import Claim, EvidenceClaims
from saxaul.ledger.early import EarlyReversal, EarlyReversals
from saxaul.storage.periods import owner_of, partition
from saxaul.storage.table import Item, Key, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

EVIDENCE_PREFIX = "EVIDENCE#"
EARLY_PREFIX = "EARLY#"


class Claims:
    """Reads and writes the claims to evidence, and the early reversals."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def evidence(self, owner: Owner, evidence_ids: Iterable[str]) -> dict[str, EvidenceClaims]:
        """Read the claims to evidence consistently. Evidence without an item has no claims."""
        keys = {evidence_id: _evidence_key(owner, evidence_id) for evidence_id in evidence_ids}
        items = self._table.get_many(keys.values(), consistent=True)
        return {
            evidence_id: evidence_from_item(items[key]) if key in items else EvidenceClaims(owner, evidence_id)
            for evidence_id, key in keys.items()
        }

    def early(self, owner: Owner, apps: Iterable[str]) -> dict[str, EarlyReversals]:
        """Read the early reversals of these apps consistently."""
        keys = {app: _early_key(owner, app) for app in apps}
        items = self._table.get_many(keys.values(), consistent=True)
        return {
            app: early_from_item(items[key]) if key in items else EarlyReversals(owner, app)
            for app, key in keys.items()
        }

    def all_evidence(self, owner: Owner) -> Iterator[EvidenceClaims]:
        """Yield all claims to evidence of an owner, sorted by evidence id. The read is consistent."""
        # An evidence id may begin with ~, the last character that it can have, and # is followed by $.
        items = self._table.query(partition(owner), EVIDENCE_PREFIX, f"{EVIDENCE_PREFIX[:-1]}$")
        return map(evidence_from_item, items)

    def all_early(self, owner: Owner) -> Iterator[EarlyReversals]:
        """Yield all early reversals of an owner, sorted by app. The read is consistent."""
        return map(early_from_item, self._table.query(partition(owner), EARLY_PREFIX, f"{EARLY_PREFIX}~"))

    def evidence_write(self, evidence: EvidenceClaims) -> "TransactWriteItemTypeDef":
        claims = [list(claim) for claim in evidence.claims]
        key = _evidence_key(evidence.owner, evidence.evidence_id)
        return self._table.put_write({**key._asdict(), "claims": claims}, evidence.version)

    def early_write(self, early: EarlyReversals) -> "TransactWriteItemTypeDef":
        reversals = {action_id: list(reversal) for action_id, reversal in early.reversals.items()}
        key = _early_key(early.owner, early.app)
        return self._table.put_write({**key._asdict(), "reversals": reversals}, early.version)


def evidence_from_item(item: Item) -> EvidenceClaims:
    claims = tuple(Claim(*claim) for claim in item["claims"])
    return EvidenceClaims(owner_of(item["pk"]), item["sk"].removeprefix(EVIDENCE_PREFIX), claims, int(item["v"]))


def early_from_item(item: Item) -> EarlyReversals:
    reversals = {
        action_id: EarlyReversal(reason, int(occurred_at), receipt)
        for action_id, (reason, occurred_at, receipt) in item["reversals"].items()
    }
    return EarlyReversals(owner_of(item["pk"]), item["sk"].removeprefix(EARLY_PREFIX), reversals, int(item["v"]))


def _evidence_key(owner: Owner, evidence_id: str) -> Key:
    return Key(partition(owner), f"{EVIDENCE_PREFIX}{evidence_id}")


def _early_key(owner: Owner, app: str) -> Key:
    return Key(partition(owner), f"{EARLY_PREFIX}{app}")
