"""What taking actions back would change for a person, computed by the code that posts reversals. Nothing is written."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from operations.app_lines import AppLine
from saxaul.clock import Clock
from saxaul.ledger.actions import Owner, Reversal
from saxaul.ledger.awards import Terms
from saxaul.ledger.wallets import position
from saxaul.races import retry_lost_races
from saxaul.services.post_together import Attempt, Origin, Plan, Stores, Work
from saxaul.storage.claims import Claims
from saxaul.storage.periods import Periods, to_item
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.table import Item, Key, Table, python
from saxaul.storage.wallets import Wallets
from saxaul.trees.states import PAID_STATES

if TYPE_CHECKING:
    from saxaul.ledger.periods import Period, PeriodKey


class Outcome(NamedTuple):
    """What becomes of a person.

    Attributes:
        points: what goes. It is less than the actions had earned if others are paid instead, which a cap or the same
            evidence had withheld.
        left: the points that the person can spend in the end, when all points are ripe and harvested; below zero if
            more was spent.
        trees: how many trees the person has for points.
    """

    owner: Owner
    points: int
    left: int
    trees: int


class _Rehearsed(Table):
    """The table as it would be after the planned writes."""

    def __init__(self, name: str, clock: Clock) -> None:
        super().__init__(name, clock)
        self._planned: dict[tuple[str, str], Item] = {}

    def get_many(self, keys: Iterable[Key], *, consistent: bool, only: str = "") -> dict[Key, Item]:
        wanted = list(keys)
        found = super().get_many(wanted, consistent=consistent, only=only)
        return found | {key: self._planned[key] for key in wanted if key in self._planned}

    def note(self, plan: Plan) -> None:
        """Note what a plan would write."""
        items: list[Any] = [python(write["Put"]["Item"]) for write in plan.claims]
        items += [{**to_item(period), "v": period.version + 1} for period in plan.periods]
        self._planned |= {(item["pk"], item["sk"]): item for item in items}


class Rehearsal(NamedTuple):
    """Computes what becomes of persons."""

    table: Table
    terms: Terms

    def outcome(self, owner: Owner, lines: Sequence[AppLine], app: str) -> Outcome:
        """Return what becomes of an owner if these lines are taken back; without lines, how it stands.

        Raises:
            ContendedError: the owner's items changed during each attempt.
        """
        points = retry_lost_races(lambda: self._points_that_go(owner, lines, app), self.table.clock)
        if owner.kind == "facility":
            return Outcome(owner, points, 0, 0)
        wallets = Wallets(self.table)
        wallet = wallets.get(owner.id)
        found = position(wallet, wallets.open_periods(wallet), self.terms.calendar, self.table.clock.now())
        trees = sum(
            redemption.tree_state(tree) in PAID_STATES
            for redemption in Redemptions(self.table).of_user(owner.id)
            for tree in redemption.trees
        )
        return Outcome(owner, points, found.spendable + found.ripening - points, trees)

    def _points_that_go(self, owner: Owner, lines: Sequence[AppLine], app: str) -> int:
        table = _Rehearsed(self.table.name, self.table.clock)
        stores = Stores(Periods(table), Wallets(table), Claims(table))
        work = Work(owner)
        for line in lines:
            work.add(Reversal(app, owner, line.action_id, "-", line.occurred_at), Origin(""))
        before: dict[PeriodKey, Period] = {}
        after: dict[PeriodKey, Period] = {}
        while work.changes:
            plan = Attempt(stores, self.terms, work, {}, table.clock.now()).plan()
            before = {**plan.read, **before}
            after |= {period.key: period for period in plan.periods}
            table.note(plan)
            work.drop(len(plan.fates))
        return sum(before[key].points - period.points for key, period in after.items())
