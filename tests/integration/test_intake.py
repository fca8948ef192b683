"""What POST /actions and POST /reversals say about each item: one code for each bad one, and the others are queued."""

import json

import pytest

from tests.builders import reported
from tests.integration.log_lines import Lines
from tests.integration.stack import Response, Stack, call, default_action_types, ledger_of, report_actions, wallet_of

NO_QUANTITIES = [
    '"1_0"',
    '" 1"',
    '"1 "',
    '"\\uff11\\uff10"',
    '"\\u0663"',
    '"+1"',
    '"-1"',
    '"1e2"',
    '"0x1"',
    '"NaN"',
    '"Infinity"',
    '""',
]
NO_QUANTITIES += ['"1,5"', '".5"', '"5."', "true", "false", "null", "[]", "{}", '"\\u0661"', '"' + "1" * 33 + '"']
OUT_OF_RANGE = ["0", "-1", "-0", "0.999999", "10.000001", "1e400", "-1e400", "1e-400", '"0"', '"11"', str(10**300)]
GOOD = ["1", "1.0", "10", '"1"', '"01.50"', "1e0", "2.0000000000001"]

NO_IDS = [".", "..", "", " ", "a b", "a/b", "a#b", "a%2e", "\uff41", "蓝", "a\n", "x" * 129, 1, True, None, [], {}]


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """A stack with the action types of the default catalog."""
    stack.seed("action-types", **default_action_types())
    return stack


def post_quantities(*quantities: str) -> Response:
    """Report bus rides with these quantities, written as JSON."""
    rides = [json.dumps(reported(action_id=f"ride-{n}", quantity="?")) for n in range(len(quantities))]
    bodies = (ride.replace('"?"', quantity) for ride, quantity in zip(rides, quantities, strict=True))
    return call("ingest_actions", "POST", "/actions", body=f'{{"actions": [{", ".join(bodies)}]}}')


def codes(response: Response) -> list[tuple[int, str]]:
    assert response.status == 202
    return [(refusal["index"], refusal["code"]) for refusal in response.body["refused"]]


def test_each_value_that_is_not_a_plain_number_is_refused_alone(stack: Stack) -> None:
    response = post_quantities("1", *NO_QUANTITIES, "2")
    stack.deliver_reported()

    assert codes(response) == [(n, "invalid_action") for n in range(1, len(NO_QUANTITIES) + 1)]
    assert response.body["accepted"] == 2
    assert wallet_of()["earned"] == 3 * 80


def test_each_quantity_outside_the_limits_of_its_type_is_refused_alone(stack: Stack) -> None:
    response = post_quantities(*GOOD, *OUT_OF_RANGE)
    stack.deliver_reported()

    assert codes(response) == [(n, "quantity_out_of_range") for n in range(len(GOOD), len(GOOD) + len(OUT_OF_RANGE))]
    assert response.body["accepted"] == len(GOOD)
    assert sorted(line["quantity"] for line in ledger_of()) == [1, 1, 1, 1, 1.5, 2, 10]


@pytest.mark.usefixtures("stack")
def test_the_detail_names_the_smallest_and_the_largest_quantity_with_their_unit() -> None:
    [refusal] = report_actions(reported(type="bike_ride", quantity="0.009")).body["refused"]

    assert refusal["detail"] == "The quantity must be at least 0.01 and at most 200 km."


@pytest.mark.parametrize("field", ["action_id", "evidence_id", "user_id", "facility_id"])
def test_each_id_that_a_path_cannot_contain_is_refused_alone(stack: Stack, field: str) -> None:
    owner = {"user_id": None} if field == "facility_id" else {}
    good = reported(action_id="good")
    bad = [reported(**{"action_id": f"bad-{n}"} | owner) | {field: value} for n, value in enumerate(NO_IDS)]
    optional = [n for n, value in enumerate(NO_IDS) if value is None and field == "evidence_id"]

    response = report_actions(good, *bad, good)
    stack.deliver_reported()

    assert codes(response) == [(n + 1, "invalid_action") for n in range(len(bad)) if n not in optional]
    assert response.body["accepted"] == 2 + len(optional)


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "sum"},
        {"mode": ""},
        {"mode": True},
        {"mode": "TOTAL"},
        {"mode": 1},
        {"mode": "total", "evidence_id": "ticket-1"},
        {"type": 1},
        {"type": "x" * 65},
        {"occurred_at": 1780619400},
        {"occurred_at": True},
        {"occurred_at": "2026-06-05 08:30"},
        {"occurred_at": "2026-06-05T08:30:00"},
        {"occurred_at": "\uff12026-06-05T08:30:00Z"},
        {"facility_id": "dc-1"},
        {"points": 1000},
    ],
)
def test_each_malformed_field_is_refused_alone_and_named(stack: Stack, changes: dict[str, object]) -> None:
    response = report_actions(reported() | changes, reported(action_id="good"))
    stack.deliver_reported()

    [refusal] = response.body["refused"]
    assert (refusal["index"], refusal["code"], response.body["accepted"]) == (0, "invalid_action", 1)
    assert any(name in refusal["detail"] for name in (*changes, "user_id"))
    assert wallet_of()["earned"] == 80


