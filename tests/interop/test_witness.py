"""The witness of the tests answers as c2sp.org/tlog-witness demands, so that what it cosigns means something."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import httpx
import pytest

from tests.vectors.tiled_log import Key, Log, base64
from tests.witness import Witness, running

LOG = Key("log.example/trees")


def log_of(leaves: Sequence[str], key: Key = LOG, origin: str = "") -> Log:
    log = Log(key, origin)
    log.leaves = [leaf.encode() for leaf in leaves]
    return log


@pytest.fixture
def witness() -> Witness:
    return Witness("witness.example/w1", {LOG.name: LOG.vkey})


@pytest.fixture
def url(witness: Witness) -> Iterator[str]:
    with running(witness) as found:
        yield found


def request(log: Log, old: int, size: int, proof: Sequence[bytes] | None = None) -> bytes:
    """Return the request that offers a checkpoint with its consistency proof, or with another one."""
    hashes = log.consistency(old, size) if proof is None and old < size else proof or []
    lines = "".join(f"{base64(sibling)}\n" for sibling in hashes)
    return f"old {old}\n{lines}\n{log.checkpoint(size)}".encode()


def offer(url: str, log: Log, old: int, size: int, proof: Sequence[bytes] | None = None) -> httpx.Response:
    return httpx.post(f"{url}/add-checkpoint", content=request(log, old, size, proof))


GROWING = log_of([f"leaf {number}" for number in range(40)])


def test_a_witness_cosigns_a_log_that_grows_from_any_size_to_any_other() -> None:
    for old in range(40):
        for size in range(old, 41):
            witness = Witness("witness.example/w1", {LOG.name: LOG.vkey})
            assert witness.add_checkpoint(request(GROWING, 0, old)).status == 200
            answer = witness.add_checkpoint(request(GROWING, old, size))
            assert (answer.status, answer.body[:21]) == (200, "— witness.example/w1 "), (old, size)


def test_a_witness_says_which_size_it_cosigned_if_the_old_size_is_another(url: str) -> None:
    offer(url, GROWING, 0, 7)

    answer = offer(url, GROWING, 5, 9)

    assert (answer.status_code, answer.text) == (409, "7\n")
    assert answer.headers["content-type"] == "text/x.tlog.size"
    assert offer(url, GROWING, 7, 9).status_code == 200


def test_a_witness_refuses_a_log_that_it_does_not_know_and_a_signature_that_is_not_the_logs(url: str) -> None:
    other = log_of(["x"], Key("other.example/log"))
    impostor = log_of(["x"], Key(LOG.name))
    wrong = request(GROWING, 0, 3).replace(b"\n3\n", b"\n4\n")

    assert offer(url, other, 0, 1).status_code == 404
    assert offer(url, impostor, 0, 1).status_code == 403
    assert httpx.post(f"{url}/add-checkpoint", content=wrong).status_code == 403


def test_a_witness_refuses_a_fork_and_a_log_that_shrinks(url: str, witness: Witness) -> None:
    offer(url, GROWING, 0, 7)
    fork = log_of(["another leaf", *("x" for _ in range(20))])

    assert [offer(url, fork, 7, size).status_code for size in range(7, 20)] == [422] * 13
    assert offer(url, GROWING, 7, 6).status_code == 400
    assert offer(url, GROWING, 7, 9, [b"x" * 32]).status_code == 422
    assert offer(url, GROWING, 7, 9, [*GROWING.consistency(7, 9), b"x" * 32]).status_code == 422
    assert offer(url, GROWING, 7, 7, [b"x" * 32]).status_code == 422
    assert witness.seen[LOG.name].size == 7


@pytest.mark.parametrize("head", ["", "old", "old 07", "old -1", "old 0x", "new 0", "old 0\n!", "old 0\nAAAA"])
def test_a_witness_refuses_a_request_of_another_form(witness: Witness, head: str) -> None:
    assert witness.add_checkpoint(f"{head}\n\n{GROWING.checkpoint(3)}".encode()).status == 400
    assert witness.add_checkpoint(b"\xff").status == 400
    assert witness.add_checkpoint(b"old 0\n\n").status == 400


def test_of_many_requests_at_once_one_is_cosigned_for_each_old_size(witness: Witness) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(witness.add_checkpoint, [request(GROWING, 0, size) for size in range(1, 41)]))

    assert sorted(answer.status for answer in answers) == [200] + [409] * 39


def test_a_monitor_gets_the_checkpoint_with_both_signatures(url: str) -> None:
    place = f"{url}/{sha256(LOG.name.encode()).hexdigest()}/checkpoint"
    assert httpx.get(place).status_code == 404
    cosignature = offer(url, GROWING, 0, 7).text

    assert httpx.get(place).text == GROWING.checkpoint(7) + cosignature
