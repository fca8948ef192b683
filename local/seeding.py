"""Writes what a catalog's folder has and a stack has not, and says what differs.

A seed writes entries that the stack never had, and overwrites nothing: an entry that differs from the folder may be the
work of an operator. With ``force`` it writes all entries, and says which versions it replaced, and whose they were.

Each write has a condition: that there is still no entry, or still the version that was read. So what somebody else
writes meanwhile is kept, and named.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from local.client import of_stack
from local.console import console, shown
from local.listing import Listed, entries_of, without_added_fields
from saxaul.catalog.entries import KINDS, MODELS, Entity, Kind
from saxaul.catalog.models import ValidationError
from saxaul_client import JsonObject, OperatorClient, Problem

_PRECONDITION_FAILED: Final = 412
"""The HTTP status of a write to what a concurrent write has changed since it was read."""

_NOT_FOUND: Final = 404


class Known(NamedTuple):
    """What a stack has at a place such as ``suggestions/take-the-bus`` or ``apps/taobao``.

    Attributes:
        version: the number of the latest version.
        changed_by, changed_at: who wrote it, and when (RFC 3339).
        is_deleted: whether this version is a deletion.
    """

    version: int
    changed_by: str | None
    changed_at: str | None
    is_deleted: bool = False

    def __str__(self) -> str:
        done = "deleted" if self.is_deleted else "written"
        return f"version {self.version}, {done} by {self.changed_by or 'unknown'} at {self.changed_at or 'unknown'}"


class Outcome:
    """What a seed did, by place. Each list has one line for each place.

    Attributes:
        counts: how many entries were written, and how many were the same already.
        replaced: what ``force`` replaced.
        differing: what differs from the folder, and was left as it is.
        deleted: what the folder has and an operator deleted, and was left deleted.
        changed_meanwhile: what somebody else wrote during the seed, and was left as it is.
        refused: what the API refused, and why.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.replaced: list[str] = []
        self.differing: list[str] = []
        self.deleted: list[str] = []
        self.changed_meanwhile: list[str] = []
        self.refused: list[str] = []

    def note_replaced(self, place: str, known: Known, version: int) -> None:
        self.replaced.append(f"{place}: version {version} replaces {known}")

    def note_left(self, place: str, known: Known) -> None:
        (self.deleted if known.is_deleted else self.differing).append(f"{place}: {known}")

    def note_problem(self, place: str, problem: Problem) -> None:
        if problem.status == _PRECONDITION_FAILED:
            self.changed_meanwhile.append(place)
        else:
            said = "; ".join([f"{problem.status} {problem.code}: {problem.detail}", *problem.errors])
            self.refused.append(f"{place}: {said}")

    def report(self) -> None:
        """Print what was replaced, and what was not written although it differs from the folder."""
        force = f"make seed FORCE=1{of_stack()}"
        _list("replaced, because of FORCE=1", self.replaced)
        _list(f"not as in the folder, and left as they are ({force} writes them)", self.differing)
        _list(f"deleted in the stack, and left so ({force} writes them again)", self.deleted)
        _list(
            "changed by somebody else meanwhile, and left as they are (seed again to compare)", self.changed_meanwhile
        )


def _list(title: str, lines: Iterable[str]) -> None:
    found = list(lines)
    if found:
        console.print(shown(f"· {title}:"))
    for line in found:
        console.print(shown(f"    {line}"))


class Seeding:
    """One seed of a stack's catalog."""

    def __init__(self, operator: OperatorClient, *, force: bool) -> None:
        self._operator = operator
        self._force = force
        self._existing: Mapping[tuple[Kind, str], Listed] = {
            (entry.kind, entry.identifier): entry for kind in KINDS for entry in entries_of(operator, kind)
        }
        self.outcome = Outcome()

    def put(self, kind: Kind, identifier: str, entity: Entity) -> None:
        """Write an entry if the stack never had it or if it is forced. Else note how it differs."""
        existing = self._existing.get((kind, identifier))
        if existing and _is_same(existing, entity):
            self.outcome.counts["unchanged"] += 1
            return
        known = _known(existing) if existing else self._deletion_of(kind, identifier)
        place = f"{kind}/{identifier}"
        if known and not self._force:
            self.outcome.note_left(place, known)
            return
        document = entity.model_dump(mode="json", exclude_defaults=True)
        try:
            version = self._write(kind, identifier, document, known)
        except Problem as problem:
            if problem.status != _PRECONDITION_FAILED or not self._is_there(kind, identifier, entity):
                self.outcome.note_problem(place, problem)
                return
            version = known.version + 1 if known else 1  # written by an attempt whose answer was lost
        self.outcome.counts["written"] += 1
        if known:
            self.outcome.note_replaced(place, known, version)

    def _write(self, kind: Kind, identifier: str, document: JsonObject, known: Known | None) -> int:
        """Write an entry if the stack still has this version, or none. Return the new version.

        A deleted entry exists until its deletion takes effect. Then it has no version that a write could name.
        """
        if known is None or known.is_deleted:
            try:
                written = self._operator.write_entry(kind, identifier, document, new=True)
            except Problem as problem:
                if known is None or problem.status != _PRECONDITION_FAILED:
                    raise
            else:
                return int(written.document["version"])
        written = self._operator.write_entry(kind, identifier, document, if_match=f'"{known.version}"')
        return int(written.document["version"])

    def _is_there(self, kind: Kind, identifier: str, entity: Entity) -> bool:
        """Return whether the stack has exactly this entry now."""
        try:
            found = self._operator.entry(kind, identifier).document
            return MODELS[kind].model_validate(without_added_fields(found)) == entity
        except (Problem, ValidationError):
            return False

    def _deletion_of(self, kind: Kind, identifier: str) -> Known | None:
        """Return the deletion of an entry that does not exist now. None if it never existed.

        In a catalog that has no entries at all, none was deleted. So a new stack is not asked for each entry.
        """
        if not self._existing:
            return None
        try:
            page = next(self._operator.version_pages(kind, identifier, limit=1))
        except Problem as problem:
            if problem.status == _NOT_FOUND:
                return None
            raise
        [newest] = page.items
        return Known(newest["version"], newest["changed_by"], newest["changed_at"], is_deleted=True)


def _known(entry: Listed) -> Known:
    return Known(entry.version, entry.changed_by, entry.changed_at)


def _is_same(existing: Listed, entity: Entity) -> bool:
    try:
        return existing.entity == entity
    except ValidationError:
        return False
