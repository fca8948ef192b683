"""The manifest of a planting order: what its partner plants, as CSV and as JSON.

It is a function of the order alone, so writing it again writes the same bytes. It holds no user, no dedication, and
nothing that a spreadsheet would take for a formula.
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
"""Each form of a manifest with its media type."""

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
    """An order's manifest, ready to be stored."""

    order_id: str
    contents: Mapping[Format, bytes]


class ManifestLinks(NamedTuple):
    """Where a manifest can be fetched without a token, until an instant in seconds."""

    csv: str
    json: str
    expires_at: int


def manifest_of(order: PlantingOrder, calendar: Calendar) -> Manifest:
    return Manifest(order.order_id, {"csv": _as_csv(order), "json": _as_json(order, calendar)})


def key_of(order_id: str, form: Format) -> str:
    """Where a manifest lies in its bucket."""
    return f"orders/{order_id}.{form}"


def _as_csv(order: PlantingOrder) -> bytes:
    """A line for each tree. It begins with a byte order mark: without it, spreadsheets misread hanzi."""
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
    """A cell that no spreadsheet computes."""
    return f"'{cell}" if cell.startswith(_BEGINS_A_FORMULA) else cell
