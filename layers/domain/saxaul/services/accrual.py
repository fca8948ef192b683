"""Accrual: accepted actions become entries on pages.

The pages of a batch are read together, each is posted to once, and the writes go out side by side.
A page is written on condition that it is still what was read; a lost race posts again onto the page that won.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import time

from saxaul.actions import Action
from saxaul.calendar import Calendar
from saxaul.catalog import Catalogue
from saxaul.pages import Page, PageKey, Posting, page_of, post
from saxaul.services.retrying import attempts
from saxaul.storage.catalog import RECENT, CatalogStore
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


class Accrual:
    """Posts messages of actions onto pages."""

    def __init__(self, pages: Pages, wallets: Wallets, catalog: CatalogStore, calendar: Calendar) -> None:
        self._pages = pages
        self._wallets = wallets
        self._catalog = catalog
        self._calendar = calendar

    def post(self, messages: Mapping[str, Sequence[Action]]) -> Batch:
        """Post the actions of each message, by message id. A message fails alone; delivered again, it does no harm."""
        batch = Batch()
        catalogue = self._catalogue_for(messages)
        groups: defaultdict[PageKey, list[Action]] = defaultdict(list)
        senders: defaultdict[PageKey, set[str]] = defaultdict(set)
        for message_id, actions in messages.items():
            unknown = {action.type for action in actions} - catalogue.action_types.keys()
            if unknown:
                batch.failed[message_id] = f"unknown action types: {', '.join(sorted(unknown))}"
                continue
            for action in actions:
                key = page_of(action, catalogue.action_types[action.type], self._calendar)
                groups[key].append(action)
                senders[key].add(message_id)

        pages = self._pages.get_many(groups, consistent=False)
        with ThreadPoolExecutor(_WRITERS) as writers:
            postings = {key: writers.submit(self._post_onto, pages[key], groups[key], catalogue) for key in groups}
        for key, future in postings.items():
            try:
                posting = future.result()
            except Exception as error:  # noqa: BLE001 - whatever ails one page, its neighbours go through
                batch.failed |= dict.fromkeys(senders[key], repr(error))
            else:
                batch.outcomes.update(posted=posting.posted, replayed=posting.replayed)
        return batch

    def _catalogue_for(self, messages: Mapping[str, Sequence[Action]]) -> Catalogue:
        """The catalogue, read afresh where an action names a type that the kept one does not hold."""
        catalogue = self._catalog.catalogue()
        types = {action.type for actions in messages.values() for action in actions}
        return catalogue if types <= catalogue.action_types.keys() else self._catalog.catalogue(max_age=RECENT)

    def _post_onto(self, page: Page, actions: Sequence[Action], catalogue: Catalogue) -> Posting:
        for _ in attempts():
            now = int(time())
            posting = post(page, actions, catalogue, self._calendar, now)
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
