"""The registry of clients: who counts as registered, how soon a change applies, and what the catalog may name."""

import json
from typing import Any

import pytest

from saxaul.storage.clients import dynamodb
from saxaul.storage.registry import CLIENT_CACHED_FOR, CLIENTS_CACHED, Registry
from saxaul.storage.table import Item, Key, Table, raw
from tests.builders import confirmation, failure, inspection, make_redemption, make_suggestion, make_tree_project
from tests.clocks import StoppedClock
from tests.integration.stack import (
    Response,
    Stack,
    a_partner,
    an_app,
    call,
    put_entry,
    report,
    tree_projects,
    view_order,
)
from tests.integration.test_manage_catalog import document

WALLET = "/users/{user_id}/wallet"
QUOTED = 'The "Green" Fund'
HOSTILE = [QUOTED, "\\", '"}, "x": {"role": "operator"', "${OperatorClient}", "a: b # c", "树 🌳", "'; --"]


def wallet_for(client: str) -> Response:
    return call("view_forest", "GET", WALLET, client=client, path={"user_id": "u"})


def list_orders(client: str) -> Response:
    return call("take_reports", "GET", "/planting-orders", client=client)


def test_a_client_that_is_removed_is_refused_within_three_seconds(stack: Stack) -> None:
    assert wallet_for("alipay-client").status == 200

    stack.unregister("alipay-client")
    stack.clock.instant += 3

    assert (wallet_for("alipay-client").status, wallet_for("alipay-client").code) == (403, "unknown_client")


def test_a_client_that_is_registered_is_admitted_within_three_seconds(stack: Stack) -> None:
    assert wallet_for("bikes-client").code == "unknown_client"

    stack.register("bikes-client", an_app("bikes"))
    stack.clock.instant += 3

    assert wallet_for("bikes-client").status == 200


