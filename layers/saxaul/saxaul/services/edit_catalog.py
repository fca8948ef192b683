"""Checks and writes an operator's changes of the catalog. If a concurrent write won, the change is checked again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from saxaul.catalog.calendar import QUEUED_DAYS, Calendar
from saxaul.catalog.entries import MODELS, ActionType, Catalog, Entity, Kind, TreeProject, references_in
from saxaul.catalog.faults import error_lines
from saxaul.catalog.versions import Condition, VersionedEntry
from saxaul.clock import Clock
from saxaul.problems import Conflict, InvalidRequest, PreconditionFailed
from saxaul.races import ContendedError, retry_lost_races
from saxaul.services import wiring
from saxaul.services.browse_catalog import unknown_entry
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore, CompanionRefusedError
from saxaul.storage.stocks import Stocks
from saxaul.trees.stock import Stock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_KINDS_WITH_REFERENCES = ("campaigns", "suggestions")
"""The kinds of entries that refer to other entries."""

_REFERENCED_KINDS = ("action-types", "campaigns")
"""The kinds of entries that other entries refer to."""


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
        """Create or replace a catalog entry. If the document equals the current entry, write nothing.

        ``document`` is the parsed JSON of the entry. ``changed_by`` is the operator, for the history of the entry.

        Raises:
            InvalidRequest: ``invalid_entry``, with a list of all errors in the document.
            PreconditionFailed: the current version does not meet the condition.
            Conflict: the entry conflicts with other entries or with reserved saplings, or every attempt lost a race
                against a concurrent write.
        """

        def attempt() -> VersionedEntry:
            guard = self.catalog_store.guard()
            stored = self.catalog_store.latest(kind, identifier)
            entity = self._validate(kind, document, stored)
            _check_condition(condition, stored)
            if stored.entity == entity:
                return stored
            is_retiring = isinstance(entity, ActionType) and entity.retired_from is not None
            if is_retiring:
                _refuse_if_referenced(
                    self._fresh_catalog().suggestions_of(identifier),
                    "These suggestions still use the action type; change or delete them before you retire it",
                )
            now = self.clock.now()
            also = []
            if isinstance(entity, TreeProject):
                also = [
                    self._stock_write(identifier, lambda stock: stock.planned(entity, self.calendar.zone, now), now)
                ]
            entry = VersionedEntry(entity, stored.version + 1, now, changed_by)
            self._write_entry(
                kind, identifier, entry, guard if kind in _KINDS_WITH_REFERENCES or is_retiring else None, also
            )
            return entry

        return self._write_with_retries(attempt)

    def delete(self, kind: Kind, identifier: str, condition: Condition, changed_by: str) -> VersionedEntry:
        """Delete a catalog entry. Its versions stay readable.

        Raises:
            NotFound: the entry does not exist or was already deleted.
            PreconditionFailed: the current version does not meet the condition.
            Conflict: another entry refers to this one, the ledger still needs it, or every attempt lost a race against
                a concurrent write.
        """

        def attempt() -> VersionedEntry:
            guard = self.catalog_store.guard()
            stored = self.catalog_store.latest(kind, identifier)
            if stored.entity is None:
                raise unknown_entry(kind, identifier)
            _check_condition(condition, stored)
            if kind in _REFERENCED_KINDS:
                _refuse_if_referenced(
                    self._fresh_catalog().referring_to(kind, identifier),
                    "These catalog entries refer to this one; change or delete them first",
                )
            if isinstance(stored.entity, ActionType):
                self._refuse_if_still_needed(stored.entity)
            now = self.clock.now()
            also = []
            if kind == "tree-projects":
                also = [self._stock_write(identifier, lambda stock: stock.withdrawn(now), now)]
            entry = VersionedEntry(None, stored.version + 1, now, changed_by)
            self._write_entry(kind, identifier, entry, guard if kind in _REFERENCED_KINDS else None, also)
            return entry

        return self._write_with_retries(attempt)

    def _write_with_retries(self, attempt: Callable[[], VersionedEntry]) -> VersionedEntry:
        try:
            return retry_lost_races(attempt, self.clock)
        except ContendedError:
            raise Conflict(
                "entry_moved",
                "Other changes of the catalog were written first, so this one was not written; try again in a moment.",
            ) from None

    def _write_entry(
        self,
        kind: Kind,
        identifier: str,
        entry: VersionedEntry,
        guard: int | None,
        also: list["TransactWriteItemTypeDef"],
    ) -> None:
        """Write an entry over its previous version, in one transaction with the writes in ``also``.

        The guard is an item that is written together with each entry that refers to other entries, and with each
        deletion or retirement of an entry that others may refer to. So of two such writes at the same time, only one
        succeeds. ``guard`` is the version of the guard that was read, or None if this write does not need the guard.

        Raises:
            LostRaceError: a concurrent write won.
            Conflict: more saplings are reserved than the entry would release.
        """
        try:
            self.catalog_store.put(kind, identifier, entry, guard=guard, also=also)
        except CompanionRefusedError:
            detail = (
                "Fewer saplings would be released than are reserved; release at least as many as are reserved."
                if entry.entity
                else "Saplings of this project are reserved, so it cannot be deleted; close it instead."
            )
            raise Conflict("saplings_reserved", detail) from None

    def _stock_write(self, project_id: str, change: Callable[[Stock], Stock], now: int) -> "TransactWriteItemTypeDef":
        """Return the transaction item that stores ``change(stock)`` as the stock of the project."""
        return self.stocks.plan_write(change(self.stocks.get(project_id)), now)

    def _validate(self, kind: Kind, document: Any, stored: VersionedEntry) -> Entity:  # noqa: ANN401 - any JSON value
        """Return the validated entry: check it against the schema, the rest of the catalog and the current entry.

        Raises:
            InvalidRequest: the document has errors; the problem lists all of them.
        """
        found: list[str] = []
        entity: Entity | None = None
        try:
            entity = MODELS[kind].model_validate(document)
        except ValidationError as error:
            found += error_lines(error)
        found += self._broken_references(kind, document)
        if isinstance(stored.entity, ActionType):
            found += stored.entity.forbidden_changes(document)
        if found or entity is None:
            raise InvalidRequest(
                "invalid_entry",
                "The entry was not written; correct each of the listed errors and send it again.",
                found,
            )
        return entity

    def _broken_references(self, kind: Kind, document: object) -> Iterator[str]:
        references = list(references_in(kind, document))
        referred = self.catalog_store.resolve(references)
        for reference in references:
            entity = referred.get(reference)
            if entity is None:
                yield reference.broken_message
            elif kind == "suggestions" and isinstance(entity, ActionType) and entity.retired_from:
                yield (
                    f"{reference.field}: {reference.identifier!r} is retired from {entity.retired_from} on; "
                    "use another action type"
                )

    def _fresh_catalog(self) -> Catalog:
        return self.catalog_store.catalog(max_age=0)

    def _refuse_if_still_needed(self, action_type: ActionType) -> None:
        if action_type.retired_from is None:
            raise Conflict(
                "still_needed",
                "Queued actions and periods may still need this action type; set retired_from now, and delete the type "
                "later.",
            )
        deletable_from = action_type.retired_from + timedelta(days=self.calendar.acceptance_days + QUEUED_DAYS)
        if self.calendar.day_of(self.clock.now()) < deletable_from:
            raise Conflict(
                "still_needed",
                f"Late actions may still need this action type; it can be deleted from {deletable_from} on.",
            )


def _check_condition(condition: Condition, stored: VersionedEntry) -> None:
    version = stored.version if stored.entity else None
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


def _refuse_if_referenced(referring: list[str], sentence: str) -> None:
    if referring:
        raise Conflict("referenced", f"{sentence}: {', '.join(referring)}.", referring)


@cache
def catalog_editing() -> CatalogEditing:
    """Return the catalog editing service of this process."""
    return CatalogEditing(wiring.catalog_store(), Stocks(wiring.ledger()), settings().calendar, wiring.clock())
