"""A separate laptop stack for the end-to-end tests, deployed once, with the functions' IAM policies enforced."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.client import open_client
from local.sam import ROOT
from saxaul_client import OperatorClient
from tests.e2e.calling import Client
from tests.e2e.checkpoints import collected
from tests.e2e.long_waits import Rotation, packed, report_parcels, rotation_of_a_secret
from tests.witness import Witness, running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Check the log last, when all other tests have written to it."""
    items.sort(key=lambda item: item.nodeid.startswith("tests/e2e/test_interop.py"))


@pytest.fixture(scope="session")
def state_folder() -> Iterator[Path]:
    folder = ROOT / ".local" / "e2e"
    os.environ["SAXAUL_STATE"] = str(folder)
    yield folder
    del os.environ["SAXAUL_STATE"]


@pytest.fixture(scope="session")
def port() -> int:
    return free_port()


@pytest.fixture(scope="session")
def witness() -> Iterator[tuple[Witness, str]]:
    """Return a witness that runs beside the stack, and its URL."""
    watching = Witness("witness.example/tests")
    with running(watching) as url:
        yield watching, url


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the checkpoints that the stack has published, each in a file that its size names."""
    return tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="session")
def stack(state_folder: Path, port: int, witness: tuple[Witness, str], checkpoints: Path) -> Iterator[dict[str, Any]]:
    watching, url = witness
    parameters = f'Witnesses="{watching.vkey} {url}"'
    with stack_in(state_folder, "--port", str(port), "--parameters", parameters) as known:
        watching.logs[known["log_vkey"].split("+")[0]] = known["log_vkey"]
        with collected(known["log_url"], checkpoints):
            yield known


@pytest.fixture(scope="session")
def alipay(stack: dict[str, Any]) -> Iterator[Client]:
    assert stack
    with Client("alipay") as client:
        yield client


@pytest.fixture(scope="session")
def partner(stack: dict[str, Any]) -> Iterator[Client]:
    assert stack
    with Client("partner") as client:
        yield client


@pytest.fixture(scope="session")
def operator(stack: dict[str, Any]) -> Iterator[Client]:
    assert stack
    with Client("operator") as client:
        yield client


@pytest.fixture(scope="session")
def rotation(stack: dict[str, Any]) -> Iterator[Rotation]:
    """Return an app whose secret was rotated when this was first asked for."""
    with open_client(OperatorClient, "operator") as operator, rotation_of_a_secret(stack, operator) as begun:
        yield begun


@pytest.fixture(scope="session")
def parcels_before(stack: dict[str, Any]) -> float:
    """Return how many parcels a search showed right before some were reported, when this was first asked for."""
    assert stack
    with Client("taobao") as taobao:
        before = packed(taobao)
        report_parcels(taobao)
    return before


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def stack_in(folder: Path, *arguments: str) -> Iterator[dict[str, Any]]:
    """Start a stack in the state folder that SAXAUL_STATE names. Stop it at the end, and check that nothing is left."""
    run_stack("down")
    started = run_stack("up", *arguments)
    try:
        assert started.returncode == 0, started.stdout + started.stderr
        yield json.loads((folder / "stack.json").read_text())
        emulator = psutil.Process(json.loads((folder / "process.json").read_text())["pid"])
        started_by_up = [emulator, *emulator.children(recursive=True)]
    finally:
        run_stack("down")
    assert len(started_by_up) > 1, "no worker was running"
    assert not [process for process in started_by_up if process.is_running()], "down left processes behind"
    assert not [name for name in ("stack.json", "clock") if (folder / name).exists()]


def run_stack(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the laptop stack in a new process, as a developer would."""
    command = [sys.executable, "-m", "local.stack", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
