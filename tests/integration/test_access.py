"""Every operation admits and refuses each kind of client exactly as it declares.

The expected responses are computed in ``tests/access.py``.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import pytest

from local.operations import operations
from saxaul.http.access import PUBLIC, TO_GRANT, TO_SEARCH, Data
from saxaul.http.endpoint import endpoint
from saxaul.http.operations import ERASURE_IN_PROGRESS, Operation, operation
from saxaul.http.request import Request, Response
from saxaul.ledger.grants import COVERS
from saxaul.storage.table import Table
from tests.access import (
    ADMITTED,
    FIRST_PARTY,
    HIDDEN,
    LIMITED,
    MALFORMED,
    NARROW_OPERATORS,
    OPERATOR,
    OPERATORS_TOKEN,
    OTHER_FIRST_PARTY,
    OTHER_PARTNER,
    PARTNER,
    ROUTES,
    SENDERS,
    SUSPENDED,
    TAKEN_BACK,
    UNREGISTERED,
    Sender,
    expected,
    named,
    query_of,
)
from tests.builders import (
    RECEIPT,
    USER,
    confirmation,
    failure,
    inspection,
    make_receipt_part,
    make_redemption,
    make_tree_project,
    reported,
)
from tests.integration.stack import (
    HANDLERS,
    SCOPES,
    Context,
    Stack,
    a_partner,
    an_app,
    call,
    call_grant,
    grant,
    report_actions,
)
from tests.integration.stack import Response as Answer
from tests.integration.test_apps import register
from tests.integration.test_manage_catalog import document
from tests.integration.test_reversals import refund, reverse
from tests.photos import PHOTO, declared

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

CLIENTS = {
    UNREGISTERED: "stranger",
    MALFORMED: "broken-client",
    FIRST_PARTY: "alipay-client",
    OTHER_FIRST_PARTY: "taobao-client",
    PARTNER: "partner-client",
    OTHER_PARTNER: "other-partner-client",
    OPERATOR: "operator-client",
    SUSPENDED: "suspended-client",
    LIMITED: "limited-client",
    OPERATORS_TOKEN: "taobao-client",
    **dict.fromkeys(NARROW_OPERATORS, "operator-client"),
}
THIRD_PARTY_CLIENT = "third-party-client"

FUNCTION_OF = {
    route.route: function
    for function, module in HANDLERS.items()
    for route in getattr(module.handler, "operations", ())
}


def test_each_operation_is_declared_once() -> None:
    assert sorted(route.route for route in operations()) == sorted(FUNCTION_OF)
    assert len(FUNCTION_OF) == len(operations())


def test_a_function_that_cannot_find_clients_serves_only_public_operations() -> None:
    @operation("GET", "/suggestions", TO_SEARCH, answers={200: dict})
    def search(_: Request) -> Response:
        return Response({})

    @operation("GET", "/log", PUBLIC, answers={200: dict})
    def show(_: Request) -> Response:
        return Response({})

    handler = endpoint(search, show)
    claims = {"requestContext": {"authorizer": {"claims": {"client_id": "alipay-client"}}}}
    context = cast("LambdaContext", Context())

    statuses = [
        handler({"httpMethod": "GET", "resource": declared.path, **claims}, context)["statusCode"]
        for declared in (search, show)
    ]

    assert statuses == [403, 200]


def test_a_function_that_refuses_requests_during_an_erasure_must_know_of_erasures() -> None:
    @operation("DELETE", "/users/{user_id}/grants", TO_GRANT, answers={200: dict}, problems=(ERASURE_IN_PROGRESS,))
    def refuse(_: Request) -> Response:
        return Response({})

    with pytest.raises(ValueError, match="find_mark"):
        endpoint(refuse)
    assert endpoint(refuse, find_mark=lambda _: None).operations == (refuse,)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path} of {route.access.data}")
def test_the_access_of_an_operation_is_consistent(route: Operation) -> None:
    is_public = route.access.data is Data.PUBLIC

    assert (route.access.scope is None) == (route.access.role is None) == is_public
    assert route.names_a_person == (route.access.data in {Data.PERSON, Data.OWN_REDEMPTION})
    reaches_persons = route.names_a_person or route.access.data in {Data.PERSONS_IN_BODY, Data.PERSON_IN_QUERY}
    assert reaches_persons == (route.access.cover is not None or route.access.first_party), (
        "third-party apps need a grant"
    )
    assert not (route.access.cover and route.access.first_party)


def body_of(route: Operation, certificate: str) -> object:
    """Return a valid body for a request."""
    bodies: dict[tuple[str, str], object] = {
        ("POST", "/actions"): {"actions": [reported()]},
        ("POST", "/reversals"): {"reversals": [refund()]},
        ("POST", "/users/{user_id}/redemptions"): {"project_id": "saxaul-alxa"},
        ("PUT", "/users/{user_id}/grants/{app_id}"): {"covers": ["read"]},
        ("PUT", "/catalog/{kind}/{id}"): document(make_tree_project()),
        ("PUT", "/apps/{app_id}"): {"name": "Bikes", "kind": "third_party"},
        ("POST", "/apps/{app_id}/secret"): {},
        ("POST", "/apps/{app_id}/reversals"): {"reversals": [refund()]},
        ("POST", "/planting-orders/{order_id}/confirmations"): {"confirmations": [confirmation(certificate)]},
        ("POST", "/planting-orders/{order_id}/failures"): {"failures": [failure(certificate)]},
        ("POST", "/planting-orders/{order_id}/inspections"): {"inspections": [inspection(certificate)]},
        ("POST", "/planting-orders/{order_id}/photos"): {"photos": [declared(PHOTO)]},
    }
    return bodies.get((route.method, route.path))


class Requests:
    """A stack with a person, a redemption and an order, and the requests of one sender to it."""

    def __init__(self, stack: Stack, sender: Sender) -> None:
        self.sender = sender
        self.client = CLIENTS.get(sender, THIRD_PARTY_CLIENT)
        stack.seed_catalog()
        stack.write_registration({"pk": "clients", "sk": "broken-client", "role": "app", "name": "alipay"})
        own = "citybike" if self.client == THIRD_PARTY_CLIENT else "alipay"
        owner = own if sender.owns else "alipay"
        stack.redemptions.add(make_redemption("r-1", app=owner))
        stack.receipts.create(make_receipt_part(app=owner))
        stack.register("suspended-client", an_app("gone").model_copy({"is_suspended": True}))
        stack.register("limited-client", an_app("reporter").model_copy({"scopes": ("actions.write",)}))
        for app_id in ("bikes", "old-bikes"):
            register(app_id)
        stack.redemptions.add(make_redemption("r-2", user_id="u-43").reserved(stack.clock.instant))
        [self.order_id] = stack.run_planting_batch()
        self.certificate = stack.redemption("r-2", "u-43").trees[0].number
        if sender == TAKEN_BACK:
            assert grant(*COVERS).status == 200
            assert self.send(next(route for route in operations() if route.access.cover == "read")).status == 200
            assert call_grant("DELETE").status == 200
        elif sender.covers:
            assert grant(*sender.covers).status == 200

    def send(
        self,
        route: Operation,
        person: str | None = None,
        more: Mapping[str, str] = MappingProxyType({}),
        body: object = None,
    ) -> Answer:
        values = {"user_id": USER.id, "redemption_id": "r-1", "app_id": "citybike", "order_id": self.order_id}
        values |= {"kind": "tree-projects", "id": "caragana", "number": "n", "action_type": "bus_ride", "version": "1"}
        values |= {"file": "none", "receipt_id": RECEIPT, "secret_id": "none", "erasure_id": "none"}
        if route.path.startswith("/apps/"):
            values["app_id"] = "old-bikes" if route.method == "DELETE" else "bikes"
        if route.route == ("DELETE", "/users/{user_id}") and person is None:
            values["user_id"] = "leaving"  # what is written for a person who is being erased is refused
        return call(
            next(FUNCTION_OF[made] for made in (route.route, ("GET", route.path)) if made in FUNCTION_OF),
            route.method,
            route.path,
            client=self.client,
            path={name: value for name, value in values.items() if f"{{{name}}}" in route.path},
            query={**query_of(route, USER.id, self.sender), **more},
            body=body_of(route, self.certificate) if body is None else body,
            headers={"Idempotency-Key": "key-1"},
            person=person,
            scopes=SCOPES if self.sender.of_token is None else " ".join(f"saxaul/{s}" for s in self.sender.of_token),
        )


def observed(route: Operation, answer: Answer) -> str:
    """Return the code with which a request was refused, or ADMITTED."""
    assert answer.status < 500, (route, answer)
    if answer.status in (401, 403):
        return answer.code
    if route.access.data is Data.PERSONS_IN_BODY:
        assert len(answer.body["refused"]) + answer.body["accepted"] == 1
        return str(answer.body["refused"][0]["code"]) if answer.body["refused"] else ADMITTED
    return answer.code if answer.status == 404 and answer.code in HIDDEN.values() else ADMITTED


@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: f"{sender.name}, own: {sender.owns}")
def test_every_operation_answers_a_sender_as_it_declares(stack: Stack, sender: Sender) -> None:
    requests = Requests(stack, sender)

    answers = {named(route, sender): observed(route, requests.send(route)) for route in ROUTES}

    assert answers == {named(route, sender): expected(route, sender) for route in ROUTES}


def test_the_generated_cases_include_each_possible_answer() -> None:
    possible = {expected(route, sender) for route in ROUTES for sender in SENDERS}

    refusals = {"unknown_client", "not_an_app", "not_a_partner", "not_an_operator", "not_first_party", "not_granted"}
    assert possible == {ADMITTED, *refusals, *HIDDEN.values(), "not_yours", "app_suspended", "forbidden"}


def test_a_public_route_answers_without_a_token(stack: Stack) -> None:
    requests = Requests(stack, FIRST_PARTY)
    requests.client = ""

    public = [route for route in operations() if route.access.data is Data.PUBLIC]

    assert [observed(route, requests.send(route)) for route in public] == [ADMITTED] * len(public)


def test_a_token_of_a_person_gives_access_to_no_path_of_another_person(stack: Stack) -> None:
    requests = Requests(stack, FIRST_PARTY)
    paths = [route for route in ROUTES if route.names_a_person or route.access.data is Data.PERSON_IN_QUERY]

    foreign = {named(route, FIRST_PARTY): observed(route, requests.send(route, person="u-43")) for route in paths}
    own = {named(route, FIRST_PARTY): observed(route, requests.send(route, person=USER.id)) for route in paths}

    assert set(foreign.values()) == {"not_yours"}
    assert set(own.values()) == {ADMITTED}


def test_a_token_of_a_person_neither_reports_actions_nor_follows_receipts(stack: Stack) -> None:
    requests = Requests(stack, FIRST_PARTY)
    of_many = [route for route in ROUTES if route.access.data in {Data.PERSONS_IN_BODY, Data.OWN_RECEIPTS}]

    assert len(of_many) == 3
    assert {observed(route, requests.send(route, person=USER.id)) for route in of_many} == {"not_yours"}


def test_the_username_in_an_operators_token_is_the_operators_own(stack: Stack) -> None:
    """It names who reads, and not whose data."""
    requests = Requests(stack, OPERATOR)
    paths = [route for route in operations() if route.access.operator_scope]

    answers = {named(route, OPERATOR): observed(route, requests.send(route, person="li.na")) for route in paths}

    assert len(paths) > 9
    assert set(answers.values()) == {ADMITTED}


def test_a_role_is_checked_even_if_a_token_has_a_scope_of_another_role(stack: Stack) -> None:
    """A client may get more scopes by mistake. The functions check its role all the same."""
    stack.register("partner-client", an_app("alipay"))
    stack.register("alipay-client", a_partner("partner", "Alxa SEE Foundation"))

    assert report_actions(reported(), client="alipay-client").code == "not_an_app"
    assert call("take_reports", "GET", "/planting-orders", client="partner-client").code == "not_a_partner"


def test_first_party_apps_cost_no_read_of_a_grant(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = Requests(stack, FIRST_PARTY)
    read: list[str] = []
    get, get_many = Table.get, Table.get_many

    def noted_get(table: Table, key: Any) -> Any:  # noqa: ANN401 - as Table takes and returns them
        read.append(key.sk)
        return get(table, key)

    def noted_get_many(table: Table, keys: Any, *, consistent: bool, only: str = "") -> Any:  # noqa: ANN401 - as Table
        wanted = list(keys)
        read.extend(key.sk for key in wanted)
        return get_many(table, wanted, consistent=consistent, only=only)

    monkeypatch.setattr(Table, "get", noted_get)
    monkeypatch.setattr(Table, "get_many", noted_get_many)
    for route in ROUTES:
        if route.access.cover:
            requests.send(route)

    assert read
    assert [sk for sk in read if sk.startswith("GRANT#")] == []


def test_the_items_of_persons_without_a_grant_are_refused_one_by_one(stack: Stack) -> None:
    stack.seed_catalog()
    grant("report", user_id="granted")
    grant("read", "spend", user_id="other-covers")
    people = ["granted", "other-covers", "never-heard-of", "granted"]

    response = report_actions(
        *(reported(action_id=f"a-{n}", user_id=user_id) for n, user_id in enumerate(people)),
        reported(action_id="a-4", user_id="never-heard-of", type="unknown"),
        client=THIRD_PARTY_CLIENT,
    )

    assert (response.status, response.body["accepted"]) == (202, 2)
    refused = [(refusal["index"], refusal["code"]) for refusal in response.body["refused"]]
    assert refused == [(1, "not_granted"), (2, "not_granted"), (4, "unknown_type")]
    assert len({refusal["detail"] for refusal in response.body["refused"][:2]}) == 1


def test_an_app_whose_grant_was_taken_back_cannot_take_points_away(stack: Stack) -> None:
    stack.seed_catalog()
    grant("report")
    report_actions(reported(), client=THIRD_PARTY_CLIENT)
    stack.deliver_reported()
    call_grant("DELETE")

    response = reverse(refund(), client=THIRD_PARTY_CLIENT)

    assert (response.body["accepted"], response.body["refused"][0]["code"]) == (0, "not_granted")
    assert stack.receive_all(stack.actions_url) == []


def test_the_grants_of_500_persons_in_a_body_are_read_in_batches(stack: Stack) -> None:
    stack.seed_catalog()
    for number in (0, 250, 499):
        grant("report", user_id=f"u-{number}")

    response = report_actions(*(reported(user_id=f"u-{n}") for n in range(500)), client=THIRD_PARTY_CLIENT)

    assert (response.body["accepted"], len(response.body["refused"])) == (3, 497)


def test_a_reversal_without_a_grant_does_not_tell_whether_the_action_exists(stack: Stack) -> None:
    """The code ``summed`` would tell."""
    stack.seed_catalog()

    response = reverse(refund(), refund(user_id="never-heard-of"), client=THIRD_PARTY_CLIENT)

    assert {(refusal["code"], refusal["detail"]) for refusal in response.body["refused"]} == {
        ("not_granted", "This person has no grant that lets citybike report; ask the person for one.")
    }


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("resource", ["/actions", "/reversals"])
def test_a_token_with_a_username_cannot_report_or_reverse(resource: str) -> None:
    body = {resource.removeprefix("/"): [{"action_id": "a-1"}]}

    response = call("ingest_actions", "POST", resource, body=body, person="u-1")

    assert (response.status, response.code) == (403, "not_yours")
