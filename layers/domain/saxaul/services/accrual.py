"""Accrual: accepted actions become entries on pages.

The pages of a batch are read together, each is posted to once, and the writes go out side by side.
A page is written on condition that it is still what was read; a lost race posts again onto the page that won.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import time

from saxaul.actions import Action, Reversal
from saxaul.calendar import Calendar
from saxaul.catalog import Catalogue
from saxaul.pages import Page, PageKey, Posting, entry_key, page_of, post
from saxaul.services.retrying import attempts
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.pages import PageMovedError, Pages
from saxaul.storage.table import TransactionRefusedError, transact
from saxaul.storage.wallets import Wallets

_WRITERS = 8
"""Pages that one worker writes at once."""


@dataclass
class Batch:
    """What became of a batch: how many actions of each outcome, and the messages to deliver again, with the reason."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass
class _Work:
    """What a batch brings to one page, and the messages that it comes from."""

    actions: list[Action] = field(default_factory=list)
    reversals: list[Reversal] = field(default_factory=list)
    senders: set[str] = field(default_factory=set)

    def brings(self, name: str) -> bool:
        return any(entry_key(action.app, action.action_id) == name for action in self.actions)


class Accrual:
    """Posts messages of actions onto pages."""

    def __init__(self, pages: Pages, wallets: Wallets, catalog: CatalogStore, calendar: Calendar) -> None:
        self._pages = pages
        self._wallets = wallets
        self._catalog = catalog
        self._calendar = calendar

    def post(
        self, actions: Mapping[str, Sequence[Action]], reversals: Mapping[str, Sequence[Reversal]] | None = None
    ) -> Batch:
        """Post the actions and the reversals of each message, by message id.

        A message fails alone, with all that it brought; delivered again, it does no harm.
        """
        batch = Batch()
        catalogue = self._catalogue_for(actions)
        work: defaultdict[PageKey, _Work] = defaultdict(_Work)
        for message_id, reported in actions.items():
            unknown = {action.type for action in reported} - catalogue.action_types.keys()
            if unknown:
                batch.failed[message_id] = f"unknown action types: {', '.join(sorted(unknown))}"
                continue
            for action in reported:
                key = page_of(action, catalogue.action_types[action.type], self._calendar)
                work[key].actions.append(action)
                work[key].senders.add(message_id)
        pages = self._read(work, reversals or {})
        for message_id, reversal in ((it, reversal) for it, found in (reversals or {}).items() for reversal in found):
            for key in self._pages_of(reversal, pages, work, catalogue):
                work[key].reversals.append(reversal)
                work[key].senders.add(message_id)

        with ThreadPoolExecutor(_WRITERS) as writers:
            postings = {key: writers.submit(self._post_onto, pages[key], it, catalogue) for key, it in work.items()}
        for key, future in postings.items():
            try:
                batch.outcomes += future.result().outcomes
            except Exception as error:  # noqa: BLE001 - whatever ails one page, its neighbours go through
                batch.failed |= dict.fromkeys(work[key].senders, repr(error))
        return batch

    def _catalogue_for(self, messages: Mapping[str, Sequence[Action]]) -> Catalogue:
        """The catalogue, read afresh where an action names a type that the kept one does not hold.

        The door took the action, so the type is there, if only since a moment ago: failing here would cost the
        message minutes.
        """
        catalogue = self._catalog.catalogue()
        types = {action.type for actions in messages.values() for action in actions}
        return catalogue if types <= catalogue.action_types.keys() else self._catalog.catalogue(max_age=0)

    def _read(self, work: Mapping[PageKey, _Work], reversals: Mapping[str, Sequence[Reversal]]) -> dict[PageKey, Page]:
        """Every page that the batch may touch. The read may lag: a write on a page that moved is made again."""
        taken_back = {reversal for found in reversals.values() for reversal in found}
        candidates = {key for reversal in taken_back for key in self._candidates(reversal)}
        return self._pages.get_many({*work, *candidates}, consistent=False)

    def _candidates(self, reversal: Reversal) -> list[PageKey]:
        return [PageKey(reversal.owner, window) for window in self._calendar.windows_of(reversal.occurred_at)]

    def _pages_of(
        self,
        reversal: Reversal,
        pages: Mapping[PageKey, Page],
        work: Mapping[PageKey, _Work],
        catalogue: Catalogue,
    ) -> list[PageKey]:
        """The page that holds a reversal's action, or all that may get it: a reversal does not know the type.

        A page that only waits for the action does not hold it: the other pages may not have been written yet.
        """
        name = entry_key(reversal.app, reversal.action_id)
        candidates = self._candidates(reversal)
        holding = [key for key in candidates if pages[key].holds(name) or (key in work and work[key].brings(name))]
        if holding:
            return holding
        lengths = {rule.window for rule in catalogue.action_types.values()}
        possible = {self._calendar.window_of(reversal.occurred_at, length) for length in lengths}
        return [key for key in candidates if key.window in possible]

    def _post_onto(self, page: Page, work: _Work, catalogue: Catalogue) -> Posting:
        for _ in attempts():
            now = int(time())
            posting = post(page, work.actions, catalogue, self._calendar, now, work.reversals)
            if posting.page is page:
                return posting
            try:
                if page.key.owner.kind == "user" and self._calendar.is_closed(page.key.window, now):
                    self._reopen(page, posting.page)
                else:
                    self._pages.put(posting.page)
            except PageMovedError as moved:
                page = moved.page
            except TransactionRefusedError:
                page = self._pages.get_many([page.key], consistent=True)[page.key]
            else:
                return posting
        raise AssertionError("attempts() ends by raising")

    def _reopen(self, page: Page, posted: Page) -> None:
        """Write a page that the wallet may have folded, and have the wallet read it again.

        Raises:
            TransactionRefusedError: the page or the wallet is no longer what was read.
        """
        wallet = self._wallets.get(page.key.owner.id)
        if wallet.is_folded(page.key.window):
            wallet = wallet.reopened(page)
        transact([self._pages.putting(posted), self._wallets.putting(wallet)])
