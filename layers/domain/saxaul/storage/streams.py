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
        before, after = _apart(change.get("OldImage"), change["NewImage"])
        adds = difference(_impacts(after, calendar), _impacts(before, calendar))
        if adds:
            yield Step(int(change["SequenceNumber"]), adds)


def _apart(before: Any, after: Any) -> tuple[Any, Any]:  # noqa: ANN401 - DynamoDB's own notation
    """Two images of a page without the entries that both have: a long page that gains one is read in no time."""
    if before is None or not after["sk"]["S"].startswith(pages.PREFIX):
        return before, after
    old, new = before["e"]["M"], after["e"]["M"]
    shared = {name for name, entry in new.items() if old.get(name) == entry}
    return _without(before, shared), _without(after, shared)


def _without(image: Any, names: set[str]) -> Any:  # noqa: ANN401 - DynamoDB's own notation
    return image | {"e": {"M": {name: entry for name, entry in image["e"]["M"].items() if name not in names}}}


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
