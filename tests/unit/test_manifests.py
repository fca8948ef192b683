"""The manifest of an order: always the same bytes, safe in a spreadsheet, and without user ids or dedications."""

import csv
import json

import jsonschema
import pytest

from local.json_schemas import Schemas, closed
from saxaul.catalog.entries import Text
from saxaul.trees.manifests import COLUMNS, FORMATS, ManifestFile, manifest_of
from saxaul.trees.orders import OrderedProject, PlantingOrder
from tests.builders import make_calendar, make_order, make_redemption

REDEMPTIONS = [
    make_redemption("r-1", trees=2, user_id="secret-user", dedication="=HYPERLINK(1)"),
    make_redemption("r-2", user_id="u-43"),
]
ORDER = make_order(*REDEMPTIONS)


def rows_of(order: PlantingOrder) -> list[dict[str, str]]:
    text = manifest_of(order, make_calendar()).contents["csv"].decode("utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def test_both_formats_of_a_manifest_list_every_tree() -> None:
    manifest = manifest_of(ORDER, make_calendar())

    rows, document = rows_of(ORDER), json.loads(manifest.contents["json"])
    numbers = [tree.number for redemption in REDEMPTIONS for tree in redemption.trees]
    assert manifest.contents.keys() == FORMATS.keys()
    assert (
        [row["certificate"] for row in rows] == [tree["certificate"] for tree in document["ordered_trees"]] == numbers
    )
    assert tuple(rows[0]) == COLUMNS
    assert (rows[0]["species_zh"], document["species"]) == ("梭梭", {"en": "Saxaul", "zh": "梭梭"})
    assert document["ordered_at"] == "2026-06-05T12:00:00+08:00"


def test_the_json_of_a_manifest_is_what_the_document_describes_and_the_csv_has_the_same() -> None:
    schemas = Schemas("#/$defs/")
    schema = schemas.of(ManifestFile) | {"$defs": closed(schemas.named)}

    document = json.loads(manifest_of(ORDER, make_calendar()).contents["json"])

    jsonschema.validate(document, schema, jsonschema.Draft202012Validator)
    assert document["site"]
    row = rows_of(ORDER)[0]
    assert {name: row[name] for name in ("order_id", "project_id", "partner", "ordered_at", "latin")} == {
        name: document[name] for name in ("order_id", "project_id", "partner", "ordered_at", "latin")
    }
    assert [row["species"], row["species_zh"], row["place"]] == [*document["species"].values(), document["place"]["en"]]
    assert {name: float(row[name]) for name in ("lat", "lon", "radius_km")} | {"area": None} == document["site"]


def test_a_manifest_that_is_written_again_has_the_same_bytes() -> None:
    again = ORDER.announced(ORDER.ordered_at + 60)

    assert manifest_of(again, make_calendar()) == manifest_of(ORDER, make_calendar())


def test_a_manifest_contains_no_user_id_and_no_dedication() -> None:
    texts = [content.decode() for content in manifest_of(ORDER, make_calendar()).contents.values()]

    assert not [secret for secret in ("secret-user", "u-43", "HYPERLINK") for text in texts if secret in text]


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_a_spreadsheet_would_run_as_a_formula_is_escaped(first: str) -> None:
    evil = Text.model_construct(en=f"{first}cmd|' /C calc'!A0", zh="梭梭")  # a catalog entry cannot have each of these
    order = make_order(*REDEMPTIONS)
    order = PlantingOrder("o-1", "saxaul-alxa", 0, OrderedProject(evil, "", evil, "P"), order.trees)

    cells = [cell for row in rows_of(order) for cell in row.values()]

    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert any("calc" in cell for cell in cells)


def test_a_manifest_begins_with_a_byte_order_mark_so_that_spreadsheets_read_hanzi() -> None:
    assert manifest_of(ORDER, make_calendar()).contents["csv"].startswith(b"\xef\xbb\xbforder_id,")
