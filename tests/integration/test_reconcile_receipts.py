"""Reconciling receipts: batches that are late, dead or lost are named, also while workers post."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from operations import dead_letter_queue, reconcile, reconcile_receipts
from operations.ledger_reading import scan
from operations.reconcile_receipts import BatchReport, Queues, check_receipts
from operations.shown_batches import MAX_BATCHES
from saxaul.http.bodies import MAX_ACTIONS
from saxaul.ledger.batches import LATE_SECONDS, BatchSums, WaitingBatch
from saxaul.ledger.receipts import fates_of
from saxaul.services import queue_calls
from saxaul.storage.clients import sqs
from saxaul.storage.queues import send_actions
from saxaul.storage.receipts import Receipts, to_item
from saxaul.storage.table import Key, Table
from tests.builders import DAY, NOON, RECEIPT, make_receipt_part, reported
from tests.integration.stack import Stack, report_actions
from tests.integration.test_dead_letters import GOOD, QueuePair, with_receipt

if TYPE_CHECKING:
    from saxaul.audit import Finding

LATE = NOON - LATE_SECONDS - 1


class Check:
    """Runs the check of the receipts. ``named`` and ``findings`` are what the last run named and found."""

    def __init__(self, stack: Stack, queues: Queues | None) -> None:
        self.table = Table("Activity", stack.clock)
        self.queues = queues
        self.named: list[WaitingBatch] = []
        self.findings: list[str] = []

    def __call__(self) -> BatchReport:
        found: list[Finding] = []
        self.named = []
        report = check_receipts(self.table, self.queues, self.named.extend, found.append)
        self.findings = [f"{finding.subject}: {finding.detail}" for finding in found]
        return report

    @property
    def states(self) -> list[tuple[str, str, int]]:
        return [(batch.receipt_id, batch.state, batch.items) for batch in self.named]


@pytest.fixture
def pair(stack: Stack) -> QueuePair:
    return QueuePair("actions", stack.actions_url, sqs().create_queue(QueueName="ActionDeadLetterQueue")["QueueUrl"])


@pytest.fixture
def check(stack: Stack, pair: QueuePair, monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.setattr(dead_letter_queue, "WAIT_SECONDS", 0)
    return Check(stack, Queues(sqs(), pair.source, pair.dead))


def send(pair: QueuePair) -> str:
    return sqs().send_message(QueueUrl=pair.source, MessageBody=GOOD, MessageGroupId="alipay")["MessageId"]


def test_if_everything_is_posted_or_dropped_nothing_is_named(stack: Stack, check: Check) -> None:
    stack.receipts.create(make_receipt_part("ppU-dg", accepted_at=LATE))
    stack.receipts.create(make_receipt_part("vk", "second", kind="reversals"))

    report = check()

    assert report == BatchReport(BatchSums(accepted=7, posted=5, dropped=2), faults=0)
    assert (check.named, check.findings) == ([], [])


def test_a_young_batch_that_waits_is_named_and_is_no_fault(stack: Stack, check: Check) -> None:
    stack.receipts.create(make_receipt_part("ww-p", accepted_at=NOON - LATE_SECONDS))

    report = check()

    assert report == BatchReport(BatchSums(accepted=3, posted=1, waiting=2), faults=0)
    assert check.named == [WaitingBatch(RECEIPT, "alipay", NOON - LATE_SECONDS, "waiting", 2)]


def test_a_batch_is_late_while_its_message_may_be_in_the_queue(stack: Stack, check: Check, pair: QueuePair) -> None:
    stack.receipts.create(make_receipt_part("w", accepted_at=LATE))
    send(pair)

    report = check()

    assert report == BatchReport(BatchSums(accepted=1, waiting=1), faults=1)
    assert check.states == [(RECEIPT, "late", 1)]
    assert check.findings == []


def test_a_message_that_a_worker_is_processing_is_not_lost(stack: Stack, check: Check, pair: QueuePair) -> None:
    stack.receipts.create(make_receipt_part("w", accepted_at=LATE))
    send(pair)
    assert sqs().receive_message(QueueUrl=pair.source)["Messages"]

    check()

    assert check.states == [(RECEIPT, "late", 1)]


def test_a_late_batch_is_lost_if_both_queues_are_empty(stack: Stack, check: Check) -> None:
    stack.receipts.create(make_receipt_part("w", accepted_at=LATE))
    stack.receipts.create(make_receipt_part("w", "young"))

    report = check()

    assert (report.faults, report.sums.waiting) == (1, 2)
    assert check.states == [(RECEIPT, "lost", 1), ("young", "waiting", 1)]


def test_a_batch_is_not_lost_if_the_second_count_finds_a_message(
    stack: Stack, check: Check, pair: QueuePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redrive moves a message to the queue after the queue was counted, and before the dead letters are."""
    stack.receipts.create(make_receipt_part("w", accepted_at=LATE))
    monkeypatch.setattr(stack.clock, "sleep", lambda _: send(pair))

    check()

    assert check.states == [(RECEIPT, "late", 1)]


