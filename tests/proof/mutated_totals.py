"""Mutations of how the public totals are counted. Each docstring says which rule the function breaks."""

from collections.abc import Sequence
from itertools import count

import pytest

from saxaul.impact.totals import MOST_TALLIES, Change, Impact, Impacts, Participation, Progress, Tally
from saxaul.storage import periods
from saxaul.storage.impact import ImpactStore
from saxaul.storage.table import Item
from tests.proof.mutations import Mutations
from tests.proof.streams import STREAM

TOTALS = Mutations()


@TOTALS.caught_by(STREAM)
def _(patch: pytest.MonkeyPatch) -> None:
    """A shard adds to another tally of the day with each batch."""
    batches = count()
    patch.setattr("saxaul.storage.impact.tally_number", lambda *_: next(batches) % MOST_TALLIES)


@TOTALS.caught_by(STREAM)
def _(patch: pytest.MonkeyPatch) -> None:
    """A tally ignores the mark of its shard that an earlier release wrote to another tally of the day."""
    patch.setattr(ImpactStore, "tallies_of", lambda *_: [])


@TOTALS.caught_by(STREAM)
def _(patch: pytest.MonkeyPatch) -> None:
    """A change that is delivered again is counted again."""
    with_changes = Tally.with_changes

    def mutant(tally: Tally, changes: Sequence[Change], shard: str, now: int) -> Tally:
        return with_changes(tally._replace(marks={}), changes, shard, now)

    patch.setattr(Tally, "with_changes", mutant)


@TOTALS.caught_by(STREAM)
def _(patch: pytest.MonkeyPatch) -> None:
    """The tally of a day that an earlier release wrote is left out of the totals."""
    partitions = ImpactStore.between.__globals__["_partitions_of"]
    patch.setattr("saxaul.storage.impact._partitions_of", lambda month: partitions(month)[1:])


@TOTALS.caught_by(STREAM)
def _(patch: pytest.MonkeyPatch) -> None:
    """A person is counted in a campaign once for each period."""

    def mutant(participation: Tally | None) -> Impacts:
        if participation is None or not isinstance(participation.subject, Participation):
            return {}
        return {participation.subject.run: Impact(progress=Progress(persons=participation.impact.periods))}

    patch.setattr("saxaul.impact.changes.impact_of_participation", mutant)


@TOTALS.caught_by(STREAM)
def _(patch: pytest.MonkeyPatch) -> None:
    """A person stays in a campaign when the last action of a period is reversed."""
    change_of = periods.change_of

    def mutant(before: Item | None, after: Item) -> periods.Changed:
        changed = change_of(before, after)
        return changed._replace(runs={name: sign for name, sign in changed.runs.items() if sign > 0})

    patch.setattr("saxaul.storage.periods.change_of", mutant)


@TOTALS.caught_by(STREAM)
def _(patch: pytest.MonkeyPatch) -> None:
    """A participation has no marks, so a change that is delivered again is counted again."""
    with_changes = Tally.with_changes

    def mutant(tally: Tally, changes: Sequence[Change], shard: str, now: int) -> Tally:
        marks = {} if isinstance(tally.subject, Participation) else tally.marks
        return with_changes(tally._replace(marks=marks), changes, shard, now)

    patch.setattr(Tally, "with_changes", mutant)
