"""Accrual: posts actions and reversals to periods.

A period is the DynamoDB item that holds the actions of one person or facility in one window (a day, a month or a
year). Each action in a period is an entry. For each batch of messages, the worker reads all periods together, posts all
actions and reversals of a period at once, and writes the periods in parallel. Each write has the condition that the
period has not changed since it was read. If a concurrent write won, the worker posts the actions and reversals to the
period that is now stored, and writes again.
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
from saxaul.races import retry_lost_races
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.periods import PeriodMovedError, Periods
from saxaul.storage.table import TransactionRefusedError, transact
from saxaul.storage.wallets import Wallets

_WRITERS = 8
"""How many threads of one worker write periods at the same time."""


@dataclass
class Accrued:
    """The result of a batch of messages.

    Attributes:
        outcomes: how many actions and reversals had each outcome, such as ``posted`` or ``replayed``.
        failed: the messages that the queue must redeliver: message ids, with the reasons.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass
class _PeriodWork:
    """The actions and reversals to post to one period, and the ids of the messages that contain them."""

    actions: list[Action] = field(default_factory=list)
    reversals: list[Reversal] = field(default_factory=list)
    message_ids: set[str] = field(default_factory=set)

    def has_action(self, name: str) -> bool:
        """Return whether one of the actions has this entry name, ``<app>:<action_id>``."""
        return any(entry_key(action.app, action.action_id) == name for action in self.actions)


_Plan = defaultdict[PeriodKey, _PeriodWork]


