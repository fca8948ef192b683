"""Writes a catalog through the API, and overwrites nothing.

    python -m local.seed [FOLDER]             write the entries that the stack never had, and list those that differ
    python -m local.seed [FOLDER] --force     write all entries, and list what was replaced, and whose it was

First it registers the missing apps of the catalog, because entries name them (local/apps.py). It changes apps that
exist only with --force. It deletes nothing.
"""

from collections.abc import Iterator
from pathlib import Path

from local.apps import load_apps, register_apps, report_apps
from local.client import exit_on_failure, open_client
from local.command import command_parser, path, run_command
from local.console import console, exit_with, progress, shown
from local.sam import ROOT
from local.seeding import Outcome, Seeding
from local.tables import folded
from local.yaml_files import YamlFile
from saxaul.catalog.clients import OPERATOR
from saxaul.catalog.entries import KINDS, MODELS, Catalog, Entity, Identifier, Kind
from saxaul.catalog.faults import error_lines
from saxaul.catalog.models import TypeAdapter, ValidationError
from saxaul_client import OperatorClient

FOLDER = ROOT / "catalog"

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


def seed(folder: Path = FOLDER, *, force: bool = False) -> None:
    """Seed the apps and the catalog of the selected stack. What the folder does not contain is not changed.

    With ``force``, what differs in the stack, or was deleted there, is written as well.
    """
    try:
        entries, apps = load(folder), load_apps(folder)
    except ValueError as error:
        exit_with(f"Nothing was seeded, because {folder} has no catalog without errors:", str(error).splitlines())
    with open_client(OperatorClient, OPERATOR) as operator:
        registered = register_apps(operator, apps, force=force)
        if apps:
            report_apps(registered)
        seeding = Seeding(operator, force=force)
        places = [(kind, *entry) for kind, found in entries.items() for entry in found.items()]
        with progress("seeding the catalog", "entries", len(places)) as tell:
            for number, place in enumerate(places, start=1):
                seeding.put(*place)
                tell(number)
    _report(entries, seeding.outcome)
    if refused := registered.outcome.refused + seeding.outcome.refused:
        exit_with("The API refused these; all others were processed:", refused)
    missed = registered.outcome.changed_meanwhile + seeding.outcome.changed_meanwhile
    if force and missed:
        exit_with("Somebody else changed these meanwhile, so they were not written. Run the command again:", missed)


def _report(entries: dict[Kind, dict[str, Entity]], outcome: Outcome) -> None:
    counts = ", ".join(f"{len(found)} {kind.replace('-', ' ')}" for kind, found in entries.items())
    done = ", ".join(f"{number} {how}" for how, number in outcome.counts.items())
    for part in folded(f"the catalog: {counts}; {done or 'nothing written'}", indent=2):
        console.print(f"  {shown(part)}")
    outcome.report()


def main() -> None:
    parser = command_parser("local.seed", __doc__)
    parser.add_argument(
        "folder",
        type=path,
        nargs="?",
        default=FOLDER,
        help="a folder with a YAML file for each kind, as export writes it",
    )
    parser.add_argument(
        "--force", action="store_true", help="also write what differs in the stack, or was deleted there"
    )
    chosen = parser.parse_args()
    with exit_on_failure():
        seed(chosen.folder, force=chosen.force)


if __name__ == "__main__":
    run_command(main)
