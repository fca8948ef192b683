"""Each alarm: what it watches is provoked as docs/alarms.md tells, seen in the source of its metric, and mended.

What the emulator has no source for is in ``UNSEEN``, and is checked in the template (tests/template/test_alarms.py).
"""

import re
import time
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from local.client import open_client
from local.sam import ROOT
from local.template import resources
from local.versions import LATEST
from saxaul_client import OperatorClient
from tests.e2e.alarm_provoking import AN_HOUR, Provoking
from tests.e2e.alarm_sources import NOTHING, Metric, Sources, metrics_of
from tests.e2e.calling import Client
from tests.e2e.journeys import eventually, make_action, new_user, plant, run_operation, wallet_of
from tests.e2e.test_rollback import edit
from tests.witness import Witness

ALARMS = resources("AWS::CloudWatch::Alarm")

UNSEEN = {"RepeatLagAlarm", "SlowApiAlarm", "StreamLagAlarm"}
"""Alarms on metrics of which the emulator has nothing."""

CRASHING = ("SequenceLog", "TallyImpact", "FindRepeats", "PublishCatalog", "ErasePersons", "ViewForest", "ManageApps")
"""Functions that crash: at least one of each alarm on errors."""

THROTTLED = ("AccruePoints", "ErasePersons", "SequenceLog", "ViewForest", "ManageApps")
"""Functions that Lambda does not start: at least one of each alarm on throttles."""

REFUSED = 120
"""How many actions an app reports that are refused: more than the alarm ignores."""

FAILED = 5
"""How many requests fail: as many as ring ``ServerErrorsAlarm``."""

BY_COMMAND = ("actions", "schedules")
"""The queues whose dead letters are dropped as the sections tell. The others are emptied, which takes less time."""

PATIENCE = 90


def watching(name: str) -> dict[str, Metric]:
    """Return the metric of each alarm that watches only this metric, by the name of the alarm."""
    return {
        alarm: found[0] for alarm, found in METRICS_OF.items() if len(found) == 1 and found[0].name.startswith(name)
    }


METRICS_OF = {name: metrics_of(alarm) for name, alarm in ALARMS.items()}
AGES = watching("ApproximateAge")
NUMBERS = watching("ApproximateNumber")
DEAD = {name: metric for name, metric in NUMBERS.items() if metric.resource.endswith("DeadLetterQueue")}
FULL = {name: metric for name, metric in NUMBERS.items() if name not in DEAD}
COUNTED = {
    kind: {name: found for name, found in METRICS_OF.items() if {metric.name for metric in found} == {kind}}
    for kind in ("Errors", "Throttles")
}


class Incident(NamedTuple):
    """What was seen while workers were stopped, and then crashed."""

    user: str
    began: float
    stopped: str
    """What ``make workers`` shows while all are stopped."""
    waiting: dict[str, float]
    """The values of the alarms on queues meanwhile."""
    dead: dict[str, float]
    errors: dict[str, float]
    statuses: list[int]
    written: dict[str, float]
    """How often the metrics of ``NoMetricsAlarm`` were written while ``SequenceLog`` crashed, by their functions."""


@pytest.fixture(scope="module")
def sources(stack: dict[str, Any]) -> Sources:
    return Sources(stack)


@pytest.fixture(scope="module")
def provoking(stack: dict[str, Any]) -> Provoking:
    return Provoking(stack)


