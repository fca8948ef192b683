"""Compares the ledger with its model. Hypothesis chooses the steps, their order, and the AWS calls that fail."""

import os
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from saxaul.catalog.entries import ReleaseSchedule
from saxaul.ledger.actions import Action, Owner, Reversal
from tests.builders import DAY
from tests.proof.faults import Fault
from tests.proof.reports import Line, Share
from tests.proof.twin import APPS, CHANGED_TYPES, HOSTILE, PROJECTS, SCHEDULES, TYPES, USERS, Message, Twin, reversing

HOUR = 3600
MAX_ARMED_FAULTS = 3
"""The most faults that may be armed at the same time."""

any_number = st.integers(0, 1_000_000)

QUANTITIES = ("0.000001", "0.01", "0.3", "1", "2", "2.5", "3", "7", "13", "30")
"""Some are so small that a report earns nothing by itself, and some exceed every cap."""

reports = st.lists(
    st.tuples(
        st.sampled_from(USERS),
        st.sampled_from(sorted(TYPES)),
        st.sampled_from(QUANTITIES),
        st.integers(0, 7) | st.integers(0, 1),
        st.integers(0, 23),
        st.sampled_from(["plain", "plain", "total", "e-1", "e-2", "e-3"]),
    ),
    min_size=1,
    max_size=8,
)
Reported = tuple[str, str, str, int, int, str]
"""User, type, quantity, days ago, hours ago, and either ``plain``, ``total`` or an evidence id."""


