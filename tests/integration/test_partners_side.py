"""The contract with a planting partner: the fields of each response, and that one response fits the next request."""

import csv
import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from saxaul.catalog.versions import VersionedEntry
from saxaul.storage import table
from saxaul.storage.clients import s3
from saxaul.storage.orders import Orders
from saxaul.storage.table import Item, python
from saxaul.trees.orders import OrderProgress
from tests.builders import DAY, confirmation, failure, inspection, make_redemption, make_tree_project
from tests.integration.public_log import PublishedFiles
from tests.integration.stack import (
    Response,
    Stack,
    call,
    confirm,
    put_entry,
    report,
    tree_projects,
    view_order,
    view_redemption,
    wallet_of,
)
from tests.integration.test_manage_catalog import document

Row = dict[str, str]


@pytest.fixture
def seeded(stack: Stack) -> Stack:
    stack.seed_catalog()
    return stack


def reserve(stack: Stack, redemption_id: str, **changes: Any) -> None:  # noqa: ANN401 - any field
    stack.redemptions.add(make_redemption(redemption_id, **changes).reserved(stack.clock.instant))


def list_orders(client: str = "partner-client", **query: str) -> Response:
    return call("take_reports", "GET", "/planting-orders", client=client, query=query)


def fetched(link: str) -> bytes:
    """Return the file of a manifest link. It is read from the bucket, because nothing serves the links of moto."""
    parts = urlsplit(link)
    assert {"X-Amz-Signature", "X-Amz-Expires"} <= parse_qs(parts.query).keys()
    key = unquote(parts.path).removeprefix("/manifests").removeprefix("/")
    return s3().get_object(Bucket="manifests", Key=key)["Body"].read()


def manifest_of(order_id: str) -> list[Row]:
    link = view_order(order_id).body["manifest"]["csv"]
    return list(csv.DictReader(fetched(link).decode("utf-8-sig").splitlines()))


def test_the_manifest_has_everything_that_a_partner_needs_to_confirm_the_order(seeded: Stack) -> None:
    for number in range(5):
        reserve(seeded, f"r-{number}", user_id=f"u-{number}", trees=2)
    [order_id] = seeded.run_planting_batch()

    rows = manifest_of(order_id)
    response = confirm(order_id, *(confirmation(row["certificate"], tag=f"AX-{row['certificate']}") for row in rows))

    assert {row["order_id"] for row in rows} == {order_id}
    assert response.body == {"accepted": 10, "refused": []}
    assert view_order(order_id).body["state"] == "closed"


def test_the_manifest_the_order_and_the_event_agree(seeded: Stack) -> None:
    reserve(seeded, "r-1", trees=3)
    [order_id] = seeded.run_planting_batch()

    order, [event] = view_order(order_id).body, seeded.events_on_the_bus()

    document = json.loads(fetched(order["manifest"]["json"]))
    assert event == {
        "order_id": order_id,
        "project_id": "saxaul-alxa",
        "partner": "Alxa SEE Foundation",
        "ordered_at": order["ordered_at"],
        "trees": 3,
    }
    assert {name: document[name] for name in ("order_id", "project_id", "partner", "ordered_at")} == {
        name: order[name] for name in ("order_id", "project_id", "partner", "ordered_at")
    }
    listed = [
        {"certificate": tree["certificate"], "redemption_id": tree["redemption_id"]} for tree in order["ordered_trees"]
    ]
    assert document["ordered_trees"] == listed
    assert [row["certificate"] for row in manifest_of(order_id)] == [tree["certificate"] for tree in listed]


def test_the_responses_to_a_partner_have_exactly_the_agreed_fields(seeded: Stack) -> None:
    reserve(seeded, "r-1")
    [order_id] = seeded.run_planting_batch()
    number = view_order(order_id).body["ordered_trees"][0]["certificate"]

    listed, order = list_orders().body, view_order(order_id).body
    responses = [
        report("failures", order_id, failure("x")),
        report("confirmations", order_id, confirmation("x"), confirmation(number)),
        report("inspections", order_id, inspection(number)),
    ]

    assert listed.keys() == {"orders", "cursor"}
    of_list = {"order_id", "project_id", "partner", "ordered_at", "state", "trees", "open_trees"}
    assert listed["orders"][0].keys() == of_list
    assert order.keys() == of_list | {"site", "ordered_trees", "manifest"}
    assert order["ordered_trees"][0].keys() == {"certificate", "redemption_id", "state"}
    assert order["manifest"].keys() == {"csv", "json", "expires_at"}
    assert [response.body.keys() - {"title", "status", "code", "detail"} for response in responses] == [
        {"accepted", "refused"}
    ] * 3
    assert responses[0].body["refused"][0].keys() == {"index", "certificate", "code", "detail"}


