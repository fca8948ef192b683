"""The events of the check after a deployment: each has the expected outcome, reaches the tables, and writes nothing."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.function_check import wrong_in
from local.harmless_events import NOBODY, Callers, HarmlessEvent, events_for
from local.invoking import Invocation
from local.template import resources, snake_case
from operations import status_reading
from saxaul.catalog.clients import RegisteredClient
from saxaul.races import ContendedError
from saxaul.settings import settings
from saxaul.storage import clients, objects
from saxaul.storage.clients import dynamodb
from tests.builders import make_redemption, make_suggestion
from tests.emf import metrics_of
from tests.integration.conftest import clear_worker_caches
from tests.integration.log_lines import Lines
from tests.integration.moto_objects import Requests
from tests.integration.policies import CALLS, STREAM, Access, resource_of, statements_of
from tests.integration.stack import Stack, invoke

BUCKET = "published"
OPERATOR = Callers("operator-client")
EVERYBODY = Callers("operator-client", app="alipay-client", partner="partner-client")

_BY_LAMBDA = "Lambda itself uses it, with the role of the function"
UNREACHED = {
    ("IngestActions", "LedgerTable"): "it reads the periods of actions that exist, and grants of persons to an app",
    ("AccruePoints", "ActivityTable"): "it writes the receipts of calls",
    ("PlaceOrders", "LedgerTable"): "it would place an order for the trees that wait",
    ("ManageCatalog", "LedgerTable"): "it changes the saplings of a project when its entry is written",
    ("TakeReports", "ManifestBucket"): "it signs links to manifests, and others read them",
    ("TakeReports", "UploadBucket"): "it signs forms for uploads, and partners send them",
    ("ManagePersons", "ActivityTable"): "it counts the calls of apps, and no app has its scope by default",
    ("ManagePersons", "ExportBucket"): "it writes an export that is too long for a response",
    ("ManagePersons", "EraseQueue"): "it sends a message for an erasure that was requested",
    ("HashPhotos", "FilesBucket"): "it publishes a photo that was uploaded",
    ("HashPhotos", "LedgerTable"): "it writes which photo is hashed",
    ("HashPhotos", "PhotoQueue"): _BY_LAMBDA,
    ("PlaceOrders", "ManifestBucket"): "it writes the manifests of an order",
    ("PlaceOrders", "Bus"): "it announces an order",
    ("PlaceOrders", "PlantingQueue"): "it sends a message if trees are left",
    ("TakeReports", "LogQueue"): "it sends a message after it has written statements",
    ("SequenceLog", "CheckpointQueue"): "it sends a message after it has published",
    ("SequenceLog", "LogQueue"): _BY_LAMBDA,
    ("CosignCheckpoints", "CheckpointQueue"): _BY_LAMBDA,
    ("ErasePersons", "ExportBucket"): "it deletes the exports of an erased person",
    ("ErasePersons", "EraseQueue"): "it sends the next step of an erasure",
    ("ErasePersons", "LogQueue"): "it sends a message after it has written statements",
    ("ManageApps", "UserPool"): "it is asked when an app or a secret is made, changed or ended",
    ("EndOverlaps", "UserPool"): "it is asked only about an app whose overlap is over, or that a crash left",
    ("IngestActions", "ActionQueue"): "it sends the actions of a call that is accepted",
    ("AccruePoints", "ActionQueue"): _BY_LAMBDA,
    ("FindRepeats", "ActionQueue"): "it sends the withdrawals of repeated actions",
    ("FindRepeats", "RepeatDeadLetterQueue"): _BY_LAMBDA,
    ("RedeemTrees", "RedemptionQueue"): "it sends a redemption that was requested",
    ("SettleRedemptions", "RedemptionQueue"): _BY_LAMBDA,
    ("SweepRedemptions", "RedemptionQueue"): "it sends what was left undone",
    ("ScheduleOrders", "PlantingQueue"): "it starts a planting batch",
    ("TallyImpact", "ImpactDeadLetterQueue"): _BY_LAMBDA,
    ("PublishCatalog", "PublicationDeadLetterQueue"): _BY_LAMBDA,
}
"""What a policy allows and no harmless event reaches, and why."""


@pytest.fixture(autouse=True)
def _published(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack with a small catalog, which is published."""
    monkeypatch.setenv("CATALOG_BUCKET", BUCKET)
    monkeypatch.setattr(objects, "_session", lambda _: Requests())
    clients.s3().create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "cn-north-1"})
    settings.cache_clear()
    stack.seed_catalog()
    stack.seed("suggestions", take_the_bus=make_suggestion())
    invoke("publish_catalog", {"Records": []})


