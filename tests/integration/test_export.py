"""Exports: a person gets everything that is stored about them, in the same bytes each time."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest
import requests
from botocore.httpsession import URLLib3Session

from operations.ledger_reading import scan
from saxaul.catalog.calendar import Calendar
from saxaul.http import export_views
from saxaul.http.export_views import LEFT_OUT
from saxaul.http.sizes import MAX_PAGE_BYTES
from saxaul.people.kinds import EXPORTED, key_of_item, kinds_of
from saxaul.services.export_person import exporting
from saxaul.storage import objects
from saxaul.storage.clients import s3
from saxaul.storage.erasures import Erasures
from saxaul.storage.exports import Exports
from saxaul.storage.periods import decompressed
from saxaul.storage.table import Item
from tests.builders import make_calendar, make_entry, make_period
from tests.integration.log_lines import Lines
from tests.integration.stack import Context, Response, Stack, call, grant, put_entry
from tests.integration.whole_life import DEDICATION, PERSON, Life, live

CALENDAR: Calendar = make_calendar()
_WITH_NAMES = frozenset({"credited", "digests", "reversals"})
"""The attributes of items whose maps have names that an app chose, or that say something of the person."""


def export(user_id: str = PERSON, client: str = "operator-client") -> Response:
    query = {"reason": "ticket 4711"} if client == "operator-client" else {}
    return call(
        "manage_persons", "GET", "/users/{user_id}/export", client=client, path={"user_id": user_id}, query=query
    )


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def life(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Life:
    lived = live(stack, monkeypatch)
    full = make_period(make_entry(), window="2026-06-02", version=0)
    stack.put_period(replace(full, full=frozenset({"taobao"})))
    return lived


def test_an_export_has_a_line_for_each_item_in_the_order_of_the_kinds(stack: Stack, life: Life) -> None:
    response = export()
    kinds = [line["kind"] for line in lines_of(response.body)]

    assert (response.status, response.headers["content-type"]) == (200, "application/jsonl")
    assert life.redemptions.keys() == {"planted", "refunded", "rejected", "cancelled", "reserved", "requested"}
    assert list(dict.fromkeys(kinds)) == list(EXPORTED)
    assert {kind: kinds.count(kind) for kind in EXPORTED} == exporting().read(PERSON).numbers
    assert sum(kinds.count(kind) for kind in EXPORTED[:-2]) == len(own_items(stack))


def own_items(stack: Stack) -> list[Item]:
    return [item for item in scan(stack.ledger) if item["pk"] == f"USER#{PERSON}"]


def items_of_person(stack: Stack) -> Iterator[tuple[str, Item]]:
    """Yield each item of the person with its kind, and the person's trees in each order as items of their own."""
    for item in scan(stack.ledger):
        if item["pk"] == f"USER#{PERSON}" or item.get("user_id") == PERSON:
            [kind] = kinds_of("LedgerTable", key_of_item(item["pk"], item["sk"]))
            yield kind.name, item
        for tree in item["trees"] if item["sk"] == "ORDER" else ():
            if tree[0] == PERSON:
                yield "ordered_tree", {**item, "trees": tree}


