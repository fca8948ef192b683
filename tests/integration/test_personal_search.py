"""The search for one person: what pays no more today comes last, and a tree that is near is named."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from io import StringIO
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from saxaul.catalog.entries import Cap
from saxaul.deadline import OutOfTimeError, UnansweredError
from saxaul.observability import logger
from saxaul.storage.clients import ONE_ATTEMPT, dynamodb
from saxaul.storage.periods import to_item
from saxaul.storage.table import transact
from tests.builders import (
    NOON,
    SHANGHAI,
    USER,
    at,
    make_action,
    make_action_type,
    make_entry,
    make_period,
    make_suggestion,
    make_tree_project,
    make_wallet,
)
from tests.hostile_texts import HOSTILE
from tests.integration.stack import SCOPES, Response, Stack, api_event, call, grant, invoke, parse_response
from tests.steps import steps_of

if TYPE_CHECKING:
    import logging

TYPES = ("bus_ride", "walking", "bottles", "invoices")


def search(user_id: str | None = USER.id, client: str = "alipay-client", person: str | None = None, **more: str) -> Any:  # noqa: ANN401 - a response
    query = more | ({} if user_id is None else {"user_id": user_id})
    return call("suggest_campaigns", "GET", "/suggestions", client=client, query=query, person=person)


def search_with(values: list[str] | None, scope: str | None = SCOPES) -> Response:
    """Search with these values of ``user_id``, as API Gateway passes repeated parameters on, and this claim."""
    event = api_event("GET", "/suggestions", query={"q": ""})
    if values is not None:
        event["queryStringParameters"]["user_id"] = values[-1]
        event["multiValueQueryStringParameters"]["user_id"] = values
    claims = {"client_id": "alipay-client"} | ({} if scope is None else {"scope": scope})
    event["requestContext"]["authorizer"] = {"claims": claims}
    return parse_response(invoke("suggest_campaigns", event))


def ids(response: Response) -> list[str]:
    """Return the actions that were found."""
    return [result["id"] for result in response.body["suggestions"] if result["kind"] == "action"]


def pays_again(response: Response) -> dict[str, str | None]:
    actions = (result for result in response.body["suggestions"] if result["kind"] == "action")
    return {result["id"]: result["pays_again_at"] for result in actions}


def caps(**units: str) -> tuple[Cap, ...]:
    return tuple(Cap.model_validate({"window": window, "units": limit}) for window, limit in units.items())


@pytest.fixture
def seeded(stack: Stack) -> Stack:
    """A catalog with a type capped by the day, one by the month, one by the year, and one without caps."""
    stack.seed("action-types", bus_ride=make_action_type(points="90", caps=caps(day="1")))
    stack.seed("action-types", walking=make_action_type(points="80", caps=caps(day="1", month="2")))
    stack.seed("action-types", bottles=make_action_type(points="70", caps=caps(year="1")))
    stack.seed("action-types", invoices=make_action_type(points="60"))
    for name in TYPES:
        stack.seed("suggestions", **{name: make_suggestion(f"Do {name}", "做", action_type=name)})
    stack.seed("tree-projects", saxaul=make_tree_project(1000), poplar=make_tree_project(3000))
    for name in ("saxaul", "poplar"):
        planned = stack.stock(name).planned(make_tree_project(), SHANGHAI, stack.clock.instant)
        transact([stack.stocks.plan_write(planned, stack.clock.instant)])
    return stack


def calls_of(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Return a list that gets each call of DynamoDB from now on: its operation and its parameters."""
    made: list[tuple[str, Any]] = []
    for operation in ("batch_get_item", "get_item", "query", "put_item", "update_item", "transact_write_items"):
        real = getattr(dynamodb(), operation)

        def noted(real: Any = real, operation: str = operation, **parameters: Any) -> Any:  # noqa: ANN401 - passed on
            made.append((operation, parameters))
            return real(**parameters)

        monkeypatch.setattr(dynamodb(), operation, noted)
    return made


@pytest.fixture
def written() -> Iterator[StringIO]:
    """What the logger of the functions writes during a test."""
    stream, handler = StringIO(), cast("logging.StreamHandler[Any]", logger.registered_handler)
    before = handler.setStream(stream)
    yield stream
    if before is not None:
        handler.setStream(before)


