"""Measures what persons and trees use: harvests, searches, redemptions, planting orders, reports and views."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import boto3

from benchmarks.engine import LEDGER, make_tables
from benchmarks.periods_way import APP, CONTEXT
from benchmarks.scale_gauge import Gauge, Handler, step
from benchmarks.scale_units import Step, Units
from benchmarks.stored_items import INDEX_BYTES, bytes_of, ledger_items
from functions.place_orders.handler import handler as place_orders
from functions.prove_trees.handler import handler as prove_trees
from functions.redeem_trees.handler import handler as redeem_trees
from functions.settle_redemptions.handler import handler as settle_redemptions
from functions.suggest_campaigns.handler import handler as suggest_campaigns
from functions.take_reports.handler import handler as take_reports
from functions.view_forest.handler import handler as view_forest
from local.sam import ROOT
from operations.ledger_reading import size_of
from saxaul.catalog.entries import Catalog
from saxaul.clock import SYSTEM_CLOCK
from saxaul.ledger.actions import Owner
from saxaul.ledger.entries import ONE, Entry
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.settings import settings
from saxaul.storage import periods
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import Table, python, transact
from saxaul.trees.orders import MAX_TREES_PER_ORDER

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

PROJECT = "saxaul-alxa"

DAY = 86_400
"""The trees of a day are collected. They are in orders of at most MAX_TREES_PER_ORDER trees; so are their reports."""

TREE_RECORDS = 4
"""How often the redemption of one tree changes: it is requested, settled, ordered and confirmed."""


@contextmanager
def partner_side() -> Iterator[None]:
    """Make the bucket, the bus, the key and the queues that the functions for partners need."""
    bucket, bus = "manifests", "saxaul-bench"
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})  # type: ignore[typeddict-item]
    boto3.client("events").create_event_bus(Name=bus)
    key = boto3.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    queue = boto3.client("sqs").create_queue(QueueName="PlantingQueue.fifo", Attributes={"FifoQueue": "true"})
    os.environ.update(
        MANIFEST_BUCKET=bucket,
        BUS_NAME=bus,
        SIGNING_KEY=key,
        PLANTING_QUEUE_URL=queue["QueueUrl"],
        LOG_QUEUE_URL=boto3.client("sqs").create_queue(QueueName="LogQueue")["QueueUrl"],
        PUBLIC_URL="https://api.example.com/v1",
    )
    settings.cache_clear()
    yield


class TreeSteps:
    """Measures the steps of persons and trees. ``people`` is the number of trees."""

    def __init__(self, gauge: Gauge, people: int) -> None:
        self._gauge = gauge
        self._outside: SQSClient = boto3.client("sqs")
        self._people = people

    def measure(self, catalog: Catalog) -> tuple[dict[str, Step], float]:
        """Return the steps by name, and the bytes that a tree adds to the table."""
        make_tables(LEDGER)
        project = catalog.tree_projects[PROJECT].model_copy(update={"saplings": self._people, "schedule": None})
        ledger, now = Table(LEDGER, SYSTEM_CLOCK), int(time())
        stocks, zone = Stocks(ledger), settings().calendar.zone
        transact([stocks.plan_write(stocks.get(PROJECT).planned(project, zone, now), now)])
        people = [f"{2_088_000_000_000_000 + number}" for number in range(self._people + 12)]
        price = project.price_points
        ledger.put_all([{**periods.to_item(_ripe_period(user, now, price)), "v": 1} for user in people])
        redeeming = ("RedeemTrees", redeem_trees, "redeem_trees.json")
        viewing = ("ViewForest", view_forest, "view_forest.json")
        winners, late = people[: self._people], people[self._people + 2 :]
        harvested = self._each(
            redeeming, winners, lambda user: _request("POST", "/users/{user_id}/harvest", user, body="")
        )
        redeemed = self._each(redeeming, winners, _redemption, 202)
        settled = self._settled()
        refused = self._each(redeeming, late, _redemption, 409)
        ordering = self._batches(place_orders, "PLANTING_QUEUE_URL", {"project_id": PROJECT}, 1)
        confirmed, numbers = self._confirmed()
        steps = {
            "harvest": harvested,
            "redeem": redeemed,
            "redeem_late": refused,
            "settle": settled,
            "order": Step("PlaceOrders", Units(), ordering.scaled(1 / self._people), MAX_TREES_PER_ORDER, DAY),
            "confirm": Step("TakeReports", Units(), confirmed.scaled(1 / self._people), MAX_TREES_PER_ORDER, DAY),
            "wallet": self._each(viewing, winners[:20], lambda user: _request("GET", "/users/{user_id}/wallet", user)),
            "view_redemption": self._viewed(redeeming, winners[:20]),
            "search": self._each(
                ("SuggestCampaigns", suggest_campaigns, "suggest_campaigns.json"),
                ["bus", "gongjiao", "地铁", "bike", "tree", "plastic"] * 4,
                lambda query: {"queryStringParameters": {"q": query, "lang": "en"}},
            ),
            "certificate": self._each(
                ("ProveTrees", prove_trees, "prove_trees.json"),
                numbers[:10],
                lambda number: _request("GET", "/certificates/{number}", "", number=f"{number}.json"),
            ),
        }
        stored = sum(size_of(python(item)) + INDEX_BYTES for item in ledger_items().values()) - sum(
            bytes_of(periods.to_item(_ripe_period(user, now, price))) + INDEX_BYTES for user in people
        )
        return steps, stored / self._people

    def _each(
        self,
        function: tuple[str, Handler, str],
        over: Sequence[str],
        changed: Callable[[str], dict[str, Any]],
        status: int = 200,
    ) -> Step:
        """Measure an API function with one request for each value, after one that is not measured."""
        name, handler, event_file = function
        event = json.loads((ROOT / "events" / event_file).read_text())
        total = Units()
        for number, value in enumerate(over):
            used = self._gauge.used(lambda value=value: _answered(handler, event | changed(value), status))  # type: ignore[misc]
            total = total.plus(used, 0 if number == 0 else 1)
        return Step(name, total.scaled(1 / (len(over) - 1)))

    def _viewed(self, function: tuple[str, Handler, str], users: Sequence[str]) -> Step:
        ids = {item["pk"]["S"]: item["sk"]["S"] for item in ledger_items().values() if item["sk"]["S"][:5] == "TREE#"}
        return self._each(
            function,
            users,
            lambda user: _request(
                "GET",
                "/users/{user_id}/redemptions/{redemption_id}",
                user,
                redemption_id=ids[f"USER#{user}"].removeprefix("TREE#"),
            ),
        )

    def _settled(self) -> Step:
        """Settle the queued redemptions: one in a batch of its own, and ten at a time."""
        url = settings().redemption_queue_url
        small = self._batch(settle_redemptions, url, 1)
        many, large = 0, Units()
        while True:
            size, used = self._batch(settle_redemptions, url, 10)
            if not size:
                break
            many, large = many + size, large.plus(used)
        batches = many / 10
        return step("SettleRedemptions", "RedemptionsToSettle", small, (10, large.scaled(1 / batches)))

    def _batch(self, handler: Handler, url: str, most: int) -> tuple[int, Units]:
        """Receive a batch, let the function handle it, and delete it, as Lambda's poller does."""
        messages = self._outside.receive_message(QueueUrl=url, MaxNumberOfMessages=most).get("Messages", [])
        if not messages:
            return 0, Units()
        event = {"Records": [{"messageId": found["MessageId"], "body": found["Body"]} for found in messages]}
        used = self._gauge.used(lambda: handler(event, CONTEXT))
        for found in messages:
            self._outside.delete_message(QueueUrl=url, ReceiptHandle=found["ReceiptHandle"])
        return len(messages), used.plus(Units(sqs_requests=2))

    def _batches(self, handler: Handler, queue: str, message: dict[str, str], most: int) -> Units:
        """Send a message, and handle it and all that follow from it."""
        url = os.environ[queue]
        self._outside.send_message(
            QueueUrl=url, MessageBody=json.dumps(message), MessageGroupId="a", MessageDeduplicationId="a"
        )
        total, size = Units(sqs_requests=1), 1
        while size:
            size, used = self._batch(handler, url, most)
            total = total.plus(used)
        return total

    def _confirmed(self) -> tuple[Units, list[str]]:
        """Confirm that the trees of all orders were planted. Return what it used, and their certificate numbers."""
        event = json.loads((ROOT / "events" / "take_reports.json").read_text())
        listed = json.loads(_answered(take_reports, event, 200)["body"])["orders"]
        total, numbers = Units(), list[str]()
        for order in listed:
            viewed = _request("GET", "/planting-orders/{order_id}", "", order_id=order["order_id"])
            trees = json.loads(_answered(take_reports, event | viewed, 200)["body"])["ordered_trees"]
            now = datetime.now(settings().calendar.zone).isoformat(timespec="seconds")
            reports = [
                {
                    "certificate": tree["certificate"],
                    "tag": tree["certificate"],
                    "lat": round(38.8 + n / 100_000, 5),
                    "lon": 105.731,
                    "planted_at": now,
                }
                for n, tree in enumerate(trees, len(numbers))
            ]
            sending = _request(
                "POST",
                "/planting-orders/{order_id}/confirmations",
                "",
                order_id=order["order_id"],
                body=json.dumps({"confirmations": reports}),
            )
            total = total.plus(self._gauge.used(lambda sending=sending: _answered(take_reports, event | sending, 200)))  # type: ignore[misc]
            numbers += [tree["certificate"] for tree in trees]
        return total, numbers


