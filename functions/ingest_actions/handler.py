"""Takes in actions and reversals: checks each one, and queues those that can be posted."""

from dataclasses import asdict

from saxaul.http.bodies import reported_in
from saxaul.http.endpoint import Request, Response, endpoint
from saxaul.services.ingest import TakenIn, intake


def report_actions(request: Request) -> Response:
    reported = reported_in(request.json(), "actions")
    return _answer(intake().actions(request.app, reported))


def reverse_actions(request: Request) -> Response:
    reported = reported_in(request.json(), "reversals")
    return _answer(intake().reversals(request.app, reported))


def _answer(taken_in: TakenIn) -> Response:
    refused = [asdict(refusal) for refusal in taken_in.refused]
    return Response({"accepted": taken_in.accepted, "refused": refused}, status=202)


handler = endpoint(
    {
        ("POST", "/actions"): report_actions,
        ("POST", "/reversals"): reverse_actions,
    }
)
