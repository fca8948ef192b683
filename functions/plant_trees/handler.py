"""Plants trees: the schedule orders what is reserved, and partners see their orders and confirm each tree."""

from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

from saxaul.api import Event, Request, Response, door, whole_number
from saxaul.observability import logger
from saxaul.planting import PlantingOrder, confirmations_of
from saxaul.problems import Forbidden, NotFound
from saxaul.services.planting import Planting
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.table import Table
from saxaul.views import order_summary, order_view

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@cache
def _redemptions() -> Redemptions:
    return Redemptions(Table(settings().ledger_table))


@cache
def _planting() -> Planting:
    return Planting(_redemptions(), settings().calendar)


@cache
def _catalog() -> CatalogStore:
    return CatalogStore(Table(settings().catalog_table))


def list_orders(request: Request) -> Response:
    limit = whole_number(request, "limit", default=100, most=500)
    orders = [order for partner in _partners(request) for order in _redemptions().orders_of(partner, limit)]
    newest = sorted(orders, key=lambda order: (order.ordered_at, order.order_id), reverse=True)[:limit]
    return Response({"orders": [order_summary(order, settings().calendar) for order in newest]})


def view_order(request: Request) -> Response:
    order = _order(request)
    return Response(order_view(order, _planting().trees_of(order), settings().calendar))


def confirm_trees(request: Request) -> Response:
    order = _order(request)
    confirmed = _planting().confirm(order, confirmations_of(request.json()))
    return Response({"confirmed": confirmed.confirmed, "refused": [asdict(refusal) for refusal in confirmed.refused]})


def _order(request: Request) -> PlantingOrder:
    order = _redemptions().order(request.identifier("order_id"))
    if order is None or order.partner not in _partners(request):
        raise NotFound("unknown_order", "There is no such planting order for this partner.")
    return order


def _partners(request: Request) -> tuple[str, ...]:
    if request.caller.role != "partner":
        raise Forbidden("not_a_partner", "This call is for planting partners.")
    return request.caller.partners


_api = door(
    {
        ("GET", "/planting-orders"): list_orders,
        ("GET", "/planting-orders/{order_id}"): view_order,
        ("POST", "/planting-orders/{order_id}/confirmations"): confirm_trees,
    }
)


def handler(event: Event, context: "LambdaContext") -> dict[str, Any]:
    if "httpMethod" in event:
        return _api(event, context)
    orders = _planting().order_all(_catalog().catalogue())
    trees = sum(len(order.trees) for order in orders)
    logger.info("ordered", extra={"orders": len(orders), "trees": trees, "request_id": context.aws_request_id})
    return {"orders": [order.order_id for order in orders], "trees": trees}
