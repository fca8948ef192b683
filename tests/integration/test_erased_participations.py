"""The stream delivers changes late: no participation of an erased person is written, and all else is counted."""

from typing import Any

import pytest

from saxaul.impact.totals import Participation, RunKey
from saxaul.ledger.actions import Owner
from saxaul.storage.impact import ImpactStore
from saxaul.storage.table import Item, Key, Table
from tests.builders import NOON, make_action, make_action_type, make_calendar, make_campaign
from tests.integration.erasing import begin_erasure, finish_erasure
from tests.integration.stack import Stack
from tests.integration.test_impact import Stream, impact, tally

TODAY = make_calendar().day_of(NOON)
MEI, LI = Owner("user", "u-mei"), Owner("user", "u-li")
RUN = RunKey("wed", TODAY)


@pytest.fixture
def campaigning(stack: Stack) -> Stack:
    """A stack with a campaign that runs today and multiplies rides."""
    stack.seed("action-types", bus_ride=make_action_type())
    stack.seed("campaigns", wed=make_campaign(multipliers={"bus_ride": "2"}))
    return stack


def ridden(stack: Stack, *owners: Owner) -> list[Any]:
    """Post a ride of each person. Return the changes of their periods, dated now."""
    stream = Stream()
    stream.records()
    assert stack.accrue_all([make_action(f"of-{owner.id}", owner=owner) for owner in owners]) == []
    records = stream.records()
    for record in records:
        record["dynamodb"]["ApproximateCreationDateTime"] = float(stack.clock.instant)
    return records


def participants(stack: Stack) -> dict[str, int]:
    """Return in how many periods Mei and Li take part in the run; a person without an item is left out."""
    found = {owner.id: Participation(owner.id, RUN) for owner in (MEI, LI)}
    tallies = {tally.subject: tally.impact.periods for tally in ImpactStore(stack.ledger).tallies_of(found.values())}
    return {user_id: tallies[subject] for user_id, subject in found.items() if subject in tallies}


def test_a_change_of_an_erased_person_makes_no_participation_and_is_counted_all_the_same(campaigning: Stack) -> None:
    records = ridden(campaigning, MEI, LI)
    mark = begin_erasure(campaigning, MEI.id)

    tally(*records)
    during = participants(campaigning)
    campaigning.clock.instant += 120
    finish_erasure(campaigning, mark)
    tally(*records)

    assert during == participants(campaigning) == {"u-li": 1}
    [rides] = impact().body["people"]
    assert rides["actions"] == 2
    assert ImpactStore(campaigning.ledger).progress_of([RUN])[RUN].actions == 2


def test_a_change_that_is_delivered_after_the_end_but_was_made_before_it_makes_none(campaigning: Stack) -> None:
    records = ridden(campaigning, MEI)
    mark = begin_erasure(campaigning, MEI.id)
    campaigning.clock.instant += 120
    finish_erasure(campaigning, mark)

    tally(*records)

    assert participants(campaigning) == {}


def test_the_person_who_comes_after_the_erasure_takes_part(campaigning: Stack) -> None:
    mark = begin_erasure(campaigning, MEI.id)
    campaigning.clock.instant += 120
    finish_erasure(campaigning, mark)
    records = ridden(campaigning, MEI)

    tally(*records)

    assert participants(campaigning) == {"u-mei": 1}


def test_a_batch_without_participations_reads_no_marks(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.seed("action-types", bus_ride=make_action_type())
    records = ridden(stack, MEI)
    read: list[Key] = []
    get = Table.get

    def noted(table: Table, key: Key) -> Item | None:
        read.append(key)
        return get(table, key)

    monkeypatch.setattr(Table, "get", noted)

    tally(*records)

    assert not [key for key in read if key.pk.startswith("ERASED")]
