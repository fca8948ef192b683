"""The contract with a planting partner: the fields of each response, and that one response fits the next request."""

import csv
import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from saxaul.catalog.versions import VersionedEntry
from saxaul.storage.clients import s3
from tests.builders import DAY, confirmation, failure, inspection, make_redemption
from tests.integration.stack import Response, Stack, call, confirm, report, view_order, view_redemption, wallet_of

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
    assert view_order(order_id).body["state"] == "planted"


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

    found, cursor = [], ""
    while True:
        page = list_orders(limit="2", cursor=cursor).body
        found += [order["order_id"] for order in page["orders"]]
        cursor = page["cursor"]
        if cursor is None:
            break

    assert sorted(found) == sorted(placed)
    assert len(found) == len(set(found)) == 5


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


def test_the_owner_sees_every_step_of_a_tree_and_the_public_sees_the_steps_in_the_log(seeded: Stack) -> None:
    reserve(seeded, "r-1", user_id="u-42")
    [order_id] = seeded.run_planting_batch()
    number = view_order(order_id).body["ordered_trees"][0]["certificate"]
    seeded.ledger.put_all([{"pk": f"CERT#{number}", "sk": "CERT", "user_id": "u-42", "redemption_id": "r-1"}])
    confirm(order_id, confirmation(number))
    report("inspections", order_id, inspection(number, "dead"), inspection(number, "replaced"))

    forest = call("view_forest", "GET", "/users/{user_id}/forest", path={"user_id": "u-42"}).body
    public = call("prove_trees", "GET", "/certificates/{number}", client=None, path={"number": number}).body

    [tree] = forest["forest"]
    assert [step["state"] for step in tree["history"]] == ["reserved", "ordered", "planted", "dead", "replaced"]
    assert [step["inspector"] for step in tree["history"][-2:]] == ["Forestry Bureau"] * 2
    assert tree["history"] == view_redemption("r-1")["lives"][0]["history"]
    assert [step["state"] for step in public["history"]] == ["planted", "dead", "replaced"]
    assert public["tree"]["tag"] == tree["tree"]["tag"] == "AX-0002"
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
