"""Accrual: posts actions and reversals to periods.

A period is the DynamoDB item that holds the actions of one person or facility in one window (a day, a month or a
year). Each action in a period is an entry. For each batch of messages, the worker reads all periods together, posts all
plain actions of a period at once, and writes the periods in parallel. Then it posts the reversals and the actions with
evidence, owner by owner. Each write has the condition that no item has changed since it was read. If a concurrent write
won, the worker posts the same again to what is now stored.

A message says by which version of its type each action is awarded, and which campaign multiplies its points. So the
worker reads versions of action types, which never change, and no other entries of the catalog.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.ledger.actions import Action, Owner
from saxaul.ledger.awards import Terms
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.messages.bodies import ActionMessage
from saxaul.races import LostRaceError, retry_lost_races
from saxaul.services import wiring
from saxaul.services.post_together import Attempt, Stores, Work, place_of
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.claims import Claims
from saxaul.storage.periods import PeriodMovedError, Periods
from saxaul.storage.wallets import Wallets

_WRITERS = 8
"""How many threads of one worker write periods at the same time."""


@dataclass
class Accrued:
    """The result of a batch of messages.

    Attributes:
        outcomes: how many actions and reversals had each outcome, such as ``posted`` or ``replayed``.
        failed: the messages that the queue must redeliver: message ids, with the reasons.
        oldest: how many seconds before the posting the first message of the batch was accepted.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    oldest: int = 0


@dataclass(frozen=True)
class Accrual:
    """Posts messages with actions and reversals to periods."""

    stores: Stores
    catalog_store: CatalogStore
    calendar: Calendar
    clock: Clock

    def post(self, messages: Mapping[str, ActionMessage]) -> Accrued:
        """Post the actions and reversals of a batch of messages. ``messages`` maps message ids to messages.

        If an owner's items cannot be written, only the messages with actions or reversals for these items fail. So does
        a message with an action whose version of the action type cannot be read. Other actions of such a message may
        have been posted. It is safe to redeliver the message, because an action that is already in its period is not
        posted a second time.
        """
        accepted = [message.accepted_at for message in messages.values()]
        accrued = Accrued(oldest=max(0, self.clock.now() - min(accepted, default=self.clock.now())))
        actions = self._readable(messages, accrued)
        terms = Terms(self.calendar, self.catalog_store.rule)
        plain = _plain_work(actions, terms)
        periods = self.stores.periods.get_many(plain, consistent=False)
        self._post_all(plain.values(), terms, periods, accrued)
        special = _special_work(actions, messages)
        self._post_all(special, terms, self._periods_for(special, terms), accrued)
        return accrued

    def _readable(self, messages: Mapping[str, ActionMessage], accrued: Accrued) -> dict[str, list[Action]]:
        """Return the actions of each message, without those whose version of the action type cannot be read.

        A message with such an action fails.
        """
        actions = {message_id: list(message.unpacked()) for message_id, message in messages.items()}
        versions = {(action.type, action.rule) for found in actions.values() for action in found}
        readable = self.catalog_store.rules(versions)
        unreadable = versions - readable.keys()
        if not unreadable:
            return actions
        for message_id, found in actions.items():
            if lacking := sorted({(a.type, a.rule) for a in found} & unreadable):
                names = ", ".join(f"{name}@{number}" for name, number in lacking)
                accrued.failed[message_id] = f"versions of action types that cannot be read: {names}"
        return {
            message_id: [action for action in found if (action.type, action.rule) in readable]
            for message_id, found in actions.items()
        }

    def _periods_for(self, works: Collection[Work], terms: Terms) -> dict[PeriodKey, Period]:
        """Read the periods that reversals, withdrawals and actions with evidence may change."""
        keys = {key for work in works for key in work.possible_periods(terms)}
        return self.stores.periods.get_many(keys, consistent=True) if keys else {}

    def _post_all(
        self, works: Collection[Work], terms: Terms, periods: Mapping[PeriodKey, Period], accrued: Accrued
    ) -> None:
        """Post each work in a thread of its own, and add the results to ``accrued``."""
        with ThreadPoolExecutor(_WRITERS) as writers:
            postings = [(work, writers.submit(self._post_work, work, terms, periods)) for work in works]
        for work, future in postings:
            try:
                accrued.outcomes += future.result()
            except Exception as error:  # noqa: BLE001 - a failure of one owner must not stop the others
                accrued.failed |= dict.fromkeys(work.message_ids, repr(error))

    def _post_work(self, work: Work, terms: Terms, periods: Mapping[PeriodKey, Period]) -> Counter[str]:
        """Post one work, with as many transactions as it needs.

        ``periods`` were read in advance and may be out of date.
        """
        outcomes: Counter[str] = Counter()
        changes, read = work.changes, periods
        while changes:
            attempt = self._post_some(replace(work, changes=changes), terms, read)
            outcomes += attempt.outcomes
            changes, read = changes[attempt.posted :], attempt.written
        return outcomes

    def _post_some(self, work: Work, terms: Terms, read: Mapping[PeriodKey, Period]) -> Attempt:
        """Post as much of a work as one transaction can write, and return the attempt that succeeded.

        If a period has changed since it was read, DynamoDB refuses the write, and the same is posted again.
        """
        current = read

        def try_once() -> Attempt:
            nonlocal current
            attempt = Attempt(self.stores, terms, work, current, self.clock.now())
            try:
                attempt.run()
            except PeriodMovedError as moved:
                current = {moved.period.key: moved.period}
                raise
            except LostRaceError:
                current = {}
                raise
            return attempt

        return retry_lost_races(try_once, self.clock)


def _plain_work(actions: Mapping[str, Sequence[Action]], terms: Terms) -> dict[PeriodKey, Work]:
    """Return the actions without evidence by the period that they belong to."""
    plan: dict[PeriodKey, Work] = {}
    for message_id, found in actions.items():
        for action in found:
            if not action.evidence_id:
                plan.setdefault(place_of(action, terms), Work(action.owner)).add(action, message_id)
    return plan


def _special_work(actions: Mapping[str, Sequence[Action]], messages: Mapping[str, ActionMessage]) -> Collection[Work]:
    """Return the actions with evidence, the reversals and the withdrawals of each owner.

    An owner's actions come before the reversals, and these before the withdrawals.
    """
    works: dict[Owner, Work] = {}
    for message_id, found in actions.items():
        for action in found:
            if action.evidence_id:
                works.setdefault(action.owner, Work(action.owner)).add(action, message_id)
    for unpacked in (ActionMessage.unpacked_reversals, ActionMessage.unpacked_withdrawals):
        for message_id, message in messages.items():
            for change in unpacked(message):
                works.setdefault(change.owner, Work(change.owner)).add(change, message_id)
    return works.values()


@cache
def accrual() -> Accrual:
    """Return the accrual service of this process."""
    ledger = wiring.ledger()
    stores = Stores(Periods(ledger), Wallets(ledger), Claims(ledger))
    return Accrual(stores, wiring.catalog_store(), settings().calendar, wiring.clock())
