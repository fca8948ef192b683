"""Finds a factor: the points and the avoided grams of an action type, as they were in one of its versions."""

from functools import cache
from typing import NamedTuple

from saxaul.catalog.entries import ActionType
from saxaul.clock import Clock
from saxaul.problems import NotFound
from saxaul.services import wiring
from saxaul.storage.catalog import CatalogStore


class Factor(NamedTuple):
    """A version of an action type. ``changed_at`` is when it was written, in seconds; 0 if that is not recorded."""

    action_type: ActionType
    changed_at: int


class Factors(NamedTuple):
    """Finds the versions of all action types, deleted ones included."""

    catalog_store: CatalogStore
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


@cache
def factors() -> Factors:
    """Return the factor finder of this process."""
    return Factors(wiring.catalog_store(), wiring.clock())
