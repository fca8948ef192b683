"""Queues and the functions that read them: no accepted message is lost, and backlogs leave workers for the API."""

import json
from typing import Any

import pytest

from local.template import template
from saxaul.catalog.entries import KINDS
from saxaul.services.cosign import ASKING_SECONDS
from saxaul.services.erase_person import STALLED_AFTER
from saxaul.services.publish_catalog import BUILDING_SECONDS, READY_BEFORE
from saxaul.services.sequence_log import SEQUENCING_SECONDS
from saxaul.services.sweep import LOST_AFTER
from saxaul.storage import impact, periods, redemptions
from tests.template.deploying import of_type
from tests.template.reading import attribute_of, events, functions, made, resources, sources

FORTNIGHT = 14 * 24 * 3600


@pytest.mark.parametrize("name", sorted(resources("AWS::SQS::Queue")))
def test_a_queue_is_encrypted_and_keeps_a_message_for_14_days(name: str) -> None:
    queue = of_type("AWS::SQS::Queue", {})[name]

    assert queue["MessageRetentionPeriod"] == FORTNIGHT
    assert queue["SqsManagedSseEnabled"] is True


def test_each_queue_that_a_function_reads_has_a_dead_letter_queue_of_the_same_kind() -> None:
    queues = resources("AWS::SQS::Queue")
    read = {attribute_of(source["EventSourceArn"]) for _, source in sources("Queue.Arn")}

    assert read == {
        "ActionQueue",
        "RedemptionQueue",
        "PlantingQueue",
        "PhotoQueue",
        "LogQueue",
        "CheckpointQueue",
        "EraseQueue",
    }
    for name in read:
        end = attribute_of(queues[name]["RedrivePolicy"]["deadLetterTargetArn"])
        assert queues[end].get("FifoQueue", False) == queues[name].get("FifoQueue", False)
        assert queues[name]["RedrivePolicy"]["maxReceiveCount"] == 5


def test_a_message_stays_hidden_for_six_times_its_functions_timeout_plus_the_window() -> None:
    queues = resources("AWS::SQS::Queue")

    for name, source in sources("Queue.Arn"):
        queue = queues[attribute_of(source["EventSourceArn"])]
        window = source.get("MaximumBatchingWindowInSeconds", 0)
        assert queue["VisibilityTimeout"] >= 6 * functions()[name]["Timeout"] + window, name