def test_a_worker_reads_a_client_once_in_three_seconds_also_if_it_is_not_registered(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    get = Table.get

    def noted_get(table: Table, key: Key) -> Item | None:
        read.append(key.sk)
        return get(table, key)

    monkeypatch.setattr(Table, "get", noted_get)
    registry = Registry(Table("Catalog", stack.clock))

    for _ in range(3):
        registry.find("alipay-client")
        registry.find("stranger")
        registry.find("")
    stack.clock.instant += 3
    registry.find("alipay-client")

    assert read == ["alipay-client", "stranger", "alipay-client"]
    assert CLIENT_CACHED_FOR <= 3


def test_a_worker_keeps_a_limited_number_of_clients(stack: Stack) -> None:
    registry = Registry(Table("Catalog", stack.clock))

    for number in range(CLIENTS_CACHED + 10):
        registry.find(f"client-{number}")

    assert len(registry._known) == CLIENTS_CACHED  # noqa: SLF001 - the cache has no other trace
    assert registry.find("alipay-client") == an_app("alipay")


@pytest.mark.parametrize(
    "changed",
    [
        {"role": "king"},
        {"role": "app"},
        {"name": ""},
        {"name": 7},
        {"partners": "Alxa SEE Foundation"},
        {"partners": []},
        {"partners": [""]},
        {"trust": "first_party"},
        {"unknown": True},
    ],
)
def test_a_malformed_item_counts_as_not_registered_is_logged_and_hurts_no_other_client(
    stack: Stack, changed: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    whole = {"name": "see", "role": "partner", "partners": ["Alxa SEE Foundation"]}
    stack.write_registration({"pk": "clients", "sk": "broken", **whole, **changed})

    assert list_orders("broken").code == "unknown_client"
    assert "a registered client cannot be read" in caplog.text
    assert list_orders("partner-client").status == 200
    assert put_entry("tree-projects", "p", document(make_tree_project())).status == 200


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("field", ["name", "role", "trust", "partners", "unknown"])
def test_an_item_with_a_set_counts_as_not_registered_and_hurts_no_other_client(field: str) -> None:
    item = raw({"pk": "clients", "sk": "broken", "name": "see", "role": "partner", "partners": ["SEE"]})
    dynamodb().put_item(TableName="Catalog", Item=item | {field: {"SS": ["partner"]}})

    assert list_orders("broken").code == "unknown_client"
    assert list_orders("partner-client").status == 200
    assert put_entry("tree-projects", "p", document(make_tree_project())).status == 200


@pytest.mark.parametrize("name", HOSTILE)
def test_a_partner_may_have_any_name(stack: Stack, name: str) -> None:
    stack.register("fund-client", a_partner("fund", name))

    written = put_entry("tree-projects", "p", document(make_tree_project(partner=name)))

    assert (written.status, written.body["partner"]) == (200, name)
    assert [project["partner"] for project in tree_projects().body["projects"]] == [name]
    assert list_orders("fund-client").body == {"orders": [], "cursor": None}


def test_a_partner_with_quotes_in_its_name_gets_its_orders(stack: Stack) -> None:
    stack.register("fund-client", a_partner("fund", QUOTED))
    assert put_entry("tree-projects", "saxaul-alxa", document(make_tree_project(partner=QUOTED))).status == 200
    stack.redemptions.add(make_redemption("r-1").reserved(stack.clock.instant))
    stack.run_planting_batch()

    [order] = list_orders("fund-client").body["orders"]

    assert order["partner"] == QUOTED
    assert view_order(order["order_id"], client="fund-client").status == 200


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("kind", "entry", "error"),
    [
        (
            "tree-projects",
            document(make_tree_project(partner="Nobody")),
            "partner: 'Nobody' is not a registered partner",
        ),
        (
            "tree-projects",
            document(make_tree_project(partner="alipay")),
            "partner: 'alipay' is not a registered partner",
        ),
        (
            "suggestions",
            document(make_suggestion(links={"alipay": "https://a.example", "nobody": "https://b.example"})),
            "links: 'nobody' is not a registered app",
        ),
        (
            "suggestions",
            document(make_suggestion(links={"partner": "https://b.example"})),
            "links: 'partner' is not a registered app",
        ),
    ],
)
def test_an_entry_can_name_only_registered_partners_and_apps(kind: str, entry: Any, error: str) -> None:  # noqa: ANN401 - any entry
    response = put_entry(kind, "p", entry)

    assert (response.status, response.code) == (400, "invalid_entry")
    assert [line for line in response.body["errors"] if "registered" in line] == [error]


@pytest.mark.usefixtures("stack")
def test_an_entry_that_names_very_many_unknown_apps_gets_a_short_answer() -> None:
    links = {f"app-{number}": "https://a.example" for number in range(45)}

    response = put_entry("suggestions", "p", document(make_suggestion(), links=links))

    assert len([line for line in response.body["errors"] if "registered" in line]) == 20


def test_the_order_of_another_partner_is_answered_like_one_that_does_not_exist(stack: Stack) -> None:
    stack.seed_catalog()
    stack.redemptions.add(make_redemption("r-1").reserved(stack.clock.instant))
    [order_id] = stack.run_planting_batch()
    number = view_order(order_id).body["ordered_trees"][0]["certificate"]
    reports = {"confirmations": confirmation(number), "failures": failure(number), "inspections": inspection(number)}

    def answers(named: str, client: str) -> list[str]:
        viewed = view_order(named, client=client)
        sent = [report(name, named, item, client=client) for name, item in reports.items()]
        return [json.dumps([answer.status, answer.body]) for answer in (viewed, *sent)]

    foreign = answers(order_id, "other-partner-client")

    assert foreign == answers("never-existed", "other-partner-client")
    assert all('404, {"title"' in answer and "unknown_order" in answer for answer in foreign)
    assert list_orders("other-partner-client").body == {"orders": [], "cursor": None}
    assert view_order(order_id).body["ordered_trees"][0]["state"] == "ordered"


def test_a_partner_that_loses_a_name_in_the_registry_loses_its_orders(stack: Stack, clock: StoppedClock) -> None:
    stack.seed_catalog()
    stack.redemptions.add(make_redemption("r-1").reserved(stack.clock.instant))
    [order_id] = stack.run_planting_batch()
    assert view_order(order_id).status == 200

    stack.register("partner-client", a_partner("partner", "China Green Foundation"))
    clock.instant += 3

    assert view_order(order_id).code == "unknown_order"
