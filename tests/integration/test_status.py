"""The status is read from the queues, the receipts, the ledger, the log and the API."""

from collections.abc import Iterator
from datetime import date, time
from typing import Any, NamedTuple, cast

import pytest

from local.good_deployments import GoodDeployment
from operations.log_group import Lines, LogLine
from operations.status_facts import (
    AppFacts,
    BatchFacts,
    DeploymentFacts,
    LogFacts,
    QueueFacts,
    RefusalFacts,
    StockFacts,
    TotalsFacts,
    WorkerFacts,
)
from operations.status_reading import DEAD_ONLY, WORK_QUEUES, StatusReading
from saxaul.catalog.calendar import instant_of
from saxaul.catalog.entries import ReleaseSchedule
from saxaul.ledger.batches import LATE_SECONDS
from saxaul.ledger.receipts import ReceiptPart
from saxaul.log.notes import COSIGNATURE
from saxaul.log.witnesses import with_signatures
from saxaul.storage import receipts
from saxaul.storage.clients import sqs
from saxaul.storage.log_files import LogFiles
from saxaul.storage.table import Table, transact
from saxaul.trees.numbers import new_number
from saxaul.trees.orders import OrderProgress
from saxaul.trees.redemptions import Step, Tree
from saxaul.trees.states import State
from saxaul.trees.stock import Stock, Timetable
from saxaul_client import Page
from tests.builders import NOON, SHANGHAI, make_order, make_receipt_part, make_redemption
from tests.integration.stack import Stack, invoke
from tests.integration.test_dead_letters import GOOD, TAKEN_BACK
from tests.integration.test_sequencing import state
from tests.published_log import Signer
from tests.unit.test_workers import FUNCTIONS, Lambda

ALXA = "Alxa SEE Foundation"


class Registered(NamedTuple):
    app_id: str
    state: str
    partners: tuple[str, ...] = ()


class Operator:
    """Answers what the status asks the API."""

    def apps(self) -> tuple[Registered, ...]:
        return (
            Registered("alipay", "active"),
            Registered("bikes", "suspended"),
            Registered("gone", "ended"),
            Registered("see", "active", (ALXA,)),
        )

    def campaigns(self) -> dict[str, Any]:
        return {"running": [view("sale", "running"), view("day", "running")], "next": [view("sale"), view("other")]}

    def entry_pages(self, kind: str, *, limit: int) -> Iterator[Page[dict[str, Any]]]:
        assert (kind, limit) == ("tree-projects", 200)
        yield Page(({"id": "saxaul-alxa"}, {"id": "poplar-ejina"}), None)


def view(name: str, state: str = "next") -> dict[str, Any]:
    """Return a campaign with fields of ``GET /campaigns``."""
    dates = {"first_day": "2026-06-05", "last_day": "2026-06-06"}
    return {"campaign_id": name, "state": state, "name": "Sale", **dates, "goal": None, "progress": {"actions": 3}}


class LogLines:
    """Answers a query of the log by its pattern, and remembers the time spans that were asked for."""

    def __init__(self, **found: Lines) -> None:
        self.found = found
        self.spans: list[tuple[float, float]] = []

    def find(self, pattern: str, since: float, until: float, limit: int = 0, *, oldest_first: bool = False) -> Lines:
        self.spans.append((since, until))
        name = next(name for name in ("refused", "tallied", "accrued") if name in pattern)
        assert (limit, oldest_first) == {"refused": (0, False), "tallied": (1, False), "accrued": (1, True)}[name]
        return self.found.get(name, Lines([], 0))


DEPLOYED = GoodDeployment("2027-06-05T01:00:00Z", "abc", "t1", {})


class Deployments:
    """What is deployed, and what has passed the check, oldest first."""

    def __init__(self, current: GoodDeployment, *good: GoodDeployment) -> None:
        self._current, self._good = current, [*good]

    def status(self) -> str:
        return "UPDATE_COMPLETE"

    def current(self) -> GoodDeployment:
        return self._current

    def all(self) -> list[GoodDeployment]:
        return self._good


