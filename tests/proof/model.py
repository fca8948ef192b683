"""A reference model of the ledger in its simplest form: one list of acts, and sums computed from it each time.

The model has no periods, no versions and no closing. It decides what an act earns when the act first arrives. All
totals are sums over the acts.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import floor
from typing import NamedTuple

from saxaul.catalog.entries import ActionType, Catalog, TreeProject
from saxaul.ledger.actions import Action, Reversal
from tests.builders import SHANGHAI

LENGTHS = {"day": 10, "month": 7, "year": 4}
ZERO = Decimal(0)
UNBOUNDED = 10**9


class Name(NamedTuple):
    user_id: str
    app: str
    action_id: str


def name_of(reported: Action | Reversal) -> Name:
    return Name(reported.owner.id, reported.app, reported.action_id)


def day_of(instant: int) -> date:
    return datetime.fromtimestamp(instant, SHANGHAI).date()


def ripe_from(occurred_at: int) -> float:
    """Return the instant at which an act ripens: 07:00 on the next day."""
    return datetime.combine(day_of(occurred_at) + timedelta(days=1), time(7), SHANGHAI).timestamp()


@dataclass
class Act:
    """An action that arrived, and what it is worth now. If ``withheld``, a cap left it without any points."""

    action: Action
    points: int = 0
    units: Decimal = ZERO
    grams: Decimal = ZERO
    withheld: bool = False


@dataclass
class ModelRedemption:
    user_id: str
    project_id: str
    trees: int
    points: int
    requested_at: int = 0
    state: str = "requested"
    reason: str = ""


@dataclass
class Purse:
    """A user's harvested points: ``balance`` is what is left, and ``spent`` is what was spent."""

    balance: int = 0
    spent: int = 0


class Plan(NamedTuple):
    """A project with the fields that the catalog has from the instant ``since`` on."""

    since: int
    project: TreeProject


