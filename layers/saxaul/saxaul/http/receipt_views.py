"""The JSON form of receipts: what became of each action or reversal of a call."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, NotRequired, TypedDict, get_args

from saxaul.catalog.calendar import Calendar
from saxaul.http.views import NonNegative, Timestamp, known
from saxaul.ledger.receipts import FATES, Fate, ReceiptKind, ReceiptPart, Status, fates_of

_WAITING = Fate("waiting")
_STATUSES: tuple[Status, ...] = get_args(Status)
_REASONS = sorted({fate.reason for fate in FATES.values() if fate.reason})


class ReceiptItemView(TypedDict):
    """What posting did with one action or reversal."""

    index: NonNegative
    """Its place in the list of the request, from 0."""
    status: Annotated[str, known(*_STATUSES)]
    """What became of it."""
    reason: NotRequired[Annotated[str, known(*_REASONS)]]
    """Why, if the status does not say it. It is left out if there is no reason."""


class StatusCountsView(TypedDict):
    """How many items of a call have each status."""

    refused: NonNegative
    """The response to the call named the reason."""
    waiting: NonNegative
    """They are accepted and not posted yet, or the part of the receipt that may have them is missing."""
    posted: NonNegative
    """They are in the ledger."""
    withheld: NonNegative
    """They earn nothing."""
    replayed: NonNegative
    """An earlier call reported the same."""
    conflicted: NonNegative
    """An earlier call reported other content under the same id."""
    reversed: NonNegative
    """The actions were reversed."""
    nothing_to_reverse: NonNegative
    """No action was reversed."""
    dropped: NonNegative
    """An operator deleted them before their posting was known, or their person was erased."""


class ReceiptView(TypedDict):
    """The receipt of a call that reported actions or reversals."""

    receipt_id: str
    """The id that the response to the call named."""
    kind: ReceiptKind
    """What the call sent."""
    accepted_at: Timestamp
    """When the call was accepted."""
    expires_at: Timestamp
    """Until when the receipt can be read."""
    accepted: NonNegative
    """How many items of the call were not refused. While a part of the receipt is missing, all items count."""
    counts: StatusCountsView
    """How many items have each status."""
    items: list[ReceiptItemView]
    """All items of the call, in the order of the request."""


def receipt_view(parts: Sequence[ReceiptPart], calendar: Calendar) -> ReceiptView:
    """Return the view of a receipt.

    An item is waiting as long as the part to which it may belong is missing. Nobody knows then whether an item that is
    in no part was refused, so refused items are waiting too, and ``accepted`` counts them.
    """
    first = parts[0]
    fates = [fate or _WAITING for fate in fates_of(parts)]
    counted = Counter(fate.status for fate in fates)
    return {
        "receipt_id": first.receipt_id,
        "kind": first.kind,
        "accepted_at": calendar.rfc3339(first.accepted_at),
        "expires_at": calendar.rfc3339(first.expires_at),
        "accepted": len(fates) - counted["refused"],
        "counts": _counts_view(counted),
        "items": [_item_view(index, fate) for index, fate in enumerate(fates)],
    }


def _counts_view(counted: Counter[Status]) -> StatusCountsView:
    return {
        "refused": counted["refused"],
        "waiting": counted["waiting"],
        "posted": counted["posted"],
        "withheld": counted["withheld"],
        "replayed": counted["replayed"],
        "conflicted": counted["conflicted"],
        "reversed": counted["reversed"],
        "nothing_to_reverse": counted["nothing_to_reverse"],
        "dropped": counted["dropped"],
    }


def _item_view(index: int, fate: Fate) -> ReceiptItemView:
    view: ReceiptItemView = {"index": index, "status": fate.status}
    if fate.reason:
        view["reason"] = fate.reason
    return view
