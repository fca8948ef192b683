"""The ledger's stream: each change of a period or of a redemption as a change of the impact; all else is passed over."""

import base64
from collections.abc import Iterable, Iterator
from typing import Any, TypedDict

from saxaul.catalog.calendar import Calendar
from saxaul.impact.totals import Change, Impacts, difference, of_period, of_redemption
from saxaul.storage import periods, redemptions
from saxaul.storage.table import Item, python


class StreamRecord(TypedDict):
    """One change of an item, with what it was before and after; more fields come with it."""

    eventName: str
    dynamodb: dict[str, Any]


def changes_of(records: Iterable[StreamRecord], calendar: Calendar) -> Iterator[Change]:
    """The changes of a batch.

    An item that is taken away takes nothing back: who is erased leaves the totals as they are.
    """
    for record in records:
        change = record["dynamodb"]
        if record["eventName"] == "REMOVE":
            continue
        before, after = (_read(change[image]) if image in change else None for image in ("OldImage", "NewImage"))
        adds = _added(before, after, calendar) if after else {}
        if adds:
            yield Change(int(change["SequenceNumber"]), adds)


def _added(before: Item | None, after: Item, calendar: Calendar) -> Impacts:
    if after["sk"].startswith(periods.PREFIX):
        was, now = periods.apart(before, after)
        return difference(of_period(now, calendar), of_period(was, calendar))
    if after["sk"].startswith(redemptions.PREFIX):
        stood = redemptions.from_item(before) if before else None
        return difference(of_redemption(redemptions.from_item(after), calendar), of_redemption(stood, calendar))
    return {}


def _read(image: Any) -> Item:  # noqa: ANN401 - DynamoDB's own notation
    """An image as Python values. Lambda brings bytes as text."""
    return python({name: _as_bytes(value) for name, value in image.items()})


def _as_bytes(value: Any) -> Any:  # noqa: ANN401 - DynamoDB's own notation
    return {"B": base64.b64decode(value["B"])} if isinstance(value.get("B"), str) else value
