"""The packages that ship: their lock, and that a build refuses a file whose hash is not in it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.build import ON_LAMBDA, refuse_other_packages
from local.dependencies import LOCK, REQUIREMENTS, locked, pip_command
from local.sam import SamError, sam
from local.template import template


def test_the_lock_has_what_the_functions_import_in_the_same_version() -> None:
    assert locked(REQUIREMENTS).items() <= locked().items()


def test_every_file_in_the_lock_is_pinned_by_its_hash_and_none_by_an_address() -> None:
    text = "\n".join(line for line in LOCK.read_text("utf-8").splitlines() if not line.lstrip().startswith("#"))
    pins = re.split(r"\n(?=\S)", text.strip())

    assert len(pins) == len(locked())
    for pin in pins:
        assert re.fullmatch(r"\S+==\S+( ; [^\\]+)? ?(\\\n    --hash=sha256:[0-9a-f]{64} ?)+", pin), pin
    assert "://" not in LOCK.read_text("utf-8")


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """Return a folder with a template that has only the layer of dependencies, and of its lock only two packages."""
    folder = tmp_path / "layers" / "dependencies"
    shutil.copytree(LOCK.parent, folder)
    written = LOCK.read_text("utf-8")
    two = [re.search(rf"^{name}==.*\n(?: .*\n)*", written, re.MULTILINE) for name in ("cffi", "pycparser")]
    (folder / "requirements.txt").write_text("".join(found[0] for found in two if found))
    only = {name: template()[name] for name in ("AWSTemplateFormatVersion", "Transform", "Parameters")}
    resource = template()["Resources"]["DependenciesLayer"]
    (tmp_path / "template.json").write_text(json.dumps({**only, "Resources": {"DependenciesLayer": resource}}))
    return tmp_path


def run_make(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the target that `sam build` runs for the layer."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "ARTIFACTS_DIR": str(folder / "built"), **env}
    return subprocess.run(  # noqa: S603 - our own
        ["make", "-C", str(folder / "layers/dependencies"), "build-DependenciesLayer"],  # noqa: S607 - any make
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def forge_hashes(folder: Path) -> None:
    lock = folder / "layers/dependencies/requirements.txt"
    lock.write_text(re.sub(r"(?<=sha256:)[0-9a-f]{8}", "01234567", lock.read_text()))


PIP = {"SAXAUL_PIP": pip_command(Path(sys.executable), ON_LAMBDA)}


@pytest.mark.slow
def test_the_layer_gets_the_files_of_the_lock_for_the_processor_of_lambda_and_no_programs(layer: Path) -> None:
    done = run_make(layer, **PIP)

    assert done.returncode == 0, done.stderr
    assert [file.name for file in layer.glob("built/**/*.so")] == ["_cffi_backend.cpython-313-aarch64-linux-gnu.so"]
    assert not (layer / "built/python/bin").exists()


@pytest.mark.slow
def test_sam_build_fails_if_the_hash_of_a_file_is_not_in_the_lock(layer: Path) -> None:
    forge_hashes(layer)
    overrides = [f"{name}={value}" for name, value in ON_LAMBDA.items()]
    arguments = ("--template-file", "template.json", "--parameter-overrides", *overrides)

    with pytest.raises(SamError, match="sam build failed"):
        sam("build", *arguments, log=layer / "build.log", env=PIP, cwd=layer)

    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in (layer / "build.log").read_text()


def test_sam_build_alone_says_which_command_builds_the_layer(layer: Path) -> None:
    done = run_make(layer)

    assert done.returncode != 0
    assert "Run make build or make up" in done.stderr


def make_layer(folder: Path, packages: dict[str, str]) -> Path:
    for name, version in packages.items():
        (folder / "python" / f"{name.replace('-', '_')}-{version}.dist-info").mkdir(parents=True)
    return folder


def test_a_layer_with_the_packages_of_the_lock_is_accepted(tmp_path: Path) -> None:
    refuse_other_packages(make_layer(tmp_path, locked()))


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"six": "1.0"}, "six 1.0, six 1[.]17[.]0"),
        ({"requests": "2.0"}, "requests 2.0"),
    ],
)
def test_a_layer_with_another_package_or_version_is_refused(
    tmp_path: Path, changed: dict[str, str], named: str
) -> None:
    make_layer(tmp_path, locked() | changed)

    with pytest.raises(SamError, match=f"do not have the same packages: {named}$"):
        refuse_other_packages(tmp_path)