@dataclass
class Model:
    catalog: Catalog
    max_withheld: int
    acts: dict[Name, Act] = field(default_factory=dict)
    reversed_acts: set[Name] = field(default_factory=set)
    purses: dict[str, Purse] = field(default_factory=dict)
    redemptions: dict[str, ModelRedemption] = field(default_factory=dict)
    plans: dict[str, list[Plan]] = field(default_factory=dict)

    def purse(self, user_id: str) -> Purse:
        return self.purses.setdefault(user_id, Purse())

    def arrive(self, actions: Iterable[Action], reversals: Iterable[Reversal]) -> None:
        """Apply a batch: first its actions in order, then its reversals."""
        for action in actions:
            if name_of(action) not in self.acts:
                self.acts[name_of(action)] = self._evaluate(action)
        for reversal in reversals:
            self.reversed_acts.add(name_of(reversal))
            if act := self.acts.get(name_of(reversal)):
                act.points, act.units, act.grams, act.withheld = 0, ZERO, ZERO, False

    def _evaluate(self, action: Action) -> Act:
        rule = self.catalog.action_types[action.type]
        if name_of(action) in self.reversed_acts:
            return Act(action)
        assert rule.points
        wanted = action.quantity if rule.points.per == "unit" else Decimal(1)
        units = min([wanted, *self._units_left(action, rule)])
        uncapped = floor(units * rule.points.value * self._multiplier(action))
        points = min([uncapped, *self._points_left(action, rule)])
        withheld = points == 0 and (units < wanted or points < uncapped)
        if withheld and self._withheld_in_window(action, rule) >= self.max_withheld:
            return Act(action)
        return Act(action, points, units, action.quantity * rule.avoided_g.value, withheld)

    def _units_left(self, action: Action, rule: ActionType) -> list[Decimal]:
        return [
            max(ZERO, cap.units - sum(act.units for act in self._acts_in_window(action, cap.window, of_type=True)))
            for cap in rule.caps
            if cap.units is not None
        ]

    def _points_left(self, action: Action, rule: ActionType) -> list[int]:
        return [
            max(0, cap.points - sum(act.points for act in self._acts_in_window(action, cap.window, of_type=True)))
            for cap in rule.caps
            if cap.points is not None
        ]

    def _acts_in_window(self, action: Action, window: str, *, of_type: bool) -> list[Act]:
        """Return the acts of the same user in the same day, month or year."""
        length = LENGTHS[window]
        when = day_of(action.occurred_at).isoformat()[:length]
        return [
            act
            for act in self.acts.values()
            if act.action.owner == action.owner
            and day_of(act.action.occurred_at).isoformat()[:length] == when
            and (act.action.type == action.type or not of_type)
        ]

    def _withheld_in_window(self, action: Action, rule: ActionType) -> int:
        """Count the withheld acts in the window of an action, over all types whose window has the same length."""
        others = self._acts_in_window(action, rule.window, of_type=False)
        types = self.catalog.action_types
        return sum(act.withheld for act in others if types[act.action.type].window == rule.window)

    def _multiplier(self, action: Action) -> Decimal:
        """Return the campaign multiplier. The only campaign is World Environment Day, which lasts one day."""
        if day_of(action.occurred_at).strftime("%m-%d") != "06-05":
            return Decimal(1)
        campaigns = self.catalog.campaigns.values()
        return max([Decimal(1), *(campaign.multipliers.get(action.type, ZERO) for campaign in campaigns)])

    def acts_of(self, user_id: str) -> list[Act]:
        return [act for name, act in self.acts.items() if name.user_id == user_id]

    def earned(self, user_id: str) -> int:
        return sum(act.points for act in self.acts_of(user_id))

    def grams(self, user_id: str) -> Decimal:
        return sum((act.grams for act in self.acts_of(user_id)), ZERO)

    def ripe(self, user_id: str, now: int) -> int:
        """Return the points of all ripe acts, harvested or not."""
        return sum(act.points for act in self.acts_of(user_id) if ripe_from(act.action.occurred_at) <= now)

    def harvest(self, user_id: str, now: int) -> int:
        """Move the ripe points that are not in the purse yet, and return their number, negative after reversals."""
        purse = self.purse(user_id)
        moved = self.ripe(user_id, now) - purse.balance - purse.spent
        purse.balance += moved
        return moved

    def request(self, key: str, redemption: ModelRedemption, now: int) -> str:
        """Apply a redemption request. Returns ``new``, ``replay``, or the problem code of the refusal."""
        if known := self.redemptions.get(key):
            same = (known.project_id, known.trees) == (redemption.project_id, redemption.trees)
            return "replay" if same else "key_reused"
        if refusal := self._refusal(redemption, now):
            return refusal
        self.harvest(redemption.user_id, now)
        if self.purse(redemption.user_id).balance < redemption.points:
            return "insufficient_points"
        self.redemptions[key] = redemption
        redemption.requested_at = now
        return "new"

    def settle(self, keys: Sequence[str], now: int) -> None:
        """Settle redemption requests in order, project by project."""
        for project_id in dict.fromkeys(self.redemptions[key].project_id for key in keys):
            for redemption in [self.redemptions[key] for key in dict.fromkeys(keys)]:
                if redemption.project_id == project_id and redemption.state == "requested":
                    self._settle_one(redemption, now)

    def _settle_one(self, redemption: ModelRedemption, now: int) -> None:
        purse = self.purse(redemption.user_id)
        if refusal := self._refusal(redemption, now):
            redemption.state, redemption.reason = "rejected", refusal
        elif redemption.points > purse.balance:
            redemption.state, redemption.reason = "rejected", "insufficient_points"
        else:
            redemption.state = "reserved"
            purse.balance -= redemption.points
            purse.spent += redemption.points

    def _refusal(self, redemption: ModelRedemption, now: int) -> str:
        """Return why the project cannot serve the request, regardless of the user's points; empty if it can."""
        if self.plans[redemption.project_id][-1].project.closed:
            return "project_closed"
        left = self.released(redemption.project_id, now) - self.reserved_saplings(redemption.project_id)
        return "sold_out" if redemption.trees > left else ""

    def cancel(self, key: str) -> str:
        """Cancel a redemption. Returns ``cancelled``, or the problem code of the refusal."""
        redemption = self.redemptions[key]
        if redemption.state == "reserved":
            self.purse(redemption.user_id).balance += redemption.points
            self.purse(redemption.user_id).spent -= redemption.points
        if redemption.state in {"requested", "reserved"}:
            redemption.state = "cancelled"
        if redemption.state == "cancelled":
            return "cancelled"
        return "already_rejected" if redemption.state == "rejected" else "already_ordered"

    def pending_before(self, before: int) -> list[str]:
        """Return the redemptions that were requested before an instant and are still pending, oldest first."""
        waiting = [
            (redemption.requested_at, key)
            for key, redemption in self.redemptions.items()
            if redemption.state == "requested" and redemption.requested_at < before
        ]
        return [key for _, key in sorted(waiting)]

    def plan(self, project_id: str, project: TreeProject, now: int) -> bool:
        """Change a project as an operator does. Returns False if it would release fewer saplings than are reserved."""
        plans = self.plans.setdefault(project_id, [])
        plans.append(Plan(now, project))
        if self.released(project_id, now) < self.reserved_saplings(project_id):
            plans.pop()
            return False
        return True

    def released(self, project_id: str, now: int) -> int:
        """Return the saplings released by hand, plus those that each plan's schedule released while it was in force."""
        plans = self.plans[project_id]
        scheduled = 0
        for (since, project), until in zip(plans, [*(later.since for later in plans[1:]), now], strict=True):
            for daily, total in self._releases(project, since, until):
                scheduled = max(scheduled, min(scheduled + daily, total))
        return plans[-1].project.saplings + scheduled

    def _releases(self, project: TreeProject, since: int, until: int) -> Iterator[tuple[int, int]]:
        """Yield each scheduled release of a plan between two instants: its saplings, and the limit of the schedule."""
        day, schedule = day_of(since), project.schedule
        while schedule and day <= day_of(until):
            hour = datetime.combine(day, time.fromisoformat(schedule.at), SHANGHAI).timestamp()
            if since < hour <= until and schedule.first_day <= day <= (schedule.last_day or day):
                yield schedule.daily, schedule.total or UNBOUNDED
            day += timedelta(days=1)

    def reserved_saplings(self, project_id: str) -> int:
        redemptions = [redemption for redemption in self.redemptions.values() if redemption.project_id == project_id]
        return sum(
            redemption.trees for redemption in redemptions if redemption.state in {"reserved", "ordered", "planted"}
        )

    def order(self) -> None:
        for redemption in self.redemptions.values():
            if redemption.state == "reserved":
                redemption.state = "ordered"

    def plant(self) -> None:
        for redemption in self.redemptions.values():
            if redemption.state == "ordered":
                redemption.state = "planted"
