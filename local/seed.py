"""Writes a catalog through the API, and keeps the entries that an operator changed.

    python -m local.seed [FOLDER]             write missing entries, and entries that nobody changed since a seed
    python -m local.seed [FOLDER] --force     write all entries, and overwrite existing ones

A seed records the version of each entry that it leaves behind, in .local/<stack>.seeded.json. The next seed may replace
an entry that is still at that version. It keeps an entry at another version, or a deleted one, as an operator's change.
If there is no record, because another machine seeded the stack, it may replace an entry at its first version.
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml
from pydantic import ValidationError
from rich.markup import escape
from rich.progress import Progress

from local.client import Client, answering, stack_name
from local.console import console, give_up
from local.listing import Listed, entries_of
from local.sam import ROOT, state, write_private
from saxaul.catalog.entries import KINDS, MODELS, Catalog, Entity, Kind
from saxaul.catalog.faults import faults

FOLDER = ROOT / "catalog"

_SEEDER: Final = "operator"
_MOVED: Final = 412
"""The HTTP status of a write to an entry that was changed after it was read."""


def load(folder: Path = FOLDER) -> dict[Kind, dict[str, Entity]]:
    """Read a catalog of YAML files, one for each kind, and check every entry and every reference.

    Raises:
        ValueError: the catalog has errors; the message lists all of them.
    """
    found: list[str] = []
    entries: dict[Kind, dict[str, Entity]] = {kind: {} for kind in KINDS}
    for kind in KINDS:
        for identifier, document in _documents(folder, kind).items():
            try:
                entries[kind][identifier] = MODELS[kind].model_validate(document)
            except ValidationError as error:
                found += [f"{kind}/{identifier}: {fault}" for fault in faults(error)]
    found += as_catalog(entries).all_broken_references()
    if found:
        raise ValueError("\n".join(found))
    return entries


def as_catalog(entries: dict[Kind, dict[str, Entity]]) -> Catalog:
    return Catalog(**{kind.replace("-", "_"): found for kind, found in entries.items()})  # type: ignore[arg-type]


class Mark(NamedTuple):
    """What a seed recorded of an entry: its version, when that was written (RFC 3339), and the folder it came from."""

    version: int
    changed_at: str | None
    folder: str


class Seeding:
    """One run of a seed against the catalog of a stack."""

    def __init__(self, operator: Client, folder: Path, *, force: bool) -> None:
        self._operator = operator
        self._folder = folder.resolve()
        self._force = force
        self._noted = _marks()
        self._marks = dict(self._noted or {})
        self._standing = {
            (entry.kind, entry.identifier): entry for kind in KINDS for entry in entries_of(operator, kind)
        }
        self.done: Counter[str] = Counter()
        self.kept: list[str] = []
        self.refused: list[str] = []

    def put(self, kind: Kind, identifier: str, entity: Entity) -> None:
        """Write an entry if it is missing, or if it is the seed's and not an operator's."""
        place, standing = f"{kind}/{identifier}", self._standing.get((kind, identifier))
        if standing and _says(standing, entity):
            self.done["unchanged"] += 1
            self._note(place, standing.version, standing.changed_at)
        elif self._force or (self._is_ours(place, standing) if standing else not self._was_deleted(place)):
            self._write(place, entity, {} if self._force else _condition(standing))
        else:
            self.kept.append(place if standing else f"{place} (deleted)")

    def save(self) -> None:
        """Record the versions that this seed leaves behind, for the next seed."""
        write_private(_file(), {place: mark._asdict() for place, mark in sorted(self._marks.items())})

    def _write(self, place: str, entity: Entity, condition: dict[str, str]) -> None:
        document = entity.model_dump(mode="json", exclude_defaults=True)
        answer = self._operator.call("PUT", f"/catalog/{place}", document, **condition)
        if answer.status_code == _MOVED:
            self.kept.append(place)
        elif answer.is_success:
            written = answer.json()
            self.done["written"] += 1
            self._note(place, written["version"], written["changed_at"])
        else:
            self.refused.append(f"{place}: {answer.status_code} {answer.text}")

    def _is_ours(self, place: str, standing: Listed) -> bool:
        if self._noted is None:
            return (standing.version, standing.changed_by) == (1, _SEEDER)
        mark = self._noted.get(place)
        if mark is None or (mark.version, mark.changed_at) != (standing.version, standing.changed_at):
            return False
        # The default catalog does not replace entries that came from another folder.
        return self._folder != FOLDER.resolve() or mark.folder == str(self._folder)

    def _was_deleted(self, place: str) -> bool:
        """Return whether an operator deleted an entry. A seed deletes nothing, and an empty catalog is a new one."""
        return bool(self._standing) and self._operator.call("GET", f"/catalog/{place}/versions?limit=1").is_success

    def _note(self, place: str, version: int, changed_at: str | None) -> None:
        self._marks[place] = Mark(version, changed_at, str(self._folder))


def seed(folder: Path = FOLDER, *, force: bool = False) -> None:
    """Write missing entries and entries of the seed, or all with ``force``. Entries that the folder lacks stay."""
    try:
        entries = load(folder)
    except OSError as error:
        give_up(f"{folder} has no catalog: {error}")
    except ValueError as error:
        give_up(f"The catalog has errors:\n{error}")
    with Client(_SEEDER) as operator, Progress(console=console, transient=True) as progress:
        task = progress.add_task("seeding the catalog", total=sum(map(len, entries.values())))
        seeding = Seeding(operator, folder, force=force)
        try:
            for kind, found in entries.items():
                for identifier, entity in found.items():
                    seeding.put(kind, identifier, entity)
                    progress.advance(task)
        finally:
            seeding.save()
    _tell(entries, seeding)


def _tell(entries: dict[Kind, dict[str, Entity]], seeding: Seeding) -> None:
    counts = ", ".join(f"{len(found)} {kind.replace('-', ' ')}" for kind, found in entries.items())
    done = ", ".join(f"{number} {how}" for how, number in seeding.done.items())
    console.print(f"[green]✓[/] seeded the catalog: {counts}; {done or 'nothing written'}")
    if seeding.kept:
        console.print(
            escape(f"· operators' changes kept (make seed FORCE=1 overwrites them): {', '.join(seeding.kept)}")
        )
    if seeding.refused:
        give_up("The stack refused these entries and has all others:\n" + "\n".join(seeding.refused))


def _says(standing: Listed, entity: Entity) -> bool:
    try:
        return standing.entity == entity
    except ValidationError:
        return False


def _condition(standing: Listed | None) -> dict[str, str]:
    return {"if_match": f'"{standing.version}"'} if standing else {"if_none_match": "*"}


def _file() -> Path:
    return state() / f"{stack_name()}.seeded.json"


def _marks() -> dict[str, Mark] | None:
    """Return what earlier seeds recorded for this stack, or None if there is no record."""
    if not _file().exists():
        return None
    return {place: Mark(**mark) for place, mark in json.loads(_file().read_text()).items()}


def _documents(folder: Path, kind: Kind) -> dict[str, Any]:
    file = folder / f"{kind}.yaml"
    try:
        documents = yaml.safe_load(file.read_text("utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{file} is not YAML: {error}") from None
    if not isinstance(documents, dict):
        raise ValueError(f"{file} is not a mapping of identifiers to entries")  # noqa: TRY004
    return documents


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.seed", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "folder", type=Path, nargs="?", default=FOLDER, help="a folder with a file for each kind, as export writes them"
    )
    parser.add_argument("--force", action="store_true", help="also overwrite what operators changed or deleted")
    chosen = parser.parse_args()
    with answering():
        seed(chosen.folder, force=chosen.force)


if __name__ == "__main__":
    main()
