"""Reads an export of the ledger's table, as DynamoDB writes it to S3 in the format DYNAMODB_JSON.

Copy the export to a folder first, for example with ``aws s3 sync``.
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from operations.ledger_reading import MALFORMED
from saxaul.storage.periods import PERIOD_PREFIX
from saxaul.storage.table import Item, python

_MANIFEST = "manifest-summary.json"


class UnfitExportError(Exception):
    """The folder is no export of the ledger, or a part of it is damaged. The message is one sentence."""


def files_of(folder: Path, table: str) -> list[Path]:
    """Return the data files of the export in a folder, sorted.

    Raises:
        UnfitExportError: the folder has no export, several, or one that is not of this table, or only of changes.
    """
    folder = folder.resolve()
    manifests = sorted({*folder.rglob(_MANIFEST), *folder.parent.glob(_MANIFEST)} if folder.is_dir() else ())
    if len(manifests) > 1:
        raise UnfitExportError(f"{folder} has {len(manifests)} exports; name the folder of one of them.")
    for manifest in manifests:
        _check(_read_manifest(manifest), manifest, table)
    files = sorted(folder.rglob("*.json.gz")) if folder.is_dir() else []
    if not files:
        raise UnfitExportError(f"{folder} has no files *.json.gz of an export in the format DYNAMODB_JSON.")
    if not any(_is_of_a_ledger(item) for file in files for item in items_in(file, periods_only=False)):
        raise UnfitExportError(f"{folder} has no item of a ledger; it is an export of another table.")
    return files


def items_in(file: Path, *, periods_only: bool = True) -> Iterator[Item]:
    """Yield the periods in a data file, or all items.

    Raises:
        UnfitExportError: the file is cut short or otherwise damaged, or its lines are no items.
    """
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                item = json.loads(line)["Item"]
                if not periods_only or item["sk"]["S"].startswith(PERIOD_PREFIX):
                    yield python(item)
    except (OSError, EOFError, *MALFORMED) as error:
        raise UnfitExportError(f"{file} is damaged or no file of a full export: {error!r}") from None


def _is_of_a_ledger(item: Item) -> bool:
    return str(item.get("pk")).startswith(("USER#", "FACILITY#", "PROJECT#", "LOG"))


def _read_manifest(manifest: Path) -> dict[str, Any]:
    try:
        found = json.loads(manifest.read_text("utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise UnfitExportError(f"{manifest} cannot be read.")
    return found


def _check(found: dict[str, Any], manifest: Path, table: str) -> None:
    exported = str(found.get("tableArn", "")).rpartition("/")[2]
    if exported != table:
        raise UnfitExportError(f"{manifest} is about the table {exported}, and not about {table}.")
    if found.get("exportType", "FULL_EXPORT") != "FULL_EXPORT" or found.get("outputFormat") != "DYNAMODB_JSON":
        raise UnfitExportError(f"{manifest} is not about a full export in the format DYNAMODB_JSON.")
