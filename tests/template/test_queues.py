"""Queues, and what reads them: nothing accepted is lost, and a backlog leaves room for the API."""

import json

import pytest

from saxaul.services.sweep import LOST_AFTER
from saxaul.storage import periods, redemptions
from tests.template.reading import attribute_of, events, functions, made, resources, sources

FORTNIGHT = 14 * 24 * 3600
PROCESSOR_MB = 1769
"""Lambda gives a function one whole processor at this memory."""

PROCESSOR_SECONDS_PER_MESSAGE = 26.6 / 50
"""Measured: 50 messages of 500 actions each took 26.6 seconds of one processor."""


@pytest.mark.parametrize("name", sorted(resources("AWS::SQS::Queue")))
def test_a_queue_is_encrypted_and_keeps_a_message_for_as_long_as_any_may(name: str) -> None:
    queue = made("AWS::SQS::Queue")[name]

    assert queue["MessageRetentionPeriod"] == FORTNIGHT
    assert queue["SqsManagedSseEnabled"] is True


def test_each_queue_that_a_function_reads_ends_in_a_dead_letter_queue_of_its_kind() -> None:
    queues = resources("AWS::SQS::Queue")
    read = {attribute_of(source["EventSourceArn"]) for _, source in sources("Queue.Arn")}

    assert read == {"ActionQueue", "RedemptionQueue", "PlantingQueue"}
    for name in read:
        end = attribute_of(queues[name]["RedrivePolicy"]["deadLetterTargetArn"])
        assert queues[end].get("FifoQueue", False) == queues[name].get("FifoQueue", False)
        assert queues[name]["RedrivePolicy"]["maxReceiveCount"] == 5


def test_a_message_stays_hidden_for_six_times_its_functions_timeout_and_the_window() -> None:
    queues = resources("AWS::SQS::Queue")

    for name, source in sources("Queue.Arn"):
        queue = queues[attribute_of(source["EventSourceArn"])]
        window = source.get("MaximumBatchingWindowInSeconds", 0)
        assert queue["VisibilityTimeout"] >= 6 * functions()[name]["Timeout"] + window, name


def test_a_batch_reports_its_failed_messages_alone() -> None:
    assert all(source["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for _, source in sources("Queue.Arn"))


def test_a_full_batch_of_actions_takes_half_of_the_timeout_at_most() -> None:
    [source] = [source for name, source in sources("Queue.Arn") if name == "AccruePoints"]
    accrual = functions()["AccruePoints"]
    processors = min(1, accrual["MemorySize"] / PROCESSOR_MB)

    assert source["BatchSize"] * PROCESSOR_SECONDS_PER_MESSAGE / processors <= accrual["Timeout"] / 2


def test_a_backlog_in_every_queue_takes_a_tenth_of_an_accounts_thousand_workers_at_most() -> None:
    most = [source["ScalingConfig"]["MaximumConcurrency"] for _, source in sources("Queue.Arn")]

    assert all(number >= 2 for number in most), "Lambda takes no less"
    assert sum(most) <= 100


def test_a_sweep_comes_as_soon_as_the_queue_would_take_a_repeat() -> None:
    sweep = dict(events("ScheduleV2"))["SweepRedemptions"]

    assert sweep["ScheduleExpression"] == f"rate({LOST_AFTER // 60} minutes)"


def test_a_scheduled_run_that_fails_or_never_starts_ends_in_the_dead_letter_queue() -> None:
    end = {"Fn::GetAtt": "ScheduleDeadLetterQueue.Arn"}
    asynchronous = made("AWS::Lambda::EventInvokeConfig").values()
    schedules = made("AWS::Scheduler::Schedule").values()

    assert len(schedules) == 2
    assert all(schedule["Target"]["DeadLetterConfig"]["Arn"] == end for schedule in schedules)
    assert {config["FunctionName"]["Ref"] for config in asynchronous} == {name for name, _ in events("ScheduleV2")}
    assert all(config["DestinationConfig"]["OnFailure"]["Destination"] == end for config in asynchronous)


def test_the_tally_is_told_its_shard_and_hears_of_nothing_that_it_writes() -> None:
    [(name, source)] = sources("StreamArn")
    pattern = json.loads(source["FilterCriteria"]["Filters"][0]["Pattern"])

    assert name == "TallyImpact"
    assert source["TumblingWindowInSeconds"] > 0, "Lambda names the shard only to a function with a window"
    assert pattern["dynamodb"]["Keys"]["sk"]["S"] == [
        {"prefix": periods.PERIOD_PREFIX},
        {"prefix": redemptions.TREE_PREFIX},
    ]
    assert source["BisectBatchOnFunctionError"] is True
    assert source["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": "ImpactDeadLetterQueue.Arn"}
