"""A text that somebody sent comes out as text: not as a formula, markup, a header, a command, a key or another line.

``WAYS_OUT`` lists how text leaves the programme, which modules contain such a way, and which tests prove it. A module
that puts text out on one of these ways and is not in the table fails ``test_every_module_with_a_way_out_is_listed``.
"""

import ast
import csv
import io
import json
import re
import subprocess
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext, suppress
from html.parser import HTMLParser
from inspect import Signature, signature
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import fromstring

import pytest
from rich.console import Console
from samcli.cli.types import CfnParameterOverridesType  # type: ignore[import-untyped]

from local import console as local_console
from local import export as local_export
from local import replay, seed, story
from local.console import exit_with, shown
from local.deploy import parameters_in, quoted
from local.listing import Listed
from local.replay_report import Sent, Survey, bad_row_line
from local.results import show_results
from local.ride_files import Source
from local.rides import BadRow
from local.sam import ROOT, SamError
from operations import dead_letters, reconcile
from saxaul.audit import Finding
from saxaul.catalog.entries import KINDS, Identifier, Keyword, Phrase, Synonyms, Text
from saxaul.catalog.models import TypeAdapter, ValidationError
from saxaul.certificate.certificate import Certificate
from saxaul.certificate.lettering import drawable
from saxaul.certificate.page import render_page
from saxaul.certificate.picture import render_picture
from saxaul.ledger.actions import Owner, Reversal
from saxaul.ledger.identifiers import Id, Reason
from saxaul.ledger.periods import PeriodKey
from saxaul.log.canonical_json import encode
from saxaul.log.parsing import RefusedError, printable
from saxaul.log.shown import ShownTree
from saxaul.messages.bodies import ActionMessage, RedemptionMessage, pack, pack_reversals
from saxaul.observability import MAX_LOGGED, logger
from saxaul.services.redeem import redemption_id
from saxaul.storage import bus, claims, orders, periods, redemptions, spending
from saxaul.trees import manifests
from saxaul.trees.dedications import clean_dedication
from saxaul.trees.manifests import COLUMNS, manifest_key, manifest_of
from saxaul.trees.orders import OrderedProject, PlantingOrder
from tests.builders import NOON, ORDER, USER, make_action, make_calendar, make_suggestion
from tests.hostile_texts import HOSTILE, NAMES_THAT_LOOK_LIKE_OTHERS
from tests.integration.stack import DOMAIN, Stack, api_event, invoke
from tests.template.reading import events, template

if TYPE_CHECKING:
    import logging

SENT = list(HOSTILE.values())
EVIL_HOST = "evil.example"
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
STYLE = re.compile(r"\x1b\[[0-9;]*m")
"""A colour or weight that our own markup sets."""


