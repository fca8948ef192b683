"""The operator's endpoints of the catalog."""

from typing import Any

import pytest

from saxaul.catalog.entries import Kind
from saxaul.catalog.versions import VersionedEntry
from saxaul.races import LostRaceError
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.table import Table, TransactionRefusedError
from tests.builders import (
    make_action_type,
    make_campaign,
    make_redemption,
    make_suggestion,
    make_tree_project,
)
from tests.integration.stack import Answer, Stack, call, put_entry


def document(entity: Any, **changes: Any) -> Any:  # noqa: ANN401 - any entry and field
    return entity.model_dump(mode="json", exclude_defaults=True) | changes


def get_entry(kind: str, identifier: str) -> Answer:
    path = {"kind": kind, "id": identifier}
    return call("manage_catalog", "GET", "/catalog/{kind}/{id}", client="operator-client", path=path)


@pytest.mark.usefixtures("stack")
def test_what_is_written_is_what_is_read() -> None:
    written = put_entry("action-types", "bus_ride", document(make_action_type()))

    read = get_entry("action-types", "bus_ride")

    assert (written.status, written.body["version"], written.headers["etag"]) == (200, 1, '"1"')
    assert read.body == written.body


@pytest.mark.usefixtures("stack")
def test_writing_the_same_again_keeps_the_version_and_a_change_counts_it_up() -> None:
    versions = [
        put_entry("action-types", "bus_ride", document(make_action_type(points=points))).body["version"]
        for points in ("80", "80", "80.000", "81", "80")
    ]

    assert versions == [1, 1, 1, 2, 3]


def test_every_version_of_a_rule_is_kept(stack: Stack) -> None:
    for points in ("80", "81"):
        put_entry("action-types", "bus_ride", document(make_action_type(points=points)))

    kept = list(Table("Catalog", stack.clock).query("action-types/bus_ride", "0", "~"))

    assert [item["sk"] for item in kept] == ["00000001", "00000002"]
    assert stack.catalog_store.catalog().versions == {"bus_ride": 2}


@pytest.mark.usefixtures("stack")
def test_every_broken_reference_is_named_at_once_and_nothing_is_written() -> None:
    broken = document(make_suggestion(action_type="fly", campaign="never"))

    answer = put_entry("suggestions", "fly", broken)

    assert (answer.status, answer.code) == (400, "invalid_entry")
    assert answer.body["errors"] == [
        "action_type: there is no action type 'fly'",
        "campaign: there is no campaign 'never'",
    ]
    assert get_entry("suggestions", "fly").status == 404


@pytest.mark.usefixtures("stack")
def test_what_was_written_a_moment_ago_can_be_referred_to() -> None:
    written = [
        put_entry("action-types", "bus_ride", document(make_action_type())),
        put_entry("campaigns", "wed", document(make_campaign(multipliers={"bus_ride": "2"}))),
        put_entry("suggestions", "bus", document(make_suggestion(campaign="wed"))),
    ]

    assert [answer.status for answer in written] == [200, 200, 200]


@pytest.mark.usefixtures("stack")
def test_every_fault_of_an_entry_is_named_at_once() -> None:
    answer = put_entry("tree-projects", "p", document(make_tree_project(), price_points=0, saplings=-1, color="green"))

    assert answer.code == "invalid_entry"
    assert sorted(fault.split(":")[0] for fault in answer.body["errors"]) == ["color", "price_points", "saplings"]


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("body", [[], "1", None, '"text"', "{"])
def test_an_entry_of_another_shape_is_400(body: Any) -> None:  # noqa: ANN401 - whatever an operator sends
    assert put_entry("action-types", "bus_ride", body).status == 400


@pytest.mark.usefixtures("stack")
def test_a_recurrence_without_a_frequency_is_400_and_does_not_break_the_function() -> None:
    answer = put_entry("campaigns", "wed", document(make_campaign(), recurs="BYMONTH=6;BYMONTHDAY=5"))

    assert (answer.status, answer.code) == (400, "invalid_entry")


@pytest.mark.usefixtures("stack")
def test_a_kind_that_is_none_is_404_and_a_bad_identifier_400() -> None:
    assert put_entry("trees", "x", {}).code == "unknown_kind"
    assert put_entry("action-types", "Bus Ride", {}).code == "invalid_identifier"
    assert get_entry("action-types", "x" * 65).code == "invalid_identifier"
    assert get_entry("action-types", "bus_ride").code == "unknown_entry"


def test_raising_the_saplings_releases_them(stack: Stack) -> None:
    put_entry("tree-projects", "saxaul-alxa", document(make_tree_project(saplings=5)))
    put_entry("tree-projects", "saxaul-alxa", document(make_tree_project(saplings=8)))

    assert (stack.stock().released, stack.stock().reserved) == (8, 0)


def test_saplings_cannot_be_lowered_below_what_is_spoken_for(stack: Stack) -> None:
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
    assert stack.available() == 0


def test_a_stock_that_is_busy_is_not_said_to_be_reserved(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> None:
        raise TransactionRefusedError(["None", "None", "TransactionConflict"])

    stack.seed_catalog(saplings=5)
    monkeypatch.setattr("saxaul.storage.catalog.transact", busy)

    answer = put_entry("tree-projects", "saxaul-alxa", document(make_tree_project(saplings=8)))

    assert (answer.status, answer.code) == (409, "entry_moved")


def test_a_store_refuses_to_write_over_another_version(stack: Stack) -> None:
    stack.seed_catalog()

    with pytest.raises(LostRaceError):
        stack.catalog_store.put("action-types", "bus_ride", VersionedEntry(make_action_type(points="1"), 1))


def test_a_worker_keeps_its_catalog_for_a_minute(stack: Stack) -> None:
    stack.seed_catalog()
    store = stack.catalog_store
    kept = store.catalog()
    stack.seed("action-types", metro_ride=make_action_type())

    assert store.catalog() is kept
    stack.clock.instant += 61
    assert set(store.catalog().action_types) == {"bus_ride", "metro_ride"}


def test_a_catalog_that_is_read_while_it_grows_refers_to_nothing_that_it_does_not_hold(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, grown = CatalogStore._entries, list[Kind]()  # noqa: SLF001 - the reading between two kinds

    def growing(store: CatalogStore, kind: Kind) -> Any:  # noqa: ANN401 - the store's own
        entries = read(store, kind)
        if not grown:
            grown.append(kind)
            stack.seed("action-types", bus_ride=make_action_type())
            stack.seed("suggestions", bus=make_suggestion())
        return entries

    monkeypatch.setattr(CatalogStore, "_entries", growing)

    assert list(stack.catalog_store.catalog().all_broken_references()) == []
