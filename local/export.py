"""Writes a stack's catalog into a folder, as files that seed another stack: `python -m local.export FOLDER`.

The same catalog gives the same bytes: entries stand in the order of their identifiers, and an amount is written
in one way however an operator wrote it.
"""

import argparse
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from local.client import Client
from local.console import console
from saxaul.catalog.entries import KINDS, MODELS, Entity, Kind

_ABOUT = {"id", "version", "changed_at", "changed_by"}
"""What a list says beside an entry."""


def export(folder: Path) -> None:
    """Write one file for each kind."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = []
    with Client("operator") as operator:
        for kind in KINDS:
            entries = dict(entries_of(operator, kind))
            documents = {identifier: document_of(entity) for identifier, entity in entries.items()}
            text = yaml.safe_dump(documents, allow_unicode=True, sort_keys=False, width=120)
            (folder / f"{kind}.yaml").write_text(text, "utf-8")
            counts.append(f"{len(entries)} {kind.replace('-', ' ')}")
    console.print(f"[green]✓[/] exported the catalog to {folder}: {', '.join(counts)}")


def entries_of(operator: Client, kind: Kind) -> Iterator[tuple[str, Entity]]:
    """Every entry of a kind, in the order of their identifiers."""
    cursor: str | None = ""
    while cursor is not None:
        page = operator.done("GET", f"/catalog/{kind}?limit=200&cursor={quote(cursor)}")
        for entry in page["entries"]:
            document = {name: value for name, value in entry.items() if name not in _ABOUT}
            yield entry["id"], MODELS[kind].model_validate(document)
        cursor = page["cursor"]


def document_of(entity: Entity) -> dict[str, Any]:
    """An entry as a file says it. Maps that an operator fills stand in the order of their keys."""
    document = entity.model_dump(exclude_defaults=True)
    filled = {
        name: dict(sorted(mapping.items()))
        for name, mapping in document.items()
        if isinstance(getattr(entity, name), dict)
    }
    plain: dict[str, Any] = _plain(document | filled)
    return plain


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a document holds
    match value:
        case dict():
            return {name: _plain(member) for name, member in value.items()}
        case list() | tuple():
            return [_plain(member) for member in value]
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case _:
            return value


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.export", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the files go; those of the same names are replaced")
    export(parser.parse_args().folder)


if __name__ == "__main__":
    main()
