"""When an action type pays a person again whose caps are used up.

The awards that the entries of a period have say how much of each cap is used. What a further action would earn is
computed by the same rules as any award.
"""

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal

from saxaul.ledger.awards import Terms, Usage
from saxaul.ledger.entries import CUTS, Entry

_ANY_VERSION = 0


def pays_again_at(
    action_type: str,
    entries: Iterable[Entry],
    terms: Terms,
    multiplier_on: Callable[[date], Decimal],
    now: int,
) -> int | None:
    """Return when an action of this type will earn points again, or None if no cap prevents that now.

    The instant is in seconds. It is the start of the first window, of those that follow the windows of the caps, in
    which the largest action would earn at least one point. If there is none, such as with a cap of zero, the result is
    None too: then the type never pays.

    Args:
        entries: the entries of this type in the period of ``now``.
        terms: the calendar, and the version of the type that is in effect, whatever version is asked for. Entries of
            an earlier version count with the units and points that they were awarded. Only the fraction of a point
            that they leave over is not known exactly.
        multiplier_on: returns what a campaign multiplies the points of this type by on a day.
    """
    rule, calendar = terms.rule(action_type, _ANY_VERSION), terms.calendar
    if rule.points is None or not rule.caps:
        return None
    usage = Usage.of_awarded(entries, terms)

    def largest(at: int) -> Entry:
        return Entry(action_type, rule.max_quantity, at, at, multiplier=multiplier_on(calendar.day_of(at)))

    award = usage.award(largest(now))
    if award.points or award.reason not in CUTS:
        return None
    ends = {calendar.ends_at(calendar.window_of(now, cap.window)) for cap in rule.caps}
    return next((end for end in sorted(ends) if usage.award(largest(end)).points), None)
