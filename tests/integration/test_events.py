"""Each event in events/ is valid for its function, and the events in sequence lead from a ride to an ordered tree."""

import json

import pytest

from saxaul.ledger.actions import Owner
from saxaul.storage.table import Key, python
from tests.builders import at, make_entry, make_period, make_suggestion
from tests.integration.stack import FUNCTIONS, ROOT, Stack, event_of, invoke, parse_response

API = [
    *(
        "describe_api",
        "ingest_actions",
        "manage_apps",
        "manage_catalog",
        "manage_grants",
        "prove_trees",
        "redeem_trees",
    ),
    *("suggest_campaigns", "take_reports", "view_forest", "view_impact"),
]
MEI = Owner("user", "mei@example.com")
"""The user of the events. In a path, the id is ``mei%40example.com``."""


@pytest.fixture
def seeded(stack: Stack) -> Stack:
    """The state before the first event: a catalog, and a user with 18,000 points."""
    stack.seed_catalog(price_points=17_900)
    stack.seed("suggestions", take_the_bus=make_suggestion())
    stack.put_period(
        make_period(make_entry(18_000, occurred_at=at("2026-05-30T12:00")), window="2026-05-30", owner=MEI, version=0)
    )
    return stack


def test_every_function_has_an_event_and_every_event_has_a_function() -> None:
    assert sorted(path.stem for path in (ROOT / "events").glob("*.json")) == FUNCTIONS


@pytest.mark.parametrize("function", API)
@pytest.mark.usefixtures("seeded")
def test_an_event_of_the_api_gets_a_successful_response(function: str) -> None:
    response = parse_response(invoke(function, event_of(function)))

    assert 200 <= response.status < 300, response.body


@pytest.mark.parametrize("function", API)
def test_an_event_of_the_api_is_complete(function: str) -> None:
    event = event_of(function)

    is_public = function in ("describe_api", "prove_trees")
    assert is_public == ("authorizer" not in event["requestContext"])
    assert is_public or event["requestContext"]["authorizer"]["claims"]["scope"]
    assert event["path"] == event["resource"].format_map(event["pathParameters"] or {})
    assert event["isBase64Encoded"] is False


@pytest.mark.parametrize("function", API)
def test_an_event_of_the_api_has_the_shape_of_a_rest_api_event(function: str) -> None:
    event = event_of(function)
    context = event["requestContext"]

    assert "version" not in event
    assert {name: [value] for name, value in event["headers"].items()} == event["multiValueHeaders"]
    assert {"Accept", "Host"} <= event["headers"].keys(), "a REST API keeps the case of header names"
    query = event["queryStringParameters"]
    several = event["multiValueQueryStringParameters"]
    assert several == (query and {name: [value] for name, value in query.items()})
    assert (context["path"], context["resourcePath"]) == (f"/{context['stage']}{event['path']}", event["resource"])
    assert context["domainName"] == event["headers"]["Host"]
    assert not {"@", " "} & set(event["path"]), "a REST API keeps the path percent-encoded"


QUEUES = ["accrue_points", "settle_redemptions", "place_orders", "hash_photos", "sequence_log", "cosign_checkpoints"]


@pytest.mark.parametrize("function", QUEUES)
@pytest.mark.usefixtures("seeded")
def test_an_event_of_a_queue_has_no_failures(function: str) -> None:
    assert invoke(function, event_of(function)) == {"batchItemFailures": []}


@pytest.mark.usefixtures("seeded")
def test_the_event_of_the_schedule_queues_no_project_while_no_tree_is_reserved() -> None:
    assert invoke("schedule_orders", event_of("schedule_orders")) == {"projects": []}


def test_the_ingest_event_queues_the_messages_of_the_accrual_event(
    seeded: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = [record["body"] for record in event_of("accrue_points")["Records"]]
    monkeypatch.setattr("saxaul.services.ingest.new_receipt_id", lambda: json.loads(bodies[0])["receipt"])

    invoke("ingest_actions", event_of("ingest_actions"))

    assert seeded.receive_all(seeded.actions_url) == bodies


def test_the_accrual_event_writes_the_item_of_the_tally_event(seeded: Stack) -> None:
    invoke("accrue_points", event_of("accrue_points"))
    [change] = [record["dynamodb"] for record in event_of("tally_impact")["Records"]]

    stored = seeded.ledger.get(Key(**{name: key["S"] for name, key in change["Keys"].items()}))

    assert stored == python(change["NewImage"])


@pytest.mark.parametrize("function", ["find_repeats", "tally_impact"])
def test_the_functions_that_read_the_stream_get_the_same_change(function: str) -> None:
    [change] = event_of(function)["Records"]

    assert change["dynamodb"] == event_of("tally_impact")["Records"][0]["dynamodb"]
    assert ("shardId" in event_of(function)) == (function == "tally_impact"), "only a tumbling window names the shard"


def test_the_event_of_find_repeats_queues_nothing_while_no_id_is_repeated(seeded: Stack) -> None:
    invoke("accrue_points", event_of("accrue_points"))
    invoke("find_repeats", event_of("find_repeats"))

    assert seeded.receive_all(seeded.actions_url) == []


def test_the_redemption_event_queues_the_message_of_the_settlement_event(seeded: Stack) -> None:
    parse_response(invoke("redeem_trees", event_of("redeem_trees")))

    bodies = seeded.receive_all(seeded.redemptions_url)

    assert [json.loads(body) for body in bodies] == [
        json.loads(record["body"]) for record in event_of("settle_redemptions")["Records"]
    ]


def test_the_events_in_sequence_lead_to_an_ordered_tree(seeded: Stack) -> None:
    beginning = [
        "manage_apps",
        "end_overlaps",
        "manage_catalog",
        "manage_grants",
        "suggest_campaigns",
        "ingest_actions",
        "accrue_points",
        "find_repeats",
        "tally_impact",
    ]
    redeeming = ["redeem_trees", "sweep_redemptions", "settle_redemptions", "schedule_orders", "place_orders"]
    logging = ["hash_photos", "sequence_log", "cosign_checkpoints"]
    story = [
        *beginning,
        *redeeming,
        "take_reports",
        *logging,
        "view_forest",
        "manage_persons",
        "prove_trees",
        "view_impact",
    ]

    responses = {}
    for function in story:
        responses[function] = invoke(function, event_of(function))

    assert sorted([*story, "describe_api", "publish_catalog"]) == FUNCTIONS
    assert responses["schedule_orders"] == {"projects": ["saxaul-alxa"]}
    assert seeded.receive_all(seeded.planting_url) == [record["body"] for record in event_of("place_orders")["Records"]]
    assert len(parse_response(responses["take_reports"]).body["orders"]) == 1
    exported = parse_response(responses["manage_persons"]).body
    assert '"kind":"ordered_tree"' in exported
    forest = parse_response(responses["view_forest"]).body
    assert [(tree["state"], tree["dedication"]) for tree in forest["forest"]] == [("ordered", "For the desert")]
    assert [list(period.entries) for period in seeded.periods_of(MEI.id) if period.key.window == "2026-06-05"] == [
        ["alipay:ride-1"]
    ]
