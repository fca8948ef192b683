"""Lets a planting partner read its orders, and report what happened to each tree."""

from saxaul.startup import prepare
from saxaul.catalog.models import TypeAdapter
from saxaul.http.bodies import MAX_FAILURES, MAX_REPORTS, reports_in
from saxaul.http.cursors import Cursors
from saxaul.http.endpoint import Request, Response, endpoint, whole_number
from saxaul.http.order_views import order_summary, order_view, reports_view
from saxaul.ledger.identifiers import Id, Instant
from saxaul.problems import InvalidRequest
from saxaul.services import wiring
from saxaul.services.find_client import registered_client
from saxaul.services.take_reports import report_taking
from saxaul.services.view_orders import order_viewing
from saxaul.settings import settings
from saxaul.trees.orders import OrderPlace, PlantingOrder
from saxaul.trees.report_rules import apply_confirmations, apply_failures, apply_inspections
from saxaul.trees.reports import Confirmation
from saxaul.trees.states import State

_STATES = (State.ORDERED, State.PLANTED)
_ORDERS: Cursors[tuple[int, str]] = Cursors("orders", TypeAdapter(tuple[Instant, Id]))


def list_orders(request: Request) -> Response:
    limit = whole_number(request, "limit", default=50, maximum=100)
    partners, place = request.caller.partners, _ORDERS.place_in(request)
    newest = order_viewing().newest(partners, limit + 1, OrderPlace(*place) if place else None, _state_in(request))
    shown = newest[:limit]
    cursor = _ORDERS.cursor_for(shown[-1].place) if len(newest) > limit else None
    return Response({"orders": [order_summary(order, settings().calendar) for order in shown], "cursor": cursor})


def _state_in(request: Request) -> State | None:
    """Return the state that the listed orders must have; None if they may have any.

    Raises:
        InvalidRequest: it is not a state of an order.
    """
    text = request.query.get("state")
    if text is None:
        return None
    for state in _STATES:
        if state == text:
            return state
    raise InvalidRequest("invalid_parameter", f"state must be one of {', '.join(_STATES)}.")


def view_order(request: Request) -> Response:
    viewed = order_viewing().view(request.identifier("order_id"), request.caller.partners)
    return Response(order_view(viewed.order, viewed.redemptions, viewed.links, settings().calendar))


def confirm_trees(request: Request) -> Response:
    order = _order(request)
    reports = reports_in(request.json(), "confirmations", MAX_REPORTS)
    return Response(reports_view(report_taking().take(order, reports, apply_confirmations)))


def fail_trees(request: Request) -> Response:
    order = _order(request)
    reports = reports_in(request.json(), "failures", MAX_FAILURES)
    return Response(reports_view(report_taking().take(order, reports, apply_failures)))


def inspect_trees(request: Request) -> Response:
    order = _order(request)
    reports = reports_in(request.json(), "inspections", MAX_REPORTS)
    return Response(reports_view(report_taking().take(order, reports, apply_inspections)))


def _order(request: Request) -> PlantingOrder:
    return order_viewing().find(request.identifier("order_id"), request.caller.partners)


handler = endpoint(
    {
        ("GET", "/planting-orders"): list_orders,
        ("GET", "/planting-orders/{order_id}"): view_order,
        ("POST", "/planting-orders/{order_id}/confirmations"): confirm_trees,
        ("POST", "/planting-orders/{order_id}/failures"): fail_trees,
        ("POST", "/planting-orders/{order_id}/inspections"): inspect_trees,
    },
    registered_client,
)
prepare(wiring.connect, Confirmation.prepare)