def test_a_batch_reports_only_its_failed_messages() -> None:
    assert all(source["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for _, source in sources("Queue.Arn"))


def test_backlogs_in_all_queues_take_at_most_a_tenth_of_an_accounts_thousand_workers() -> None:
    most = [on_aws(source["ScalingConfig"]["MaximumConcurrency"]) for _, source in sources("Queue.Arn")]

    assert all(number >= 2 for number in most), "Lambda allows no lower limit"
    assert sum(most) <= 100


def on_aws(value: Any) -> int:  # noqa: ANN401 - a value of the template
    """Return a number of the template that may be another one on the laptop stack."""
    if isinstance(value, dict):
        condition, value, on_laptop = value["Fn::If"]
        assert (condition, on_laptop >= 2) == ("IsOnAws", True)
    return int(value)


def test_the_sweep_interval_is_the_age_at_which_a_redemption_counts_as_lost() -> None:
    sweep = dict(events("ScheduleV2"))["SweepRedemptions"]

    assert sweep["ScheduleExpression"] == f"rate({LOST_AFTER // 60} minutes)"


def test_a_scheduled_run_that_fails_or_never_starts_goes_to_the_dead_letter_queue() -> None:
    end = {"Fn::GetAtt": "ScheduleDeadLetterQueue.Arn"}
    asynchronous = made("AWS::Lambda::EventInvokeConfig").values()
    schedules = made("AWS::Scheduler::Schedule").values()

    assert len(schedules) == 6
    assert all(schedule["Target"]["DeadLetterConfig"]["Arn"] == end for schedule in schedules)
    assert {config["FunctionName"]["Ref"] for config in asynchronous} == {name for name, _ in events("ScheduleV2")}
    assert all(config["DestinationConfig"]["OnFailure"]["Destination"] == end for config in asynchronous)


READERS = {
    name: source for name, source in sources("StreamArn") if attribute_of(source["EventSourceArn"]) == "LedgerTable"
}
"""The event source mapping of each function that reads the stream of the ledger."""


def filtered(function: str) -> list[dict[str, str]]:
    """Return the beginnings of the sort keys of the items whose changes a function receives."""
    [sought] = READERS[function]["FilterCriteria"]["Filters"]
    pattern = json.loads(sought["Pattern"])
    assert pattern["eventName"] == ["INSERT", "MODIFY"]
    return list(pattern["dynamodb"]["Keys"]["sk"]["S"])


def test_two_functions_read_the_stream_which_is_the_most_that_one_shard_serves() -> None:
    assert sorted(READERS) == ["FindRepeats", "TallyImpact"]


def test_tally_impact_gets_its_shard_and_receives_no_totals_that_it_writes() -> None:
    assert READERS["TallyImpact"]["TumblingWindowInSeconds"] > 0, "Lambda names the shard only to a function with one"
    prefixes = (periods.PERIOD_PREFIX, redemptions.TREE_PREFIX, impact.PARTICIPATION_PREFIX)
    assert filtered("TallyImpact") == [{"prefix": prefix} for prefix in prefixes]


def test_find_repeats_receives_only_periods_and_several_workers_may_read_one_shard() -> None:
    assert filtered("FindRepeats") == [{"prefix": periods.PERIOD_PREFIX}]
    assert "TumblingWindowInSeconds" not in READERS["FindRepeats"], "it allows only one worker for each shard"
    assert READERS["FindRepeats"]["ParallelizationFactor"] > 1


@pytest.mark.parametrize(
    ("function", "end"), [("TallyImpact", "ImpactDeadLetterQueue"), ("FindRepeats", "RepeatDeadLetterQueue")]
)
def test_a_change_that_cannot_be_processed_is_singled_out_and_ends_in_a_dead_letter_queue(
    function: str, end: str
) -> None:
    assert READERS[function]["BisectBatchOnFunctionError"] is True
    assert READERS[function]["MaximumRetryAttempts"] == 20
    assert READERS[function]["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": f"{end}.Arn"}


def test_a_repeated_id_is_withdrawn_within_a_minute() -> None:
    [accrual] = [source for name, source in sources("Queue.Arn") if name == "AccruePoints"]
    waiting = READERS["FindRepeats"]["MaximumBatchingWindowInSeconds"] + accrual["MaximumBatchingWindowInSeconds"]

    assert waiting + functions()["AccruePoints"]["Timeout"] < 60


def test_one_run_at_a_time_publishes_the_changes_of_entries_and_nothing_else() -> None:
    [(name, source)] = [
        (name, source)
        for name, source in sources("StreamArn")
        if attribute_of(source["EventSourceArn"]) == "CatalogTable"
    ]
    [sought] = source["FilterCriteria"]["Filters"]

    assert name == "PublishCatalog"
    assert json.loads(sought["Pattern"]) == {"dynamodb": {"Keys": {"pk": {"S": list(KINDS)}}}}
    assert source["ParallelizationFactor"] == 1
    assert source["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": "PublicationDeadLetterQueue.Arn"}


def test_the_publisher_builds_indexes_for_at_most_half_of_its_timeout_and_is_ready_before_they_are_needed() -> None:
    schedule = dict(events("ScheduleV2"))["PublishCatalog"]

    assert functions()["PublishCatalog"]["Timeout"] == 2 * BUILDING_SECONDS
    assert schedule["ScheduleExpression"] == f"rate({READY_BEFORE // 3 // 60} minutes)"


def test_the_sequencer_begins_batches_for_at_most_half_of_its_timeout_and_runs_each_minute() -> None:
    schedule = dict(events("ScheduleV2"))["SequenceLog"]

    assert functions()["SequenceLog"]["Timeout"] == 2 * SEQUENCING_SECONDS
    assert schedule["ScheduleExpression"] == "rate(1 minute)"


def test_witnesses_that_answer_as_late_as_they_may_leave_time_to_publish_the_cosignatures_of_others() -> None:
    assert functions()["CosignCheckpoints"]["Timeout"] >= 2 * ASKING_SECONDS + 10


WRITES = {"PutItem", "UpdateItem", "BatchWriteItem", "PartiQLInsert", "PartiQLUpdate"}


def writes_items_of_persons(name: str) -> bool:
    """Return whether a function may write items in the partition of a person in the ledger."""
    for policy in functions()[name]["Policies"]:
        for statement in policy["Statement"]:
            allowed = {action.removeprefix("dynamodb:") for action in statement["Action"]}
            conditions = statement.get("Condition", {}).values()
            keys = [key for condition in conditions for found in condition.values() for key in found]
            is_ledger = statement["Resource"] == {"Fn::GetAtt": "LedgerTable.Arn"}
            if is_ledger and allowed & WRITES and (not keys or "USER#*" in keys):
                return True
    return False


def test_an_erasure_waits_longer_than_any_function_runs_that_writes_items_of_persons() -> None:
    delay = template()["Parameters"]["ErasureDelay"]
    writers = {name for name in functions() if name != "ErasePersons" and writes_items_of_persons(name)}

    assert writers >= {"AccruePoints", "RedeemTrees", "SettleRedemptions", "TakeReports", "TallyImpact", "ManageGrants"}
    assert delay["Default"] > max(functions()[name]["Timeout"] for name in writers)


def test_an_erasure_that_lost_a_message_ends_before_the_queue_gives_up_the_actions_that_wait_for_it() -> None:
    delay, queue = template()["Parameters"]["ErasureDelay"], resources("AWS::SQS::Queue")["ActionQueue"]
    until_swept = STALLED_AFTER + 60

    assert 2 * delay["MaxValue"] + until_swept < queue["VisibilityTimeout"] * queue["RedrivePolicy"]["maxReceiveCount"]


def test_the_schedule_queues_an_erasure_again_after_its_worker_must_have_ended() -> None:
    assert functions()["ErasePersons"]["Timeout"] <= STALLED_AFTER
    assert dict(events("ScheduleV2"))["ErasePersons"]["ScheduleExpression"] == "rate(1 minute)"