class LedgerMachine(RuleBasedStateMachine):
    """Apps report, repeat and reverse actions. Queues delay and reorder them. Users harvest and redeem. Time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.sent: list[Message] = []
        self.undelivered: list[Message] = []
        self.count = 0
        self.is_right = False

    def teardown(self) -> None:
        try:
            if self.is_right:
                self.twin.check_that_the_hostile_app_takes_nothing()
        finally:
            self.patch.undo()

    @initialize(app=st.sampled_from(APPS), reported=reports)
    def deploy(self, app: str, reported: list[Reported]) -> None:
        """Start with two users who have harvested points, and with some other actions."""
        self.twin = Twin(self.patch)
        rides: list[Reported] = [(user_id, "bus_ride", "5", 2, 0, "plain") for user_id in USERS]
        self.report(app, rides + reported, is_delayed=False)
        for user_id in USERS:
            self.twin.harvest(user_id)

    @rule(app=st.sampled_from(APPS), reported=reports, is_delayed=st.booleans())
    def report(self, app: str, reported: list[Reported], is_delayed: bool) -> None:
        actions = [self._action(app, told) for told in reported]
        self._send(Message(app, tuple(actions)), is_delayed)

    def _action(self, app: str, reported: Reported) -> Action:
        user_id, type_, quantity, days, hours, kind = reported
        self.count += 1
        return Action(
            app,
            Owner("user", user_id),
            f"a-{self.count}",
            type_,
            Decimal(quantity),
            self.twin.world.now - days * DAY - hours * HOUR,
            kind == "total",
            kind if kind.startswith("e-") else "",
        )

    @rule(
        app=st.sampled_from(APPS),
        user_id=st.sampled_from(USERS),
        type_=st.sampled_from(sorted(TYPES)),
        quantity=st.sampled_from(QUANTITIES),
        number=st.integers(4, 14),
        days=st.integers(0, 2),
    )
    def flood(self, app: str, user_id: str, type_: str, quantity: str, number: int, days: int) -> None:
        """Report so many actions of one type and day that the share of the app may overflow."""
        actions = [self._action(app, (user_id, type_, quantity, days, 0, "plain")) for _ in range(number)]
        self._send(Message(app, tuple(actions)), is_delayed=False)

    @rule(app=st.sampled_from(APPS), reported=reports, arrives=st.booleans())
    def reverse_before_report(self, app: str, reported: list[Reported], arrives: bool) -> None:
        """Reverse an action of which the report is delayed, or was never accepted."""
        action = self._action(app, reported[0])
        self._send(reversing(action), is_delayed=False)
        if arrives:
            self._send(Message(app, (action,)), is_delayed=True)

    @precondition(lambda self: any(message.actions for message in self.sent))
    @rule(picked=any_number, by=st.sampled_from(["its app", "its app", "its app", *APPS]), is_delayed=st.booleans())
    def reverse(self, picked: int, by: str, is_delayed: bool) -> None:
        """Reverse an action. If another app does so, its reversal names an unknown action."""
        action = self._reported(picked)
        self._send(reversing(action if by == "its app" else action._replace(app=by)), is_delayed)

    @precondition(lambda self: self.recorded())
    @rule(picked=st.lists(any_number, min_size=1, max_size=3))
    def reverse_what_counts(self, picked: list[int]) -> None:
        lines = self.recorded()
        for number in dict.fromkeys(number % len(lines) for number in picked):
            share, action_id, occurred_at = lines[-1 - number]
            reversal = Reversal(share.app, Owner("user", share.user_id), action_id, "refund", occurred_at)
            self._send(Message(share.app, (), (reversal,)), is_delayed=False)

    @precondition(lambda self: self.hostile_sums())
    @rule(picked=any_number, is_delayed=st.booleans())
    def take_back_a_sum(self, picked: int, is_delayed: bool) -> None:
        """Reverse a sum of the hostile app, as an operator does. It may be reversed already, or get more actions."""
        lines = self.hostile_sums()
        line = lines[-1 - picked % len(lines)]
        taken = Reversal(HOSTILE, Owner("user", line.share.user_id), line.sum_id, "refund", line.occurred_at)
        self._send(Message(HOSTILE, (), (taken,)), is_delayed)

    def hostile_sums(self) -> list[Line]:
        return [line for line in self.twin.model.reports.lines if line.share.app == HOSTILE and line.sum_id]

    def recorded(self) -> list[tuple[Share, str, int]]:
        """Return the lines that count. Those with evidence come last, so that low numbers pick them."""
        lines = [line for line in self.twin.model.reports.lines if line.counts and not line.sum_id]
        ordered = sorted(lines, key=lambda line: bool(line.evidence_id))
        return [(line.share, line.action_id, line.occurred_at) for line in ordered]

    @precondition(lambda self: any(message.actions for message in self.sent))
    @rule(
        picked=any_number,
        told=reports,
        change=st.sampled_from(["quantity", "date", "type", "evidence", "total", "app"]),
    )
    def report_again_with_other_content(self, picked: int, told: list[Reported], change: str) -> None:
        action = self._reported(picked)
        other = self._action(APPS[action.app == APPS[0]], told[0])
        changed = {
            "quantity": {"quantity": other.quantity},
            "date": {"occurred_at": other.occurred_at},
            "type": {"type": other.type},
            "evidence": {"evidence_id": "" if action.is_total else other.evidence_id},
            "total": {"is_total": not action.evidence_id, "quantity": other.quantity},
            "app": {"app": other.app},
        }[change]
        action = action._replace(**changed)  # type: ignore[arg-type] # each field has its own type
        self._send(Message(action.app, (action,)), is_delayed=False)

    @precondition(lambda self: any(action.is_total for message in self.sent for action in message.actions))
    @rule(picked=any_number, quantities=st.lists(st.sampled_from(QUANTITIES), min_size=1, max_size=3))
    def report_total_again(self, picked: int, quantities: list[str]) -> None:
        """Report a running total again, higher and lower, in any order."""
        totals = [action for message in self.sent for action in message.actions if action.is_total]
        action = totals[-1 - picked % len(totals)]
        self._send(
            Message(action.app, tuple(action._replace(quantity=Decimal(quantity)) for quantity in quantities)),
            is_delayed=False,
        )

    @rule(type_=st.sampled_from(sorted(TYPES)), changed=st.booleans())
    def change_type(self, type_: str, changed: bool) -> None:
        self.twin.change_type(type_, (CHANGED_TYPES if changed else TYPES)[type_])

    def _reported(self, picked: int) -> Action:
        """Return an action of any message. A flood is one message, so its actions are not picked more often."""
        messages = [message for message in self.sent if message.actions]
        actions = messages[-1 - picked % len(messages)].actions
        return actions[picked // len(messages) % len(actions)]

    def _send(self, message: Message, is_delayed: bool) -> None:
        """Queue a message. What it earns is decided now, even if an operator changes a type before it is delivered."""
        message = self.twin.accepted(message)
        self.sent.append(message)
        if is_delayed:
            self.undelivered.append(message)
        else:
            self._deliver([message])

    def _deliver(self, messages: Sequence[Message]) -> None:
        """Deliver a batch. If faults are armed, deliver it in parts, each of which is written in one piece per period.

        A fault may delay one part of a batch after another part, and the order in which actions are recorded matters.
        """
        if not self.twin.calls.armed:
            self.twin.deliver(messages)
            return
        for message in messages:
            for part, actions in (
                ("plain", tuple(action for action in message.actions if not action.evidence_id)),
                ("proved", tuple(action for action in message.actions if action.evidence_id)),
            ):
                if actions:  # each part has a receipt of its own, with the same mark
                    receipt = f"{message.receipt}-{part}"
                    self.twin.deliver([message._replace(actions=actions, receipt=receipt)])
            if not message.actions:
                self.twin.deliver([message])

    @precondition(lambda self: self.sent)
    @rule(picked=st.lists(any_number, min_size=1, max_size=6), lagging=st.booleans())
    def deliver_again_or_late(self, picked: list[int], lagging: bool) -> None:
        """Deliver any messages in any order, again or for the first time. Low numbers pick undelivered messages."""
        late_first = [*self.undelivered, *reversed(self.sent)]
        chosen = [late_first[number % len(late_first)] for number in picked]
        self.twin.world.store.lagging = lagging
        self._deliver(chosen)
        self.twin.world.store.lagging = False
        self.undelivered = [message for message in self.undelivered if message not in chosen]

    @precondition(lambda self: self.undelivered)
    @rule()
    def deliver_delayed(self) -> None:
        self._deliver(self.undelivered[::-1])
        self.undelivered = []

    @rule(seconds=st.sampled_from([HOUR, 20 * HOUR, DAY, 4 * DAY, 12 * DAY, 16 * DAY, 40 * DAY, 200 * DAY]))
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
        self.is_right = False
        self.twin.check()
        self.twin.check_early_reversals()
        self.twin.check_that_it_adds_up()
        self.twin.check_that_a_replay_changes_nothing()
        self.is_right = True


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings.get_profile(f"proof-{os.environ.get('SAXAUL_PROFILE', 'short')}")
