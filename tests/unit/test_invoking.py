import base64
import io
import json
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from local.invoking import Invocation, invoke_with


def invoked(answer: Any, *, error: str | None = None, log: str = "") -> Invocation:  # noqa: ANN401 - any JSON value
    """Invoke a function that gives this answer."""
    payload = json.dumps(answer).encode()
    client = boto3.client("lambda", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="s")
    response = {
        "StatusCode": 200,
        "Payload": StreamingBody(io.BytesIO(payload), len(payload)),
        "LogResult": base64.b64encode(log.encode()).decode(),
        "ExecutedVersion": "4",
    }
    with Stubber(client) as stub:
        expected = {"FunctionName": "saxaul-ViewForest-1", "Qualifier": "live", "Payload": b"{}", "LogType": "Tail"}
        stub.add_response("invoke", response | ({"FunctionError": error} if error else {}), expected)
        return invoke_with(client, "ViewForest", "saxaul-ViewForest-1", b"{}")


def test_an_answer_comes_with_its_status_and_the_lines_that_the_function_logged() -> None:
    found = invoked({"statusCode": 200, "body": "{}"}, log='{"level":"INFO"}\n\n{"level":"WARNING"}\n')

    assert (found.function, found.version, found.status, found.failure) == ("ViewForest", "4", 200, None)
    assert found.log == ('{"level":"INFO"}', '{"level":"WARNING"}')


def test_an_error_that_ended_the_function_is_named_with_its_type_and_its_message() -> None:
    found = invoked({"errorType": "KeyError", "errorMessage": "'LEDGER_TABLE'"}, error="Unhandled")

    assert found.failure == "KeyError: 'LEDGER_TABLE'"
    assert found.status is None


@pytest.mark.parametrize(("answer", "failure"), [("crashed", "Error: crashed"), (None, "Error: None")])
def test_an_error_of_another_form_is_shown_as_it_is(answer: Any, failure: str) -> None:  # noqa: ANN401 - any JSON value
    assert invoked(answer, error="Unhandled").failure == failure


def test_a_returned_object_that_looks_like_an_error_is_an_answer() -> None:
    assert invoked({"errorType": "KeyError", "errorMessage": "none"}).failure is None


def test_a_server_error_is_a_failure_and_a_refused_request_is_not() -> None:
    assert invoked({"statusCode": 503}).failure == "the status of its response is 503"
    assert invoked({"statusCode": 422}).failure is None


def test_messages_that_are_given_back_are_a_failure() -> None:
    given_back = invoked({"batchItemFailures": [{"itemIdentifier": "m-1"}, {"itemIdentifier": "m-2"}]})

    assert given_back.returned_messages == ["m-1", "m-2"]
    assert given_back.failure == "it could not process m-1, m-2"
    assert invoked({"batchItemFailures": []}).failure is None


@pytest.mark.parametrize("answer", [None, [], "text", 7, {"projects": []}])
def test_an_answer_of_any_other_form_has_no_status_and_is_no_failure(answer: Any) -> None:  # noqa: ANN401
    found = invoked(answer)

    assert (found.answer, found.status, found.returned_messages, found.failure) == (answer, None, [], None)


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_a_refusal_is_a_fault_of_an_example_and_an_answer_to_any_other_event(status: int) -> None:
    found = invoked({"statusCode": status})

    assert found.fault(is_example=True) == f"the status of its response is {status}"
    assert found.fault(is_example=False) is None


@pytest.mark.parametrize("is_example", [True, False])
def test_a_failure_is_a_fault_of_any_event(is_example: bool) -> None:
    crashed = invoked({"errorType": "KeyError", "errorMessage": "'X'"}, error="Unhandled")

    assert crashed.fault(is_example=is_example) == "KeyError: 'X'"
    assert invoked({"statusCode": 503}).fault(is_example=is_example) == "the status of its response is 503"
    assert invoked({"projects": []}).fault(is_example=is_example) is None


def test_each_logged_line_has_its_fields_or_none() -> None:
    found = invoked(None, log='{"level":"INFO"}\nTraceback:\n[1]\n{"message":"m"}\n{"cut')

    assert found.records == [{"level": "INFO"}, None, None, {"message": "m"}, None]
