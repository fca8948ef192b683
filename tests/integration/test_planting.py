"""Partners and their orders, public certificates, and the forest of a person."""

import json
from typing import Any

import pytest

from saxaul.catalog.versions import VersionedEntry
from tests.builders import DAY, NOON, confirmation, make_catalog, make_redemption, make_tree_project
from tests.integration.stack import Response, Stack, call, certificate, confirm, report, view_order


def placed_order(stack: Stack, redemption_id: str = "r-1", user_id: str = "u-42", **changes: Any) -> tuple[str, str]:  # noqa: ANN401 - any field
    """Order a reserved redemption. Return the id of the order and the certificate number of its first tree."""
    redemption = make_redemption(redemption_id, user_id=user_id, **changes).reserved(stack.clock.instant)
    stack.redemptions.add(redemption)
    number = redemption.trees[0].number
    stack.ledger.put_all([{"pk": f"CERT#{number}", "sk": "CERT", "user_id": user_id, "redemption_id": redemption_id}])
    [order_id] = stack.run_planting_batch()
    return order_id, number


def list_orders(client: str = "partner-client", **query: str) -> Response:
    return call("take_reports", "GET", "/planting-orders", client=client, query=query)


@pytest.fixture
def seeded(stack: Stack) -> Stack:
    stack.seed_catalog()
    return stack


def test_an_order_is_listed_for_the_partner_of_its_project_only(seeded: Stack) -> None:
    order_id, _ = placed_order(seeded)

    assert [order["order_id"] for order in list_orders().body["orders"]] == [order_id]
    assert list_orders("other-partner-client").body == {"orders": [], "cursor": None}
    assert view_order(order_id).body["partner"] == "Alxa SEE Foundation"


def test_viewing_or_confirming_the_order_of_another_partner_is_404(seeded: Stack) -> None:
    order_id, number = placed_order(seeded)

    seen = view_order(order_id, "other-partner-client")
    tried = confirm(order_id, confirmation(number), client="other-partner-client")

    assert [(response.status, response.code) for response in (seen, tried)] == [(404, "unknown_order")] * 2
    assert seeded.redemption("r-1").state == "ordered"


def test_only_partners_can_list_and_confirm_orders(seeded: Stack) -> None:
    order_id, number = placed_order(seeded)

    for client in ("alipay-client", "operator-client"):
        assert list_orders(client).code == "not_a_partner"
        assert confirm(order_id, confirmation(number), client=client).code == "not_a_partner"


def test_an_unknown_order_is_404(seeded: Stack) -> None:
    placed_order(seeded)

    assert view_order("saxaul-alxa-20260605-00000000").code == "unknown_order"


def test_orders_are_listed_newest_first(seeded: Stack) -> None:
    older, _ = placed_order(seeded, "r-1")
    seeded.clock.instant += DAY
    newer, _ = placed_order(seeded, "r-2")

    assert [order["order_id"] for order in list_orders().body["orders"]] == [newer, older]


def test_a_limited_list_has_the_newest_orders(seeded: Stack) -> None:
    placed_order(seeded, "r-1")
    seeded.clock.instant += DAY
    newer, _ = placed_order(seeded, "r-2")

    assert [order["order_id"] for order in list_orders(limit="1").body["orders"]] == [newer]


def test_each_invalid_confirmation_is_refused_and_the_others_are_accepted(seeded: Stack) -> None:
    order_id, number = placed_order(seeded, trees=2)

    response = confirm(order_id, confirmation("0000-0000-0000-0"), confirmation(number), confirmation(number, lat=91))

    assert (response.status, response.body["accepted"]) == (200, 1)
    assert [(refusal["index"], refusal["code"]) for refusal in response.body["refused"]] == [
        (0, "not_in_order"),
        (2, "invalid_confirmation"),
    ]
    assert [tree["state"] for tree in view_order(order_id).body["ordered_trees"]] == ["planted", "ordered"]
    assert view_order(order_id).body["state"] == "open"


