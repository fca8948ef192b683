"""The dead-letter command: ``list`` removes no message, ``redrive`` loses none, and ``drop`` prints what it deletes."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from operations import dead_letter_queue, dead_letters
from operations.dead_letter_queue import DeadLetters
from operations.status_reading import DEAD_ONLY, WORK_QUEUES
from saxaul.ledger.actions import Reversal
from saxaul.ledger.receipts import ABSENT, ReceiptPart
from saxaul.messages.bodies import RedemptionMessage
from saxaul.storage.clients import sqs
from saxaul.storage.receipts import to_item
from saxaul.storage.table import Key, Table
from tests.builders import NOON, RECEIPT, USER, action_bodies, make_action, make_receipt_part, reversal_bodies
from tests.clocks import StoppedClock
from tests.integration.stack import Stack

GOOD = action_bodies("alipay", NOON, [make_action(), make_action("ride-2")])[0]
TAKEN_BACK = reversal_bodies("taobao", NOON, [Reversal("taobao", USER, "ride-1", "refunded", NOON)])[0]
POISON = (
    '{"app":"alipay","accepted_at":0,"actions":'
    '[["user","u-42","ride-1","bus_ride","minus one",0,false,"",1,null,null]]}'
)
Run = Callable[..., str]


class QueuePair(NamedTuple):
    """A queue and its dead-letter queue."""

    kind: str
    source: str
    dead: str

    def put_dead_letters(self, *bodies: str) -> list[str]:
        """Put messages into the dead-letter queue. Returns their ids."""
        fifo = self.dead.endswith(".fifo")
        sent = []
        for number, body in enumerate(bodies):
            extra: dict[str, Any] = {"MessageGroupId": "alipay"}
            extra |= {"MessageGroupId": "saxaul-alxa", "MessageDeduplicationId": f"d-{number}"} if fifo else {}
            sent.append(sqs().send_message(QueueUrl=self.dead, MessageBody=body, **extra)["MessageId"])
        return sent


@pytest.fixture
def actions(stack: Stack) -> QueuePair:
    return QueuePair("actions", stack.actions_url, sqs().create_queue(QueueName="ActionDeadLetterQueue")["QueueUrl"])


@pytest.fixture
def redemption_requests(stack: Stack) -> QueuePair:
    made = sqs().create_queue(QueueName="RedemptionDeadLetterQueue.fifo", Attributes={"FifoQueue": "true"})
    return QueuePair("redemptions", stack.redemptions_url, made["QueueUrl"])


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clock: StoppedClock) -> Run:
    """Return a function that runs the command on two queues and returns its output."""
    monkeypatch.setattr(dead_letter_queue, "WAIT_SECONDS", 0)
    monkeypatch.setattr(dead_letters, "SYSTEM_CLOCK", clock)

    def run_it(lines: QueuePair, *arguments: object, code: int = 0) -> str:
        urls = ["--queue", lines.kind, "--source-url", lines.source, "--dead-letter-url", lines.dead]
        urls += ["--activity", "Activity"] if lines.kind == "actions" and "drop" in arguments else []
        monkeypatch.setattr("sys.argv", ["dead_letters", *map(str, arguments), *urls])
        if code:
            with pytest.raises(SystemExit) as end:
                dead_letters.main()
            assert end.value.code == code
            return capsys.readouterr().err
        dead_letters.main()
        return capsys.readouterr().out

    return run_it


def redemption_request(redemption_id: str) -> str:
    message = RedemptionMessage(project_id="saxaul-alxa", user_id="u-42", redemption_id=redemption_id)
    return message.model_dump_json()


def test_an_empty_queue_is_said_to_be_empty(actions: QueuePair, run: Run) -> None:
    assert "✓ no dead letters of actions\n" in run(actions, "list")
    assert run(actions, "redrive").startswith("✓ nothing to move\n")


def test_the_list_describes_each_message_and_removes_none(actions: QueuePair, run: Run, stack: Stack) -> None:
    ids = actions.put_dead_letters(GOOD, POISON, *(GOOD for _ in range(23)))

    first, again = run(actions, "list"), run(actions, "list")

    for output in (first, again):
        assert all(output.count(message_id) == 1 for message_id in ids)
        assert "alipay: 2 actions (bus_ride), 0 reversals" in output
        assert "unreadable (actions.0.4: Input should be a valid decimal" in output
        assert "25 of about 25 messages" in output
    assert re.search(rf"{ids[0]} actions, \d+ s old, received 2 times", again)
    assert len(stack.receive_all(actions.dead)) == 25


def test_the_json_of_the_list_has_each_message(actions: QueuePair, run: Run) -> None:
    [good, poison] = actions.put_dead_letters(GOOD, POISON)

    found = json.loads(run(actions, "list", "--json"))

    assert (found["queue"], found["url"], found["about"]) == ("actions", actions.dead, 2)
    messages = {message.pop("id"): message for message in found["messages"]}
    assert messages[poison].pop("summary").startswith("unreadable (actions.0.4: ")
    assert messages[good].pop("age_s") < 60
    assert messages[good] == {
        "kind": "actions",
        "received": 1,
        "was_redriven": False,
        "receipt_id": json.loads(GOOD)["receipt"],
        "app_id": "alipay",
        "summary": "alipay: 2 actions (bus_ride), 0 reversals",
    }


def test_only_the_list_has_json(actions: QueuePair, run: Run) -> None:
    assert "--json belongs to list" in run(actions, "redrive", "--json", code=2)


def test_the_list_stops_at_its_limit_and_leaves_all_messages_visible(
    actions: QueuePair, run: Run, stack: Stack
) -> None:
    actions.put_dead_letters(*(GOOD for _ in range(12)))

    assert "3 of about 12 messages" in run(actions, "list", "--limit", 3)
    assert len(stack.receive_all(actions.dead)) == 12


def test_a_message_that_sqs_delivers_twice_is_listed_once(
    actions: QueuePair, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions.put_dead_letters(GOOD, GOOD)
    monkeypatch.setattr(dead_letter_queue, "HIDDEN_SECONDS", 0)

    assert "2 of about 2 messages" in run(actions, "list")


def test_the_summary_of_a_message_fits_its_queue() -> None:
    assert dead_letters.summary(redemption_request("r-1"), "redemptions") == "redemption r-1 of u-42 for saxaul-alxa"
    assert dead_letters.summary(GOOD, "redemptions").startswith("unreadable (app: Extra inputs")
    assert dead_letters.summary('{"project_id": "saxaul-alxa"}', "planting") == "an order for saxaul-alxa"
    assert dead_letters.summary(GOOD, "planting").startswith("unreadable (app: Extra inputs")
    upload = '{"Records": [{"s3": {"object": {"key": "uploads/00/1"}}}]}'
    assert dead_letters.summary(upload, "photos") == "the upload uploads/00/1"
    assert dead_letters.summary('{"Event": "s3:TestEvent"}', "photos") == "a test of S3"
    assert dead_letters.summary(GOOD, "photos").startswith("unreadable (the body is not a message of S3")
    assert dead_letters.summary("no JSON", "actions").endswith(": no JSON")
    assert dead_letters.summary(TAKEN_BACK, "actions") == "taobao: no actions, 1 reversals"
    withdrawal = '{"app": "alipay", "accepted_at": 0, "withdrawals": [["user", "u-42", "ride-1", "2026-06-05", false]]}'
    assert dead_letters.summary(withdrawal, "actions") == "alipay: no actions, 0 reversals, 1 withdrawals"


def test_a_redrive_moves_every_message_back_unchanged(actions: QueuePair, run: Run, stack: Stack) -> None:
    bodies = [action_bodies("alipay", NOON, [make_action(f"ride-{n}")])[0] for n in range(12)]
    actions.put_dead_letters(*bodies)

    assert "moved 12 messages" in run(actions, "redrive")
    assert sorted(stack.receive_all(actions.source)) == sorted(bodies)
    assert stack.receive_all(actions.dead) == []


def test_a_redriven_message_keeps_its_group_its_attributes_and_its_order(
    redemption_requests: QueuePair, run: Run
) -> None:
    bodies = [redemption_request(f"r-{n}") for n in range(12)]
    ids = redemption_requests.put_dead_letters(*bodies)

    run(redemption_requests, "redrive")

    moved = []
    while (
        batch := sqs()
        .receive_message(
            QueueUrl=redemption_requests.source, MessageSystemAttributeNames=["All"], MaxNumberOfMessages=10
        )
        .get("Messages")
    ):
        moved += batch
        for message in batch:
            sqs().delete_message(QueueUrl=redemption_requests.source, ReceiptHandle=message["ReceiptHandle"])
    assert [message["Body"] for message in moved] == bodies
    assert {message["Attributes"]["MessageGroupId"] for message in moved} == {"saxaul-alxa"}
    assert [message["Attributes"]["MessageDeduplicationId"] for message in moved] == ids


def test_a_redriven_redemption_request_is_not_dropped_as_a_duplicate(
    redemption_requests: QueuePair, run: Run, stack: Stack
) -> None:
    first: dict[str, Any] = {"MessageGroupId": "saxaul-alxa", "MessageDeduplicationId": "d-0"}
    sqs().send_message(QueueUrl=redemption_requests.source, MessageBody=redemption_request("r-1"), **first)
    stack.receive_all(redemption_requests.source)
    redemption_requests.put_dead_letters(redemption_request("r-1"))

    run(redemption_requests, "redrive")

    assert stack.receive_all(redemption_requests.source) == [redemption_request("r-1")]


def test_a_redrive_leaves_what_cannot_be_read_and_names_it(actions: QueuePair, run: Run, stack: Stack) -> None:
    first, poison, nonsense, _ = actions.put_dead_letters(GOOD, POISON, "no JSON", TAKEN_BACK)

    output = run(actions, "redrive")

    assert "moved 2 messages" in output
    assert "2 messages stayed" in output
    assert f"{poison} unreadable (actions.0.4: Input should be a valid decimal" in output
    assert f"{nonsense} unreadable" in output
    assert first not in output
    assert sorted(stack.receive_all(actions.source)) == sorted([GOOD, TAKEN_BACK])
    assert sorted(stack.receive_all(actions.dead)) == sorted([POISON, "no JSON"])


def test_a_redrive_leaves_what_came_back_after_a_redrive_until_again_is_said(
    actions: QueuePair, run: Run, stack: Stack
) -> None:
    actions.put_dead_letters(GOOD, TAKEN_BACK)
    run(actions, "redrive")
    back = fail_again(actions)
    [fresh] = actions.put_dead_letters(GOOD)

    listed, output = run(actions, "list"), run(actions, "redrive")
    left = stack.receive_all(actions.source)
    again = run(actions, "redrive", "--again")

    assert listed.count("redriven before") == 2
    assert "moved 1 messages" in output
    assert all(f"{message_id} came back after a redrive: " in output for message_id in back)
    assert fresh not in output
    assert left == [GOOD]
    assert "moved 2 messages" in again
    assert "stayed" not in again
    assert sorted(stack.receive_all(actions.source)) == sorted([GOOD, TAKEN_BACK])


def test_a_message_that_is_named_is_moved_back_even_if_it_came_back_before(
    actions: QueuePair, run: Run, stack: Stack
) -> None:
    actions.put_dead_letters(GOOD)
    run(actions, "redrive")
    [back] = fail_again(actions)

    assert f"moved {back} back" in run(actions, "redrive", "--id", back)
    assert stack.receive_all(actions.source) == [GOOD]


def fail_again(queues: QueuePair) -> list[str]:
    """Move every message of a queue to its dead-letter queue, as SQS does, with its attributes. Return their ids."""
    ids = []
    while found := sqs().receive_message(QueueUrl=queues.source, MessageAttributeNames=["All"]).get("Messages"):
        for message in found:
            kept: Any = message.get("MessageAttributes", {})
            sent = sqs().send_message(
                QueueUrl=queues.dead, MessageBody=message["Body"], MessageAttributes=kept, MessageGroupId="alipay"
            )
            sqs().delete_message(QueueUrl=queues.source, ReceiptHandle=message["ReceiptHandle"])
            ids.append(sent["MessageId"])
    return ids


def test_a_message_that_cannot_be_sent_stays_in_the_dead_letter_queue(
    actions: QueuePair, run: Run, stack: Stack
) -> None:
    actions.put_dead_letters(GOOD, GOOD)
    gone = actions._replace(source=f"{actions.source}Elsewhere")

    assert "An AWS call for" in run(gone, "redrive", code=1)
    assert stack.receive_all(actions.dead) == [GOOD, GOOD]


def test_a_redrive_of_one_message_leaves_the_others_visible(actions: QueuePair, run: Run, stack: Stack) -> None:
    _, chosen, _ = actions.put_dead_letters(POISON, GOOD, POISON)

    assert f"moved {chosen} back" in run(actions, "redrive", "--id", chosen)
    assert stack.receive_all(actions.source) == [GOOD]
    assert stack.receive_all(actions.dead) == [POISON, POISON]


def test_a_corrected_message_is_redriven_and_posted(actions: QueuePair, run: Run, stack: Stack, tmp_path: Path) -> None:
    stack.seed_catalog()
    (poison,) = actions.put_dead_letters(POISON)
    mended = tmp_path / "mended.json"
    mended.write_text(POISON.replace('"minus one",0', f'"1",{NOON}') + "\n")

    run(actions, "redrive", "--id", poison, "--body-file", mended)

    assert stack.accrue(*stack.receive_all(actions.source)) == []
    assert [period.points for period in stack.periods_of()] == [80]
    assert stack.receive_all(actions.dead) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"places": [0], "actions": [json.loads(GOOD)["actions"][0]]},
        {"places": [0, 1]},
        {"receipt": "another"},
        {"receipt": "", "places": []},
        {"part": 1},
        {"size": 4},
        {"app": "taobao"},
        {"accepted_at": NOON + 1},
    ],
)
def test_a_corrected_body_that_leaves_out_items_of_its_receipt_is_refused_and_nothing_moves(
    actions: QueuePair, run: Run, stack: Stack, tmp_path: Path, changes: dict[str, object]
) -> None:
    """Posting would write a receipt without these items, which calls them refused."""
    body = with_receipt(GOOD, make_receipt_part("w-w", parts=2))
    (dead,) = actions.put_dead_letters(body)
    (tmp_path / "fewer.json").write_text(json.dumps(json.loads(body) | changes))

    output = run(actions, "redrive", "--id", dead, "--body-file", tmp_path / "fewer.json", code=1)

    assert f"must keep the items of the receipt {RECEIPT}" in output
    assert (stack.receive_all(actions.source), stack.receive_all(actions.dead)) == ([], [body])


def test_a_corrected_message_completes_its_receipt(actions: QueuePair, run: Run, stack: Stack, tmp_path: Path) -> None:
    stack.seed_catalog()
    part = make_receipt_part("w-w")
    stack.receipts.create(part)
    body = with_receipt(GOOD, part)
    broken = json.loads(body)
    broken["actions"][1][4] = "minus one"
    (dead,) = actions.put_dead_letters(json.dumps(broken))
    (tmp_path / "mended.json").write_text(body)

    run(actions, "redrive", "--id", dead, "--body-file", tmp_path / "mended.json")

    assert stack.accrue(*stack.receive_all(actions.source)) == []
    assert stack.receipts.parts_of(RECEIPT) == [part._replace(outcomes="p-p")]


def test_a_body_file_that_is_missing_or_still_invalid_is_refused_and_nothing_moves(
    actions: QueuePair, run: Run, stack: Stack, tmp_path: Path
) -> None:
    (poison,) = actions.put_dead_letters(POISON)
    (tmp_path / "same.json").write_text(POISON)

    output = run(actions, "redrive", "--id", poison, "--body-file", tmp_path / "same.json", code=1)
    missing = run(actions, "redrive", "--id", poison, "--body-file", tmp_path / "none.json", code=1)

    assert "is not a message for the actions queue: unreadable (actions.0.4" in output
    assert "cannot be read" in missing
    assert (stack.receive_all(actions.source), stack.receive_all(actions.dead)) == ([], [POISON])


def test_dropping_one_message_prints_its_whole_body_and_leaves_the_others(
    actions: QueuePair, run: Run, stack: Stack
) -> None:
    poison, _ = actions.put_dead_letters(POISON, GOOD)

    assert POISON in run(actions, "drop", "--id", poison)
    assert stack.receive_all(actions.dead) == [GOOD]


def test_dropping_all_messages_needs_the_option_yes(actions: QueuePair, run: Run, stack: Stack) -> None:
    actions.put_dead_letters(*(POISON for _ in range(11)))

    refused = run(actions, "drop", "--all", code=2)
    assert "--all --yes" in refused
    assert "dropped 11 messages" in run(actions, "drop", "--all", "--yes")
    assert stack.receive_all(actions.dead) == []


def with_receipt(body: str, part: ReceiptPart) -> str:
    """Return the body of a message as intake sends it, with the part of a receipt that it belongs to."""
    places = [place for place, code in enumerate(part.outcomes) if code != ABSENT]
    named = {"receipt": part.receipt_id, "part": part.part, "parts": part.parts, "size": len(part.outcomes)}
    return json.dumps({**json.loads(body), **named, "places": places})


def test_the_list_names_the_receipt_and_the_app_of_each_batch_even_if_its_actions_cannot_be_read(
    actions: QueuePair, run: Run
) -> None:
    ids = actions.put_dead_letters(
        with_receipt(GOOD, make_receipt_part("ww")), with_receipt(POISON, make_receipt_part())
    )

    listing = run(actions, "list")

    for message_id in ids:
        assert re.search(rf"{message_id} actions, \d+ s old, received 1 times, receipt {RECEIPT} of alipay\n", listing)


def test_dropping_a_message_marks_what_waits_in_its_part_of_the_receipt(
    actions: QueuePair, run: Run, stack: Stack
) -> None:
    part, other = make_receipt_part("pw-w", parts=2), make_receipt_part("--w-", part=1, parts=2)
    for stored in (part, other):
        stack.receipts.create(stored)
    dropped, _ = actions.put_dead_letters(with_receipt(GOOD, part), with_receipt(GOOD, other))

    output = run(actions, "drop", "--id", dropped)

    assert "dropped 1 messages, and marked 2 items of receipts as dropped" in output
    assert [part.outcomes for part in stack.receipts.parts_of(RECEIPT)] == ["pd-d", "--w-"]
    assert [key.sk for key in stack.receipts.waiting()] == ["001"]


def test_dropping_a_message_whose_receipt_was_never_written_writes_it(
    actions: QueuePair, run: Run, stack: Stack
) -> None:
    part = make_receipt_part("-w", kind="reversals", app="taobao")
    actions.put_dead_letters(with_receipt(TAKEN_BACK, part))

    run(actions, "drop", "--all", "--yes")

    assert stack.receipts.parts_of(RECEIPT) == [part._replace(outcomes="-d")]


def test_a_drop_that_fails_before_the_message_is_deleted_can_be_repeated(
    actions: QueuePair, run: Run, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.receipts.create(make_receipt_part("w"))
    actions.put_dead_letters(with_receipt(POISON, make_receipt_part("w")))
    with monkeypatch.context() as broken:
        broken.setattr(DeadLetters, "delete", fail)
        assert "An AWS call for" in run(actions, "drop", "--all", "--yes", code=1)
    after = [part.outcomes for part in stack.receipts.parts_of(RECEIPT)]

    output = run(actions, "drop", "--all", "--yes")

    assert after == ["d"]
    assert "dropped 1 messages, and marked 0 items" in output
    assert stack.receive_all(actions.dead) == []


def test_a_message_stays_if_its_receipt_cannot_be_marked(
    actions: QueuePair, run: Run, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = with_receipt(POISON, make_receipt_part("w"))
    actions.put_dead_letters(body)
    with monkeypatch.context() as broken:
        broken.setattr(Table, "put_if", fail)
        assert "An AWS call for" in run(actions, "drop", "--all", "--yes", code=1)

    assert stack.receive_all(actions.dead) == [body]


def test_what_posting_writes_while_a_message_is_dropped_is_kept(
    actions: QueuePair, run: Run, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redrive that was cut short leaves a message in both queues, so a worker may post it now."""
    stack.receipts.create(make_receipt_part("ww"))
    actions.put_dead_letters(with_receipt(GOOD, make_receipt_part("ww")))
    get, posted = Table.get, ["pw", "pp"]

    def get_before_a_worker_posts(table: Table, key: Key) -> object:
        found = get(table, key)
        if posted:
            table.replace(to_item(make_receipt_part(posted.pop(0))))
        return found

    monkeypatch.setattr(Table, "get", get_before_a_worker_posts)

    output = run(actions, "drop", "--all", "--yes")

    assert "marked 0 items" in output
    assert [part.outcomes for part in stack.receipts.parts_of(RECEIPT)] == ["pp"]


