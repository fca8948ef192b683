"""The metrics of posting agree with the ledger, whatever is posted in which batches, and however often."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saxaul.catalog.entries import Cap
from saxaul.ledger.actions import Reversal
from saxaul.messages.bodies import ActionMessage
from tests.builders import APP, DAY, NOON, USER, action_bodies, make_action, make_action_type, reversal_bodies
from tests.proof.world import CALENDAR, World

TYPES = {
    "bus_ride": make_action_type(points="80"),
    "walking": make_action_type(points="0.5", caps=(Cap(window="day", points=60),)),
    "train_ride": make_action_type(points="30", caps=(Cap(window="month", units=Decimal(4)),)),
}

APPS = st.sampled_from([APP, "taobao"])
IDS = st.sampled_from([f"act-{number}" for number in range(6)])
DAYS = st.sampled_from([0, 1])
ACTIONS = st.tuples(
    *(APPS, IDS, DAYS, st.sampled_from(sorted(TYPES)), st.integers(1, 90), st.booleans()),
    st.sampled_from(["", "", "ticket-1", "ticket-2"]),
)
REVERSALS = st.tuples(APPS, IDS, DAYS)


def body_of(world: World, told: tuple[object, ...]) -> str:
    """Return the message of one action or of one reversal."""
    match told:
        case (str(app), str(name), int(days), str(type_), int(quantity), bool(is_total), str(evidence)):
            action = make_action(name, type=type_, quantity=str(quantity), app=app, occurred_at=NOON - days * DAY)
            changed = action._replace(is_total=is_total and not evidence, evidence_id=evidence)
            accepted = changed.on_terms_of(world.catalog_store.catalog(), CALENDAR)
            [body] = action_bodies(app, NOON, [accepted])
        case (str(app), str(name), int(days)):
            [body] = reversal_bodies(app, NOON, [Reversal(app, USER, name, "refund", NOON - days * DAY)])
        case _:
            raise AssertionError(told)
    return body


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(st.one_of(ACTIONS, REVERSALS), min_size=1, max_size=8), max_size=6))
def test_the_measured_points_are_those_of_the_ledger_and_a_repeat_posts_nothing(
    batches: list[list[tuple[object, ...]]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        world = World(patch, NOON + 3600)
        world.seed(TYPES, {})
        points = posted = 0
        for batch in batches:
            bodies = [ActionMessage.model_validate_json(body_of(world, told)) for told in batch]
            messages = {str(number): body for number, body in enumerate(bodies)}
            accrued = world.accrual.post(messages)
            assert not accrued.failed
            points += accrued.measured["PointsEarned"]
            posted += accrued.measured["ActionsPosted"]
            periods = world.periods_of(USER.id)
            assert points == sum(period.points for period in periods)
            assert posted >= sum(len(period.entries) for period in periods)

            repeated = world.accrual.post(messages).measured
            points += repeated["PointsEarned"]  # another claim to the same evidence may count now
            assert repeated["ActionsPosted"] == 0
            assert points == sum(period.points for period in world.periods_of(USER.id))
