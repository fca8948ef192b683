"""The manifest of a planting order: the list of trees that its partner must plant, as CSV and as JSON.

A manifest is computed from its order alone, so storing it again stores the same bytes. It contains no user id and no
dedication.

The JSON has each text exactly as it is in the catalog, for programs. The CSV is for spreadsheets, which run a cell as a
formula if it begins with a sign such as ``=``. So in the CSV, a text is on one line, has no invisible characters, and
has an apostrophe before each part that a spreadsheet could run.
"""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple, TypedDict

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Text
from saxaul.catalog.models import Described
from saxaul.trees.invisible import without_invisible
from saxaul.trees.orders import PlantingOrder
from saxaul.trees.sites import Site, site_of

Format = Literal["csv", "json"]
FORMATS: Mapping[Format, str] = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
"""The formats of a manifest, and the media type of each."""

COLUMNS = (
    "order_id",
    "certificate",
    "redemption_id",
    "project_id",
    "partner",
    "ordered_at",
    "species",
    "species_zh",
    "latin",
    "place",
    "place_zh",
    "lat",
    "lon",
    "radius_km",
)
"""The columns of the CSV. It has the fields of the JSON, and repeats those of the order in the row of each tree."""

_FORMULA_SIGNS = frozenset("=+@\u2212")
"""The signs with which a formula begins. Dashes are not included: all characters of the category Pd are signs too."""

_SEPARATORS = re.compile('([,;|"\uff0c\uff1b\uff5c\uff02\u037e])')
"""The characters at which a spreadsheet may split a cell, in all their forms: separators of CSV files, and quotes."""


class ManifestText(TypedDict):
    """A text of a manifest in both languages."""

    en: str
    """The text in English."""
    zh: str
    """The text in Chinese."""


class ManifestTree(TypedDict):
    """A tree in a manifest."""

    certificate: str
    """The number of the tree's certificate, by which reports name the tree."""
    redemption_id: str
    """The redemption that the tree belongs to."""


class ManifestFile(TypedDict):
    """The JSON manifest of a planting order. It never changes after the order is announced."""

    order_id: str
    """The id of the order."""
    project_id: str
    """The tree project."""
    partner: str
    """The partner that plants the trees."""
    ordered_at: Annotated[str, Described({"format": "date-time"})]
    """When the order was placed."""
    species: ManifestText
    """The names of the species."""
    latin: str
    """The Latin name of the species, which may be empty."""
    place: ManifestText
    """The names of the place."""
    site: Site | None
    """Where the trees must be planted; null if an older order has no site, and then they may be planted anywhere."""
    trees: int
    """How many trees the order has."""
    ordered_trees: list[ManifestTree]
    """The trees of the order."""


class Manifest(NamedTuple):
    """The manifest of an order: one file in each format."""

    order_id: str
    contents: Mapping[Format, bytes]


class ManifestLinks(NamedTuple):
    """Links that download a manifest without an access token. They expire at ``expires_at``, an instant in seconds."""

    csv: str
    json: str
    expires_at: int


def manifest_of(order: PlantingOrder, calendar: Calendar) -> Manifest:
    return Manifest(order.order_id, {"csv": _as_csv(order, calendar), "json": _as_json(order, calendar)})


def manifest_key(order_id: str, form: Format) -> str:
    """Return the S3 key of a manifest in one format."""
    return f"orders/{order_id}.{form}"


def _as_csv(order: PlantingOrder, calendar: Calendar) -> bytes:
    """Return a header and one row for each tree, after a byte order mark. Without it, spreadsheets misread hanzi."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    project = order.project
    species, place = project.species, project.place
    order_cells = (order.project_id, project.partner, calendar.rfc3339(order.ordered_at))
    project_cells = (species.en, species.zh, project.latin, place.en, place.zh)
    reach = project.reach
    site = (reach.lat, reach.lon, reach.radius_km) if reach else ("", "", "")  # no spreadsheet runs a number
    for tree in order.trees:
        texts = (order.order_id, tree.number, tree.redemption_id, *order_cells, *project_cells)
        rows.writerow([*map(safe_cell, texts), *site])
    return text.getvalue().encode("utf-8-sig")


def _as_json(order: PlantingOrder, calendar: Calendar) -> bytes:
    project = order.project
    document: ManifestFile = {
        "order_id": order.order_id,
        "project_id": order.project_id,
        "partner": project.partner,
        "ordered_at": calendar.rfc3339(order.ordered_at),
        "species": _in_both(project.species),
        "latin": project.latin,
        "place": _in_both(project.place),
        "site": site_of(project.reach) if project.reach else None,
        "trees": len(order.trees),
        "ordered_trees": [{"certificate": tree.number, "redemption_id": tree.redemption_id} for tree in order.trees],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _in_both(text: Text) -> ManifestText:
    return {"en": text.en, "zh": text.zh}


def safe_cell(text: str) -> str:
    """Return a text as a cell that no spreadsheet runs as a formula, on one line.

    Spreadsheets skip white space and invisible characters before a formula, and some read a full-width sign as ``=``.
    If a spreadsheet expects another separator, each part between separators becomes a cell. So each part is checked.
    """
    line = without_invisible("".join(" " if character.isspace() else character for character in text))
    return "".join(f"'{part}" if _begins_formula(part) else part for part in _SEPARATORS.split(line))


def _begins_formula(part: str) -> bool:
    """Return whether the first visible character of a text is the sign of a formula, in one of its forms."""
    first = unicodedata.normalize("NFKD", part).lstrip()[:1]
    return first in _FORMULA_SIGNS or (first != "" and unicodedata.category(first) == "Pd")
