"""What a function imports, and how a worker is prepared before its first request."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from saxaul.startup import CALLS_WITHIN, ON_LAMBDA, prepare
from saxaul import startup
from saxaul.storage.clients import LONGEST_ATTEMPT
from saxaul.storage.objects import LONGEST_OBJECT_READ

ROOT = Path(__file__).parents[2]
HANDLERS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
SLOW_IMPORTS = {"boto3", "s3transfer", "pydantic", "aws_xray_sdk", "segno"}
"""Packages that take long to import and that no first response needs."""


@pytest.mark.parametrize("function", HANDLERS)
def test_a_handler_imports_no_package_that_its_first_response_does_not_need(function: str) -> None:
    program = "import handler, json, sys; print(json.dumps(sorted(sys.modules)))"
    paths = [str(ROOT / "functions" / function), str(ROOT / "layers/saxaul")]
    env = {key: value for key, value in os.environ.items() if key != ON_LAMBDA}
    env |= {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)  # noqa: S603

    imported = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert not imported & SLOW_IMPORTS


def test_elsewhere_than_on_lambda_nothing_is_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ON_LAMBDA, raising=False)
    steps: list[str] = []

    prepare(lambda: steps.append("client"), reading=lambda: steps.append("catalog"))

    assert steps == []


def test_a_worker_reads_data_after_all_other_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ON_LAMBDA, "ViewForest")
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
    steps: list[str] = []

    prepare(lambda: steps.append("client"), lambda: steps.append("model"), reading=lambda: steps.append("catalog"))

    assert steps == ["client", "model", "catalog"]


def test_a_step_that_fails_stops_neither_the_others_nor_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ON_LAMBDA, "ViewForest")
    steps: list[str] = []

    def fail() -> None:
        raise RuntimeError("the table does not answer")

    prepare(fail, reading=lambda: steps.append("catalog"))

    assert steps == ["catalog"]


def test_a_step_that_takes_too_long_does_not_delay_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ON_LAMBDA, "ViewForest")
    monkeypatch.setattr(startup, "PREPARED_WITHIN", 0.01)
    from threading import Event  # noqa: PLC0415

    answered = Event()
    prepare(lambda: answered.wait(30))  # returns before the step does
    answered.set()

    assert startup.PREPARED_WITHIN < 30


def test_with_snapstart_data_is_read_and_random_numbers_are_seeded_after_a_restore(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hooks: list[tuple[Any, ...]] = []
    runtime = ModuleType("snapshot_restore_py")
    runtime.register_after_restore = lambda *hook: hooks.append(hook)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", runtime)
    monkeypatch.setenv(ON_LAMBDA, "ViewForest")
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    steps: list[str] = []

    prepare(lambda: steps.append("client"), reading=lambda: steps.append("catalog"))
    before_snapshot = list(steps)
    for function, *arguments in hooks:
        function(*arguments)

    assert before_snapshot == ["client"]
    assert steps == ["client", "catalog"]
    assert len(hooks) == 2


def test_without_the_runtimes_hooks_the_first_request_reads_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ON_LAMBDA, "ViewForest")
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)
    steps: list[str] = []

    prepare(reading=lambda: steps.append("catalog"))

    assert steps == []


def test_the_preparation_has_time_to_read_the_published_catalog() -> None:
    assert CALLS_WITHIN >= LONGEST_OBJECT_READ + 2 * LONGEST_ATTEMPT
