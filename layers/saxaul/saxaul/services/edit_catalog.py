"""Editing the catalog: an operator's change is checked and written. If a concurrent write won, it is checked again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import MODELS, ActionType, Catalog, Entity, Kind, TreeProject, references_in
from saxaul.catalog.faults import faults
from saxaul.catalog.versions import Condition, VersionedEntry
from saxaul.clock import Clock
from saxaul.problems import Conflict, InvalidRequest, PreconditionFailed
from saxaul.races import ContendedError, until_won
from saxaul.services import wiring
from saxaul.services.browse_catalog import unknown_entry
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore, CompanionRefusedError
from saxaul.storage.stocks import Stocks
from saxaul.trees.stock import Stock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

NEEDED_DAYS = 30
"""How many days an action type is kept after the last day on which its actions could be reported.

A message stays in the action queue and its dead-letter queue for 14 days together. A redrive starts that time again.
"""

_REFERRING = ("campaigns", "suggestions")
_REFERRED = ("action-types", "campaigns")


@dataclass(frozen=True)
class CatalogEditing:
    """Writes and deletes catalog entries."""

    catalog_store: CatalogStore
    stocks: Stocks
    calendar: Calendar
    clock: Clock

    def write(
        self, kind: Kind, identifier: str, document: object, condition: Condition, changed_by: str
    ) -> VersionedEntry:
        """Create or replace a catalog entry. A document that equals the current entry is not written again.

        Raises:
            InvalidRequest: ``invalid_entry``, with each error.
            PreconditionFailed: the current version does not meet the condition.
            Conflict: the entry conflicts with other entries or with reserved saplings, or concurrent writes won every
                time.
        """

        def attempt() -> VersionedEntry:
            guard = self.catalog_store.guard()
            known = self.catalog_store.latest(kind, identifier)
            entity = self._checked(kind, document, known)
            _check(condition, known)
            if known.entity == entity:
                return known
            is_retiring = isinstance(entity, ActionType) and entity.retired_from is not None
            if is_retiring:
                _refuse_if(
                    self._as_of_now().suggesting(identifier),
                    "These suggestions still use the action type; change or delete them before you retire it",
                )
            now = self.clock.now()
            also = []
            if isinstance(entity, TreeProject):
                also = [
                    self._stock_write(identifier, lambda stock: stock.planned(entity, self.calendar.zone, now), now)
                ]
            entry = VersionedEntry(entity, known.version + 1, now, changed_by)
            self._put(kind, identifier, entry, guard if kind in _REFERRING or is_retiring else None, also)
            return entry

        return self._until_won(attempt)

    def delete(self, kind: Kind, identifier: str, condition: Condition, changed_by: str) -> VersionedEntry:
        """Delete a catalog entry. Its versions stay.

        Raises:
            NotFound: there is no such entry.
            PreconditionFailed: the current version does not meet the condition.
            Conflict: another entry refers to it, the ledger still needs it, or concurrent writes won every time.
        """

        def attempt() -> VersionedEntry:
            guard = self.catalog_store.guard()
            known = self.catalog_store.latest(kind, identifier)
            if known.entity is None:
                raise unknown_entry(kind, identifier)
            _check(condition, known)
            if kind in _REFERRED:
                _refuse_if(
                    self._as_of_now().referring_to(kind, identifier),
                    "These catalog entries refer to this one; change or delete them first",
                )
            if isinstance(known.entity, ActionType):
                self._refuse_if_needed(known.entity)
            now = self.clock.now()
            also = []
            if kind == "tree-projects":
                also = [self._stock_write(identifier, lambda stock: stock.withdrawn(now), now)]
            entry = VersionedEntry(None, known.version + 1, now, changed_by)
            self._put(kind, identifier, entry, guard if kind in _REFERRED else None, also)
            return entry

        return self._until_won(attempt)

    def _until_won(self, attempt: Callable[[], VersionedEntry]) -> VersionedEntry:
        try:
            return until_won(attempt, self.clock)
        except ContendedError:
            raise Conflict(
                "entry_moved",
                "Other changes to the catalog came first, so this one was not written; try again in a moment.",
            ) from None

    def _put(
        self,
        kind: Kind,
        identifier: str,
        entry: VersionedEntry,
        guard: int | None,
        also: list["TransactWriteItemTypeDef"],
    ) -> None:
        """Write an entry over its previous version.

        Raises:
            LostRaceError: a concurrent write won.
            Conflict: more saplings are reserved than the entry would release.
        """
        try:
            self.catalog_store.put(kind, identifier, entry, guard=guard, also=also)
        except CompanionRefusedError:
            raise Conflict(
                "saplings_reserved",
                "Fewer saplings would be released than are reserved; release at least as many as are reserved.",
            ) from None

    def _stock_write(self, project_id: str, planned: Callable[[Stock], Stock], now: int) -> "TransactWriteItemTypeDef":
        return self.stocks.plan_write(planned(self.stocks.get(project_id)), now)

    def _checked(self, kind: Kind, document: Any, known: VersionedEntry) -> Entity:  # noqa: ANN401 - any JSON value
        """Return the entry that a document describes, checked against the schema, the catalog and the current entry."""
        found: list[str] = []
        entity: Entity | None = None
        try:
            entity = MODELS[kind].model_validate(document)
        except ValidationError as error:
            found += faults(error)
        found += self._broken_references(kind, document)
        if isinstance(known.entity, ActionType):
            found += known.entity.cannot_become(document)
        if found or entity is None:
            raise InvalidRequest(
                "invalid_entry",
                "The entry was not written; correct each of the listed errors and send it again.",
                found,
            )
        return entity

    def _broken_references(self, kind: Kind, document: object) -> Iterator[str]:
        references = list(references_in(kind, document))
        referred = self.catalog_store.referred(references)
        for reference in references:
            entity = referred.get(reference)
            if entity is None:
                yield reference.is_broken
            elif kind == "suggestions" and isinstance(entity, ActionType) and entity.retired_from:
                yield (
                    f"{reference.field}: {reference.identifier!r} is retired from {entity.retired_from} on; "
                    "use another action type"
                )

    def _as_of_now(self) -> Catalog:
        return self.catalog_store.catalog(max_age=0)

    def _refuse_if_needed(self, action_type: ActionType) -> None:
        if action_type.retired_from is None:
            raise Conflict(
                "still_needed",
                "Queued actions and periods may still need this action type; set retired_from, and delete it later.",
            )
        free_from = action_type.retired_from + timedelta(days=self.calendar.acceptance_days + NEEDED_DAYS)
        if self.calendar.day_of(self.clock.now()) < free_from:
            raise Conflict(
                "still_needed", f"Late actions may still need this action type; it can be deleted from {free_from} on."
            )


def _check(condition: Condition, known: VersionedEntry) -> None:
    version = known.version if known.entity else None
    if condition.is_stale(version):
        now = f"it is at version {version}" if version else "it does not exist"
        raise PreconditionFailed(
            "stale_version", f"If-Match does not name the current version of the entry ({now}); read the entry again."
        )
    if condition.excludes(version):
        raise PreconditionFailed(
            "already_there",
            f"The entry exists at version {version}, which If-None-Match excludes; use If-Match to replace it.",
        )


def _refuse_if(referring: list[str], sentence: str) -> None:
    if referring:
        raise Conflict("referenced", f"{sentence}: {', '.join(referring)}.", referring)


@cache
def catalog_editing() -> CatalogEditing:
    """Return the catalog editing service of this process."""
    return CatalogEditing(wiring.catalog_store(), Stocks(wiring.ledger()), settings().calendar, wiring.clock())
