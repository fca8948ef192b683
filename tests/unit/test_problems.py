"""What the endpoint makes of problems."""

import json
from typing import Any

from saxaul.http.access import PUBLIC
from saxaul.http.endpoint import endpoint
from saxaul.http.operations import operation
from saxaul.http.request import Request, Response
from saxaul.problems import AllRefused, Conflict, Problem


class Context:
    function_name = "saxaul-Function"
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 15_000


def refusal(problem: Problem) -> dict[str, Any]:
    @operation("GET", "/log", PUBLIC, answers={200: None})
    def refuse(_: Request) -> Response:
        raise problem

    event = {"httpMethod": "GET", "resource": "/log", "path": "/log", "requestContext": {}}
    context: Any = Context()
    return endpoint(refuse)(event, context)


def test_a_request_whose_items_are_all_refused_gets_the_reason_of_each() -> None:
    reasons = [{"index": 0, "code": "in_future", "detail": "planted_at is in the future."}]

    response = refusal(AllRefused(reasons))

    assert (response["statusCode"], response["headers"]["content-type"]) == (422, "application/problem+json")
    problem = json.loads(response["body"])
    assert (problem["code"], problem["accepted"], problem["refused"]) == ("all_refused", 0, reasons)


def test_other_problems_have_no_further_members() -> None:
    problem = json.loads(refusal(Conflict("sold_out", "No saplings are left."))["body"])

    assert problem.keys() == {"title", "status", "code", "detail"}
