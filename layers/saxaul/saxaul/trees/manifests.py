"""The manifest of a planting order: the list of trees that its partner must plant, as CSV and as JSON.

A manifest is computed from its order alone, so storing it again stores the same bytes. It contains no user id, no
dedication, and no cell that a spreadsheet would run as a formula.
"""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.trees.orders import PlantingOrder

Format = Literal["csv", "json"]
FORMATS: Mapping[Format, str] = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
"""The formats of a manifest, and the media type of each."""

COLUMNS = (
    "order_id",
    "certificate",
    "redemption_id",
    "project_id",
    "species",
    "species_zh",
    "latin",
    "place",
    "place_zh",
)

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Manifest:
    """The manifest of an order: one file in each format."""

    order_id: str
    contents: Mapping[Format, bytes]


class ManifestLinks(NamedTuple):
    """Links that download a manifest without an access token. They expire at ``expires_at``, an instant in seconds."""

    csv: str
    json: str
    expires_at: int


def manifest_of(order: PlantingOrder, calendar: Calendar) -> Manifest:
    return Manifest(order.order_id, {"csv": _as_csv(order), "json": _as_json(order, calendar)})


def manifest_key(order_id: str, form: Format) -> str:
    """Return the S3 key of a manifest in one format."""
    return f"orders/{order_id}.{form}"


def _as_csv(order: PlantingOrder) -> bytes:
    """Return a header and one row for each tree, after a byte order mark. Without it, spreadsheets misread hanzi."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    project = order.project
    species, place = project.species, project.place
    project_cells = (order.project_id, species.en, species.zh, project.latin, place.en, place.zh)
    for tree in order.trees:
        rows.writerow(map(_safe_cell, (order.order_id, tree.number, tree.redemption_id, *project_cells)))
    return text.getvalue().encode("utf-8-sig")


def _as_json(order: PlantingOrder, calendar: Calendar) -> bytes:
    project = order.project
    document = {
        "order_id": order.order_id,
        "project_id": order.project_id,
        "partner": project.partner,
        "ordered_at": calendar.rfc3339(order.ordered_at),
        "species": project.species.model_dump(),
        "latin": project.latin,
        "place": project.place.model_dump(),
        "trees": [{"certificate": tree.number, "redemption_id": tree.redemption_id} for tree in order.trees],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _safe_cell(cell: str) -> str:
    """Return a cell in a form that no spreadsheet runs as a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
