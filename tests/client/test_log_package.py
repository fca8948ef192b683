"""The package saxaul-log stands alone: it is built from the folder of the log, and needs cryptography only."""

import ast
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from local.sam import ROOT
from tests.published_log import PublishedLog, make_tree_life, served

PACKAGE = ROOT / "clients/log"
LOG = ROOT / "layers/saxaul/saxaul/log"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, and install it into a folder of its own."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    for command in (
        f"wheel --no-deps --no-index --no-build-isolation --wheel-dir {folder} {PACKAGE}",
        f"install --no-deps --no-index --find-links {folder} --target {folder}/site saxaul-log",
    ):
        subprocess.run([*pip, *command.split()], check=True, capture_output=True)  # noqa: S603 - our own commands
    return folder


def run(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command, in a folder from which nothing of the repository can be imported."""
    environment = {**os.environ, "PYTHONPATH": str(installed / "site")}
    command = [str(installed / "site/bin/saxaul-log"), *arguments]
    return subprocess.run(  # noqa: S603 - our own command
        command, check=False, capture_output=True, text=True, cwd=installed, env=environment
    )


def test_the_wheel_has_the_modules_of_the_log_and_nothing_else(installed: Path) -> None:
    (wheel,) = installed.glob("saxaul_log-*-py3-none-any.whl")
    files = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert files == {f"saxaul_log/{file.name}" for file in LOG.glob("*.py")}


def test_building_leaves_nothing_in_the_folder(installed: Path) -> None:
    assert installed.exists()
    assert {file.name for file in PACKAGE.iterdir()} == {"README.md", "pyproject.toml"}


def test_the_package_depends_on_cryptography_alone() -> None:
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text("utf-8"))["project"]

    assert [dependency.split(">")[0] for dependency in project["dependencies"]] == ["cryptography"]
    assert project["requires-python"] == ">=3.11"


@pytest.mark.parametrize("module", sorted(LOG.glob("*.py")), ids=lambda module: module.name)
def test_a_module_imports_only_the_standard_library_its_neighbours_and_cryptography(module: Path) -> None:
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= sys.stdlib_module_names
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            assert str(node.module).split(".")[0] in {*sys.stdlib_module_names, "cryptography"}


def test_only_the_check_of_signatures_loads_cryptography() -> None:
    found = [file.name for file in sorted(LOG.glob("*.py")) if "from cryptography" in file.read_text("utf-8")]
    code = "import sys, saxaul.log.__main__; sys.exit('cryptography' in sys.modules)"

    assert found == ["notes.py"]
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own code


def test_the_installed_command_verifies_and_monitors(installed: Path, tmp_path: Path) -> None:
    log = PublishedLog().publish(*make_tree_life(["alive", "dead"]))
    (tmp_path / "certificate.json").write_bytes(log.certificate("CERT-0000"))
    vkey = ["--vkey", log.signer.key.text]

    with served(log.files) as (url, _):
        followed = run(installed, "monitor", url, *vkey, "--state", str(tmp_path / "state"))
        verified = run(installed, "verify", str(tmp_path / "certificate.json"), *vkey, "--log", url)

    assert (followed.returncode, followed.stderr) == (0, "")
    assert followed.stdout.startswith("OK files.trees.example/log at 4, 4 new")
    assert (verified.returncode, verified.stderr) == (0, "")
    assert verified.stdout.splitlines()[-1].startswith("VERIFIED AS OF 4, 2026-06-20")


def test_the_installed_command_explains_itself(installed: Path) -> None:
    shown = run(installed, "--help")

    assert shown.returncode == 0
    assert all(word in shown.stdout for word in ("VERIFIED", "FORGED", "MORE TO FETCH", "NOT IN THE LOG YET"))