def test_a_dead_batch_is_named_at_any_age_and_stays_visible(stack: Stack, check: Check, pair: QueuePair) -> None:
    part, other = make_receipt_part("w-w"), make_receipt_part("ww", "other", accepted_at=LATE)
    for stored in (part, other):
        stack.receipts.create(stored)
    pair.put_dead_letters(with_receipt(GOOD, part))

    report = check()

    assert report == BatchReport(BatchSums(accepted=4, waiting=2, dead=2), faults=2)
    assert check.states == [("other", "lost", 2), (RECEIPT, "dead", 2)]
    assert len(stack.receive_all(pair.dead)) == 1


def test_a_batch_is_not_lost_if_a_dead_letter_names_no_receipt(stack: Stack, check: Check, pair: QueuePair) -> None:
    stack.receipts.create(make_receipt_part("w", accepted_at=LATE))
    pair.put_dead_letters("no JSON")

    check()

    assert check.states == [(RECEIPT, "late", 1)]


def test_dead_letters_without_a_receipt_are_a_fault_that_names_the_command(check: Check, pair: QueuePair) -> None:
    pair.put_dead_letters("no JSON", "{}")

    report = check()

    assert report.faults == 1
    assert check.findings == ["the dead-letter queue: has 2 messages without a receipt: make dead-letters"]


def test_a_batch_is_not_lost_while_somebody_else_looks_at_a_dead_letter(
    stack: Stack, check: Check, pair: QueuePair
) -> None:
    part = make_receipt_part("w", accepted_at=LATE)
    stack.receipts.create(part)
    pair.put_dead_letters(with_receipt(GOOD, part))
    assert sqs().receive_message(QueueUrl=pair.dead)["Messages"]

    check()

    assert check.states == [(RECEIPT, "late", 1)]


def test_only_some_dead_letters_are_looked_at(
    stack: Stack, check: Check, pair: QueuePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile_receipts, "MAX_DEAD_LETTERS", 3)
    parts = [make_receipt_part("w", f"receipt-{n}", accepted_at=LATE) for n in range(5)]
    for part in parts:
        stack.receipts.create(part)
    pair.put_dead_letters(*(with_receipt(GOOD, part) for part in parts))

    report = check()

    assert (report.sums.dead, report.sums.waiting, report.faults) == (3, 2, 5)
    assert sorted(state for _, state, _ in check.states) == ["dead", "dead", "dead", "late", "late"]
    assert len(stack.receive_all(pair.dead)) == 5


def test_a_dead_letter_of_a_receipt_that_was_never_written_counts_as_accepted_and_dead(
    check: Check, pair: QueuePair
) -> None:
    pair.put_dead_letters(with_receipt(GOOD, make_receipt_part("w-w")))

    report = check()

    assert report == BatchReport(BatchSums(accepted=2, dead=2), faults=1)
    assert check.states == [(RECEIPT, "dead", 2)]