def test_orders_are_listed_page_by_page_and_each_once(seeded: Stack) -> None:
    placed = []
    for number in range(5):
        reserve(seeded, f"r-{number}")
        placed += seeded.run_planting_batch()
        seeded.clock.instant += DAY * (number % 2)  # some orders are placed in the same second

    page = list_orders(limit="2").body
    found = [order["order_id"] for order in page["orders"]]
    while page["cursor"]:
        page = list_orders(limit="2", cursor=page["cursor"]).body
        found += [order["order_id"] for order in page["orders"]]

    assert sorted(found) == sorted(placed)
    assert len(found) == len(set(found)) == 5


def states(**query: str) -> list[tuple[str, str, int, int]]:
    orders = list_orders(**query).body["orders"]
    return [(order["order_id"], order["state"], order["trees"], order["open_trees"]) for order in orders]


def test_the_list_of_orders_says_how_many_trees_are_still_to_be_planted(seeded: Stack) -> None:
    reserve(seeded, "r-1", trees=3)
    [order_id] = seeded.run_planting_batch()
    first, second, third = (tree["certificate"] for tree in view_order(order_id).body["ordered_trees"])

    seen = [states()]
    for name, sent in (
        ("confirmations", confirmation(first)),
        ("confirmations", confirmation(first)),
        ("inspections", inspection(first)),
        ("failures", failure(second)),
        ("failures", failure(second)),
        ("confirmations", confirmation(third, tag="AX-3")),
    ):
        assert report(name, order_id, sent).body["accepted"] == 1
        seen.append(states())
        [summary] = list_orders().body["orders"]
        assert summary.items() <= view_order(order_id).body.items()

    assert [(state, open_trees) for [(_, state, _, open_trees)] in seen] == [
        *(("open", 3), ("open", 2), ("open", 2), ("open", 2)),
        *(("open", 1), ("open", 1), ("closed", 0)),
    ]


def test_orders_are_listed_by_their_state(seeded: Stack) -> None:
    placed = []
    for number in range(5):
        reserve(seeded, f"r-{number}")
        placed += seeded.run_planting_batch()
        seeded.clock.instant += 60
    for order_id in placed[1:4:2]:
        number = view_order(order_id).body["ordered_trees"][0]["certificate"]
        assert confirm(order_id, confirmation(number)).body["accepted"] == 1

    newest_first = placed[::-1]
    open_orders, closed = states(state="open"), states(state="closed")
    first = list_orders(state="open", limit="2").body
    rest = list_orders(state="open", limit="2", cursor=first["cursor"]).body

    assert [order_id for order_id, *_ in open_orders] == newest_first[::2]
    assert [order_id for order_id, *_ in closed] == newest_first[1::2]
    assert {(state, open_trees) for _, state, _, open_trees in open_orders} == {("open", 1)}
    assert [order["order_id"] for page in (first, rest) for order in page["orders"]] == newest_first[::2]
    assert (rest["cursor"], [order_id for order_id, *_ in states()]) == (None, newest_first)
    assert list_orders("other-partner-client", state="open").body["orders"] == []


def test_a_list_of_another_state_is_refused(seeded: Stack) -> None:
    assert seeded.run_planting_batch() == []
    assert list_orders(state="dead").code == "invalid_parameter"


