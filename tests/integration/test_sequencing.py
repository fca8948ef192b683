"""The handlers of the log: from a statement of a partner to the published files, the counter and GET /log."""

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from operations import reconcile
from saxaul.log.checkpoints import Checkpoint
from saxaul.log.leaves import CountLeaf, parse
from saxaul.log.merkle import leaf_hash, root
from saxaul.log.notes import COSIGNATURE, VerifierKey, open_note, parse_note
from saxaul.log.tiles import unbundle
from saxaul.services.cosign import LostCheckpointError
from saxaul.services.publish_log import BrokenLogError
from saxaul.settings import settings
from saxaul.storage import clients
from saxaul.storage.leaves import Leaves, StoredLeaf, to_item
from saxaul.storage.table import transact
from saxaul.storage.witnesses import WitnessUnreachableError
from tests.emf import metrics_of
from tests.integration.conftest import clear_worker_caches
from tests.integration.log_lines import Lines
from tests.integration.stack import Context, Stack, call, invoke
from tests.tree_leaves import make_tree_leaf

if TYPE_CHECKING:
    from saxaul.audit import Finding

MESSAGE = {"Records": [{"messageId": "m-1", "body": "{}"}]}
NO_FAILURES: dict[str, Any] = {"batchItemFailures": []}


@pytest.fixture
def witnessed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack whose log has a witness."""
    key = VerifierKey.of("witness.example/w", b"\1" * 32, COSIGNATURE)
    monkeypatch.setenv("WITNESSES", f"{key.text} https://witness.example")
    settings.cache_clear()
    return stack


def checkpoint_message(*sizes: str) -> dict[str, Any]:
    records = [{"messageId": f"m-{n}", "body": f'{{"size":{size}}}'} for n, size in enumerate(sizes)]
    return {"Records": records}


def metric_in(lines: Lines, name: str) -> float:
    """Return the value of the only metric of the last log line that has it."""
    [found] = metrics_of([line for line in lines.taken() if name in line][-1])
    [value] = found.values
    assert (found.name, found.dimensions) == (name, {"Function": Context.function_name})
    return value


def state(stack: Stack, certificate: str) -> None:
    """Write a planting as a pending leaf."""
    leaf = make_tree_leaf(certificate=certificate, tag=f"tag of {certificate}")
    transact([Leaves(stack.ledger).add_write(StoredLeaf(certificate, 1, leaf.text), stack.clock.now())])


def file(path: str) -> Any:  # noqa: ANN401 - an object of S3
    return clients.s3().get_object(Bucket="files", Key=f"log/{path}")


def test_a_message_publishes_the_statement_as_files_and_in_the_counter(stack: Stack) -> None:
    state(stack, "C-1")
    assert invoke("sequence_log", MESSAGE) == {"batchItemFailures": []}

    shown = call("prove_trees", "GET", "/log").body
    assert shown == {
        "url": "https://files.example/log",
        "vkey": shown["vkey"],
        "size": 2,
        "planted": 1,
        "dead": 0,
        "standing": 1,
    }
    key = VerifierKey.parse(shown["vkey"])
    note = parse_note(file("checkpoint")["Body"].read())
    assert [one.key for one in open_note(note, [key])] == [key]
    bundle = file("tile/entries/000.p/2")
    assert bundle["ContentEncoding"] == "gzip"
    texts = unbundle(gzip.decompress(bundle["Body"].read()))
    hashes = [leaf_hash(text) for text in texts]
    assert file("tile/0/000.p/2")["Body"].read() == b"".join(hashes)
    assert Checkpoint.parse(note.text) == Checkpoint("files.example/log", 2, root(hashes))
    last = parse(texts[-1])
    assert isinstance(last, CountLeaf)
    assert last.counts == (1, 0, 1)
    impact = call("view_impact", "GET", "/impact").body
    counts = next(value for value in impact.values() if isinstance(value, dict) and "planted" in value)
    assert (counts["planted"], counts["dead"], counts["alive"]) == (1, 0, 1)


@pytest.mark.usefixtures("stack")
def test_before_the_first_statement_the_log_is_empty_and_nothing_is_published() -> None:
    assert invoke("sequence_log", {"schedule": "repair"})["size"] == 0
    assert call("prove_trees", "GET", "/log").body["size"] == 0
    assert "Contents" not in clients.s3().list_objects_v2(Bucket="files")


def test_without_the_key_no_message_comes_back_and_the_metric_says_how_late_the_log_is(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    state(stack, "C-1")
    with monkeypatch.context() as patch:
        patch.setattr("tests.integration.conftest.CheckedKMS.sign", _no_answer)
        for _ in range(60):
            stack.clock.instant += 60
            assert invoke("sequence_log", MESSAGE) == NO_FAILURES
            late = invoke("sequence_log", {"schedule": "repair"})
            assert late["error"]
    assert late["oldest_s"] == 59 * 60, "its position was committed in the first minute"
    assert metric_in(lines, "OldestUnpublished") == late["oldest_s"]

    assert invoke("sequence_log", {"schedule": "repair"})["oldest_s"] == 0
    assert metric_in(lines, "OldestUnpublished") == 0


def test_an_error_of_the_program_fails_the_run_of_a_message_and_of_the_schedule(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    state(stack, "C-1")
    monkeypatch.setattr("saxaul.services.publish_log.Publishing.publish", lambda *_: 1 / 0)
    for event in (MESSAGE, {"schedule": "repair"}):
        with pytest.raises(ZeroDivisionError):
            invoke("sequence_log", event)


def test_without_witnesses_a_checkpoint_is_sent_to_nobody_and_needs_no_cosignature(stack: Stack) -> None:
    state(stack, "C-1")
    invoke("sequence_log", MESSAGE)

    assert stack.receive_all(settings().checkpoint_queue_url) == []
    assert invoke("cosign_checkpoints", checkpoint_message("2")) == NO_FAILURES


def test_while_a_witness_is_away_no_message_comes_back_and_the_metric_counts_it(
    witnessed: Stack, monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    def away(*_: str) -> None:
        raise WitnessUnreachableError("ConnectTimeoutError")

    monkeypatch.setattr("saxaul.services.cosign.add_checkpoint", away)
    for number in range(20):
        state(witnessed, f"C-{number}")
        invoke("sequence_log", MESSAGE)
        [sent] = witnessed.receive_all(settings().checkpoint_queue_url)
        assert json.loads(sent) == {"size": 2 * number + 2}
        assert invoke("cosign_checkpoints", checkpoint_message(str(2 * number + 2))) == NO_FAILURES
        assert metric_in(lines, "MissingCosignatures") == 1
    # The schedule asks again, until the witness is back.
    invoke("sequence_log", {"schedule": "repair"})
    assert len(witnessed.receive_all(settings().checkpoint_queue_url)) == 1


def test_a_checkpoint_that_cannot_be_read_fails_the_run_that_shall_let_it_be_cosigned(witnessed: Stack) -> None:
    state(witnessed, "C-1")
    invoke("sequence_log", MESSAGE)
    clients.s3().delete_object(Bucket="files", Key="log/checkpoint")

    with pytest.raises(LostCheckpointError):
        invoke("cosign_checkpoints", checkpoint_message("2"))
    with pytest.raises(BrokenLogError):
        invoke("sequence_log", MESSAGE)


def test_only_a_message_that_is_not_about_a_checkpoint_comes_back(stack: Stack) -> None:
    assert stack
    event = checkpoint_message("2", '"two"')
    assert invoke("cosign_checkpoints", event) == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}


def test_the_log_keeps_its_name_when_its_address_changes(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    before = call("prove_trees", "GET", "/log").body["vkey"]
    state(stack, "C-1")
    invoke("sequence_log", MESSAGE)
    assert call("prove_trees", "GET", "/log").body["vkey"] == before

    monkeypatch.setenv("FILES_URL", "https://cdn.example")
    clear_worker_caches()
    state(stack, "C-2")
    invoke("sequence_log", MESSAGE)

    shown = call("prove_trees", "GET", "/log").body
    assert (shown["url"], shown["vkey"], shown["size"]) == ("https://cdn.example/log", before, 4)
    note = parse_note(file("checkpoint")["Body"].read())
    assert [one.key.text for one in open_note(note, [VerifierKey.parse(before)])] == [before]


def test_reconciling_names_leaves_without_a_tree_and_positions_that_are_not_those_of_the_batch(stack: Stack) -> None:
    state(stack, "C-1")
    invoke("sequence_log", MESSAGE)
    [stored] = Leaves(stack.ledger).of_certificate("C-1")
    stack.ledger.put_all([to_item(stored._replace(position=7))])

    found: list[Finding] = []
    reconcile.reconcile(stack.ledger, found.append)
    assert {finding.detail for finding in found if finding.subject == "certificate C-1"} == {
        "has 1 leaves for the public log, but no tree",
        "leaf 1 has the position 7, but the log has it at 0",
    }


def _no_answer(*_: object, **__: object) -> None:
    from saxaul.deadline import UnansweredError  # noqa: PLC0415

    raise UnansweredError