@dataclass(frozen=True)
class Accrual:
    """Posts messages with actions and reversals to periods."""

    periods: Periods
    wallets: Wallets
    catalog_store: CatalogStore
    calendar: Calendar
    clock: Clock

    def post(self, messages: Mapping[str, ActionMessage]) -> Accrued:
        """Post the actions and reversals of a batch of messages. ``messages`` maps message ids to messages.

        If a period cannot be written, only the messages with actions or reversals for this period fail. Other actions
        of such a message may have been posted. It is safe to redeliver the message, because an action that is already
        in its period is not posted a second time.
        """
        actions = {message_id: list(message.unpacked()) for message_id, message in messages.items()}
        reversals = {message_id: list(message.unpacked_reversals()) for message_id, message in messages.items()}
        catalog = self._catalog_for(actions)
        plan, failed = self._plan_actions(actions, catalog)
        periods = self._read_periods(plan, {reversal for found in reversals.values() for reversal in found})
        self._plan_reversals(reversals, periods, catalog, plan)
        accrued = self._write_periods(plan, periods, catalog)
        return Accrued(accrued.outcomes, failed | accrued.failed)

    def _catalog_for(self, actions: Mapping[str, Sequence[Action]]) -> Catalog:
        """Return the cached catalog, or read the catalog again if an action has a type that the cached one lacks.

        The API accepted the action, so its type exists and may be new. Without the second read, the message would fail,
        and the queue would redeliver it only minutes later.
        """
        catalog = self.catalog_store.catalog()
        types = {action.type for found in actions.values() for action in found}
        return catalog if types <= catalog.action_types.keys() else self.catalog_store.catalog(max_age=0)

    def _plan_actions(self, actions: Mapping[str, Sequence[Action]], catalog: Catalog) -> tuple[_Plan, dict[str, str]]:
        """Return the actions to post to each period, and the messages that fail because an action type is unknown.

        The failed messages map message ids to reasons.
        """
        plan: _Plan = defaultdict(_PeriodWork)
        failed: dict[str, str] = {}
        for message_id, found in actions.items():
            if unknown := {action.type for action in found} - catalog.action_types.keys():
                failed[message_id] = f"unknown action types: {', '.join(sorted(unknown))}"
                continue
            for action in found:
                work = plan[period_of(action, catalog.action_types[action.type], self.calendar)]
                work.actions.append(action)
                work.message_ids.add(message_id)
        return plan, failed

    def _plan_reversals(
        self,
        reversals: Mapping[str, Sequence[Reversal]],
        periods: Mapping[PeriodKey, Period],
        catalog: Catalog,
        plan: _Plan,
    ) -> None:
        """Add each reversal to the plan, for the periods that ``_periods_of`` returns."""
        for message_id, found in reversals.items():
            for reversal in found:
                for key in self._periods_of(reversal, periods, plan, catalog):
                    plan[key].reversals.append(reversal)
                    plan[key].message_ids.add(message_id)

    def _read_periods(self, plan: _Plan, reversals: set[Reversal]) -> dict[PeriodKey, Period]:
        """Read every period that the batch may write.

        The read is eventually consistent. If it returns an old version of a period, DynamoDB refuses the write of this
        period, and the worker retries with the current version.
        """
        candidates = {key for reversal in reversals for key in self._possible_periods(reversal)}
        return self.periods.get_many({*plan, *candidates}, consistent=False)

    def _possible_periods(self, reversal: Reversal) -> list[PeriodKey]:
        """Return the keys of the periods that can hold the reversed action: of its day, its month and its year."""
        return [PeriodKey(reversal.owner, window) for window in self.calendar.windows_of(reversal.occurred_at)]

    def _periods_of(
        self, reversal: Reversal, periods: Mapping[PeriodKey, Period], plan: _Plan, catalog: Catalog
    ) -> list[PeriodKey]:
        """Return the key of the period that holds the reversed action, or that this batch posts the action to.

        If there is no such period, the action has not arrived yet. The type of the action determines whether it belongs
        to the period of its day, its month or its year, but a reversal does not name the type. So return the keys of
        all periods that may receive the action; the reversal is stored in each of them.

        A period that stores only the reversal does not hold the action. Such a period can exist because an earlier
        delivery of the message failed after the reversal had been written to some of the periods.
        """
        name = entry_key(reversal.app, reversal.action_id)
        candidates = self._possible_periods(reversal)
        holding = [
            key for key in candidates if periods[key].holds(name) or (key in plan and plan[key].has_action(name))
        ]
        if holding:
            return holding
        lengths = {rule.window for rule in catalog.action_types.values()}
        possible = {self.calendar.window_of(reversal.occurred_at, length) for length in lengths}
        return [key for key in candidates if key.window in possible]

    def _write_periods(self, plan: _Plan, periods: Mapping[PeriodKey, Period], catalog: Catalog) -> Accrued:
        accrued = Accrued()
        with ThreadPoolExecutor(_WRITERS) as writers:
            postings = {key: writers.submit(self._post_to, periods[key], work, catalog) for key, work in plan.items()}
        for key, future in postings.items():
            try:
                accrued.outcomes += future.result().outcomes
            except Exception as error:  # noqa: BLE001 - a failure of one period must not stop the others
                accrued.failed |= dict.fromkeys(plan[key].message_ids, repr(error))
        return accrued

    def _post_to(self, period: Period, work: _PeriodWork, catalog: Catalog) -> Posting:
        current = period

        def attempt() -> Posting:
            nonlocal current
            now = self.clock.now()
            posting = post(current, work.actions, catalog, self.calendar, now, work.reversals)
            if posting.period is current:
                return posting
            try:
                if current.key.owner.kind == "user" and self.calendar.may_be_closed(current.key.window, now):
                    self._write_with_wallet(current, posting.period)
                else:
                    self.periods.put(posting.period)
            except PeriodMovedError as moved:
                current = moved.period
                raise
            except TransactionRefusedError:
                current = self.periods.get_many([current.key], consistent=True)[current.key]
                raise
            return posting

        return retry_lost_races(attempt, self.clock)

    def _write_with_wallet(self, period: Period, posted: Period) -> None:
        """Write a changed period and its person's wallet in one transaction.

        If the wallet has closed the period, harvests no longer read the period. So reopen it in the wallet. ``period``
        is the period as it was read, and ``posted`` is the same period after posting.

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
