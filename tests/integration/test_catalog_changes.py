"""Catalog changes by several operators: conditions, versions, references, and entries that the ledger still needs."""

from collections.abc import Callable
from typing import Any

import pytest

from saxaul.catalog.entries import ActionType
from saxaul.storage.catalog import CatalogStore
from tests.builders import (
    DAY,
    make_action,
    make_action_type,
    make_campaign,
    make_redemption,
    make_suggestion,
    make_tree_project,
)
from tests.integration.stack import Response, Stack, call, delete_entry, put_entry
from tests.integration.test_manage_catalog import document, get_entry

RIDE = document(make_action_type())
PROJECT = document(make_tree_project(saplings=5))


def at_a_higher_price(points: str) -> Any:  # noqa: ANN401 - a document
    return document(make_action_type(points=points))


def get_list(kind: str, **query: str) -> Response:
    return call("manage_catalog", "GET", "/catalog/{kind}", client="operator-client", path={"kind": kind}, query=query)


def get_versions(kind: str, identifier: str, **query: str) -> Response:
    path = {"kind": kind, "id": identifier}
    return call(
        "manage_catalog", "GET", "/catalog/{kind}/{id}/versions", client="operator-client", path=path, query=query
    )


def before_the_next_write(patch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Run ``act`` once, after the next request has read the catalog and before it writes."""
    write = CatalogStore.put

    def overtaken(store: CatalogStore, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - passed on
        patch.setattr(CatalogStore, "put", write)
        act()
        store.put(*arguments, **named)

    patch.setattr(CatalogStore, "put", overtaken)


@pytest.mark.usefixtures("stack")
def test_of_two_operators_with_the_same_if_match_the_second_gets_412() -> None:
    put_entry("action-types", "bus_ride", RIDE)

    responses = [
        put_entry("action-types", "bus_ride", at_a_higher_price(points), if_match='"1"') for points in ("81", "82")
    ]

    assert [response.status for response in responses] == [200, 412]
    assert responses[1].code == "stale_version"
    assert get_entry("action-types", "bus_ride").body["points"]["value"] == "81"


@pytest.mark.usefixtures("stack")
def test_of_two_concurrent_writes_with_the_same_if_match_one_gets_412(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    others: list[Response] = []
    before_the_next_write(
        monkeypatch,
        lambda: others.append(put_entry("action-types", "bus_ride", at_a_higher_price("81"), if_match='"1"')),
    )

    slower = put_entry("action-types", "bus_ride", at_a_higher_price("82"), if_match='"1"')

    assert (others[0].status, slower.status, slower.code) == (200, 412, "stale_version")


@pytest.mark.usefixtures("stack")
def test_without_a_condition_the_last_writer_wins_and_both_versions_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    before_the_next_write(monkeypatch, lambda: put_entry("action-types", "bus_ride", at_a_higher_price("81")))

    slower = put_entry("action-types", "bus_ride", at_a_higher_price("82"))

    assert (slower.status, slower.body["version"]) == (200, 3)
    kept = get_versions("action-types", "bus_ride").body["versions"]
    assert [version["entry"]["points"]["value"] for version in kept] == ["82", "81", "80"]


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_match": '"1"'}, 200),
        ({"if_match": '"7", "1"'}, 200),
        ({"if_match": "*"}, 200),
        ({"if_match": 'W/"1"'}, 412),
        ({"if_match": '"2"'}, 412),
        ({"if_match": "1"}, 200),
        ({"if_match": "2"}, 412),
        ({"if_match": ""}, 400),
        ({"if_match": 'garbage"1"garbage'}, 400),
        ({"if_none_match": "*"}, 412),
        ({"if_none_match": '"1"'}, 412),
        ({"if_none_match": '"2"'}, 200),
    ],
)
def test_if_match_and_if_none_match_follow_the_http_standard(headers: dict[str, str], status: int) -> None:
    put_entry("action-types", "bus_ride", RIDE)

    assert put_entry("action-types", "bus_ride", at_a_higher_price("81"), **headers).status == status


@pytest.mark.usefixtures("stack")
def test_if_match_star_creates_no_entry_and_if_none_match_star_creates_it_only_once() -> None:
    assert put_entry("action-types", "bus_ride", RIDE, if_match="*").code == "stale_version"
    assert put_entry("action-types", "bus_ride", RIDE, if_none_match="*").status == 200
    assert put_entry("action-types", "bus_ride", RIDE, if_none_match="*").code == "already_there"


@pytest.mark.usefixtures("stack")
def test_the_body_of_a_response_can_be_edited_and_sent_back() -> None:
    put_entry("action-types", "bus_ride", RIDE)
    read = get_entry("action-types", "bus_ride")

    written = put_entry("action-types", "bus_ride", read.body | {"unit": "trip"}, if_match=read.headers["etag"])
    other = put_entry("action-types", "metro_ride", read.body)

    assert (written.status, written.body["unit"], written.body["version"]) == (200, "trip", 2)
    assert [fault.partition(":")[0] for fault in other.body["errors"]] == ["id", "effective_at"]


def test_errors_in_the_schema_the_references_and_the_cap_windows_come_in_one_response(stack: Stack) -> None:
    stack.seed_catalog()

    suggestion = put_entry("suggestions", "fly", document(make_suggestion(action_type="fly"), links={}, color="green"))
    monthly = put_entry("action-types", "bus_ride", RIDE | {"caps": [{"window": "month", "points": 9}], "unit": ""})

    assert suggestion.code == monthly.code == "invalid_entry"
    assert [fault.partition(":")[0] for fault in suggestion.body["errors"]] == ["links", "color", "action_type"]
    assert [fault.partition(":")[0] for fault in monthly.body["errors"]] == ["unit", "caps"]


def test_each_version_says_who_changed_the_entry_and_when_deletions_included(stack: Stack) -> None:
    for points in ("80", "81"):
        put_entry("tree-projects", "p", {**PROJECT, "price_points": int(points)})
        stack.clock.instant += 60
    deleted = delete_entry("tree-projects", "p")
    stack.clock.instant += 60
    again = put_entry("tree-projects", "p", PROJECT)

    versions = get_versions("tree-projects", "p").body["versions"]

    assert (deleted.status, deleted.body["deleted"], again.body["version"]) == (200, True, 4)
    assert [(version["version"], version["changed_at"][11:16], version["changed_by"]) for version in versions] == [
        (4, "12:03", "operator"),
        (3, "12:02", "operator"),
        (2, "12:01", "operator"),
        (1, "12:00", "operator"),
    ]
    assert [version["entry"] and version["entry"]["price_points"] for version in versions] == [160, None, 81, 80]


@pytest.mark.usefixtures("stack")
def test_changed_by_is_the_person_if_the_token_has_one() -> None:
    path = {"kind": "action-types", "id": "bus_ride"}

    response = call(
        "manage_catalog", "PUT", "/catalog/{kind}/{id}", client="operator-client", person="lin", path=path, body=RIDE
    )

    assert response.body["changed_by"] == "lin"


def test_a_deleted_entry_cannot_be_read_listed_or_deleted_again(stack: Stack) -> None:
    put_entry("tree-projects", "p", PROJECT)
    delete_entry("tree-projects", "p")
    stack.clock.instant += 60

    assert get_entry("tree-projects", "p").code == "unknown_entry"
    assert get_list("tree-projects").body == {"entries": [], "cursor": None}
    assert delete_entry("tree-projects", "p").code == "unknown_entry"
    assert delete_entry("tree-projects", "never").code == "unknown_entry"
    assert get_versions("tree-projects", "never").code == "unknown_entry"


@pytest.mark.usefixtures("stack")
def test_a_deletion_checks_its_if_match_condition() -> None:
    put_entry("tree-projects", "p", PROJECT)

    assert delete_entry("tree-projects", "p", if_match='"2"').code == "stale_version"
    assert delete_entry("tree-projects", "p", if_match='"1"').status == 200


def test_a_list_has_pages_in_the_order_of_the_identifiers(stack: Stack) -> None:
    names = ["a", "a-b", "a0", "a_b", "ab", "b"]
    stack.seed("action-types", **{name: make_action_type() for name in names})

    page = get_list("action-types", limit="2").body
    found = [entry["id"] for entry in page["entries"]]
    while page["cursor"]:
        page = get_list("action-types", limit="2", cursor=page["cursor"]).body
        found += [entry["id"] for entry in page["entries"]]

    assert found == sorted(names)
    assert get_list("action-types", cursor="!!!").code == "invalid_parameter"
    assert get_list("action-types", cursor="not one").code == "invalid_parameter"
    assert get_list("trees").code == "unknown_kind"


@pytest.mark.usefixtures("stack")
def test_a_list_of_versions_has_pages() -> None:
    for points in range(80, 85):
        put_entry("action-types", "bus_ride", at_a_higher_price(str(points)))

    first = get_versions("action-types", "bus_ride", limit="3").body
    second = get_versions("action-types", "bus_ride", limit="3", cursor=first["cursor"]).body

    assert [version["version"] for version in first["versions"] + second["versions"]] == [5, 4, 3, 2, 1]
    assert second["cursor"] is None


@pytest.mark.usefixtures("stack")
def test_an_entry_that_others_refer_to_cannot_be_deleted_and_the_response_names_them() -> None:
    put_entry("action-types", "bus_ride", RIDE)
    put_entry("campaigns", "wed", document(make_campaign(multipliers={"bus_ride": "2"})))
    put_entry("suggestions", "bus", document(make_suggestion(campaign="wed")))

    ride, campaign = delete_entry("action-types", "bus_ride"), delete_entry("campaigns", "wed")

    assert (ride.status, ride.code, ride.body["errors"]) == (409, "referenced", ["campaigns/wed", "suggestions/bus"])
    assert (campaign.code, campaign.body["errors"]) == ("referenced", ["suggestions/bus"])
    assert delete_entry("suggestions", "bus").status == 200
    assert delete_entry("campaigns", "wed").status == 200


@pytest.mark.usefixtures("stack")
def test_an_entry_that_gains_a_reference_during_its_deletion_is_not_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    put_entry("campaigns", "wed", document(make_campaign()))
    before_the_next_write(
        monkeypatch, lambda: put_entry("suggestions", "bus", document(make_suggestion(campaign="wed")))
    )

    deleted = delete_entry("campaigns", "wed")

    assert (deleted.code, deleted.body["errors"]) == ("referenced", ["suggestions/bus"])
    assert get_entry("campaigns", "wed").status == 200


def test_a_reference_to_an_entry_that_is_deleted_during_the_write_is_refused(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    put_entry("campaigns", "wed", document(make_campaign()))
    before_the_next_write(monkeypatch, lambda: delete_entry("campaigns", "wed"))

    written = put_entry("suggestions", "bus", document(make_suggestion(campaign="wed")))

    assert (written.code, written.body["errors"]) == ("invalid_entry", ["campaign: there is no campaign 'wed'"])
    catalog = stack.catalog_store.read().timeline.catalog(stack.clock.instant)
    assert list(catalog.all_broken_references()) == []


def test_an_action_type_must_be_retired_long_before_deletion_so_that_its_late_actions_are_posted(stack: Stack) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    at_once = delete_entry("action-types", "bus_ride")
    put_entry("action-types", "bus_ride", RIDE | {"retired_from": "2026-06-06"})
    stack.clock.instant += DAY
    too_early = delete_entry("action-types", "bus_ride")

    assert (at_once.status, at_once.code) == (409, "still_needed")
    assert (too_early.code, "2026-07-13" in too_early.body["detail"]) == ("still_needed", True)
    assert stack.accrue_all([make_action()]) == [], "an action from before the retirement is not posted"
    assert [period.points for period in stack.periods_of()] == [80]
    stack.clock.instant += 37 * DAY
    assert delete_entry("action-types", "bus_ride").status == 200


@pytest.mark.usefixtures("stack")
def test_a_suggested_action_type_cannot_be_retired_and_a_retired_one_cannot_be_suggested() -> None:
    put_entry("action-types", "bus_ride", RIDE)
    put_entry("suggestions", "bus", document(make_suggestion()))
    retired = RIDE | {"retired_from": "2026-06-06"}

    early = put_entry("action-types", "bus_ride", retired)
    delete_entry("suggestions", "bus")
    retiring = put_entry("action-types", "bus_ride", retired)
    late = put_entry("suggestions", "bus", document(make_suggestion()))

    assert (early.code, early.body["errors"]) == ("referenced", ["suggestions/bus"])
    assert retiring.body["retired_from"] == "2026-06-06"
    assert late.body["errors"] == ["action_type: 'bus_ride' is retired from 2026-06-06 on; use another action type"]


@pytest.mark.usefixtures("stack")
def test_an_action_type_that_gains_a_suggestion_during_its_retirement_is_not_retired(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    before_the_next_write(monkeypatch, lambda: put_entry("suggestions", "bus", document(make_suggestion())))

    assert put_entry("action-types", "bus_ride", RIDE | {"retired_from": "2026-06-06"}).code == "referenced"


def test_a_project_with_reserved_saplings_cannot_be_deleted_and_a_deleted_project_has_no_saplings(stack: Stack) -> None:
    stack.seed_catalog(saplings=5)
    stack.add_wallet(1000)
    redemption = make_redemption()
    stack.redemptions.add(redemption)
    message = f'{{"project_id":"saxaul-alxa","user_id":"u-42","redemption_id":"{redemption.redemption_id}"}}'
    stack.settle(message)
    put_entry("tree-projects", "p", PROJECT)

    kept, gone = delete_entry("tree-projects", "saxaul-alxa"), delete_entry("tree-projects", "p")

    assert (kept.status, kept.code, gone.status) == (409, "saplings_reserved", 200)
    assert stack.stock("p").available(stack.clock.instant) == 0


def test_a_write_that_conflicts_every_time_is_409_entry_moved(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    latest = CatalogStore.latest
    monkeypatch.setattr(CatalogStore, "latest", lambda store, *at: latest(store, *at)._replace(version=7))

    response = put_entry("action-types", "bus_ride", RIDE)

    assert (response.status, response.code) == (409, "entry_moved")
    assert stack.catalog_store.get("action-types", "bus_ride") is None


def test_a_retired_action_type_is_stored_unchanged(stack: Stack) -> None:
    put_entry("action-types", "bus_ride", RIDE | {"retired_from": "2026-06-06"})

    kept = stack.catalog_store.catalog().action_types["bus_ride"]

    assert kept == ActionType.model_validate(RIDE | {"retired_from": "2026-06-06"})
