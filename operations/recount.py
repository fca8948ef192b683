"""Recounts the public impact totals from the whole ledger: `python -m operations.recount`, or `--table NAME` on AWS.

The command prints the days on which the public totals differ from the periods and redemptions. If it finds any, it
first waits until the stream has delivered the changes in progress. A day whose totals change meanwhile is left to the
next run. `--mend` adds what is missing. Do not use it while the stream is stuck: the changes that wait there would be
counted twice.

The exit code is 0 if nothing is missing, and 1 otherwise.
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
"""Seconds after which a change is counted unless the stream is stuck: the batching window, and time for a retry."""


class Gap(NamedTuple):
    """How the totals of a day differ: what they lack, and what they count although the ledger does not hold it."""

    lacks: list[str]
    exceeds: list[str]


@dataclass(frozen=True)
class Report:
    """The number of days that were compared, and how many of them still lack something."""

    days: int
    lacking: int


def recount(table: Table, calendar: Calendar, tell: Callable[[str], None], *, mend: bool = False) -> Report:
    """Pass a line to ``tell`` for each difference between a day's totals and the ledger."""
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
            tell(f"{day.day} changed during the count; run this again")
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
        tell(f"{day.day} was not corrected, because it also counts something that the ledger does not hold")
        return False
    try:
        store.put(day)
    except LostRaceError:
        tell(f"{day.day} changed before it was corrected; run this again")
        return False
    tell(f"{day.day} was corrected")
    return True


def gap_between(truth: Impact, told: Impact) -> Gap:
    """Compare the ledger with the stored totals. The totals may be higher, because deleted items stay counted."""
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
    parser.add_argument("--table", help="the ledger's table; default: that of SAXAUL_STACK, or of the laptop stack")
    parser.add_argument("--time-zone", type=ZoneInfo, help="the template's TimeZone; only needed with --table")
    parser.add_argument("--mend", action="store_true", help="add what is missing")
    chosen = parser.parse_args()
    if chosen.table and not chosen.time_zone:
        parser.error("--table needs --time-zone, because the days of the totals begin and end in that zone")
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
        console.print(f"[green]✓[/] the totals of {report.days:,} days contain everything in the ledger")
    sys.exit(1 if report.lacking else 0)


if __name__ == "__main__":
    main()
