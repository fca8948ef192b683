"""What a function imports, and how a worker is prepared before its first request."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Mapping
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
SLOW_IMPORTS = {"boto3", "s3transfer", "pydantic", "pydantic_core", "aws_xray_sdk", "segno"}
"""Packages that take long to import. No first response needs them, except pydantic_core, which validates some."""

NEEDLESS: Mapping[str, set[str]] = {
    "ingest_actions": {"ledger.periods", "trees", "impact", "log"},
    "accrue_points": {"trees", "impact", "log", "http"},
    "suggest_campaigns": {"ledger.periods", "log.leaves", "trees.redemptions", "certificate"},
    "redeem_trees": {"log.leaves", "trees.orders", "trees.reports", "certificate"},
    "settle_redemptions": {"log.leaves", "trees.orders"},
    "sweep_redemptions": {"ledger.periods", "log.leaves", "trees.orders"},
    "schedule_orders": {"ledger.periods", "log.leaves", "trees.manifests"},
    "place_orders": {"ledger.periods", "log.leaves"},
    "take_reports": {"ledger.periods", "certificate"},
    "view_forest": {"log.leaves", "trees.reports", "trees.manifests"},
    "manage_grants": {"ledger.periods", "log", "trees"},
    "prove_trees": {"ledger.periods", "impact"},
    "tally_impact": {"log.leaves", "http"},
    "view_impact": {"ledger.periods", "trees.redemptions", "certificate"},
    "describe_api": {"ledger.periods", "log", "trees", "impact", "search", "certificate", "storage", "services"},
    "manage_catalog": {"ledger.periods", "log", "trees.redemptions"},
    "manage_apps": {"ledger.periods", "log", "trees", "impact", "search", "certificate"},
    "end_overlaps": {"ledger", "log", "trees", "http", "search"},
    "publish_catalog": {"search.index", "ledger", "trees"},
}
"""Parts of the package that take long to import, and that the function or its usual first response does not need."""


def started(function: str) -> tuple[set[str], int]:
    """Return the modules that a new process has after it imported a handler, and after how many objects it collects."""
    program = "import gc, handler, json, sys; print(json.dumps([sorted(sys.modules), gc.get_threshold()[0]]))"
    paths = [str(ROOT / "functions" / function), str(ROOT / "layers/saxaul")]
    env = {key: value for key, value in os.environ.items() if key != ON_LAMBDA}
    env |= {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)  # noqa: S603
    modules, collects_after = json.loads(done.stdout)
    return set(modules), collects_after


def imports_of(function: str) -> list[str]:
    """Return the names of the modules that a handler imports, in order."""
    statements = ast.parse((ROOT / "functions" / function / "handler.py").read_text("utf-8")).body
    names: list[str] = []
    for statement in statements:
        if isinstance(statement, ast.Import):
            names += [alias.name for alias in statement.names]
        if isinstance(statement, ast.ImportFrom):
            names.append(statement.module or "")
    return names


@pytest.mark.parametrize("function", HANDLERS)
def test_a_handler_imports_nothing_needless_and_makes_garbage_collections_rare(function: str) -> None:
    imported, collects_after = started(function)

    assert not {name.split(".")[0] for name in imported} & SLOW_IMPORTS
    assert not imported & {f"saxaul.{name}" for name in NEEDLESS.get(function, set())}
    assert collects_after == startup.COLLECT_AFTER


@pytest.mark.parametrize("function", HANDLERS)
def test_a_handler_first_imports_the_module_that_makes_garbage_collections_rare(function: str) -> None:
    assert next(name for name in imports_of(function) if name.startswith("saxaul")) == "saxaul.startup"


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
