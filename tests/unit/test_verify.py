"""The command: what it prints, its exit codes, and what it says of a certificate that hides what the log recorded."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saxaul.log.__main__ import main
from saxaul.log.canonical_json import encode
from saxaul.log.fetching import LogReader
from saxaul.log.leaves import TreeLeaf
from saxaul.log.monitor import follow
from saxaul.log.notes import COSIGNATURE, vkey_of
from saxaul.log.verdicts import RefusedError
from saxaul.log.verify import verify
from tests.published_log import ORIGIN, UNPROVEN, PublishedLog, Signer, make_tree_life, served
from tests.unit.test_lives import lives

ROOT = Path(__file__).parents[2]


@pytest.fixture
def log() -> PublishedLog:
    return PublishedLog().publish(*make_tree_life([], 1)).publish(*make_tree_life(["alive", "dead"]))


class Command:
    """Runs the command with files in a folder, and keeps what it printed."""

    def __init__(self, folder: Path, log: PublishedLog, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.log, self._capsys = folder, log, capsys
        self.lines: list[str] = []
        self.error = ""

    def verify(self, certificate: bytes, *more: str, vkey: str = "") -> int:
        (self.folder / "certificate.json").write_bytes(certificate)
        return self.run("verify", f"{self.folder}/certificate.json", "--vkey", vkey or self.log.signer.key.text, *more)

    def monitor(self, url: str) -> int:
        return self.run("monitor", url, "--vkey", self.log.signer.key.text, "--state", self.state)

    @property
    def state(self) -> str:
        return f"{self.folder}/state"

    def run(self, *arguments: str) -> int:
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(str(ended.code))
        printed = self._capsys.readouterr()
        self.lines, self.error = printed.out.splitlines(), printed.err
        return code


@pytest.fixture
def command(tmp_path: Path, log: PublishedLog, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, log, capsys)


@pytest.fixture
def url(log: PublishedLog) -> Iterator[str]:
    with served(log.files) as (prefix, _):
        yield prefix


def test_a_certificate_is_verified_offline_as_of_its_checkpoint(command: Command) -> None:
    assert command.verify(command.log.certificate("CERT-0000") + b"\n") == 0
    assert command.lines[0] == "Certificate CERT-0000: 梭梭 in 内蒙古阿拉善."
    assert "dead 2026-07-01T00:02:00+08:00: leaf 4, recorded 2026-07-01T00:02:00+08:00" in command.lines[4]
    assert command.lines[-3].endswith("2 planted, 1 dead, 1 standing.")
    assert command.lines[-2].startswith("Only the log shows whether something was recorded after")
    assert command.lines[-1] == "VERIFIED AS OF 6, 2026-06-20T18:00:02+08:00; later events were not checked"


def test_it_says_how_many_inspections_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = PublishedLog().publish(*make_tree_life(["alive"] * 20))
    command = Command(tmp_path, log, capsys)

    assert command.verify(log.certificate("CERT-0000")) == 0
    assert "The certificate leaves out 8 inspections that found the tree alive and changed nothing." in command.lines
    assert command.verify(log.certificate("CERT-0000", newest=19)) == 0
    assert "The certificate leaves out 1 inspection that found the tree alive and changed nothing." in command.lines


def test_with_the_log_a_certificate_is_verified_as_of_the_newest_checkpoint(command: Command, url: str) -> None:
    certificate = command.log.certificate("CERT-0000")
    command.log.publish(*make_tree_life(["alive"] * 600, 2))

    assert command.verify(certificate, "--log", url) == 0
    assert command.lines[-1].startswith(f"VERIFIED AS OF {len(command.log.texts)}, ")
    assert not command.lines[-1].endswith("not checked")
    assert not any("Only the log" in line for line in command.lines)


@pytest.mark.parametrize("event", ["alive", "dead", "corrected", "dedication_erased"])
def test_a_hidden_latest_event_is_forged_with_the_log_or_a_state(command: Command, url: str, event: str) -> None:
    life = make_tree_life(["alive", event], 7)
    command.log.publish(*life[:2])
    old = command.log.certificate("CERT-0007")
    command.log.publish(life[2], *make_tree_life(["alive"] * 300, 8))
    assert command.monitor(url) == 0

    assert command.verify(old) == 0
    for more in (["--log", url], ["--state", command.state], ["--state", command.state, "--log", url]):
        assert command.verify(old, *more) == 1
        assert command.lines[-1].startswith("FORGED: the certificate hides")
    assert command.verify(command.log.certificate("CERT-0007"), "--log", url, "--state", command.state) == 0


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives())
def test_no_event_of_a_long_life_can_be_hidden(tmp_path: Path, leaves: list[TreeLeaf]) -> None:
    log = PublishedLog()
    for leaf in leaves:
        log.publish(leaf)
    number = leaves[0].certificate
    whole = log.document(number, newest=0)
    file = tmp_path / log.signer.key.key_id.hex()

    with served(log.files) as (url, _):
        reader = LogReader(url)
        follow(reader, log.signer.key, file)
        assert list(verify(encode(whole), log.signer.key, log=reader))
        for hidden in range(len(whole["proofs"])):
            shorter = json.loads(json.dumps(whole))
            del shorter["proofs"][hidden], shorter["history"][hidden]
            for more in ({"log": reader}, {"state": file}):
                with pytest.raises(RefusedError):
                    list(verify(encode(shorter), log.signer.key, **more))


def test_a_log_that_leaves_the_tree_of_the_monitor_is_forged(command: Command, url: str) -> None:
    """The fork hides its death from the monitor, and has it where the log is not read again after the monitor."""
    life = make_tree_life(["dead"], 7)
    command.log.publish(life[0])
    fork = deepcopy(command.log)
    certificate, waiting = command.log.certificate("CERT-0007"), encode({**UNPROVEN, "certificate": "CERT-0009"})
    command.log.publish(*make_tree_life([], 8))
    assert command.monitor(url) == 0
    fork.publish(life[1], *make_tree_life([], 9)).publish(*make_tree_life([], 10))

    with served(fork.files) as (forked, _):
        assert command.verify(certificate, "--state", command.state) == 0
        for hidden in (certificate, waiting):
            assert command.verify(hidden, "--state", command.state, "--log", forked) == 1
            assert "does not begin with the tree of 10 leaves" in command.lines[-1]


def test_a_state_that_is_behind_the_certificate_is_more_to_fetch(command: Command, url: str) -> None:
    assert command.monitor(url) == 0
    command.log.publish(*make_tree_life([], 3))
    certificate = command.log.certificate("CERT-0000")

    assert command.verify(certificate, "--state", command.state) == 3
    assert command.lines[-1].startswith("MORE TO FETCH: the monitor has read 6 leaves, fewer than the 8")
    assert command.monitor(url) == 0
    assert command.verify(certificate, "--state", command.state) == 0
    assert command.lines[-1].startswith("VERIFIED AS OF 8, ")


def test_a_certificate_of_another_log_with_the_same_key_is_forged(command: Command, url: str) -> None:
    fork = PublishedLog(command.log.signer).publish(*make_tree_life(["alive"]))
    assert command.monitor(url) == 0

    for more in (["--log", url], ["--state", command.state]):
        assert command.verify(fork.certificate("CERT-0000"), *more) == 1
        assert "does not begin with" in command.lines[-1] or "knows another log" in command.lines[-1]


def test_a_log_that_is_shorter_than_the_certificate_is_more_to_fetch(command: Command) -> None:
    old = dict(command.log.files)
    command.log.publish(*make_tree_life([], 3))

    with served(old) as (prefix, _):
        assert command.verify(command.log.certificate("CERT-0000"), "--log", prefix) == 3
    assert command.lines[-1].startswith("MORE TO FETCH: the log shows 6 leaves, fewer than the 8 of the certificate")


def test_a_log_that_does_not_answer_is_more_to_fetch(command: Command) -> None:
    with served({}) as (prefix, _):
        assert command.verify(command.log.certificate("CERT-0000"), "--log", prefix) == 3
    assert command.lines[-1].startswith("MORE TO FETCH: http://127.0.0.1:")


def test_a_certificate_without_proofs_is_not_in_the_log_yet(command: Command, url: str) -> None:
    waiting = encode({**UNPROVEN, "certificate": "CERT-0009"})
    assert command.monitor(url) == 0

    for more in ([], ["--log", url], ["--state", command.state], ["--log", url, "--state", command.state]):
        assert command.verify(waiting, *more) == 4
        assert command.lines[-1].startswith("NOT IN THE LOG YET: the certificate has no proofs")


def test_a_certificate_whose_proofs_were_taken_away_is_forged(command: Command, url: str) -> None:
    stripped = encode(UNPROVEN)
    assert command.monitor(url) == 0

    assert command.verify(stripped) == 4
    assert command.verify(stripped, "--log", url) == 1
    assert command.verify(stripped, "--state", command.state) == 1


def test_something_wrong_is_forged_with_its_reason(command: Command) -> None:
    certificate = command.log.certificate("CERT-0000")

    assert command.verify(certificate.replace(b"Haloxylon", b"Holoxylon", 1)) == 1
    assert command.lines == ["FORGED: latin is not what the log commits to."]
    assert command.verify(certificate[:-20]) == 1


def test_a_policy_demands_cosignatures(command: Command) -> None:
    witness = Signer("w.example", COSIGNATURE)
    policy = command.folder / "policy"
    policy.write_text(f"log {command.log.signer.key.text}\nwitness w {witness.key.text}\nquorum w\n")

    assert command.verify(command.log.certificate("CERT-0000"), "--policy", str(policy)) == 3
    assert command.lines[-1].startswith("MORE TO FETCH: the checkpoint has too few cosignatures yet")
    command.log.publish(*make_tree_life([], 3), witnesses=[witness])
    assert command.verify(command.log.certificate("CERT-0000"), "--policy", str(policy)) == 0
    assert command.lines[-1] == "VERIFIED AS OF 8, 2026-06-20T10:06:40Z; later events were not checked"


def test_the_time_is_that_of_the_newest_cosignature(command: Command) -> None:
    witness = Signer("w.example", COSIGNATURE)
    policy = command.folder / "policy"
    policy.write_text(f"witness w {witness.key.text}\nquorum none\n")
    command.log.publish(*make_tree_life([], 3))
    later = witness.sign(command.log.note.text, timestamp=1_800_000_000)
    command.log.note = command.log.note._replace(signatures=(*command.log.note.signatures, later))

    assert command.verify(command.log.certificate("CERT-0000"), "--policy", str(policy)) == 0
    assert command.lines[-1] == "VERIFIED AS OF 8, 2027-01-15T08:00:00Z; later events were not checked"


@pytest.mark.parametrize(
    ("vkey", "reason"),
    [
        ("nonsense", "--vkey: the vkey"),
        (vkey_of("w.example", bytes(32), COSIGNATURE), "the key of a witness"),
        ("@missing", "No such file"),
        ("@", "Is a directory"),
    ],
)
def test_a_key_that_cannot_be_used_is_no_result(command: Command, vkey: str, reason: str) -> None:
    assert command.verify(command.log.certificate("CERT-0000"), vkey=vkey) == 2
    assert reason in command.error


def test_a_key_can_be_in_a_file(command: Command) -> None:
    file = command.folder / "vkey"
    file.write_text(command.log.signer.key.text + "\n")

    assert command.verify(command.log.certificate("CERT-0000"), vkey=f"@{file}") == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["verify"],
        ["verify", "certificate.json"],
        ["monitor", "https://trees.example/log"],
        ["monitor", "file:///etc", "--state", "state", "--vkey", Signer(ORIGIN).key.text],
        ["verify", "missing.json", "--vkey", Signer(ORIGIN).key.text],
        ["verify", "/", "--vkey", Signer(ORIGIN).key.text],
        ["verify", "/dev/null", "--vkey", Signer(ORIGIN).key.text, "--log", "ftp://x"],
        ["verify", "/dev/null", "--vkey", Signer(ORIGIN).key.text, "--policy", "/dev/null"],
    ],
)
def test_wrong_arguments_are_no_result(command: Command, arguments: list[str]) -> None:
    assert command.run(*arguments) == 2
    assert command.error.startswith("usage: saxaul-log")


def test_a_state_that_cannot_be_used_is_no_result(command: Command) -> None:
    assert command.verify(command.log.certificate("CERT-0000"), "--state", f"{command.folder}/missing") == 2
    assert "saxaul-log monitor makes it" in command.error
    Path(command.state).write_text("nonsense")
    assert command.verify(command.log.certificate("CERT-0000"), "--state", command.state) == 2


def test_a_policy_of_another_log_is_no_result(command: Command) -> None:
    policy = command.folder / "policy"
    policy.write_text(f"log {Signer(ORIGIN).key.text}\nquorum none\n")

    assert command.verify(command.log.certificate("CERT-0000"), "--policy", str(policy)) == 2
    assert "names other logs" in command.error


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8", "gbk"])
def test_every_terminal_can_show_the_result(command: Command, encoding: str) -> None:
    (command.folder / "certificate.json").write_bytes(command.log.certificate("CERT-0000"))
    arguments = ["verify", f"{command.folder}/certificate.json", "--vkey", command.log.signer.key.text]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}

    shown = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "saxaul.log", *arguments], check=False, capture_output=True, env=environment
    )

    assert (shown.returncode, shown.stderr) == (0, b"")
    assert shown.stdout.decode(encoding).splitlines()[-1].startswith("VERIFIED AS OF 6")
    assert ("梭梭" if encoding in ("utf-8", "gbk") else "\\u68ad") in shown.stdout.decode(encoding)


def test_control_characters_of_a_certificate_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = PublishedLog().publish(*make_tree_life([], by="\x1b[2J\nVERIFIED AS OF 9\u202e"))
    command = Command(tmp_path, log, capsys)

    assert command.verify(log.certificate("CERT-0000")) == 0
    assert "\x1b" not in "".join(command.lines)
    assert [line for line in command.lines if line.startswith("VERIFIED")] == command.lines[-1:]
    assert command.verify(log.certificate("CERT-0000", certificate="\x1b[31m\n")) == 1
    assert all(line.isprintable() for line in command.lines)


@pytest.mark.parametrize("reader", ["true", "head -c 1"])
def test_a_closed_output_ends_without_a_traceback(command: Command, reader: str) -> None:
    (command.folder / "certificate.json").write_bytes(command.log.certificate("CERT-0000"))
    code = f"{sys.executable} -m saxaul.log verify certificate.json --vkey @vkey | {reader}"
    (command.folder / "vkey").write_text(command.log.signer.key.text)

    shown = subprocess.run(  # noqa: S602 - our own command
        code, shell=True, check=False, capture_output=True, cwd=command.folder, env={**os.environ}
    )

    assert shown.stderr == b""


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_without_an_output_the_exit_code_is_the_verdict(command: Command, closed: str) -> None:
    (command.folder / "certificate.json").write_bytes(command.log.certificate("CERT-0000"))
    (command.folder / "vkey").write_text(command.log.signer.key.text)

    shown = subprocess.run(  # noqa: S602 - our own command
        f"{sys.executable} -m saxaul.log verify certificate.json --vkey @vkey {closed}",
        shell=True,
        check=False,
        capture_output=True,
        cwd=command.folder,
    )

    assert shown.returncode == 0
    assert shown.stderr == b""


def test_a_full_disk_is_no_result(command: Command) -> None:
    (command.folder / "certificate.json").write_bytes(command.log.certificate("CERT-0000"))
    arguments = ["verify", f"{command.folder}/certificate.json", "--vkey", command.log.signer.key.text]

    with Path("/dev/full").open("wb") as full:
        shown = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "saxaul.log", *arguments], check=False, stdout=full, stderr=subprocess.PIPE
        )

    assert shown.returncode == 2
    assert b"Traceback" not in shown.stderr
    assert b"No space left" in shown.stderr


def test_the_certificate_can_come_from_the_input(command: Command) -> None:
    arguments = ["verify", "-", "--vkey", command.log.signer.key.text]

    shown = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "saxaul.log", *arguments],
        check=False,
        capture_output=True,
        input=command.log.certificate("CERT-0000"),
    )

    assert shown.returncode == 0
    assert b"VERIFIED AS OF 6" in shown.stdout


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=4), values, max_size=3),
))  # fmt: skip
def test_no_file_makes_a_traceback(command: Command, content: object) -> None:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()

    assert command.verify(text) in (1, 3, 4)
    with served({"checkpoint": text, "tile/entries/000.p/6": text, "tile/0/000.p/6": text}) as (prefix, _):
        assert command.verify(command.log.certificate("CERT-0000"), "--log", prefix) in (1, 3)


def test_the_package_runs_by_its_name() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "saxaul.log", "--help"], check=False, capture_output=True, text=True, cwd=ROOT
    )

    assert shown.returncode == 0
    assert "MORE TO FETCH" in shown.stdout


def test_only_a_missing_package_is_named_if_cryptography_is_not_installed(command: Command) -> None:
    (command.folder / "certificate.json").write_bytes(command.log.certificate("CERT-0000"))
    code = (
        "import sys; sys.modules['cryptography'] = None; sys.modules['cryptography.exceptions'] = None; "
        "from saxaul.log.__main__ import main; sys.exit(main())"
    )
    arguments = ["verify", f"{command.folder}/certificate.json", "--vkey", command.log.signer.key.text]

    shown = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", code, *arguments], check=False, capture_output=True, text=True
    )

    assert shown.returncode == 2
    assert "pip install cryptography" in shown.stderr
