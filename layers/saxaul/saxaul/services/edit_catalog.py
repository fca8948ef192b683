"""Checks and writes an operator's changes of the catalog. If a concurrent write won, the change is checked again.

A change of an existing entry takes effect later than it is written (``effective_at``), and a new entry at once. So a
check of a reference regards all versions that are in effect from then on.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date, time, timedelta
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from saxaul.catalog.calendar import QUEUED_DAYS, Calendar, instant_of
from saxaul.catalog.clients import clients_named_in
from saxaul.catalog.conditions import Condition, Versions
from saxaul.catalog.entries import (
    MAX_ENTRY_BYTES,
    MODELS,
    ActionType,
    Campaign,
    Catalog,
    Entity,
    Kind,
    TreeProject,
    references_in,
)
from saxaul.catalog.faults import error_lines
from saxaul.catalog.models import TypeAdapter, ValidationError
from saxaul.catalog.versions import VersionedEntry
from saxaul.clock import Clock
from saxaul.impact.campaigns import EndRefusedError, ended_early
from saxaul.ledger.identifiers import Moment
from saxaul.problems import Conflict, InvalidRequest, NotFound, PreconditionFailed
from saxaul.races import ContendedError, LostRaceError, Result, retry_lost_races
from saxaul.services import wiring
from saxaul.services.browse_catalog import unknown_entry
from saxaul.services.preconditions import check_condition
from saxaul.services.warn import EntryChange, Warned, ends_already, warnings_of
from saxaul.settings import settings
from saxaul.storage.catalog import LARGEST_ENTRY, CatalogStore, CompanionRefusedError, size_of
from saxaul.storage.registry import Registry
from saxaul.storage.stocks import Stocks
from saxaul.trees.stock import Stock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_KINDS_WITH_REFERENCES = ("facilities", "campaigns", "initiatives", "suggestions")
"""The kinds of entries that refer to other entries."""

_REFERENCED_KINDS = ("action-types", "facilities", "campaigns")
"""The kinds of entries that other entries refer to."""

_KINDS_WITH_WARNINGS_ABOUT_OTHERS = ("facilities", "initiatives")
"""The kinds of entries whose warnings depend on other entries."""

_ACT_ON_THE_STOCK = ("saplings", "schedule", "closed")
"""The fields of a tree project that change its stock as soon as they are written."""

_MOMENT: TypeAdapter[Moment] = TypeAdapter(Moment)
_END = date(2100, 1, 1)
"""An operator can name a time before this day."""


class Written(NamedTuple):
    """An entry that was written, and what is unlikely about it."""

    entry: VersionedEntry
    warnings: list[Warned]


class _Effective(NamedTuple):
    """When a change takes effect, an instant in seconds, and whether the operator named this time."""

    at: int
    is_named: bool = False


class CatalogEditing(NamedTuple):
    """Writes and deletes catalog entries."""

    catalog_store: CatalogStore
    stocks: Stocks
    registry: Registry
    calendar: Calendar
    clock: Clock

    def write(
        self,
        kind: Kind,
        identifier: str,
        document: object,
        condition: Condition,
        changed_by: str,
        named: object = None,
    ) -> Written:
        """Create or replace a catalog entry. If the document equals the latest version, write nothing.

        ``document`` is the parsed JSON of the entry. ``changed_by`` is the operator, for the history of the entry.
        ``named`` is the time (RFC 3339) at which the change takes effect, as the operator sent it, or None.

        Raises:
            InvalidRequest: ``invalid_entry``, with a list of all errors in the document and the time.
            PreconditionFailed: the current version does not meet the condition.
            Conflict: the entry conflicts with other entries or with reserved saplings, its versions need too much room,
                or every attempt lost a race against a concurrent write.
        """

        def attempt() -> Written:
            guard = self.catalog_store.guard()
            stored = self.catalog_store.latest(kind, identifier)
            now = self.clock.now()
            check_condition(condition, stored.version if stored.exists_at(now) else None, "entry")
            entity, effective = self._validate(kind, identifier, document, named, stored, now)
            stock = self.stocks.get(identifier) if isinstance(entity, TreeProject) else Stock(identifier)
            planned = stock.planned(entity, self.calendar.zone, now) if isinstance(entity, TreeProject) else stock
            catalog = self._catalog_for_warnings(kind, effective.at)
            change = EntryChange(identifier, entity, stored, effective.at, planned, catalog, self.calendar, now)
            if stored.entity == entity and not (effective.is_named and effective.at < stored.effective_at):
                return Written(stored, warnings_of(change._replace(effective_at=stored.effective_at)))
            is_retiring = isinstance(entity, ActionType) and entity.retired_from is not None
            if is_retiring:
                referring = self._referring_to(kind, identifier, effective.at)
                _refuse_if_referenced(
                    [name for name in referring if name.startswith("suggestions/")],
                    "These suggestions still use the action type; change or delete them before you retire it",
                )
            entry = stored.followed_by(entity, effective.at, now, changed_by)
            self._require_time(now)
            also = [self.stocks.plan_write(planned, now)] if isinstance(entity, TreeProject) else []
            self._write_entry(
                kind, identifier, entry, guard if kind in _KINDS_WITH_REFERENCES or is_retiring else None, also
            )
            return Written(entry, warnings_of(change))

        return self._write_with_retries(attempt)

    def restore(
        self, kind: Kind, identifier: str, number: int, condition: Condition, changed_by: str, named: object = None
    ) -> Written:
        """Write the document of an earlier version again, with the same checks as :meth:`write`.

        Raises:
            NotFound: the entry has no such version.
            Conflict: the version is a deletion; or as for :meth:`write`.
        """
        version = self.catalog_store.document(kind, identifier, number)
        if version is None:
            raise NotFound(
                "unknown_version",
                f"This entry has no version {number}; GET /catalog/{kind}/{identifier}/versions lists its versions.",
            )
        if version.document is None:
            raise Conflict(
                "version_is_deletion", f"Version {number} is a deletion, so it has no entry to restore; use DELETE."
            )
        return self.write(kind, identifier, version.document, condition, changed_by, named)

    def end_run(self, identifier: str, last: date | None, condition: Condition, changed_by: str) -> Written:
        """End the run of a campaign that includes today, with the same checks as :meth:`write`.

        ``last`` is the last day of the run, by default today. What ends is the version that is in effect when the
        change takes effect. If the run ends on that day already, write nothing, and warn.

        Raises:
            NotFound: the campaign does not exist.
            InvalidRequest: the run cannot end on that day; or as for :meth:`write`.
            Conflict: no run includes today; or as for :meth:`write`.
        """

        def attempt() -> Written:
            stored = self.catalog_store.latest("campaigns", identifier)
            now = self.clock.now()
            campaign = stored.at(now + self.catalog_store.delay).entity
            if not stored.exists_at(now) or not isinstance(campaign, Campaign):
                raise unknown_entry("campaigns", identifier)
            check_condition(condition, stored.version, "entry")
            today = self.calendar.day_of(now)
            try:
                ended = ended_early(campaign, today, last or today)
            except EndRefusedError as refusal:
                raise _end_refused(refusal) from None
            if ended is campaign:
                return Written(stored, [ends_already(last or today)])
            document = ended.model_dump(mode="json", exclude_defaults=True)
            just_read = Condition(required=Versions(frozenset({str(stored.version)})))
            try:
                return self.write("campaigns", identifier, document, just_read, changed_by)
            except PreconditionFailed:
                raise LostRaceError from None  # another change was written since

        return self._write_with_retries(attempt)

    def delete(
        self, kind: Kind, identifier: str, condition: Condition, changed_by: str, named: object = None
    ) -> VersionedEntry:
        """Delete a catalog entry. Its versions stay readable. If its deletion is written already, write nothing.

        ``named`` is the time (RFC 3339) at which the deletion takes effect, as the operator sent it, or None.

        Raises:
            InvalidRequest: the time is not allowed.
            NotFound: the entry does not exist, or its deletion is in effect.
            PreconditionFailed: the current version does not meet the condition.
            Conflict: another entry refers to this one, the ledger still needs it, its versions need too much room, or
                every attempt lost a race against a concurrent write.
        """

        def attempt() -> VersionedEntry:
            guard = self.catalog_store.guard()
            stored = self.catalog_store.latest(kind, identifier)
            now = self.clock.now()
            if not stored.exists_at(now):
                raise unknown_entry(kind, identifier)
            check_condition(condition, stored.version, "entry")
            effective = self._effective_for_deletion(named, stored, now)
            if effective.at >= stored.effective_at and stored.is_deletion:
                return stored
            if kind in _REFERENCED_KINDS:
                _refuse_if_referenced(
                    self._referring_to(kind, identifier, effective.at),
                    "These catalog entries refer to this one; change or delete them first",
                )
            self._refuse_if_still_needed(kind, stored, effective.at)
            also = []
            if kind == "tree-projects":
                also = [self.stocks.plan_write(self.stocks.get(identifier).withdrawn(now), now)]
            entry = stored.followed_by(None, effective.at, now, changed_by)
            self._require_time(now)
            self._write_entry(kind, identifier, entry, guard if kind in _REFERENCED_KINDS else None, also)
            return entry

        return self._write_with_retries(attempt)

    def _require_time(self, began_at: int) -> None:
        """Check that an attempt has not used up the margin by which workers know a change before it takes effect.

        Raises:
            LostRaceError: the attempt took too long. The next one chooses a later time.
        """
        if self.clock.now() - began_at > max(1, self.catalog_store.delay // 8):
            raise LostRaceError

    def _effective(self, named: object, stored: VersionedEntry, now: int, *, for_deletion: bool = False) -> _Effective:
        """Return when a change takes effect.

        A time that equals that of the stored version counts as not named, because an operator may have edited the
        stored version and sent it back. A deletion has no such body.

        Raises:
            ValueError: the named time is not allowed; the message says what is.
        """
        exists = stored.exists_at(now)
        earliest = now + self.catalog_store.delay
        if named is None:
            return _Effective(earliest if exists else now)
        if not exists:
            raise ValueError("a new entry takes effect at once")
        allowed = f"from {self.calendar.rfc3339(earliest)} on and before {_END.year}; without it, the earliest is used"
        try:
            at = int(_MOMENT.validate_python(named).timestamp())
        except ValidationError:
            raise ValueError(f"this must be a time with an offset, such as {allowed}") from None
        if at == stored.effective_at and not for_deletion:
            return _Effective(earliest)
        if at == stored.effective_at and stored.is_deletion:  # the request was repeated
            return _Effective(at, is_named=True)
        if not earliest <= at < instant_of(_END, time(), self.calendar.zone):
            raise ValueError(f"this must be a time {allowed}")
        return _Effective(at, is_named=True)

    def _effective_for_deletion(self, named: object, stored: VersionedEntry, now: int) -> _Effective:
        try:
            effective = self._effective(named, stored, now, for_deletion=True)
        except ValueError as error:
            raise _not_a_time_of_deletion(str(error)) from None
        if effective.is_named and stored.is_deletion and effective.at > stored.effective_at:
            raise _not_a_time_of_deletion(f"it is already deleted from {self.calendar.rfc3339(stored.effective_at)} on")
        if effective.is_named and isinstance(stored.entity, TreeProject) and not stored.entity.closed:
            raise _not_a_time_of_deletion(
                "a deletion takes the saplings of a project away at once, so only a closed project can be deleted later"
            )
        return effective

    def _write_with_retries(self, attempt: Callable[[], Result]) -> Result:
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
            Conflict: more saplings are reserved than the entry would release, or the versions need too much room.
        """
        self._refuse_if_too_large(entry)
        try:
            self.catalog_store.put(kind, identifier, entry, guard=guard, also=also)
        except CompanionRefusedError:
            detail = (
                "Fewer saplings would be released than are reserved; release at least as many as are reserved."
                if entry.entity
                else "Saplings of this project are reserved, so it cannot be deleted; close it instead."
            )
            raise Conflict("saplings_reserved", detail) from None

    def _refuse_if_too_large(self, entry: VersionedEntry) -> None:
        """Refuse a write whose item would be too large, and say when enough of the earlier versions are over.

        Raises:
            Conflict: ``too_many_pending``.
        """
        if size_of(entry) <= LARGEST_ENTRY:
            return
        times = [version.effective_at for version in entry.chain if version.effective_at > entry.changed_at]
        enough = (at for at in times if size_of(entry._replace(before=entry.since(at)[:-1])) <= LARGEST_ENTRY)
        again = self.calendar.rfc3339(next(enough, entry.effective_at))
        raise Conflict(
            "too_many_pending",
            "The versions of this entry that are in effect or will be need too much room for another one; "
            f"try again at {again}.",
        )

    def _validate(
        self,
        kind: Kind,
        identifier: str,
        document: Any,  # noqa: ANN401 - any JSON value
        named: object,
        stored: VersionedEntry,
        now: int,
    ) -> tuple[Entity, _Effective]:
        """Return the validated entry and when it takes effect.

        The entry is checked against the schema, the rest of the catalog and the stored versions.

        Raises:
            InvalidRequest: the document or the time has errors; the problem lists all of them.
        """
        _refuse_long_document(document)
        found: list[str] = []
        entity: Entity | None = None
        try:
            entity = MODELS[kind].model_validate(document)
        except ValidationError as error:
            found += error_lines(error)
        found += self._broken_references(kind, document)
        found += self._unregistered_clients(kind, document)
        for action_type in self._action_types_to_keep(kind, identifier, stored.since(now)):
            found += [line for line in action_type.forbidden_changes(document) if line not in found]
        effective = _Effective(now)
        try:
            effective = self._effective(named, stored, now)
        except ValueError as error:
            found.append(f"effective_at: {error}")
        if entity and effective.is_named:
            found += self._not_at_a_named_time(entity, stored, effective.at)
        if found or entity is None:
            raise InvalidRequest(
                "invalid_entry",
                "The entry was not written; correct each of the listed errors and send it again.",
                found,
            )
        return entity, effective

    def _not_at_a_named_time(self, entity: Entity, stored: VersionedEntry, at: int) -> Iterator[str]:
        if stored.entity == entity and at > stored.effective_at:
            since = self.calendar.rfc3339(stored.effective_at)
            yield (
                f"effective_at: version {stored.version} is the same, and is in effect from {since} on; restore an "
                "earlier version first to have it until then"
            )
        if isinstance(entity, TreeProject):
            for name in _ACT_ON_THE_STOCK:
                if not isinstance(stored.entity, TreeProject) or getattr(entity, name) != getattr(stored.entity, name):
                    yield f"{name}: this changes the stock at once, so it cannot change together with an effective_at"

    def _broken_references(self, kind: Kind, document: object) -> Iterator[str]:
        references = list(references_in(kind, document))
        referred = self.catalog_store.resolve(references)
        for reference in references:
            entities = referred.get(reference, ())
            retired = [e.retired_from for e in entities if isinstance(e, ActionType) and e.retired_from]
            if not entities:
                yield reference.broken_message
            elif wrong := next(filter(None, (reference.wrong_actor(kind, entity) for entity in entities)), None):
                yield wrong
            elif kind == "suggestions" and retired:
                yield (
                    f"{reference.field}: {reference.identifier!r} is retired from {min(retired)} on; "
                    "use another action type"
                )

    def _action_types_to_keep(
        self, kind: Kind, identifier: str, versions: Iterable[VersionedEntry]
    ) -> Iterator[ActionType]:
        """Yield the versions of an action type whose periods a new version must keep.

        For a version that cannot be read, this is the newest earlier one that can, of the last 20.
        """
        for version in versions:
            if isinstance(version.entity, ActionType):
                yield version.entity
            elif kind == "action-types" and version.is_broken:
                numbers = range(version.version - 1, max(version.version - 21, 0), -1)
                earlier = (self.catalog_store.version(kind, identifier, number) for number in numbers)
                readable = (found.entity for found in earlier if found and isinstance(found.entity, ActionType))
                yield from islice(readable, 1)

    def _unregistered_clients(self, kind: Kind, document: object) -> Iterator[str]:
        """Yield a message for each app or partner that an entry names and that is not registered, at most 20."""
        named = list(clients_named_in(kind, document))
        clients = self.registry.clients() if named else []
        unmet = (reference for reference in named if not any(map(reference.is_met_by, clients)))
        yield from (reference.unmet_message for reference in islice(unmet, 20))

    def _catalog_for_warnings(self, kind: Kind, instant: int) -> Catalog:
        """Return the catalog in effect at an instant, from a new read, or an empty one if no warning depends on it."""
        if kind not in _KINDS_WITH_WARNINGS_ABOUT_OTHERS:
            return Catalog()
        return self.catalog_store.read().timeline.catalog(instant)

    def _referring_to(self, kind: Kind, identifier: str, instant: int) -> list[str]:
        """Return the entries of which a version refers to this entry at an instant or later, from a new read."""
        return self.catalog_store.read().timeline.referring_to(kind, identifier, instant)

    def _refuse_if_still_needed(self, kind: Kind, stored: VersionedEntry, deleted_at: int) -> None:
        """Refuse the deletion of an action type that actions may still need, or of which this cannot be read.

        Its retirement counts from the day on which the retired version is in effect.
        """
        if kind == "action-types" and stored.is_broken:
            raise Conflict(
                "still_needed",
                "The action type cannot be read, so it is not known whether it is still needed; write or restore a "
                "version with retired_from first.",
            )
        types = [version for version in stored.chain if isinstance(version.entity, ActionType)]
        if not types or not isinstance(types[-1].entity, ActionType):
            return
        action_type, retired_at = types[-1].entity, self.calendar.day_of(types[-1].effective_at)
        if action_type.retired_from is None:
            raise Conflict(
                "still_needed",
                "Queued actions and periods may still need this action type; set retired_from now, and delete the type "
                "later.",
            )
        refused_from = max(action_type.retired_from, retired_at)
        deletable_from = refused_from + timedelta(days=self.calendar.acceptance_days + QUEUED_DAYS)
        if self.calendar.day_of(deleted_at) < deletable_from:
            raise Conflict(
                "still_needed",
                f"Late actions may still need this action type; it can be deleted from {deletable_from} on.",
            )


