"""The ledger's stream: each change of a page or of a redemption as a step of the impact; all else is passed over."""

import base64
from collections.abc import Iterable, Iterator
from typing import Any, TypedDict

from saxaul.calendar import Calendar
from saxaul.impact import Impacts, Step, difference, of_page, of_redemption
from saxaul.storage import pages, redemptions
from saxaul.storage.table import Item, python


class StreamRecord(TypedDict):
    """One change of an item, with what it was before and after; more fields come with it."""

    eventName: str
    dynamodb: dict[str, Any]


def steps_of(records: Iterable[StreamRecord], calendar: Calendar) -> Iterator[Step]:
    """The steps of a batch.

    An item that is taken away takes nothing back: who is erased leaves the totals as they are.
    """
    for record in records:
        change = record["dynamodb"]
        if record["eventName"] == "REMOVE":
            continue
        adds = difference(_impacts(change["NewImage"], calendar), _impacts(change.get("OldImage"), calendar))
        if adds:
            yield Step(int(change["SequenceNumber"]), adds)


def _impacts(image: Any, calendar: Calendar) -> Impacts:  # noqa: ANN401 - DynamoDB's own notation
    if image is None:
        return {}
    item = _read(image)
    if item["sk"].startswith(pages.PREFIX):
        return of_page(pages.from_item(item), calendar)
    if item["sk"].startswith(redemptions.PREFIX):
        return of_redemption(redemptions.from_item(item), calendar)
    return {}


def _read(image: Any) -> Item:  # noqa: ANN401 - DynamoDB's own notation
    """An image as Python values. Lambda brings bytes as text."""
    return python({name: _as_bytes(value) for name, value in image.items()})


def _as_bytes(value: Any) -> Any:  # noqa: ANN401 - DynamoDB's own notation
    return {"B": base64.b64decode(value["B"])} if isinstance(value.get("B"), str) else value
