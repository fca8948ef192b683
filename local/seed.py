"""Writes a catalog through the API: the default one, or that of a folder, `python -m local.seed [FOLDER]`."""

import argparse
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from rich.progress import Progress

from local.client import Client
from local.console import console, give_up
from local.sam import ROOT
from saxaul.catalog.entries import KINDS, MODELS, Catalog, Entity, Kind
from saxaul.catalog.faults import faults

FOLDER = ROOT / "catalog"


def load(folder: Path = FOLDER) -> dict[Kind, dict[str, Entity]]:
    """Read a catalog of YAML files, one for each kind, and check every entry and every reference.

    Raises:
        ValueError: there are faults; the message names each.
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


def seed(folder: Path = FOLDER) -> None:
    """Put every entry; one that is there as it is stays untouched, and so does one that the folder does not have."""
    try:
        entries = load(folder)
    except OSError as error:
        give_up(f"{folder} has no catalog: {error}")
    except ValueError as error:
        give_up(f"The catalog has faults:\n{error}")
    with Client("operator") as operator, Progress(console=console, transient=True) as progress:
        task = progress.add_task("seeding the catalog", total=sum(map(len, entries.values())))
        for kind, found in entries.items():
            for identifier, entity in found.items():
                document = entity.model_dump(mode="json", exclude_defaults=True)
                operator.done("PUT", f"/catalog/{kind}/{identifier}", document)
                progress.advance(task)
    counts = ", ".join(f"{len(found)} {kind.replace('-', ' ')}" for kind, found in entries.items())
    console.print(f"[green]✓[/] seeded the catalog: {counts}")


def _documents(folder: Path, kind: Kind) -> dict[str, Any]:
    documents: dict[str, Any] = yaml.safe_load((folder / f"{kind}.yaml").read_text("utf-8"))
    return documents


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.seed", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "folder", type=Path, nargs="?", default=FOLDER, help="a file for each kind, as export writes them"
    )
    seed(parser.parse_args().folder)


if __name__ == "__main__":
    main()
