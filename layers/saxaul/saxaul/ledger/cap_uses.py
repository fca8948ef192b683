"""How much of each cap a person has used, for the entries whose points were cut or withheld.

The caps are those of the version by which the entry was awarded. What was used before the entry, in the order of the
award, says which of them cut its points. What all entries have used says what is left now.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar, Windows
from saxaul.catalog.entries import ActionType, Cap
from saxaul.ledger.awards import in_award_order, wanted_units
from saxaul.ledger.entries import ZERO, Entry


class CapUse(NamedTuple):
    """A cap in the window of an entry.

    Attributes:
        cap: the cap, in units or in points.
        window: the day, the month or the year, such as ``2026-06``.
        used: how many units or points all entries of the type have used in the window.
        cut: whether the cap cut the points of the entry. Then nothing is left.
    """

    cap: Cap
    window: str
    used: Decimal
    cut: bool

    @property
    def limit(self) -> Decimal:
        """The most units or points in the window."""
        return limit_of(self.cap)

    @property
    def left(self) -> Decimal:
        """How many units or points are left. Entries of another version may have used more than this cap allows."""
        return max(ZERO, self.limit - self.used)


class _Used:
    """What the entries of one action type have used so far, by window."""

    def __init__(self) -> None:
        self.units: defaultdict[str, Decimal] = defaultdict(Decimal)
        self.points: defaultdict[str, int] = defaultdict(int)

    def add(self, entry: Entry, windows: Windows) -> None:
        for window in windows:
            self.units[window] += entry.units
            self.points[window] += entry.points

    def of(self, cap: Cap, windows: Windows) -> Decimal:
        window = windows.of(cap.window)
        return Decimal(self.points[window]) if cap.units is None else self.units[window]


def limit_of(cap: Cap) -> Decimal:
    return Decimal(cap.points or 0) if cap.units is None else cap.units


def is_explained(entry: Entry) -> bool:
    """Return whether an entry counts and earns fewer points than its quantity is worth."""
    return entry.counts and bool(entry.reason)


def cap_uses(
    entries: Mapping[str, Entry],
    names: Collection[str],
    rules: Mapping[tuple[str, int], ActionType],
    calendar: Calendar,
) -> dict[str, Sequence[CapUse]]:
    """Return the caps of each explained entry of ``names``, by name. An entry without a known version is left out.

    Args:
        entries: all entries of a period, by name. All entries that use a cap together are in one period.
        rules: the versions of action types by which the entries of ``names`` were awarded.
    """
    explained = {name for name in names if is_explained(entries[name])}
    found: dict[str, Sequence[CapUse]] = {}
    for action_type in sorted({entries[name].type for name in explained}):
        used = _Used()
        cut: dict[str, Sequence[bool]] = {}
        for name, entry in in_award_order(entries, action_type):
            if not entry.counts:
                continue
            windows, rule = calendar.windows_of(entry.occurred_at), rules.get((entry.type, entry.rule))
            if rule and name in explained:
                cut[name] = [_cuts(cap, entry, rule, used.of(cap, windows)) for cap in rule.caps]
            used.add(entry, windows)
        for name, of_caps in cut.items():
            entry = entries[name]
            windows, caps = calendar.windows_of(entry.occurred_at), rules[entry.type, entry.rule].caps
            found[name] = [
                CapUse(cap, windows.of(cap.window), used.of(cap, windows), is_cut)
                for cap, is_cut in zip(caps, of_caps, strict=True)
            ]
    return found


def _cuts(cap: Cap, entry: Entry, rule: ActionType, before: Decimal) -> bool:
    """Return whether the entry got all that a cap had left, and wanted more. ``before`` is what was used before it."""
    left = max(ZERO, limit_of(cap) - before)
    if cap.units is None:
        return entry.reason == "over_points_cap" and entry.points == left
    wanted, _ = wanted_units(entry, rule)
    return entry.is_cut and entry.units == left and entry.units < wanted
