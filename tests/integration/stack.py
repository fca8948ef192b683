"""Calls the functions in this process, with the same events as API Gateway and the queues."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import quote

from local.operations import operations
from local.seed import load
from operations import reconcile
from saxaul.catalog.clients import RegisteredClient, Trust
from saxaul.catalog.entries import Entity, Kind
from saxaul.catalog.versions import VersionedEntry
from saxaul.ledger.actions import Action, Owner
from saxaul.ledger.periods import Period
from saxaul.ledger.wallets import Wallet
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.clients import sqs
from saxaul.storage.orders import Orders
from saxaul.storage.periods import Periods, to_write
from saxaul.storage.receipts import Receipts
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.registry import CLIENTS, Registry, to_item
from saxaul.storage.spending import Spending
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import Item, Key, Table
from saxaul.storage.wallets import Wallets
from saxaul.trees.redemptions import Redemption
from saxaul.trees.stock import Stock
from tests.builders import (
    APP,
    SHANGHAI,
    USER,
    action_bodies,
    inspection,
    make_action_type,
    make_calendar,
    make_tree_project,
)
from tests.clocks import StoppedClock
from tests.contract.checking import check_response
from tests.integration.policies import CALLS
from tests.memory_cognito import MemoryCognito

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
HANDLERS: Mapping[str, ModuleType] = {name: import_module(f"functions.{name}.handler") for name in FUNCTIONS}

DOMAIN = "abc123.execute-api.cn-north-1.amazonaws.com.cn"
"""The host of the API without a custom domain."""
BASE_URL = f"https://{DOMAIN}/v1"

PARTNERS = ("Alxa SEE Foundation", "China Green Foundation", "Yili Public Welfare Foundation")


def an_app(name: str, trust: Trust = "first_party") -> RegisteredClient:
    return RegisteredClient(name=name, role="app", trust=trust)


def a_partner(name: str, *partners: str) -> RegisteredClient:
    return RegisteredClient(name=name, role="partner", partners=partners)


REGISTERED = {
    "alipay-client": an_app("alipay"),
    "taobao-client": an_app("taobao"),
    "meituan-client": an_app("meituan"),
    "didi-client": an_app("didi"),
    "third-party-client": an_app("citybike", "third_party"),
    "partner-client": a_partner("partner", *PARTNERS),
    "other-partner-client": a_partner("other", "Somebody Else"),
}
"""The clients in the registry of every stack, by the client id in their tokens. The operator is known without it."""


SCOPES = " ".join(sorted({f"saxaul/{scope}" for declared in operations() for scope in declared.access.scopes}))
"""All scopes, as the claim of a token has them. Without API Gateway, only the functions check scopes here."""


class Context:
    """The fields of the Lambda context that the functions read."""

    function_name = "saxaul-function"
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        return 15_000


class Response(NamedTuple):
    """A response of the API with its parsed body."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        """Check that the response is a problem document, and return its code."""
        assert self.headers["content-type"] == "application/problem+json", self
        assert self.body["status"] == self.status
        assert self.body["title"]
        assert self.body["detail"]
        return str(self.body["code"])


@cache
def default_action_types() -> Mapping[str, Entity]:
    """Return the action types of the default catalog. To read and check its files takes longer than most tests."""
    return load()["action-types"]


@dataclass(frozen=True)
class Stack:
    """The functions, and the tables and queues that they use."""

    clock: StoppedClock
    actions_url: str
    redemptions_url: str
    planting_url: str
    cognito: MemoryCognito

    @property
    def ledger(self) -> Table:
        return Table("Ledger", self.clock)

    @property
    def periods(self) -> Periods:
        return Periods(self.ledger)

    def put_period(self, period: Period) -> None:
        """Write a period over the version that it has.

        Raises:
            Exception: the outcome of the write, if it did not take effect.
        """
        [outcome] = self.periods.write([to_write(period)])
        if outcome:
            raise outcome

    @property
    def receipts(self) -> Receipts:
        return Receipts(Table("Activity", self.clock))

    @property
    def wallets(self) -> Wallets:
        return Wallets(self.ledger)

    @property
    def redemptions(self) -> Redemptions:
        return Redemptions(self.ledger)

    @property
    def orders(self) -> Orders:
        return Orders(self.ledger)

    @property
    def stocks(self) -> Stocks:
        return Stocks(self.ledger)

    @property
    def spending(self) -> Spending:
        return Spending(self.ledger)

    @property
    def catalog_store(self) -> CatalogStore:
        """Return a new store with an empty cache."""
        return CatalogStore(Table("Catalog", self.clock))

    def seed(self, kind: Kind, **entities: Entity) -> None:
        """Write catalog entries directly to the table. In ids other than those of action types, ``_`` becomes ``-``."""
        for name, entity in entities.items():
            identifier = name if kind == "action-types" else name.replace("_", "-")
            self.catalog_store.put(kind, identifier, VersionedEntry(entity, 1))

    def registry(self) -> Registry:
        """Return a new registry with an empty cache."""
        return Registry(Table("Catalog", self.clock))

    def register(self, client_id: str, client: RegisteredClient) -> None:
        """Write a client to the registry."""
        self.register_all({client_id: client})

    def register_all(self, registered: Mapping[str, RegisteredClient]) -> None:
        """Write clients to the registry, in one request."""
        Table("Catalog", self.clock).put_all([to_item(client_id, client) for client_id, client in registered.items()])

    def write_registration(self, item: Item) -> None:
        """Write an item of the registry, which may be malformed."""
        Table("Catalog", self.clock).replace(item)

    def unregister(self, client_id: str) -> None:
        Table("Catalog", self.clock).delete(Key(CLIENTS, client_id))

    def seed_catalog(self, price_points: int = 160, saplings: int = 10) -> None:
        """Write the action type ``bus_ride`` with 80 points, and the project ``saxaul-alxa``. Release its saplings."""
        self.seed("action-types", bus_ride=make_action_type())
        project = make_tree_project(price_points, saplings)
        planned = self.stock().planned(project, SHANGHAI, self.clock.instant)
        planning = self.stocks.plan_write(planned, self.clock.instant)
        self.catalog_store.put("tree-projects", "saxaul-alxa", VersionedEntry(project, 1), also=[planning])

    def add_wallet(self, balance: int, user_id: str = USER.id) -> None:
        self.wallets.put(Wallet(user_id, balance))

    def wallet(self, user_id: str = USER.id) -> Wallet:
        return self.wallets.get(user_id)

    def periods_of(self, user_id: str = USER.id) -> list[Period]:
        return self.periods.between(Owner("user", user_id), "", "9999-12-31")

    def stock(self, project_id: str = "saxaul-alxa") -> Stock:
        return self.stocks.get(project_id)

    def redemption(self, redemption_id: str, user_id: str = USER.id) -> Redemption:
        found = self.redemptions.get(user_id, redemption_id)
        assert found is not None
        return found

    def receive_all(self, queue_url: str) -> list[str]:
        """Receive and delete all messages of a queue, and return their bodies."""
        bodies: list[str] = []
        while messages := sqs().receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(message["Body"])
                sqs().delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def accrue(self, *bodies: str) -> list[str]:
        """Deliver messages to ``accrue_points``, and return the ids (``m-0``, ``m-1``, …) of those that failed."""
        return deliver("accrue_points", bodies)

    def accrue_all(self, actions: Iterable[Action], app: str = APP) -> list[str]:
        """Accept the actions with the catalog of now, and deliver them in as few messages as possible."""
        catalog = self.catalog_store.catalog()
        accepted = [action.on_terms_of(catalog, make_calendar()) for action in actions]
        return self.accrue(*action_bodies(app, self.clock.instant, accepted))

    def deliver_reported(self) -> None:
        """Deliver what the apps reported to ``accrue_points``, in the order in which it was queued."""
        assert self.accrue(*self.receive_all(self.actions_url)) == []

    def faults(self) -> list[str]:
        """Reconcile the ledger, computing every award again. Return the faults."""
        found: list[str] = []
        terms = reconcile.terms_of("Catalog", SHANGHAI)
        reconcile.reconcile(
            self.ledger, lambda finding: found.append(finding.detail) if finding.is_fault else None, terms
        )
        return found

    def available_saplings(self) -> int:
        return self.stock().available(self.clock.instant)

    def settle(self, *bodies: str) -> list[str]:
        return deliver("settle_redemptions", bodies)

    def run_planting_batch(self) -> list[str]:
        """Run a planting batch until its queue is empty. Return the ids of the new orders, oldest first per partner."""
        before = self.order_ids()
        invoke("schedule_orders", event_of("schedule_orders"))
        while bodies := self.receive_all(self.planting_url):
            assert deliver("place_orders", bodies) == []
        return [order_id for order_id in self.order_ids() if order_id not in before]

    def order_ids(self) -> list[str]:
        orders = (self.orders.of_partners([partner], 1000) for partner in PARTNERS)
        return [order.order_id for found in orders for order in reversed(found)]

    def events_on_the_bus(self) -> list[Any]:
        """Return the details of the events that the bus delivered since the last call."""
        url = sqs().get_queue_url(QueueName="Listener")["QueueUrl"]
        return [json.loads(body)["detail"] for body in self.receive_all(url)]


def invoke(function: str, event: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Call a function as AWS does. The event and the result are converted to JSON and back.

    Raises:
        AssertionError: the function made an AWS call that its policy does not allow, or a response of the API is not
            one that the OpenAPI document describes.
    """
    with CALLS.of(function):
        response = HANDLERS[function].handler(json.loads(json.dumps(event)), cast("LambdaContext", Context()))
    if "httpMethod" in event:
        parsed = parse_response(response)
        check_response(event["httpMethod"], event["resource"], parsed.status, parsed.headers, parsed.body)
    return json.loads(json.dumps(response))