def test_a_list_of_orders_reads_neither_the_orders_nor_their_redemptions(
    seeded: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        reserve(seeded, f"r-{number}", trees=2)
    seeded.run_planting_batch()
    read: list[str] = []

    def watched(raw_item: Any) -> Item:  # noqa: ANN401 - DynamoDB's own notation
        item = python(raw_item)
        if "list_order" not in item or "partner" in item:  # else it is the key of an index
            read.append(item["pk"].partition("#")[0])
        return item

    monkeypatch.setattr(table, "python", watched)

    assert len(states(state="open")) == 1
    assert {kind for kind in read if kind != "clients"} == {"PROGRESS"}


def test_two_reports_at_once_on_one_order_count_each_tree_once(seeded: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2):
        reserve(seeded, f"r-{number}", user_id=f"u-{number}")
    [order_id] = seeded.run_planting_batch()
    first, second = (tree["certificate"] for tree in view_order(order_id).body["ordered_trees"])
    read, rivals = Orders.progress, [lambda: report("failures", order_id, failure(second))]

    def overtaken(orders: Orders, order_id: str) -> OrderProgress:
        progress = read(orders, order_id)
        if rivals:
            assert rivals.pop()().status == 200
        return progress

    monkeypatch.setattr(Orders, "progress", overtaken)

    assert report("failures", order_id, failure(first)).body["accepted"] == 1
    assert states() == [(order_id, "closed", 2, 0)]


def test_an_order_and_both_manifests_have_the_coordinates_of_the_site(seeded: Stack) -> None:
    reserve(seeded, "r-1")
    [order_id] = seeded.run_planting_batch()
    order = view_order(order_id).body

    [row] = manifest_of(order_id)
    document = json.loads(fetched(order["manifest"]["json"]))

    place = make_tree_project().place
    site = {"lat": place.lat, "lon": place.lon, "radius_km": place.radius_km}
    assert order["site"] == document["site"] == site | {"area": None}
    assert {name: float(row[name]) for name in site} == site
    assert (document["trees"], len(document["ordered_trees"])) == (1, 1)


SQUARE = [[105.7, 38.8], [105.8, 38.8], [105.8, 38.9], [105.7, 38.9], [105.7, 38.8]]
HOLE = [[105.72, 38.82], [105.72, 38.84], [105.74, 38.84], [105.74, 38.82], [105.72, 38.82]]


def test_an_area_of_a_project_is_frozen_in_its_orders_and_decides_where_trees_may_be(seeded: Stack) -> None:
    area = {"type": "Polygon", "coordinates": [SQUARE, HOLE]}
    entry = document(make_tree_project())
    place = {name: value for name, value in entry["place"].items() if name != "radius_km"}
    written = put_entry("tree-projects", "saxaul-alxa", entry | {"place": place | {"area": area}})
    assert (written.status, written.body["place"]["area"]) == (200, area)
    seeded.clock.instant += DAY
    reserve(seeded, "r-1", trees=3)
    [order_id] = seeded.run_planting_batch()
    assert put_entry("tree-projects", "saxaul-alxa", entry).status == 200, "a later change does not matter"

    order = view_order(order_id).body
    inside, in_the_hole, outside = (tree["certificate"] for tree in order["ordered_trees"])
    response = confirm(
        order_id,
        confirmation(inside, tag="AX-1", lat=38.9, lon=105.75, planted_at="2026-06-06T12:00:00+08:00"),
        confirmation(in_the_hole, tag="AX-2", lat=38.83, lon=105.73, planted_at="2026-06-06T12:00:00+08:00"),
        confirmation(outside, tag="AX-3", lat=38.85, lon=105.81, planted_at="2026-06-06T12:00:00+08:00"),
    )

    assert order["site"]["area"] == area
    assert order["site"] == json.loads(fetched(order["manifest"]["json"]))["site"]
    assert float(manifest_of(order_id)[0]["radius_km"]) == order["site"]["radius_km"]
    assert [(refusal["certificate"], refusal["code"]) for refusal in response.body["refused"]] == [
        (in_the_hole, "out_of_reach"),
        (outside, "out_of_reach"),
    ]
    assert "inside its area" in response.body["refused"][0]["detail"]


def test_an_area_that_cannot_be_is_refused_with_its_reason_and_the_projects_show_those_that_can(
    seeded: Stack,
) -> None:
    entry = document(make_tree_project())
    place = {name: value for name, value in entry["place"].items() if name != "radius_km"}
    crossed = [SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3], SQUARE[0]]
    refused = put_entry(
        "tree-projects", "p-2", entry | {"place": place | {"area": {"type": "Polygon", "coordinates": [crossed]}}}
    )
    area = {"type": "Polygon", "coordinates": [SQUARE]}
    assert put_entry("tree-projects", "p-2", entry | {"place": place | {"area": area}}).status == 200
    seeded.clock.instant += DAY

    assert refused.code == "invalid_entry"
    assert refused.body["errors"] == ["place.area.coordinates: a ring must not cross or touch itself"]
    shown = {project["project_id"]: project["site"]["area"] for project in tree_projects().body["projects"]}
    assert shown == {"saxaul-alxa": None, "p-2": area}


@pytest.mark.parametrize("cursor", ["nonsense!", "%%%", "é", "AA", "====", "/w=="])
def test_an_invalid_cursor_is_refused(seeded: Stack, cursor: str) -> None:
    assert seeded.run_planting_batch() == []
    assert list_orders(cursor=cursor).code == "invalid_parameter"


