"""What periods, redemptions and participations, and changes of them, add to the public totals."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from saxaul.catalog.calendar import Calendar
from saxaul.impact.totals import (
    Act,
    FacilityYear,
    Impact,
    ImpactAdder,
    Impacts,
    MonthlyAct,
    Participation,
    Progress,
    RunKey,
    Subject,
    Sum,
    Tally,
    month_of,
)
from saxaul.ledger.actions import Owner
from saxaul.ledger.entries import Entry, app_of
from saxaul.ledger.periods import Period
from saxaul.trees.redemptions import Redemption
from saxaul.trees.states import UNPAID


def impact_of_period(period: Period | None, calendar: Calendar) -> Impacts:
    """Return the impact of a period, without the participations of its owner.

    Reversed and void entries do not count, nor does an implausible quantity. A malformed run is left out.
    """
    if period is None:
        return {}
    return _by_subject(
        adds
        for name, entry in period.entries.items()
        if entry.counts
        for adds in _adds_of(period.key.owner, app_of(name), entry, calendar.day_of(entry.occurred_at))
    )


def _adds_of(owner: Owner, app: str, entry: Entry, day: date) -> Iterator[tuple[Subject, Impact]]:
    found = Sum(entry.actions, entry.counted, entry.points, entry.avoided_g)
    yield day, Impact({Act(owner.kind, app, entry.type): found})
    if owner.kind == "facility":
        month = MonthlyAct(month_of(day), entry.type)
        yield FacilityYear(owner.id, day.year), Impact(months={month: found})
    elif run := RunKey.if_named(entry.run):
        points = {f"{entry.multiplier.normalize():f}": entry.points} if entry.points else {}
        yield run, Impact(progress=Progress(entry.actions, 0, points))


def impact_of_participation(participation: Tally | None) -> Impacts:
    """Return the impact of a participation: one person in the run, while a period has actions that count."""
    if participation is None or not participation.impact.periods:
        return {}
    match participation.subject:
        case Participation(_, run):
            return {run: Impact(progress=Progress(persons=1))}
    raise TypeError(f"{participation.subject} is not a participation")


def participations_in(owner: Owner, runs: Mapping[str, int]) -> Impacts:
    """Return what a period adds to the participations of its owner. ``runs`` are as in ``RecordChange``.

    A malformed run is left out.
    """
    if owner.kind != "user":
        return {}
    named = ((RunKey.if_named(name), sign) for name, sign in runs.items())
    return {Participation(owner.id, run): Impact(periods=sign) for run, sign in named if run}


def run_names_in(period: Period) -> set[str]:
    """Return the names of the runs that multiply an entry of a period that counts."""
    return {entry.run for entry in period.entries.values() if entry.run and entry.counts}


def malformed_runs_in(period: Period) -> set[str]:
    """Return the texts that entries of a period have in place of the name of a run."""
    return {entry.run for entry in period.entries.values() if entry.run and not RunKey.if_named(entry.run)}


def impact_of_redemption(redemption: Redemption | None, calendar: Calendar) -> Impacts:
    """Return the impact of a redemption: its trees by state, on the day of the reservation."""
    if redemption is None or not redemption.reserved_at:
        return {}
    day = calendar.day_of(redemption.reserved_at)
    states = [redemption.tree_state(tree) for tree in redemption.trees]
    return _by_subject((day, Impact(trees={state.value: 1})) for state in states if state not in UNPAID)


def difference(after: Impacts, before: Impacts) -> Impacts:
    """Return ``after`` minus ``before``, without the subjects for which they are equal."""
    found = {
        subject: after.get(subject, Impact()).plus(before.get(subject, Impact()), -1) for subject in {*after, *before}
    }
    return {subject: impact for subject, impact in found.items() if not impact.is_zero}


def impact_of_change(
    before: Period | Redemption | Tally | None,
    after: Period | Redemption | Tally,
    calendar: Calendar,
    runs: Mapping[str, int],
) -> Impacts:
    """Return the impact that a change of one period, redemption or participation adds, by subject. It can be negative.

    ``runs`` are the runs of which a period newly has or no longer has an entry that counts, as in ``RecordChange``.
    """
    match before, after:
        case (Period() | None, Period()):
            adds = difference(impact_of_period(after, calendar), impact_of_period(before, calendar))
            return {**adds, **participations_in(after.key.owner, runs)}
        case (Redemption() | None, Redemption()):
            return difference(impact_of_redemption(after, calendar), impact_of_redemption(before, calendar))
        case (Tally() | None, Tally()):
            return difference(impact_of_participation(after), impact_of_participation(before))
    raise TypeError("before and after must be of the same kind")


def _by_subject(found: Iterable[tuple[Subject, Impact]]) -> Impacts:
    adders: defaultdict[Subject, ImpactAdder] = defaultdict(ImpactAdder)
    for subject, impact in found:
        adders[subject].add(impact)
    return {subject: adder.total() for subject, adder in adders.items()}
