"""The command that checks a certificate: what it says, how it ends, and how little it needs."""

import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest

from saxaul.log.verify import main
from tests.proof.published import publish


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    published = publish(monkeypatch)
    (tmp_path / "certificate.json").write_bytes(published.certificate)
    (tmp_path / "log.json").write_bytes(published.log)
    (tmp_path / "key.pem").write_bytes(published.key)
    return tmp_path


def arguments(files: Path) -> list[str]:
    return [f"{files}/certificate.json", "--log", f"{files}/log.json", "--key", f"{files}/key.pem"]


def test_it_ends_with_zero_where_everything_holds(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(files)) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "VERIFIED"


def test_it_ends_with_one_and_the_reason_where_something_does_not(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (files / "certificate.json").read_bytes()
    (files / "certificate.json").write_bytes(text.replace(b"Haloxylon", b"Holoxylon", 1))

    assert main(arguments(files)) == 1
    assert capsys.readouterr().out == "REFUSED: latin is not what the log commits to.\n"


@pytest.mark.parametrize(
    ("left", "said"),
    [(slice(3, 5), "name a certificate, or a log, or both"), (slice(0, 3), "--key"), (slice(0, 4), "--key")],
)
def test_it_says_what_is_missing(files: Path, capsys: pytest.CaptureFixture[str], left: slice, said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments(files)[left])

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_file_that_is_not_there_is_named(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "log.json").unlink()

    with pytest.raises(SystemExit):
        main(arguments(files))

    assert "log.json" in capsys.readouterr().err


def test_it_needs_nothing_but_its_own_room_python_and_cryptography(files: Path, tmp_path: Path) -> None:
    package = tmp_path / "alone"
    copytree(Path(__file__).parents[2] / "layers" / "saxaul" / "saxaul" / "log", package / "saxaul" / "log")
    (package / "saxaul" / "__init__.py").touch()
    program = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"boto3", "botocore", "pydantic", "dateutil", "aws_lambda_powertools"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Nothing())
from saxaul.log.verify import main
sys.exit(main(sys.argv[1:]))
"""
    command = [sys.executable, "-c", program, *arguments(files)]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, check=False)  # noqa: S603 - our own

    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["VERIFIED"]), done.stderr


def test_without_cryptography_it_says_how_to_get_it(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "saxaul.log.signatures", raising=False)
    for name in [module for module in sys.modules if module.startswith("cryptography")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)

    with pytest.raises(SystemExit):
        main(arguments(files))

    assert "pip install 'saxaul[verify]'" in capsys.readouterr().err