def test_a_dead_letter_whose_actions_are_all_posted_is_counted_once(
    stack: Stack, check: Check, pair: QueuePair
) -> None:
    """A worker that wrote the receipt and then ended before the queue knew it, five times."""
    stack.receipts.create(make_receipt_part("pp"))
    pair.put_dead_letters(with_receipt(GOOD, make_receipt_part("ww")))

    assert check() == BatchReport(BatchSums(accepted=2, posted=2), faults=0)


def test_without_the_queues_dead_batches_wait_and_none_is_lost(stack: Stack, pair: QueuePair) -> None:
    part = make_receipt_part("w", accepted_at=LATE)
    stack.receipts.create(part)
    pair.put_dead_letters(with_receipt(GOOD, part))
    check = Check(stack, None)

    assert check() == BatchReport(BatchSums(accepted=1, waiting=1), faults=1)
    assert check.states == [(RECEIPT, "late", 1)]


def test_what_waits_in_the_parts_of_one_receipt_is_counted_together(stack: Stack, check: Check) -> None:
    for part, outcomes in enumerate(("ww-----", "--pp---", "----www")):
        stack.receipts.create(make_receipt_part(outcomes, part=part, parts=3, accepted_at=LATE))

    report = check()

    assert report == BatchReport(BatchSums(accepted=7, posted=2, waiting=5), faults=1)
    assert check.states == [(RECEIPT, "lost", 5)]


def test_the_oldest_batch_is_named_first(stack: Stack, check: Check) -> None:
    for number in range(40):
        stack.receipts.create(make_receipt_part("w", f"receipt-{number:02}", accepted_at=LATE - 7 * number % 40))

    check()

    accepted = [batch.accepted_at for batch in check.named]
    assert len(accepted) == 40
    assert accepted == sorted(accepted)


def test_an_expired_receipt_is_left_out(stack: Stack, check: Check, pair: QueuePair) -> None:
    old = make_receipt_part("wp", accepted_at=NOON - 30 * DAY)
    stack.receipts.create(old)
    pair.put_dead_letters(with_receipt(GOOD, old))

    assert check() == BatchReport(BatchSums(), faults=0)
    assert check.named == []


def test_what_apps_used_of_their_limits_is_not_a_receipt(stack: Stack, check: Check) -> None:
    check.table.replace({"pk": "CALLS#alipay", "sk": "-", "full_at": 1})
    stack.receipts.create(make_receipt_part("p"))

    assert check() == BatchReport(BatchSums(accepted=1, posted=1), faults=0)


