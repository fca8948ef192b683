"""The endpoints with which an operator reads and writes the catalog."""

import re
from typing import Any

import pytest

from saxaul.catalog.entries import KINDS, MODELS, Kind, Synonyms
from saxaul.catalog.versions import VersionedEntry
from saxaul.http.catalog_views import EntryView
from saxaul.races import LostRaceError
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.table import Table, TransactionRefusedError
from tests.builders import (
    make_action_type,
    make_campaign,
    make_facility,
    make_initiative,
    make_redemption,
    make_suggestion,
    make_tree_project,
)
from tests.integration.stack import Response, Stack, call, put_entry


def document(entity: Any, **changes: Any) -> Any:  # noqa: ANN401 - any entry and field
    return entity.model_dump(mode="json", exclude_defaults=True) | changes


def get_entry(kind: str, identifier: str) -> Response:
    path = {"kind": kind, "id": identifier}
    return call("manage_catalog", "GET", "/catalog/{kind}/{id}", client="operator-client", path=path)


@pytest.mark.usefixtures("stack")
def test_an_entry_is_read_back_as_it_was_written() -> None:
    written = put_entry("action-types", "bus_ride", document(make_action_type()))

    read = get_entry("action-types", "bus_ride")

    assert (written.status, written.body["version"], written.headers["etag"]) == (200, 1, '"1"')
    assert read.body | {"warnings": []} == written.body


@pytest.mark.usefixtures("stack")
def test_what_a_get_answers_can_be_sent_back_and_changes_nothing() -> None:
    ride, solar = make_action_type(), make_action_type(points=None, actor="facility")
    entries = [
        ("action-types", "bus_ride", ride),
        ("action-types", "solar_warehouse", solar),
        ("facilities", "hangzhou", make_facility()),
        ("campaigns", "wed", make_campaign()),
        ("tree-projects", "saxaul-alxa", make_tree_project()),
        ("initiatives", "solar", make_initiative()),
        ("suggestions", "bus", make_suggestion()),
        ("synonyms", "bus", Synonyms(words=("bus", "coach"))),
    ]
    for kind, identifier, entity in entries:
        put_entry(kind, identifier, document(entity))
        read = get_entry(kind, identifier).body
        previewed = call(
            *("manage_catalog", "GET", "/catalog/{kind}/{id}"),
            client="operator-client",
            path={"kind": kind, "id": identifier},
            query={"on": "2026-06-05"},
        ).body

        for sent in (read, previewed, read | {"warnings": [{}], "restored_from": 1, "in_effect": None}):
            written = put_entry(kind, identifier, sent)
            assert (written.status, written.body.get("version")) == (200, 1), (kind, written.body)

    assert {kind for kind, _, _ in entries} == {*KINDS}


def test_no_field_of_an_entry_has_the_name_of_what_a_response_adds() -> None:
    assert [name for model in MODELS.values() for name in model.model_fields if name in EntryView.__annotations__] == []


@pytest.mark.usefixtures("stack")
def test_writing_an_equal_entry_keeps_the_version_and_a_change_increments_it() -> None:
    versions = [
        put_entry("action-types", "bus_ride", document(make_action_type(points=points))).body["version"]
        for points in ("80", "80", "80.000", "81", "80")
    ]

    assert versions == [1, 1, 1, 2, 3]


def test_every_version_of_an_action_type_is_kept(stack: Stack) -> None:
    for points in ("80", "81"):
        put_entry("action-types", "bus_ride", document(make_action_type(points=points)))

    kept = list(Table("Catalog", stack.clock).query("action-types/bus_ride", "0", "~"))

    assert [item["sk"] for item in kept] == ["00000001", "00000002"]
    stack.clock.instant += 60
    assert stack.catalog_store.catalog().versions == {"bus_ride": 2}


@pytest.mark.usefixtures("stack")
def test_all_broken_references_are_reported_together_and_nothing_is_written() -> None:
    broken = document(make_suggestion(action_type="fly", campaign="never"))

    response = put_entry("suggestions", "fly", broken)

    assert (response.status, response.code) == (400, "invalid_entry")
    assert response.body["errors"] == [
        "action_type: there is no action type 'fly'",
        "campaign: there is no campaign 'never'",
    ]
    assert get_entry("suggestions", "fly").status == 404


@pytest.mark.usefixtures("stack")
def test_an_entry_that_was_just_written_can_be_referred_to() -> None:
    written = [
        put_entry("action-types", "bus_ride", document(make_action_type())),
        put_entry("campaigns", "wed", document(make_campaign(multipliers={"bus_ride": "2"}))),
        put_entry("suggestions", "bus", document(make_suggestion(campaign="wed"))),
    ]

    assert [response.status for response in written] == [200, 200, 200]


@pytest.mark.usefixtures("stack")
def test_all_errors_of_an_entry_are_reported_together() -> None:
    response = put_entry(
        "tree-projects", "p", document(make_tree_project(), price_points=0, saplings=-1, color="green")
    )

    assert response.code == "invalid_entry"
    assert sorted(fault.split(":")[0] for fault in response.body["errors"]) == ["color", "price_points", "saplings"]


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("body", [[], "1", None, '"text"', "{"])
def test_a_body_that_is_not_a_json_object_is_400(body: Any) -> None:  # noqa: ANN401 - an operator may send anything
    assert put_entry("action-types", "bus_ride", body).status == 400