@pytest.fixture
def reading(stack: Stack) -> StatusReading:
    photos = sqs().create_queue(QueueName="photos")["QueueUrl"]
    urls = dict(zip(WORK_QUEUES, (stack.actions_url, stack.redemptions_url, stack.planting_url, photos), strict=True))
    for name in (*WORK_QUEUES, *DEAD_ONLY):
        urls[f"{name}_dead_letter"] = sqs().create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    return StatusReading(
        known={"queues": urls, "witnesses": "", "functions": FUNCTIONS},
        ledger=stack.ledger,
        activity=Table("Activity", stack.clock),
        catalog=Table("Catalog", stack.clock),
        sqs=sqs(),
        functions=cast("Any", Lambda()),
        log_group=cast("Any", LogLines()),
        operator=cast("Any", Operator()),
        deployments=cast("Any", Deployments(DEPLOYED, DEPLOYED)),
    )


def test_the_workers_that_do_not_run_are_named(reading: StatusReading) -> None:
    assert reading.workers() == WorkerFacts(0, ["AccruePoints", "TallyImpact"])


def put(reading: StatusReading, queue: str, *bodies: str) -> None:
    for body in bodies:
        sqs().send_message(QueueUrl=reading.known["queues"][queue], MessageBody=body)


def test_a_stack_in_which_nothing_waits_has_empty_queues_and_no_batches(reading: StatusReading) -> None:
    work = [QueueFacts(name, 0, None, 0) for name in WORK_QUEUES]

    assert reading.queues() == work + [QueueFacts(name, None, None, 0) for name in DEAD_ONLY]
    assert reading.batches() == BatchFacts(0, 0, None, are_all=True)
    assert reading.log() == LogFacts(0, None, 0, 0, None, [], 0, None, are_all=True)


def test_each_queue_has_its_depth_its_dead_letters_and_the_age_of_what_waits_longest(
    stack: Stack, reading: StatusReading
) -> None:
    put(reading, "actions", GOOD, TAKEN_BACK)
    put(reading, "redemptions_dead_letter", "x", "y")
    put(reading, "schedules_dead_letter", "z")
    stack.receipts.create(make_receipt_part("w", "young", accepted_at=NOON - 10))
    stack.receipts.create(make_receipt_part("w", "old", accepted_at=NOON - 500))
    stack.receipts.create(make_receipt_part("p", "posted", accepted_at=NOON - 900))
    stack.redemptions.add(make_redemption("r-1", requested_at=NOON - 70))
    stack.redemptions.add(make_redemption("r-2", requested_at=NOON - 300))
    tree = Tree(new_number(), (Step(State.RESERVED, NOON - 3_600, NOON - 3_600),))
    reserved = make_redemption("r-3", requested_at=NOON - 4_000)
    stack.redemptions.add(reserved._replace(state=State.RESERVED, reserved_at=NOON - 3_600, trees=(tree,)))

    queues = {queue.queue: queue for queue in reading.queues()}

    assert queues["actions"] == QueueFacts("actions", 2, 500, 0)
    assert queues["redemptions"] == QueueFacts("redemptions", 0, 300, 2)
    assert queues["planting"] == QueueFacts("planting", 0, 3_600, 0)
    assert queues["schedules"] == QueueFacts("schedules", None, None, 1)


def test_batches_are_counted_by_their_state(stack: Stack, reading: StatusReading) -> None:
    stack.receipts.create(make_receipt_part("w", "young"))
    for number in range(3):
        stack.receipts.create(make_receipt_part("w", f"late-{number}", accepted_at=NOON - LATE_SECONDS - 1 - number))
    put(reading, "actions", GOOD)

    assert reading.batches() == BatchFacts(1, 3, LATE_SECONDS + 3, are_all=True)


def late_part(number: int) -> ReceiptPart:
    return make_receipt_part("w", f"late-{number}", accepted_at=NOON - 1_000 - number)