def every_event(callers: Callers) -> Iterator[tuple[str, HarmlessEvent]]:
    for function, events in events_for(callers).items():
        for event in events:
            yield function, event


def outcome_of(function: str, event: HarmlessEvent, lines: Lines) -> Invocation:
    lines.taken()
    answer = invoke(snake_case(function), event.event)
    return Invocation(function, answer, is_error=False, log=tuple(lines.taken()), seconds=0)


def test_each_function_of_the_template_has_harmless_events_and_nothing_else_has() -> None:
    assert events_for(OPERATOR).keys() == resources("AWS::Serverless::Function").keys()
    assert all(events_for(OPERATOR).values())


@pytest.mark.parametrize("callers", [OPERATOR, EVERYBODY], ids=["nobody registered", "everybody registered"])
def test_each_event_has_the_expected_outcome(callers: Callers, lines: Lines) -> None:
    wrong = {
        f"{function}: {event.about}": found
        for function, event in every_event(callers)
        if (found := wrong_in(outcome_of(function, event, lines), event))
    }

    assert wrong == {}


def test_each_line_about_a_request_of_the_check_says_so_and_no_line_about_a_request_of_a_client(lines: Lines) -> None:
    for function, event in every_event(OPERATOR):
        if event.status:
            about = [json.loads(line) for line in outcome_of(function, event, lines).log if '"status":' in line]
            assert [line["check"] for line in about] == [True]

    [read] = events_for(OPERATOR)["SuggestCampaigns"]
    context = {**read.event["requestContext"], "apiId": "abc123", "requestId": NOBODY}
    lines.taken()
    invoke("suggest_campaigns", {**read.event, "requestContext": context})
    assert not any('"check"' in line for line in lines.taken())


def test_a_change_of_the_check_has_no_age_in_the_log(lines: Lines) -> None:
    [_, change] = events_for(OPERATOR)["TallyImpact"]

    [line] = outcome_of("TallyImpact", change, lines).log

    assert json.loads(line)["records"] == 1
    assert "oldest_changed_s" not in json.loads(line)
    assert not re.search(status_reading._TALLIED, line)  # noqa: SLF001 - what make status looks for
    assert re.search(status_reading._TALLIED, line.replace('"request_id"', '"oldest_changed_s":0,"request_id"'))  # noqa: SLF001


def test_the_check_measures_nothing_that_has_not_happened(lines: Lines) -> None:
    written = [line for function, event in every_event(EVERYBODY) for line in outcome_of(function, event, lines).log]
    found = {metric.name: metric.values for line in written for metric in metrics_of(line)}

    assert set(found.values()) == {(0,)}
    assert found.keys() == {"ActionsPosted", "PointsEarned", "OldestAccepted", "OldestUnposted", "OldestUnpublished"}


def contents() -> dict[str, list[Any]]:
    return {
        table: sorted(
            (item for item in dynamodb().scan(TableName=table)["Items"] if not item["pk"]["S"].startswith("CALLS#")),
            key=str,
        )
        for table in ("Ledger", "Catalog", "Activity")
    }


def test_the_events_write_nothing_but_the_calls_of_the_app_and_queue_nothing(stack: Stack) -> None:
    before = contents()

    for function, event in every_event(EVERYBODY):
        invoke(snake_case(function), event.event)

    assert contents() == before
    assert [*map(stack.receive_all, (stack.actions_url, stack.redemptions_url, stack.planting_url))] == [[], [], []]
    assert stack.events_on_the_bus() == []


