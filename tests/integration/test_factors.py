"""Factors: the versions of action types, in the catalog's table, in the lines of a ledger, and as a public endpoint."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from saxaul.catalog.entries import Cap
from saxaul.storage import catalog
from saxaul.storage.table import Key, Table
from tests.builders import DAY, USER, make_action, make_action_type
from tests.integration.conftest import clear_worker_caches
from tests.integration.stack import BASE_URL, Response, Stack, call, delete_entry, put_entry

RIDE = make_action_type().model_dump(mode="json", exclude_defaults=True)
EDITED = RIDE | {"unit": "trip", "avoided_g": {"value": "99.5", "confidence": "A", "source": "Nature"}}
YEAR = "public, max-age=31536000, immutable"


def factor(version: object, action_type: str = "bus_ride", headers: dict[str, str] | None = None) -> Response:
    path = {"action_type": action_type, "version": str(version)}
    return call("view_impact", "GET", "/factors/{action_type}/{version}", client=None, path=path, headers=headers)


def lines() -> list[Any]:
    """Read the ledger with the caches of a new worker."""
    clear_worker_caches()
    response = call("view_forest", "GET", "/users/{user_id}/ledger", path={"user_id": USER.id})
    return list(response.body["entries"])


def delete_ride(stack: Stack, document: Any = RIDE) -> None:  # noqa: ANN401 - a catalog entry
    """Retire the action type, and delete it after no action needs it any more. These are two versions."""
    retired = put_entry("action-types", "bus_ride", document | {"retired_from": "2026-06-06"})
    stack.clock.instant += 40 * DAY
    assert (retired.status, delete_entry("action-types", "bus_ride").status) == (200, 200)


def test_an_edit_changes_the_lines_of_later_actions_but_not_those_of_earlier_ones(stack: Stack) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    stack.accrue_all([make_action("early")])
    before = lines()
    put_entry("action-types", "bus_ride", EDITED)
    stack.clock.instant += 60
    clear_worker_caches()
    stack.accrue_all([make_action("late")])

    late, early = sorted(lines(), key=lambda line: line["action_id"], reverse=True)

    assert [early] == before
    assert (early["unit"], early["avoided_g"], early["avoided_g_source"]) == ("ride", 212.5, "China Daily")
    assert (early["rule"], early["factor"]) == ("bus_ride@1", f"{BASE_URL}/factors/bus_ride/1")
    assert (late["unit"], late["avoided_g"], late["avoided_g_source"]) == ("trip", 99.5, "Nature")
    assert (late["rule"], late["factor"]) == ("bus_ride@2", f"{BASE_URL}/factors/bus_ride/2")


def test_a_line_stays_the_same_when_its_action_type_is_deleted_and_created_again(stack: Stack) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    stack.accrue_all([make_action()])
    [before] = lines()
    delete_ride(stack, EDITED)
    [deleted] = lines()
    assert put_entry("action-types", "bus_ride", EDITED).body["version"] == 4
    [created_again] = lines()

    assert deleted == created_again == before | {"state": "ripe"}


def test_a_worker_that_runs_while_an_action_type_is_edited_shows_the_lines_of_the_new_version(stack: Stack) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    store = stack.catalog_store
    assert store.catalog().versions == {"bus_ride": 1}
    put_entry("action-types", "bus_ride", EDITED)

    found = store.rules([("bus_ride", 1), ("bus_ride", 2)])

    assert {number: rule.unit for (_, number), rule in found.items()} == {1: "ride", 2: "trip"}


def test_the_link_of_a_line_uses_the_configured_public_url(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    stack.accrue_all([make_action()])
    monkeypatch.setenv("PUBLIC_URL", "https://trees.example/{api_id}/")

    assert [line["factor"] for line in lines()] == ["https://trees.example/abc123/factors/bus_ride/1"]


def test_versions_that_never_existed_or_are_deletions_have_no_rule(stack: Stack) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    delete_ride(stack)
    stack.clock.instant += 60
    named = [("bus_ride", number) for number in (0, 1, 2, 3, 4)]

    assert set(stack.catalog_store.rules([*named, ("flight", 0), ("flight", 1)])) == {("bus_ride", 1), ("bus_ride", 2)}


def test_a_version_that_cannot_be_read_has_no_result_and_hides_no_other_version(stack: Stack) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    Table("Catalog", stack.clock).put({"pk": "action-types/bus_ride", "sk": "00000002", "document": "{}"}, 0)

    assert stack.catalog_store.rules([("bus_ride", 1), ("bus_ride", 2), ("bus_ride", 3)]).keys() == {("bus_ride", 1)}


@pytest.fixture
def reads(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The sort keys of each batch that the stores read consistently from now on."""
    assert stack
    found: list[list[str]] = []
    get_many = Table.get_many

    def recorded(table: Table, keys: Iterable[Key], *, consistent: bool) -> Any:  # noqa: ANN401 - the table's result
        wanted = list(keys)
        assert consistent
        if wanted:
            found.append(sorted(key.sk for key in wanted))
        return get_many(table, wanted, consistent=consistent)

    monkeypatch.setattr(Table, "get_many", recorded)
    return found


