"""Writes a stack's apps and catalog into a folder: `python -m local.export FOLDER`. The files can seed another stack.

The same catalog gives the same bytes: entries are sorted by identifier, and equal numbers are written in the same way,
for example 12.50 as 12.5.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from local.apps import FILE, document_of_app
from local.client import exit_on_failure, open_client
from local.command import command_parser, path, run_command
from local.console import console, shown
from local.listing import entries_of
from saxaul.catalog.clients import OPERATOR
from saxaul.catalog.entries import KINDS, Entity
from saxaul_client import OperatorClient


class _Dumper(yaml.SafeDumper):
    """Writes a text with unprintable characters in double quotes, where each of them is escaped.

    In other forms, PyYAML takes some of them, such as U+0085, for a line break, and reads a space instead.
    """


def _written_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _written_text)


def export(folder: Path) -> None:
    """Write one file for each kind of catalog entry: action types, campaigns and so on, and one for the apps.

    The file of the apps has no secrets, and no app that is ended.
    """
    folder.mkdir(parents=True, exist_ok=True)
    counts, broken = list[str](), list[str]()
    with open_client(OperatorClient, OPERATOR) as operator:
        for kind in KINDS:
            entries = list(entries_of(operator, kind))
            broken += [f"{kind}/{entry.identifier}" for entry in entries if entry.is_broken]
            documents = {entry.identifier: document_of(entry.entity) for entry in entries if not entry.is_broken}
            _write(folder / f"{kind}.yaml", documents)
            counts.append(f"{len(documents)} {kind.replace('-', ' ')}")
        apps = [app for app in operator.apps() if app.state != "ended"]
    _write(folder / FILE, {app.app_id: document_of_app(app) for app in apps})
    counts.append(f"{len(apps)} apps and planting partners")
    console.print(f"[green]✓[/] exported the catalog to {shown(folder)}: {shown(', '.join(counts))}")
    if broken:
        console.print(f"· left out, because these entries cannot be read: {shown(', '.join(broken))}")
    if suspended := [app.app_id for app in apps if app.state == "suspended"]:
        console.print(f"· suspended here, and active where they are seeded: {shown(', '.join(suspended))}")


def _write(file: Path, documents: dict[str, Any]) -> None:
    file.write_text(yaml.dump(documents, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120), "utf-8")


def document_of(entity: Entity) -> dict[str, Any]:
    """Return an entry as it is written to a file. The keys of each map are sorted."""
    document = entity.model_dump(exclude_defaults=True)
    sorted_maps = {
        name: dict(sorted(mapping.items()))
        for name, mapping in document.items()
        if isinstance(getattr(entity, name), dict)
    }
    plain: dict[str, Any] = _plain(document | sorted_maps)
    return plain


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of a document
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
    parser = command_parser("local.export", __doc__)
    parser.add_argument("folder", type=path, help="the folder to write to; files of the same names are replaced")
    chosen = parser.parse_args()
    with exit_on_failure():
        export(chosen.folder)


if __name__ == "__main__":
    run_command(main)