def test_a_report_on_the_order_of_another_partner_is_refused_and_changes_nothing(seeded: Stack) -> None:
    reserve(seeded, "r-1")
    [order_id] = seeded.run_planting_batch()
    number = view_order(order_id).body["ordered_trees"][0]["certificate"]

    for name, sent in (("failures", failure(number)), ("inspections", inspection(number))):
        assert report(name, order_id, sent, client="other-partner-client").code == "unknown_order"
        assert report(name, order_id, sent, client="alipay-client").code == "not_a_partner"
    assert view_redemption("r-1")["state"] == "ordered"


def test_a_tree_that_fails_in_three_orders_is_refunded(stack: Stack) -> None:
    stack.seed_catalog(price_points=160)
    stack.add_wallet(0)
    stack.wallets.put(stack.wallet().__class__("u-42", balance=40, spent=160, version=1))
    reserve(stack, "r-1")
    seen = []
    for _ in range(3):
        [order_id] = stack.run_planting_batch()
        number = view_order(order_id).body["ordered_trees"][0]["certificate"]
        assert report("failures", order_id, failure(number)).body == {"accepted": 1, "refused": []}
        assert report("failures", order_id, failure(number)).body == {"accepted": 1, "refused": []}
        seen.append(view_redemption("r-1"))
        assert view_order(order_id).body["ordered_trees"][0]["state"] == "failed"

    assert [redemption["state"] for redemption in seen] == ["ordered", "ordered", "refunded"]
    assert stack.run_planting_batch() == []
    assert (wallet_of()["spendable"], wallet_of()["spent"]) == (200, 0)
    assert seen[-1]["refunded_points"] == 160
    [life] = seen[-1]["lives"]
    assert [(step["state"], step["reason"]) for step in life["history"]] == [
        ("reserved", None),
        ("ordered", None),
        ("reserved", "frost"),
        ("ordered", None),
        ("reserved", "frost"),
        ("ordered", None),
        ("refunded", "frost"),
    ]


def test_the_owner_sees_every_step_of_a_tree_and_the_public_sees_the_steps_in_the_log(
    seeded: Stack, log: PublishedFiles
) -> None:
    reserve(seeded, "r-1", user_id="u-42")
    [order_id] = seeded.run_planting_batch()
    number = view_order(order_id).body["ordered_trees"][0]["certificate"]
    seeded.ledger.put_all([{"pk": f"CERT#{number}", "sk": "CERT", "user_id": "u-42", "redemption_id": "r-1"}])
    confirm(order_id, confirmation(number))
    report("inspections", order_id, inspection(number, "dead"), inspection(number, "replaced"))
    log.publish()

    forest = call("view_forest", "GET", "/users/{user_id}/forest", path={"user_id": "u-42"}).body
    public = call("prove_trees", "GET", "/certificates/{number}", client=None, path={"number": number}).body

    [tree] = forest["forest"]
    assert [step["state"] for step in tree["history"]] == ["reserved", "ordered", "planted", "dead", "replaced"]
    assert [step["inspector"] for step in tree["history"][-2:]] == ["Forestry Bureau"] * 2
    assert tree["history"] == view_redemption("r-1")["lives"][0]["history"]
    assert [step["state"] for step in public["history"]] == ["planted", "dead", "replaced"]
    assert public["tree"]["tag"] == tree["tree"]["tag"] == f"BX-{number}"
    assert "Forestry" not in str(public)


def test_a_certificate_shows_the_partner_at_the_time_of_the_order_even_if_the_catalog_changes(seeded: Stack) -> None:
    reserve(seeded, "r-1")
    [order_id] = seeded.run_planting_batch()
    number = view_order(order_id).body["ordered_trees"][0]["certificate"]
    seeded.ledger.put_all([{"pk": f"CERT#{number}", "sk": "CERT", "user_id": "u-42", "redemption_id": "r-1"}])
    known = seeded.catalog_store.get("tree-projects", "saxaul-alxa")
    assert known
    assert known.entity
    renamed = known.entity.model_copy(update={"partner": "Somebody Else"})
    seeded.catalog_store.put("tree-projects", "saxaul-alxa", VersionedEntry(renamed, known.version + 1))
    seeded.clock.instant += DAY

    public = call("prove_trees", "GET", "/certificates/{number}", client=None, path={"number": number}).body

    assert public["partner"] == "Alxa SEE Foundation"
