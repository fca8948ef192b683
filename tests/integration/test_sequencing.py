"""The handlers of the log: from a statement of a partner to the published files, the counter and GET /log."""

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from operations import reconcile
from saxaul.log.checkpoints import Checkpoint
from saxaul.log.leaves import CountLeaf, parse
from saxaul.log.merkle import leaf_hash, root
from saxaul.log.notes import VerifierKey, open_note, parse_note
from saxaul.log.tiles import unbundle
from saxaul.services.cosign import Cosigned, Cosigning
from saxaul.services.sequence_log import LateLogError
from saxaul.settings import settings
from saxaul.storage import clients
from saxaul.storage.leaves import Leaves, StoredLeaf, to_item
from saxaul.storage.table import transact
from tests.integration.stack import Stack, call, invoke
from tests.tree_leaves import make_tree_leaf

if TYPE_CHECKING:
    from saxaul.audit import Finding

MESSAGE = {"Records": [{"messageId": "m-1", "body": "{}"}]}


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
    [message] = clients.sqs().receive_message(QueueUrl=settings().checkpoint_queue_url)["Messages"]
    assert json.loads(message["Body"]) == {"size": 2}


@pytest.mark.usefixtures("stack")
def test_before_the_first_statement_the_log_is_empty_and_nothing_is_published() -> None:
    assert invoke("sequence_log", {"schedule": "repair"})["size"] == 0
    assert call("prove_trees", "GET", "/log").body["size"] == 0
    assert "Contents" not in clients.s3().list_objects_v2(Bucket="files")


def test_without_the_key_the_queue_repeats_the_message_and_the_schedule_fails_after_ten_minutes(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    state(stack, "C-1")
    monkeypatch.setattr("tests.integration.conftest.CheckedKMS.sign", _no_answer)
    assert invoke("sequence_log", MESSAGE) == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert invoke("sequence_log", {"schedule": "repair"})["error"]

    stack.clock.instant += 601
    with pytest.raises(LateLogError):
        invoke("sequence_log", {"schedule": "repair"})


def test_without_witnesses_a_checkpoint_needs_no_cosignature(stack: Stack) -> None:
    state(stack, "C-1")
    invoke("sequence_log", MESSAGE)

    message = {"Records": [{"messageId": "m-1", "body": '{"size":2}'}]}
    assert invoke("cosign_checkpoints", message) == {"batchItemFailures": []}


def test_of_the_messages_about_checkpoints_that_lack_a_cosignature_one_is_redelivered(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    state(stack, "C-1")
    invoke("sequence_log", MESSAGE)
    monkeypatch.setattr(Cosigning, "cosign", lambda _: Cosigned(2, [], {"witness.example/w1": "it did not answer"}))

    message = {"Records": [{"messageId": f"m-{size}", "body": f'{{"size":{size}}}'} for size in (2, 1)]}
    assert invoke("cosign_checkpoints", message) == {"batchItemFailures": [{"itemIdentifier": "m-2"}]}


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