@pytest.mark.parametrize(
    "changes",
    [
        {"receipt": "a b"},
        {"receipt": 7},
        {"part": "0"},
        {"part": 2},
        {"places": [2]},
        {"places": [-1]},
        {"places": [0, 0]},
        {"places": "0"},
        {"size": 10**9},
        {"accepted_at": True},
    ],
)
def test_a_message_whose_receipt_cannot_be_read_is_dropped_and_no_receipt_changes(
    actions: QueuePair, run: Run, stack: Stack, changes: dict[str, object]
) -> None:
    stack.receipts.create(make_receipt_part("ww"))
    body = json.loads(with_receipt(GOOD, make_receipt_part("ww"))) | changes
    actions.put_dead_letters(json.dumps(body))

    assert "dropped 1 messages, and marked 0 items" in run(actions, "drop", "--all", "--yes")
    assert [part.outcomes for part in stack.receipts.parts_of(RECEIPT)] == ["ww"]


def test_what_waits_of_a_lost_batch_can_be_given_up(actions: QueuePair, run: Run, stack: Stack) -> None:
    stack.receipts.create(make_receipt_part("pw-", parts=2))
    stack.receipts.create(make_receipt_part("--w", part=1, parts=2))

    output = run(actions, "drop", "--receipt", RECEIPT)

    assert f"marked 2 items of the receipt {RECEIPT} as dropped" in output
    assert [part.outcomes for part in stack.receipts.parts_of(RECEIPT)] == ["pd-", "--d"]
    assert list(stack.receipts.waiting()) == []
    assert "There is no receipt none." in run(actions, "drop", "--receipt", "none", code=1)