def for_each(texts: Mapping[str, str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that runs a test once for each text, as subtests. The test has the parameter ``text``."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        parameters = dict(signature(test).parameters)

        def run(subtests: pytest.Subtests, **given: Any) -> None:  # noqa: ANN401 - fixtures and parameters
            for name, text in texts.items():
                with subtests.test(name):
                    test(text=text, **given)

        run.__name__, run.__doc__ = test.__name__, test.__doc__
        changed = [parameter for name, parameter in parameters.items() if name != "text"]
        run.__signature__ = Signature([signature(run).parameters["subtests"], *changed])  # type: ignore[attr-defined]
        return run

    return decorate


def accepts(type_: Any, text: str) -> bool:  # noqa: ANN401 - any annotated type
    try:
        TypeAdapter(type_).validate_python(text)
    except ValidationError:
        return False
    return True


IN_CATALOG = {name: text for name, text in HOSTILE.items() if accepts(Phrase, text)}
"""The hostile texts that an operator can write into the catalog, for example as the name of a partner."""
SHORT = {name: text for name, text in HOSTILE.items() if len(text) <= 1_000}
"""The hostile texts that are not too long for any field that is shown."""
IDS = [text for text in SENT if accepts(Id, text)]
"""The hostile texts that an app can use as an id."""


def order_with(text: str) -> PlantingOrder:
    texts = Text.model_construct(en=text, zh=text)
    return PlantingOrder("o-1", "saxaul-alxa", NOON, OrderedProject(texts, text, texts, text), ORDER.trees)


# --- Spreadsheets -------------------------------------------------------------------------------------------------


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
    return manifests._as_csv(order).decode("utf-8-sig")  # noqa: SLF001


def test_the_ids_of_a_manifest_are_the_same_in_the_csv() -> None:
    content = manifest_of(order_with("=1+1"), make_calendar()).contents["csv"].decode("utf-8-sig")

    rows = list(csv.DictReader(io.StringIO(content, newline="")))

    assert [row["certificate"] for row in rows] == [tree.number for tree in ORDER.trees]
    assert {row["project_id"] for row in rows} == {"saxaul-alxa"}


# --- Documents ----------------------------------------------------------------------------------------------------


@for_each(IN_CATALOG)
def test_the_json_manifest_has_the_exact_text(text: str) -> None:
    document = json.loads(manifest_of(order_with(text), make_calendar()).contents["json"])

    assert [document["partner"], *document["species"].values(), *document["place"].values()] == [text] * 5
    assert document.keys() == {
        *("order_id", "project_id", "partner", "ordered_at", "species", "latin", "place", "trees")
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
        applied_at="2026-06-05T12:00:00+08:00",
        planted_at="2026-06-06T12:00:00+08:00",
        tree=ShownTree(text, "38.851200", "105.728700", text),
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
    plain, page = (Page(render_page(certificate_with(found), ADDRESS, "en")) for found in ("Saxaul", text))

    assert page.elements == plain.elements
    assert page.attributes == plain.attributes
    assert [link for link in page.links if not link.startswith((ADDRESS, "#shrub"))] == []
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


# --- Log lines ----------------------------------------------------------------------------------------------------


class Lines(io.StringIO):
    def taken(self) -> list[str]:
        found = self.getvalue()
        self.seek(0)
        self.truncate()
        return found.splitlines(keepends=True)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """What the logger of the functions writes during a test."""
    # pytest would report the records too, and a worker of pytest-xdist cannot send a lone surrogate.
    monkeypatch.setattr("_pytest.logging.LogCaptureHandler.emit", lambda *_: None)
    written, handler = Lines(), cast("logging.StreamHandler[Any]", logger.registered_handler)
    before = handler.setStream(written)
    yield written
    if before is not None:
        handler.setStream(before)


@for_each(HOSTILE)
def test_a_log_line_is_one_json_document_with_our_fields_only(text: str, lines: Lines) -> None:
    logger.info("plain", extra={"code": "code", "found": {"name": 1}})
    (plain,) = (json.loads(line) for line in lines.taken())

    logger.info(text, extra={"code": text, "found": {text: [text]}})
    (line,) = lines.taken()

    assert line.endswith("\n")
    assert line.isascii()
    assert not CONTROL.search(line[:-1])
    fields = json.loads(line)
    assert fields.keys() == plain.keys()
    assert (fields["level"], fields["service"]) == ("INFO", "saxaul")
    assert [fields[name][:MAX_LOGGED] for name in ("message", "code")] == [text[:MAX_LOGGED]] * 2


@for_each(HOSTILE)
def test_the_log_line_of_an_exception_is_short_and_has_our_fields_only(text: str, lines: Lines) -> None:
    for message in ("plain", text):
        try:
            dict[str, int]()[message]
        except KeyError:
            logger.exception("unexpected failure", extra={"request_id": "r"})

    plain, hostile = lines.taken()

    assert json.loads(hostile).keys() == json.loads(plain).keys()
    assert len(hostile) < 10 * 6 * MAX_LOGGED  # an escaped character has up to six
    assert hostile[:-1].isprintable()
    assert hostile.isascii()


# --- The API: headers, addresses and responses --------------------------------------------------------------------


def routes() -> list[tuple[str, str, str]]:
    """Return the function, the method and the path of every route."""
    folders = {name: ROOT_OF[name] for name, _ in events("Api")}
    return [(folders[name], event["Method"].upper(), event["Path"]) for name, event in events("Api")]


ROOT_OF = {
    name: Path(str(resource["Properties"]["CodeUri"])).name
    for name, resource in template()["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
}
CLIENTS = {"take_reports": "partner-client", "manage_catalog": "operator-client"}
HEADERS = (
    *("Accept", "Accept-Language", "Host", "X-Forwarded-Host"),
    *("If-Match", "If-None-Match", "Idempotency-Key", "User-Agent"),
)
QUERIES = ("q", "lang", "limit", "cursor", "month", "from", "to", "by", "after", "on", "state")


def bodies_with(text: str) -> Iterator[Any]:
    """Yield bodies that have a text wherever a client may write one."""
    yield {text: text}
    yield {
        name: [dict.fromkeys((*fields, "unknown"), text)]
        for name, fields in {
            "actions": ("action_id", "user_id", "type", "quantity", "occurred_at", "evidence_id"),
            "reversals": ("action_id", "user_id", "reason", "occurred_at"),
            "confirmations": ("certificate", "tag", "planted_at", "photo_url"),
        }.items()
    }
    yield {"project_id": text, "trees": 1, "dedication": text}
    yield {"names": {"en": text, "zh": text}, "words": [text, text], "partner": text, "multipliers": {text: text}}


def ask(function: str, method: str, path: str, text: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
    names = re.findall(r"\{(\w+)\}", path)
    headers = dict.fromkeys(HEADERS, text) | {"Host": EVIL_HOST, "X-Forwarded-Host": EVIL_HOST}
    event = api_event(
        method, path, path=dict.fromkeys(names, text), query=dict.fromkeys(QUERIES, text), headers=headers
    )
    event["requestContext"]["authorizer"] = {"claims": {"client_id": CLIENTS.get(function, "alipay-client")}}
    return invoke(function, event | {"body": None if body is None else json.dumps(body)})


def assert_neutral(response: Mapping[str, Any], text: str) -> None:
    assert response["statusCode"] < 500, (text[:80], response)
    for name, value in response["headers"].items():
        assert re.fullmatch("[a-z-]+", name)
        assert value.isascii()
        assert value.isprintable(), (name, value)
    assert response["headers"]["x-content-type-options"] == "nosniff"
    assert response["headers"]["content-type"] in {
        *("application/json", "application/problem+json", "application/x-pem-file", "image/svg+xml"),
        "text/html; charset=utf-8",
    }
    assert len(response["body"].encode()) < 6_000_000
    if "json" in response["headers"]["content-type"] and response["body"]:
        json.loads(response["body"])
    assert EVIL_HOST not in response["headers"].get("location", "")


@pytest.mark.slow
def test_no_route_fails_or_answers_with_a_header_that_a_client_can_break(stack: Stack, lines: Lines) -> None:
    stack.seed_catalog()
    stack.seed("suggestions", bus=make_suggestion())
    asked: Counter[int] = Counter()
    for function, method, path in routes():
        for text in SENT:
            for body in bodies_with(text) if method in {"POST", "PUT"} else [None]:
                if len(text) <= 5_000 or body is None:
                    response = ask(function, method, path, text, body)
                    assert_neutral(response, text)
                    asked[response["statusCode"]] += 1
        for line in lines.taken():
            assert json.loads(line)["service"] == "saxaul"
    assert asked[400] > 1_000
    assert asked[200] > 100


def test_an_address_is_never_made_of_the_host_that_a_client_sends(stack: Stack) -> None:
    stack.seed_catalog()
    stack.add_wallet(1600)
    event = api_event(
        "POST",
        "/users/{user_id}/redemptions",
        path={"user_id": USER.id},
        headers={"Idempotency-Key": "k", "Host": EVIL_HOST, "X-Forwarded-Host": EVIL_HOST, "Forwarded": EVIL_HOST},
    ) | {"body": '{"project_id": "saxaul-alxa"}'}
    event["requestContext"]["authorizer"] = {"claims": {"client_id": "alipay-client"}}

    location = invoke("redeem_trees", event)["headers"]["location"]

    assert urlsplit(location).netloc == DOMAIN


def test_a_location_leads_to_the_person_whose_id_it_contains(stack: Stack) -> None:
    stack.seed_catalog(saplings=1000)
    for user_id in IDS:
        stack.add_wallet(160, user_id)
        assert_location_leads_to(user_id)


def assert_location_leads_to(user_id: str) -> None:
    event = api_event(
        "POST", "/users/{user_id}/redemptions", path={"user_id": user_id}, headers={"Idempotency-Key": "k"}
    ) | {"body": '{"project_id": "saxaul-alxa"}'}
    event["requestContext"]["authorizer"] = {"claims": {"client_id": "alipay-client"}}

    address = urlsplit(invoke("redeem_trees", event)["headers"]["location"])

    assert (address.query, address.fragment) == ("", "")
    assert [unquote(part) for part in address.path.split("/")][2:-1] == ["users", user_id, "redemptions"]


def test_a_match_of_the_search_is_a_part_of_the_exact_text_of_the_catalog(stack: Stack) -> None:
    stack.seed_catalog()
    titles = {f"s-{number}": f"{text} bus" for number, text in enumerate(IN_CATALOG.values()) if len(text) < 400}
    for name, title in titles.items():
        texts = Text(en=title, zh=title)
        stack.seed("suggestions", **{name: make_suggestion().model_copy(update={"titles": texts, "texts": texts})})
    event = api_event("GET", "/suggestions", query={"q": "bus", "limit": "50"})
    event["requestContext"]["authorizer"] = {"claims": {"client_id": "alipay-client"}}

    found = json.loads(invoke("suggest_campaigns", event)["body"])["suggestions"]

    assert len(found) > 10
    for suggestion in found:
        assert suggestion["title"] == titles[suggestion["id"]]
        [match] = suggestion["matched"]
        assert "".join(part["text"] for part in match["parts"]) == match["text"] == suggestion["title"]
        assert [part["text"].lower() for part in match["parts"] if part["match"]] == ["bus"]


# --- Keys, queues and files ---------------------------------------------------------------------------------------


def test_no_id_or_name_can_contain_what_separates_the_parts_of_a_key() -> None:
    every = [chr(number) for number in range(0x300)]

    assert not {character for character in every if accepts(Id, f"a{character}a")} & set("#/ \n\t|,%?\\\"'")
    assert not {character for character in every if accepts(Identifier, f"a{character}a")} & set(":#/ \n.~@+=")
    assert not accepts(Id, "a\n")
    assert not accepts(Identifier, "a\n")


def test_different_items_never_have_the_same_key() -> None:
    owners = [Owner(kind, text) for kind in ("user", "facility") for text in {*IDS, "u-42"}]
    found: list[tuple[str, str]] = []
    for owner in owners:
        found += [periods.period_key(PeriodKey(owner, window)) for window in ("2026", "2026-06", "2026-06-05")]
        found += [claims._evidence_key(owner, text) for text in IDS]  # noqa: SLF001 - the key itself is the subject
        found += [claims._early_key(owner, app) for app in ("alipay", "taobao")]  # noqa: SLF001
        if owner.kind == "user":
            found += [redemptions.redemption_key(owner.id, text) for text in IDS]
            found.append(spending.wallet_key(owner.id))
    found += [orders.order_key(text) for text in IDS]
    found += [redemptions.certificate_key(text) for text in IDS]

    assert [key for key, number in Counter(found).items() if number > 1] == []


def test_the_entry_of_an_app_never_has_the_name_of_another_apps_entry() -> None:
    apps = [text for text in {"alipay", "taobao", *SENT} if accepts(Identifier, text)]
    names = [f"{app}:{action_id}" for app in apps for action_id in IDS]

    assert len(set(names)) == len(names)
    assert all(name.partition(":")[0] in apps for name in names)
    assert not any("/" in name for name in names)  # the name of a sum has slashes


def test_different_redemption_requests_never_have_the_same_id() -> None:
    users = sorted({*IDS, "u-42"})
    keys = {text for text in SENT if len(text) <= 128}

    found = Counter(redemption_id(app, user, key) for app, user, key in product(("alipay", "tmall"), users, keys))

    assert set(found.values()) == {1}


def test_a_list_of_the_index_belongs_to_one_project_or_partner() -> None:
    names = [orders._partners_list(text) for text in IN_CATALOG.values()]  # noqa: SLF001 - the name is the subject
    projects = [text for text in {"saxaul-alxa", *SENT} if accepts(Identifier, text)]
    names += [make(project) for project in projects for make in (orders._unannounced_list, redemptions._waiting_list)]  # noqa: SLF001

    assert len(set(names)) == len(names)
    assert max(len(name.encode()) for name in names) <= 2048


def test_a_queue_message_has_exactly_the_ids_that_were_reported() -> None:
    reported = [make_action(text, owner=Owner("user", text)) for text in IDS]
    bodies = pack("alipay", NOON, reported)

    found = [action for body in bodies for action in ActionMessage.model_validate_json(body).unpacked()]

    assert sorted(found) == sorted(reported)
    assert all(body.isascii() and body.isprintable() for body in bodies)


@for_each(HOSTILE)
def test_the_reason_of_a_reversal_stays_one_text_in_its_message(text: str) -> None:
    if not accepts(Reason, text):
        return
    (body,) = pack_reversals("alipay", NOON, [Reversal("alipay", USER, "ride-1", text, NOON)])

    (reversal,) = ActionMessage.model_validate_json(body).unpacked_reversals()
    assert reversal.reason == text


def test_a_message_group_and_a_file_name_have_only_characters_that_need_no_escaping() -> None:
    allowed = re.compile(r"[a-z0-9_-]{1,64}")

    assert all(allowed.fullmatch(text) for text in SENT if accepts(Identifier, text))
    assert not [text for text in SENT if accepts(Identifier, text) and manifest_key(text, "csv").count("/") > 1]
    with pytest.raises(ValidationError):
        RedemptionMessage(project_id="../x", user_id="u", redemption_id="r")


def test_an_exported_catalog_is_read_back_with_the_same_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = {name: text for name, text in HOSTILE.items() if accepts(Keyword, text)}
    entries = {name: Synonyms(words=(text, "bus")) for name, text in words.items()}
    listed = {
        "synonyms": [
            Listed("synonyms", name, entry.model_dump(mode="json"), 1, None, "") for name, entry in entries.items()
        ]
    }
    monkeypatch.setattr(local_export, "Client", lambda _: nullcontext())
    monkeypatch.setattr(local_export, "entries_of", lambda _, kind: listed.get(kind, []))

    local_export.export(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {f"{kind}.yaml" for kind in KINDS}
    assert seed.load(tmp_path)["synonyms"] == entries


@pytest.mark.parametrize("identifier", ["../users/u-42", "a/versions", "a?b", "..", "A"])
def test_a_catalog_file_cannot_name_an_entry_that_leads_to_another_path(tmp_path: Path, identifier: str) -> None:
    for kind in KINDS:
        documents = {identifier: {"words": ["bus", "coach"]}} if kind == "synonyms" else {}
        (tmp_path / f"{kind}.yaml").write_text(json.dumps(documents) if documents else "{}")

    with pytest.raises(ValueError, match="synonyms/"):
        seed.load(tmp_path)


# --- Terminals ----------------------------------------------------------------------------------------------------


def drawn_on_terminal(markup: str) -> str:
    written = io.StringIO()
    Console(file=written, force_terminal=True, highlight=False, soft_wrap=True, emoji=False).print(markup)
    return written.getvalue()


@for_each(HOSTILE)
def test_a_text_on_a_terminal_is_one_line_without_commands_and_without_markup(text: str) -> None:
    drawn = drawn_on_terminal(f"[green]✓[/] {shown(text)}: [bold]{shown(text)}[/]")

    assert STYLE.findall(drawn) == STYLE.findall(drawn_on_terminal("[green]✓[/] x: [bold]x[/]"))
    assert STYLE.sub("", drawn)[:-1].isprintable()
    bare = STYLE.sub("", drawn).replace("\\", "")
    assert bare == f"✓ {printable(text)}: {printable(text)}\n".replace("\\", "")


def bad_row_with(text: str) -> BadRow:
    return BadRow(Source(text, text, lambda: nullcontext(io.BytesIO())), 1, "bad", text, text)


def outputs() -> Mapping[str, Callable[[str], object]]:
    """Return what a command prints about something that others wrote, by the name of the command."""

    def survey_of(text: str) -> Survey:
        survey = Survey(notes=[text])
        survey.bad.add(bad_row_with(text))
        return survey

    def tell(text: str) -> None:
        story._heading(text)  # noqa: SLF001
        story._line(text)  # noqa: SLF001
        story._request(text, text)  # noqa: SLF001

    def result_of(text: str) -> dict[str, Any]:
        return {"kind": "action", "title": text, "text": text, "points": 1, "unit": text, "avoided_g": 0}

    def seeding(text: str) -> Any:  # noqa: ANN401 - the fields that a report reads
        return SimpleNamespace(done=Counter({"written": 1}), kept=[text], refused=[])

    return {
        "exit_with": lambda text: exit_with(text, [text]),
        "reconcile": lambda text: reconcile._print_finding(Finding(text, text)),  # noqa: SLF001
        "dead_letters": lambda text: dead_letters._print_message(  # noqa: SLF001
            {
                "MessageId": text,
                "Body": text,
                "Attributes": {"SentTimestamp": "0", "ApproximateReceiveCount": text},
            },
            "actions",
        ),
        "replay": lambda text: replay._show(survey_of(text), Sent(), None, Path(text[:50])),  # noqa: SLF001
        "story": tell,
        "results": lambda text: show_results([result_of(text)]),
        "seed": lambda text: seed._report({}, seeding(text)),  # noqa: SLF001
    }


@pytest.mark.parametrize("command", outputs())
@for_each(HOSTILE)
def test_a_command_prints_a_text_without_controlling_the_terminal(
    command: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(found: str) -> str:
        with suppress(SystemExit):
            outputs()[command](found)
        captured = capsys.readouterr()
        return captured.out + captured.err

    plain, hostile = printed("plain"), printed(text)

    assert all(line.isprintable() for line in hostile.split("\n"))
    assert hostile.count("✓") == plain.count("✓") + printable(text).count("✓") * plain.count("plain")
    if len(text) < 40:
        assert hostile.count("\n") == plain.count("\n")


@for_each(HOSTILE)
def test_a_bad_row_is_one_line_of_the_report(text: str) -> None:
    line = bad_row_line(bad_row_with(text))

    assert line.endswith("\n")
    assert line[:-1].isprintable()


@for_each(HOSTILE)
def test_the_verifier_gives_a_reason_on_one_line(text: str) -> None:
    assert str(RefusedError(text)).isprintable()


def test_only_the_console_escapes_markup_and_every_command_prints_through_it() -> None:
    """A placeholder in markup must be ``shown(…)``, or a number with a format."""
    found = []
    for file in [*(ROOT / "local").glob("*.py"), *(ROOT / "operations").glob("*.py")]:
        if file == Path(local_console.__file__):
            continue
        tree = ast.parse(file.read_text("utf-8"))
        for node in ast.walk(tree):
            match node:
                case ast.ImportFrom(module=str(module)) if module.startswith("rich.markup"):
                    found.append(f"{file.name} imports {module}")
                case ast.Call(func=ast.Name(id="print")):
                    found.append(f"{file.name}:{node.lineno} prints without the console")
                case (
                    ast.Call(func=ast.Attribute(value=ast.Name(id="console"), attr="print" | "status"))
                    | ast.Call(func=ast.Name(id="step" | "progress"))
                ):
                    found += [
                        f"{file.name}:{node.lineno} {ast.unparse(value)}"
                        for argument in node.args
                        for value in unsafe_parts(argument)
                        if (file.name, ast.unparse(value)) not in OWN_MARKUP
                    ]
    assert found == []


OWN_MARKUP = {
    ("action_queue.py", "most"),
    ("reconcile.py", "grid"),
    ("reconcile.py", "mark"),
    ("recount.py", "line"),
    ("replay.py", "len(paths)"),
    ("replay.py", "total"),
    ("results.py", "Padding(table, (0, 0, 0, 4))"),
}
"""What is printed as it is: tables and lines that the command makes of its own words and numbers, by file."""


def unsafe_parts(argument: ast.expr) -> Iterator[ast.expr]:
    match argument:
        case ast.Constant() | ast.Call(func=ast.Name(id="shown")):
            return
        case ast.JoinedStr(values=values):
            for value in values:
                if isinstance(value, ast.FormattedValue) and value.format_spec is None:
                    yield from unsafe_parts(value.value)
        case _:
            yield argument


# --- Settings and shells ------------------------------------------------------------------------------------------


@for_each(HOSTILE)
def test_a_parameter_of_a_deployment_arrives_as_it_was_written(text: str) -> None:
    try:
        written = f"Name={quoted(text)}"
    except SamError:
        assert re.search(r"\\(\s|[\"']|$)", text)
        return
    if "\n" in text or "\r" in text or not text.isprintable() or len(text) > 5_000:
        return  # CloudFormation's parameters of this template have no such characters
    assert CfnParameterOverridesType().convert((written,), None, None) == {"Name": text}
    assert parameters_in({"Name": text}) == {"Name": text}


def substitutions(value: Any) -> Iterator[str]:  # noqa: ANN401 - any part of the template
    match value:
        case {"Fn::Sub": str(text)}:
            yield from re.findall(r"\$\{([\w:.]+)\}", text)
        case {"Fn::Sub": [str(text), dict(given)]}:
            yield from re.findall(r"\$\{([\w:.]+)\}", text)
            for member in given.values():
                yield from references(member)
        case dict():
            for member in value.values():
                yield from substitutions(member)
        case list():
            for member in value:
                yield from substitutions(member)


def references(value: Any) -> Iterator[str]:  # noqa: ANN401 - any part of the template
    match value:
        case {"Ref": str(name)}:
            yield name
        case dict():
            for member in value.values():
                yield from references(member)
        case list():
            for member in value:
                yield from references(member)


def test_the_template_writes_no_parameter_into_another_text() -> None:
    assert set(substitutions(template())) & template()["Parameters"].keys() == set()


def test_the_loop_of_the_readme_finds_only_real_fields_in_a_page_of_the_log() -> None:
    (finds_number, finds_sequence) = (
        re.search(pattern, (ROOT / "README.md").read_text("utf-8"))
        for pattern in (r"number=\$\(curl [^|]*\| (.*)\)\n", r"after=\$\(printf '%s' \"\$page\" \| (.*)\)\n")
    )
    assert finds_number
    assert finds_sequence
    for text in (text for text in SENT if accepts(Phrase, text)):
        leaf = {"by": text, "number": "45YW-R9YG-R3H2-Z", "tag": text}
        page = encode({"entries": [{"by": text, "leaves": [leaf], "sequence": 7, "words": text}]})
        for pipe, expected in ((finds_number[1], b"45YW-R9YG-R3H2-Z"), (finds_sequence[1], b"7")):
            done = subprocess.run(["sh", "-c", pipe], input=page, capture_output=True, check=True)  # noqa: S603, S607
            assert done.stdout.strip() == expected, text


# --- The table ----------------------------------------------------------------------------------------------------


class WayOut(NamedTuple):
    """A way on which text leaves: what shows it in the source, the modules that have it, and the tests of it."""

    trace: str
    modules: set[str]
    tests: tuple[Callable[..., None], ...]


WAYS_OUT = {
    "cells of a spreadsheet": WayOut(
        r"csv\.(Dict)?[Ww]riter\(",
        {"saxaul/trees/manifests.py"},
        (
            test_no_cell_of_a_manifest_is_a_formula_whatever_the_spreadsheet_takes_for_a_separator,
            test_the_ids_of_a_manifest_are_the_same_in_the_csv,
            test_the_json_manifest_has_the_exact_text,
        ),
    ),
    "events on the bus": WayOut(
        r"put_events\(", {"saxaul/storage/bus.py"}, (test_an_event_on_the_bus_has_the_exact_text,)
    ),
    "markup of pictures and pages": WayOut(
        r"\btostring\(",
        {"saxaul/certificate/page.py", "saxaul/certificate/picture.py"},
        (
            test_a_text_on_the_page_of_a_certificate_stays_text,
            test_a_text_on_the_picture_of_a_certificate_stays_text,
            test_a_dedication_on_a_certificate_is_cleaned_and_exact_in_its_json,
        ),
    ),
    "log lines": WayOut(
        r"\blogger\.(debug|info|warning|error|exception|critical)\(",
        {
            "saxaul/http/endpoint.py",
            "saxaul/services/personal.py",
            "saxaul/services/read_figures.py",
            "saxaul/services/search.py",
            "saxaul/services/settle.py",
            "saxaul/storage/catalog.py",
            "saxaul/storage/registry.py",
            "saxaul/startup.py",
            *(f"functions/{name}/handler.py" for name in ("accrue_points", "find_repeats", "place_orders")),
            *(f"functions/{name}/handler.py" for name in ("schedule_orders", "settle_redemptions", "tally_impact")),
            *(f"functions/{name}/handler.py" for name in ("publish_catalog", "sweep_redemptions")),
            "saxaul/services/publish_catalog.py",
        },
        (
            test_a_log_line_is_one_json_document_with_our_fields_only,
            test_the_log_line_of_an_exception_is_short_and_has_our_fields_only,
        ),
    ),
    "headers and responses": WayOut(
        r'"(location|etag|set-cookie|content-disposition|content-type|vary)":',
        {
            "local/client.py",
            "saxaul/http/conditions.py",
            "saxaul/http/endpoint.py",
            "functions/manage_catalog/handler.py",
            "functions/prove_trees/handler.py",
            "functions/redeem_trees/handler.py",
            "functions/suggest_campaigns/handler.py",
        },
        (
            test_no_route_fails_or_answers_with_a_header_that_a_client_can_break,
            test_a_match_of_the_search_is_a_part_of_the_exact_text_of_the_catalog,
        ),
    ),
    "addresses": WayOut(
        r"\bbase_url\b(?!=)",
        {
            "saxaul/http/endpoint.py",
            "saxaul/http/ledger_views.py",
            "functions/prove_trees/handler.py",
            "functions/redeem_trees/handler.py",
            "functions/view_forest/handler.py",
        },
        (
            test_an_address_is_never_made_of_the_host_that_a_client_sends,
            test_a_location_leads_to_the_person_whose_id_it_contains,
        ),
    ),
    "keys of items": WayOut(
        r"\bKey\((?!NamedTuple)[^)]|f\"[A-Z]+#\{",
        {
            f"saxaul/storage/{name}.py"
            for name in (
                "catalog",
                "claims",
                "grants",
                "impact",
                "log",
                "orders",
                "periods",
                "redemptions",
                "registry",
                "spending",
            )
        }
        | {"saxaul/storage/table.py"},
        (
            test_no_id_or_name_can_contain_what_separates_the_parts_of_a_key,
            test_different_items_never_have_the_same_key,
            test_the_entry_of_an_app_never_has_the_name_of_another_apps_entry,
            test_different_redemption_requests_never_have_the_same_id,
            test_a_list_of_the_index_belongs_to_one_project_or_partner,
        ),
    ),
    "queue messages and stored files": WayOut(
        r"\.(send_message|put_object|generate_presigned_url)\(",
        {"saxaul/storage/queues.py", "saxaul/storage/manifests.py", "operations/dead_letter_queue.py"},
        (
            test_a_queue_message_has_exactly_the_ids_that_were_reported,
            test_the_reason_of_a_reversal_stays_one_text_in_its_message,
            test_a_message_group_and_a_file_name_have_only_characters_that_need_no_escaping,
        ),
    ),
    "YAML": WayOut(
        r"yaml\.(safe_)?dump(_all)?\(",
        {"local/export.py"},
        (
            test_an_exported_catalog_is_read_back_with_the_same_text,
            test_a_catalog_file_cannot_name_an_entry_that_leads_to_another_path,
        ),
    ),
    "terminals": WayOut(
        r"\bconsole\.(print|status)\(|(?<!def )\bexit_with\(|(?<!\w)print\(",
        {
            *(f"local/{name}.py" for name in ("build", "client", "connect", "console", "deploy", "export", "pictures")),
            *(f"local/{name}.py" for name in ("replay", "results", "seed", "stack", "story")),
            *(f"operations/{name}.py" for name in ("dead_letters", "reconcile", "recount")),
            "saxaul/log/verify.py",
        },
        (
            test_a_text_on_a_terminal_is_one_line_without_commands_and_without_markup,
            test_a_command_prints_a_text_without_controlling_the_terminal,
            test_a_bad_row_is_one_line_of_the_report,
            test_the_verifier_gives_a_reason_on_one_line,
            test_only_the_console_escapes_markup_and_every_command_prints_through_it,
        ),
    ),
    "other programs": WayOut(
        r"subprocess\.(run|Popen|call|check_output|check_call)\(",
        {f"local/{name}.py" for name in ("build", "deploy", "pictures", "sam", "stack")},
        (
            test_a_parameter_of_a_deployment_arrives_as_it_was_written,
            test_the_template_writes_no_parameter_into_another_text,
            test_the_loop_of_the_readme_finds_only_real_fields_in_a_page_of_the_log,
        ),
    ),
    "code that runs a text": WayOut(
        r"(?<![\w.])(eval|exec)\(|pickle|yaml\.(unsafe_)?load\(|shell=True|os\.system|__import__",
        {"local/template.py"},  # reads our own template with a loader that makes no objects
        (),
    ),
}


def sources() -> dict[str, str]:
    files = {
        "saxaul": ROOT / "layers/saxaul/saxaul",
        **{name: ROOT / name for name in ("functions", "local", "operations")},
    }
    return {
        f"{name}/{file.relative_to(folder)}": file.read_text("utf-8")
        for name, folder in files.items()
        for file in folder.rglob("*.py")
    }


@pytest.mark.parametrize("way", WAYS_OUT)
def test_every_module_with_a_way_out_is_listed(way: str) -> None:
    trace, modules, _ = WAYS_OUT[way]

    assert {name for name, text in sources().items() if re.search(trace, text)} == modules


def test_the_corpus_has_a_text_for_every_kind_of_attack() -> None:
    assert len({name.rpartition("-")[0] for name in HOSTILE}) >= 8
    assert len(set(SENT)) == len(SENT)
    assert set(NAMES_THAT_LOOK_LIKE_OTHERS) <= set(SENT)
    assert IDS
    assert len(IN_CATALOG) > 140
