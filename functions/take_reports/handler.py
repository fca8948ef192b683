"""Lets a planting partner read its orders, and report what happened to each tree."""

from saxaul.startup import prepare
from saxaul.catalog.models import TypeAdapter
from saxaul.http.access import TO_PLANT
from saxaul.http.bodies import MAX_FAILURES, MAX_REPORTS, Listed
from saxaul.http.cursors import Cursors
from saxaul.http.endpoint import endpoint
from saxaul.http.operations import operation
from saxaul.http.order_views import order_summary, order_view, reports_view
from saxaul.http.query import CURSOR, WholeNumber
from saxaul.http.request import Request, Response
from saxaul.http.views import View
from saxaul.ledger.identifiers import Id, Instant
from saxaul.services import wiring
from saxaul.services.find_client import registered_client
from saxaul.services.take_reports import report_taking
from saxaul.services.view_orders import order_viewing
from saxaul.settings import settings
from saxaul.trees.orders import OrderPlace, PlantingOrder
from saxaul.trees.report_rules import apply_confirmations, apply_failures, apply_inspections
from saxaul.trees.reports import Confirmation, Failure, Inspection

_ORDERS: Cursors[tuple[int, str]] = Cursors("orders", TypeAdapter(tuple[Instant, Id]))
_LIMIT = WholeNumber("limit", "The most orders of the page.", default=50, maximum=100)
CONFIRMATIONS = Listed("confirmations", Confirmation, MAX_REPORTS)
FAILURES = Listed("failures", Failure, MAX_FAILURES)
INSPECTIONS = Listed("inspections", Inspection, MAX_REPORTS)


@operation("GET", "/planting-orders", TO_PLANT, query=(_LIMIT, CURSOR), answers={200: View})
def list_orders(request: Request) -> Response:
    limit = _LIMIT.of(request)
    partners, place = request.caller.partners, _ORDERS.place_in(request)
    newest = order_viewing().newest(partners, limit + 1, OrderPlace(*place) if place else None)
    shown = newest[:limit]
    cursor = _ORDERS.cursor_for(shown[-1].place) if len(newest) > limit else None
    return Response({"orders": [order_summary(order, settings().calendar) for order in shown], "cursor": cursor})


@operation("GET", "/planting-orders/{order_id}", TO_PLANT, answers={200: View}, problems=("unknown_order",))
def view_order(request: Request) -> Response:
    viewed = order_viewing().view(request.identifier("order_id"), request.caller.partners)
    return Response(order_view(viewed.order, viewed.redemptions, viewed.links, settings().calendar))


@operation(
    *("POST", "/planting-orders/{order_id}/confirmations", TO_PLANT),
    body=CONFIRMATIONS,
    answers={200: View},
    problems=("unknown_order",),
)
def confirm_trees(request: Request) -> Response:
    order = _order(request)
    reports = CONFIRMATIONS.items_in(request.json())
    return Response(reports_view("confirmed", report_taking().take(order, reports, apply_confirmations)))


@operation(
    *("POST", "/planting-orders/{order_id}/failures", TO_PLANT),
    body=FAILURES,
    answers={200: View},
    problems=("unknown_order",),
)
def fail_trees(request: Request) -> Response:
    order = _order(request)
    reports = FAILURES.items_in(request.json())
    return Response(reports_view("failed", report_taking().take(order, reports, apply_failures)))


@operation(
    *("POST", "/planting-orders/{order_id}/inspections", TO_PLANT),
    body=INSPECTIONS,
    answers={200: View},
    problems=("unknown_order",),
)
def inspect_trees(request: Request) -> Response:
    order = _order(request)
    reports = INSPECTIONS.items_in(request.json())
    return Response(reports_view("inspected", report_taking().take(order, reports, apply_inspections)))


def _order(request: Request) -> PlantingOrder:
    return order_viewing().find(request.identifier("order_id"), request.caller.partners)


handler = endpoint(list_orders, view_order, confirm_trees, fail_trees, inspect_trees, find_client=registered_client)
prepare(wiring.connect, Confirmation.prepare)
