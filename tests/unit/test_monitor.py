"""The monitor follows a log from where it stopped, and refuses what contradicts it or breaks a rule."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saxaul.log import monitor
from saxaul.log.counts import Counts
from saxaul.log.fetching import LogReader
from saxaul.log.leaves import TreeLeaf
from saxaul.log.lives import EvidenceChanges, Life, evidence_changes
from saxaul.log.monitor import Followed, follow
from saxaul.log.notes import COSIGNATURE
from saxaul.log.policy import Policy
from saxaul.log.states import MonitorState, StateFileError
from saxaul.log.verdicts import IncompleteError, NotVerifiedError, RefusedError
from tests.published_log import ORIGIN, PublishedLog, Signer, make_tree_life, photo_of, served
from tests.tree_leaves import make_count_leaf
from tests.unit.test_lives import lives


def run(log: PublishedLog, file: Path, policy: Policy | None = None) -> Followed:
    with served(log.files) as (url, _):
        return follow(LogReader(url), log.signer.key, file, policy)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_the_numbers_are_counted_again_and_a_second_run_begins_where_the_first_ended(state: Path) -> None:
    log = PublishedLog().publish(*make_tree_life(["alive", "dead"])).publish(*make_tree_life(["alive"] * 300, 1))
    first = run(log, state)
    log.publish(*make_tree_life([], 2))
    with served(log.files) as (url, asked):
        second = follow(LogReader(url), log.signer.key, state)

    assert (first.size, first.added, first.counts) == (306, 306, Counts(2, 1, 1))
    assert (second.size, second.added, second.counts) == (308, 2, Counts(3, 1, 2))
    assert second.line == (
        f"OK {ORIGIN} at 308, 2 new, counted 2026-06-20T18:00:02+08:00: 3 planted, 1 dead, 2 standing"
    )
    assert "tile/entries/000" not in asked


def test_a_run_without_anything_new_reads_the_checkpoint_alone(state: Path) -> None:
    log = PublishedLog().publish(*make_tree_life([]))
    run(log, state)

    with served(log.files) as (url, asked):
        assert follow(LogReader(url), log.signer.key, state).added == 0

    assert asked == ["checkpoint"]


def test_an_empty_log_is_followed(state: Path) -> None:
    log = PublishedLog().add([])

    assert run(log, state).line == f"OK {ORIGIN} at 0, 0 new: 0 planted, 0 dead, 0 standing"
    assert run(log.publish(*make_tree_life([])), state).counts == Counts(1, 0, 1)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(lives(12), max_size=8, unique_by=lambda life: life[0].certificate), st.data())
def test_any_lives_in_any_batches_are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: list[list[TreeLeaf]], data: st.DataObject
) -> None:
    monkeypatch.setattr("saxaul.log.scanning._ENTRIES", 7)
    file = tmp_path / str(uuid4())
    log = PublishedLog().publish(*make_tree_life([], 100))
    queues = [list(life) for life in many]
    while queues := [queue for queue in queues if queue]:
        for queue in data.draw(st.lists(st.sampled_from(queues), min_size=1, max_size=20)):
            if queue:
                log.publish(queue.pop(0))
        if data.draw(st.booleans()):
            assert run(log, file).counts == log.counts

    assert run(log, file).counts == log.counts


A, B = make_tree_life([], 1), make_tree_life([], 2)
REPLANTED = make_tree_life(["dead", "replaced"], 1)[-1]


@pytest.mark.parametrize(
    ("leaves", "reason"),
    [
        ([*A, *A], "plants a tree that was planted before|newest leaf of its chain"),
        ([*A, B[0]._replace(tag="ＡＸ-0001 ")], "tag that belongs to CERT-0001"),  # noqa: RUF001
        ([*A, B[0]._replace(lat="38.0001049")], "place that belongs to CERT-0001"),
        ([*A, B[0]._replace(photo=photo_of(1, 0))], "photo that belongs to CERT-0001"),
        ([make_tree_life(["alive"], 1)[1]], "before the planting"),
        ([A[0], make_tree_life(["alive", "dead"], 1)[2]], "newest leaf of its chain|wrong number"),
        ([A[0], make_tree_life(["alive", "alive"], 1)[2]], "wrong number"),
        ([*A, make_tree_life(["alive"], 1)[1]._replace(photo=photo_of(1, 0))], "photo that belongs to CERT-0001"),
        ([*make_tree_life(["dead"], 1), REPLANTED._replace(tag="AX-0001")], "tag that belongs to CERT-0001"),
        ([A[0]._replace(planted_at="2026-01-01T00:00:00Z")], "two times of planting"),
        ([b"{}"], "neither about a tree nor a count"),
        ([b"nonsense"], "not JSON"),
        ([A[0].text + b" "], "not canonical"),
        ([make_count_leaf(Counts(), 5)], "the count is of 5 leaves"),
        ([make_count_leaf(Counts(1, 0, 1), 0)], "counts 1 planted and 0 dead, counted again 0 and 0"),
    ],
)
def test_a_leaf_that_breaks_a_rule_is_refused(state: Path, leaves: list[TreeLeaf], reason: str) -> None:
    texts = [leaf if isinstance(leaf, bytes) else leaf.text for leaf in leaves]
    log = PublishedLog().add([*texts, make_count_leaf(Counts(1, 0, 1), len(texts)).text])

    with pytest.raises(RefusedError, match=rf"leaf {len(texts) - 1} of the log: .*({reason})"):
        run(log, state)
    with pytest.raises(RefusedError):  # and again by the next run
        run(log, state)


def test_a_wrong_count_is_refused(state: Path) -> None:
    log = PublishedLog().publish(*A, count=make_count_leaf(Counts(2, 0, 2), 1))

    with pytest.raises(RefusedError, match="counts 2 planted and 0 dead, counted again 1 and 0"):
        run(log, state)


def test_a_tree_that_does_not_end_with_a_count_is_refused(state: Path) -> None:
    with pytest.raises(RefusedError, match="is not a count"):
        run(PublishedLog().add([A[0].text]), state)


def test_what_a_death_and_a_correction_free_may_be_used_again(state: Path) -> None:
    dead = make_tree_life(["dead"], 1)
    moved = make_tree_life(["corrected"], 3)
    log = PublishedLog().publish(*dead, B[0]._replace(lat=dead[0].lat))
    log.publish(*moved, make_tree_life([], 4)[0]._replace(lat=moved[0].lat))

    assert run(log, state).counts == Counts(4, 1, 3)


def test_a_withdrawn_death_is_refused_if_the_place_is_taken(state: Path) -> None:
    life = make_tree_life(["dead", "withdrawn"], 1)
    log = PublishedLog().publish(*life[:2], B[0]._replace(lat=life[0].lat), life[2])

    with pytest.raises(RefusedError, match="place that belongs to CERT-0002"):
        run(log, state)


def test_an_older_checkpoint_of_the_same_log_is_more_to_fetch(state: Path) -> None:
    log = PublishedLog().publish(*A)
    old = dict(log.files)
    run(log.publish(*B), state)

    with served(old) as (url, _), pytest.raises(IncompleteError, match="older checkpoint, of 2 leaves: 4 were seen"):
        follow(LogReader(url), log.signer.key, state)
    assert run(log, state).size == 4


def test_a_log_that_was_rolled_back_and_continued_is_refused(state: Path) -> None:
    signer = Signer(ORIGIN)
    run(PublishedLog(signer).publish(*A).publish(*B), state)

    for fork in (
        PublishedLog(signer).publish(*B),  # smaller
        PublishedLog(signer).publish(*A).publish(*make_tree_life([], 3)),  # of the same size
        PublishedLog(signer).publish(*A).publish(*make_tree_life(["alive"] * 300, 3)),  # larger
        PublishedLog(signer).publish(*A, B[0]),  # the same leaves, other counts
    ):
        with pytest.raises(RefusedError, match=r"another tree|does not begin with"):
            run(fork, state)


@pytest.mark.parametrize("before", [62, 510, 600])
def test_tiles_that_do_not_lead_to_the_signed_root_are_no_sign_of_a_forgery(state: Path, before: int) -> None:
    log = PublishedLog().publish(*make_tree_life(["alive"] * before, 1))
    run(log, state)
    known = state.read_bytes()
    log.publish(*make_tree_life(["alive"] * 600, 2))
    found = []
    for path, tile in log.files.items():
        if "entries" in path or path == "checkpoint":
            continue
        for changed in (bytes(len(tile)), tile[:-1] + bytes([tile[-1] ^ 1]), tile[:-1], b"", b"hello"):
            state.write_bytes(known)
            try:
                run(replace(log, files=log.files | {path: changed}), state)
            except NotVerifiedError as reason:
                found.append(reason)

    assert len(found) >= 5
    assert {type(reason) for reason in found} == {IncompleteError}
    state.write_bytes(known)
    assert run(log, state).counts == Counts(2, 0, 2)


@pytest.mark.parametrize("answer", [b"", b"<p>Log in to the network</p>", b"log.example/trees\n2\n", b"\r\n"])
def test_a_page_in_the_place_of_the_checkpoint_is_no_sign_of_a_forgery(state: Path, answer: bytes) -> None:
    log = PublishedLog().publish(*A)
    log.files["checkpoint"] = answer

    with pytest.raises(IncompleteError, match="checkpoint is not a checkpoint"):
        run(log, state)


def test_entries_that_are_not_those_of_the_checkpoint_are_not_written(state: Path) -> None:
    log = PublishedLog().publish(*A)
    forged = PublishedLog(log.signer).publish(A[0]._replace(tag="AX-9"))

    with pytest.raises(IncompleteError, match="are not those of its signed tree"):
        run(PublishedLog(files=log.files | {"tile/entries/000.p/2": forged.files["tile/entries/000.p/2"]},
                         signer=log.signer), state)  # fmt: skip
    assert run(log, state).counts == Counts(1, 0, 1)


def test_another_log_or_key_is_refused(state: Path) -> None:
    log = PublishedLog().publish(*A)
    run(log, state)

    with pytest.raises(StateFileError, match="follows another log or key"):
        run(PublishedLog(Signer(ORIGIN)).publish(*A), state)
    other = PublishedLog(Signer("other.example/log")).publish(*A)
    other.signer = log.signer
    with pytest.raises(RefusedError, match=r"of the log other\.example/log"):
        run(other, state)


def test_a_policy_can_demand_witnesses(state: Path) -> None:
    witnesses = [Signer(f"w{number}.example", COSIGNATURE) for number in range(3)]
    lines = "".join(f"witness w{number} {signer.key.text}\n" for number, signer in enumerate(witnesses))
    policy = Policy.parse((lines + "group all-of-them 2 w0 w1 w2\nquorum all-of-them\n").encode())
    log = PublishedLog().publish(*A, witnesses=witnesses[:1])

    with pytest.raises(IncompleteError, match=r"too few cosignatures yet: .* 1 more of the 3 members"):
        run(log, state, policy)
    assert ", cosigned by 2:" in run(log.publish(*B, witnesses=witnesses[1:]), state, policy).line


def test_a_wrong_cosignature_of_a_witness_of_the_policy_is_refused(state: Path) -> None:
    witness = Signer("w.example", COSIGNATURE)
    policy = Policy.parse(f"witness w {witness.key.text}\nquorum none\n".encode())
    log = PublishedLog().publish(*A, witnesses=[witness])
    wrong = witness.sign("another text\n")
    log.files["checkpoint"] = log.note._replace(signatures=(log.note.signatures[0], wrong)).message.encode()

    with pytest.raises(RefusedError, match=r"signature of w\.example is not valid"):
        run(log, state, policy)


@pytest.mark.parametrize(
    "content", [b"", b"no database", b"SQLite format 3\x00" + bytes(100), os.urandom(5000)], ids=range(4)
)
def test_a_file_that_is_no_state_is_not_used(state: Path, content: bytes) -> None:
    state.write_bytes(content)
    log = PublishedLog().publish(*A)

    if not content:  # what is left of a run that was killed as it began
        assert run(log, state).size == 2
        return
    with pytest.raises(StateFileError):
        run(log, state)
    assert state.read_bytes() == content


def test_a_database_of_another_program_is_not_used(state: Path) -> None:
    with sqlite3.connect(state) as database:
        database.execute("CREATE TABLE about (name, value)")

    with pytest.raises(StateFileError, match="not the state of a monitor"):
        run(PublishedLog().publish(*A), state)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE about SET value = 'x' WHERE name = 'counts'",
        "UPDATE about SET value = 7 WHERE name = 'size'",
        "UPDATE about SET value = x'00' WHERE name = 'peaks'",
        "DELETE FROM about WHERE name = 'counted_at'",
        "UPDATE lives SET life = '[]'",
        "UPDATE lives SET life = '{'",
        "DROP TABLE evidence",
    ],
)
def test_a_damaged_state_is_named(state: Path, damage: str) -> None:
    log = PublishedLog().publish(*A)
    run(log, state)
    with sqlite3.connect(state) as database:
        database.execute(damage)
    log.publish(make_tree_life(["alive"], 1)[1])

    with pytest.raises(StateFileError):
        run(log, state)


def test_two_runs_at_once_do_not_share_a_state(state: Path) -> None:
    log = PublishedLog().publish(*A)
    run(log, state)

    with MonitorState.open(state, log.signer.key), pytest.raises(StateFileError, match="another run uses it"):
        run(log, state)


def test_a_state_in_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateFileError, match="cannot be opened"):
        run(PublishedLog().publish(*A), tmp_path / "missing" / "state")


COMMAND = "import sys; from pathlib import Path; from saxaul.log import scanning; scanning._ENTRIES = 256; "


def test_a_run_that_is_killed_at_any_moment_leaves_a_state_that_can_be_used(state: Path) -> None:
    log = PublishedLog()
    for number in range(30):
        log.publish(*make_tree_life(["alive"] * 99, number))
    key, left, random_pause = log.signer.key, [], random.Random(7)

    with served(log.files) as (url, _):
        command = f"{COMMAND}from saxaul.log.__main__ import main; sys.exit(main())"
        arguments = [sys.executable, "-c", command, "monitor", url, "--vkey", key.text, "--state", str(state)]
        for _ in range(12):
            process = subprocess.Popen(  # noqa: S603 - our own command
                arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            try:
                process.wait(random_pause.uniform(0.15, 0.5))
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
            if state.exists():
                with MonitorState.open(state, key) as known:
                    left.append(known.tree.size)
        found = follow(LogReader(url), key, state)

    assert left == sorted(left)
    assert all(size % 256 == 0 or size == len(log.texts) for size in left)
    assert (found.size, found.counts) == (len(log.texts), Counts(30, 0, 30))


def test_an_error_in_the_middle_of_a_part_writes_nothing_of_it(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = PublishedLog().publish(*A, *B)

    def failing(life: Life | None, leaf: TreeLeaf) -> EvidenceChanges:
        if leaf.certificate == "CERT-0002":
            raise KeyboardInterrupt
        return evidence_changes(life, leaf)

    monkeypatch.setattr(monitor, "evidence_changes", failing)
    with pytest.raises(KeyboardInterrupt):
        run(log, state)
    monkeypatch.undo()

    with MonitorState.open(state, log.signer.key) as known:
        assert (known.tree.size, known.known("CERT-0001")) == (0, None)
    assert run(log, state).counts == Counts(2, 0, 2)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saxaul.log.scanning._ENTRIES", 512)

    def most_memory(trees: int) -> int:
        log = PublishedLog()
        for number in range(trees):
            log.publish(*make_tree_life(["alive"] * 199, number))
        with served(log.files) as (url, _):
            tracemalloc.start()
            follow(LogReader(url), log.signer.key, tmp_path / f"state-{trees}")
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return most

    assert most_memory(60) < most_memory(15) * 1.3