def _ripe_period(user: str, now: int, points: int) -> Period:
    """Return a period of two days ago whose points are ripe."""
    acted = now - 2 * 86_400
    entry = Entry("bus_ride", ONE, acted, acted, rule=1, points=points, units=ONE, counted=ONE, avoided_g=Decimal(212))
    day = settings().calendar.window_of(acted, "day")
    return Period(PeriodKey(Owner("user", user), day), {f"{APP}:ride": entry})


def _request(method: str, resource: str, user: str, body: str | None = None, **path: str) -> dict[str, Any]:
    """Return the members of an API event that this request changes."""
    parameters = ({"user_id": user} if user else {}) | path
    filled = resource
    for name, value in parameters.items():
        filled = filled.replace(f"{{{name}}}", quote(value))
    claims = {
        "client_id": "partner-client" if "planting" in resource else f"{APP}-client",
        "scope": " ".join(f"saxaul/{name}" for name in ("trees.redeem", "wallets.read", "planting.write")),
        "token_use": "access",
    }
    context = {
        "resourcePath": resource,
        "httpMethod": method,
        "path": f"/v1{filled}",
        "stage": "v1",
        "apiId": "abc123",
        "domainName": "api.example.com",
        "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "identity": {"sourceIp": "203.0.113.7", "userAgent": "saxaul-example"},
        "authorizer": {"claims": claims},
    }
    return {
        "resource": resource,
        "path": filled,
        "httpMethod": method,
        "pathParameters": parameters,
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": context,
        "body": body,
    }


def _redemption(user: str) -> dict[str, Any]:
    body = json.dumps({"project_id": PROJECT, "trees": 1, "dedication": "For the desert"})
    return _request("POST", "/users/{user_id}/redemptions", user, body=body)


def _answered(handler: Handler, event: dict[str, Any], status: int) -> dict[str, Any]:
    answer: dict[str, Any] = handler(event, CONTEXT)
    if answer["statusCode"] != status:
        raise RuntimeError(f"{event['httpMethod']} {event['path']} answered {answer['statusCode']}: {answer['body']}")
    return answer
