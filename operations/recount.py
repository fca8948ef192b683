"""Counts the impact afresh from the whole ledger: `python -m operations.recount`, or `--table NAME` on AWS.

Tells on which days the public totals differ from what periods and redemptions hold. Only days that stand still are
judged: what is under way is waited for, and a day that moves meanwhile is left to the next run. `--mend` adds what is
missing; it is for when the stream is not stuck, or what waits there would be added again.
Ends with 0 where nothing is missing, with 1 where anything is.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape

from local.client import stack
from local.console import console, give_up
from operations.ledger_reading import scan
from operations.reconcile import ledger_of_the_stack
from saxaul.catalog.calendar import Calendar
from saxaul.clock import SYSTEM_CLOCK
from saxaul.impact.totals import Act, Day, Impact, Sum, of_period, of_redemption
from saxaul.races import LostRaceError
from saxaul.storage import impact, periods, redemptions
from saxaul.storage.impact import ImpactStore
from saxaul.storage.table import Table, raw

UNDER_WAY = 60
"""Seconds after which a change is counted unless the stream is stuck: its batching window, and room for a retry."""


class Gap(NamedTuple):
    """Where the totals of a day differ: what they lack, and what they count that the ledger does not hold."""

    lacks: list[str]
    exceeds: list[str]


@dataclass(frozen=True)
class Report:
    """The days that were counted, and how many of them still lack something."""

    days: int
    lacking: int


def recount(table: Table, calendar: Calendar, tell: Callable[[str], None], *, mend: bool = False) -> Report:
    """Tell of each day whose totals are not what the ledger holds."""
    store = ImpactStore(table)
    before = _stored(table)
    held = _held(table, calendar)
    days = {*before, *held}
    suspects = [day for day in days if _of(before, day).impact != held.get(day, Impact())]
    if suspects:
        table.clock.sleep(UNDER_WAY)
    lacking = 0
    for day in sorted(store.get_many(suspects).values(), key=lambda day: day.day):
        if day.version != _of(before, day.day).version:
            tell(f"{day.day} moved while it was counted; run this again")
            continue
        truth = held.get(day.day, Impact())
        gap = gap_between(truth, day.impact)
        for line in (*gap.lacks, *gap.exceeds):
            tell(f"{day.day} {line}")
        if gap.lacks and not (mend and _is_mended(store, replace(day, impact=truth), gap, tell)):
            lacking += 1
    return Report(len(days), lacking)


def _is_mended(store: ImpactStore, day: Day, gap: Gap, tell: Callable[[str], None]) -> bool:
    if gap.exceeds:
        tell(f"{day.day} is not mended: it also counts what the ledger does not hold")
        return False
    try:
        store.put(day)
    except LostRaceError:
        tell(f"{day.day} moved while it was mended; run this again")
        return False
    tell(f"{day.day} is mended")
    return True


def gap_between(truth: Impact, told: Impact) -> Gap:
    """Compare what the ledger holds with what its totals tell. Who was erased stays counted, so that may be more."""
    gap = Gap([], [])
    differing = truth.plus(told, -1)
    for act, missing in differing.acts.items():
        for name, number in missing._asdict().items():
            _enter(gap, Decimal(number), f"{name} of {' '.join(act)}")
    for state, number in differing.trees.items():
        _enter(gap, Decimal(number), f"trees {state}")
    return gap


def _enter(gap: Gap, missing: Decimal, what: str) -> None:
    if missing > 0:
        gap.lacks.append(f"lacks {missing:f} {what}")
    elif missing:
        gap.exceeds.append(f"counts {-missing:f} {what} that the ledger does not hold")


def _of(days: Mapping[date, Day], day: date) -> Day:
    return days.get(day, Day(day))


def _stored(table: Table) -> dict[date, Day]:
    prefix = raw({":prefix": impact.IMPACT_PREFIX})
    items = scan(table, FilterExpression="begins_with(pk, :prefix)", ExpressionAttributeValues=prefix)
    return {day.day: day for day in map(impact.from_item, items)}


def _held(table: Table, calendar: Calendar) -> dict[date, Impact]:
    acts: defaultdict[date, defaultdict[Act, Sum]] = defaultdict(lambda: defaultdict(Sum))
    trees: defaultdict[date, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for item in scan(table):
        if item["sk"].startswith(periods.PERIOD_PREFIX):
            found = of_period(periods.from_item(item), calendar)
        elif item["sk"].startswith(redemptions.TREE_PREFIX):
            found = of_redemption(redemptions.from_item(item), calendar)
        else:
            continue
        for day, adds in found.items():
            for act, added in adds.acts.items():
                acts[day][act] = acts[day][act].plus(added)
            for state, number in adds.trees.items():
                trees[day][state] += number
    return {day: Impact(dict(acts[day]), dict(trees[day])) for day in {*acts, *trees}}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m operations.recount", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--table", help="the ledger's name; by default that of SAXAUL_STACK, or the laptop stack")
    parser.add_argument("--time-zone", type=ZoneInfo, help="the template's TimeZone; needed with --table alone")
    parser.add_argument("--mend", action="store_true", help="add what is missing")
    chosen = parser.parse_args()
    if chosen.table and not chosen.time_zone:
        parser.error("--table needs --time-zone: the days of the totals are days of the programme")
    table = Table(chosen.table or ledger_of_the_stack(), SYSTEM_CLOCK)
    calendar = Calendar(chosen.time_zone or ZoneInfo(stack()["time_zone"]), acceptance_days=0, harvest_time=None)
    try:
        with console.status(f"counting {table.name}"):
            report = recount(table, calendar, lambda line: console.print(f"· {escape(line)}"), mend=chosen.mend)
    except (BotoCoreError, ClientError) as error:
        give_up(f"{table.name} could not be read: {error}")
    if report.lacking:
        console.print(f"[red]✗[/] {report.lacking:,} of {report.days:,} days lack something")
    else:
        console.print(f"[green]✓[/] the totals of {report.days:,} days have all that the ledger holds")
    sys.exit(1 if report.lacking else 0)


if __name__ == "__main__":
    main()
