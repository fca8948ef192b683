"""The metrics in the log lines of the real functions: a line is valid and the only one, and counts what happened."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from saxaul.catalog.entries import Cap
from saxaul.catalog.versions import VersionedEntry
from saxaul.http.request import CHECK
from saxaul.observability import METRICS, NAMESPACE, SAPLINGS_LEFT
from saxaul.storage.clients import dynamodb
from saxaul.storage.receipts import SHARDS
from tests.builders import DAY, SHANGHAI, make_action_type, make_tree_project, reported
from tests.emf import metrics_of
from tests.integration.log_lines import Lines
from tests.integration.stack import (
    Context,
    Stack,
    api_event,
    call,
    deliver,
    event_of,
    invoke,
    redeem,
    report_actions,
    report_reversals,
)
from tests.template.test_dashboard import of_type

Values = Mapping[str, tuple[float, ...]]


def measured(lines: Lines) -> Values:
    """Return the metrics of the only line that was written since the last call: their names and values."""
    [line] = lines.taken()
    found = metrics_of(line)
    for metric in found:
        is_of_project = metric.name.startswith(f"{SAPLINGS_LEFT} ")
        assert (metric.namespace, metric.dimensions) == (NAMESPACE, {"Function": Context.function_name})
        assert metric.unit == ("Count" if is_of_project else METRICS[metric.name])
    return {metric.name: metric.values for metric in found}


def taken_back(action_id: str) -> dict[str, Any]:
    return reported(action_id=action_id, type=None, quantity=None, reason="refund")


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """A stack with rides of 80 points, a project of 10 saplings, and a person who can pay two trees."""
    stack.seed_catalog()
    stack.add_wallet(320)
    return stack


def post(stack: Stack, lines: Lines) -> Values:
    """Deliver what waits in the queue of actions, in one batch, and return the metrics of its line."""
    bodies = stack.receive_all(stack.actions_url)
    lines.taken()
    assert stack.accrue(*bodies) == []
    return measured(lines)


@pytest.mark.usefixtures("stack")
def test_a_call_counts_its_accepted_and_its_refused_items(lines: Lines) -> None:
    report_actions(reported(), reported(action_id="ride-2"), reported(type="flight"))

    assert measured(lines) == {"Accepted": (2,), "Refused": (1,)}


@pytest.mark.usefixtures("stack")
def test_a_call_of_which_all_is_refused_counts_too_and_so_do_reversals(lines: Lines) -> None:
    assert report_actions(reported(type="flight"), reported(quantity=0)).status == 422
    assert measured(lines) == {"Accepted": (0,), "Refused": (2,)}

    assert report_reversals(taken_back("ride-1")).status == 202
    assert measured(lines) == {"Accepted": (1,), "Refused": (0,)}


@pytest.mark.usefixtures("stack")
def test_a_call_that_is_refused_as_a_whole_counts_no_items(lines: Lines) -> None:
    assert call("ingest_actions", "POST", "/actions", body={"actions": 5}).status == 400
    assert measured(lines) == {}

    assert call("ingest_actions", "POST", "/actions", client=None, body={"actions": [reported()]}).status == 403
    assert measured(lines) == {}


@pytest.mark.usefixtures("stack")
def test_a_receipt_and_the_check_after_a_deployment_count_nothing(lines: Lines) -> None:
    receipt_id = report_actions(reported()).body["receipt_id"]
    lines.taken()
    call("ingest_actions", "GET", "/receipts/{receipt_id}", path={"receipt_id": receipt_id})
    assert measured(lines) == {}

    event = api_event("POST", "/actions") | {"body": json.dumps({"actions": [reported()]})}
    claims = {"client_id": "alipay-client", "scope": "saxaul/actions.write"}
    event["requestContext"] |= {"authorizer": {"claims": claims}, "apiId": CHECK}
    assert invoke("ingest_actions", event)["statusCode"] == 202
    assert measured(lines) == {}


@pytest.mark.usefixtures("stack")
def test_the_line_of_a_refused_call_names_the_app(lines: Lines) -> None:
    call("ingest_actions", "POST", "/actions", scopes="saxaul/wallets.read", body={"actions": [reported()]})
    report_actions(reported(type="flight"))

    assert [json.loads(line).get("app") for line in lines.taken()] == ["alipay", "alipay"]


def test_a_posted_action_counts_once_however_often_its_message_comes(stack: Stack, lines: Lines) -> None:
    report_actions(reported(), reported(action_id="ride-2"))
    [body] = stack.receive_all(stack.actions_url)
    stack.clock.instant += 7
    lines.taken()

    stack.accrue(body)
    assert measured(lines) == {"ActionsPosted": (2,), "PointsEarned": (160,), "OldestAccepted": (7,)}

    stack.accrue(body, body)
    assert measured(lines) == {"ActionsPosted": (0,), "PointsEarned": (0,), "OldestAccepted": (7,)}


def test_the_same_action_of_two_calls_is_accepted_twice_and_posted_once(stack: Stack, lines: Lines) -> None:
    report_actions(reported())
    report_actions(reported())

    assert [metrics_of(line)[0].values for line in lines.taken()] == [(1,), (1,)]
    assert post(stack, lines)["ActionsPosted"] == (1,)


def test_points_are_those_within_the_caps_and_a_reversal_takes_its_own_back(stack: Stack, lines: Lines) -> None:
    stack.seed("action-types", short_ride=make_action_type(caps=(Cap(window="day", points=200),)))
    report_actions(*(reported(action_id=f"ride-{n}", type="short_ride") for n in range(4)))
    assert post(stack, lines) == {"ActionsPosted": (4,), "PointsEarned": (200,), "OldestAccepted": (0,)}

    report_reversals(taken_back("ride-0"), taken_back("ride-1"))
    assert post(stack, lines) == {"ActionsPosted": (0,), "PointsEarned": (-40,), "OldestAccepted": (0,)}


def test_each_higher_running_total_counts_as_posted_with_the_points_that_it_adds(stack: Stack, lines: Lines) -> None:
    for quantity, posted, points in ((1, 1, 80), (3, 1, 160), (2, 0, 0)):
        report_actions(reported(mode="total", quantity=quantity))

        found = post(stack, lines)
        assert (found["ActionsPosted"], found["PointsEarned"]) == ((posted,), (points,))


def test_a_batch_without_a_readable_message_has_no_metrics(stack: Stack, lines: Lines) -> None:
    stack.accrue("{}")

    [refused, line] = lines.taken()
    assert '"messages cannot be read"' in refused
    assert metrics_of(refused) == metrics_of(line) == []


def test_a_batch_that_cannot_be_written_counts_nothing(
    stack: Stack, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    report_actions(reported())
    bodies = stack.receive_all(stack.actions_url)
    refusal = ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "BatchExecuteStatement")
    monkeypatch.setattr("saxaul.storage.periods.Periods.write", lambda _, writes: [refusal] * len(writes))
    lines.taken()

    assert stack.accrue(*bodies) == ["m-0"]

    assert measured(lines) == {"ActionsPosted": (0,), "PointsEarned": (0,), "OldestAccepted": (0,)}


def test_each_settled_redemption_has_its_time_and_each_project_its_saplings(stack: Stack, lines: Lines) -> None:
    project = make_tree_project(10, saplings=3)
    planned = stack.stock("oaks").planned(project, SHANGHAI, stack.clock.instant)
    planning = stack.stocks.plan_write(planned, stack.clock.instant)
    stack.catalog_store.put("tree-projects", "oaks", VersionedEntry(project, 1), also=[planning])
    redeem("key-1", project_id="saxaul-alxa")
    stack.clock.instant += 5
    redeem("key-2", project_id="oaks", trees=2)
    stack.clock.instant += 2
    bodies = stack.receive_all(stack.redemptions_url)
    lines.taken()

    assert stack.settle(*bodies) == []
    expected = {"SettleTime": (7, 2), "SaplingsLeft saxaul-alxa": (9,), "SaplingsLeft oaks": (1,)}
    found = measured(lines)
    assert {name: tuple(sorted(values, reverse=True)) for name, values in found.items()} == expected

    assert stack.settle(*bodies) == []
    assert measured(lines) == {}, "the queue may deliver a message twice"


def test_a_rejected_redemption_is_settled_and_leaves_the_saplings(stack: Stack, lines: Lines) -> None:
    for key in ("key-1", "key-2", "key-3"):
        redeem(key)
    bodies = stack.receive_all(stack.redemptions_url)
    lines.taken()

    stack.settle(*bodies)

    assert [stack.redemptions.of_user("u-42")[n].state for n in range(3)].count("rejected") == 1
    assert measured(lines) == {"SettleTime": (0, 0, 0), "SaplingsLeft saxaul-alxa": (8,)}


def test_a_settlement_that_cannot_be_written_counts_nothing(
    stack: Stack, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    redeem()
    bodies = stack.receive_all(stack.redemptions_url)
    monkeypatch.setattr("saxaul.storage.redemptions.Redemptions.write_settlement", lambda *_: 1 / 0)
    lines.taken()

    assert deliver("settle_redemptions", bodies) == ["m-0"]

    assert [metrics_of(line) for line in lines.taken()] == [[], []]


def test_the_sweep_measures_the_oldest_batch_that_waits_also_after_its_message_was_lost(
    stack: Stack, lines: Lines
) -> None:
    def oldest() -> float:
        lines.taken()
        invoke("sweep_redemptions", event_of("sweep_redemptions"))
        return measured(lines)["OldestUnposted"][0]

    assert oldest() == 0
    for number in range(20):  # they are in several of the lists
        report_actions(reported(action_id=f"ride-{number}"))
        stack.clock.instant += 10
    assert oldest() == 200

    first, *others = stack.receive_all(stack.actions_url)
    stack.accrue(*others)
    stack.clock.instant += DAY
    assert oldest() == 200 + DAY, "the message of the first batch is in no queue any more"
    stack.accrue(first)
    assert oldest() == 0


def test_the_oldest_batch_is_found_without_reading_the_others(stack: Stack) -> None:
    for number in range(40):
        report_actions(reported(action_id=f"ride-{number}"))
    answers: list[int] = []
    events = dynamodb().meta.events
    events.register("after-call.dynamodb.Query", lambda parsed, **_: answers.append(len(parsed["Items"])), "counted")

    assert stack.receipts.oldest_waiting() == stack.clock.instant

    events.unregister("after-call.dynamodb.Query", unique_id="counted")
    assert len(answers) == SHARDS
    assert max(answers) == 1


NO_FIELDS = {"filter", "stats", "sort", "limit", "sum", "count", "as", "by", "bin", "desc", "and", "not", "ispresent"}


def fields_in(query: str) -> set[str]:
    """Return the fields of log lines that a query of Logs Insights reads."""
    text = query.partition(" | ")[2]
    words = set(re.findall(r"(?<![\w.])[A-Za-z_][\w.]*", text))
    return words - set(re.findall(r"\bas (\w+)", text)) - NO_FIELDS


@pytest.mark.usefixtures("stack")
def test_the_queries_of_the_dashboard_read_fields_that_log_lines_have(lines: Lines) -> None:
    report_actions(reported(type="flight"))
    event = api_event("GET", "/receipts/{receipt_id}", path={"receipt_id": "x"})
    event["requestContext"]["apiId"] = CHECK
    invoke("ingest_actions", event)
    written = [json.loads(line) for line in lines.taken()]
    known = {name for line in written for name in line}
    queries = [properties["query"] for properties in of_type("log")]

    assert [line["refused"] for line in written if "refused" in line] == [{"unknown_type": 1}]
    assert [sorted({name.partition(".")[0] for name in fields_in(query)} - known) for query in queries] == [[], [], []]
    assert fields_in(queries[0]) == {"Refused", "Accepted", "app"}
