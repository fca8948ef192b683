"""Compares the ledger with its model. Hypothesis chooses the steps, their order, and the AWS calls that fail."""

import os
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from saxaul.catalog.entries import ReleaseSchedule
from saxaul.ledger.actions import Action, Owner
from tests.builders import DAY
from tests.proof.faults import Fault
from tests.proof.twin import APPS, PROJECTS, SCHEDULES, TYPES, USERS, Message, Twin, reversing

HOUR = 3600
MAX_ARMED_FAULTS = 3
"""The most faults that may be armed at the same time."""

any_number = st.integers(0, 1_000_000)

reports = st.lists(
    st.tuples(
        st.sampled_from(USERS),
        st.sampled_from(sorted(TYPES)),
        st.integers(1, 30),
        st.integers(0, 7) | st.integers(0, 1),
        st.integers(0, 23),
    ),
    min_size=3,
    max_size=8,
)


class LedgerMachine(RuleBasedStateMachine):
    """Apps report, repeat and reverse actions. Queues delay and reorder them. Users harvest and redeem. Time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.sent: list[Message] = []
        self.undelivered: list[Message] = []
        self.count = 0

    def teardown(self) -> None:
        self.patch.undo()

    @initialize(app=st.sampled_from(APPS), reported=reports)
    def deploy(self, app: str, reported: list[tuple[str, str, int, int, int]]) -> None:
        """Start with two users who have harvested points, and with some other actions."""
        self.twin = Twin(self.patch)
        rides = [(user_id, "bus_ride", 5, 2, 0) for user_id in USERS]
        self.report(app, rides + reported, is_delayed=False)
        for user_id in USERS:
            self.twin.harvest(user_id)

    @rule(app=st.sampled_from(APPS), reported=reports, is_delayed=st.booleans())
    def report(self, app: str, reported: list[tuple[str, str, int, int, int]], is_delayed: bool) -> None:
        actions: list[Action] = []
        for user_id, type_, quantity, days, hours in reported:
            self.count += 1
            occurred_at = self.twin.world.now - days * DAY - hours * HOUR
            owner, action_id = Owner("user", user_id), f"a-{self.count}"
            actions.append(Action(app, owner, action_id, type_, Decimal(quantity), occurred_at))
        self._send(Message(app, tuple(sorted(actions, key=lambda action: action.owner))), is_delayed)

    @precondition(lambda self: any(message.actions for message in self.sent))
    @rule(picked=any_number, is_delayed=st.booleans())
    def reverse(self, picked: int, is_delayed: bool) -> None:
        self._send(reversing(self._reported(picked)), is_delayed)

    @precondition(lambda self: any(message.actions for message in self.sent))
    @rule(picked=any_number, quantity=st.integers(1, 30), is_delayed=st.booleans())
    def report_again_with_other_content(self, picked: int, quantity: int, is_delayed: bool) -> None:
        action = self._reported(picked)
        self._send(Message(action.app, (action._replace(quantity=Decimal(quantity)),)), is_delayed)

    def _reported(self, picked: int) -> Action:
        actions = [action for message in self.sent for action in message.actions]
        return actions[-1 - picked % len(actions)]

    def _send(self, message: Message, is_delayed: bool) -> None:
        self.sent.append(message)
        if is_delayed:
            self.undelivered.append(message)
        else:
            self.twin.deliver([message])

    @precondition(lambda self: self.sent)
    @rule(picked=st.lists(any_number, min_size=1, max_size=6), lagging=st.booleans())
    def deliver_again_or_late(self, picked: list[int], lagging: bool) -> None:
        """Deliver any messages in any order, again or for the first time. Low numbers pick undelivered messages."""
        late_first = [*self.undelivered, *reversed(self.sent)]
        chosen = [late_first[number % len(late_first)] for number in picked]
        self.twin.world.store.lagging = lagging
        self.twin.deliver(chosen)
        self.twin.world.store.lagging = False
        self.undelivered = [message for message in self.undelivered if message not in chosen]

    @precondition(lambda self: self.undelivered)
    @rule()
    def deliver_delayed(self) -> None:
        self.twin.deliver(self.undelivered[::-1])
        self.undelivered = []

    @rule(seconds=st.sampled_from([HOUR, 20 * HOUR, DAY, 4 * DAY, 12 * DAY, 40 * DAY, 200 * DAY]))
    def wait(self, seconds: int) -> None:
        self.twin.wait(seconds)

    @rule(user_id=st.sampled_from(USERS), seconds=st.sampled_from([0, DAY, 40 * DAY]))
    def harvest(self, user_id: str, seconds: int) -> None:
        self.twin.wait(seconds)
        self.twin.harvest(user_id)

    @rule(
        user_id=st.sampled_from(USERS),
        key=st.sampled_from([f"key-{number}" for number in range(20)]),
        project_id=st.sampled_from(sorted(PROJECTS)),
        trees=st.integers(1, 3),
        then=st.sampled_from(["settled", "waiting", "lost"]),
    )
    def request(self, user_id: str, key: str, project_id: str, trees: int, then: str) -> None:
        queued = len(self.twin.world.queue.sent)
        self.twin.request(user_id, key, project_id, trees)
        if then == "settled" and self.twin.world.queue.sent:
            self.twin.settle(self.twin.world.queue.sent[-1:])
        if then == "lost":
            self.twin.lose_messages(since=queued)

    @precondition(lambda self: self.twin.model.redemptions)
    @rule(picked=any_number)
    def cancel(self, picked: int) -> None:
        redemption_ids = list(self.twin.model.redemptions)
        self.twin.cancel(redemption_ids[-1 - picked % len(redemption_ids)])

    @rule(seconds=st.sampled_from([0, 301, DAY]), settled=st.booleans())
    def sweep(self, seconds: int, settled: bool) -> None:
        self.twin.wait(seconds)
        queued = len(self.twin.world.queue.sent)
        self.twin.sweep()
        if settled and (swept := self.twin.world.queue.sent[queued:]):
            self.twin.settle(swept)

    @rule(
        project_id=st.sampled_from(sorted(PROJECTS)),
        saplings=st.integers(0, 8),
        schedule=st.sampled_from(SCHEDULES),
        closed=st.sampled_from([False, False, False, True]),
    )
    def plan(self, project_id: str, saplings: int, schedule: ReleaseSchedule | None, closed: bool) -> None:
        changed = {"saplings": saplings, "schedule": schedule, "closed": closed}
        self.twin.plan(project_id, PROJECTS[project_id].model_copy(update=changed))

    @precondition(lambda self: self.twin.world.queue.sent)
    @rule(picked=st.lists(any_number, min_size=1, max_size=5))
    def settle(self, picked: list[int]) -> None:
        """Settle any of the queued requests, settled ones included. Low numbers pick the newest."""
        sent = self.twin.world.queue.sent
        bodies = [sent[-1 - number % len(sent)] for number in picked]
        if not self.twin.calls.armed:
            self.twin.settle(bodies)
            return
        # Settle one project at a time, because a fault may change their order, and so which redemptions are paid.
        for project_id in PROJECTS:
            if of_project := [body for body in bodies if f'"{project_id}"' in body]:
                self.twin.settle(of_project)

    @rule(lagging=st.booleans())
    def order(self, lagging: bool) -> None:
        self.twin.order(lagging=lagging)

    @rule()
    def plant(self) -> None:
        self.twin.plant()

    @precondition(lambda self: self.twin.calls.armed < MAX_ARMED_FAULTS)
    @rule(fault=st.sampled_from(Fault), after=st.integers(0, 15))
    def arm_fault(self, fault: Fault, after: int) -> None:
        """Arm a fault. It strikes the first AWS call that it applies to, after ``after`` more calls."""
        self.twin.calls.arm(fault, after)

    @invariant()
    def agrees_with_the_model(self) -> None:
        self.twin.check()

    @invariant()
    def replay_changes_nothing(self) -> None:
        self.twin.check_that_a_replay_changes_nothing()


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings.get_profile(f"proof-{os.environ.get('SAXAUL_PROFILE', 'short')}")
