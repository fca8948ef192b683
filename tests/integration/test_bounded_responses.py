"""Responses stay small and in time, whatever clients sent before."""

import json
from typing import Any

import pytest

from saxaul.deadline import DEADLINE, OutOfTimeError, UnansweredError
from saxaul.http.sizes import MAX_PAGE_BYTES, MAX_RESPONSE_BYTES
from saxaul.services.harvest import Harvesting
from saxaul.services.read_forest import ForestReading, ShownProjects, forest_reading
from saxaul.storage import table
from saxaul.storage.clients import LONGEST_ATTEMPT
from saxaul.storage.table import Item, python
from tests.builders import NOON, make_catalog, make_redemption
from tests.integration.stack import (
    SCOPES,
    Context,
    Stack,
    api_event,
    call,
    harvest,
    invoke,
    put_entry,
    redeem,
    report_actions,
)

HOSTILE = ["x", "绿", '"', "\x00", "\U0001f333"]
FOREST = ("view_forest", "GET", "/users/{user_id}/forest")


def size(raw: Any) -> int:  # noqa: ANN401 - the result of a function
    return len(json.dumps(raw).encode())


@pytest.fixture(autouse=True)
def no_deadline() -> Any:  # noqa: ANN401 - a fixture
    yield
    DEADLINE.clear()


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("character", ['"', "\U0001f333"])
def test_the_response_to_500_actions_with_1000_unknown_fields_each_is_small(character: str) -> None:
    fields = {f"{n}{character}": 1 for n in range(1000)}
    actions = [fields | {"action_id": character * 1000} for _ in range(499)]
    actions.append({f"{character * 5000}{n}": 1 for n in range(100)})

    response = report_actions(*actions)

    assert (response.status, len(response.body["refused"])) == (422, 500)
    assert size(json.dumps(response.body, ensure_ascii=False)) < 1_000_000
    assert len(json.dumps(response.body, ensure_ascii=False).encode()) < 500_000


@pytest.mark.parametrize("character", HOSTILE)
def test_a_path_and_a_body_of_long_texts_get_a_short_problem(stack: Stack, character: str) -> None:
    stack.seed_catalog()
    kind = call("manage_catalog", "GET", "/catalog/{kind}", client="operator-client", path={"kind": character * 5000})
    fields: dict[str, Any] = {f"{character * 100}{n}": 1 for n in range(1000)}
    body = call(
        "redeem_trees",
        "POST",
        "/users/{user_id}/redemptions",
        path={"user_id": "u-42"},
        body=fields,
        headers={"Idempotency-Key": "k"},
    )

    assert (kind.code, body.code) == ("unknown_kind", "invalid_body")
    assert len(json.dumps(kind.body)) < 3000
    assert len(body.body["errors"]) == 11


def test_the_versions_of_large_entries_are_listed_in_pages_that_lambda_accepts(stack: Stack) -> None:
    key = "suggestions/large"
    document = {"titles": {"en": "x", "zh": "x"}, "texts": {"en": "x", "zh": "绿" * 10_000}}
    stack_items = [
        {"pk": key, "sk": f"{number:08d}", "document": json.dumps(document), "changed_at": 1, "changed_by": "op"}
        for number in range(1, 151)
    ]
    stack.catalog_store._table.put_all(stack_items)  # noqa: SLF001 - the entry itself would be refused as too long

    numbers, query = [], {"limit": "200"}
    while True:
        event = api_event(
            "GET",
            "/catalog/{kind}/{id}/versions",
            path={"kind": "suggestions", "id": "large"},
            query=query,
        )
        event["requestContext"]["authorizer"] = {"claims": {"client_id": "operator-client", "scope": SCOPES}}
        raw = invoke("manage_catalog", event)
        assert raw["statusCode"] == 200
        assert size(raw) < MAX_PAGE_BYTES * 1.1
        page = json.loads(raw["body"])
        numbers += [version["version"] for version in page["versions"]]
        if not page["cursor"]:
            break
        query = {"limit": "200", "cursor": page["cursor"]}

    assert numbers == list(range(150, 0, -1))


