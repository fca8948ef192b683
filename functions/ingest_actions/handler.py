"""Takes actions and reversals from apps and operators, queues the valid ones, and says what became of each."""

from typing import TYPE_CHECKING

from saxaul.startup import prepare
from saxaul.http.access import TO_FOLLOW, TO_REGISTER, TO_REPORT
from saxaul.http.bodies import MAX_ACTIONS, Listed
from saxaul.http.endpoint import endpoint
from saxaul.http.intake_views import (
    AcceptedActionsView,
    AcceptedView,
    accepted_actions_view,
    accepted_view,
    measured_items,
    refused_views,
)
from saxaul.http.operations import operation
from saxaul.http.receipt_views import ReceiptView, receipt_view
from saxaul.http.request import Request, Response
from saxaul.ledger.screening import OperatorsReversal, ReportedAction, ReportedReversal
from saxaul.observability import logger
from saxaul.problems import AllRefused
from saxaul.services import wiring
from saxaul.services.find_client import registered_client
from saxaul.services.ingest import IntakeResult, intake
from saxaul.services.meter_calls import take_call
from saxaul.services.read_receipt import read_receipt
from saxaul.settings import settings

if TYPE_CHECKING:
    from saxaul.services.ingest_reversals import ReversalIntake
    from saxaul.services.take_back import TakingBack

ACTIONS = Listed("actions", ReportedAction, MAX_ACTIONS, too_many="too_many_actions")
REVERSALS = Listed("reversals", ReportedReversal, MAX_ACTIONS, too_many="too_many_actions")
TAKEN_BACK = Listed("reversals", OperatorsReversal, MAX_ACTIONS, too_many="too_many_actions")


@operation(
    "POST",
    "/actions",
    TO_REPORT,
    body=ACTIONS,
    answers={202: AcceptedActionsView},
    problems=("all_refused", "daily_limit_reached"),
)
def report_actions(request: Request) -> Response:
    """Report up to 500 actions. Each is accepted or refused by itself.

    An accepted action is queued, and posted in a moment. It is paid by the catalog that is in effect now. An action is
    recognised by its app, its owner and its ``action_id``, so it is safe to repeat a request unchanged.
    """
    reported = ACTIONS.of(request)
    app = request.caller
    result = intake().actions(app.name, reported, needs_grants=app.needs_grants, a_day=app.actions_per_day)
    taken = _taken(result)
    return Response(accepted_actions_view(taken.receipt_id, taken.accepted, taken.refused, taken.flagged), status=202)


@operation(
    "POST",
    "/reversals",
    TO_REPORT,
    body=REVERSALS,
    answers={202: AcceptedView},
    problems=("all_refused", "daily_limit_reached"),
)
def reverse_actions(request: Request) -> Response:
    """Reverse up to 500 of the app's own actions, queued ones included. Each reversal is accepted or refused by itself.

    The points and grams of the actions are taken back. A reversal names an action by its ``action_id``, its owner and
    the time at which it occurred. If the app has no such action, the reversal is kept: if the action arrives later, it
    is posted as reversed. A reversal cannot be taken back; to report the action again, use a new ``action_id``. It is
    safe to repeat a request unchanged.
    """
    reported = REVERSALS.of(request)
    app = request.caller
    result = _reversal_intake().take(app.name, reported, needs_grants=app.needs_grants, a_day=app.actions_per_day)
    taken = _taken(result)
    return Response(accepted_view(taken.receipt_id, taken.accepted, taken.refused), status=202)


@operation(
    "POST",
    "/apps/{app_id}/reversals",
    TO_REGISTER,
    body=TAKEN_BACK,
    answers={202: AcceptedView},
    problems=("unknown_app", "all_refused"),
)
def take_back(request: Request) -> Response:
    """Reverse up to 500 actions or sums of an app, whether it is active, suspended or ended.

    It is like ``POST /reversals`` of the app itself, but needs no grant, and counts toward no limit of the app. A
    reversal may name a sum: the actions that the app reported beyond its share of a period. All of the sum is then
    taken back; what the app reports later is added to another sum. It is safe to repeat a request unchanged.
    """
    app_id = request.identifier("app_id")
    taken = _taken(_taking_back().take(app_id, TAKEN_BACK.of(request)))
    about = {"operator": request.username_or_client, "app": app_id, "receipt_id": taken.receipt_id}
    logger.info("an operator takes back actions", extra={**about, "accepted": taken.accepted})
    return Response(accepted_view(taken.receipt_id, taken.accepted, taken.refused), status=202)


@operation("GET", "/receipts/{receipt_id}", TO_FOLLOW, answers={200: ReceiptView}, problems=("unknown_receipt",))
def view_receipt(request: Request) -> Response:
    """Show what became of each action or reversal of a call, by its place in the list of the request.

    A receipt says what posting did. If something changes an entry afterwards, such as a later reversal, the receipt
    stays as it is, and the ledger of the person shows the change. A receipt can be read for 30 days. An app reads the
    receipts of its own calls, and an operator those of all apps.
    """
    app = None if request.caller.role == "operator" else request.app
    parts = read_receipt(app, request.identifier("receipt_id"))
    return Response(receipt_view(parts, settings().calendar))


def _reversal_intake() -> "ReversalIntake":
    from saxaul.services.ingest_reversals import reversal_intake  # noqa: PLC0415 - only reversals need periods

    return reversal_intake()


def _taking_back() -> "TakingBack":
    from saxaul.services.take_back import taking_back  # noqa: PLC0415 - only operators need it

    return taking_back()


def _taken(taken: IntakeResult) -> IntakeResult:
    """Return the result of a request of which an item was accepted.

    Raises:
        AllRefused: every item was refused.
    """
    if not taken.accepted:
        raise AllRefused(refused_views(taken.refused))
    return taken


handler = endpoint(
    *(report_actions, reverse_actions, take_back, view_receipt),
    find_client=registered_client,
    take_call=take_call,
    read_again=wiring.read_catalog_again,
    measure=measured_items,
)
prepare(wiring.connect, ReportedAction.prepare, _reversal_intake, reading=wiring.read_catalog)