def test_of_a_long_backlog_the_oldest_batches_of_each_list_are_read(
    stack: Stack, reading: StatusReading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operations.status_reading._OF_EACH_LIST", 2)
    for number in range(60):
        stack.receipts.create(late_part(number))

    found = reading.batches()

    assert found.oldest_s == 1_059
    assert 2 <= found.late <= 32
    assert not found.are_all


def test_all_batches_are_known_while_no_list_has_more_although_all_lists_together_have(
    stack: Stack, reading: StatusReading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operations.status_reading._OF_EACH_LIST", 2)
    by_list = {item["waiting"]: part for part in map(late_part, range(60)) if (item := receipts.to_item(part))}
    for part in by_list.values():
        stack.receipts.create(part)

    found = reading.batches()

    assert len(by_list) > 2
    assert (found.late, found.are_all) == (len(by_list), True)


def test_each_project_has_its_saplings_and_its_next_release_fewest_first(stack: Stack, reading: StatusReading) -> None:
    schedule = ReleaseSchedule(daily=20, at="07:00", first_day=date(2026, 6, 1))
    stock = Stock("saxaul-alxa", released=7, timetable=Timetable(schedule, SHANGHAI), scheduled_through=NOON, version=1)
    other = Stock("poplar-ejina", released=3, closed=True, version=1)
    transact([stack.stocks.plan_write(planned, NOON) for planned in (stock, other)])

    assert reading.stocks() == [
        StockFacts("poplar-ejina", 3, closed=True, next_at=None, next_saplings=None),
        StockFacts(
            "saxaul-alxa",
            7,
            closed=False,
            next_at=instant_of(date(2026, 6, 6), time(7), SHANGHAI),
            next_saplings=20,
        ),
    ]


def test_refusals_are_counted_by_the_code_of_the_response_and_by_that_of_the_items(reading: StatusReading) -> None:
    found: list[dict[str, Any]] = [
        {"status": 404, "code": "unknown_campaign"},
        {"status": 404, "code": "unknown_campaign"},
        {"status": 503, "code": "busy"},
        {"status": 202, "code": None, "refused": {"unknown_type": 3}},
        {"status": 422, "code": "all_refused", "refused": {"unknown_type": 1, "invalid_action": 2}},
        {"code": "no response"},
        {"status": 500, "code": "internal_error", "check": True},
    ]
    lines = LogLines(refused=Lines([LogLine(0, fields) for fields in found], matched=10))

    refusals = reading._replace(log_group=cast("Any", lines)).refusals()

    assert refusals == RefusalFacts(
        {"unknown_campaign": 2, "busy": 1, "all_refused": 1},
        server_errors=1,
        items={"unknown_type": 4, "invalid_action": 2},
        are_all=False,
    )
    [(since, until)] = lines.spans
    assert until - since == 3_600


def test_what_the_check_after_a_deployment_asks_for_is_not_counted(reading: StatusReading) -> None:
    line = {"status": 500, "code": "internal_error", "refused": {"unknown_type": 3}, "check": True}
    lines = LogLines(refused=Lines([LogLine(0, line)], matched=1))

    assert reading._replace(log_group=cast("Any", lines)).refusals() == RefusalFacts({}, 0, {}, are_all=True)


def test_the_totals_say_what_was_counted_last_and_what_was_posted_since(
    reading: StatusReading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("operations.status_reading.time.time", lambda: 10_000.0)
    lines = LogLines(
        tallied=Lines([LogLine(9_800.5, {"oldest_changed_s": 12})], 1), accrued=Lines([LogLine(9_870, {})], 1)
    )

    assert reading._replace(log_group=cast("Any", lines)).totals() == TotalsFacts(200, 12, 130)
    assert lines.spans == [(6_400, 10_000), (9_801.5, 10_000)]
    assert reading.totals() == TotalsFacts(None, None, None)


def test_a_deployment_that_is_not_the_newest_that_passed_the_check_has_not_passed_it(reading: StatusReading) -> None:
    same, other = DEPLOYED._replace(checked_at="", release=""), DEPLOYED._replace(template="t2")
    at = DEPLOYED.checked_at

    def facts_of(*deployments: GoodDeployment) -> DeploymentFacts:
        return reading._replace(deployments=cast("Any", Deployments(*deployments))).deployment()

    assert facts_of(same, other, DEPLOYED) == DeploymentFacts("UPDATE_COMPLETE", at, at)
    assert facts_of(other, DEPLOYED) == DeploymentFacts("UPDATE_COMPLETE", None, at)
    assert facts_of(other) == DeploymentFacts("UPDATE_COMPLETE", None, None)


def test_apps_that_are_suspended_are_named(reading: StatusReading) -> None:
    assert reading.apps() == AppFacts(active=2, suspended=["bikes"])


def test_of_each_campaign_the_run_of_today_is_shown_or_else_the_next_one(reading: StatusReading) -> None:
    found = [(facts.campaign_id, facts.state, facts.progress) for facts in reading.campaigns()]

    assert found == [
        (name, state, {"actions": 3}) for name, state in (("sale", "running"), ("day", "running"), ("other", "next"))
    ]


def test_orders_whose_trees_wait_for_a_report_are_counted(stack: Stack, reading: StatusReading) -> None:
    for number, trees in enumerate((1, 2)):
        order = make_order(
            make_redemption(f"r-{number}", trees=trees), order_id=f"o-{number}", ordered_at=NOON - 100 * (number + 1)
        )
        announced = order._replace(announced_at=NOON)
        stack.orders.announce(announced, OrderProgress.of(order, trees))

    assert reading.log() == LogFacts(0, None, 0, 0, None, [], open_trees=3, oldest_order_s=200, are_all=True)


def test_the_log_has_its_size_its_age_its_trees_and_how_long_the_oldest_statement_waits(
    stack: Stack, reading: StatusReading
) -> None:
    state(stack, "C-1")
    invoke("sequence_log", {"schedule": "repair"})
    stack.clock.instant += 40
    published = LogFacts(2, 40, 1, 0, None, [], 0, None, are_all=True)
    assert reading.log() == published

    state(stack, "C-2")
    state(stack, "C-3")
    stack.clock.instant += 50
    assert reading.log() == published._replace(published_s=90, waiting=2, oldest_s=50)

    invoke("sequence_log", {"schedule": "repair"})
    assert reading.log() == published._replace(size=5, published_s=0, standing=3)


def test_statements_that_have_a_place_in_the_log_wait_until_they_are_published(
    stack: Stack, reading: StatusReading, monkeypatch: pytest.MonkeyPatch
) -> None:
    state(stack, "C-1")
    monkeypatch.setattr("saxaul.storage.signing.SigningKey.sign", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        invoke("sequence_log", {"schedule": "repair"})
    stack.clock.instant += 30

    found = reading.log()
    assert (found.size, found.published_s, found.waiting, found.oldest_s) == (0, None, 2, 30)


def test_the_witnesses_are_named_whose_cosignature_the_published_checkpoint_lacks(
    stack: Stack, reading: StatusReading
) -> None:
    near, far = (Signer(f"{name}.witness.example", COSIGNATURE) for name in ("near", "far"))
    witnesses = " ".join(f"{each.key.text} https://{each.name}" for each in (near, far))
    reading = reading._replace(known={**reading.known, "files_bucket": "files", "witnesses": witnesses})
    assert reading.log().missing == [], "nothing is published yet"
    state(stack, "C-1")
    invoke("sequence_log", {"schedule": "repair"})
    assert reading.log().missing == [near.name, far.name]

    files = LogFiles("files")
    found = files.checkpoint()
    assert found
    cosigned = with_signatures(found.note, [near.sign(found.note.text)])
    files.replace_checkpoint(found, lambda _: cosigned, stack.clock)

    assert reading.log().missing == [far.name]
