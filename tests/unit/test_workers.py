"""The workers of a stack: which of its functions read a queue or a stream, and whether Lambda runs them."""

from typing import Any

from operations.workers import Worker, workers_of

ARN = "arn:aws:lambda:eu-west-1:000000000000:function:"
QUEUE = "arn:aws:sqs:eu-west-1:000000000000:saxaul-ActionQueue-1A"
STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/saxaul-LedgerTable-1A/stream/2027-06-05T00:00:00.000"


FUNCTIONS = {"AccruePoints": "saxaul-AccruePoints-1A", "TallyImpact": "saxaul-TallyImpact-1A"}


class Lambda:
    """Stands for the client of Lambda, with mappings of this stack and of another one."""

    def get_paginator(self, name: str) -> "Lambda":
        assert name == "list_event_source_mappings"
        return self

    def paginate(self) -> list[Any]:
        mappings = [
            {
                "UUID": "1",
                "FunctionArn": f"{ARN}saxaul-TallyImpact-1A:live",
                "EventSourceArn": STREAM,
                "State": "Disabled",
            },
            {"UUID": "2", "FunctionArn": f"{ARN}saxaul-AccruePoints-1A", "EventSourceArn": QUEUE, "State": "Enabled"},
            {"UUID": "3", "FunctionArn": f"{ARN}other-AccruePoints-1A", "EventSourceArn": QUEUE, "State": "Enabled"},
        ]
        return [{"EventSourceMappings": mappings[:2]}, {"EventSourceMappings": mappings[2:]}]

    def get_function_concurrency(self, **asked: str) -> dict[str, int]:
        return {"ReservedConcurrentExecutions": 0} if "AccruePoints" in asked["FunctionName"] else {}


def test_the_workers_are_those_of_the_stack_also_if_an_alias_is_mapped() -> None:
    client: Any = Lambda()

    assert workers_of(client, FUNCTIONS) == [
        Worker("AccruePoints", "saxaul-AccruePoints-1A", "2", "saxaul-ActionQueue-1A", "Enabled", 0),
        Worker("TallyImpact", "saxaul-TallyImpact-1A", "1", "stream of saxaul-LedgerTable-1A", "Disabled", None),
    ]


def test_a_worker_runs_if_it_is_enabled_and_lambda_may_start_it() -> None:
    worker = Worker("AccruePoints", "a", "1", "q", "Enabled", None)

    assert worker.is_running
    assert worker._replace(state="Enabling", reserved=5).is_running
    assert not worker._replace(state="Disabling").is_running
    assert not worker._replace(reserved=0).is_running
