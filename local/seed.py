"""Writes a catalog through the API, and keeps what an operator changed.

    python -m local.seed [FOLDER]             write missing entries, and replace those that no operator changed
    python -m local.seed [FOLDER] --force     write all entries, and replace those that operators changed as well

First it registers the missing apps of the catalog, because entries name them (local/apps.py). It changes apps that
exist only with --force.

Each run (a seed) records the version of every entry that it wrote or found unchanged, in .local/<stack>.seeded.json.
The next seed may replace an entry that is still at the recorded version. It does not touch an entry at another version
(an operator changed it), and does not recreate an entry that an operator deleted. The default catalog (`catalog/`)
also does not replace entries that were seeded from another folder. If this machine has no such file, because another
machine seeded the stack, a seed may replace an entry that is at version 1 and was written by the operator client.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from rich.progress import Progress

from local.apps import load_apps, register_apps, report_apps
from local.client import exit_on_failure, open_client, stack_name
from local.command import command_parser, path, run_command
from local.console import console, exit_with, shown
from local.listing import Listed, entries_of
from local.sam import ROOT, state, write_private
from local.yaml_files import YamlFile
from saxaul.catalog.clients import OPERATOR
from saxaul.catalog.entries import KINDS, MODELS, Catalog, Entity, Identifier, Kind
from saxaul.catalog.faults import error_lines
from saxaul.catalog.models import TypeAdapter, ValidationError
from saxaul_client import OperatorClient, Problem

FOLDER = ROOT / "catalog"

_PRECONDITION_FAILED: Final = 412
"""The HTTP status of a write to an entry that a concurrent write has changed since it was read."""

_NOT_FOUND: Final = 404

_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)


def load(folder: Path = FOLDER) -> dict[Kind, dict[str, Entity]]:
    """Read a catalog from YAML files, one for each kind of entry, and check every entry and every reference.

    Raises:
        ValueError: the catalog has errors; the message lists all of them.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder")
    found: list[str] = []
    entries: dict[Kind, dict[str, Entity]] = {kind: {} for kind in KINDS}
    files: dict[Kind, YamlFile] = {}
    for kind in KINDS:
        try:
            file = files[kind] = YamlFile(folder / f"{kind}.yaml", "identifiers to entries")
        except ValueError as error:
            found.append(str(error))
            continue
        for identifier, document in file.documents.items():
            try:
                _IDENTIFIER.validate_python(identifier)  # it becomes a part of a path
                entries[kind][identifier] = MODELS[kind].model_validate(document)
            except ValidationError as error:
                found += file.lines(identifier, error_lines(error), kind)
    if len(files) == len(KINDS):
        found += _broken_references(entries, files)
    if found:
        raise ValueError("\n".join(found))
    return entries


def _broken_references(entries: dict[Kind, dict[str, Entity]], files: dict[Kind, YamlFile]) -> Iterator[str]:
    """Yield a line for each reference to an entry that the catalog does not have."""
    catalog = as_catalog(entries)
    for kind, found in entries.items():
        for identifier, entity in found.items():
            faults = list(catalog.broken_references(kind, entity.model_dump()))
            yield from files[kind].lines(identifier, faults, kind)


def as_catalog(entries: dict[Kind, dict[str, Entity]]) -> Catalog:
    return Catalog(**{kind.replace("-", "_"): found for kind, found in entries.items()})  # type: ignore[arg-type]


class Mark(NamedTuple):
    """What a seed records about an entry: its version, when it was written (RFC 3339), and its folder."""

    version: int
    changed_at: str | None
    folder: str


