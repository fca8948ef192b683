"""Receives actions and reversals from apps, checks each one, and queues the valid ones."""

from typing import TYPE_CHECKING

from saxaul.startup import prepare
from saxaul.http.bodies import reported_items
from saxaul.http.endpoint import Request, Response, endpoint
from saxaul.http.intake_views import accepted_view, refused_views
from saxaul.ledger.screening import ReportedAction
from saxaul.problems import AllRefused
from saxaul.services import wiring
from saxaul.services.find_client import registered_client
from saxaul.services.ingest import IntakeResult, intake

if TYPE_CHECKING:
    from saxaul.services.ingest_reversals import ReversalIntake


def report_actions(request: Request) -> Response:
    reported = reported_items(request.json(), "actions")
    return _response(intake().actions(request.app, reported, needs_grants=request.caller.needs_grants))


def reverse_actions(request: Request) -> Response:
    reported = reported_items(request.json(), "reversals")
    return _response(_reversal_intake().take(request.app, reported, needs_grants=request.caller.needs_grants))


def _reversal_intake() -> "ReversalIntake":
    from saxaul.services.ingest_reversals import reversal_intake  # noqa: PLC0415 - only reversals need periods

    return reversal_intake()


def _response(taken: IntakeResult) -> Response:
    if not taken.accepted:
        raise AllRefused(refused_views(taken.refused))
    return Response(accepted_view(taken.accepted, taken.refused, taken.flagged), status=202)


handler = endpoint(
    {
        ("POST", "/actions"): report_actions,
        ("POST", "/reversals"): reverse_actions,
    },
    registered_client,
)
prepare(wiring.connect, ReportedAction.prepare, _reversal_intake, reading=wiring.read_catalog)