def test_a_batch_that_is_posted_between_the_reads_is_counted_once_and_is_not_named(
    stack: Stack, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scan sees it waiting. A worker posts it before it is read again."""
    stack.receipts.create(make_receipt_part("ww", accepted_at=LATE))
    before_each(
        monkeypatch, "get_many", lambda: stack.receipts.put_complete([make_receipt_part("pU", accepted_at=LATE)])
    )

    assert check() == BatchReport(BatchSums(accepted=2, posted=2), faults=0)
    assert (check.named, check.findings) == ([], [])


def test_the_index_may_lag_behind(stack: Stack, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """It still lists a batch that is posted, and it does not list yet another one that is late."""
    posted, late = make_receipt_part("p", "posted", accepted_at=LATE), make_receipt_part("w", accepted_at=LATE)
    for part in (posted, late):
        stack.receipts.create(part)
    monkeypatch.setattr(Receipts, "waiting", lambda _: iter([Key("RECEIPT#posted", "000")]))

    assert check() == BatchReport(BatchSums(accepted=2, posted=1, waiting=1), faults=1)
    assert check.named == []
    assert check.findings == [f"receipt {RECEIPT}: of alipay: 1 items are lost after 61 s"]


def test_a_batch_that_becomes_late_during_the_check_is_a_fault(
    stack: Stack, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.receipts.create(make_receipt_part("w", accepted_at=NOON - LATE_SECONDS))

    def slow_scan(*arguments: Any, **narrowed: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - the scan's own
        stack.clock.instant += 1
        return scan(*arguments, **narrowed)

    monkeypatch.setattr(reconcile_receipts, "scan", slow_scan)

    assert check().faults == 1
    assert check.states == [(RECEIPT, "waiting", 1)]
    assert check.findings == [f"receipt {RECEIPT}: of alipay: 1 items are lost after 61 s"]


def test_a_batch_that_is_dropped_during_the_check_counts_as_dropped(
    stack: Stack, check: Check, pair: QueuePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = make_receipt_part("w", accepted_at=LATE)
    stack.receipts.create(part)
    pair.put_dead_letters(with_receipt(GOOD, part))
    before_each(monkeypatch, "get_many", lambda: stack.receipts.drop(part))

    assert check() == BatchReport(BatchSums(accepted=1, dropped=1), faults=0)


UNANSWERED = "is missing: the call was not completed, and its app got no answer"


def test_a_part_that_is_missing_while_its_message_may_be_queued_is_a_fault_after_a_minute(
    stack: Stack, check: Check, pair: QueuePair
) -> None:
    stack.receipts.create(make_receipt_part("p-", parts=2, accepted_at=LATE))
    stack.receipts.create(make_receipt_part("p-", "young", parts=2))
    send(pair)

    assert check() == BatchReport(BatchSums(accepted=2, posted=2), faults=1)
    assert check.findings == [f"receipt {RECEIPT}: of alipay: part 1 of 2 is missing"]


def test_a_part_that_was_never_sent_is_noted_and_is_no_fault(stack: Stack, check: Check) -> None:
    """Intake ended between the messages of one call, so the app got no answer."""
    stack.receipts.create(make_receipt_part("p--", parts=3, accepted_at=LATE))
    stack.receipts.create(make_receipt_part("p-", "young", parts=2))

    assert check() == BatchReport(BatchSums(accepted=2, posted=2), faults=0)
    assert check.findings == [f"receipt {RECEIPT}: of alipay: part {part} of 3 {UNANSWERED}" for part in (1, 2)]


def test_if_intake_stops_between_two_messages_of_a_call_the_repeat_is_posted_and_nothing_is_a_fault(
    stack: Stack, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.seed_catalog()
    long_ids = [reported(action_id=f"{'x' * 120}-{number:03}", user_id=f"u-{number}") for number in range(MAX_ACTIONS)]
    sent: list[str] = []

    def stop_at_the_second(url: str, app: str, bodies: Sequence[str]) -> None:
        if len(sent) == 1:
            raise ZeroDivisionError
        sent.extend(bodies)
        send_actions(url, app, bodies)

    with monkeypatch.context() as stopping:
        stopping.setattr(queue_calls, "send_actions", stop_at_the_second)
        assert report_actions(*long_ids).status == 500
    unanswered = json.loads(sent[0])["receipt"]
    answered = report_actions(*long_ids)
    stack.deliver_reported()
    stack.clock.instant += LATE_SECONDS + 1

    report = check()

    statuses = {fate and fate.status for fate in fates_of(stack.receipts.parts_of(answered.body["receipt_id"]))}
    assert (answered.status, statuses) == (202, {"posted", "replayed"})
    assert report.faults == 0
    assert check.findings == [f"receipt {unanswered}: of alipay: part 1 of 2 {UNANSWERED}"]


def test_a_missing_part_is_a_fault_if_the_queues_are_unknown(stack: Stack) -> None:
    stack.receipts.create(make_receipt_part("p-", parts=2, accepted_at=LATE))
    check = Check(stack, None)

    assert check().faults == 1
    assert check.findings == [f"receipt {RECEIPT}: of alipay: part 1 of 2 is missing"]


def test_a_part_that_is_posted_between_the_scan_and_the_second_reading_is_not_missing(
    stack: Stack, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.receipts.create(make_receipt_part("p-", parts=2, accepted_at=LATE))
    second = make_receipt_part("-p", part=1, parts=2, accepted_at=LATE)
    before_each(monkeypatch, "query", lambda: stack.receipts.create(second))

    assert check().faults == 0
    assert check.findings == []


def test_the_unanswered_calls_that_are_named_one_by_one_are_limited(stack: Stack, check: Check) -> None:
    for number in range(reconcile_receipts.MAX_FINDINGS + 3):
        stack.receipts.create(make_receipt_part("p-", f"receipt-{number}", parts=2, accepted_at=LATE))

    assert check().faults == 0
    assert len(check.findings) == reconcile_receipts.MAX_FINDINGS + 1
    assert check.findings[-1] == "receipts: have 3 more parts of calls without an answer"


def test_a_part_that_is_missing_because_its_message_is_dead_is_named_as_dead(
    stack: Stack, check: Check, pair: QueuePair
) -> None:
    stack.receipts.create(make_receipt_part("p-", parts=2, accepted_at=LATE))
    pair.put_dead_letters(with_receipt(GOOD, make_receipt_part("-w", part=1, parts=2, accepted_at=LATE)))

    assert check() == BatchReport(BatchSums(accepted=2, posted=1, dead=1), faults=1)
    assert (check.states, check.findings) == ([(RECEIPT, "dead", 1)], [])


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"waiting": "99"}, f"item RECEIPT#{RECEIPT} 000: is in the list 99, but belongs in None"),
        ({"outcomes": 7}, f"item RECEIPT#{RECEIPT} 000: cannot be read: "),
        ({"outcomes": "pz"}, f"receipt {RECEIPT}: part 0 has outcomes that have no meaning: z"),
    ],
)
def test_a_damaged_receipt_is_a_fault(stack: Stack, check: Check, changes: dict[str, object], finding: str) -> None:
    check.table.replace(to_item(make_receipt_part("pp")) | changes)
    stack.receipts.create(make_receipt_part("w", "sound"))

    assert check().faults == 1
    assert [found.startswith(finding) for found in check.findings] == [True]
    assert check.states == [("sound", "waiting", 1)]


def test_a_batch_that_the_index_does_not_list_is_a_fault_and_is_counted(check: Check) -> None:
    item = to_item(make_receipt_part("w"))
    list_name = item.pop("waiting")
    check.table.replace(item)

    assert check() == BatchReport(BatchSums(accepted=1, waiting=1), faults=1)
    assert check.findings == [f"item RECEIPT#{RECEIPT} 000: is in the list None, but belongs in {list_name}"]


def test_the_findings_that_are_named_one_by_one_are_limited(check: Check) -> None:
    for number in range(reconcile_receipts.MAX_FINDINGS + 3):
        check.table.replace(to_item(make_receipt_part("z", f"receipt-{number}")))

    report = check()

    assert report.faults == reconcile_receipts.MAX_FINDINGS + 3
    assert len(check.findings) == reconcile_receipts.MAX_FINDINGS + 1
    assert check.findings[-1] == "receipts: have 3 more faults"


def before_each(monkeypatch: pytest.MonkeyPatch, method: str, step: Callable[[], object]) -> None:
    """Take a step before each call of a method of the table."""
    call = getattr(Table, method)

    def with_step(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - any method
        step()
        return call(*arguments, **named)

    monkeypatch.setattr(Table, method, with_step)


@pytest.fixture
def command(
    stack: Stack, pair: QueuePair, check: Check, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[object, str]]:
    """Return a function that runs the command on the tables and queues, and returns its exit code and its output."""
    assert check
    monkeypatch.setattr(reconcile, "SYSTEM_CLOCK", stack.clock)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*without: str) -> tuple[object, str]:
        options = {"--activity": "Activity", "--source-url": pair.source, "--dead-letter-url": pair.dead}
        given = [text for name, value in options.items() if name not in without for text in (name, value)]
        monkeypatch.setattr("sys.argv", ["reconcile", "--table", "Ledger", *given])
        with pytest.raises(SystemExit) as end:
            reconcile.main()
        printed = capsys.readouterr()
        return end.value.code, printed.out + printed.err

    return run


def test_the_command_names_each_batch_that_waits_with_its_app_its_items_and_its_age(
    stack: Stack, pair: QueuePair, command: Callable[..., tuple[object, str]]
) -> None:
    dead = make_receipt_part("ww", "dead-batch-00001", accepted_at=NOON - 3 * DAY)
    parts = [dead, make_receipt_part("w" * 500, app="a" * 64, accepted_at=NOON - 300), make_receipt_part("w", "young")]
    for part in parts:
        stack.receipts.create(part)
    pair.put_dead_letters(with_receipt(GOOD, dead))

    code, output = command()

    lines = [line.split() for line in output.splitlines()]
    assert code == 1
    assert lines[:2] == [
        ["receipt", "app", "items", "age", "state"],
        ["dead-batch-00001", "alipay", "2", "3", "days", "dead"],
    ]
    [receipt, begun, *rest] = lines[2]
    assert (receipt, rest) == (RECEIPT, ["500", "5", "min", "lost"])
    assert begun + lines[3][0] == "a" * 64
    assert lines[4] == ["young", "alipay", "1", "0", "s", "waiting"]
    assert max(map(len, output.splitlines())) <= 80
    sums = {" ".join(line[:-1]): line[-1] for line in lines if line}
    assert sums["actions and reversals accepted"] == "503"
    assert (sums["posted"], sums["waiting"], sums["dead"], sums["dropped"]) == ("0", "501", "2", "0")
    assert "✗ 2 faults: a batch is late, dead or lost, or a receipt is damaged" in output
    assert "✓ earned = ripening + spendable + spent" in output


def test_the_json_has_each_batch_that_waits(
    stack: Stack, pair: QueuePair, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], check: Check
) -> None:
    assert check
    monkeypatch.setattr(reconcile, "SYSTEM_CLOCK", stack.clock)
    stack.receipts.create(make_receipt_part("ppw", "young"))
    urls = ("--activity", "Activity", "--source-url", pair.source, "--dead-letter-url", pair.dead)
    monkeypatch.setattr("sys.argv", ["reconcile", "--table", "Ledger", *urls, "--json"])
    capsys.readouterr()

    with pytest.raises(SystemExit) as end:
        reconcile.main()

    found = json.loads(capsys.readouterr().out)
    waits = {"receipt_id": "young", "app_id": "alipay", "items": 1, "age_s": 0, "state": "waiting", "is_fault": False}
    sums = {"accepted": 3, "posted": 2, "waiting": 1, "dead": 0, "dropped": 0}
    assert (end.value.code, found["adds_up"]) == (0, True)
    assert found["batches"] == {**sums, "faults": 0, "open": [waits]}


def test_the_command_is_content_if_nothing_is_late(stack: Stack, command: Callable[..., tuple[object, str]]) -> None:
    stack.receipts.create(make_receipt_part("p"))
    stack.receipts.create(make_receipt_part("w", "young"))

    code, output = command()

    assert code == 0
    assert "✓ no known batch is late, dead or lost, and no receipt is damaged" in output


def test_the_command_names_at_most_20_batches(stack: Stack, command: Callable[..., tuple[object, str]]) -> None:
    for number in range(MAX_BATCHES + 5):
        stack.receipts.create(make_receipt_part("w", f"receipt-{number:02}", accepted_at=LATE - number))

    code, output = command()

    named = [line.split()[0] for line in output.splitlines() if line.startswith("receipt-")]
    assert code == 1
    assert named == [f"receipt-{number:02}" for number in range(MAX_BATCHES + 4, 4, -1)]
    assert "and 5 more batches" in output


def test_the_command_checks_no_receipts_without_their_table(
    stack: Stack, command: Callable[..., tuple[object, str]]
) -> None:
    stack.receipts.create(make_receipt_part("w", accepted_at=LATE))

    unchecked = command("--activity", "--source-url", "--dead-letter-url")
    without_queues = command("--source-url", "--dead-letter-url")
    incomplete = command("--source-url")

    assert unchecked[0] == 0
    assert "accepted" not in unchecked[1]
    assert without_queues[0] == 1
    assert "late" in without_queues[1]
    assert incomplete[0] == 2