def event_of(function: str) -> Any:  # noqa: ANN401 - any event
    return json.loads((ROOT / "events" / f"{function}.json").read_text("utf-8"))


def call(
    function: str,
    method: str,
    resource: str,
    *,
    client: str | None = "alipay-client",
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    body: Any = None,  # noqa: ANN401 - any JSON value; a str is sent unchanged
    headers: Mapping[str, str] | None = None,
    person: str | None = None,
    scopes: str = SCOPES,
) -> Response:
    """Call a function as API Gateway does, with the claims of a client's or person's token, or without a token."""
    event = api_event(method, resource, path=path, query=query, headers=headers) | {
        "body": body if body is None or isinstance(body, str) else json.dumps(body)
    }
    claims = {"client_id": client, "scope": scopes} | ({"username": person} if person else {})
    if client:
        event["requestContext"]["authorizer"] = {"claims": claims}
    return parse_response(invoke(function, event))


def api_event(
    method: str,
    resource: str,
    *,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the event of API Gateway for a request without a token. Its path is percent-encoded."""
    called = {name: quote(value, safe="", errors="surrogatepass") for name, value in (path or {}).items()}
    sent = {"Accept": "*/*", "Host": DOMAIN, "User-Agent": "saxaul-tests", **(headers or {})}
    return {
        "resource": resource,
        "path": resource.format_map(called),
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": query or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": called or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": f"/v1{resource.format_map(called)}",
            "stage": "v1",
            "apiId": "abc123",
            "domainName": DOMAIN,
            "domainPrefix": "abc123",
            "protocol": "HTTP/1.1",
        },
        "body": None,
        "isBase64Encoded": False,
    }


def parse_response(raw: Any) -> Response:  # noqa: ANN401 - the result of a function
    assert raw["headers"]["access-control-allow-origin"] == "*"
    is_json = raw["headers"]["content-type"].endswith("json") and raw["body"]
    return Response(raw["statusCode"], json.loads(raw["body"]) if is_json else raw["body"], raw["headers"])


def deliver(function: str, bodies: Iterable[str]) -> list[str]:
    records = [{"messageId": f"m-{number}", "body": body} for number, body in enumerate(bodies)]
    response = invoke(function, {"Records": records})
    return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]


def report_actions(*actions: Any, client: str = "alipay-client") -> Response:  # noqa: ANN401 - an app may send anything
    return call("ingest_actions", "POST", "/actions", client=client, body={"actions": list(actions)})


def report_reversals(*reversals: Any, client: str = "alipay-client") -> Response:  # noqa: ANN401 - an app may send anything
    return call("ingest_actions", "POST", "/reversals", client=client, body={"reversals": list(reversals)})


def redeem(key: str = "key-1", user_id: str = USER.id, *, client: str = "alipay-client", **body: Any) -> Response:  # noqa: ANN401 - any field
    return call(
        "redeem_trees",
        "POST",
        "/users/{user_id}/redemptions",
        client=client,
        path={"user_id": user_id},
        body={"project_id": "saxaul-alxa"} | body,
        headers={"Idempotency-Key": key},
    )


def cancel(
    redemption_id: str, user_id: str = USER.id, *, client: str = "alipay-client", person: str | None = None
) -> Response:
    path = {"user_id": user_id, "redemption_id": redemption_id}
    resource = "/users/{user_id}/redemptions/{redemption_id}"
    return call("redeem_trees", "DELETE", resource, client=client, path=path, person=person)


def tree_projects(**query: str) -> Response:
    return call("view_forest", "GET", "/tree-projects", query=query)


def harvest(user_id: str = USER.id) -> Response:
    return call("redeem_trees", "POST", "/users/{user_id}/harvest", path={"user_id": user_id})


def call_grant(
    method: str,
    app_id: str = "citybike",
    body: Any = None,  # noqa: ANN401 - an app may send anything
    *,
    user_id: str = USER.id,
    client: str = "alipay-client",
) -> Response:
    path = {"user_id": user_id, "app_id": app_id}
    return call("manage_grants", method, "/users/{user_id}/grants/{app_id}", client=client, path=path, body=body)


def grant(*covers: str, user_id: str = USER.id) -> Response:
    """Let the app ``citybike``, which has the client ``third-party-client``, do this for a person."""
    return call_grant("PUT", body={"covers": covers}, user_id=user_id)


def wallet_of(user_id: str = USER.id) -> Any:  # noqa: ANN401 - the response body
    return call("view_forest", "GET", "/users/{user_id}/wallet", path={"user_id": user_id}).body


def ledger_of(user_id: str = USER.id) -> list[Any]:
    """Read every line of a user's ledger, page by page."""
    lines: list[Any] = []
    query = {"limit": "200"}
    while True:
        page = call("view_forest", "GET", "/users/{user_id}/ledger", path={"user_id": user_id}, query=query).body
        lines += page["entries"]
        if not page["cursor"]:
            return lines
        query["cursor"] = page["cursor"]


def statement_of(user_id: str = USER.id, month: str = "2026-06") -> Any:  # noqa: ANN401 - the response body
    resource, query = "/users/{user_id}/statement", {"month": month}
    return call("view_forest", "GET", resource, path={"user_id": user_id}, query=query).body


def certificate(number: str) -> Response:
    return call("prove_trees", "GET", "/certificates/{number}", client=None, path={"number": number})


def confirm(order_id: str, *confirmations: object, client: str = "partner-client") -> Response:
    return report("confirmations", order_id, *confirmations, client=client)


def report(name: str, order_id: str, *reports: object, client: str = "partner-client") -> Response:
    """Send a partner's ``confirmations``, ``failures`` or ``inspections``."""
    return call(
        "take_reports",
        "POST",
        f"/planting-orders/{{order_id}}/{name}",
        client=client,
        path={"order_id": order_id},
        body={name: reports},
    )


def inspect(order_id: str, number: str, state: str, hour: int, **changes: object) -> None:
    """Report an inspection of 5 June 2026 in this hour. A new tree was planted then."""
    moment = f"2026-06-05T{hour:02}:00:00+08:00"
    planted = {"planted_at": moment} if state == "replaced" else {}
    found = report("inspections", order_id, inspection(number, state, inspected_at=moment, **planted, **changes))
    assert found.body == {"accepted": 1, "refused": []}


def view_order(order_id: str, client: str = "partner-client") -> Response:
    return call("take_reports", "GET", "/planting-orders/{order_id}", client=client, path={"order_id": order_id})


def view_redemption(redemption_id: str, user_id: str = USER.id) -> Any:  # noqa: ANN401 - the response body
    resource = "/users/{user_id}/redemptions/{redemption_id}"
    return call("redeem_trees", "GET", resource, path={"user_id": user_id, "redemption_id": redemption_id}).body


def put_entry(kind: str, identifier: str, document: Any, **headers: str) -> Response:  # noqa: ANN401 - an operator may send anything
    return _call_entry("PUT", kind, identifier, document, headers)


def delete_entry(kind: str, identifier: str, **headers: str) -> Response:
    return _call_entry("DELETE", kind, identifier, None, headers)


def _call_entry(method: str, kind: str, identifier: str, document: Any, headers: Mapping[str, str]) -> Response:  # noqa: ANN401
    return call(
        "manage_catalog",
        method,
        "/catalog/{kind}/{id}",
        client="operator-client",
        path={"kind": kind, "id": identifier},
        body=document,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def call_app(
    method: str,
    app_id: str = "bikes",
    below: str = "",
    body: Any = None,  # noqa: ANN401 - an operator may send anything
    *,
    client: str = "operator-client",
    **headers: str,
) -> Response:
    """Send a request of an operator for an app. ``below`` is the rest of the path, such as ``suspend``."""
    path, resource = {"app_id": app_id}, "/apps/{app_id}"
    if below.startswith("secrets/"):
        path, resource = {**path, "secret_id": below.removeprefix("secrets/")}, f"{resource}/secrets/{{secret_id}}"
    elif below:
        resource = f"{resource}/{below}"
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return call("manage_apps", method, resource, client=client, path=path, body=body, headers=sent)
