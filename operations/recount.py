"""Compares the public totals with the whole ledger: `python -m operations.recount`, or with `--table NAME` on AWS.

There are totals of each day, of each facility and year, of each run of a campaign, and of each person in a run (a
participation). The stored totals of a day or a run are the sum of its tallies. The command computes them from the
periods and redemptions, and the persons of a run from the participations. What erased persons did counts too: it is in
the nameless sums. If some stored totals differ, it waits for 60
seconds, because the stream may not have delivered the latest changes yet. Then it reads the tallies of these totals
again and prints how the totals differ. Totals cannot be judged if one of their tallies changed in the meantime, or if
an erasure moved a part of them. Persons who are being erased are left out.

If totals lack something, `--mend` adds it to a tally of them. It does not correct totals that also count something that
is not in the ledger. This can be a deleted item, which stays counted, or a tree whose change of state was never
counted. Do not use `--mend` while the stream is stuck: it would add the changes that are still in the stream, and
TallyImpact would count them a second time.

The exit code is 0 if all totals could be judged and none lack something, and 1 otherwise.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from botocore.exceptions import BotoCoreError, ClientError

from local.client import aws_failure, stack, stack_clock
from local.command import add_json, command_parser, non_empty, run_command, time_zone
from local.console import apart_from_the_output, console, exit_with, print_json, shown, watching
from operations.ledger_reading import about_items, scan
from operations.reconcile import ledger_of_the_stack
from saxaul.catalog.calendar import Calendar
from saxaul.clock import SYSTEM_CLOCK
from saxaul.deadline import UnansweredError
from saxaul.impact.changes import (
    impact_of_participation,
    impact_of_period,
    impact_of_redemption,
    participations_in,
    run_names_in,
)
from saxaul.impact.totals import Impact, ImpactAdder, Impacts, Participation, RunKey, Subject, Tally, total
from saxaul.races import LostRaceError
from saxaul.storage import impact, nameless, periods, redemptions
from saxaul.storage.erasures import Erasures
from saxaul.storage.impact import ImpactStore
from saxaul.storage.table import Item, Table, raw

COUNTED_WITHIN = 60
"""Seconds within which a change is counted unless the stream is stuck: the batching window, and time for a retry."""


_MOST_ERASURES = 1000
"""The most unfinished erasures that are looked at. There are few, because each takes a few minutes."""


class Gap(NamedTuple):
    """How stored totals differ from the ledger, as sentences without a subject.

    ``lacks`` has what the totals lack, and ``exceeds`` what they count although the ledger does not hold it.
    """

    lacks: list[str]
    exceeds: list[str]


@dataclass(frozen=True)
class Report:
    """What was compared, how much of it still lacks something, and what was not judged.

    ``subjects`` is the number of days, years and runs, and ``participations`` that of persons in runs.
    """

    subjects: int
    participations: int
    lacking: int
    unjudged: list[Subject]

    @property
    def is_complete(self) -> bool:
        """Whether all totals were judged, and none lack something."""
        return not self.lacking and not self.unjudged


def recount(
    table: Table,
    calendar: Calendar,
    print_line: Callable[[str], None],
    *,
    mend: bool = False,
) -> Report:
    """Compare all totals with the ledger, and pass a line to ``print_line`` for each difference.

    With ``mend``, correct the totals that only lack something.
    """
    store, items, began_at = ImpactStore(table), about_items(table), table.clock.now()
    with watching("reading the totals", "items", items) as tell:
        before, erased = _stored(table, tell)
    with watching("reading the ledger", "items", items) as tell:
        counted, participations = _counted_from_ledger(table, calendar, before, tell)
    subjects = {*before, *counted}
    suspects = [subject for subject in subjects if _total(before[subject]) != counted.get(subject, Impact())]
    if suspects:
        with watching("waiting until the latest changes are counted", "seconds", COUNTED_WITHIN) as tell:
            for second in range(COUNTED_WITHIN):
                tell(second)
                table.clock.sleep(1)
    suspects = _without_erased(table, suspects, began_at)
    moved = _moved_since(erased, table, suspects) if suspects else set[Subject]()
    now = _by_subject(store.tallies_of(suspects))
    lacking = 0
    unjudged: list[Subject] = []
    for subject in sorted(suspects, key=str):
        tallies = now[subject]
        if subject in moved or _versions(tallies) != _versions(before[subject]):
            print_line(f"{subject} changed during the count")
            unjudged.append(subject)
            continue
        missing = counted.get(subject, Impact()).plus(_total(tallies), -1)
        gap = gap_of(missing)
        for line in (*gap.lacks, *gap.exceeds):
            print_line(f"{subject} {line}")
        if gap.lacks and not (mend and _add_missing(store, subject, missing, tallies, gap, print_line)):
            lacking += 1
    of_all = sum(not isinstance(subject, Participation) for subject in subjects)
    return Report(of_all, participations, lacking, unjudged)


def _add_missing(
    store: ImpactStore,
    subject: Subject,
    missing: Impact,
    tallies: Sequence[Tally],
    gap: Gap,
    print_line: Callable[[str], None],
) -> bool:
    """Add what the totals of a subject lack, and return whether it was written."""
    if gap.exceeds:
        print_line(f"{subject} was not corrected, because it also counts something that the ledger does not hold")
        return False
    try:
        store.add(subject, missing, tallies)
    except LostRaceError:
        print_line(f"{subject} was not corrected, because it changed in the meantime; run this again")
        return False
    print_line(f"{subject} was corrected")
    return True


def gap_of(missing: Impact) -> Gap:
    """Return how stored totals differ from the ledger. ``missing`` is the ledger minus the stored totals."""
    gap = Gap([], [])
    for act, numbers in (*missing.acts.items(), *missing.months.items()):
        for name, number in numbers._asdict().items():
            _add_line(gap, Decimal(number), f"{name} of {' '.join(act)}")
    for state, number in missing.trees.items():
        _add_line(gap, Decimal(number), f"trees {state}")
    _add_line(gap, Decimal(missing.progress.actions), "actions")
    _add_line(gap, Decimal(missing.progress.persons), "persons")
    for multiplier, points in missing.progress.points.items():
        _add_line(gap, Decimal(points), f"points multiplied by {multiplier}")
    _add_line(gap, Decimal(missing.periods), "periods")
    return gap


def _add_line(gap: Gap, missing: Decimal, what: str) -> None:
    if missing > 0:
        gap.lacks.append(f"lacks {missing:f} {what}")
    elif missing:
        gap.exceeds.append(f"counts {-missing:f} {what} that the ledger does not hold")


def _total(tallies: Iterable[Tally]) -> Impact:
    return total(tally.impact for tally in tallies)


def _versions(tallies: Iterable[Tally]) -> dict[int | None, int]:
    return {tally.number: tally.version for tally in tallies}


def _by_subject(tallies: Iterable[Tally]) -> defaultdict[Subject, list[Tally]]:
    found: defaultdict[Subject, list[Tally]] = defaultdict(list)
    for tally in tallies:
        found[tally.subject].append(tally)
    return found


def _moved_since(before: Mapping[Subject, int], table: Table, suspects: Iterable[Subject]) -> set[Subject]:
    """Return the days and runs of which an erasure has moved a part in the meantime, or holds one.

    ``before`` has the versions of the nameless sums, as they were before the ledger was read.
    """
    sums = nameless.NamelessSums(table)
    now = sums.of(subject for subject in suspects if isinstance(subject, date | RunKey))
    moved = {subject for subject, found in now.items() if found.version != before.get(subject, 0)}
    marks = Erasures(table)
    for name in marks.unfinished(_MOST_ERASURES):
        mark = marks.named(name)
        held = sums.held(mark.erasure_id) if mark else []
        moved |= {found.subject for one in held for found in one.sums}
    return moved


def _without_erased(table: Table, subjects: Sequence[Subject], since: int) -> list[Subject]:
    """Return these subjects without the participations of persons whose erasure was not finished at an instant."""
    persons = {subject.user_id for subject in subjects if isinstance(subject, Participation)}
    marks = Erasures(table).find_many(persons)
    erased = {user_id for user_id, mark in marks.items() if mark.finished_at is None or mark.finished_at >= since}
    return [each for each in subjects if not (isinstance(each, Participation) and each.user_id in erased)]


def _stored(table: Table, tell: Callable[[int], None]) -> tuple[defaultdict[Subject, list[Tally]], dict[Subject, int]]:
    """Return the tallies, and the versions of the nameless sums."""
    items = scan(
        table,
        tell=tell,
        FilterExpression="begins_with(pk, :tally) OR begins_with(pk, :nameless)",
        ExpressionAttributeValues=raw({":tally": impact.IMPACT_PREFIX, ":nameless": nameless.NAMELESS_PREFIX}),
    )
    tallies: list[Tally] = []
    erased: dict[Subject, int] = {}
    for item in items:
        if nameless.is_nameless(item):
            found = nameless.from_item(item)
            erased[found.subject] = found.version
        else:
            tallies.append(impact.from_item(item))
    return _by_subject(tallies), erased


def _counted_from_ledger(
    table: Table, calendar: Calendar, before: defaultdict[Subject, list[Tally]], tell: Callable[[int], None]
) -> tuple[Impacts, int]:
    """Return the totals, and the number of participations.

    There are many participations. Each is compared at once, and only those that differ are among the totals, and among
    the stored tallies, ``before``.
    """
    adders: defaultdict[Subject, ImpactAdder] = defaultdict(ImpactAdder)
    participations = 0
    # A scan returns all items of a partition one after another.
    for _, items in groupby(scan(table, tell=tell), key=lambda item: str(item["pk"])):
        of_owner: defaultdict[Subject, ImpactAdder] = defaultdict(ImpactAdder)
        stored: dict[Subject, Tally] = {}
        for item in items:
            for subject, adds in _impact_of_item(item, calendar).items():
                (of_owner if isinstance(subject, Participation) else adders)[subject].add(adds)
            if item["sk"].startswith(impact.PARTICIPATION_PREFIX):
                tally = impact.from_item(item)
                stored[tally.subject] = tally
        for subject in {*of_owner, *stored}:
            participations += 1
            found = stored.get(subject, Tally(subject))
            if found.impact != of_owner[subject].total():
                adders[subject] = of_owner[subject]
                before[subject] = [found] if found.version else []
    return {subject: adder.total() for subject, adder in adders.items()}, participations


def _impact_of_item(item: Item, calendar: Calendar) -> Impacts:
    if item["sk"].startswith(periods.PERIOD_PREFIX):
        period = periods.from_item(item)
        runs = dict.fromkeys(run_names_in(period), 1)
        return {**impact_of_period(period, calendar), **participations_in(period.key.owner, runs)}
    if item["sk"].startswith(redemptions.TREE_PREFIX):
        return impact_of_redemption(redemptions.from_item(item), calendar)
    if item["sk"].startswith(impact.PARTICIPATION_PREFIX):
        return impact_of_participation(impact.from_item(item))
    return dict(nameless.impacts_in(item)) if nameless.is_nameless(item) else {}


def main() -> None:
    parser = command_parser("operations.recount", __doc__)
    parser.add_argument(
        "--table", type=non_empty, help="the ledger's table; default: that of SAXAUL_STACK, or of the laptop stack"
    )
    parser.add_argument("--time-zone", type=time_zone, help="the template's TimeZone; only needed with --table")
    parser.add_argument("--mend", action="store_true", help="correct the totals that only lack something")
    add_json(parser)
    chosen = parser.parse_args()
    if chosen.table and not chosen.time_zone:
        parser.error("--table needs --time-zone, because the days of the totals begin and end in that zone")
    clock = SYSTEM_CLOCK if chosen.table else stack_clock()
    table = Table(chosen.table or ledger_of_the_stack(), clock)
    calendar = Calendar(chosen.time_zone or ZoneInfo(stack()["time_zone"]), acceptance_days=0, harvest_time=None)
    lines: list[str] = []

    def print_line(line: str) -> None:
        lines.append(line)
        console.print(f"· {shown(line)}")

    with apart_from_the_output(needed=chosen.json):
        try:
            report = recount(table, calendar, print_line, mend=chosen.mend)
        except (BotoCoreError, ClientError, UnansweredError) as error:
            exit_with(aws_failure(f"{table.name} could not be read", error))
        for line in () if chosen.json else conclusions(report):
            console.print(line)
        if chosen.json:
            print_json(document_of(table.name, report, lines))
    sys.exit(0 if report.is_complete else 1)


def document_of(table: str, report: Report, lines: Sequence[str]) -> dict[str, Any]:
    """Return what was found as a JSON object. ``lines`` are the differences, as they were printed."""
    return {
        "table": table,
        "is_complete": report.is_complete,
        "totals": report.subjects,
        "persons_in_runs": report.participations,
        "lacking": report.lacking,
        "not_judged": list(map(str, report.unjudged)),
        "differences": list(lines),
    }


def conclusions(report: Report) -> list[str]:
    """Return the last lines of the output."""
    persons = f", and of {report.participations:,} persons in runs," if report.participations else ""
    compared = f"the totals of {report.subjects:,} days, years and runs{persons}"
    if report.is_complete:
        return [f"[green]✓[/] {compared} contain everything in the ledger"]
    lines = []
    if report.lacking:
        lines.append(f"[red]✗[/] {report.lacking:,} of {compared} lack something")
    if report.unjudged:
        subjects = ", ".join(map(str, report.unjudged))
        lines.append(f"[red]✗[/] not judged, because they changed during the count; run this again: {shown(subjects)}")
    return lines


if __name__ == "__main__":
    run_command(main)
