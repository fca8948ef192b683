"""A text that somebody sent stays text in a manifest, an event, and a certificate with its page and picture."""

import csv
import io
import json
import unicodedata
from html.parser import HTMLParser
from itertools import product
from types import SimpleNamespace
from typing import Any, Literal
from xml.etree.ElementTree import fromstring

import pytest

from saxaul.catalog.entries import Text
from saxaul.certificate.certificate import Certificate, CertifiedTree
from saxaul.certificate.lettering import drawable
from saxaul.certificate.page import render_page
from saxaul.certificate.picture import render_picture
from saxaul.log.canonical_json import encode
from saxaul.storage import bus
from saxaul.trees import manifests
from saxaul.trees.dedications import clean_dedication
from saxaul.trees.manifests import COLUMNS, manifest_of
from saxaul.trees.orders import OrderedProject, PlantingOrder
from tests.builders import NOON, ORDER, make_calendar
from tests.certificates import LOG
from tests.hostile_texts import HOSTILE
from tests.integration.each_text import CONTROL, IN_CATALOG, SHORT, for_each


def order_with(text: str) -> PlantingOrder:
    texts = Text.model_construct(en=text, zh=text)
    return PlantingOrder("o-1", "saxaul-alxa", NOON, OrderedProject(texts, text, texts, text), ORDER.trees)


def is_formula(cell: str) -> bool:
    """Return whether a spreadsheet could run a cell, if it strips, folds and skips as much as any spreadsheet does."""
    seen = [
        character
        for character in unicodedata.normalize("NFKD", cell)
        if not character.isspace() and character != '"' and unicodedata.category(character) not in {"Cc", "Cf", "Cs"}
    ]
    return bool(seen) and (seen[0] in "=+@\u2212" or unicodedata.category(seen[0]) == "Pd")


@for_each(SHORT)
def test_no_cell_of_a_manifest_is_a_formula_whatever_the_spreadsheet_takes_for_a_separator(text: str) -> None:
    content = csv_of(order_with(text))

    for separator, is_plain in product(",;\t|", (False, True)):
        quoting: Literal[0, 3] = csv.QUOTE_NONE if is_plain else csv.QUOTE_MINIMAL
        rows = list(csv.reader(io.StringIO(content, newline=""), delimiter=separator, quoting=quoting))
        assert len(rows) == 1 + len(ORDER.trees)
        assert [cell for row in rows for cell in row if is_formula(cell)] == []
    rows = list(csv.reader(io.StringIO(content, newline="")))
    assert [len(row) for row in rows] == [len(COLUMNS)] * len(rows)
    assert not CONTROL.search("".join(cell for row in rows for cell in row))


def csv_of(order: PlantingOrder) -> str:
    """Return the CSV of an order. Its texts may be such as the catalog refuses, so that no JSON can be made of it."""
    return manifests._as_csv(order, make_calendar()).decode("utf-8-sig")  # noqa: SLF001


def test_the_ids_of_a_manifest_are_the_same_in_the_csv() -> None:
    content = manifest_of(order_with("=1+1"), make_calendar()).contents["csv"].decode("utf-8-sig")

    rows = list(csv.DictReader(io.StringIO(content, newline="")))

    assert [row["certificate"] for row in rows] == [tree.number for tree in ORDER.trees]
    assert {row["project_id"] for row in rows} == {"saxaul-alxa"}


@for_each(IN_CATALOG)
def test_the_json_manifest_has_the_exact_text(text: str) -> None:
    document = json.loads(manifest_of(order_with(text), make_calendar()).contents["json"])

    assert [document["partner"], *document["species"].values(), *document["place"].values()] == [text] * 5
    assert document.keys() == {
        *("order_id", "project_id", "partner", "ordered_at", "species", "latin", "place", "site"),
        *("trees", "ordered_trees"),
    }


@for_each(IN_CATALOG)
def test_an_event_on_the_bus_has_the_exact_text(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put: list[Any] = []

    def put_events(Entries: list[Any]) -> Any:  # noqa: N803, ANN401 - as the AWS client has it
        put.extend(Entries)
        return {"FailedEntryCount": 0}

    monkeypatch.setattr(bus, "eventbridge", lambda: SimpleNamespace(put_events=put_events))

    bus.Bus("saxaul").announce(order_with(text), make_calendar())

    (event,) = put
    detail = json.loads(event["Detail"])
    assert (detail["partner"], event["DetailType"], event["Source"]) == (text, "PlantingOrderPlaced", "saxaul")
    assert detail.keys() == {"order_id", "project_id", "partner", "ordered_at", "trees"}


def certificate_with(text: str) -> Certificate:
    texts = Text.model_construct(en=text, zh=text)
    return Certificate(
        number="45YW-R9YG-R3H2-Z",
        state="planted",
        project_id="saxaul-alxa",
        species=texts,
        latin=text,
        place=texts,
        partner=text,
        dedication=text,
        requested_at="2026-06-05T12:00:00+08:00",
        planted_at="2026-06-06T12:00:00+08:00",
        tree=CertifiedTree(text, 38.8512, 105.7287, None, f"https://trees.example/{text}"),
    )


ADDRESS = "https://trees.example/certificates/45YW-R9YG-R3H2-Z"


class Page(HTMLParser):
    """The elements, attributes and texts of a page, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.title = ""
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "xlink:href"}]
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside == "title" and not self.title:
            self.title = data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"the page has a comment: {data}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"the page has an instruction: {data}")


@for_each(SHORT)
def test_a_text_on_the_page_of_a_certificate_stays_text(text: str) -> None:
    plain, page = (Page(render_page(certificate_with(found), ADDRESS, LOG, "en")) for found in ("Saxaul", text))

    assert page.elements == plain.elements
    assert page.attributes == plain.attributes
    assert [
        link
        for link in page.links
        if not link.startswith((ADDRESS, "#tree", "https://c2sp.org/", "https://trees.example/"))
    ] == []
    assert not drawable(text) or page.title.startswith(drawable(text)[:200])


@for_each(SHORT)
def test_a_text_on_the_picture_of_a_certificate_stays_text(text: str) -> None:
    plain, picture = (
        fromstring(render_picture(certificate_with(found), ADDRESS, "en"))  # noqa: S314 - our own
        for found in ("Saxaul", text)
    )

    assert {element.tag for element in picture.iter()} == {element.tag for element in plain.iter()}
    assert {name for element in picture.iter() for name in element.attrib} == {
        name for element in plain.iter() for name in element.attrib
    }
    written = "".join(picture.itertext())
    assert drawable(text) in written
    assert not CONTROL.search(written)


@for_each(HOSTILE)
def test_a_dedication_on_a_certificate_is_cleaned_and_exact_in_its_json(text: str) -> None:
    try:
        dedication = clean_dedication(text)
    except ValueError:
        return
    document = certificate_with("Saxaul")._replace(dedication=dedication).document("en")

    assert json.loads(encode(document)) == document
    assert not CONTROL.search(dedication)
