"""The whole path of a proof, from a partner's report to the verifier: queue, sequencer, files and certificate."""

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from saxaul.log.__main__ import main
from saxaul.log.canonical_json import encode
from saxaul.storage import clients
from tests.builders import confirmation, correction, inspection
from tests.integration.erasing import move_to_nobody
from tests.integration.log_lines import Lines
from tests.integration.public_log import BUCKET, vkey
from tests.integration.stack import Stack, call, certificate, confirm, deliver, redeem, report
from tests.static_log import served


class Steps(NamedTuple):
    """The order and the certificate of two trees, and what a reader has to check them.

    Attributes:
        url: where the files of the log are served, as they are in the bucket.
        files: these files, unpacked, by their paths below ``log/``.
        folder: where the reader keeps the certificates, the state of a monitor and nothing else.
    """

    stack: Stack
    order_id: str
    numbers: list[str]
    url: str
    files: dict[str, bytes]
    folder: Path

    def report(self, name: str, body: dict[str, Any]) -> None:
        """Report something, ten minutes later than the last time, and let the queue run the sequencer."""
        self.stack.clock.instant += 600
        assert report(name, self.order_id, body).body == {"accepted": 1, "refused": []}
        self.sequence()

    def now(self, seconds: int = 0) -> str:
        return datetime.fromtimestamp(self.stack.clock.instant + seconds, UTC).isoformat()

    def sequence(self) -> None:
        """Deliver what is in the queue of the log. Serve the files that the bucket has then."""
        [url] = clients.sqs().list_queues(QueueNamePrefix="LogQueue")["QueueUrls"]
        bodies = self.stack.receive_all(url)
        assert bodies, "no message says that there is something for the log"
        assert deliver("sequence_log", bodies) == []
        self.stack.clock.instant += 3  # no worker keeps an older checkpoint
        self.files.clear()
        for found in clients.s3().list_objects_v2(Bucket=BUCKET, Prefix="log/")["Contents"]:
            kept = clients.s3().get_object(Bucket=BUCKET, Key=found["Key"])
            body = kept["Body"].read()
            is_packed = kept.get("ContentEncoding") == "gzip"
            self.files[found["Key"].removeprefix("log/")] = gzip.decompress(body) if is_packed else body

    def verify(self, number: str, *options: str) -> int:
        """Run the verifier on the certificate as it is now. Return its exit code."""
        file = self.folder / f"{number}.json"
        file.write_bytes(encode(certificate(number).body))
        return main(["verify", str(file), "--vkey", vkey(), *options])

    def monitor(self) -> int:
        return main(["monitor", self.url, "--vkey", vkey(), "--state", str(self.folder / "state")])

    def counters(self) -> list[tuple[int, int, int]]:
        """Return the trees planted, dead and standing, as the API, the impact and the certificate tell them."""
        log, impact = call("prove_trees", "GET", "/log").body, impact_of_trees()
        text = certificate(self.numbers[0]).body["count"]["leaf"]
        count = {name: int(text.partition(f'"{name}":')[2].split(",")[0]) for name in ("planted", "dead", "standing")}
        return [
            (log["planted"], log["dead"], log["standing"]),
            (impact["planted"], impact["dead"], impact["alive"]),
            (count["planted"], count["dead"], count["standing"]),
        ]


def impact_of_trees() -> dict[str, int]:
    query = {"from": "2026-06-05", "to": "2026-06-05"}
    found: dict[str, int] = call("view_impact", "GET", "/impact", client=None, query=query).body["tree_counts"]
    return found


@pytest.fixture
def steps(stack: Stack, tmp_path: Path) -> Iterator[Steps]:
    """Two trees of one order, which the partner has planted."""
    stack.seed_catalog()
    stack.add_wallet(320)
    numbers = redeem(trees=2, dedication="For my grandmother · 献给奶奶").body["certificates"]
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []
    [order_id] = stack.run_planting_batch()
    files: dict[str, bytes] = {}
    with served(files) as url:
        found = Steps(stack, order_id, numbers, url, files, tmp_path)
        assert confirm(order_id, *map(confirmation, numbers)).body == {"accepted": 2, "refused": []}
        found.sequence()
        yield found


def last_line(captured: pytest.CaptureFixture[str]) -> str:
    return captured.readouterr().out.splitlines()[-1]