@pytest.mark.usefixtures("stack")
def test_an_entry_that_is_too_large_gets_one_error_with_its_size_and_the_limit() -> None:
    large = document(make_suggestion(), keywords=["绿" * 100] * 300, color="green")

    response = put_entry("suggestions", "bus", large)

    assert (response.status, response.code) == (400, "invalid_entry")
    [fault] = response.body["errors"]
    assert re.fullmatch(r"the entry has 9\d{4} bytes of JSON in UTF-8; at most 65536 are allowed", fault)


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("identifier", ["", " ", "Bus", "x" * 65, "\ud800", "a\x00"])
def test_a_reference_or_key_that_cannot_be_an_identifier_is_400(identifier: str) -> None:
    refused = [
        put_entry("campaigns", "wed", document(make_campaign(), multipliers={identifier: 2})),
        put_entry("suggestions", "bus", document(make_suggestion(), action_type=identifier)),
        put_entry("suggestions", "bus", document(make_suggestion(), campaign=identifier)),
        put_entry("suggestions", "bus", document(make_suggestion(), links={identifier: "https://a.cn"})),
    ]

    assert [(response.status, response.code) for response in refused] == [(400, "invalid_entry")] * 4


@pytest.mark.usefixtures("stack")
def test_a_recurrence_without_a_frequency_is_400() -> None:
    response = put_entry("campaigns", "wed", document(make_campaign(), recurs="BYMONTH=6;BYMONTHDAY=5"))

    assert (response.status, response.code) == (400, "invalid_entry")


@pytest.mark.usefixtures("stack")
def test_an_unknown_kind_an_invalid_identifier_and_an_unknown_entry_are_refused() -> None:
    assert put_entry("trees", "x", {}).code == "unknown_kind"
    assert put_entry("action-types", "Bus Ride", {}).code == "invalid_identifier"
    assert get_entry("action-types", "x" * 65).code == "invalid_identifier"
    assert get_entry("action-types", "bus_ride").code == "unknown_entry"


def test_raising_the_saplings_of_a_project_releases_more_saplings(stack: Stack) -> None:
    put_entry("tree-projects", "saxaul-alxa", document(make_tree_project(saplings=5)))
    put_entry("tree-projects", "saxaul-alxa", document(make_tree_project(saplings=8)))

    assert (stack.stock().released, stack.stock().reserved) == (8, 0)


def test_saplings_cannot_be_lowered_below_the_number_reserved(stack: Stack) -> None:
    stack.seed_catalog(saplings=5)
    stack.add_wallet(1000)
    redemption = make_redemption(trees=3)
    stack.redemptions.add(redemption)
    message = f'{{"project_id":"saxaul-alxa","user_id":"u-42","redemption_id":"{redemption.redemption_id}"}}'
    assert stack.settle(message) == []

    refused = put_entry("tree-projects", "saxaul-alxa", document(make_tree_project(saplings=2)))
    lowered = put_entry("tree-projects", "saxaul-alxa", document(make_tree_project(saplings=3)))

    assert (refused.status, refused.code) == (409, "saplings_reserved")
    assert (lowered.status, lowered.body["version"]) == (200, 2)
    assert stack.available_saplings() == 0


def test_a_transaction_conflict_on_the_stock_is_not_reported_as_reserved_saplings(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> None:
        raise TransactionRefusedError(["None", "None", "TransactionConflict"])

    stack.seed_catalog(saplings=5)
    monkeypatch.setattr("saxaul.storage.catalog.transact", busy)

    response = put_entry("tree-projects", "saxaul-alxa", document(make_tree_project(saplings=8)))

    assert (response.status, response.code) == (409, "entry_moved")


def test_a_store_refuses_to_overwrite_another_version(stack: Stack) -> None:
    stack.seed_catalog()

    with pytest.raises(LostRaceError):
        stack.catalog_store.put("action-types", "bus_ride", VersionedEntry(make_action_type(points="1"), 1))


def test_a_worker_caches_the_catalog_for_half_of_the_delay(stack: Stack) -> None:
    stack.seed_catalog()
    store = stack.catalog_store
    kept = store.catalog()
    stack.seed("action-types", metro_ride=make_action_type())

    assert store.catalog() is kept
    stack.clock.instant += 29
    assert store.catalog() is kept
    stack.clock.instant += 2
    assert set(store.catalog().action_types) == {"bus_ride", "metro_ride"}


def test_a_catalog_that_is_read_while_entries_are_added_has_no_broken_references(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, grown = CatalogStore._items, list[Kind]()  # noqa: SLF001 - entries are added between two reads

    def growing(store: CatalogStore, kind: Kind) -> Any:  # noqa: ANN401 - the store's result
        items = read(store, kind)
        if not grown:
            grown.append(kind)
            stack.seed("action-types", bus_ride=make_action_type())
            stack.seed("suggestions", bus=make_suggestion())
        return items

    monkeypatch.setattr(CatalogStore, "_items", growing)

    catalog = stack.catalog_store.read().timeline.catalog(stack.clock.instant)
    assert list(catalog.all_broken_references()) == []
