"""The audit of what ships: what is said and done if the database knows a vulnerability, none, or does not answer."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local.audit import Audit, AuditError, Vulnerability, audit, judge

Answer = Callable[[str], tuple[int, bytes]]
"""What a fake database answers about a package: the status and the body."""


@contextmanager
def database(answer: Answer) -> Iterator[str]:
    """Run a fake database on this machine, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = answer(asked["package"]["name"])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    file = tmp_path / "requirements.txt"
    file.write_text("".join(f"{name}==1.0 --hash=sha256:{'0' * 64}\n" for name in ("six", "segno")))
    return file


def vulnerable(name: str, *fixed: str) -> bytes:
    """Return what OSV says about a package with one vulnerability: https://google.github.io/osv.dev/post-v1-query/."""
    events = [{"introduced": "0"}, *({"fixed": version} for version in fixed)]
    affected = {"package": {"name": name, "ecosystem": "PyPI"}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    known = {"id": "GHSA-1", "aliases": ["CVE-1"], "summary": "Bad", "affected": [affected]}
    return json.dumps({"vulns": [known]}).encode()


def test_packages_without_a_known_vulnerability_pass(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with database(lambda _: (200, b"{}")) as address:
        found = audit(lock, address)

    assert found == Audit([], 2)
    judge(found, {})
    assert capsys.readouterr().out == "✓ known vulnerabilities of 2 packages that ship: none\n"


@pytest.mark.parametrize(("fixed", "said"), [(["1.1"], "fixed in 1.1"), ([], "no release fixes it")])
def test_a_known_vulnerability_of_one_package_fails_and_names_it(
    lock: Path, capsys: pytest.CaptureFixture[str], fixed: list[str], said: str
) -> None:
    with database(lambda name: (200, vulnerable(name, *fixed) if name == "six" else b"{}")) as address:
        found = audit(lock, address)

    assert list(found.vulnerabilities) == [Vulnerability("six 1.0", "CVE-1", fixed)]
    with pytest.raises(SystemExit) as ended:
        judge(found, {})
    assert ended.value.code == 1
    assert f"\nsix 1.0 has CVE-1; {said}\n" in capsys.readouterr().err


def give_way(_: str) -> tuple[int, bytes]:
    return 503, b"overloaded"


def speak_otherwise(_: str) -> tuple[int, bytes]:
    return 200, b"<html>Sign in to use this network</html>"


@pytest.mark.parametrize("answer", [give_way, speak_otherwise])
def test_a_database_that_does_not_answer_is_said_and_does_not_fail(
    lock: Path, capsys: pytest.CaptureFixture[str], answer: Answer
) -> None:
    with database(answer) as address:
        found = audit(lock, address)

    judge(found, {})
    host = address.removeprefix("http://").partition("/")[0]
    assert capsys.readouterr().out == f"· Not audited: no answer from {host}.\n"


def test_an_address_without_a_database_is_said_and_does_not_fail(
    lock: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with database(give_way) as address:
        pass

    judge(audit(lock, address), {})

    assert capsys.readouterr().out.startswith("· Not audited: no answer from 127.0.0.1:")


def test_a_slow_database_is_given_up(lock: Path) -> None:
    over = threading.Event()

    def wait(_: str) -> tuple[int, bytes]:
        over.wait(60)
        return 200, b"{}"

    with database(wait) as address:
        found = audit(lock, address, seconds=2)
        over.set()

    assert found.audited == 0
    assert found.unanswered.endswith(" took more than 2 s")


def test_a_lock_that_cannot_be_read_is_a_fault_and_no_outage(tmp_path: Path) -> None:
    with database(give_way) as address, pytest.raises(AuditError, match="pip-audit failed: "):
        audit(tmp_path / "none.txt", address)


def test_a_package_that_the_database_leaves_out_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    judge(Audit([], 1, "no answer about six"), {})

    assert capsys.readouterr().out.splitlines() == [
        "· Not audited: no answer about six.",
        "✓ known vulnerabilities of 1 packages that ship: none",
    ]


@pytest.mark.parametrize(
    ("accepted", "unanswered", "passes"),
    [
        ({"CVE-1": "our code does not call it"}, "", True),
        ({"CVE-1": "…", "CVE-2": "…"}, "", False),
        ({"CVE-1": "…", "CVE-2": "…"}, "no answer about segno", True),
        ({"CVE-2": "…"}, "no answer about segno", False),
    ],
)
def test_a_vulnerability_may_be_accepted_as_long_as_a_package_has_it(
    capsys: pytest.CaptureFixture[str], accepted: dict[str, str], unanswered: str, passes: bool
) -> None:
    found = Audit([Vulnerability("six 1.0", "CVE-1", ())], 2, unanswered)

    if passes:
        judge(found, accepted)
        assert "known vulnerabilities of 2 packages that ship: 1, all accepted\n" in capsys.readouterr().out
    else:
        with pytest.raises(SystemExit):
            judge(found, accepted)