@pytest.fixture(scope="module")
def incident(sources: Sources, provoking: Provoking, alipay: Client) -> Incident:
    """Stop all workers, send each queue what cannot be read, let functions crash, and start the workers again."""
    user, began = new_user(), time.time()
    urls = [sources.queue_url(metric.resource) for metric in AGES.values()]
    with ExitStack() as broken:
        run_operation("workers", "stop", "all")
        broken.callback(run_operation, "workers", "start", "all")
        stopped = run_operation("workers").stdout
        for url in urls:
            provoking.send_poison(url)
        alipay.call_or_exit("POST", "/actions", {"actions": [make_action(user)]})
        waiting = {name: sources.read(metric, began) for name, metric in (AGES | FULL).items()}

        broken.enter_context(provoking.quick_redelivery(urls))
        broken.enter_context(provoking.crashing(CRASHING))
        crashed_at = time.time()
        run_operation("workers", "start", "all")
        with open_client(OperatorClient, "operator") as operator:
            edit(operator, "saunter")
        provoking.start_by_schedule("SequenceLog")
        assert not any(provoking.invoke(function) for function in CRASHING)
        assert provoking.invoke("SweepRedemptions")
        statuses = [alipay.call("GET", f"/users/{user}/wallet").status_code for _ in range(FAILED)]
        dead = eventually(
            lambda: {name: sources.read(metric, began) for name, metric in DEAD.items()},
            lambda found: all(found.values()),
            PATIENCE,
        )
        errors = summed(sources, "Errors", began)
        written = {metric.resource: sources.read(metric, crashed_at) for metric in METRICS_OF["NoMetricsAlarm"]}
    return Incident(user, began, stopped, waiting, dead, errors, statuses, written)


def summed(sources: Sources, kind: str, since: float) -> dict[str, float]:
    """Return the value of each alarm on the errors or the throttles of several functions."""
    return {name: sum(sources.read(metric, since) for metric in found) for name, found in COUNTED[kind].items()}


def silent(values: dict[str, float]) -> set[str]:
    """Return the alarms that would not have rung, although their condition was provoked."""
    return {name for name, value in values.items() if value <= ALARMS[name]["Threshold"]}


def test_every_alarm_is_provoked_here_or_is_one_of_which_the_emulator_has_nothing() -> None:
    of_lines = {"LateLogAlarm", "LatePointsAlarm", "MissingCosignaturesAlarm", "NoMetricsAlarm"}
    of_several = {"RefusedActionsAlarm", "RefusedCallsAlarm", "ServerErrorsAlarm", "StoppedStreamAlarm"}
    groups: list[list[str]] = [[*AGES], [*DEAD], [*FULL], *map(list, COUNTED.values())]
    groups += [[*of_lines], [*of_several], [*UNSEEN]]
    rows = re.findall(r"^\| \[`(\w+Alarm)`\].*\|([^|]+)\|$", (ROOT / "docs/alarms.md").read_text("utf-8"), re.MULTILINE)

    assert sorted(name for group in groups for name in group) == sorted(ALARMS)
    assert {name for name, seen in rows if "checked in the template" in seen} == UNSEEN


def test_messages_that_wait_for_a_stopped_worker_have_an_age_and_a_number(incident: Incident) -> None:
    """No message of a test is as old as a threshold, and no queue as full: the template's tests check these numbers."""
    assert [name for name, value in incident.waiting.items() if value <= NOTHING] == []
    assert incident.stopped.count("disabled") == len(resources("AWS::Lambda::EventSourceMapping"))
    assert 'make workers DO="start AccruePoints"' in incident.stopped


def test_what_fails_five_times_and_what_is_given_up_is_seen_in_each_dead_letter_queue(incident: Incident) -> None:
    assert silent(incident.dead) == set()


def test_each_alarm_on_errors_counts_a_function_that_crashes(incident: Incident) -> None:
    assert silent(incident.errors) == set()


def test_requests_to_a_crashing_function_get_5xx_responses_and_a_crashing_log_writes_no_metric(
    incident: Incident,
) -> None:
    assert sum(status >= 500 for status in incident.statuses) > ALARMS["ServerErrorsAlarm"]["Threshold"]
    assert incident.written == {"SequenceLog": 0, "SweepRedemptions": 1}


