"""An operator who reads a person says why. The log has the reason, and nothing else of the person."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from local.operations import operations
from saxaul.deadline import UnansweredError
from saxaul.http.operations import Operation
from saxaul.storage.clients import dynamodb
from tests.access import REASON
from tests.builders import reported
from tests.integration.each_text import CONTROL, for_each
from tests.integration.log_lines import Lines
from tests.integration.stack import (
    SCOPES,
    Response,
    Stack,
    an_app,
    api_event,
    call,
    grant,
    invoke,
    parse_response,
    redeem,
    report_actions,
)
from tests.integration.test_access import FUNCTION_OF

PERSON = "mei.chen"
DEDICATION = "For grandmother Hua"
READS = [declared for declared in operations() if declared.needs_reason and declared.access.cover == "read"]
"""The others export and erase persons (test_requesting_erasures.py)."""

each_read = pytest.mark.parametrize("declared", READS, ids=lambda declared: declared.path)


def each_text(texts: Sequence[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return for_each({ascii(text): text for text in texts})


class Story(NamedTuple):
    """A person with actions, trees and a redemption, and every text by which the log could tell of them."""

    redemption_id: str
    personal: tuple[str, ...]


@pytest.fixture
def story(stack: Stack, lines: Lines) -> Story:
    stack.seed_catalog()
    grant("read", user_id=PERSON)
    actions = [reported(action_id=f"trip-{n}", user_id=PERSON, evidence_id=f"ticket-{n}") for n in range(3)]
    assert report_actions(*actions).status == 202
    stack.deliver_reported()
    stack.add_wallet(1_000_000, PERSON)
    requested = redeem("key-1", PERSON, dedication=DEDICATION).body
    stack.settle(*stack.receive_all(stack.redemptions_url))
    ids = [requested["redemption_id"], *requested["certificates"]]
    lines.taken()
    return Story(requested["redemption_id"], (PERSON, DEDICATION, "trip-", "ticket-", "saxaul-alxa", *ids))


def read(
    declared: Operation,
    redemption_id: str = "r-1",
    *,
    reason: str | None = REASON,
    client: str = "operator-client",
    user_id: str = PERSON,
    query: Mapping[str, str] | None = None,
    person: str | None = None,
    scopes: str = SCOPES,
) -> Response:
    path = {"user_id": user_id, "redemption_id": redemption_id}
    return call(
        FUNCTION_OF[declared.route],
        declared.method,
        declared.path,
        client=client,
        path={name: path[name] for name in declared.path_parameters},
        query={**(query or {}), **({} if reason is None else {"reason": reason})},
        person=person,
        scopes=scopes,
    )


def fields_of(lines: Lines) -> list[Any]:
    return [json.loads(line) for line in lines.taken()]


def test_every_read_of_a_person_admits_operators() -> None:
    of_persons = {declared.path for declared in operations() if declared.access.cover == "read"} - {"/suggestions"}

    assert {declared.path for declared in READS} == of_persons
    assert len(READS) == 6
    assert all(declared.method == "GET" for declared in READS)


@each_read
def test_the_log_has_the_reason_and_the_operator_and_nothing_of_the_person(
    declared: Operation, story: Story, lines: Lines
) -> None:
    response = read(declared, story.redemption_id, person="li.na")

    written = lines.taken()
    [line] = map(json.loads, written)
    assert response.status == 200
    assert any(text in str(response.body) for text in story.personal)
    assert (line["reason"], line["operator"]) == (REASON, "li.na")
    assert line["message"] == f"GET {declared.path}"
    assert [text for text in story.personal if text in written[0]] == []


@each_read
def test_the_reason_is_logged_also_if_the_request_is_refused(declared: Operation, story: Story, lines: Lines) -> None:
    response = read(declared, story.redemption_id, query={"no-such-parameter": PERSON})

    written = lines.taken()
    [line] = map(json.loads, written)
    assert (response.status, response.code) == (400, "invalid_parameter")
    assert (line["reason"], line["operator"], line["code"]) == (REASON, "operator", "invalid_parameter")
    assert PERSON not in written[0]


@each_read
@pytest.mark.parametrize("error", [UnansweredError(PERSON), ValueError(f"the item of {PERSON} is broken")])
def test_a_failure_while_a_person_is_read_logs_the_reason_once_and_no_text_of_the_error(
    declared: Operation, error: Exception, story: Story, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(**_: object) -> None:
        raise error

    for operation in ("get_item", "batch_get_item", "query"):
        monkeypatch.setattr(dynamodb(), operation, failing)

    response = read(declared, story.redemption_id)

    written = lines.taken()
    found = [json.loads(line) for line in written]
    assert response.status in (500, 503)
    assert [line["reason"] for line in found if "reason" in line] == [REASON]
    assert [text for text in story.personal for line in written if text in line] == []
    assert found[0]["message"] in ("unexpected failure", "could not finish in time")


@each_read
@pytest.mark.parametrize("reason", [None, "", "  ", "\u3000"])
def test_an_operator_without_a_reason_reads_nobody(
    declared: Operation, reason: str | None, story: Story, lines: Lines
) -> None:
    response = read(declared, story.redemption_id, reason=reason)

    [line] = fields_of(lines)
    assert (response.status, response.code) == (400, "reason_required")
    assert (line["operator"], line["code"], "reason" in line) == ("operator", "reason_required", False)


WALLET = next(declared for declared in READS if declared.path.endswith("/wallet"))
REDEMPTION = next(declared for declared in READS if declared.path.endswith("{redemption_id}"))


@pytest.mark.usefixtures("story")
@each_text(
    [
        "tick",
        "x" * 201,
        "ticket\n4711",
        "ticket 4711\r",
        "ticket\t4711",
        "ticket\x004711",
        "ticket \x1b[31m4711",
        "ticket \u202e4711",
        "ticket\u20284711",
        "ticket \ud800 4711",
        "\u200b\u200b\u200b\u200b\u200b",
    ]
)
def test_a_reason_that_is_too_short_too_long_or_not_plain_text_is_refused_and_not_logged(
    text: str, lines: Lines
) -> None:
    response = read(WALLET, reason=text)

    [line] = fields_of(lines)
    assert (response.status, response.code) == (400, "invalid_parameter")
    assert response.body["detail"].startswith("reason")
    assert "reason" not in line


@pytest.mark.usefixtures("story")
@each_text(
    [
        "mei.chen",
        "asks mei.chen about June",
        "MEI.CHEN is angry",
        "用户mei.chen投诉",
        "(mei.chen)",
        "mei.chen's points",
        "\uff4d\uff45\uff49\uff0e\uff43\uff48\uff45\uff4e asks",
        "m\u200bei.c\u00adhen asks",
        "mei.chen-4711",
        "ticket_mei.chen",
        "asks mei%2echen",
        "asks m&#101;i.chen",
        "m\u034fei.chen asks",
        "me\ufe0fi.chen asks",
        "mei\u3164.chen asks",
        "me\u0332i.chen asks",
    ]
)
def test_a_reason_that_names_the_person_is_refused_and_not_logged(text: str, lines: Lines) -> None:
    response = read(WALLET, reason=text)

    [written] = lines.taken()
    assert (response.status, response.code) == (400, "invalid_parameter")
    assert "must not contain an id" in response.body["detail"]
    assert "reason" not in json.loads(written)
    assert "chen" not in written.casefold()


@pytest.mark.usefixtures("story")
@each_text(
    [
        "tick5",
        "x" * 200,
        "投诉\uff1a少了积分",
        "ticket 4711: mei.chenxi",
        "ticket 🌳 4711",
        "smei.chen asks",
        '", "a": "b',
    ]
)
def test_a_plain_reason_in_any_language_is_logged_as_it_is(text: str, lines: Lines) -> None:
    response = read(WALLET, reason=text)

    [written] = lines.taken()
    assert response.status == 200
    assert json.loads(written)["reason"] == text
    assert written.isascii()
    assert not CONTROL.search(written[:-1])


@pytest.mark.usefixtures("story")
@pytest.mark.parametrize("dash", "-\u2010\u2011\u2013\u2014\uff0d")
def test_a_dash_in_place_of_a_hyphen_hides_no_id(dash: str, lines: Lines) -> None:
    response = call(
        *("view_forest", "GET", WALLET.path),
        client="operator-client",
        path={"user_id": "MEI-1"},
        query={"reason": f"asks mei{dash}1"},
    )

    assert (response.status, response.code) == (400, "invalid_parameter")
    assert "reason" not in fields_of(lines)[0]


def test_a_reason_does_not_name_the_redemption_either(story: Story, lines: Lines) -> None:
    response = read(REDEMPTION, story.redemption_id, reason=f"asks about {story.redemption_id}")

    [written] = lines.taken()
    assert (response.status, response.code) == (400, "invalid_parameter")
    assert story.redemption_id not in written


@pytest.mark.usefixtures("story")
@pytest.mark.parametrize("values", [[REASON, REASON], [REASON, "another"], ["", REASON], [PERSON, REASON]])
def test_a_reason_that_is_sent_twice_is_refused_and_not_logged(values: list[str], lines: Lines) -> None:
    event = api_event("GET", WALLET.path, path={"user_id": PERSON}, query={"reason": values[-1]})
    event["multiValueQueryStringParameters"]["reason"] = values
    event["requestContext"]["authorizer"] = {"claims": {"client_id": "operator-client", "scope": SCOPES}}

    response = parse_response(invoke("view_forest", event))

    [line] = fields_of(lines)
    assert (response.status, response.code) == (400, "invalid_parameter")
    assert response.body["detail"] == "reason must be sent only once."
    assert "reason" not in line


@each_read
@pytest.mark.parametrize("client", ["alipay-client", "third-party-client"])
def test_an_app_that_gives_a_reason_is_refused_and_nothing_is_logged_of_it(
    declared: Operation, client: str, story: Story, lines: Lines
) -> None:
    assert read(declared, story.redemption_id, client=client, reason=None).status == 200
    lines.taken()

    response = read(declared, story.redemption_id, client=client)

    [line] = fields_of(lines)
    assert (response.status, response.code) == (400, "invalid_parameter")
    assert "'reason'" in response.body["detail"]
    assert not line.keys() & {"reason", "operator"}


@pytest.mark.parametrize("user_id", ["a b", "..", "x" * 129, "mei\u200b"])
def test_a_malformed_user_id_is_refused_before_a_reason_is_logged(user_id: str, story: Story, lines: Lines) -> None:
    assert story
    response = read(WALLET, user_id=user_id, reason=f"asks {user_id} again")

    [line] = fields_of(lines)
    assert (response.status, response.code) == (400, "invalid_parameter")
    assert "reason" not in line


@each_read
def test_a_token_of_an_operator_without_the_scope_reads_nobody(declared: Operation, story: Story, lines: Lines) -> None:
    for scopes in ("", "saxaul/catalog.write saxaul/apps.write", "saxaul/wallets.read", "users.read"):
        response = read(declared, story.redemption_id, scopes=scopes)

        [line] = fields_of(lines)
        assert (response.status, response.code) == (403, "forbidden")
        assert "reason" not in line


def test_a_suspended_app_with_a_reason_and_an_operators_scopes_reads_nobody(
    stack: Stack, story: Story, lines: Lines
) -> None:
    stack.register("gone-client", an_app("gone").model_copy({"is_suspended": True}))

    codes = {read(declared, story.redemption_id, client="gone-client").code for declared in READS}

    assert codes == {"app_suspended"}
    assert not any(line.keys() & {"reason", "operator"} for line in fields_of(lines))


def test_the_log_names_the_operator_of_every_request(stack: Stack, lines: Lines) -> None:
    stack.seed_catalog()
    lines.taken()

    call("manage_catalog", "GET", "/catalog/{kind}", path={"kind": "campaigns"}, client="operator-client")
    call("view_impact", "GET", "/campaigns", client="operator-client", person="li.na")
    call("view_impact", "GET", "/campaigns")

    assert [line.get("operator") for line in fields_of(lines)] == ["operator", "li.na", None]
