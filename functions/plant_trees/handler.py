"""Plants trees: batches order what waits, and partners see their orders and report what became of each tree."""

import re
from functools import cache
from time import time
from typing import TYPE_CHECKING, Any

from saxaul.catalog.entries import TreeProject
from saxaul.http.cursors import cursor_to, place_in_list
from saxaul.http.endpoint import Event, Request, Response, endpoint, whole_number
from saxaul.http.views import order_summary, order_view, reports_view
from saxaul.messages.bodies import PlantingMessage
from saxaul.messages.events import redeliver
from saxaul.observability import logger
from saxaul.problems import Forbidden, NotFound
from saxaul.services.append_log import Log
from saxaul.services.order import Planting
from saxaul.services.take_statements import TreeReports
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.events import Bus
from saxaul.storage.log import LogStore
from saxaul.storage.manifests import Manifests
from saxaul.storage.orders import Orders, place_of
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.signing import SigningKey
from saxaul.storage.table import Table
from saxaul.trees.orders import PlantingOrder
from saxaul.trees.reports import MAX_FAILURES, MAX_REPORTS, reports_of
from saxaul.trees.tree_reports import confirm, fail, inspect

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_PLACE = re.compile(r"[0-9]{12}#[a-z0-9_-]+")
"""An order's place among those of its partner."""


@cache
def _orders() -> Orders:
    return Orders(Table(settings().ledger_table))


@cache
def _manifests() -> Manifests:
    return Manifests(settings().manifest_bucket)


@cache
def _planting() -> Planting:
    redemptions = Redemptions(Table(settings().ledger_table))
    bus, calendar = Bus(settings().bus_name), settings().calendar
    return Planting(redemptions, _orders(), _manifests(), bus, calendar, settings().planting_queue_url)


@cache
def _tree_reports() -> TreeReports:
    ledger, calendar = Table(settings().ledger_table), settings().calendar
    log = Log(LogStore(ledger), SigningKey(settings().signing_key), calendar)
    return TreeReports(Redemptions(ledger), log, calendar)


@cache
def _catalog_store() -> CatalogStore:
    return CatalogStore(Table(settings().catalog_table))


def list_orders(request: Request) -> Response:
    limit = whole_number(request, "limit", default=50, most=100)
    before = place_in_list(request, _PLACE)
    found = [order for partner in _partners(request) for order in _orders().of_partner(partner, limit + 1, before)]
    newest = sorted(found, key=place_of, reverse=True)
    shown = newest[:limit]
    cursor = cursor_to(place_of(shown[-1])) if len(newest) > limit else None
    return Response({"orders": [order_summary(order, settings().calendar) for order in shown], "cursor": cursor})


def view_order(request: Request) -> Response:
    order = _order(request)
    links = _manifests().links(order.order_id, int(time())) if order.announced_at is not None else None
    return Response(order_view(order, _tree_reports().redemptions_of(order), links, settings().calendar))


def confirm_trees(request: Request) -> Response:
    order = _order(request)
    reports = reports_of(request.json(), "confirmations", MAX_REPORTS)
    return Response(reports_view("confirmed", _tree_reports().take(order, reports, confirm)))


def fail_trees(request: Request) -> Response:
    order = _order(request)
    reports = reports_of(request.json(), "failures", MAX_FAILURES)
    return Response(reports_view("failed", _tree_reports().take(order, reports, fail)))


def inspect_trees(request: Request) -> Response:
    order = _order(request)
    reports = reports_of(request.json(), "inspections", MAX_REPORTS)
    return Response(reports_view("inspected", _tree_reports().take(order, reports, inspect)))


def _order(request: Request) -> PlantingOrder:
    order = _orders().get(request.identifier("order_id"))
    if order is None or order.partner not in _partners(request):
        raise NotFound("unknown_order", "There is no such planting order for this partner.")
    return order


def _partners(request: Request) -> tuple[str, ...]:
    if request.caller.role != "partner":
        raise Forbidden("not_a_partner", "This call is for planting partners.")
    return request.caller.partners


_api = endpoint(
    {
        ("GET", "/planting-orders"): list_orders,
        ("GET", "/planting-orders/{order_id}"): view_order,
        ("POST", "/planting-orders/{order_id}/confirmations"): confirm_trees,
        ("POST", "/planting-orders/{order_id}/failures"): fail_trees,
        ("POST", "/planting-orders/{order_id}/inspections"): inspect_trees,
    }
)


def begin_batch(context: "LambdaContext") -> dict[str, Any]:
    projects = _planting().begin(_catalog_store().catalog())
    logger.info("batch begun", extra={"projects": projects, "request_id": context.aws_request_id})
    return {"projects": projects}


def place_orders(event: Event, context: "LambdaContext") -> dict[str, Any]:
    """Work off messages, one order each. What a message fails on stays in the queue, and all behind it."""
    records = event["Records"]
    for number, record in enumerate(records):
        told: dict[str, object] = {"request_id": context.aws_request_id}
        try:
            message = PlantingMessage.model_validate_json(record["body"])
            order = _planting().order(message.project_id, _project(message.project_id))
        except Exception:  # noqa: BLE001 - whatever it was, the queue delivers the message again, and in the end sets it aside
            logger.exception("not ordered", extra=told)
            return {**redeliver(it["messageId"] for it in records[number:])}
        ordered = {"order_id": order.order_id, "trees": len(order.trees)} if order else {"order_id": None, "trees": 0}
        logger.info("ordered", extra=told | {"project_id": message.project_id} | ordered)
    return {**redeliver(())}


def _project(project_id: str) -> TreeProject:
    edition = _catalog_store().get("tree-projects", project_id)
    if edition is None or not isinstance(edition.entity, TreeProject):
        raise LookupError(f"there is no tree project {project_id}")
    return edition.entity


def handler(event: Event, context: "LambdaContext") -> dict[str, Any]:
    if "httpMethod" in event:
        return _api(event, context)
    if "Records" in event:
        return place_orders(event, context)
    return begin_batch(context)
