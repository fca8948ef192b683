"""Accrual: posts actions and reversals to periods.

A period is the DynamoDB item that holds the actions of one person or facility in one window (a day, a month or a
year). Each action in a period is an entry. For each batch of messages, the worker reads all periods together, posts all
plain actions of a period at once, and writes the periods in batches. Then it posts the reversals and the actions with
evidence, owner by owner.

The worker posts in rounds. In a round, it plans what changes (``post_together.py``), and then writes all plans
(``write_plans.py``). Each write has the condition that no item has changed since it was read. What lost its race is
read again, all of it together, and posted in the next round to what is now stored.

What belongs to erased persons is dropped before all that (``screen_persons.py``).

When all is posted, the worker writes what became of each action and reversal to the receipts of their calls
(``write_receipts.py``).

A message says by which version of its type each action is awarded, and which campaign multiplies its points. So the
worker reads versions of action types, which never change, and no other entries of the catalog.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, repeat
from typing import NamedTuple, TypeVar

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.ledger.actions import Action, Owner, Reversal, Withdrawal
from saxaul.ledger.awards import Terms
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.ledger.receipts import PERSON_ERASED
from saxaul.messages.bodies import ActionMessage
from saxaul.races import ATTEMPTS, ContendedError, LostRaceError, OverloadedError, ThrottledError, pause_before
from saxaul.services import wiring
from saxaul.services.post_together import Attempt, Origin, Plan, Postable, Stores, Work, place_of
from saxaul.services.screen_persons import WAITS, Screen, marks_of
from saxaul.services.write_plans import write_plans
from saxaul.services.write_receipts import write_receipts
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.claims import Claims
from saxaul.storage.erasures import Erasures
from saxaul.storage.periods import Periods, from_item
from saxaul.storage.receipts import Receipts
from saxaul.storage.table import BATCH_GET, ItemMovedError
from saxaul.storage.wallets import Wallets

_WRITERS = 8
"""How many threads of one worker read and write at the same time."""

POSTED = ("posted", "raised", "summed")
"""The outcomes of an action that changed the ledger: as an entry, as a higher running total, or in a sum."""

_Change = TypeVar("_Change", Action, Reversal, Withdrawal)
_Map = Callable[[Callable[["_Posting"], "Plan | Exception"], Sequence["_Posting"]], Iterable["Plan | Exception"]]


@dataclass
class Accrued:
    """The result of a batch of messages.

    Attributes:
        outcomes: how many actions and reversals had each outcome, such as ``posted`` or ``replayed``.
        points: the points that persons earned, less those that reversals and withdrawals took back.
        failed: the messages that the queue must redeliver: message ids, with the reasons.
        oldest: how many seconds before the posting the first message of the batch was accepted.
        fates: by message id and place in the call, the characters for the receipts.
        repeated: the messages of which something may have been posted before.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    points: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    oldest: int = 0
    fates: dict[str, dict[int, str]] = field(default_factory=dict)
    repeated: set[str] = field(default_factory=set)

    @property
    def measured(self) -> dict[str, int]:
        """The values of the metrics. An action is counted with the write that posted it, and never with a repeat."""
        posted = sum(self.outcomes[outcome] for outcome in POSTED)
        return {"ActionsPosted": posted, "PointsEarned": self.points, "OldestAccepted": self.oldest}

    def note_screened(self, screen: Screen) -> None:
        """Note what was dropped, and which messages have something that waits.

        A message may have been posted, and its receipt completed, before its person was erased.
        """
        for message_id, place in screen.dropped:
            self.outcomes["person_erased"] += 1
            self.repeated.add(message_id)
            if place is not None:
                self.fates.setdefault(message_id, {})[place] = PERSON_ERASED
        self.failed |= dict.fromkeys(sorted(screen.waiting), WAITS)

    def note(self, origins: Iterable[Origin], plan: Plan) -> None:
        """Note what became of the changes of a plan that was written."""
        for (message_id, place), fate, is_repeat in zip(origins, plan.fates, plan.repeats, strict=False):
            if place is not None:
                self.fates.setdefault(message_id, {})[place] = fate
                if is_repeat:
                    self.repeated.add(message_id)


@dataclass(eq=False)
class _Posting:
    """A work that is being posted.

    Attributes:
        read: the periods that were read for it; None if they must be read again.
        attempts: how many attempts in a row were in vain.
    """

    work: Work
    read: Mapping[PeriodKey, Period] | None
    attempts: int = 0


