"""The command that verifies a certificate: its output, its exit codes and its dependencies."""

import json
import os
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import redirect_stdout
from errno import EPIPE
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from shlex import quote
from shutil import copytree
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from saxaul.log.canonical_json import encode
from saxaul.log.parsing import MAX_KEY_FILE, RefusedError, printable
from saxaul.log.signatures import Keys
from saxaul.log.verify import main
from tests.builders import make_particulars
from tests.proof.published import END, Publication, publish, publish_inspected

ROOT = Path(__file__).parents[2]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    published = publish(monkeypatch)
    (tmp_path / "certificate.json").write_bytes(published.certificate)
    (tmp_path / "log.json").write_bytes(published.log + b"\n" + END + b"\n")
    (tmp_path / "key.pem").write_bytes(published.key)
    return tmp_path


def arguments(files: Path) -> list[str]:
    return [f"{files}/certificate.json", "--log", f"{files}/log.json", "--key", f"{files}/key.pem"]


def test_the_exit_code_is_0_if_everything_is_valid(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(files)) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "VERIFIED"


def test_the_exit_code_is_1_with_the_reason_if_something_is_wrong(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (files / "certificate.json").read_bytes()
    (files / "certificate.json").write_bytes(text.replace(b"Haloxylon", b"Holoxylon", 1))

    assert main(arguments(files)) == 1
    assert capsys.readouterr().out == "REFUSED: latin is not what the log commits to.\n"


@pytest.mark.parametrize(
    ("left", "message"),
    [(slice(3, 5), "give a certificate, a log, or both"), (slice(0, 3), "--key"), (slice(0, 4), "--key")],
)
def test_a_missing_argument_is_named(
    files: Path, capsys: pytest.CaptureFixture[str], left: slice, message: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments(files)[left])

    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_missing_file_is_named(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "log.json").unlink()

    with pytest.raises(SystemExit):
        main(arguments(files))

    assert "log.json" in capsys.readouterr().err


class ClosedOutput(StringIO):
    """An output whose reader has closed it."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(EPIPE, text)


@pytest.mark.parametrize("certificate", [b"Haloxylon", b"Holoxylon"])
def test_a_closed_output_is_neither_a_result_nor_a_wrong_argument(
    files: Path, capsys: pytest.CaptureFixture[str], certificate: bytes
) -> None:
    text = (files / "certificate.json").read_bytes()
    (files / "certificate.json").write_bytes(text.replace(b"Haloxylon", certificate, 1))

    with redirect_stdout(ClosedOutput()), pytest.raises(BrokenPipeError):
        main(arguments(files))

    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full, which only Linux has")
def test_the_exit_code_is_2_if_the_output_cannot_be_written(files: Path) -> None:
    command = [sys.executable, "-m", "saxaul.log.verify", *arguments(files)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own command

    assert (done.returncode, done.stderr) == (2, "[Errno 28] No space left on device\n")


@pytest.mark.parametrize(
    ("name", "text", "code", "beginning"),
    [
        ("log.json", b"", 3, "INCOMPLETE: the log is empty: fetch it again."),
        ("log.json", END, 3, "INCOMPLETE: the given log has no entries: fetch it from its first page."),
        ("log.json", b'{"status":503,"code":"busy"}', 3, "INCOMPLETE: the log is an error response"),
        ("certificate.json", b'{ "code": "unknown_certificate", "status": 404 }', 3, "INCOMPLETE: the certificate is"),
        ("certificate.json", b"certificate", 1, "REFUSED: the certificate was changed or cut: it is not JSON."),
        ("certificate.json", b"<html>", 3, "INCOMPLETE: the certificate is an error response"),
        (
            "log.json",
            b'{"title":"Internal error","code":"internal_error"}',
            3,
            "INCOMPLETE: the log is an error response",
        ),
        ("key.pem", b"no key", 3, "INCOMPLETE: the key file holds no public key: fetch GET /log/key."),
    ],
)
def test_a_failed_download_is_distinguished_from_a_forgery(
    files: Path, capsys: pytest.CaptureFixture[str], name: str, text: bytes, code: int, beginning: str
) -> None:
    (files / name).write_bytes(text)

    assert main(arguments(files)) == code
    assert capsys.readouterr().out.splitlines()[-1].startswith(beginning)


BEGINNING = b"-----BEGIN PUBLIC KEY-----\n"


@pytest.mark.parametrize("size", [40_000 * len(BEGINNING), 400_000_000])
def test_a_key_file_that_is_too_large_is_refused_and_not_read_into_memory(
    files: Path, capsys: pytest.CaptureFixture[str], size: int
) -> None:
    with (files / "key.pem").open("wb") as key:
        key.write(BEGINNING * 40_000)
        key.truncate(size)

    tracemalloc.start()
    code = main(arguments(files))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (code, capsys.readouterr().out) == (1, "REFUSED: the key file is larger than 64 KB.\n")
    assert most < 10_000_000


def test_a_key_file_may_have_64_kilobytes_with_text_between_its_keys(files: Path) -> None:
    key = (files / "key.pem").read_bytes()
    full = (b"The current key:\r\n" + key.replace(b"\n", b"\r\n") + b"\n").ljust(MAX_KEY_FILE)

    (files / "key.pem").write_bytes(full)
    assert main(arguments(files)) == 0
    with pytest.raises(RefusedError, match="larger than 64 KB"):
        Keys(full + b" ")


@pytest.mark.parametrize("text", [BEGINNING, BEGINNING + b"-----END PUBLIC KEY----\n", b"-----END PUBLIC KEY-----\n"])
def test_a_key_file_with_many_incomplete_keys_holds_no_key(
    files: Path, capsys: pytest.CaptureFixture[str], text: bytes
) -> None:
    (files / "key.pem").write_bytes(text * (MAX_KEY_FILE // len(text)))

    assert main(arguments(files)) == 3
    assert capsys.readouterr().out == "INCOMPLETE: the key file holds no public key: fetch GET /log/key.\n"


@pytest.mark.parametrize("depth", [31, 32, 900, *range(960, 1000, 5), 100_000])
@pytest.mark.parametrize("name", ["certificate.json", "log.json"])
def test_a_document_of_any_depth_is_refused(
    files: Path, capsys: pytest.CaptureFixture[str], name: str, depth: int
) -> None:
    field = b'"dedication":' if name == "certificate.json" else b'"by":'
    nested = b"[" * depth + b"]" * depth
    before, after = (files / name).read_bytes().split(field, 1)
    (files / name).write_bytes(before + field + nested + after[after.index(b'",') + 1 :])

    assert main(arguments(files)) == 1
    last_line = capsys.readouterr().out.splitlines()[-1]
    assert last_line.startswith("REFUSED: ")
    assert ("more than 32 levels" in last_line) == (depth > 31 or name == "log.json")


def test_characters_that_a_terminal_would_obey_are_printed_as_escape_codes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = make_particulars(
        species={"en": "Oak\x1b[2J", "zh": "梭梭"}, partner="A\r\nVERIFIED\u2028\x9b1m\u202e\x00\x7f"
    )
    monkeypatch.setattr("tests.proof.published.make_particulars", lambda _dedication: hostile)
    published = publish_inspected(monkeypatch, [])
    for name, text in (
        ("certificate.json", published.certificate),
        ("log.json", published.log + b"\n" + END),
        ("key.pem", published.key),
    ):
        (tmp_path / name).write_bytes(text)

    assert main(arguments(tmp_path)) == 0
    first, *_ = lines = capsys.readouterr().out.split("\n")
    assert "Oak\\x1b[2J in Alxa" in first
    assert first.endswith(r"by A\r\nVERIFIED\u2028\x9b1m\u202e\x00\x7f.")
    assert all(line.isprintable() for line in lines)


def test_the_reason_of_a_refusal_is_printable_too() -> None:
    assert str(RefusedError("the alive event of \x1b[31m\nVERIFIED")) == r"the alive event of \x1b[31m\nVERIFIED"
    assert printable("梭梭 · Zoë 🌵") == "梭梭 · Zoë 🌵"


def test_if_the_log_may_have_another_page_it_is_named_and_the_exit_code_is_3(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = files / "log.json"
    log.write_bytes(log.read_bytes().removesuffix(END + b"\n"))

    assert main(arguments(files)) == 3
    assert (
        "INCOMPLETE: the log may continue after entry 3: fetch the next page, GET /log?after=3"
        in capsys.readouterr().out
    )


def test_the_exit_code_is_3_without_the_log(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate, _, _, *key = arguments(files)

    assert main([certificate, *key]) == 3
    assert "only the log shows whether it leaves out a death" in capsys.readouterr().out


def test_the_exit_code_is_4_if_an_entry_is_not_in_the_log(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pages = (files / "log.json").read_bytes()
    entries = json.loads(pages.splitlines()[0])["entries"][:2]
    (files / "log.json").write_bytes(encode({"entries": entries}) + b"\n" + END)

    assert main(arguments(files)) == 4
    assert capsys.readouterr().out.splitlines()[-1] == (
        "NOT IN THE LOG: entry 3 of the certificate is not in the log, which ends with entry 2."
    )


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "gb18030", "utf-8"])
def test_the_output_can_be_shown_in_every_terminal_encoding(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoding: str
) -> None:
    published = publish(monkeypatch)
    for name, text in (
        ("certificate.json", encode(published.shown.document("zh"))),
        ("log.json", published.log + b"\n" + END),
        ("key.pem", published.key),
    ):
        (tmp_path / name).write_bytes(text)
    command = [sys.executable, "-m", "saxaul.log.verify", *arguments(tmp_path)]
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT / "layers" / "saxaul")}

    done = subprocess.run(command, env=environment, capture_output=True, check=False)  # noqa: S603 - our own

    shown = done.stdout.decode(encoding)
    assert (done.returncode, shown.splitlines()[-1]) == (0, "VERIFIED"), done.stderr
    assert ("梭梭" in shown) != (r"\u68ad\u68ad" in shown)


def test_the_command_needs_only_the_log_package_python_and_cryptography(files: Path, tmp_path: Path) -> None:
    package = tmp_path / "alone"
    copytree(ROOT / "layers" / "saxaul" / "saxaul" / "log", package / "saxaul" / "log")
    (package / "saxaul" / "__init__.py").touch()
    program = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"boto3", "botocore", "pydantic", "dateutil", "aws_lambda_powertools"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Nothing())
from saxaul.log.verify import main
import saxaul
assert str(saxaul.__path__[0]).startswith(sys.argv[1]), saxaul.__path__
sys.exit(main(sys.argv[2:]))
"""
    command = [sys.executable, "-c", program, str(package), *arguments(files)]
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=package, env=alone, capture_output=True, text=True, check=False)  # noqa: S603 - our own

    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["VERIFIED"]), done.stderr


