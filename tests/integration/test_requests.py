"""What holds for every request: its query is checked, HEAD works where GET is public, and its trace is logged."""

import json

import pytest

from local.operations import operations
from saxaul.http.operations import Operation
from saxaul.http.query import CURSOR
from tests.access import FIRST_PARTY, OPERATOR, PARTNER
from tests.builders import USER
from tests.integration.log_lines import Lines
from tests.integration.stack import Stack, api_event, call, invoke, parse_response, redeem
from tests.integration.test_access import Requests

PUBLIC_READS = [declared for declared in operations() if len(declared.routes) > 1]
SENDERS = {"app": FIRST_PARTY, "partner": PARTNER, "operator": OPERATOR, None: FIRST_PARTY}
TRACE = "0af7651916cd43dd8448eb211c80319c"


def name_of(declared: Operation) -> str:
    return f"{declared.method} {declared.path}"


@pytest.mark.parametrize("declared", operations(), ids=name_of)
def test_a_query_parameter_that_an_operation_does_not_have_is_refused(stack: Stack, declared: Operation) -> None:
    requests = Requests(stack, SENDERS[declared.access.role])

    response = requests.send(declared, more={"lnag": "zh"})

    assert (response.status, response.code) == (400, "invalid_parameter")
    assert "'lnag'" in response.body["detail"]
    assert all(name in response.body["detail"] for name in declared.parameters)


@pytest.mark.usefixtures("stack")
def test_a_query_parameter_that_is_sent_twice_is_refused() -> None:
    event = api_event("GET", "/impact", query={"by": "app"})
    event["multiValueQueryStringParameters"]["by"] = ["type", "app"]

    response = parse_response(invoke("view_impact", event))

    assert (response.status, response.code) == (400, "invalid_parameter")


@pytest.mark.parametrize("declared", PUBLIC_READS, ids=name_of)
def test_head_has_the_status_and_the_headers_of_get_and_no_body(stack: Stack, declared: Operation) -> None:
    requests = Requests(stack, FIRST_PARTY)

    got, asked = requests.send(declared), requests.send(declared._replace(method="HEAD"))

    assert (asked.status, asked.headers) == (got.status, got.headers)
    assert asked.body == ""


@pytest.mark.usefixtures("stack")
def test_head_is_unknown_where_get_is_not_public() -> None:
    response = call("view_forest", "HEAD", "/users/{user_id}/wallet", path={"user_id": USER.id})

    assert response.status == 404


@pytest.mark.usefixtures("stack")
def test_the_id_that_api_gateway_gives_a_request_is_logged(lines: Lines) -> None:
    event = api_event("GET", "/impact")
    event["requestContext"]["requestId"] = "3f1c4e5a-1111-2222-3333-444455556666"

    invoke("view_impact", event)

    assert [json.loads(line).get("api_request_id") for line in lines.taken()] == [
        "3f1c4e5a-1111-2222-3333-444455556666"
    ]


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("header", "trace"),
    [
        (f"00-{TRACE}-b7ad6b7169203331-01", TRACE),
        (f"cc-{TRACE}-b7ad6b7169203331-01-what-a-later-version-adds", TRACE),
        (f"ff-{TRACE}-b7ad6b7169203331-01", None),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-b7ad6b7169203331-01", None),
        (f"00-{TRACE}-b7ad6b7169203331-01-more", None),
        ("", None),
        ("00-" + "a" * 5000, None),
    ],
)
def test_the_trace_of_a_request_is_logged_if_its_header_is_well_formed(
    header: str, trace: str | None, lines: Lines
) -> None:
    call("view_impact", "GET", "/impact", client=None, headers={"Traceparent": header})

    assert [json.loads(line).get("trace_id") for line in lines.taken()] == [trace]


@pytest.mark.parametrize(
    "declared",
    [declared for declared in operations() if declared.body is None and declared.method != "GET"],
    ids=name_of,
)
def test_a_body_that_an_operation_would_ignore_is_refused(stack: Stack, declared: Operation) -> None:
    """For example, an operator may name the time of a deletion in a body, as in a PUT, and not in the query."""
    requests = Requests(stack, SENDERS[declared.access.role])

    refused = requests.send(declared, body={"effective_at": "2027-06-01T00:00:00+08:00"})
    without = requests.send(declared, body={})

    assert (refused.status, refused.code) == (400, "invalid_body")
    assert without.status < 400 or without.code != "invalid_body"


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("text", ['{"covers": ["read"], "covers": ["spend"]}', '{"a": {"b": 1, "b": 1}}'])
def test_an_object_with_a_member_twice_is_refused(text: str) -> None:
    path = {"user_id": USER.id, "app_id": "citybike"}

    response = call("manage_grants", "PUT", "/users/{user_id}/grants/{app_id}", path=path, body=text)

    assert (response.status, response.code) == (400, "invalid_json")


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("number", ["05", "+5", "5.0", "\u0665", ""])
def test_a_number_in_the_query_has_one_form(number: str) -> None:
    response = call("prove_trees", "GET", "/log", client=None, query={"limit": number})

    assert (response.status, response.code) == (400, "invalid_parameter")


@pytest.mark.parametrize("declared", [one for one in operations() if CURSOR in one.query], ids=name_of)
def test_an_empty_cursor_is_not_the_first_page(stack: Stack, declared: Operation) -> None:
    response = Requests(stack, SENDERS[declared.access.role]).send(declared, more={"cursor": ""})

    assert (response.status, response.code) == (400, "invalid_parameter")


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("key", ["", "k" * 129, "first,second", "first, second", "a key", "ключ", "a\tb"])
def test_an_idempotency_key_is_one_visible_text(key: str) -> None:
    """A proxy may join two keys with a comma. Then a repeat with one of them would be another request."""
    response = redeem(key)

    assert (response.status, response.code) == (400, "missing_key")


@pytest.mark.parametrize(
    ("trees", "status"), [("1.0", 202), ("1.00", 202), ("1.5", 400), ("1e0", 400), ("true", 400), ("-0.0", 400)]
)
def test_a_whole_number_may_have_zeros_behind_its_point(stack: Stack, trees: str, status: int) -> None:
    stack.seed_catalog()
    stack.add_wallet(160)

    response = call(
        *("redeem_trees", "POST", "/users/{user_id}/redemptions"),
        path={"user_id": USER.id},
        body=f'{{"project_id": "saxaul-alxa", "trees": {trees}}}',
        headers={"Idempotency-Key": "key-1"},
    )

    assert response.status == status
