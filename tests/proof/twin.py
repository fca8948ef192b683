"""The system and the model side by side: a test applies each step to both and then compares them.

AWS calls of the system may fail. Then its queues, apps and schedules retry, as they do in production.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from operations.reconcile import reconcile
from saxaul.audit import PAID
from saxaul.catalog.entries import Cap, ReleaseSchedule, TreeProject
from saxaul.ledger.actions import Action, Owner, Reversal
from saxaul.ledger.periods import Period
from saxaul.messages.bodies import RedemptionMessage, pack, pack_reversals
from saxaul.problems import Conflict, KeyReused
from saxaul.races import LostRaceError
from saxaul.services.redeem import RedemptionRequest, redemption_id
from saxaul.services.sweep import LOST_AFTER
from saxaul.trees.report_rules import apply_confirmations
from tests.builders import APP, at, confirmation, make_action_type, make_campaign, make_tree_project
from tests.proof.faults import Calls, Fault, Killed, Unreliable
from tests.proof.model import LENGTHS, Model, ModelRedemption, day_of
from tests.proof.world import CALENDAR, World

USERS = ("u-1", "u-2")
APPS = (APP, "taobao")
PARTNER = "Alxa SEE Foundation"
MAX_WITHHELD = 3
START = at("2026-05-20T12:00")

TYPES = {
    "bus_ride": make_action_type(points="80"),
    "walking": make_action_type(points="0.5", caps=(Cap(window="month", points=60),)),
    "leave_the_car": make_action_type(points="7", caps=(Cap(window="year", units=Decimal(40)),)),
    "cycling": make_action_type(
        points="10", caps=(Cap(window="day", units=Decimal(5)), Cap(window="month", points=90))
    ),
    "train_ride": make_action_type(points="30", per="action", caps=(Cap(window="day", units=Decimal(2)),)),
}
SCHEDULES = (
    None,
    ReleaseSchedule(daily=2, at="07:00", first_day=date(2026, 5, 1)),
    ReleaseSchedule(daily=1, at="21:30", first_day=date(2026, 5, 25), last_day=date(2026, 6, 10), total=5),
)
PROJECTS = {
    "saxaul-alxa": make_tree_project(160, 6),
    "willow-yili": make_tree_project(90, 4).model_copy(update={"schedule": SCHEDULES[2]}),
}
RESPONSE_LOST = {Fault.LOST, Fault.KILLED_AFTER}
CAMPAIGNS = {"world-environment-day": make_campaign(multipliers={"bus_ride": "2", "cycling": "1.5"})}


class Message(NamedTuple):
    """The actions or the reversals that an app sent in one message."""

    app: str
    actions: tuple[Action, ...] = ()
    reversals: tuple[Reversal, ...] = ()

    @property
    def body(self) -> str:
        (body,) = pack(self.app, self.actions) if self.actions else pack_reversals(self.app, self.reversals)
        return body


class Twin:
    """The system and its model. There are only two users, so that many steps affect each of them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr("saxaul.ledger.periods.MAX_WITHHELD", MAX_WITHHELD)
        self.world = World(patch, START)
        self.calls = Calls()
        vars(self.world).update(
            {name: Unreliable(client, self.calls) for name, client in self.world.reliable_clients.items()}
        )
        self.model = Model(self.world.seed(TYPES, PROJECTS, CAMPAIGNS), MAX_WITHHELD)
        for project_id, project in PROJECTS.items():
            self.model.plan(project_id, project, START)
        self.delivered: list[Message] = []

    def deliver(self, messages: Sequence[Message]) -> None:
        self.delivered += messages
        self._accrue(messages)
        self.model.arrive(
            [action for message in messages for action in message.actions],
            [reversal for message in messages for reversal in message.reversals],
        )

    def _accrue(self, messages: Sequence[Message]) -> None:
        bodies = {str(number): message.body for number, message in enumerate(messages)}
        waiting = dict(bodies)

        def receive() -> bool:
            nonlocal waiting
            waiting = self.world.accrue(waiting)
            return not waiting

        self._until_done(receive, rival=lambda: self.world.accrue(bodies))

    def wait(self, seconds: int) -> None:
        self.world.now += seconds

    def harvest(self, user_id: str) -> None:
        moved: list[int] = []

        def ask() -> bool:
            moved.append(self.world.harvesting.harvest(user_id).moved)
            return True

        struck = self._until_done(ask)
        expected = self.model.harvest(user_id, self.world.now)
        assert sum(moved) == expected or (not RESPONSE_LOST.isdisjoint(struck) and sum(moved) == 0)

    def request(self, user_id: str, key: str, project_id: str, trees: int) -> None:
        wanted = RedemptionRequest(APP, user_id, key, project_id, trees, "")
        outcomes: list[str] = []
        certificates: set[tuple[str, ...]] = set()

        def ask() -> bool:
            outcomes.append(self._ask(wanted, certificates))
            return True

        struck = self._until_done(ask)
        price = PROJECTS[project_id].price_points * trees
        redemption = ModelRedemption(user_id, project_id, trees, price)
        expected = self.model.request(redemption_id(APP, user_id, key), redemption, self.world.now)
        assert len(certificates) == (expected in {"new", "replay"})
        if expected == "new" and struck:
            # If the redemption was written before the fault, the response to the retry says that it is a replay.
            assert set(outcomes) <= {"new", "replay"}
            assert outcomes.count("new") == 1 or (outcomes.count("new") == 0 and struck != [Fault.OVERTAKEN])
        else:
            assert set(outcomes) == {expected}

    def _ask(self, request: RedemptionRequest, certificates: set[tuple[str, ...]]) -> str:
        try:
            redemption, replay = self.world.redeeming.request(request)
        except (Conflict, KeyReused) as problem:
            return problem.code
        assert redemption.redemption_id == redemption_id(request.app, request.user_id, request.key)
        certificates.add(tuple(tree.number for tree in redemption.trees))
        return "replay" if replay else "new"

    def cancel(self, identity: str) -> None:
        outcomes: list[str] = []

        def ask() -> bool:
            outcomes.append(self._cancel(identity))
            return True

        self._until_done(ask)
        assert outcomes[-1] == self.model.cancel(identity)

    def _cancel(self, identity: str) -> str:
        try:
            return self.world.cancelling.cancel(APP, self.model.redemptions[identity].user_id, identity).state.value
        except Conflict as problem:
            return problem.code

    def plan(self, project_id: str, project: TreeProject) -> None:
        """Apply an operator's change of a project. The proof does not inject faults into such changes."""
        with self.calls.undisturbed():
            planned = self.world.plan(project_id, project)
        assert planned == self.model.plan(project_id, project, self.world.now)

    def lose_messages(self, since: int) -> None:
        """Drop all but the first ``since`` queued messages, as if the function had died before it sent the others."""
        del self.world.queue.sent[since:]

    def sweep(self) -> None:
        expected = self.model.pending_before(self.world.now - LOST_AFTER)
        before = len(self.world.queue.sent)
        swept: list[int] = []

        def run() -> bool:
            swept.append(self.world.sweeping.sweep().redemptions)
            return True

        self._until_done(run)
        queued = [RedemptionMessage.model_validate_json(body).redemption_id for body in self.world.queue.sent[before:]]
        assert swept[-1] == len(expected)
        assert queued[len(queued) - len(expected) :] == expected
        assert set(queued) == set(expected)

    def settle(self, bodies: Sequence[str]) -> None:
        waiting = list(bodies)

        def receive() -> bool:
            nonlocal waiting
            waiting = self.world.settle(waiting)
            return not waiting

        self._until_done(receive, rival=lambda: self.world.settle(bodies))
        keys = [RedemptionMessage.model_validate_json(body).redemption_id for body in bodies]
        self.model.settle(keys, self.world.now)

    def order(self, *, lagging: bool = False) -> None:
        """Run the schedule twice. The second run orders the redemptions that a lagging index hid from the first."""
        for self.world.store.lagging in (lagging, False):
            self._until_done(self._order)
        self.model.order()

    def _order(self) -> bool:
        self.world.order_all()
        return True

    def plant(self) -> None:
        """Confirm every tree of all the partner's orders, including trees that were confirmed before."""
        self._until_done(self._confirm)
        self.model.plant()

    def _confirm(self) -> bool:
        for order in self.world.orders.of_partner(PARTNER, limit=100):
            planted_at = CALENDAR.rfc3339(order.ordered_at)
            reports = [confirmation(tree.number, planted_at=planted_at) for tree in order.trees]
            reported = self.world.statements.take(order, reports, apply_confirmations)
            assert (reported.accepted, reported.refused) == (len(reports), [])
        return True

    def _until_done(self, attempt: Callable[[], bool], rival: Callable[[], object] | None = None) -> list[Fault]:
        """Retry until the attempt succeeds, and check the ledger after each fault. Returns the faults that struck.

        ``rival`` is the work that another worker does before a call that ``Fault.OVERTAKEN`` strikes. By default, it is
        the same attempt.
        """
        self.calls.rival = rival or attempt
        before = len(self.calls.struck)
        done = False
        while not done:
            struck = len(self.calls.struck)
            try:
                done = attempt()
            except (ClientError, BotoCoreError, LostRaceError):
                pass
            except Killed:
                self.calls.revive()
                self.world.start_workers()
            if len(self.calls.struck) > struck:
                self.check_that_it_adds_up()
            else:
                assert done, "the attempt failed without a fault"
        return self.calls.struck[before:]

    def check_that_it_adds_up(self) -> None:
        """Check the rules that hold even halfway through a batch: points, caps, saplings and references add up."""
        self.world.without_faults(self._check_that_it_adds_up)

    def _check_that_it_adds_up(self) -> None:
        found: list[str] = []
        report = reconcile(self.world.ledger, lambda finding: found.append(finding.detail))
        assert report.faults == 0, found
        for user_id in USERS:
            assert_no_cap_is_exceeded(self.world.periods_of(user_id))

    def check(self) -> None:
        self.world.without_faults(self._check)

    def _check(self) -> None:
        for user_id in USERS:
            self._check_user(user_id)
        self._check_redemptions()

    def _check_user(self, user_id: str) -> None:
        found, purse = self.world.position(user_id), self.model.purse(user_id)
        assert found.earned == found.ripening + found.spendable + found.spent
        assert found.earned == self.model.earned(user_id)
        assert (found.spendable, found.spent) == (purse.balance, purse.spent)
        assert found.harvestable == self.model.ripe(user_id, self.world.now) - purse.balance - purse.spent
        assert found.avoided_g == self.model.grams(user_id)
        periods = self.world.periods_of(user_id)
        assert sum(period.points for period in periods) == found.earned
        assert_no_cap_is_exceeded(periods)

    def _check_redemptions(self) -> None:
        taken: defaultdict[str, int] = defaultdict(int)
        spent: defaultdict[str, int] = defaultdict(int)
        for identity, redemption in self.model.redemptions.items():
            stored = self.world.redemptions.get(redemption.user_id, identity)
            assert stored is not None
            assert (stored.state.value, stored.reason) == (redemption.state, redemption.reason)
            if stored.state in PAID:
                taken[redemption.project_id] += len(stored.trees)
                spent[redemption.user_id] += stored.points
                assert all(self.world.redemptions.of_certificate(tree.number) == stored for tree in stored.trees)
        for project_id in PROJECTS:
            stock = self.world.stocks.get(project_id)
            released = stock.released_by(self.world.now)
            assert stock.reserved == taken[project_id] <= released == self.model.released(project_id, self.world.now)
        assert all(self.world.wallets.get(user_id).spent == spent[user_id] for user_id in USERS)

    def check_that_a_replay_changes_nothing(self) -> None:
        before = dict(self.world.store.tables["Ledger"])
        with self.calls.undisturbed():
            self._accrue(self.delivered)
        after = self.world.store.tables["Ledger"]
        assert {name: (before.get(name), item) for name, item in after.items() if item != before.get(name)} == {}


def assert_no_cap_is_exceeded(periods: Sequence[Period]) -> None:
    """Check each cap against the sum of all entries in its window, in whichever periods they are."""
    entries = [entry for period in periods for entry in period.entries.values() if entry.type]
    for name, rule in TYPES.items():
        for cap in rule.caps:
            units: defaultdict[str, Decimal] = defaultdict(Decimal)
            points: defaultdict[str, int] = defaultdict(int)
            for entry in (entry for entry in entries if entry.type == name):
                window = day_of(entry.occurred_at).isoformat()[: LENGTHS[cap.window]]
                units[window] += entry.units
                points[window] += entry.points
            assert cap.units is None or max(units.values(), default=Decimal(0)) <= cap.units
            assert cap.points is None or max(points.values(), default=0) <= cap.points


def make_message(user_id: str, action_id: str, type_: str, occurred_at: int, quantity: int = 1) -> Message:
    owner = Owner("user", user_id)
    return Message(APP, (Action(APP, owner, action_id, type_, Decimal(quantity), occurred_at),))


def reversing(action: Action) -> Message:
    taken = Reversal(action.app, action.owner, action.action_id, "refund", action.occurred_at)
    return Message(action.app, (), (taken,))
