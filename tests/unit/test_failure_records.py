"""A dead letter that only says that a run failed is described by the function and its error, as Lambda records them."""

import json

from operations.failure_records import described

FUNCTION = "arn:aws:lambda:eu-west-1:000000000000:function:saxaul-SweepRedemptions-1A:live"
CONTEXT = {"functionArn": FUNCTION, "condition": "RetriesExhausted"}


def test_a_scheduled_run_has_the_function_and_the_error() -> None:
    record = {"requestContext": CONTEXT, "responsePayload": {"errorType": "KeyError", "errorMessage": "'broken'"}}

    assert described(json.dumps(record)) == "saxaul-SweepRedemptions-1A:live, RetriesExhausted, KeyError: 'broken'"


def test_a_batch_of_a_stream_has_its_size_and_time() -> None:
    batch = {"batchSize": 7, "approximateArrivalOfFirstRecord": "2027-06-05T08:30:00Z"}
    text = described(json.dumps({"requestContext": CONTEXT, "DDBStreamBatchInfo": batch}))

    assert text == "saxaul-SweepRedemptions-1A:live, RetriesExhausted, 7 changes, the first of 2027-06-05T08:30:00Z"


def test_anything_else_is_shown_as_it_is_and_cut() -> None:
    assert described("no JSON") == "no JSON"
    assert described("[1]") == "[1]"
    assert described('{"size": 7, "requestContext": 1}') == '{"size": 7, "requestContext": 1}'
    assert len(described("x" * 500)) == 120