@pytest.mark.parametrize("body", [{}, {"confirmations": []}, {"confirmations": {}}, []])
def test_a_body_must_be_a_list_of_confirmations(seeded: Stack, body: Any) -> None:  # noqa: ANN401 - a partner may send anything
    order_id, _ = placed_order(seeded)
    resource = "/planting-orders/{order_id}/confirmations"

    response = call("take_reports", "POST", resource, client="partner-client", path={"order_id": order_id}, body=body)

    assert (response.status, response.code) == (400, "invalid_body")


@pytest.mark.parametrize(
    ("name", "most"), [(name, 500) for name in ("confirmations", "failures", "inspections", "corrections")]
)
def test_a_request_has_a_highest_number_of_reports(seeded: Stack, name: str, most: int) -> None:
    order_id, _ = placed_order(seeded)

    assert report(name, order_id, *[{}] * most).code == "all_refused"
    refused = report(name, order_id, *[{}] * (most + 1))

    assert (refused.status, refused.code) == (400, "too_many_reports")


def test_a_latitude_close_to_zero_is_refused_as_out_of_reach(seeded: Stack) -> None:
    order_id, number = placed_order(seeded)

    response = confirm(order_id, confirmation(number, lat=1e-200))

    assert (response.status, [refused["code"] for refused in response.body["refused"]]) == (422, ["out_of_reach"])


@pytest.mark.parametrize("name", ["confirmations", "failures", "inspections", "corrections"])
def test_reports_that_are_all_refused_are_a_problem_with_the_reason_of_each(seeded: Stack, name: str) -> None:
    order_id, number = placed_order(seeded)

    response = report(name, order_id, {}, {"certificate": number})

    assert (response.status, response.code, response.body["accepted"]) == (422, "all_refused", 0)
    assert [(refused["index"], refused["certificate"], refused["code"]) for refused in response.body["refused"]] == [
        (0, None, f"invalid_{name[:-1]}"),
        (1, number, f"invalid_{name[:-1]}"),
    ]
    assert seeded.redemption("r-1").state == "ordered"


def test_a_planting_date_in_the_year_1_does_not_break_the_certificate(seeded: Stack) -> None:
    order_id, number = placed_order(seeded)

    confirm(order_id, confirmation(number, planted_at="0001-01-01T00:00:00+14:00"))

    assert certificate(number).status == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"planted_at": "1970-01-01T08:00:00+08:00"}, "planted_before_order"),
        ({"planted_at": "2026-06-05T13:00:00+08:00"}, "in_future"),
        ({"lat": 0, "lon": 0}, "out_of_reach"),
        ({"lat": -38.851}, "out_of_reach"),
        ({"lat": True}, "invalid_confirmation"),
        ({"tag": " "}, "invalid_confirmation"),
    ],
)
def test_a_confirmation_that_breaks_a_rule_is_refused_and_the_others_are_accepted(
    seeded: Stack, change: dict[str, object], code: str
) -> None:
    order_id, number = placed_order(seeded, trees=2)
    other = next(
        tree["certificate"] for tree in view_order(order_id).body["ordered_trees"] if tree["certificate"] != number
    )

    response = confirm(order_id, confirmation(number, **change), confirmation(other)).body

    assert (response["accepted"], [refusal["code"] for refusal in response["refused"]]) == (1, [code])


def test_an_order_keeps_the_place_that_its_project_had_when_it_was_placed(seeded: Stack) -> None:
    order_id, number = placed_order(seeded)
    project = make_tree_project()
    moved = project.model_copy(update={"place": project.place.model_copy(update={"lat": 1.0})})
    seeded.catalog_store.put("tree-projects", "saxaul-alxa", VersionedEntry(moved, 2))

    assert confirm(order_id, confirmation(number)).body["accepted"] == 1