class Accrual(NamedTuple):
    """Posts messages with actions and reversals to periods."""

    stores: Stores
    catalog_store: CatalogStore
    calendar: Calendar
    clock: Clock
    receipts: Receipts
    erasures: Erasures

    def post(self, messages: Mapping[str, ActionMessage]) -> Accrued:
        """Post the actions and reversals of a batch of messages. ``messages`` maps message ids to messages.

        Then write their parts of receipts. If a part cannot be written, its message fails.

        If an owner's items cannot be written, only the messages with actions or reversals for these items fail. So does
        a message with an action whose version of the action type cannot be read, and a message with something that must
        wait for the end of an erasure. Other actions of such a message may have been posted. It is safe to redeliver
        the message, because an action that is already in its period is not posted a second time.
        """
        accepted = [message.accepted_at for message in messages.values()]
        accrued = Accrued(oldest=max(0, self.clock.now() - min(accepted, default=self.clock.now())))
        terms = Terms(self.calendar, self.catalog_store.rule)
        with ThreadPoolExecutor(_WRITERS) as threads:
            marks = marks_of(self.erasures, messages.values(), threads)
            screen = Screen(marks, messages, self.clock.now(), [], set())
            actions = self._readable(screen, accrued)
            plain = _plain_work(actions, terms)
            special = _special_work(actions, screen)
            accrued.note_screened(screen)
            read = self._read(list(plain), threads)
            rounds = _Rounds(self.stores, terms, self.clock, threads, accrued)
            rounds.post([_Posting(work, {key: read[key]}) for key, work in plain.items()], map)
            # Planning these works reads further items.
            rounds.post([_Posting(work, None) for work in special], threads.map)
        accrued.failed |= write_receipts(self.receipts, messages, accrued.fates, accrued.repeated)
        return accrued

    def _read(self, keys: Sequence[PeriodKey], threads: Executor) -> dict[PeriodKey, Period]:
        """Read periods in as many batches as it takes, several at a time. They may be out of date."""
        parts = [keys[start : start + BATCH_GET] for start in range(0, len(keys), BATCH_GET)]
        found = threads.map(lambda part: self.stores.periods.get_many(part, consistent=False), parts)
        return {key: period for part in found for key, period in part.items()}

    def _readable(self, screen: Screen, accrued: Accrued) -> list[tuple[Action, Origin]]:
        """Return the actions that can be posted now, without those whose version of the action type cannot be read.

        A message with such an action fails.
        """
        actions = list(screen.kept(_originating(screen.messages, ActionMessage.unpacked)))
        versions = {(action.type, action.rule) for action, _ in actions}
        readable = self.catalog_store.rules(versions)
        unreadable = versions - readable.keys()
        if not unreadable:
            return actions
        lacking: dict[str, set[tuple[str, int]]] = {}
        for action, origin in actions:
            if (action.type, action.rule) in unreadable:
                lacking.setdefault(origin.message_id, set()).add((action.type, action.rule))
        for message_id, found in lacking.items():
            names = ", ".join(f"{name}@{number}" for name, number in sorted(found))
            accrued.failed[message_id] = f"versions of action types that cannot be read: {names}"
        return [(action, origin) for action, origin in actions if (action.type, action.rule) in readable]