def _refuse_long_document(document: object) -> None:
    try:
        size = len(json.dumps(document, ensure_ascii=False, default=str).encode(errors="surrogatepass"))
    except RecursionError:
        fault = "the entry is nested too deeply"
    else:
        if size <= MAX_ENTRY_BYTES:
            return
        fault = f"the entry has {size} bytes of JSON in UTF-8; at most {MAX_ENTRY_BYTES} are allowed"
    raise InvalidRequest("invalid_entry", "The entry was not written, because it is too large.", [fault])


def _end_refused(refusal: EndRefusedError) -> Conflict | InvalidRequest:
    if refusal.is_over:
        return Conflict("campaign_not_running", f"Nothing was changed, because {refusal}.")
    return InvalidRequest(
        "invalid_body", "The run cannot end on this day; correct the listed error.", [f"last_day: {refusal}"]
    )


def _not_a_time_of_deletion(reason: str) -> InvalidRequest:
    return InvalidRequest("invalid_parameter", f"effective_at: {reason}.")


def _refuse_if_referenced(referring: list[str], sentence: str) -> None:
    if referring:
        raise Conflict("referenced", f"{sentence}: {', '.join(referring)}.", referring)


@cache
def catalog_editing() -> CatalogEditing:
    """Return the catalog editing service of this process."""
    return CatalogEditing(
        wiring.catalog_store(), Stocks(wiring.ledger()), wiring.registry(), settings().calendar, wiring.clock()
    )