def test_what_was_done_up_to_its_cap_comes_last_and_says_when_it_pays_again(seeded: Stack) -> None:
    assert ids(search(None)) == ["bus-ride", "walking", "bottles", "invoices"]
    seeded.accrue_all([make_action("a-1"), make_action("a-2", type="invoices")])

    response = search()

    assert ids(response) == ["walking", "bottles", "invoices", "bus-ride"]
    assert pays_again(response) == {
        "walking": None,
        "bottles": None,
        "invoices": None,
        "bus-ride": "2026-06-06T00:00:00+08:00",
    }
    assert response.body["personal"] is True


def test_results_that_pay_no_more_keep_their_order_and_wait_for_the_windows_of_their_caps(seeded: Stack) -> None:
    seeded.accrue_all(
        [
            make_action("a-1"),
            make_action("a-2", type="bottles", occurred_at=NOON - 86_400),
            make_action("a-3", type="walking", occurred_at=NOON - 86_400),
            make_action("a-4", type="walking"),
        ]
    )

    response = search()

    assert ids(response) == ["invoices", "bus-ride", "walking", "bottles"]
    assert list(pays_again(response).values()) == [
        None,
        "2026-06-06T00:00:00+08:00",
        "2026-07-01T00:00:00+08:00",
        "2027-01-01T00:00:00+08:00",
    ]


@pytest.mark.parametrize(
    ("now", "day", "month", "year"),
    [
        ("2026-06-30T23:59:59", "2026-07-01", "2026-07-01", "2027-01-01"),
        ("2026-12-31T23:59:59", "2027-01-01", "2027-01-01", "2027-01-01"),
        ("2027-01-01T00:00:00", "2027-01-02", "2027-02-01", "2028-01-01"),
    ],
)
def test_windows_end_at_midnight_in_shanghai(seeded: Stack, now: str, day: str, month: str, year: str) -> None:
    instant = seeded.clock.instant = at(now)
    earlier = instant - 86_400 if now[8:10] != "01" else instant
    types = [("bus_ride", instant), ("walking", earlier), ("walking", instant), ("bottles", instant)]
    seeded.accrue_all([make_action(f"a-{n}", type=name, occurred_at=when) for n, (name, when) in enumerate(types)])

    found = pays_again(search())

    walking = month if earlier != instant else day
    assert (found["bus-ride"], found["walking"], found["bottles"]) == tuple(
        f"{ends}T00:00:00+08:00" for ends in (day, walking, year)
    )


def test_a_reversed_action_pays_again_at_once(seeded: Stack) -> None:
    seeded.accrue_all([make_action("a-1")])
    assert ids(search())[-1] == "bus-ride"
    body = {"action_id": "a-1", "user_id": USER.id, "occurred_at": "2026-06-05T12:00:00+08:00", "reason": "refund"}
    call("ingest_actions", "POST", "/reversals", body={"reversals": [body]})
    seeded.deliver_reported()

    assert pays_again(search())["bus-ride"] is None


def test_another_day_and_another_person_are_not_affected(seeded: Stack) -> None:
    seeded.accrue_all([make_action("a-1")])

    assert set(pays_again(search("u-43")).values()) == {None}
    seeded.clock.instant += 86_400
    assert set(pays_again(search()).values()) == {None}


def test_the_list_is_cut_after_it_was_ordered(seeded: Stack) -> None:
    seeded.accrue_all([make_action("a-1")])

    assert ids(search(limit="2")) == ["walking"]
    assert ids(search(None, limit="2")) == ["bus-ride"]


@pytest.mark.parametrize(
    ("balance", "lang", "expected"),
    [
        (899, "en", None),
        (900, "en", ("saxaul", 1000, 100, "100 points to your next tree")),
        (988, "zh", ("saxaul", 1000, 12, "再攒 12 积分就能换一棵树")),
        (999, "en", ("saxaul", 1000, 1, "1 point to your next tree")),
        (2999, "en", ("saxaul", 1000, 0, "You have enough points for a tree")),
        (3000, "zh", ("poplar", 3000, 0, "你的积分够换一棵树了")),
        (-80, "en", None),
    ],
)
def test_a_tree_that_is_near_is_named(
    seeded: Stack, balance: int, lang: str, expected: tuple[str, int, int, str] | None
) -> None:
    seeded.add_wallet(balance)

    named = search(lang=lang).body["next_tree"]

    fields = ("project_id", "price_points", "points_missing", "text")
    assert named == (dict(zip(fields, expected, strict=True)) if expected else None)