def test_a_worker_reads_each_version_once(stack: Stack, reads: list[list[str]]) -> None:
    for points in range(1, 5):
        put_entry("action-types", "bus_ride", make_action_type(points=str(points)).model_dump(mode="json"))
    stack.clock.instant += 60
    store = stack.catalog_store
    reads.clear()

    for numbers in ([1, 2], [2, 4], [1, 2, 3, 4]):
        rules = store.rules(("bus_ride", number) for number in numbers)
        assert {number: int(rule.points.value) for (_, number), rule in rules.items() if rule.points} == {
            number: number for number in numbers
        }

    assert reads == [["00000001", "00000002"], ["00000004"], ["00000003"]]


def test_a_worker_keeps_a_limited_number_of_versions(
    stack: Stack, reads: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "RULES_CACHED", 2)
    for points in range(1, 5):
        put_entry("action-types", "bus_ride", make_action_type(points=str(points)).model_dump(mode="json"))
    stack.clock.instant += 60
    store = stack.catalog_store
    reads.clear()

    for number in (1, 2, 3, 2, 1):
        assert set(store.rules([("bus_ride", number)])) == {("bus_ride", number)}

    assert reads == [["00000001"], ["00000002"], ["00000003"], ["00000001"]]


@pytest.mark.usefixtures("stack")
def test_a_factor_is_public_and_shows_both_numbers_with_their_sources_but_not_who_wrote_them() -> None:
    evidence = {"value": "212.123456", "confidence": "B", "source": "China Daily", "region": "China", "year": 2019}
    caps = [{"window": "day", "units": "2.5"}, {"window": "month", "points": 0}]
    points = {"value": "80", "source": "the programme"}
    limits = {"min_quantity": "0.5", "max_quantity": 9, "plausible_a_day": {"value": 6, "source": "the programme"}}
    put_entry("action-types", "bus_ride", RIDE | limits | {"avoided_g": evidence, "points": points, "caps": caps})

    response = factor(1)

    assert response.body == {
        "action_type": "bus_ride",
        "version": 1,
        "names": RIDE["names"],
        "unit": "ride",
        "avoided_g": {
            "value": 212.123456,
            "region": "China",
            "year": 2019,
            "method": None,
            "confidence": "B",
            "source": "China Daily",
        },
        "points": {"value": 80, "per": "unit", "at_least": 0, "confidence": "none", "source": "the programme"},
        "caps": [{"window": "day", "units": 2.5, "points": None}, {"window": "month", "units": None, "points": 0}],
        "plausible_a_day": {"value": 6, "confidence": "none", "source": "the programme"},
        "min_quantity": 0.5,
        "max_quantity": 9,
        "changed_at": "2026-06-05T12:00:00+08:00",
    }
    assert (response.status, response.headers["content-type"]) == (200, "application/json")
    assert "operator" not in str(response)


def test_the_largest_amount_of_a_factor_keeps_all_its_digits(stack: Stack) -> None:
    largest = Decimal("999999999.999999")
    stack.seed("action-types", bus_ride=make_action_type(points=str(largest), avoided_g=str(largest)))

    body = factor(1).body

    assert {Decimal(str(body["points"]["value"])), Decimal(str(body["avoided_g"]["value"]))} == {largest}


def test_the_factor_of_a_facility_has_no_points(stack: Stack) -> None:
    stack.seed("action-types", green_power=make_action_type(points=None, actor="facility"))

    assert (factor(1, "green_power").body["points"], factor(1, "green_power").body["caps"]) == (None, [])


def test_an_edit_and_a_deletion_leave_a_factor_exactly_as_it_was(stack: Stack) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    before = factor(1)
    delete_ride(stack, EDITED)
    clear_worker_caches()

    assert factor(1) == before
    assert factor(2).body["avoided_g"]["source"] == "Nature"
    assert factor(3).code == "unknown_factor"


def test_caches_may_keep_a_factor_for_a_year_and_a_client_that_has_it_gets_304(stack: Stack) -> None:
    stack.seed("action-types", bus_ride=make_action_type(caps=(Cap(window="day", units=Decimal(2)),)))
    first = factor(1)

    again = factor(1, headers={"If-None-Match": f"W/{first.headers['etag']}"})
    other = factor(1, headers={"If-None-Match": '"another"'})

    assert (again.status, again.body, again.headers["etag"]) == (304, "", first.headers["etag"])
    assert other == first
    assert first.headers["cache-control"] == again.headers["cache-control"] == YEAR


@pytest.mark.parametrize(("action_type", "version"), [("bus_ride", 2), ("bus_ride", 99_999_999), ("flight", 1)])
def test_a_factor_that_does_not_exist_is_404_and_caches_do_not_keep_this(
    stack: Stack, action_type: str, version: int
) -> None:
    stack.seed_catalog()

    response = factor(version, action_type)

    assert (response.status, response.code) == (404, "unknown_factor")
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("version", ["0", "-1", "+1", "1.0", "1e3", "x", "", " 1", "\uff11", "100000000", "v1"])
def test_a_version_that_is_not_a_whole_number_in_range_is_refused(stack: Stack, version: str) -> None:
    stack.seed_catalog()

    assert (factor(version).status, factor(version).code) == (400, "invalid_parameter")


@pytest.mark.parametrize("action_type", ["Bus_Ride", "bus ride", "_bus", "bus/ride", "bus_ride\n", "", "x" * 65])
def test_an_action_type_that_cannot_be_in_the_catalog_is_refused(stack: Stack, action_type: str) -> None:
    stack.seed_catalog()

    assert (factor(1, action_type).status, factor(1, action_type).code) == (400, "invalid_parameter")