def test_a_certificate_does_not_reveal_its_owner(seeded: Stack) -> None:
    order_id, number = placed_order(seeded, user_id="secret-user")
    confirm(order_id, confirmation(number))

    response = certificate(number)

    assert response.body["state"] == "planted"
    text = json.dumps(response.body)
    assert not [secret for secret in ("secret-user", "r-1", "alipay", "user") if secret in text]


def test_a_certificate_number_may_be_typed_in_lower_case_and_without_hyphens(seeded: Stack) -> None:
    _, number = placed_order(seeded)

    for typed in (number, number.lower(), number.replace("-", ""), number.replace("-", " ")):
        assert certificate(typed).body["certificate"] == number


@pytest.mark.parametrize("number", ["0000-0000-0000-0", "nonsense", "x" * 5000, "' OR 1=1", ""])
def test_an_unknown_certificate_number_is_404(seeded: Stack, number: str) -> None:
    placed_order(seeded)

    assert certificate(number).code == "unknown_certificate"


def test_a_certificate_does_not_exist_before_its_tree_is_reserved(seeded: Stack) -> None:
    redemption = make_redemption()
    seeded.redemptions.add(redemption)

    assert certificate(redemption.trees[0].number).code == "unknown_certificate"


def test_a_certificate_is_available_in_english_and_chinese(seeded: Stack) -> None:
    _, number = placed_order(seeded)

    chinese = call("prove_trees", "GET", "/certificates/{number}", path={"number": number}, query={"lang": "zh"}).body

    assert (chinese["species"], chinese["place"]) == ("梭梭", "内蒙古阿拉善")
    assert certificate(number).body["species"] == "Saxaul"


def test_a_certificate_is_still_shown_after_its_project_left_the_catalog(seeded: Stack) -> None:
    redemption = make_redemption(project_id="long-gone").reserved(NOON)
    number = redemption.trees[0].number
    seeded.redemptions.add(redemption)
    seeded.ledger.put_all([{"pk": f"CERT#{number}", "sk": "CERT", "user_id": "u-42", "redemption_id": "r-1"}])

    assert certificate(number).body["species"] is None
    assert certificate(number).body["project_id"] == "long-gone"


def test_a_forest_lists_only_the_users_own_trees_newest_first_and_no_rejected_ones(seeded: Stack) -> None:
    seeded.redemptions.add(make_redemption("r-1", dedication="older"))
    seeded.redemptions.add(make_redemption("r-2", trees=2, requested_at=NOON + DAY, dedication="newer"))
    seeded.redemptions.add(make_redemption("r-3").rejected("sold_out"))
    seeded.redemptions.add(make_redemption("r-4", user_id="u-43"))

    forest = call("view_forest", "GET", "/users/{user_id}/forest", path={"user_id": "u-42"}).body

    assert forest["user_id"] == "u-42"
    assert [(tree["dedication"], tree["state"]) for tree in forest["forest"]] == [
        ("newer", "requested"),
        ("newer", "requested"),
        ("older", "requested"),
    ]


def test_tree_projects_show_their_unreserved_saplings(stack: Stack) -> None:
    stack.seed_catalog(price_points=160, saplings=3)
    stack.seed("tree-projects", unreleased=make_catalog().tree_projects["saxaul-alxa"])

    projects = call("view_forest", "GET", "/tree-projects", query={"lang": "zh"}).body["projects"]

    assert [(project["project_id"], project["available"], project["price_points"]) for project in projects] == [
        ("saxaul-alxa", 3, 160),
        ("unreleased", 0, 160),
    ]
    assert projects[0]["species"] == "梭梭"


@pytest.mark.usefixtures("stack")
def test_a_user_without_any_action_has_an_empty_wallet() -> None:
    wallet = call("view_forest", "GET", "/users/{user_id}/wallet", path={"user_id": "nobody"}).body

    assert {wallet[name] for name in ("spendable", "ripening", "earned", "spent", "avoided_g")} == {0}
