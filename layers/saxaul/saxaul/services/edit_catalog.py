"""CatalogEditing: an operator's change is checked whole, written if nobody was faster, and run again where it can be."""

from collections.abc import Iterator
from datetime import timedelta
from time import time
from typing import Any

from pydantic import ValidationError

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import MODELS, ActionType, Catalog, Entity, Kind, TreeProject, references_in
from saxaul.catalog.versions import VersionedEntry
from saxaul.http.conditions import Precondition
from saxaul.ledger.actions import faults
from saxaul.problems import Conflict, InvalidRequest, NotFound
from saxaul.services.retrying import ContendedError, attempts
from saxaul.storage.catalog import CatalogMovedError, CatalogStore
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import TransactionRefusedError

NEEDED_DAYS = 30
"""How long after its last act could be reported an action type is kept: its actions wait 4 days in the queue at most,
14 in the dead-letter queue, and then somebody has to send them back."""

_REFERRING = ("campaigns", "suggestions")
_REFERRED = ("action-types", "campaigns")


class CatalogEditing:
    """Writes and deletes entries of the catalog."""

    def __init__(self, catalog_store: CatalogStore, stocks: Stocks, calendar: Calendar) -> None:
        self._catalog_store = catalog_store
        self._stocks = stocks
        self._calendar = calendar

    def write(
        self, kind: Kind, identifier: str, document: object, condition: Precondition, changed_by: str
    ) -> VersionedEntry:
        """Make an entry what the document says. What it says already is not written again.

        Raises:
            InvalidRequest: ``invalid_entry``, with each fault.
            PreconditionFailed: the entry is not what the caller read.
            Conflict: it cannot be so while other things are as they are.
        """
        for _ in _attempts():
            guard = self._catalog_store.guard()
            known = self._catalog_store.latest(kind, identifier)
            entity = self._checked(kind, document, known)
            condition.check(known.version if known.entity else None)
            if known.entity == entity:
                return known
            is_retiring = isinstance(entity, ActionType) and entity.retired_from is not None
            if is_retiring:
                _refuse_if(self._as_of_now().suggesting(identifier), "A retired action type cannot be suggested.")
            now = int(time())
            projects = [entity] if isinstance(entity, TreeProject) else []
            releasing = [self._stocks.releasing(identifier, it, self._calendar.zone, now) for it in projects]
            edition = VersionedEntry(entity, known.version + 1, now, changed_by)
            guarded = guard if kind in _REFERRING or is_retiring else None
            if self._put(kind, identifier, edition, guarded, releasing):
                return edition
        raise AssertionError("_attempts() ends by raising")

    def delete(self, kind: Kind, identifier: str, condition: Precondition, changed_by: str) -> VersionedEntry:
        """Take an entry out of the catalog. Its versions stay.

        Raises:
            NotFound: there is none.
            PreconditionFailed: the entry is not what the caller read.
            Conflict: something refers to it, or the ledger still needs it.
        """
        for _ in _attempts():
            guard = self._catalog_store.guard()
            known = self._catalog_store.latest(kind, identifier)
            if known.entity is None:
                raise NotFound("unknown_entry", f"The catalog has no {identifier!r} among its {kind}.")
            condition.check(known.version)
            if kind in _REFERRED:
                _refuse_if(self._as_of_now().referring_to(kind, identifier), "Other entries name this one.")
            if isinstance(known.entity, ActionType):
                self._refuse_if_needed(known.entity)
            now = int(time())
            withdrawing = [self._stocks.withdrawing(identifier, now)] if kind == "tree-projects" else []
            edition = VersionedEntry(None, known.version + 1, now, changed_by)
            if self._put(kind, identifier, edition, guard if kind in _REFERRED else None, withdrawing):
                return edition
        raise AssertionError("_attempts() ends by raising")

    def _put(self, kind: Kind, identifier: str, edition: VersionedEntry, guard: int | None, also: list[Any]) -> bool:
        """Write over the version before; False where somebody was faster."""
        try:
            self._catalog_store.put(
                kind,
                identifier,
                edition.entity,
                edition.version - 1,
                also,
                guard=guard,
                changed_at=edition.changed_at,
                changed_by=edition.changed_by,
            )
        except CatalogMovedError:
            return False
        except TransactionRefusedError:
            raise Conflict("saplings_reserved", "More saplings are spoken for than this would release.") from None
        return True

    def _checked(self, kind: Kind, document: Any, known: VersionedEntry) -> Entity:  # noqa: ANN401 - what an operator sent
        """The entry that a document describes, held against the schema, the catalog and what it was before."""
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
            raise InvalidRequest("invalid_entry", "The entry has faults; none of it was written.", found)
        return entity

    def _broken_references(self, kind: Kind, document: object) -> Iterator[str]:
        references = list(references_in(kind, document))
        referred = self._catalog_store.referred(references)
        for reference in references:
            entity = referred.get(reference)
            if entity is None:
                yield reference.is_broken
            elif kind == "suggestions" and isinstance(entity, ActionType) and entity.retired_from:
                yield f"{reference.field}: {reference.identifier!r} is retired from {entity.retired_from} on"

    def _as_of_now(self) -> Catalog:
        return self._catalog_store.catalog(max_age=0)

    def _refuse_if_needed(self, action_type: ActionType) -> None:
        if action_type.retired_from is None:
            raise Conflict(
                "still_needed",
                "Queued actions and periods may need this action type: retire it first, by retired_from.",
            )
        free_from = action_type.retired_from + timedelta(days=self._calendar.acceptance_days + NEEDED_DAYS)
        if self._calendar.day_of(int(time())) < free_from:
            raise Conflict("still_needed", f"Late actions may need this action type; it can go from {free_from} on.")


def _refuse_if(referring: list[str], sentence: str) -> None:
    if referring:
        raise Conflict("referenced", f"{sentence} These do: {', '.join(referring)}.", referring)


def _attempts() -> Iterator[int]:
    try:
        yield from attempts()
    except ContendedError:
        raise Conflict("entry_moved", "Others keep changing the catalog; try again in a moment.") from None
