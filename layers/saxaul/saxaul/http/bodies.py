"""The lists in the bodies of calls: what an app reports of actions, and what a partner reports of trees."""

from collections.abc import Sequence
from typing import Literal

from saxaul.problems import InvalidRequest

MAX_ACTIONS = 500
"""The most actions, or reversals, that one call may report."""

MAX_REPORTS = 500
"""The most confirmations, or inspections, of one call: as many as an entry of the public log has leaves."""

MAX_FAILURES = 50
"""The most failures of one call: each may change a redemption and a wallet, and together they fill a transaction."""


def reported_in(body: object, name: Literal["actions", "reversals"]) -> Sequence[object]:
    """The list in a body of ``{"actions": [...]}`` or ``{"reversals": [...]}``.

    Raises:
        InvalidRequest: the body has another shape, or the list is too long.
    """
    reported = body.get(name) if isinstance(body, dict) else None
    if not isinstance(reported, list) or not reported:
        raise InvalidRequest("invalid_body", f'The body must be {{"{name}": [...]}} with 1 to {MAX_ACTIONS} {name}.')
    if len(reported) > MAX_ACTIONS:
        raise InvalidRequest("too_many_actions", f"A call takes {MAX_ACTIONS} {name}; this one has {len(reported)}.")
    return reported


def reports_of(body: object, name: str, most: int) -> Sequence[object]:
    """The list in a body of ``{name: [...]}``.

    Raises:
        InvalidRequest: the body has another shape, or too many reports.
    """
    match body:
        case {**members} if members.keys() == {name}:
            reports = members[name]
            if isinstance(reports, list) and 0 < len(reports) <= most:
                return reports
    raise InvalidRequest("invalid_body", f'The body must be {{"{name}": [...]}} with 1 to {most} of them.')
