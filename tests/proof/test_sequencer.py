"""The sequencer stays correct if it is killed at any call, if several run at once, and without KMS or S3."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Semaphore, Thread, get_ident
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from saxaul.deadline import UnansweredError
from saxaul.log.checkpoints import Checkpoint
from saxaul.log.notes import COSIGNATURE, Signature, SignedNote, VerifierKey, cosigned_message, parse_note
from saxaul.log.witnesses import Witness, with_signatures
from saxaul.races import LostRaceError
from saxaul.services.publish_log import BrokenLogError
from saxaul.storage.leaves import PENDING_LISTS, leaf_key
from saxaul.storage.log_files import CHECKPOINT
from saxaul.trees.leaf_refs import LeafRef
from tests.proof.faults import Fault, Killed
from tests.proof.memory_dynamodb import Name
from tests.proof.sequencers import NOON, ORIGIN, QUEUE, LogWorld

KILLS = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)
FAULTS = [fault for fault in Fault if fault not in (*KILLS, Fault.OVERTAKEN, Fault.UNSURE)]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> LogWorld:
    return LogWorld(monkeypatch)


def states(world: LogWorld) -> Iterator[Callable[[], object]]:
    """Yield the steps of a history: statements about five trees, and in between a run of the sequencer."""
    for number in range(5):
        world.state(f"C-{number}", "planted")
    yield world.run
    for event in ("alive", "dead", "replaced"):
        world.state("C-0", event)
    world.state("C-5", "planted")
    yield world.run
    world.state("C-1", "corrected")
    yield world.run
    yield world.run


def number_of_calls() -> int:
    with pytest.MonkeyPatch.context() as patch:
        world = LogWorld(patch)
        for step in states(world):
            step()
        world.check_all_published()
        return len(world.calls.operations)


CALLS = number_of_calls()


def test_three_runs_publish_three_checkpoints_and_a_fourth_publishes_none(world: LogWorld) -> None:
    for step in states(world):
        step()

    world.check_all_published()
    assert [checkpoint.size for checkpoint in world.files.checkpoints] == [6, 11, 13]
    assert world.sequence.published().counts == (6, 0, 6)


@pytest.mark.parametrize("fault", KILLS)
def test_after_a_kill_at_any_call_the_next_run_completes_what_was_begun(fault: Fault) -> None:
    killed = 0
    for number in range(CALLS):
        with pytest.MonkeyPatch.context() as patch:
            world = LogWorld(patch)
            world.calls.arm(fault, after=number)
            for step in states(world):
                try:
                    step()
                except Killed:
                    killed += 1
                    world.calls.revive()
                    world.check()
            world.settle()
            world.check_all_published()
    assert killed > CALLS / 4


def test_runs_that_are_killed_many_times_publish_all_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(1)
    world = LogWorld(monkeypatch)
    for number in range(300):
        world.state(f"C-{rng.randrange(60)}-{number}", "planted")
        if rng.random() < 0.2:
            world.calls.arm(rng.choice(KILLS), after=rng.randrange(25))
            try:
                world.run()
            except Killed:
                world.calls.revive()
            world.check()
    world.calls.revive()
    world.settle()
    world.check_all_published()


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_call_that_fails_a_later_run_completes_what_was_begun(fault: Fault) -> None:
    for number in range(CALLS):
        with pytest.MonkeyPatch.context() as patch:
            world = LogWorld(patch)
            world.calls.arm(fault, after=number)
            for step in states(world):
                with suppress(BotoCoreError, ClientError, LostRaceError, UnansweredError):  # the queue repeats the run
                    step()
                world.check()
            world.settle()
            world.check_all_published()


@pytest.mark.parametrize("rivals", [1, 2], ids=["two sequencers", "three sequencers"])
def test_another_run_before_any_call_of_a_run_changes_nothing_that_is_published(rivals: int) -> None:
    for number in range(CALLS):
        with pytest.MonkeyPatch.context() as patch:
            world = LogWorld(patch)
            turns = iter(range(rivals))

            def rival(world: LogWorld = world, turns: Iterator[int] = turns, number: int = number) -> None:
                if next(turns, None) is not None:
                    world.state(f"R-{number}-{len(world.stated)}", "planted")
                    world.calls.arm(Fault.OVERTAKEN, after=number % 7)
                    world.run()

            world.calls.rival = rival
            world.calls.arm(Fault.OVERTAKEN, after=number)
            for step in states(world):
                step()
                world.check()
            world.settle()
            world.check_all_published()


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("seed", range(25))
def test_runs_that_take_turns_at_every_call_commit_no_leaf_twice(workers: int, seed: int, world: LogWorld) -> None:
    rng = random.Random(seed)
    for number in range(rng.randrange(1, 12)):
        certificate = f"C-{number % 4}"
        world.state(certificate, "alive" if world.position_of(LeafRef(certificate, 1)) or number > 3 else "planted")
    taking_turns(world, workers, rng)

    world.check()
    world.settle()
    world.check_all_published()


def taking_turns(world: LogWorld, workers: int, rng: random.Random) -> None:
    """Run sequencers in threads of their own, of which a random one makes the next call."""
    turns, done = [Semaphore(0) for _ in range(workers)], Semaphore(0)
    running, failed, own = set(range(workers)), list[BaseException](), dict[int, int]()
    sequencers = [world.worker() for _ in range(workers)]
    assert (
        len({sequencer.publishing.key.public_key for sequencer in sequencers}) == 1
    )  # read now: reading it holds a lock
    make = world.calls.make

    def met(operation: str, call: Callable[..., Any], /, **request: Any) -> Any:  # noqa: ANN401 - any call
        done.release()
        turns[own[get_ident()]].acquire()
        return make(operation, call, **request)

    def work(number: int) -> None:
        own[get_ident()] = number
        turns[number].acquire()
        try:
            sequencers[number].run()
        except BaseException as error:  # noqa: BLE001 - raised again below
            failed.append(error)
        running.discard(number)
        done.release()

    world.calls.make = met  # type: ignore[method-assign]
    threads = [Thread(target=work, args=(number,)) for number in running]
    for thread in threads:
        thread.start()
    while running:
        turns[rng.choice(sorted(running))].release()
        done.acquire()
    for thread in threads:
        thread.join()
    world.calls.make = make  # type: ignore[method-assign]
    for error in failed:
        raise error


def test_without_kms_leaves_are_taken_in_and_after_an_hour_all_is_published(world: LogWorld) -> None:
    world.calls.refused = lambda operation, _request: operation == "sign"
    for minute in range(60):
        world.state(f"C-{minute}", "planted")
        sequenced = world.run()
        assert (sequenced.leaves, bool(sequenced.error)) == (1, True)
        world.clock.instant += 60
        world.check()
    assert world.files.published == []
    assert world.sequence.published().size == 0

    world.calls.refused = lambda _operation, _request: False
    assert world.run().size == 120
    world.check_all_published()
    assert len(world.files.published) == 1


def test_without_s3_one_batch_waits_and_after_that_all_is_published(world: LogWorld) -> None:
    world.calls.refused = lambda operation, _request: operation == "put_object"
    for minute in range(30):
        world.state(f"C-{minute}", "planted")
        assert world.run().error
        world.clock.instant += 60
        world.check()
    assert world.sequence.head().size == 2

    world.calls.refused = lambda _operation, _request: False
    world.run()
    world.check_all_published()


def test_a_run_says_how_long_the_oldest_statement_waits(world: LogWorld) -> None:
    assert world.run().oldest_s == 0
    world.calls.refused = lambda operation, _request: operation == "put_object"
    world.state("C-1", "planted")
    world.run()
    world.state("C-2", "planted")
    world.clock.instant += 601
    assert world.run().oldest_s == 601

    world.calls.refused = lambda operation, _request: operation == "sign"
    assert world.run().oldest_s == 601
    world.clock.instant += 60
    assert world.run().oldest_s == 661

    world.calls.refused = lambda _operation, _request: False
    assert world.run().oldest_s == 0


def test_a_run_with_nothing_to_do_reads_each_thing_once(world: LogWorld) -> None:
    world.state("C-1", "planted")
    world.run()
    worker = world.worker()
    worker.run()  # then the process knows the public key
    world.witnesses.clear()
    before = len(world.calls.operations)
    assert worker.run().size == 2

    asked = Counter(world.calls.operations[before:])
    assert asked == {"get_item": 2, "get_object": 1, "query": PENDING_LISTS}


def test_the_checkpoint_is_sent_to_witnesses_in_each_run_until_it_has_all_cosignatures(world: LogWorld) -> None:
    witness = Ed25519PrivateKey.generate()
    key = VerifierKey.of("witness.example/w", witness.public_key().public_bytes_raw(), COSIGNATURE)
    world.witnesses = [Witness(key, "https://witness.example")]
    world.run()
    assert world.queue.queues.get(QUEUE, []) == []
    world.state("C-1", "planted")
    for sent in (1, 2, 3):
        world.run()
        assert world.queue.queues[QUEUE] == ['{"size":2}'] * sent

    note = parse_note(world.files.published[-1])
    cosignature = NOON.to_bytes(8, "big") + witness.sign(cosigned_message(note.text, NOON))
    cosigned = with_signatures(note, [Signature(key.name, key.key_id, cosignature)])
    world.files.put(CHECKPOINT, cosigned.message.encode())
    world.run()
    assert len(world.queue.queues[QUEUE]) == 3


def test_without_witnesses_no_message_is_sent(world: LogWorld) -> None:
    world.witnesses = []
    world.state("C-1", "planted")
    assert world.run().size == 2
    assert world.queue.queues.get(QUEUE, []) == []


def test_a_checkpoint_that_gets_a_cosignature_meanwhile_is_replaced_with_one_signature(world: LogWorld) -> None:
    world.state("C-1", "planted")
    world.run()
    signed = len(world.kms.signed)
    world.state("C-2", "planted")
    write = world.files.write_object

    def late(*arguments: Any, **named: Any) -> str:  # noqa: ANN401 - those of write_object
        if arguments[1] == CHECKPOINT:
            world.files.put(CHECKPOINT, world.files.objects[CHECKPOINT].body)
            world.patch.setattr("saxaul.storage.log_files.write_object", write)
        return write(*arguments, **named)

    world.patch.setattr("saxaul.storage.log_files.write_object", late)
    assert world.run().size == 4
    assert len(world.kms.signed) == signed + 1
    world.check_all_published()


def test_a_leaf_waits_until_the_index_lists_what_must_be_in_the_log_before_it(world: LogWorld) -> None:
    world.store.lagging = True
    first = world.state("C-1", "planted")
    world.store.catch_up()
    hidden = world.state("C-2", "planted")
    second, third = world.state("C-1", "alive"), world.state("C-3", "planted", after=[hidden])
    # The index shows the last two, and not yet the one before them.
    for ref in (second, third):
        del world.store._before["Ledger"][Name(*leaf_key(ref))]  # noqa: SLF001

    world.run()
    assert [world.position_of(ref) for ref in (first, second, hidden, third)] == [0, 1, None, None]
    world.check()

    world.settle()
    world.store.catch_up()
    world.check_all_published()
    assert [world.position_of(ref) for ref in (hidden, third)] == [3, 4]


def test_leaves_that_depend_on_each_other_in_any_order_come_in_the_right_one(world: LogWorld) -> None:
    first = world.state("Z", "planted")
    freeing = world.state("Z", "dead")
    taking = world.state("A", "planted", after=[freeing])
    world.run()

    assert [world.position_of(ref) for ref in (first, freeing, taking)] == [0, 1, 2]


def test_a_malformed_leaf_holds_up_only_its_certificate_and_is_logged(
    world: LogWorld, caplog: pytest.LogCaptureFixture
) -> None:
    broken = world.state("C-1", "planted")
    world.store.tables["Ledger"][Name(*leaf_key(broken))]["leaf"] = {"S": '{"type":"tree"}'}
    after = world.state("C-1", "alive")
    other = world.state("C-2", "planted")

    world.run()

    assert [world.position_of(ref) for ref in (broken, after, other)] == [None, None, 0]
    record = next(record for record in caplog.records if record.message == "leaves are malformed")
    assert vars(record)["malformed"] == 1
    assert list(vars(record)["leaves"]) == [broken.text]


def test_malformed_leaves_do_not_hold_up_those_after_them_in_their_list(world: LogWorld) -> None:
    for number in range(200):
        broken = world.state("C-1", "planted" if number == 0 else "alive")
        world.store.tables["Ledger"][Name(*leaf_key(broken))]["leaf"] = {"S": "{}"}
    others = [world.state(f"D-{number}", "planted") for number in range(50)]

    sequenced = world.run()

    assert sequenced.leaves == 50
    assert all(world.position_of(ref) is not None for ref in others)
    world.clock.instant += 700
    assert world.run().oldest_s == 700


def test_a_run_takes_in_thousands_of_leaves_in_batches_of_at_most_a_thousand(world: LogWorld) -> None:
    for number in range(2500):
        world.state(f"C-{number}", "planted")
    sequenced = world.run()

    assert (sequenced.leaves, sequenced.batches) == (2500, 3)
    assert len(world.files.published) == 1
    world.check_all_published()


def test_a_run_begins_no_batch_after_half_a_minute(world: LogWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2500):
        world.state(f"C-{number}", "planted")
    commit = world.sequence.commit

    def slow(*arguments: Any) -> Any:  # noqa: ANN401 - those of commit
        world.clock.instant += 16
        return commit(*arguments)

    monkeypatch.setattr(world.sequence, "commit", slow)
    sequenced = world.run()

    assert sequenced.batches == 2
    world.check()


def test_the_files_have_the_types_and_the_cache_headers_of_the_specification(world: LogWorld) -> None:
    for number in range(300):
        world.state(f"C-{number}", "planted")
    world.run()

    assert world.files.headers[CHECKPOINT] == {
        "Content-Type": "text/plain; charset=utf-8",
        "Cache-Control": "public, max-age=2",
    }
    tiles = {key: headers for key, headers in world.files.headers.items() if key != CHECKPOINT}
    assert set(tiles) == {
        *("log/tile/0/000", "log/tile/0/001.p/45", "log/tile/1/000.p/1"),
        *("log/tile/entries/000", "log/tile/entries/001.p/45"),
    }
    for key, headers in tiles.items():
        assert headers["Content-Type"] == "application/octet-stream"
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert headers.get("Content-Encoding") == ("gzip" if "entries" in key else None)


def test_a_log_that_is_restored_from_a_backup_is_not_signed_again(world: LogWorld) -> None:
    world.state("C-1", "planted")
    world.run()
    backup = dict(world.store.tables["Ledger"])
    world.state("C-2", "planted")
    world.run()
    files = dict(world.files.objects)
    world.store.tables["Ledger"] = backup
    for number in range(3, 6):
        world.state(f"C-{number}", "planted")
        with pytest.raises(BrokenLogError, match="4 leaves are published, but the ledger has only 2"):
            world.run()

    assert len(world.kms.signed) == 2
    assert world.files.objects == files


def test_another_tree_of_the_same_size_is_not_signed(world: LogWorld) -> None:
    world.state("C-1", "planted")
    world.run()
    other = Checkpoint(ORIGIN, 2, b"\1" * 32)
    world.files.put(
        CHECKPOINT, SignedNote(other.text, parse_note(world.files.published[0]).signatures).message.encode()
    )
    files = dict(world.files.objects)
    for number in range(2, 4):
        world.state(f"C-{number}", "planted")
        with pytest.raises(BrokenLogError, match="the published tree of 2 leaves was not committed"):
            world.run()

    assert world.files.objects == files
    assert len(world.kms.signed) == 1


def test_a_log_that_was_lost_from_the_ledger_is_noticed_before_the_first_leaf(world: LogWorld) -> None:
    world.state("C-1", "planted")
    world.run()
    world.store.tables["Ledger"].clear()

    with pytest.raises(BrokenLogError, match="2 leaves are published, but the ledger has only 0"):
        world.run()


def test_a_published_checkpoint_of_another_log_is_not_replaced(world: LogWorld) -> None:
    world.state("C-1", "planted")
    world.run()
    note = world.files.published[-1].replace(b"files.example", b"other.example")
    world.files.put(CHECKPOINT, note)
    world.state("C-2", "planted")

    with pytest.raises(BrokenLogError, match=r"of 'other\.example/log', and not of 'files\.example/log'"):
        world.run()


def test_a_checkpoint_that_cannot_be_read_is_not_replaced(world: LogWorld) -> None:
    world.state("C-1", "planted")
    world.run()
    world.files.put(CHECKPOINT, b"<html>")

    with pytest.raises(BrokenLogError, match="cannot be read"):
        world.run()


def test_a_log_keeps_the_name_that_it_got_with_its_first_leaf(world: LogWorld) -> None:
    assert world.sequence.origin() == ""
    world.state("C-1", "planted")
    world.run()
    world.state("C-2", "planted")

    world.worker("cdn.example/log").run()

    assert [checkpoint.origin for checkpoint in world.files.checkpoints] == [ORIGIN, ORIGIN]
    assert world.sequence.origin() == ORIGIN
    world.check_all_published()


@pytest.mark.parametrize("signatures", ["of another key", "changed", "missing"])
def test_a_checkpoint_that_the_log_has_not_signed_is_noticed(world: LogWorld, signatures: str) -> None:
    world.state("C-1", "planted")
    world.run()
    note = parse_note(world.files.published[-1])
    [own] = note.signatures
    forged = {
        "of another key": own._replace(key_id=b"0000"),
        "changed": own._replace(signature=bytes(64)),
        "missing": own._replace(name="witness.example"),
    }
    world.files.put(CHECKPOINT, SignedNote(note.text, (forged[signatures],)).message.encode())
    published = len(world.files.published)

    for _ in range(2):
        with pytest.raises(BrokenLogError, match="no valid signature by the key of the log"):
            world.run()
        world.state("C-2", "planted")
    assert len(world.files.published) == published


def test_a_leaf_that_was_changed_after_it_was_committed_is_not_published(world: LogWorld) -> None:
    world.state("C-1", "planted")
    world.calls.refused = lambda operation, _request: operation == "put_object"
    world.run()
    world.calls.refused = lambda _operation, _request: False
    item = world.store.tables["Ledger"][Name(*leaf_key(LeafRef("C-1", 1)))]
    item["leaf"] = {"S": item["leaf"]["S"].replace("AX-", "AY-").replace("tag of", "tag in")}

    with pytest.raises(BrokenLogError, match="do not have the root that was committed"):
        world.run()
    assert world.files.published == []


def test_a_checkpoint_that_was_deleted_is_not_signed_again(world: LogWorld) -> None:
    world.state("C-1", "planted")
    world.run()
    backup = dict(world.store.tables["Ledger"])
    world.state("C-2", "planted")
    world.run()
    deleted = world.files.objects.pop(CHECKPOINT)
    files, newest = dict(world.files.objects), world.store.tables["Ledger"]

    for ledger, size in ((newest, 4), (backup, 2)):  # nothing else shows that the second one is behind
        world.store.tables["Ledger"] = dict(ledger)
        world.state(f"C-{size}", "planted")
        with pytest.raises(BrokenLogError, match=f"the checkpoint of {size} leaves is missing"):
            world.run()
    assert world.files.objects == files
    assert len(world.kms.signed) == 2

    world.files.put(CHECKPOINT, deleted.body)
    with pytest.raises(BrokenLogError, match="4 leaves are published"):
        world.run()
    world.store.tables["Ledger"] = newest
    assert world.run().size == 4
