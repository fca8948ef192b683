"""The manifest of a planting order: the list of trees that its partner must plant, as CSV and as JSON.

A manifest depends only on its order, so writing it again writes the same bytes. It contains no user id, no dedication,
and no cell that a spreadsheet would run as a formula.
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
"""The media type of each format of a manifest."""

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

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Manifest:
    """The manifest of an order, ready to be stored."""

    order_id: str
    contents: Mapping[Format, bytes]


class ManifestLinks(NamedTuple):
    """Links that download a manifest without a token until ``expires_at``, an instant in seconds."""

    csv: str
    json: str
    expires_at: int


def manifest_of(order: PlantingOrder, calendar: Calendar) -> Manifest:
    return Manifest(order.order_id, {"csv": _as_csv(order), "json": _as_json(order, calendar)})


def key_of(order_id: str, form: Format) -> str:
    """Return the key of a manifest in its S3 bucket."""
    return f"orders/{order_id}.{form}"


def _as_csv(order: PlantingOrder) -> bytes:
    """Return one line for each tree. The file begins with a byte order mark: without it, spreadsheets misread hanzi."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    what = order.project
    project = (order.project_id, what.species.en, what.species.zh, what.latin, what.place.en, what.place.zh)
    for tree in order.trees:
        rows.writerow(map(_plain, (order.order_id, tree.number, tree.redemption_id, *project)))
    return text.getvalue().encode("utf-8-sig")


def _as_json(order: PlantingOrder, calendar: Calendar) -> bytes:
    what = order.project
    document = {
        "order_id": order.order_id,
        "project_id": order.project_id,
        "partner": what.partner,
        "ordered_at": calendar.rfc3339(order.ordered_at),
        "species": what.species.model_dump(),
        "latin": what.latin,
        "place": what.place.model_dump(),
        "trees": [{"certificate": tree.number, "redemption_id": tree.redemption_id} for tree in order.trees],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _plain(cell: str) -> str:
    """Return a cell that no spreadsheet runs as a formula."""
    return f"'{cell}" if cell.startswith(_BEGINS_A_FORMULA) else cell
