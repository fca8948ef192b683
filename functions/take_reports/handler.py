"""Lets a planting partner read its orders, and report what happened to each tree."""

from saxaul.startup import prepare
from saxaul.catalog.models import TypeAdapter
from saxaul.http.access import TO_PLANT
from saxaul.http.bodies import MAX_REPORTS, Listed, Record
from saxaul.http.cursors import Cursors
from saxaul.http.endpoint import endpoint
from saxaul.http.operations import operation
from saxaul.http.order_views import OrderPage, OrderView, ReportsView, order_summary, order_view, reports_view
from saxaul.http.photo_views import OfferedPhotosView, photos_view
from saxaul.http.query import CURSOR, Choice, WholeNumber
from saxaul.http.request import Request, Response
from saxaul.ledger.identifiers import Id, Instant
from saxaul.services import wiring
from saxaul.services.find_client import registered_client
from saxaul.services.meter_calls import take_call
from saxaul.services.offer_uploads import upload_offering
from saxaul.services.take_reports import report_taking
from saxaul.services.view_orders import order_viewing
from saxaul.settings import settings
from saxaul.trees.orders import OrderPlace, OrderState, PlantingOrder
from saxaul.trees.photos import PhotosToUpload
from saxaul.trees.report_rules import apply_confirmations, apply_corrections, apply_failures, apply_inspections
from saxaul.trees.reports import Confirmation, Correction, Failure, Inspection

_ORDERS: Cursors[tuple[int, str]] = Cursors("orders", TypeAdapter(tuple[Instant, Id]))
_LIMIT = WholeNumber("limit", "The most orders of the page.", default=50, maximum=100)
_STATE = Choice("state", "The state of the orders; any state by default.", tuple(OrderState))
CONFIRMATIONS = Listed("confirmations", Confirmation, MAX_REPORTS, too_many="too_many_reports")
FAILURES = Listed("failures", Failure, MAX_REPORTS, too_many="too_many_reports")
PHOTOS = Record("request for uploads", PhotosToUpload)
INSPECTIONS = Listed("inspections", Inspection, MAX_REPORTS, too_many="too_many_reports")
CORRECTIONS = Listed("corrections", Correction, MAX_REPORTS, too_many="too_many_reports")


@operation("GET", "/planting-orders", TO_PLANT, query=(_STATE, _LIMIT, CURSOR), answers={200: OrderPage})
def list_orders(request: Request) -> Response:
    """List the planting orders of the partners that the client acts for, newest first, one page at a time."""
    limit, state = _LIMIT.of(request), _STATE.of(request)
    selected_by = (request.caller.name, state or "")
    place = _ORDERS.place_in(request, *selected_by)
    before = OrderPlace(*place) if place else None
    newest = order_viewing().newest(request.caller.partners, limit + 1, before, OrderState(state) if state else None)
    shown = newest[:limit]
    page: OrderPage = {
        "orders": [order_summary(progress, settings().calendar) for progress in shown],
        "cursor": _ORDERS.cursor_for(shown[-1].place, *selected_by) if len(newest) > limit else None,
    }
    return Response(page)


@operation("GET", "/planting-orders/{order_id}", TO_PLANT, answers={200: OrderView}, problems=("unknown_order",))
def view_order(request: Request) -> Response:
    """Show a planting order: its site, its trees, and links to its manifest.

    Programs should read the JSON manifest, which has each text exactly. The CSV manifest is for spreadsheets: it has an
    apostrophe before each part of a text that a spreadsheet could run as a formula, such as ``=1+1``, and no line
    breaks in a cell.
    """
    viewed = order_viewing().view(request.identifier("order_id"), request.caller.partners)
    return Response(order_view(viewed.order, viewed.redemptions, viewed.links, settings().calendar))


@operation(
    *("POST", "/planting-orders/{order_id}/confirmations", TO_PLANT),
    body=CONFIRMATIONS,
    answers={200: ReportsView},
    problems=("unknown_order", "all_refused"),
)
def confirm_trees(request: Request) -> Response:
    """Confirm planted trees of an order.

    A tree is confirmed once: another confirmation with other details is refused (`already_planted`), and a mistake is
    mended by a correction. The tag, the place and the photo are those of no other tree. A repeated confirmation is
    accepted and changes nothing. A report that is refused does not stop the others.
    """
    order = _order(request)
    reports = CONFIRMATIONS.of(request)
    return Response(reports_view(report_taking().take(order, reports, apply_confirmations)))


@operation(
    *("POST", "/planting-orders/{order_id}/failures", TO_PLANT),
    body=FAILURES,
    answers={200: ReportsView},
    problems=("unknown_order", "all_refused"),
)
def fail_trees(request: Request) -> Response:
    """Report trees of an order that could not be planted.

    They leave this order and wait for the next one, in which they have the same certificate number. After the third
    failure of a tree, its points are refunded to the person. A repeated report is accepted and changes nothing. A
    report that is refused does not stop the others.
    """
    order = _order(request)
    reports = FAILURES.of(request)
    return Response(reports_view(report_taking().take(order, reports, apply_failures)))


@operation(
    *("POST", "/planting-orders/{order_id}/inspections", TO_PLANT),
    body=INSPECTIONS,
    answers={200: ReportsView},
    problems=("unknown_order", "all_refused"),
)
def inspect_trees(request: Request) -> Response:
    """Report the later state of planted trees of an order.

    The inspections of one tree are reported in the order of their dates. A repeated inspection is accepted and changes
    nothing. A report that is refused does not stop the others.
    """
    order = _order(request)
    reports = INSPECTIONS.of(request)
    return Response(reports_view(report_taking().take(order, reports, apply_inspections)))


@operation(
    *("POST", "/planting-orders/{order_id}/corrections", TO_PLANT),
    body=CORRECTIONS,
    answers={200: ReportsView},
    problems=("unknown_order", "all_refused"),
)
def correct_trees(request: Request) -> Response:
    """Correct what was reported about planted trees of an order.

    A correction is a statement of its own in the public log, and the first one stays visible. It gives up the tag, the
    place and the photo that it replaces. A tree can be corrected at most 20 times. A correction that repeats the last
    one is accepted and changes nothing. A report that is refused does not stop the others.
    """
    order = _order(request)
    reports = CORRECTIONS.of(request)
    return Response(reports_view(report_taking().take(order, reports, apply_corrections)))


@operation(
    *("POST", "/planting-orders/{order_id}/photos", TO_PLANT),
    body=PHOTOS,
    answers={200: OfferedPhotosView},
    problems=("unknown_order",),
)
def offer_uploads(request: Request) -> Response:
    """Ask how to upload photos of an order's trees, and which of them are hashed already.

    Each photo is named by the SHA-256 of its bytes. Upload one that is `awaited` with its form. Saxaul hashes its bytes
    within seconds, and publishes the photo for good, with everything that is in the file, such as the place where it
    was taken. Send the same request again to see that it is `hashed`. Then a report may name it. A file that is not the
    declared photo is deleted, and the photo is `refused` with a code. It can be uploaded again with a new form.
    """
    _order(request)
    offered = upload_offering().offer(PHOTOS.of(request).photos)
    return Response(photos_view(offered, settings().calendar))


def _order(request: Request) -> PlantingOrder:
    return order_viewing().find(request.identifier("order_id"), request.caller.partners)


handler = endpoint(
    list_orders,
    view_order,
    confirm_trees,
    fail_trees,
    inspect_trees,
    correct_trees,
    offer_uploads,
    find_client=registered_client,
    take_call=take_call,
)
prepare(wiring.connect, Confirmation.prepare)