def test_what_the_sections_tell_to_do_mends_all_of_it_and_nothing_is_lost(
    incident: Incident, sources: Sources, provoking: Provoking, alipay: Client
) -> None:
    shown = run_operation("dead_letters", "list", "--queue", "schedules").stdout
    redriven = run_operation("dead_letters", "redrive").stdout
    dropped = [run_operation("dead_letters", "drop", "--all", "--yes", "--queue", name).stdout for name in BY_COMMAND]
    for metric in DEAD.values():
        provoking.empty(sources.queue_url(metric.resource))
    mended_at = time.time()
    assert provoking.invoke("PublishCatalog", {"Records": []})
    assert provoking.invoke("SequenceLog")
    run_operation("recount", "--mend")

    # The emulator leaves the alias out.
    assert re.search(r"-SequenceLog-\w+(:live)?, RetriesExhausted, \S", shown)
    assert "1 message stayed" in redriven
    assert [text for text in dropped if "dropped " not in text] == []
    assert wallet_of(alipay, incident.user, earned=80)["earned"] == 80
    assert {name: sources.read(metric, 0) for name, metric in NUMBERS.items()} == dict.fromkeys(NUMBERS, NOTHING)
    assert eventually(lambda: len(sources.logged("OldestUnpublished", "SequenceLog", mended_at)), bool) >= 1
    assert run_operation("workers").returncode == 0
    recounted = eventually(lambda: run_operation("recount"), lambda done: done.returncode == 0)
    assert recounted.returncode == 0, recounted.stdout + recounted.stderr
    reconciled = run_operation("reconcile")
    assert reconciled.returncode == 0, reconciled.stdout + reconciled.stderr


def test_each_alarm_on_throttles_counts_a_function_that_lambda_does_not_start(
    sources: Sources, provoking: Provoking
) -> None:
    """The emulator applies a reserved concurrency to a function itself, and not to its versions, as AWS does."""
    began = time.time()
    with provoking.throttled(THROTTLED):
        assert not any(provoking.invoke(function, qualifier=LATEST) for function in THROTTLED)
        shown = run_operation("workers").stdout
        started = run_operation("workers", "start", "AccruePoints").stdout
        assert provoking.invoke("AccruePoints", {"Records": []}, qualifier=LATEST)

    assert silent(summed(sources, "Throttles", began)) == set()
    assert shown.count("reserved concurrency 0") == len({*THROTTLED} & {"AccruePoints", "ErasePersons", "SequenceLog"})
    assert "AccruePoints: started" in started


def test_a_batch_whose_message_is_lost_shows_in_the_metric_of_the_sweep_until_it_is_given_up(
    sources: Sources, provoking: Provoking
) -> None:
    [metric] = METRICS_OF["LatePointsAlarm"]
    receipt_id, began = provoking.write_late_receipt(), time.time()

    assert provoking.invoke("SweepRedemptions")
    late = eventually(lambda: sources.read(metric, began), lambda value: value > NOTHING)
    run_operation("dead_letters", "drop", "--receipt", receipt_id)
    given_up_at = time.time()
    assert provoking.invoke("SweepRedemptions")

    assert late >= AN_HOUR > ALARMS["LatePointsAlarm"]["Threshold"]
    assert eventually(lambda: sources.logged(metric.name, metric.resource, given_up_at), bool)[-1] < late


def test_a_statement_that_waits_shows_in_the_metric_of_the_log(sources: Sources, provoking: Provoking) -> None:
    [metric] = METRICS_OF["LateLogAlarm"]
    with provoking.late_leaf():
        began = time.time()
        assert provoking.invoke("SequenceLog")
        late = eventually(lambda: sources.read(metric, began), lambda value: value > NOTHING)
    mended_at = time.time()
    assert provoking.invoke("SequenceLog")

    assert late >= AN_HOUR > ALARMS["LateLogAlarm"]["Threshold"]
    assert eventually(lambda: sources.logged(metric.name, metric.resource, mended_at), bool)[-1] == 0


