"""Accrual: accepted actions become entries on periods.

The periods of a batch are read together, each is posted to once, and the writes go out side by side.
A period is written on condition that it is still what was read; a lost race posts again onto the period that won.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import time

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Catalog
from saxaul.ledger.actions import Action, Reversal
from saxaul.ledger.periods import Period, PeriodKey, Posting, entry_key, period_of, post
from saxaul.services.retrying import attempts
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.periods import PeriodMovedError, Periods
from saxaul.storage.table import TransactionRefusedError, transact
from saxaul.storage.wallets import Wallets

_WRITERS = 8
"""Periods that one worker writes at once."""


@dataclass
class Accrued:
    """What became of a batch: how many actions of each outcome, and the messages to deliver again, with the reason."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass
class _Work:
    """What a batch brings to one period, and the messages that it comes from."""

    actions: list[Action] = field(default_factory=list)
    reversals: list[Reversal] = field(default_factory=list)
    senders: set[str] = field(default_factory=set)

    def brings(self, name: str) -> bool:
        return any(entry_key(action.app, action.action_id) == name for action in self.actions)


class Accrual:
    """Posts messages of actions onto periods."""

    def __init__(self, periods: Periods, wallets: Wallets, catalog_store: CatalogStore, calendar: Calendar) -> None:
        self._periods = periods
        self._wallets = wallets
        self._catalog_store = catalog_store
        self._calendar = calendar

    def post(
        self, actions: Mapping[str, Sequence[Action]], reversals: Mapping[str, Sequence[Reversal]] | None = None
    ) -> Accrued:
        """Post the actions and the reversals of each message, by message id.

        A message fails alone, with all that it brought; delivered again, it does no harm.
        """
        batch = Accrued()
        catalog = self._catalog_for(actions)
        work: defaultdict[PeriodKey, _Work] = defaultdict(_Work)
        for message_id, reported in actions.items():
            unknown = {action.type for action in reported} - catalog.action_types.keys()
            if unknown:
                batch.failed[message_id] = f"unknown action types: {', '.join(sorted(unknown))}"
                continue
            for action in reported:
                key = period_of(action, catalog.action_types[action.type], self._calendar)
                work[key].actions.append(action)
                work[key].senders.add(message_id)
        periods = self._read(work, reversals or {})
        for message_id, reversal in ((it, reversal) for it, found in (reversals or {}).items() for reversal in found):
            for key in self._periods_of(reversal, periods, work, catalog):
                work[key].reversals.append(reversal)
                work[key].senders.add(message_id)

        with ThreadPoolExecutor(_WRITERS) as writers:
            postings = {key: writers.submit(self._post_onto, periods[key], it, catalog) for key, it in work.items()}
        for key, future in postings.items():
            try:
                batch.outcomes += future.result().outcomes
            except Exception as error:  # noqa: BLE001 - whatever ails one period, its neighbours go through
                batch.failed |= dict.fromkeys(work[key].senders, repr(error))
        return batch

    def _catalog_for(self, messages: Mapping[str, Sequence[Action]]) -> Catalog:
        """The catalog, read afresh where an action names a type that the kept one does not hold.

        The door took the action, so the type is there, if only since a moment ago: failing here would cost the
        message minutes.
        """
        catalog = self._catalog_store.catalog()
        types = {action.type for actions in messages.values() for action in actions}
        return catalog if types <= catalog.action_types.keys() else self._catalog_store.catalog(max_age=0)

    def _read(
        self, work: Mapping[PeriodKey, _Work], reversals: Mapping[str, Sequence[Reversal]]
    ) -> dict[PeriodKey, Period]:
        """Every period that the batch may touch. The read may lag: a write on a period that moved is made again."""
        taken_back = {reversal for found in reversals.values() for reversal in found}
        candidates = {key for reversal in taken_back for key in self._candidates(reversal)}
        return self._periods.get_many({*work, *candidates}, consistent=False)

    def _candidates(self, reversal: Reversal) -> list[PeriodKey]:
        return [PeriodKey(reversal.owner, window) for window in self._calendar.windows_of(reversal.occurred_at)]

    def _periods_of(
        self,
        reversal: Reversal,
        periods: Mapping[PeriodKey, Period],
        work: Mapping[PeriodKey, _Work],
        catalog: Catalog,
    ) -> list[PeriodKey]:
        """The period that holds a reversal's action, or all that may get it: a reversal does not know the type.

        A period that only waits for the action does not hold it: the other periods may not have been written yet.
        """
        name = entry_key(reversal.app, reversal.action_id)
        candidates = self._candidates(reversal)
        holding = [key for key in candidates if periods[key].holds(name) or (key in work and work[key].brings(name))]
        if holding:
            return holding
        lengths = {rule.window for rule in catalog.action_types.values()}
        possible = {self._calendar.window_of(reversal.occurred_at, length) for length in lengths}
        return [key for key in candidates if key.window in possible]

    def _post_onto(self, period: Period, work: _Work, catalog: Catalog) -> Posting:
        for _ in attempts():
            now = int(time())
            posting = post(period, work.actions, catalog, self._calendar, now, work.reversals)
            if posting.period is period:
                return posting
            try:
                if period.key.owner.kind == "user" and self._calendar.may_be_closed(period.key.window, now):
                    self._reopen(period, posting.period)
                else:
                    self._periods.put(posting.period)
            except PeriodMovedError as moved:
                period = moved.period
            except TransactionRefusedError:
                period = self._periods.get_many([period.key], consistent=True)[period.key]
            else:
                return posting
        raise AssertionError("attempts() ends by raising")

    def _reopen(self, period: Period, posted: Period) -> None:
        """Write a period that the wallet may have folded, and have the wallet read it again.

        Raises:
            TransactionRefusedError: the period or the wallet is no longer what was read.
        """
        wallet = self._wallets.get(period.key.owner.id)
        if wallet.is_closed(period.key.window):
            wallet = wallet.reopened(period)
        transact([self._periods.put_write(posted), self._wallets.put_write(wallet)])
