"""Accrual: accepted actions become entries of periods.

The periods of a batch are read together, each one is posted to once, and they are written in parallel. A period is
written on condition that it has not changed since it was read. If a concurrent write won, the actions are posted again
to the period as it is now.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Catalog
from saxaul.clock import Clock
from saxaul.ledger.actions import Action, Reversal
from saxaul.ledger.periods import Period, PeriodKey, Posting, entry_key, period_of, post
from saxaul.messages.bodies import ActionMessage
from saxaul.races import until_won
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.periods import PeriodMovedError, Periods
from saxaul.storage.table import TransactionRefusedError, transact
from saxaul.storage.wallets import Wallets

_WRITERS = 8
"""How many periods one worker writes at the same time."""


@dataclass
class Accrued:
    """The result of a batch: how many actions had each outcome, and the messages to deliver again, with the reason."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass
class _Work:
    """The actions and reversals of a batch for one period, and the ids of the messages that they come from."""

    actions: list[Action] = field(default_factory=list)
    reversals: list[Reversal] = field(default_factory=list)
    senders: set[str] = field(default_factory=set)

    def brings(self, name: str) -> bool:
        return any(entry_key(action.app, action.action_id) == name for action in self.actions)


_Plan = defaultdict[PeriodKey, _Work]


@dataclass(frozen=True)
class Accrual:
    """Posts messages with actions and reversals to periods."""

    periods: Periods
    wallets: Wallets
    catalog_store: CatalogStore
    calendar: Calendar
    clock: Clock

    def post(self, messages: Mapping[str, ActionMessage]) -> Accrued:
        """Post the actions and reversals of messages, by message id.

        If a period cannot be written, only the messages that post to it fail, each as a whole. It is safe to deliver
        them again, because an action that is already in its period is not posted twice.
        """
        actions = {message_id: list(message.unpacked()) for message_id, message in messages.items()}
        reversals = {message_id: list(message.unpacked_reversals()) for message_id, message in messages.items()}
        catalog = self._catalog_for(actions)
        plan, failed = self._plan_actions(actions, catalog)
        periods = self._read(plan, {reversal for found in reversals.values() for reversal in found})
        self._plan_reversals(reversals, periods, catalog, plan)
        accrued = self._write(plan, periods, catalog)
        return Accrued(accrued.outcomes, failed | accrued.failed)

    def _catalog_for(self, actions: Mapping[str, Sequence[Action]]) -> Catalog:
        """Return the cached catalog, or a fresh one if an action has a type that the cached one lacks.

        The API accepted the action, so its type exists, even if it is new. If the message failed here, it would be
        delivered again only minutes later.
        """
        catalog = self.catalog_store.catalog()
        types = {action.type for found in actions.values() for action in found}
        return catalog if types <= catalog.action_types.keys() else self.catalog_store.catalog(max_age=0)

    def _plan_actions(self, actions: Mapping[str, Sequence[Action]], catalog: Catalog) -> tuple[_Plan, dict[str, str]]:
        """Return the actions by period, and the messages that fail because they have an unknown action type."""
        plan: _Plan = defaultdict(_Work)
        failed: dict[str, str] = {}
        for message_id, found in actions.items():
            if unknown := {action.type for action in found} - catalog.action_types.keys():
                failed[message_id] = f"unknown action types: {', '.join(sorted(unknown))}"
                continue
            for action in found:
                work = plan[period_of(action, catalog.action_types[action.type], self.calendar)]
                work.actions.append(action)
                work.senders.add(message_id)
        return plan, failed

    def _plan_reversals(
        self,
        reversals: Mapping[str, Sequence[Reversal]],
        periods: Mapping[PeriodKey, Period],
        catalog: Catalog,
        plan: _Plan,
    ) -> None:
        """Add the reversals to the plan, each to the periods that ``_periods_of`` returns."""
        for message_id, found in reversals.items():
            for reversal in found:
                for key in self._periods_of(reversal, periods, plan, catalog):
                    plan[key].reversals.append(reversal)
                    plan[key].senders.add(message_id)

    def _read(self, plan: _Plan, reversals: set[Reversal]) -> dict[PeriodKey, Period]:
        """Read every period that the batch may touch. A write that is based on stale data is refused and retried."""
        candidates = {key for reversal in reversals for key in self._candidates(reversal)}
        return self.periods.get_many({*plan, *candidates}, consistent=False)

    def _candidates(self, reversal: Reversal) -> list[PeriodKey]:
        return [PeriodKey(reversal.owner, window) for window in self.calendar.windows_of(reversal.occurred_at)]

    def _periods_of(
        self, reversal: Reversal, periods: Mapping[PeriodKey, Period], plan: _Plan, catalog: Catalog
    ) -> list[PeriodKey]:
        """Return the period that holds the action of a reversal, or else every period that may receive the action.

        There may be several, because a reversal does not name the action type. A period that has only the reversal does
        not hold the action: an earlier attempt may have failed before it wrote the reversal to the other periods.
        """
        name = entry_key(reversal.app, reversal.action_id)
        candidates = self._candidates(reversal)
        holding = [key for key in candidates if periods[key].holds(name) or (key in plan and plan[key].brings(name))]
        if holding:
            return holding
        lengths = {rule.window for rule in catalog.action_types.values()}
        possible = {self.calendar.window_of(reversal.occurred_at, length) for length in lengths}
        return [key for key in candidates if key.window in possible]

    def _write(self, plan: _Plan, periods: Mapping[PeriodKey, Period], catalog: Catalog) -> Accrued:
        accrued = Accrued()
        with ThreadPoolExecutor(_WRITERS) as writers:
            postings = {key: writers.submit(self._post_onto, periods[key], work, catalog) for key, work in plan.items()}
        for key, future in postings.items():
            try:
                accrued.outcomes += future.result().outcomes
            except Exception as error:  # noqa: BLE001 - a failure of one period must not stop the others
                accrued.failed |= dict.fromkeys(plan[key].senders, repr(error))
        return accrued

    def _post_onto(self, period: Period, work: _Work, catalog: Catalog) -> Posting:
        current = period

        def attempt() -> Posting:
            nonlocal current
            now = self.clock.now()
            posting = post(current, work.actions, catalog, self.calendar, now, work.reversals)
            if posting.period is current:
                return posting
            try:
                if current.key.owner.kind == "user" and self.calendar.may_be_closed(current.key.window, now):
                    self._reopen(current, posting.period)
                else:
                    self.periods.put(posting.period)
            except PeriodMovedError as moved:
                current = moved.period
                raise
            except TransactionRefusedError:
                current = self.periods.get_many([current.key], consistent=True)[current.key]
                raise
            return posting

        return until_won(attempt, self.clock)

    def _reopen(self, period: Period, posted: Period) -> None:
        """Write a period and its wallet in one transaction. If the wallet has closed the period, it is reopened.

        Raises:
            TransactionRefusedError: the period or the wallet has changed since it was read.
        """
        wallet = self.wallets.get(period.key.owner.id)
        if wallet.is_closed(period.key.window):
            wallet = wallet.reopened(period)
        transact([self.periods.put_write(posted), self.wallets.put_write(wallet)])


@cache
def accrual() -> Accrual:
    """Return the accrual service of this process."""
    ledger = wiring.ledger()
    return Accrual(Periods(ledger), Wallets(ledger), wiring.catalog_store(), settings().calendar, wiring.clock())
