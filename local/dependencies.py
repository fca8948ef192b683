"""The packages that ship in the layer of dependencies: their lock, and what pip is told to install them.

layers/dependencies/requirements.in names the packages that the functions import. requirements.txt beside it is their
lock, which `make lock` writes: these packages and all that they need, with the versions and the hashes of their files.

This module needs only Python, because local/install.py reads the lock before anything is installed.
"""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from local.sam import ROOT

REQUIREMENTS = ROOT / "layers" / "dependencies" / "requirements.in"
LOCK = ROOT / "layers" / "dependencies" / "requirements.txt"

_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""How the wheels name each value of the template's Architecture."""

_MANYLINUX = ("manylinux2014", "manylinux_2_17")
"""Wheels for glibc 2.17. Every Python runtime of Lambda has a later one: 2.26 with python3.11, 2.34 after that."""

_PIN = re.compile(r"^([a-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


def locked(lock: Path = LOCK) -> dict[str, str]:
    """Return the version of each package in the lock, by name."""
    return dict(_PIN.findall(lock.read_text("utf-8")))


def pip_options(parameters: Mapping[str, str]) -> list[str]:
    """Return the options of ``pip install`` for PythonRuntime and Architecture, on whatever machine it runs.

    pip takes only wheels, and refuses a file whose hash is not in the lock.
    """
    machine = _MACHINES[parameters["Architecture"]]
    platforms = [f"--platform={name}_{machine}" for name in _MANYLINUX]
    version = parameters["PythonRuntime"].removeprefix("python")
    return ["--require-hashes", "--only-binary=:all:", "--implementation=cp", f"--python-version={version}", *platforms]


def pip_command(interpreter: Path, parameters: Mapping[str, str]) -> str:
    """Return the command, for a shell, with which layers/dependencies/Makefile installs into the layer."""
    as_needed = ["--no-compile", "--no-warn-conflicts", "--disable-pip-version-check", "--root-user-action=ignore"]
    return shlex.join([str(interpreter), "-m", "pip", "install", *as_needed, *pip_options(parameters)])


def normal(name: str) -> str:
    """Return the name of a package as the lock and PyPI's addresses write it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