class _Rounds(NamedTuple):
    """Posts works in rounds, and adds the results to ``accrued``."""

    stores: Stores
    terms: Terms
    clock: Clock
    threads: Executor
    accrued: Accrued

    def post(self, postings: Sequence[_Posting], plan_with: "_Map") -> None:
        """Post works for different items, in as many rounds as it takes. ``plan_with`` is a form of ``map``."""
        while postings:
            pause_before(max(posting.attempts for posting in postings), self.clock)
            postings = self._post_round(self._read_again(postings), plan_with)

    def _post_round(self, postings: Sequence[_Posting], plan_with: "_Map") -> list[_Posting]:
        """Plan and write once, and return what is left for the next round."""
        left: list[_Posting] = []
        planned: list[tuple[_Posting, Plan]] = []
        for posting, plan in zip(postings, plan_with(self._plan, postings), strict=True):
            if isinstance(plan, Plan):
                planned.append((posting, plan))
            else:
                left += self._after_failure(posting, plan)
        failures = write_plans(self.stores, [plan for _, plan in planned], self.threads)
        for (posting, plan), failure in zip(planned, failures, strict=True):
            left += self._after_failure(posting, failure) if failure else self._after_success(posting, plan)
        return left

    def _read_again(self, postings: Sequence[_Posting]) -> Sequence[_Posting]:
        """Read the periods that works may change, consistently, and all of them together, if they must be read."""
        unread = [posting for posting in postings if posting.read is None]
        wanted = {id(posting): list(posting.work.possible_periods(self.terms)) for posting in unread}
        if not unread:
            return postings
        try:
            found = self.stores.periods.get_many({key for keys in wanted.values() for key in keys}, consistent=True)
        except Exception as error:  # noqa: BLE001 - a failed read must not stop works that do not need it
            for posting in unread:
                self._fail(posting, error)
            return [posting for posting in postings if posting.read is not None]
        for posting in unread:
            posting.read = {key: found[key] for key in wanted[id(posting)]}
        return postings

    def _plan(self, posting: _Posting) -> Plan | Exception:
        try:
            return Attempt(self.stores, self.terms, posting.work, posting.read or {}, self.clock.now()).plan()
        except Exception as error:  # noqa: BLE001 - a failure of one owner must not stop the others
            return error

    def _after_success(self, posting: _Posting, plan: Plan) -> list[_Posting]:
        self.accrued.outcomes += plan.outcomes
        self.accrued.points += plan.points
        self.accrued.note(posting.work.origins, plan)
        posting.work.drop(len(plan.fates))
        if not posting.work.changes:
            return []
        posting.read = plan.after()
        posting.attempts = 0
        return [posting]

    def _after_failure(self, posting: _Posting, failure: Exception) -> list[_Posting]:
        """Return the work if it is worth another attempt. If not, its messages fail."""
        posting.attempts += 1
        if not isinstance(failure, LostRaceError | ThrottledError):
            return self._fail(posting, failure)
        if posting.attempts >= ATTEMPTS:
            return self._fail(posting, OverloadedError() if isinstance(failure, ThrottledError) else ContendedError())
        if isinstance(failure, ItemMovedError) and failure.winner:
            stored = from_item(failure.winner)
            posting.read = {stored.key: stored}
        elif isinstance(failure, LostRaceError):
            posting.read = None
        return [posting]

    def _fail(self, posting: _Posting, error: Exception) -> list[_Posting]:
        self.accrued.failed |= dict.fromkeys(posting.work.message_ids, repr(error))
        return []


def _originating(
    messages: Mapping[str, ActionMessage], unpacked: Callable[[ActionMessage], Iterator[_Change]]
) -> Iterator[tuple[_Change, Origin]]:
    """Yield the changes of one kind in all messages, each with its origin."""
    for message_id, message in messages.items():
        places: Iterable[int | None] = message.places if message.receipt else repeat(None)
        for change, place in zip(unpacked(message), places, strict=False):
            yield change, Origin(message_id, place)


def _plain_work(actions: Iterable[tuple[Action, Origin]], terms: Terms) -> dict[PeriodKey, Work]:
    """Return the actions without evidence by the period that they belong to."""
    plan: dict[PeriodKey, Work] = {}
    for action, origin in actions:
        if not action.evidence_id:
            place = place_of(action, terms)
            plan.setdefault(place, Work(action.owner, place=place)).add(action, origin)
    return plan


def _special_work(actions: Iterable[tuple[Action, Origin]], screen: Screen) -> Collection[Work]:
    """Return the actions with evidence, the reversals and the withdrawals of each owner.

    An owner's actions come before the reversals, and these before the withdrawals.
    """
    works: dict[Owner, Work] = {}
    special: Iterable[tuple[Postable, Origin]] = chain(
        (found for found in actions if found[0].evidence_id),
        screen.kept(_originating(screen.messages, ActionMessage.unpacked_reversals)),
        screen.kept(_originating(screen.messages, ActionMessage.unpacked_withdrawals)),
    )
    for change, origin in special:
        works.setdefault(change.owner, Work(change.owner)).add(change, origin)
    return works.values()


@cache
def accrual() -> Accrual:
    """Return the accrual service of this process."""
    ledger = wiring.ledger()
    stores = Stores(Periods(ledger), Wallets(ledger), Claims(ledger))
    receipts = Receipts(wiring.activity())
    return Accrual(stores, wiring.catalog_store(), settings().calendar, wiring.clock(), receipts, Erasures(ledger))
