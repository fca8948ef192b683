"""The ledger's stream: each change of a period or of a redemption; other items are ignored."""

import base64
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from saxaul.ledger.periods import Period
from saxaul.messages.events import StreamRecord
from saxaul.storage import periods, redemptions
from saxaul.storage.table import Item, python
from saxaul.trees.redemptions import Redemption


class RecordChange(NamedTuple):
    """A period or a redemption before and after a write. ``sequence`` grows with every change of a shard."""

    sequence: int
    before: Period | Redemption | None
    after: Period | Redemption


def changes_in(records: Iterable[StreamRecord]) -> Iterator[RecordChange]:
    """The changes of a batch, in their order. A period comes without the entries that it has before and after.

    An item that is deleted changes nothing: who is erased leaves the totals as they are.
    """
    for record in records:
        change = record["dynamodb"]
        if record["eventName"] == "REMOVE" or "NewImage" not in change:
            continue
        before, after = (_read(change[image]) if image in change else None for image in ("OldImage", "NewImage"))
        if after and after["sk"].startswith(periods.PERIOD_PREFIX):
            yield RecordChange(int(change["SequenceNumber"]), *periods.apart(before, after))
        elif after and after["sk"].startswith(redemptions.TREE_PREFIX):
            stood = redemptions.from_item(before) if before else None
            yield RecordChange(int(change["SequenceNumber"]), stood, redemptions.from_item(after))


def _read(image: Any) -> Item:  # noqa: ANN401 - DynamoDB's own notation
    """An image as Python values. Lambda brings bytes as text."""
    return python({name: _as_bytes(value) for name, value in image.items()})


def _as_bytes(value: Any) -> Any:  # noqa: ANN401 - DynamoDB's own notation
    return {"B": base64.b64decode(value["B"])} if isinstance(value.get("B"), str) else value
