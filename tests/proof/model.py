"""A reference model of the ledger in its simplest form: lists, and sums computed from them each time.

The model has no periods, no versions and no closing. ``reports.py`` has the reports of the apps and what they earn.
This module has the purses of the users, their redemptions, and the saplings.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from fractions import Fraction
from typing import NamedTuple

from saxaul.catalog.entries import Catalog, TreeProject
from saxaul.ledger.actions import Action, Reversal, Withdrawal
from tests.builders import SHANGHAI
from tests.proof.reports import DEPLOYED, Award, Limits, Line, Reports, day_of

UNBOUNDED = 10**9


def ripe_from(occurred_at: int) -> float:
    """Return the instant at which an action ripens: 07:00 on the next day."""
    return datetime.combine(day_of(occurred_at) + timedelta(days=1), time(7), SHANGHAI).timestamp()


@dataclass
class ModelRedemption:
    user_id: str
    project_id: str
    trees: int
    points: int
    max_points: int | None = None
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
    limits: Limits = DEPLOYED
    reports: Reports = field(init=False)
    purses: dict[str, Purse] = field(default_factory=dict)
    redemptions: dict[str, ModelRedemption] = field(default_factory=dict)
    plans: dict[str, list[Plan]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.reports = Reports(self.limits)

    def purse(self, user_id: str) -> Purse:
        return self.purses.setdefault(user_id, Purse())

    def arrive(
        self,
        actions: Iterable[Action],
        reversals: Iterable[Reversal] = (),
        withdrawals: Iterable[Withdrawal] = (),
        now: int = 0,
    ) -> Counter[str]:
        """Apply a batch of reports. Returns how many of them had each outcome."""
        return self.reports.arrive([(action, self.catalog) for action in actions], reversals, withdrawals, now)

    def awarded_to(self, user_id: str) -> list[tuple[Line, Award]]:
        return [pair for type_ in self.catalog.action_types for pair in self.reports.awarded_to(user_id, type_)]

    def earned(self, user_id: str) -> int:
        return sum(award.points for _, award in self.awarded_to(user_id))

    def grams(self, user_id: str) -> Fraction:
        return sum((award.grams for _, award in self.awarded_to(user_id)), Fraction())

    def ripe(self, user_id: str, now: int) -> int:
        """Return the points of all ripe actions, harvested or not."""
        return sum(award.points for line, award in self.awarded_to(user_id) if ripe_from(line.occurred_at) <= now)

    def harvest(self, user_id: str, now: int) -> int:
        """Move the ripe points that are not in the purse yet, and return their number, negative after reversals."""
        purse = self.purse(user_id)
        moved = self.ripe(user_id, now) - purse.balance - purse.spent
        purse.balance += moved
        return moved

    def request(self, key: str, redemption: ModelRedemption, now: int) -> str:
        """Apply a redemption request. Returns ``new``, ``replay``, or the problem code of the refusal."""
        if known := self.redemptions.get(key):
            asked = [(found.project_id, found.trees, found.max_points) for found in (known, redemption)]
            return "replay" if asked[0] == asked[1] else "key_reused"
        if redemption.max_points is not None and redemption.points > redemption.max_points:
            return "price_changed"
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