def test_a_response_that_lambda_would_refuse_is_replaced_by_a_problem_and_logged(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stack.seed_catalog()
    project = stack.catalog_store.catalog().tree_projects["saxaul-alxa"]
    large = project.model_copy(update={"partner": "绿" * (MAX_RESPONSE_BYTES // 6)})
    shown = ShownProjects({"saxaul-alxa": large}, forest_reading().projects().stocks, NOON)
    monkeypatch.setattr(ForestReading, "projects", lambda _: shown)

    response = call("view_forest", "GET", "/tree-projects")

    assert (response.status, response.code) == (400, "response_too_large")
    assert "the response is too large" in caplog.text


def test_a_forest_is_read_page_by_page_and_shows_each_tree_once(stack: Stack) -> None:
    stack.seed_catalog()
    for number in range(40):
        redemption = make_redemption(f"r-{number}", trees=number % 4 + 1, requested_at=NOON + number // 3)
        stack.redemptions.add(redemption.cancelled() if number % 5 == 0 else redemption)

    pages, query = [], {"limit": "7"}
    while True:
        page = call(*FOREST, path={"user_id": "u-42"}, query=query).body
        pages.append(page["forest"])
        if not page["cursor"]:
            break
        query = {"limit": "7", "cursor": page["cursor"]}

    trees = [tree for page in pages for tree in page]
    assert [len(page) for page in pages[:-1]] == [7] * (len(pages) - 1)
    assert len({tree["certificate"] for tree in trees}) == len(trees) == sum(n % 4 + 1 for n in range(40) if n % 5)
    assert sorted(trees, key=lambda tree: tree["requested_at"], reverse=True) == trees
    whole = call(*FOREST, path={"user_id": "u-42"}, query={"limit": "100"}).body
    assert whole["forest"] == trees[:100]


def test_a_forest_continues_at_its_place_if_the_redemption_there_was_cancelled(stack: Stack) -> None:
    stack.seed_catalog()
    for number in range(3):
        stack.redemptions.add(make_redemption(f"r-{number}", trees=2, requested_at=NOON + number))
    first = call(*FOREST, path={"user_id": "u-42"}, query={"limit": "3"}).body

    stack.redemptions.write_cancellation(stack.redemption("r-1").cancelled(), refunded=False)
    rest = call(*FOREST, path={"user_id": "u-42"}, query={"cursor": first["cursor"]}).body

    assert [tree["redemption_id"] for tree in first["forest"]] == ["r-2", "r-2", "r-1"]
    assert [tree["redemption_id"] for tree in rest["forest"]] == ["r-0", "r-0"]


def test_cancelled_redemptions_are_not_read_for_a_forest(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.seed_catalog()
    stack.redemptions.add(make_redemption("r-1"))
    for number in range(100):
        stack.redemptions.add(make_redemption(f"cancelled-{number}"))
        stack.redemptions.write_cancellation(stack.redemption(f"cancelled-{number}").cancelled(), refunded=False)
    read: list[Item] = []

    def watched(raw_item: Any) -> Item:  # noqa: ANN401 - DynamoDB's own notation
        read.append(python(raw_item))
        return read[-1]

    monkeypatch.setattr(table, "python", watched)

    trees = call(*FOREST, path={"user_id": "u-42"}).body["forest"]

    assert [tree["redemption_id"] for tree in trees] == ["r-1"]
    assert len(read) < 20


@pytest.mark.parametrize(("limit", "code"), [(159, "price_changed"), (160, None), (1000, None)])
def test_trees_never_cost_more_than_max_points(stack: Stack, limit: int, code: str | None) -> None:
    stack.seed_catalog(price_points=80)
    stack.add_wallet(1000)

    response = redeem(trees=2, max_points=limit)

    assert response.body.get("code") == code
    assert response.status == (409 if code else 202)
    assert response.body.get("points") == (None if code else 160)
    assert len(stack.redemptions.of_user("u-42")) == (0 if code else 1)


def test_a_raised_price_is_refused_and_the_same_key_works_with_the_new_price(stack: Stack) -> None:
    stack.seed_catalog(price_points=200)
    stack.add_wallet(1000)

    refused = redeem("k", max_points=160)
    accepted = redeem("k", max_points=200)
    again = redeem("k", max_points=200)
    other = redeem("k", max_points=250)

    assert (refused.code, "200 points" in refused.body["detail"]) == ("price_changed", True)
    assert (accepted.status, again.body["replay"], other.code) == (202, True, "key_reused")


def test_a_price_that_rises_between_the_request_and_the_settlement_is_not_taken(stack: Stack) -> None:
    stack.seed_catalog(price_points=160)
    stack.add_wallet(1000)
    redemption_id = redeem(max_points=160).body["redemption_id"]

    raised = make_catalog().tree_projects["saxaul-alxa"].model_copy(update={"price_points": 900})
    assert (
        put_entry("tree-projects", "saxaul-alxa", raised.model_dump(mode="json", exclude_defaults=True)).status == 200
    )
    stack.settle(*stack.receive_all(stack.redemptions_url))

    assert stack.redemption(redemption_id).state == "reserved"
    assert (stack.wallet().balance, stack.wallet().spent) == (840, 160)


@pytest.mark.parametrize("limit", [-1, 1.5, "160", True, 10**16])
def test_max_points_is_a_whole_number(stack: Stack, limit: object) -> None:
    stack.seed_catalog()

    assert redeem(max_points=limit).code == "invalid_body"


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("error", [OutOfTimeError(), UnansweredError("timeout")])
def test_a_request_that_cannot_be_finished_in_time_is_503_with_retry_after(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Harvesting, "harvest", fail)

    response = harvest()

    assert (response.status, response.code, response.headers["retry-after"]) == (503, "busy", "2")


@pytest.mark.usefixtures("stack")
def test_no_aws_call_begins_when_too_little_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    for left, status in ((LONGEST_ATTEMPT + 5, 200), (LONGEST_ATTEMPT, 503), (0, 503)):
        monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _, left=left: left * 1000)

        assert harvest().status == status
