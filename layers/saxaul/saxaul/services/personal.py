"""What the search needs to know about the person for whom an app searches."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import ActionType, Catalog
from saxaul.clock import Clock
from saxaul.ledger.awards import Terms
from saxaul.ledger.exhaustion import pays_again_at
from saxaul.observability import logger
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.wallets import Wallets
from saxaul.trees.next_tree import NextTree, next_tree

if TYPE_CHECKING:
    from saxaul.ledger.entries import Entry


class Personal(NamedTuple):
    """What a person did up to a cap, and the tree that is near.

    Attributes:
        exhausted: the action types whose caps are used up, each with the instant in seconds when it pays again.
        next_tree: the tree that the spendable points of the wallet pay for, or almost. Points that are not harvested
            yet do not count, because it takes all open periods to tell which of them are ripe.
    """

    exhausted: Mapping[str, int]
    next_tree: NextTree | None


class PersonalReading(NamedTuple):
    """Reads what the search needs to know about a person."""

    wallets: Wallets
    calendar: Calendar
    clock: Clock

    def find(self, user_id: str, catalog: Catalog, sold_out: Collection[str]) -> Personal | None:
        """Read the state of a person for the action types of the catalog. Return None if that fails.

        The next tree is not one of the projects ``sold_out``.

        There is one batch read of at most four items: the wallet, and the periods of today, of this month and of this
        year, if the caps of the types need them. All types with the same longest window share a period.
        """
        now = self.clock.now()
        capped = {name: rule for name, rule in catalog.action_types.items() if rule.caps and rule.actor == "person"}
        projects = {name: project for name, project in catalog.tree_projects.items() if name not in sold_out}
        try:
            balance, exhausted = self._balance_and_exhausted(user_id, capped, catalog, now)
            return Personal(exhausted, next_tree(projects, balance))
        except Exception as error:  # noqa: BLE001 - whatever fails, the search can answer without the person
            # The name of the error is enough. Its text could contain the id of the person.
            logger.warning("the search answers without the person", extra={"error": type(error).__name__})
            return None

    def _balance_and_exhausted(
        self, user_id: str, capped: Mapping[str, ActionType], catalog: Catalog, now: int
    ) -> tuple[int, Mapping[str, int]]:
        windows = {self.calendar.window_of(now, rule.window) for rule in capped.values()}
        balance, entries = self.wallets.glance(user_id, windows, capped)
        terms = Terms(self.calendar, lambda name, _: catalog.action_types[name])
        of_type: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            of_type[entry.type].append(entry)
        found = {
            name: pays_again_at(name, entries_of_it, terms, partial(_multiplier, catalog, name), now)
            for name, entries_of_it in of_type.items()
        }
        return balance, {name: instant for name, instant in found.items() if instant is not None}


def _multiplier(catalog: Catalog, action_type: str, day: date) -> Decimal:
    return catalog.best_multiplier(action_type, day)[0]


@cache
def personal_reading() -> PersonalReading:
    """Return the service of this process that reads what the search needs to know about a person."""
    return PersonalReading(Wallets(wiring.ledger()), settings().calendar, wiring.clock())
