"""Finds a factor: an action type, with its points and avoided grams, as it was in a version; and lists those of now."""

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from itertools import islice
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import ActionType
from saxaul.clock import Clock
from saxaul.problems import NotFound
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore


class Factor(NamedTuple):
    """A version of an action type. ``changed_at`` is when it was written, in seconds; 0 if that is not recorded."""

    action_type: ActionType
    changed_at: int


class InEffect(NamedTuple):
    """An action type in the version that is in effect."""

    identifier: str
    version: int
    action_type: ActionType


class Factors(NamedTuple):
    """Finds the versions of all action types, deleted ones included, and lists those that are in effect.

    ``catalog_store`` reads single versions, and ``published`` the whole catalog.
    """

    catalog_store: CatalogStore
    published: CatalogStore
    calendar: Calendar
    clock: Clock

    def find(self, identifier: str, version: int) -> Factor:
        """Return a version of an action type.

        Raises:
            NotFound: there is no such version, it is a deletion, or it is not in effect yet.
        """
        found = self.catalog_store.version("action-types", identifier, version)
        if found is None or not isinstance(found.entity, ActionType) or found.effective_at > self.clock.now():
            raise NotFound("unknown_factor", f"There is no version {version} of an action type {identifier!r}.")
        return Factor(found.entity, found.changed_at)

    def reportable(self, after: str, limit: int) -> list[InEffect]:
        """Return up to ``limit`` action types that apps can report now, sorted by id, starting after the id ``after``.

        An action type that is retired can be reported as long as apps may report actions from before.
        """
        return list(islice(self._reportable(after), limit))

    def _reportable(self, after: str) -> Iterator[InEffect]:
        catalog, now = self.published.catalog(), self.clock.now()
        for name in sorted(name for name in catalog.action_types if name > after):
            action_type = catalog.action_types[name]
            retired_from = action_type.retired_from
            if retired_from and self.calendar.is_too_old(self.calendar.end_of(retired_from - timedelta(days=1)), now):
                continue
            yield InEffect(name, catalog.versions[name], action_type)


@cache
def factors() -> Factors:
    """Return the factor finder of this process."""
    return Factors(wiring.catalog_store(), wiring.published_catalog(), settings().calendar, wiring.clock())
