"""What the search needs to know about the person for whom an app searches."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, partial

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


@dataclass(frozen=True)
class Personal:
    """What a person did up to a cap, and the tree that is near.

    Attributes:
        exhausted: the action types whose caps are used up, each with the instant in seconds when it pays again.
        next_tree: the tree that the spendable points of the wallet pay for, or almost. Points that are not harvested
            yet do not count, because it takes all open periods to tell which of them are ripe.
    """

    exhausted: Mapping[str, int]
    next_tree: NextTree | None


@dataclass(frozen=True)
class PersonalReading:
    """Reads what the search needs to know about a person."""

    wallets: Wallets
    calendar: Calendar
    clock: Clock

    def find(self, user_id: str, action_types: Collection[str], catalog: Catalog) -> Personal | None:
        """Read the state of a person for these action types of the catalog. Return None if that fails.

        There is one batch read of at most four items: the wallet, and the periods of today, of this month and of this
        year, if the caps of the types need them. All types with the same longest window share a period.
        """
        now = self.clock.now()
        capped = {name: catalog.action_types[name] for name in action_types if catalog.action_types[name].caps}
        try:
            return self._personal(user_id, capped, catalog, now)
        except Exception as error:  # noqa: BLE001 - whatever fails, the search can answer without the person
            # The name of the error is enough. Its text could contain the id of the person.
            logger.warning("the search answers without the person", extra={"error": type(error).__name__})
            return None

    def _personal(self, user_id: str, capped: Mapping[str, ActionType], catalog: Catalog, now: int) -> Personal:
        windows = {self.calendar.window_of(now, rule.window) for rule in capped.values()}
        balance, entries = self.wallets.glance(user_id, windows, capped)
        terms = Terms(self.calendar, lambda name, _: catalog.action_types[name])
        found = {
            name: pays_again_at(
                name,
                [entry for entry in entries if entry.type == name],
                terms,
                partial(_multiplier, catalog, name),
                now,
            )
            for name in capped
        }
        exhausted = {name: instant for name, instant in found.items() if instant is not None}
        return Personal(exhausted, next_tree(catalog.tree_projects, balance))


def _multiplier(catalog: Catalog, action_type: str, day: date) -> Decimal:
    return catalog.best_multiplier(action_type, day)[0]


@cache
def personal_reading() -> PersonalReading:
    """Return the service of this process that reads what the search needs to know about a person."""
    return PersonalReading(Wallets(wiring.ledger()), settings().calendar, wiring.clock())