def test_a_witness_that_is_away_shows_in_the_metric_of_the_cosignatures(
    stack: dict[str, Any],
    sources: Sources,
    provoking: Provoking,
    alipay: Client,
    partner: Client,
    witness: tuple[Witness, str],
) -> None:
    [metric] = METRICS_OF["MissingCosignaturesAlarm"]
    known, answered, away_at = dict(witness[0].logs), len(witness[0].answers), time.time()
    witness[0].logs.clear()
    try:
        plant(stack, alipay, partner)
        missing = eventually(lambda: sources.read(metric, away_at), lambda value: value > NOTHING)
    finally:
        witness[0].logs.update(known)
        del witness[0].answers[answered:]  # that it did not know the log is no answer to what the log says
    back_at = time.time()
    assert provoking.invoke("SequenceLog")

    assert missing > ALARMS["MissingCosignaturesAlarm"]["Threshold"]
    assert 0 in eventually(
        lambda: sources.logged(metric.name, metric.resource, back_at), lambda values: 0 in values, PATIENCE
    )


def test_refused_calls_and_actions_show_in_the_log_lines(sources: Sources, alipay: Client) -> None:
    accepted, refused = METRICS_OF["RefusedActionsAlarm"]
    began = time.time()
    flights = [make_action(new_user(), "flight") for _ in range(REFUSED)]

    assert alipay.call("POST", "/actions", {"actions": flights}).status_code == 422
    assert alipay.call("GET", "/campaigns/none").status_code == 404
    counted = eventually(lambda: sources.read(refused, began), bool)

    assert counted == REFUSED
    share = 100 * counted / (counted + sources.read(accepted, began))
    assert share > ALARMS["RefusedActionsAlarm"]["Threshold"]
    assert sources.statuses("POST /actions", began) == [422]
    assert 404 in eventually(lambda: sources.statuses("GET /campaigns/{id}", began), bool)


def test_actions_are_posted_while_nobody_counts_them_and_are_counted_when_the_worker_starts_again(
    sources: Sources, alipay: Client
) -> None:
    [posted] = [metric for metric in METRICS_OF["StoppedStreamAlarm"] if metric.namespace == "Saxaul"]
    readers = {metric.resource for metric in METRICS_OF["StoppedStreamAlarm"]} - {posted.resource}
    user = new_user()
    run_operation("workers", "stop", "TallyImpact")
    try:
        began = time.time()
        alipay.call_or_exit("POST", "/actions", {"actions": [make_action(user)]})
        wallet_of(alipay, user, earned=80)
        number = eventually(lambda: sources.read(posted, began), bool)
        counted = sources.messages("tallied", began)
    finally:
        started_at = time.time()
        run_operation("workers", "start", "TallyImpact")

    assert readers == {"TallyImpact", "FindRepeats"}
    assert number > 0
    assert counted == 0
    assert eventually(lambda: sources.messages("tallied", started_at), bool) > 0


def test_a_change_of_who_may_sign_matches_the_rule_of_the_alarm(provoking: Provoking) -> None:
    """The emulator has no CloudTrail, so the event is written as AWS documents it."""
    event = {
        "id": "1",
        "account": "0" * 12,
        "source": "aws.kms",
        "time": "2027-06-05T00:00:00Z",
        "region": "eu-west-1",
        "resources": [],
        "detail-type": "AWS API Call via CloudTrail",
    }
    key = {"type": "AWS::KMS::Key", "ARN": provoking.signing_key()}
    by_name = {
        name: provoking.matches_the_rule(
            "KeyChanges",
            event | {"detail": {"eventSource": "kms.amazonaws.com", "eventName": name, "resources": [key]}},
        )
        for name in ("PutKeyPolicy", "CreateGrant", "DisableKey", "ScheduleKeyDeletion", "Sign")
    }

    assert by_name == dict.fromkeys(by_name, True) | {"Sign": False}