def test_only_batches_of_actions_have_receipts(redemption_requests: QueuePair, run: Run) -> None:
    assert "only batches of actions" in run(redemption_requests, "drop", "--receipt", RECEIPT, code=2)


def fail(*_: object, **__: object) -> None:
    raise ClientError({"Error": {"Code": "InternalError", "Message": "unavailable"}}, "AnyOperation")


def test_an_unknown_message_ends_with_one_sentence(actions: QueuePair, run: Run) -> None:
    assert run(actions, "drop", "--id", "m-1", code=1).startswith("✗ Message m-1 is not available in")


@pytest.mark.parametrize(
    "arguments",
    [
        ("drop",),
        ("drop", "--id", "m-1", "--all", "--yes"),
        ("drop", "--id", "m-1", "--receipt", "r-1"),
        ("drop", "--receipt", ""),
        ("redrive", "--body-file", "x"),
        ("redrive", "--id", ""),
        ("redrive", "--id", "m-1", "--again"),
        ("drop", "--id", "m-1", "--again"),
        ("burn",),
    ],
)
def test_invalid_combinations_of_arguments_are_refused(
    actions: QueuePair, run: Run, arguments: tuple[str, ...]
) -> None:
    assert "usage:" in run(actions, *arguments, code=2)


@pytest.mark.parametrize("kind", ["actions", "redemptions", "planting", "photos"])
def test_without_urls_the_command_uses_the_laptop_stack(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tasks: list[Any] = []
    monkeypatch.setenv("SAXAUL_STATE", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["dead_letters", "list", "--queue", kind])
    monkeypatch.setattr(
        dead_letters, "show_all", lambda client, queues, limit, **_: tasks.append((client, queues, limit))
    )
    kinds = ("actions", "redemptions", "planting", "photos")
    urls = {f"{queue}{end}": f"{queue}{end}" for queue in kinds for end in ("", "_dead_letter")}
    (tmp_path / "stack.json").write_text(json.dumps({"endpoint_url": "http://localhost:4599", "queues": urls}))

    dead_letters.main()

    [(client, queues, limit)] = tasks
    assert client.meta.endpoint_url == "http://localhost:4599"
    assert queues == (kind, urls[kind], urls[f"{kind}_dead_letter"])
    assert limit == 100


@pytest.mark.parametrize("kind", DEAD_ONLY)
def test_a_message_that_only_says_that_a_run_failed_is_listed_and_dropped_but_not_moved(
    kind: str, actions: QueuePair, run: Run, stack: Stack
) -> None:
    failures = actions._replace(kind=kind)
    context = {"functionArn": "arn:aws:lambda:x:0:function:SweepRedemptions", "condition": "RetriesExhausted"}
    failures.put_dead_letters(json.dumps({"requestContext": context}))

    assert "    SweepRedemptions, RetriesExhausted\n" in run(failures, "list")
    assert f"the messages of {kind} cannot be moved" in run(failures, "redrive", code=2)
    assert "✓ dropped 1 messages\n" in run(failures, "drop", "--all", "--yes")
    assert stack.receive_all(failures.dead) == []


def test_the_queues_of_the_command_are_all_that_have_dead_letters() -> None:
    assert {*dead_letters.MOVABLE} == {*WORK_QUEUES}
    assert {*dead_letters.ONLY_FAILURES} == {*DEAD_ONLY}