def test_each_step_of_a_life_is_verified_and_all_tell_the_same_counter(
    steps: Steps, lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong tag is corrected, a death is withdrawn, and a tree dies and is replaced."""
    first, second = steps.numbers
    given = steps.stack.faults()  # that nobody earned the points of the wallet

    def replaced() -> dict[str, Any]:
        return inspection(first, "replaced", inspected_at=steps.now(500), planted_at=steps.now(400))

    life: list[tuple[str, Any, tuple[int, int, int]]] = [
        ("corrections", lambda: correction(first, tag="AX-1027"), (2, 0, 2)),
        ("inspections", lambda: inspection(first, "dead", inspected_at=steps.now(500)), (2, 1, 1)),
        ("corrections", lambda: correction(first, alive=True), (2, 0, 2)),
        ("inspections", lambda: inspection(first, "dead", inspected_at=steps.now(500)), (2, 1, 1)),
        ("inspections", replaced, (2, 0, 2)),
        ("inspections", lambda: inspection(second, "dead", inspected_at=steps.now(500)), (2, 1, 1)),
    ]
    for name, body, counted in life:
        steps.report(name, body())
        assert steps.counters() == [counted] * 3
        for number in steps.numbers:
            assert steps.verify(number, "--log", steps.url) == 0
            assert last_line(capsys).startswith("VERIFIED AS OF ")
        assert steps.monitor() == 0
        assert last_line(capsys).startswith("OK ")

    history = certificate(first).body["history"]
    assert [event["event"] for event in history] == ["planted", "corrected", "dead", "corrected", "dead", "replaced"]
    assert [event["state"] for event in history] == ["planted", "planted", "dead", "alive", "dead", "replaced"]
    assert steps.verify(first, "--log", steps.url, "--state", str(steps.folder / "state")) == 0
    assert steps.stack.faults() == given
    assert not [line for line in lines.taken() if '"level":"ERROR"' in line]


def test_a_certificate_from_before_a_death_is_refused_by_the_log_and_by_a_monitor(
    steps: Steps, capsys: pytest.CaptureFixture[str]
) -> None:
    number = steps.numbers[0]
    assert steps.verify(number, "--log", steps.url) == 0
    before = steps.folder / "before.json"
    before.write_bytes((steps.folder / f"{number}.json").read_bytes())
    steps.report("inspections", inspection(number, "dead", inspected_at=steps.now(500)))
    assert steps.monitor() == 0

    for options in (["--log", steps.url], ["--state", str(steps.folder / "state")]):
        capsys.readouterr()
        assert main(["verify", str(before), "--vkey", vkey(), *options]) == 1
        assert last_line(capsys).startswith("FORGED: the certificate hides ")


def test_a_certificate_with_a_changed_fact_is_forged(steps: Steps, capsys: pytest.CaptureFixture[str]) -> None:
    number = steps.numbers[0]
    shown = certificate(number).body
    file = steps.folder / "changed.json"
    for changed in ({"dedication": "For somebody else"}, {"partner": "Somebody Else"}, {"planted_at": steps.now()}):
        file.write_bytes(encode(shown | changed))
        assert main(["verify", str(file), "--vkey", vkey()]) == 1
        assert last_line(capsys).startswith("FORGED: ")


def test_before_the_sequencer_has_run_a_certificate_is_not_in_the_log_and_the_counter_does_not_count_it(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.seed_catalog()
    stack.add_wallet(160)
    [number] = redeem().body["certificates"]
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []
    [order_id] = stack.run_planting_batch()
    assert confirm(order_id, confirmation(number)).body["accepted"] == 1
    file = tmp_path / "certificate.json"
    file.write_bytes(encode(certificate(number).body))

    assert main(["verify", str(file), "--vkey", vkey()]) == 4
    assert last_line(capsys).startswith("NOT IN THE LOG YET: ")
    assert impact_of_trees()["planted"] == call("prove_trees", "GET", "/log").body["planted"] == 0


def test_the_certificates_of_nobody_say_that_the_dedication_was_erased_and_are_verified(
    steps: Steps, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = steps.numbers
    old = certificate(first).body

    nobodys = move_to_nobody(steps.stack, steps.stack.redemptions.of_user("u-42")[0].redemption_id)
    early = certificate(first)
    steps.sequence()
    steps.report("inspections", inspection(first, "dead", inspected_at=steps.now(500)))

    assert (early.status, early.code, early.headers["retry-after"]) == (503, "busy", "2")
    assert "For my grandmother" in str(old)
    for number in (first, second):
        shown = certificate(number).body
        assert (shown["dedication"], shown["salt"]) == (None, None)
        assert "grandmother" not in str(shown)
        assert [event["event"] for event in shown["history"]][:2] == ["planted", "dedication_erased"]
        assert steps.verify(number, "--log", steps.url) == 0
        assert last_line(capsys).startswith("VERIFIED AS OF ")
    assert steps.monitor() == 0
    assert nobodys.dedication == ""
    assert certificate(first).body["state"] == "dead"


def test_an_old_copy_of_a_certificate_is_refused_after_its_dedication_was_erased(
    steps: Steps, capsys: pytest.CaptureFixture[str]
) -> None:
    [number, _] = steps.numbers
    file = steps.folder / "old.json"
    file.write_bytes(encode(certificate(number).body))

    move_to_nobody(steps.stack, steps.stack.redemptions.of_user("u-42")[0].redemption_id)
    steps.sequence()

    assert main(["verify", str(file), "--vkey", vkey(), "--log", steps.url]) == 1
    assert "hides the dedication_erased event" in "".join(capsys.readouterr())
