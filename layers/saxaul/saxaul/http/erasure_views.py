"""Views of erasures, and of the file of an export."""

from typing import Annotated, TypedDict, get_args

from saxaul.catalog.calendar import Calendar
from saxaul.http.views import Link, NonNegative, Timestamp, known
from saxaul.people.erasures import ErasureReceipt, ErasureState


class ErasureView(TypedDict):
    """An erasure: when it was requested, by whom, and what was erased. It does not name the person."""

    erasure_id: str
    """The id of the erasure. It is random."""
    state: Annotated[str, known(*get_args(ErasureState))]
    """`erasing` until nothing is left, and then `erased`."""
    requested_at: Timestamp
    """When the erasure was requested. What apps report later is of a new person."""
    requested_by: str
    """The app or the operator that requested it."""
    reason: str | None
    """Why, in the words of the operator; null if an app requested it."""
    erased: dict[str, NonNegative]
    """How many items of each kind were erased so far. The kinds are those of the export, and more may come."""
    finished_at: Timestamp | None
    """When nothing was left; null while the state is `erasing`."""
    last_trace_at: Timestamp | None
    """Until when the backups of the database can have what was erased; null while the state is `erasing`."""


class ExportFileView(TypedDict):
    """Where an export is that is too long for the response."""

    url: Link
    """Downloads the export without a token."""
    expires_at: Timestamp
    """When the link expires: 15 minutes after the response."""


def erasure_view(receipt: ErasureReceipt, calendar: Calendar) -> ErasureView:
    finished_at, last_trace_at = receipt.finished_at, receipt.last_trace_at
    return {
        "erasure_id": receipt.erasure_id,
        "state": receipt.state,
        "requested_at": calendar.rfc3339(receipt.requested_at),
        "requested_by": receipt.requested_by,
        "reason": receipt.reason or None,
        "erased": dict(receipt.erased),
        "finished_at": None if finished_at is None else calendar.rfc3339(finished_at),
        "last_trace_at": None if last_trace_at is None else calendar.rfc3339(last_trace_at),
    }