class FakeApiHandler(BaseHTTPRequestHandler):
    """Serves a certificate, the log and its key as the API does, with one log entry per page."""

    published: Publication

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        after = int(parse_qs(address.query).get("after", ["0"])[0])
        body = {
            "/log": encode({"entries": [entry.document() for entry in self.published.entries[after : after + 1]]}),
            "/log/key": self.published.key,
        }.get(address.path, self.published.certificate)
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class names it
        """Keep the output of the tests clean."""


@pytest.fixture
def api_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(FakeApiHandler, "published", publish(monkeypatch), raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeApiHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("document", ["README.md", "docs/proof.md"])
def test_the_documented_commands_fetch_a_log_of_several_pages_and_verify_it(
    api_url: str, tmp_path: Path, document: str
) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / document).read_text("utf-8"), re.DOTALL)
    [commands] = [block for block in blocks if "log?after=" in block]
    lines = [line for line in commands.splitlines() if not line.startswith(("number=", "pip "))]
    script = "\n".join(lines).replace(".venv/bin/python", "python").replace("python -m", f"{quote(sys.executable)} -m")
    environment = os.environ | {
        "api": api_url,
        "certificate": "08T7-PZB3-J52J-Z",
        "page": END.decode(),
        "PYTHONPATH": str(ROOT / "layers" / "saxaul"),
    }

    command = ["/bin/sh", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our documents

    assert len((tmp_path / "log.json").read_text("utf-8").splitlines()) == 4
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["VERIFIED"]), done.stdout + done.stderr


def test_without_cryptography_the_error_says_how_to_install_it(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "saxaul.log.signatures", raising=False)
    for name in [module for module in sys.modules if module.startswith("cryptography")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)

    with pytest.raises(SystemExit):
        main(arguments(files))

    assert "pip install cryptography" in capsys.readouterr().err
