"""Receives actions and reversals from apps, checks each one, and queues the valid ones."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from saxaul.startup import prepare
from saxaul.http.access import TO_REPORT
from saxaul.http.bodies import MAX_ACTIONS, Listed
from saxaul.http.endpoint import endpoint
from saxaul.http.operations import operation
from saxaul.http.request import Request, Response
from saxaul.http.views import View
from saxaul.ledger.screening import ReportedAction, ReportedReversal
from saxaul.services import wiring
from saxaul.services.find_client import registered_client
from saxaul.services.ingest import IntakeResult, intake

if TYPE_CHECKING:
    from saxaul.services.ingest_reversals import ReversalIntake

ACTIONS = Listed("actions", ReportedAction, MAX_ACTIONS, too_many="too_many_actions")
REVERSALS = Listed("reversals", ReportedReversal, MAX_ACTIONS, too_many="too_many_actions")


@operation("POST", "/actions", TO_REPORT, body=ACTIONS, answers={202: View})
def report_actions(request: Request) -> Response:
    reported = ACTIONS.items_in(request.json())
    return _response(intake().actions(request.app, reported, needs_grants=request.caller.needs_grants))


@operation("POST", "/reversals", TO_REPORT, body=REVERSALS, answers={202: View})
def reverse_actions(request: Request) -> Response:
    reported = REVERSALS.items_in(request.json())
    return _response(_reversal_intake().take(request.app, reported, needs_grants=request.caller.needs_grants))


def _reversal_intake() -> "ReversalIntake":
    from saxaul.services.ingest_reversals import reversal_intake  # noqa: PLC0415 - only reversals need periods

    return reversal_intake()


def _response(intake_result: IntakeResult) -> Response:
    refused = [asdict(refusal) for refusal in intake_result.refused]
    body: dict[str, object] = {"accepted": intake_result.accepted, "refused": refused}
    if intake_result.flagged:
        body["flagged"] = [asdict(flag) for flag in intake_result.flagged]
    return Response(body, status=202)


handler = endpoint(report_actions, reverse_actions, find_client=registered_client)
prepare(wiring.connect, ReportedAction.prepare, _reversal_intake, reading=wiring.read_catalog)
