"""Receives actions and reversals from apps, checks each one, and queues the valid ones."""

from dataclasses import asdict

from saxaul.http.bodies import reported_items
from saxaul.http.endpoint import Request, Response, endpoint
from saxaul.services.ingest import IntakeResult, intake


def report_actions(request: Request) -> Response:
    reported = reported_items(request.json(), "actions")
    return _response(intake().actions(request.app, reported))


def reverse_actions(request: Request) -> Response:
    reported = reported_items(request.json(), "reversals")
    return _response(intake().reversals(request.app, reported))


def _response(intake_result: IntakeResult) -> Response:
    refused = [asdict(refusal) for refusal in intake_result.refused]
    return Response({"accepted": intake_result.accepted, "refused": refused}, status=202)


handler = endpoint(
    {
        ("POST", "/actions"): report_actions,
        ("POST", "/reversals"): reverse_actions,
    }
)
