"""Reads the lists in request bodies: actions and reversals from apps, and reports on trees from partners."""

from collections.abc import Sequence
from typing import Literal

from saxaul.problems import InvalidRequest

MAX_ACTIONS = 500
"""The most actions or reversals in one request."""

MAX_REPORTS = 500
"""The most confirmations or inspections in one request. Each becomes a leaf, and a log entry has at most 500 leaves."""

MAX_FAILURES = 49
"""The most failures in one request. Each may write a redemption and a wallet, and a transaction accepts 100 writes.

One more write is for the progress of the order.
"""


def reported_items(body: object, name: Literal["actions", "reversals"]) -> Sequence[object]:
    """Return the list in a body of the form ``{"actions": [...]}`` or ``{"reversals": [...]}``.

    Raises:
        InvalidRequest: the body has another form, or the list is empty or too long.
    """
    reported = body[name] if isinstance(body, dict) and body.keys() == {name} else None
    if not isinstance(reported, list) or not reported:
        raise InvalidRequest("invalid_body", f'The body must be {{"{name}": [...]}} with 1 to {MAX_ACTIONS} {name}.')
    if len(reported) > MAX_ACTIONS:
        raise InvalidRequest(
            "too_many_actions", f"A request can have at most {MAX_ACTIONS} {name}; this one has {len(reported)}."
        )
    return reported


def reports_in(body: object, name: str, maximum: int) -> Sequence[object]:
    """Return the list of reports in a body of the form ``{name: [...]}``.

    Raises:
        InvalidRequest: the body has another form, or the list is empty or has more than ``maximum`` reports.
    """
    match body:
        case {**members} if members.keys() == {name}:
            reports = members[name]
            if isinstance(reports, list) and 0 < len(reports) <= maximum:
                return reports
    raise InvalidRequest(
        "invalid_body",
        f'The body must be {{"{name}": [...]}} with 1 to {maximum} items in the list, and no other field.',
    )