def test_points_that_are_not_harvested_do_not_count_toward_the_next_tree(seeded: Stack) -> None:
    seeded.accrue_all([make_action("a-1", quantity="20", type="invoices", occurred_at=NOON - 2 * 86_400)])

    assert search().body["next_tree"] is None
    call("redeem_trees", "POST", "/users/{user_id}/harvest", path={"user_id": USER.id})
    assert search().body["next_tree"]["points_missing"] == 0


def test_one_batch_read_suffices_and_asks_for_at_most_four_items(
    seeded: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    search()
    made = calls_of(monkeypatch)

    assert search().body["personal"] is True

    [(operation, parameters)] = made
    [(table, reading)] = parameters["RequestItems"].items()
    keys = {(key["pk"]["S"], key["sk"]["S"]) for key in reading["Keys"]}
    assert (operation, table, reading["ConsistentRead"]) == ("batch_get_item", "Ledger", False)
    assert keys == {(f"USER#{USER.id}", sk) for sk in ("WALLET", "PAGE#2026-06-05", "PAGE#2026-06", "PAGE#2026")}
    assert seeded.wallet() == make_wallet()


def test_an_answer_for_a_person_is_never_stored(seeded: Stack) -> None:
    assert seeded
    shared, personal = search(None), search()

    assert (personal.headers["cache-control"], "etag" in personal.headers) == ("private, no-store", False)
    event = api_event("GET", "/suggestions", query={"user_id": USER.id}, headers={"If-None-Match": "*"})
    event["requestContext"]["authorizer"] = {"claims": {"client_id": "alipay-client", "scope": SCOPES}}
    assert invoke("suggest_campaigns", event)["statusCode"] == 200
    assert (shared.headers["cache-control"], "etag" in shared.headers) == ("private, max-age=60", True)


def test_an_answer_for_a_person_changes_no_other_answer(seeded: Stack) -> None:
    seeded.accrue_all([make_action("a-1")])
    before = search(None, limit="50")

    search(limit="50")
    after = search(None, limit="50")

    assert before == after
    assert not {"personal", "next_tree"} & after.body.keys()
    assert not any("pays_again_at" in result for result in after.body["suggestions"])


def throttled(**_: object) -> None:
    raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": USER.id}}, "BatchGetItem")


def forbidden(**_: object) -> None:
    raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": USER.id}}, "BatchGetItem")


def unanswered(**_: object) -> None:
    raise UnansweredError(USER.id)


def out_of_time(**_: object) -> None:
    raise OutOfTimeError


def left_unread(RequestItems: Any) -> Any:  # noqa: ANN401, N803 - boto3's own
    return {"Responses": {}, "UnprocessedKeys": RequestItems}


def malformed(**_: object) -> Any:  # noqa: ANN401 - boto3's own
    period = {"pk": {"S": f"USER#{USER.id}"}, "sk": {"S": "PAGE#2026-06-05"}, "z": {"B": b"not compressed"}}
    return {"Responses": {"Ledger": [period]}, "UnprocessedKeys": {}}


@pytest.mark.parametrize("failure", [throttled, forbidden, unanswered, out_of_time, left_unread, malformed])
def test_the_search_answers_without_the_person_if_the_read_fails(
    seeded: Stack, monkeypatch: pytest.MonkeyPatch, written: StringIO, failure: Callable[..., object]
) -> None:
    seeded.accrue_all([make_action("a-1")])
    shared = search(None, limit="3")
    monkeypatch.setattr(dynamodb(), "batch_get_item", failure)

    response = search(limit="3")

    assert response.status == 200
    assert ids(response) == ids(shared) == ["bus-ride", "walking"]
    assert set(pays_again(response).values()) == {None}
    assert (response.body["personal"], response.body["next_tree"]) == (False, None)
    assert (response.headers["cache-control"], "etag" in response.headers) == ("private, no-store", False)
    [warning] = [line for line in map(json.loads, written.getvalue().splitlines()) if line["level"] == "WARNING"]
    assert warning["message"] == "the search answers without the person"
    assert USER.id not in written.getvalue()


def test_the_read_has_less_time_than_the_request(seeded: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    from saxaul.deadline import DEADLINE  # noqa: PLC0415 - only this test looks at it

    checked: list[bool] = []

    def checking(**_: object) -> None:
        DEADLINE.require(ONE_ATTEMPT - 0.5)
        checked.append(True)
        DEADLINE.require(ONE_ATTEMPT + 0.1)
        checked.append(True)

    assert seeded
    search()
    monkeypatch.setattr(dynamodb(), "batch_get_item", checking)

    assert search().body["personal"] is False
    assert checked == [True]


def test_the_id_of_a_person_is_never_logged(seeded: Stack, written: StringIO) -> None:
    assert seeded
    for client in ("alipay-client", "third-party-client", "partner-client", "stranger"):
        search("secret-person", client=client)
    search("secret-person", person="u-42")
    search_with(["secret-person", "secret-person"])
    search_with(["secret person"])

    assert "GET /suggestions" in written.getvalue()
    assert "secret" not in written.getvalue()


def test_a_third_party_app_needs_the_grant_for_reading(seeded: Stack) -> None:
    assert seeded
    refused = search(client="third-party-client")
    grant("report", "spend")
    other = search(client="third-party-client")
    grant("read")
    admitted = search(client="third-party-client")

    assert (refused.status, refused.code, other.code) == (403, "not_granted", "not_granted")
    assert admitted.body["personal"] is True
    assert search(None, client="third-party-client").status == 200


def test_a_grant_that_cannot_be_read_refuses_the_request(seeded: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure must never give an app more than its grant."""
    assert seeded
    search(None, client="third-party-client")
    monkeypatch.setattr(dynamodb(), "get_item", unanswered)

    response = search(client="third-party-client")

    assert (response.status, response.code) == (503, "busy")


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(
    "others",
    [
        "",
        "wallets.read",
        "saxaul/wallets.reader",
        "other/wallets.read",
        "xsaxaul/wallets.read",
        "saxaul/suggestions.read,saxaul/wallets.read",
        "saxaul/users.read",
        "SAXAUL/WALLETS.READ",
    ],
)
def test_a_token_without_the_scope_of_wallets_names_no_person(others: str) -> None:
    scope = f"saxaul/suggestions.read {others}".strip()

    response = search_with([USER.id], scope)

    assert (response.status, response.code) == (403, "forbidden")
    assert search_with(None, scope).status == 200
    assert search_with([USER.id], f"{scope} saxaul/wallets.read").status == 200


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize("scope", [None, "", "saxaul/wallets.read", "saxaul/catalog.write", "suggestions.read"])
def test_a_token_of_an_app_without_the_scope_of_searches_is_refused(scope: str | None) -> None:
    """API Gateway also admits the scope with which operators search."""
    response = search_with(None, scope)

    assert (response.status, response.code) == (403, "forbidden")


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(
    "values", [[""], [USER.id, USER.id], [USER.id, "u-43"], ["", ""], ["."], [".."], ["a b"], ["a#b"], ["x" * 129]]
)
def test_an_empty_a_repeated_and_a_malformed_user_id_are_refused(values: list[str]) -> None:
    response = search_with(values)

    assert (response.status, response.code) == (400, "invalid_parameter")
    assert response.body["detail"].startswith("user_id must ")


@pytest.mark.usefixtures("seeded")
def test_a_hostile_user_id_is_refused_or_is_nobody(subtests: pytest.Subtests) -> None:
    for name, text in HOSTILE.items():
        with subtests.test(name):
            response = search(text)

            assert response.status in {200, 400}
            assert response.status == 400 or response.body["next_tree"] is None


def test_a_token_of_a_person_searches_for_that_person_only(seeded: Stack) -> None:
    assert seeded
    foreign, own, nobody = search(person="u-43"), search(person=USER.id), search(None, person="u-43")

    assert (foreign.status, foreign.code) == (403, "not_yours")
    assert (own.status, nobody.status) == (200, 200)


@pytest.mark.slow
def test_the_work_for_a_huge_period_grows_as_the_number_of_its_entries(seeded: Stack) -> None:
    """More entries than 16 apps can keep in a period, in the day, the month and the year. Each is a part of a cap."""
    search()  # so that the catalog is read
    taken = {}
    for version, entries in enumerate((1000, 3000)):
        for window, name in (("2026-06-05", "bus_ride"), ("2026-06", "walking"), ("2026", "bottles")):
            of_a_type = [make_entry(1, NOON - n, type=name, rule=1, units=Decimal(n)) for n in range(entries)]
            seeded.ledger.put(to_item(make_period(*of_a_type, window=window)), version)
        taken[entries] = steps_of(search)

    assert (taken[3000] - taken[1000]) / (3 * 2000) < 200
    assert search().body["personal"] is True