class Seeding:
    """One seed of a stack's catalog from a folder.

    ``done`` counts the entries that were written or unchanged. ``kept`` lists the entries that were not written because
    an operator changed or deleted them, or because they came from another folder. ``refused`` lists the entries that
    the API refused.
    """

    def __init__(self, operator: OperatorClient, folder: Path, *, force: bool) -> None:
        self._operator = operator
        self._folder = folder.resolve()
        self._force = force
        self._recorded = _marks()
        self._marks = dict(self._recorded or {})
        self._existing = {
            (entry.kind, entry.identifier): entry for kind in KINDS for entry in entries_of(operator, kind)
        }
        self.done: Counter[str] = Counter()
        self.kept: list[str] = []
        self.refused: list[str] = []

    def put(self, kind: Kind, identifier: str, entity: Entity) -> None:
        """Write an entry, unless it is unchanged, or an operator changed or deleted it."""
        place, existing = f"{kind}/{identifier}", self._existing.get((kind, identifier))
        if existing and _is_same(existing, entity):
            self.done["unchanged"] += 1
            self._record(place, existing.version, existing.changed_at)
        elif self._force or (
            self._may_replace(place, existing) if existing else not self._was_deleted(kind, identifier)
        ):
            self._write(kind, identifier, entity, existing)
        else:
            self.kept.append(place if existing else f"{place} (deleted)")

    def save(self) -> None:
        """Write the recorded versions to the file that the next seed reads."""
        write_private(_file(), {place: mark._asdict() for place, mark in sorted(self._marks.items())})

    def _write(self, kind: Kind, identifier: str, entity: Entity, existing: Listed | None) -> None:
        place = f"{kind}/{identifier}"
        if_match = f'"{existing.version}"' if existing and not self._force else None
        try:
            written = self._operator.write_entry(
                kind,
                identifier,
                entity.model_dump(mode="json", exclude_defaults=True),
                if_match=if_match,
                new=not existing and not self._force,
            )
        except Problem as problem:
            if problem.status == _PRECONDITION_FAILED:
                self.kept.append(place)
            else:
                said = "; ".join([f"{problem.status} {problem.code}: {problem.detail}", *problem.errors])
                self.refused.append(f"{place}: {said}")
        else:
            self.done["written"] += 1
            self._record(place, written.document["version"], written.document["changed_at"])

    def _may_replace(self, place: str, existing: Listed) -> bool:
        if self._recorded is None:
            return (existing.version, existing.changed_by) == (1, OPERATOR)
        mark = self._recorded.get(place)
        if mark is None or (mark.version, mark.changed_at) != (existing.version, existing.changed_at):
            return False
        # The default catalog does not replace entries that came from another folder.
        return self._folder != FOLDER.resolve() or mark.folder == str(self._folder)

    def _was_deleted(self, kind: Kind, identifier: str) -> bool:
        """Return whether an operator deleted an entry, given that it does not exist now.

        An entry without versions never existed. If the catalog has no entries at all, no entry counts as deleted.
        """
        if not self._existing:
            return False
        try:
            next(self._operator.version_pages(kind, identifier, limit=1))
        except Problem as problem:
            if problem.status == _NOT_FOUND:
                return False
            raise
        return True

    def _record(self, place: str, version: int, changed_at: str | None) -> None:
        self._marks[place] = Mark(version, changed_at, str(self._folder))


def seed(folder: Path = FOLDER, *, force: bool = False) -> None:
    """Seed the apps and the catalog of the selected stack. What the folder does not contain is not changed.

    With ``force``, what operators changed or deleted is written as well.
    """
    try:
        entries, apps = load(folder), load_apps(folder)
    except ValueError as error:
        exit_with(f"Nothing was seeded, because {folder} has no catalog without errors:", str(error).splitlines())
    with open_client(OperatorClient, OPERATOR) as operator:
        registered = register_apps(operator, apps, force=force)
        if apps:
            report_apps(registered)
        seeding = Seeding(operator, folder, force=force)
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("seeding the catalog", total=sum(map(len, entries.values())))
            try:
                for kind, found in entries.items():
                    for identifier, entity in found.items():
                        seeding.put(kind, identifier, entity)
                        progress.advance(task)
            finally:
                seeding.save()
    _report(entries, seeding)
    if refused := registered.refused + seeding.refused:
        exit_with("The API refused these; all others were processed:", refused)


def _report(entries: dict[Kind, dict[str, Entity]], seeding: Seeding) -> None:
    counts = ", ".join(f"{len(found)} {kind.replace('-', ' ')}" for kind, found in entries.items())
    done = ", ".join(f"{number} {how}" for how, number in seeding.done.items())
    console.print(f"[green]✓[/] seeded the catalog: {shown(counts)}; {shown(done or 'nothing written')}")
    if seeding.kept:
        console.print(
            shown(
                "· kept, because an operator changed or deleted them, or because they came from another folder "
                f"(FORCE=1 overwrites): {', '.join(seeding.kept)}"
            )
        )


def _is_same(existing: Listed, entity: Entity) -> bool:
    try:
        return existing.entity == entity
    except ValidationError:
        return False


def _file() -> Path:
    return state() / f"{stack_name()}.seeded.json"


def _marks() -> dict[str, Mark] | None:
    """Return what the last seed of this machine recorded for the selected stack, or None if there was none."""
    if not _file().exists():
        return None
    return {place: Mark(**mark) for place, mark in json.loads(_file().read_text()).items()}


def main() -> None:
    parser = command_parser("local.seed", __doc__)
    parser.add_argument(
        "folder",
        type=path,
        nargs="?",
        default=FOLDER,
        help="a folder with a YAML file for each kind, as export writes it",
    )
    parser.add_argument("--force", action="store_true", help="also write entries that operators changed or deleted")
    chosen = parser.parse_args()
    with exit_on_failure():
        seed(chosen.folder, force=chosen.force)


if __name__ == "__main__":
    run_command(main)