@pytest.mark.parametrize("nothing", [None, True, 1, "ride-1", [], [reported()], {}])
@pytest.mark.usefixtures("stack")
def test_a_value_that_is_not_an_action_is_refused_alone(nothing: object) -> None:
    response = report_actions(reported(), nothing)

    assert (codes(response), response.body["accepted"]) == ([(1, "invalid_action")], 1)


@pytest.mark.parametrize("path", ["/actions", "/reversals"])
def test_a_request_whose_items_are_all_refused_is_a_problem_that_names_each_and_queues_no_message(
    stack: Stack, path: str
) -> None:
    response = call("ingest_actions", "POST", path, body={path[1:]: [{"action_id": "ride-1"}, None]})

    code = f"invalid_{path[1:-1]}"
    assert (response.status, response.code) == (422, "all_refused")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.body["accepted"] == 0
    assert [(refusal["index"], refusal["action_id"], refusal["code"]) for refusal in response.body["refused"]] == [
        (0, "ride-1", code),
        (1, None, code),
    ]
    assert stack.receive_all(stack.actions_url) == []


@pytest.mark.parametrize(
    "change", [{"quantity": 2}, {"type": "metro_ride"}, {"occurred_at": "2026-06-05T08:30:01+08:00"}]
)
@pytest.mark.parametrize("changed_first", [True, False])
def test_an_id_that_is_repeated_in_one_request_with_other_content_is_refused_after_the_first(
    stack: Stack, change: dict[str, object], changed_first: bool
) -> None:
    pair = [reported(**change), reported()] if changed_first else [reported(), reported(**change)]
    response = report_actions(*pair, pair[0], pair[1], reported(action_id="other"))
    stack.deliver_reported()

    assert codes(response) == [(1, "conflicting_action"), (3, "conflicting_action")]
    assert response.body["accepted"] == 3
    assert len(ledger_of()) == 2


@pytest.mark.parametrize("change", [{"evidence_id": "ticket-1"}, {"mode": "total"}])
@pytest.mark.usefixtures("stack")
def test_a_new_evidence_or_mode_is_other_content(change: dict[str, object]) -> None:
    assert codes(report_actions(reported(), reported(**change))) == [(1, "conflicting_action")]


@pytest.mark.usefixtures("stack")
def test_a_refused_action_does_not_take_the_id_from_a_good_one() -> None:
    assert codes(report_actions(reported(quantity=0), reported())) == [(0, "quantity_out_of_range")]


def logged(lines: Lines) -> list[object]:
    """Return how many items each request refused for which reason, as the lines of the requests say it."""
    return [json.loads(line).get("refused") for line in lines.taken()]


@pytest.mark.usefixtures("stack")
def test_the_log_line_of_a_request_counts_its_refused_items_by_reason_and_names_none(lines: Lines) -> None:
    bad = [reported(action_id=f"ride-{n}", type="flight") for n in range(3)] + [reported(quantity="none")]

    report_actions(reported(), *bad)
    report_actions(reported())
    report_actions(*bad)

    expected = {"unknown_type": 3, "invalid_action": 1}
    assert logged(lines) == [expected, None, expected]


@pytest.mark.usefixtures("stack")
def test_the_log_line_of_a_receipt_counts_no_refused_items(lines: Lines) -> None:
    receipt_id = report_actions(reported(), reported(type="flight")).body["receipt_id"]
    lines.taken()

    call("ingest_actions", "GET", f"/receipts/{receipt_id}")

    assert logged(lines) == [None]
