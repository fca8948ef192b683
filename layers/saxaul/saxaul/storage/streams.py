"""Reads changes of periods, redemptions and participations from the ledger's stream.

Changes of other items are ignored.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from saxaul.impact.totals import Tally
from saxaul.ledger.periods import Period
from saxaul.messages.events import StreamRecord
from saxaul.storage import impact, periods, redemptions
from saxaul.storage.table import Item, python
from saxaul.trees.redemptions import Redemption

_NO_RUNS: Mapping[str, int] = MappingProxyType({})


class RecordChange(NamedTuple):
    """A period, a redemption or a participation before and after a write.

    Attributes:
        sequence: grows with every change in a shard.
        at: when the item was changed, in seconds by DynamoDB's clock; 0 if the record does not say it.
        runs: the runs of campaigns of which a period newly has an entry that counts (1), or no longer has any (-1).
    """

    sequence: int
    at: int
    before: Period | Redemption | Tally | None
    after: Period | Redemption | Tally
    runs: Mapping[str, int] = _NO_RUNS


def changes_in(records: Iterable[StreamRecord]) -> Iterator[RecordChange]:
    """Return the changes in a batch of stream records, in order. Periods have only the entries that the write changed.

    Deletions of items are ignored, so the public totals still count a deleted item. So the insertion of a redemption
    that is nobody's is ignored too: it was counted as that of a person.
    """
    for record in records:
        change = record["dynamodb"]
        if record["eventName"] == "REMOVE" or "NewImage" not in change:
            continue
        sequence, at = int(change["SequenceNumber"]), int(change.get("ApproximateCreationDateTime", 0))
        before, after = (_read(change[image]) if image in change else None for image in ("OldImage", "NewImage"))
        if after and after["sk"].startswith(periods.PERIOD_PREFIX):
            yield RecordChange(sequence, at, *periods.change_of(before, after))
        elif after and after["sk"].startswith(redemptions.TREE_PREFIX):
            old, new = redemptions.from_item(before) if before else None, redemptions.from_item(after)
            # A redemption becomes nobody's by a deletion, which counts nothing, and an insertion.
            if old or not new.is_nobodys:
                yield RecordChange(sequence, at, old, new)
        elif after and after["sk"].startswith(impact.PARTICIPATION_PREFIX):
            was = impact.from_item(before) if before else None
            yield RecordChange(sequence, at, was, impact.from_item(after))


def _read(image: Any) -> Item:  # noqa: ANN401 - DynamoDB's own notation
    """Return an image (an item in a stream record) as Python values. Lambda delivers binary values as base64 text."""
    return python({name: _as_bytes(value) for name, value in image.items()})


def _as_bytes(value: Any) -> Any:  # noqa: ANN401 - DynamoDB's own notation
    """Return a value with its binary text decoded. The binary values of a period's digests are in a map."""
    if isinstance(value.get("B"), str):
        return {"B": base64.b64decode(value["B"])}
    if "M" in value:
        return {"M": {name: _as_bytes(member) for name, member in value["M"].items()}}
    return value
