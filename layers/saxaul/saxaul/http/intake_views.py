"""The JSON form of what became of reported actions and reversals."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from saxaul.http.request import Response
from saxaul.http.views import NonNegative
from saxaul.ledger.screening import FlaggedItem, RefusedItem


class RefusedItemView(TypedDict):
    """A refused action or reversal."""

    index: NonNegative
    """Its place in the list of the request, from 0."""
    action_id: str | None
    """Its ``action_id``, cut after 200 bytes; null if it has none."""
    code: str
    """Why it was refused, for programs."""
    detail: str
    """Why it was refused, for people, cut after 300 bytes."""


class FlaggedItemView(TypedDict):
    """An action that was accepted, but counts only in part."""

    index: NonNegative
    """Its place in the list of the request, from 0."""
    action_id: str
    """Its ``action_id``."""
    code: str
    """Why it counts only in part, for programs."""
    detail: str
    """Why it counts only in part, for people."""


class AcceptedView(TypedDict):
    """How many items of a request were accepted, and which were refused."""

    receipt_id: str
    """The id of the receipt of this call, which says what becomes of each accepted item."""
    accepted: NonNegative
    """How many were accepted. They are in the queue, and will be posted in a moment. Some may turn out to be over a
    cap, which the ledger shows.
    """
    refused: list[RefusedItemView]
    """Those that were refused. If all are, the request is refused with the code ``all_refused``."""


class AcceptedActionsView(AcceptedView):
    """How many actions of a request were accepted, which were refused, and which count only in part."""

    flagged: NotRequired[list[FlaggedItemView]]
    """Accepted actions of facilities that count only in part. It is left out if there are none."""


def refused_views(refused: Sequence[RefusedItem]) -> list[RefusedItemView]:
    return [
        {"index": item.index, "action_id": item.action_id, "code": item.code, "detail": item.detail} for item in refused
    ]


def accepted_view(receipt_id: str, accepted: int, refused: Sequence[RefusedItem]) -> AcceptedView:
    return {"receipt_id": receipt_id, "accepted": accepted, "refused": refused_views(refused)}


def accepted_actions_view(
    receipt_id: str, accepted: int, refused: Sequence[RefusedItem], flagged: Sequence[FlaggedItem]
) -> AcceptedActionsView:
    view: AcceptedActionsView = {"receipt_id": receipt_id, "accepted": accepted, "refused": refused_views(refused)}
    if flagged:
        view["flagged"] = [
            {"index": item.index, "action_id": item.action_id, "code": item.code, "detail": item.detail}
            for item in flagged
        ]
    return view


def measured_items(response: Response) -> dict[str, int]:
    """Return the metrics of a response: how many actions and reversals it accepts and refuses.

    A response that names no items, such as that to a call over its limit, has none.
    """
    match response.body:
        case {"accepted": int(accepted), "refused": Sequence() as refused}:
            return {"Accepted": accepted, "Refused": len(refused)}
    return {}