def test_each_function_reaches_all_that_its_policy_names(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    app = RegisteredClient(name="checked", role="app", trust="first_party", calls_per_second=50)
    partner = RegisteredClient(name="planter", role="partner", partners=("SEE",), calls_per_second=50)
    stack.register("limited-app", app)
    stack.register("limited-partner", partner)
    reached: set[tuple[str, str]] = set()

    def note(accesses: Iterator[Access]) -> None:
        reached.update((CALLS.function, access.resource.partition("/")[0]) for access in accesses if CALLS.function)

    monkeypatch.setattr(CALLS, "check", note)
    for function, events in events_for(Callers("operator-client", "limited-app", "limited-partner")).items():
        clear_worker_caches()  # in this process, another function has read what this one needs
        for event in events:
            invoke(snake_case(function), event.event)

    allowed = {
        (function, resource_of(statement).partition("/")[0])
        for function in resources("AWS::Serverless::Function")
        for statement in statements_of(snake_case(function))
        if not resource_of(statement).endswith(STREAM)  # which only Lambda itself reads
        if resource_of(statement) != "DataKey"  # by AWS itself, for what is encrypted, and off by default
    }
    found = {(name, resource) for name, resource in allowed if (snake_case(name), resource) not in reached}
    assert allowed >= UNREACHED.keys()
    assert sorted(found) == sorted(UNREACHED)


READ_AGAIN = [
    "IngestActions",
    "SuggestCampaigns",
    "RedeemTrees",
    "ScheduleOrders",
    "ViewForest",
    "ProveTrees",
    "ViewImpact",
    "PublishCatalog",
]
"""The functions that read the published catalog. Each other member of a policy is read from a table, or written."""


def calls_of(function: str, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """Return the actions on resources of a function's events, each of which must have the expected outcome."""
    found: set[tuple[str, str]] = set()

    def note(accesses: Iterator[Access]) -> None:
        found.update((access.action, access.resource.partition("/")[0]) for access in accesses if CALLS.function)

    with monkeypatch.context() as patch:
        patch.setattr(CALLS, "check", note)
        for event in events_for(OPERATOR)[function]:
            assert wrong_in(outcome_of(function, event, lines), event) is None
    return found


@pytest.mark.parametrize("function", READ_AGAIN)
def test_a_worker_that_has_the_catalog_in_memory_reads_it_again_for_the_check(
    function: str, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (calls_of(function, lines, monkeypatch) for _ in range(2))

    assert ("s3:GetObject", "CatalogBucket") in first & second


@pytest.mark.parametrize("function", ["ProveTrees", "SequenceLog"])
def test_a_worker_that_has_the_key_in_memory_reads_it_again_for_the_check(
    function: str, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (calls_of(function, lines, monkeypatch) for _ in range(2))

    assert ("kms:GetPublicKey", "SigningKey") in first & second


def test_each_function_that_may_read_the_catalog_bucket_is_among_them() -> None:
    may = [
        function
        for function in resources("AWS::Serverless::Function")
        for statement in statements_of(snake_case(function))
        if "s3:GetObject" in statement["Action"] and resource_of(statement).startswith("CatalogBucket/")
    ]
    assert may == READ_AGAIN


@pytest.mark.parametrize("function", [name for name in READ_AGAIN if name != "PublishCatalog"])
def test_a_function_that_may_not_read_the_catalog_bucket_is_found_also_if_it_runs_already(
    function: str, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong() -> list[str]:
        outcomes = ((outcome_of(function, event, lines), event) for event in events_for(OPERATOR)[function])
        return [found for found in (wrong_in(outcome, event) for outcome, event in outcomes) if found]

    assert wrong() == []
    denied = b"<Error><Code>AccessDenied</Code></Error>"
    monkeypatch.setattr(objects, "_send", lambda *_: (403, {}, denied))
    assert "it logged an error: the published catalog cannot be used" in wrong()


def test_a_publisher_that_may_not_read_the_bucket_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    send: Callable[..., Any] = objects._send  # noqa: SLF001 - what S3 answers

    def refused(method: str, *others: Any) -> Any:  # noqa: ANN401 - of the function
        return (403, {}, b"<Error><Code>AccessDenied</Code></Error>") if method == "GET" else send(method, *others)

    monkeypatch.setattr(objects, "_send", refused)
    [event] = events_for(OPERATOR)["PublishCatalog"]

    with pytest.raises(ContendedError):
        invoke("publish_catalog", event.event)


def test_the_schedule_is_only_listed_and_trees_that_wait_stay_for_the_next_batch(stack: Stack) -> None:
    stack.redemptions.add(make_redemption("r-1").reserved(stack.clock.instant))
    [only_list] = events_for(OPERATOR)["ScheduleOrders"]

    assert invoke("schedule_orders", only_list.event) == {"projects": ["saxaul-alxa"]}
    assert stack.receive_all(stack.planting_url) == []

    assert invoke("schedule_orders", {"only_list": False}) == {"projects": ["saxaul-alxa"]}
    assert len(stack.receive_all(stack.planting_url)) == 1


def test_the_events_name_nothing_that_exists() -> None:
    assert NOBODY not in str(contents())