def line_of(kind: str, item: Item, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the line of an item: the one of its kind that has all parts of its keys."""
    names = {item["pk"].partition("#")[2], item["sk"].partition("#")[2]} - {""}
    names |= {item["trees"][2]} if kind == "ordered_tree" else set()
    [line] = [line for line in lines if line["kind"] == kind and names <= {*map(str, line.values())}]
    return line


def values_in(part: Any) -> Iterator[Any]:  # noqa: ANN401 - any value of an item or of a line
    """Yield each text, number and truth value at any depth, and the names of maps."""
    match part:
        case dict():
            for name, value in part.items():
                yield name
                yield from values_in(value)
        case list() | tuple():
            for value in part:
                yield from values_in(value)
        case None:
            return
        case _:
            yield part


def stored_values(kind: str, item: Item) -> Iterator[Any]:
    """Yield each value of an item that is not left out on purpose."""
    left_out = next((names for of, names in LEFT_OUT.items() if of == kind), {})
    for name, value in item.items():
        if name in left_out or name in ("pk", "sk"):
            continue
        if name in ("z", "packed"):
            yield from fields_in(json.loads(decompressed(bytes(value))))
        elif name == "marks":
            marks = urlsafe_b64encode(bytes(value)).decode()
            yield from {marks[start : start + 4] for start in range(0, len(marks), 4)} - {"AAAA"}
        elif name in _WITH_NAMES:
            yield from values_in(value)
        else:
            yield from fields_in(value)


def fields_in(part: Any) -> Iterator[Any]:  # noqa: ANN401 - any value of an item
    """Yield each text, number and truth value at any depth. The names of maps are those of fields."""
    match part:
        case dict():
            for value in part.values():
                yield from fields_in(value)
        case list() | tuple():
            for value in part:
                yield from fields_in(value)
        case _:
            yield part


def shows(shown: set[Any], value: Any) -> bool:  # noqa: ANN401 - any value of an item
    """Return whether a line has a stored value in one of the forms of a response."""
    if isinstance(value, bytes):
        return b64encode(bytes(value)).decode() in shown
    if value in ("", 0, None) or value in shown:
        return True
    try:
        number = Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        return all(part in shown for part in str(value).split(":", 1))  # the name of an entry
    return float(number) in shown or (number == int(number) and CALENDAR.rfc3339(int(number)) in shown)


def missing(stack: Stack, lines: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for kind, item in items_of_person(stack):
        shown = {value for value in values_in(line_of(kind, item, lines)) if not isinstance(value, bool)}
        shown |= {True, False}
        found += [(kind, value) for value in stored_values(kind, item) if not shows(shown, value)]
    return found


@pytest.mark.usefixtures("life")
def test_each_stored_value_of_a_person_is_in_the_export_or_left_out_on_purpose(stack: Stack) -> None:
    lines = lines_of(export().body)

    assert {kind for kind, _ in items_of_person(stack)} == set(EXPORTED)
    assert missing(stack, lines) == []


def without(line: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return a line without the fields of these names, at any depth."""
    match line:
        case dict():
            return {name: without(value, *names) for name, value in line.items() if name not in names}
        case list():
            return [without(value, *names) for value in line]
    return line


FIELDS = (
    *(("wallet", name) for name in ("balance", "spent", "harvested", "closed_avoided_g")),
    *(("period", name) for name in ("action_id", "avoided_g", "receipt", "summed_actions", "full_apps")),
    *(("evidence", name) for name in ("action_id", "window")),
    *(("early_reversal", name) for name in ("action_id", "reason", "receipt", "occurred_at")),
    *(("grant", name) for name in ("covers", "granted_by")),
    *(("redemption", name) for name in ("dedication", "salt", "tag", "inspector", "max_points", "previous")),
)
"""Fields of lines, by their kinds."""


@pytest.mark.usefixtures("life")
def test_the_check_above_notices_a_field_that_the_export_lacks(stack: Stack) -> None:
    lines = lines_of(export().body)

    for kind, name in FIELDS:
        less = [without(line, name) if line["kind"] == kind else line for line in lines]
        assert {kind for kind, _ in missing(stack, less)} == {kind}, name


@pytest.mark.usefixtures("life")
def test_the_same_state_gives_the_same_bytes_whatever_the_time_and_the_catalog(stack: Stack) -> None:
    before = export().body
    stack.clock.instant += 400 * 86_400
    assert put_entry("synonyms", "bus", {"words": ["bus", "coach"]}).status == 200

    assert export().body == before
    grant("spend")
    assert export().body != before


def test_the_export_of_a_person_who_did_nothing_is_empty(stack: Stack) -> None:
    assert stack
    response = export("nobody-knows")

    assert (response.status, response.body) == (200, "")


def test_an_export_has_nothing_of_another_person(stack: Stack, life: Life) -> None:
    assert life
    stack.add_wallet(5, "other")

    text = export("other").body

    assert [line["kind"] for line in lines_of(text)] == ["wallet"]
    assert DEDICATION not in text


@pytest.fixture
def file(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Response:
    """The response to the request for an export that is too long."""
    stack.add_wallet(5)
    monkeypatch.setattr("functions.manage_persons.handler.MAX_PAGE_BYTES", 10)
    return export()


def test_an_export_that_is_too_long_is_a_file_behind_a_link_of_15_minutes(stack: Stack, file: Response) -> None:
    [found] = s3().list_objects_v2(Bucket="exports")["Contents"]
    content = requests.get(file.body["url"], timeout=5)

    assert MAX_PAGE_BYTES == 4_000_000
    assert (file.status, file.headers["location"]) == (303, file.body["url"])
    assert file.body["expires_at"] == "2026-06-05T12:15:00+08:00"
    assert "X-Amz-Expires=900" in file.body["url"]
    assert found["Key"].startswith(f"exports/{Erasures(stack.ledger).name_of(PERSON)}/")
    assert PERSON not in found["Key"]
    assert lines_of(content.text) == list(export_views.export_lines(exporting().read(PERSON), CALENDAR))


def test_a_repeated_export_writes_the_same_file(file: Response) -> None:
    assert file.status == 303
    export()

    assert len(s3().list_objects_v2(Bucket="exports")["Contents"]) == 1


def test_all_files_of_a_person_are_deleted_and_no_other(stack: Stack, file: Response) -> None:
    assert file.status == 303
    exports, erasures = Exports("exports"), Erasures(stack.ledger)
    exports.put(erasures.name_of(PERSON), b"another state", 0)
    exports.put(erasures.name_of("other"), b"another person", 0)

    for _ in range(2):
        exports.delete_all(erasures.name_of(PERSON))
        [left] = s3().list_objects_v2(Bucket="exports")["Contents"]
        assert erasures.name_of("other") in left["Key"]


def test_an_export_that_s3_does_not_take_is_busy(stack: Stack, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.add_wallet(5)
    monkeypatch.setattr("functions.manage_persons.handler.MAX_PAGE_BYTES", 10)
    monkeypatch.setattr(objects, "_session", URLLib3Session)
    monkeypatch.setattr(objects, "object_address", lambda _, key: f"http://127.0.0.1:9/{key}")

    response = export()

    written = lines.taken()
    assert (response.status, response.code, response.headers["retry-after"]) == (503, "busy", "2")
    assert json.loads(written[0])["error"] == "EndpointConnectionError"
    assert [line for line in written if Erasures(stack.ledger).name_of(PERSON) in line] == []


def test_a_file_is_not_begun_when_s3_could_take_longer_than_the_function_has(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.add_wallet(5)
    monkeypatch.setattr("functions.manage_persons.handler.MAX_PAGE_BYTES", 10)
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _: 9_900)

    response = export()

    assert (response.status, response.code) == (503, "busy")
    assert "Contents" not in s3().list_objects_v2(Bucket="exports")
