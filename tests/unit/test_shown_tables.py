"""Each table of each command can be read at 80 columns, whatever it shows, on a terminal and in a pipe."""

import ast
import io
import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.cells import cell_len

from benchmarks import (
    accrual_report,
    any_query,
    campaigns,
    cold_starts,
    erasing,
    extremes,
    limited_calls,
    proofs,
    redemptions,
    relevance,
    reporting,
    scale,
    suggestions,
    throughput,
    workers,
)
from benchmarks.scale_model import Activity
from local import apps, console, replay, results, shown_invocations, tables
from local.invoking import Invocation
from local.replay_report import Sent, Survey, Wallets
from local.sam import ROOT
from operations import shown_actions, shown_batches, shown_outcomes, shown_reconcile, shown_status
from operations import workers as event_readers
from operations.app_lines import AppLine
from operations.reconcile_receipts import BatchReport
from operations.rehearsal import Outcome
from operations.status_facts import QueueFacts, RefusalFacts, StockFacts
from saxaul.ledger.actions import Owner
from saxaul.ledger.batches import BatchSums, WaitingBatch
from tests.search.judging import Quality
from tests.unit.test_scale import MEASURED

LARGE = 123_456_789_012_345
"""No number of a table has more digits."""

LONG = "饿了么" + "a" * 122
"""An id of 128 columns, some of them wide, which cannot be broken between words."""

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Endless(dict[str, Any]):
    """Has a large number for each name."""

    def __missing__(self, name: str) -> int:
        return LARGE


def accrual() -> None:
    found = Endless(times_fewer_write_units_per_action=LARGE, times_fewer_usd_per_million_actions=LARGE)
    by_size = {"10": found, "100": Endless(), "1000000": found}
    names = ("usual", "single_writes", "one_by_one", "together")
    accrual_report.show({"users": LARGE, "actions_a_day": LARGE, **dict.fromkeys(names, by_size)})


def any_queries() -> None:
    run = any_query.QueryRun(LONG, LARGE, LARGE, LARGE, LARGE, LARGE, LARGE, "a" * 24)
    any_query.show([run, run])


def cold() -> None:
    figures = Endless()
    of_functions = {LONG: figures, "ViewForest": figures}
    cold_starts.show(
        {
            "functions": of_functions,
            "suggestions": {str(LARGE): figures},
            "limited": {"percent_of_a_processor": 29, "first_request": of_functions},
        }
    )


def limits() -> None:
    figures = dict.fromkeys(("ms", "times", "mean", "units"), float(LARGE))
    limited_calls.show(
        {LONG: {LONG: figures}},
        {LONG: dict.fromkeys(("one", "two", "ratio"), float(LARGE))},
        {f"{LARGE:,}, {LARGE:,}": limited_calls.Steady(LARGE, 1)},
    )


def redeeming() -> None:
    way = Endless()
    redemptions.show(way, way, way, way)


def judging() -> None:
    quality = Quality(LARGE, LARGE, LARGE, LARGE)
    relevance.show({LONG: dict.fromkeys(("saxaul", "tantivy", "fts5"), quality)}, "tuning")


def enlarged(value: Any) -> Any:  # noqa: ANN401 - JSON
    match value:
        case bool() | str() | None:
            return value
        case int() | float():
            return value * 1_000_003 + LARGE
        case dict():
            return {name: enlarged(member) for name, member in value.items()}
        case _:
            return [enlarged(member) for member in value]


@cache
def computed() -> dict[str, Any]:
    return scale.report(MEASURED, Activity(), 200)


def scales() -> None:
    summary = computed()
    scale.show(summary)
    scale.show(enlarged(summary))


def searching() -> None:
    suggestions._show([suggestions.Measured(LONG, LARGE, *[float(LARGE)] * 6)])  # noqa: SLF001
    suggestions._show_loading([suggestions.Loaded(LARGE, *[float(LARGE)] * 5)])  # noqa: SLF001


def proving() -> None:
    of_checks = {LONG[:40]: proofs.Check(LARGE, LARGE, float(LARGE), float(LARGE))}
    proofs.show({1_000: of_checks, 1_000_000_000: of_checks})


def posting() -> None:
    figures: dict[str, Any] = {kind: Endless(cpu_ms_per_action=Endless()) for kind in throughput.BUDGETS}
    one = {"ours": {**figures, "one_report_ms": Endless()}, "actions": LARGE, "persons": LARGE}
    throughput.show(one)
    throughput.show({**one, "before": one["ours"], "ratios": dict.fromkeys(throughput.BUDGETS, float(LARGE))})


def listing() -> None:
    limits_of = SimpleNamespace(calls_per_second=LARGE, actions_per_day=LARGE)
    app = SimpleNamespace(app_id=LONG, kind="third_party", state="suspended", limits=limits_of)
    operator = SimpleNamespace(apps=lambda: [app])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apps, "open_client", lambda *_: nullcontext(operator))
        patch.setattr(apps, "_has_secret", lambda _: True)
        apps.list_apps()


def finding() -> None:
    results.show_results(
        [
            {"kind": "action", "title": LONG, "points": LARGE, "unit": LONG, "avoided_g": LARGE},
            {"kind": LONG, "title": "梭梭 " * 60},
        ]
    )


LINES = [
    AppLine(Owner("user", LONG), LONG, LONG, LARGE, Decimal(LARGE), 0, 0, LARGE, Decimal(LARGE), "counts"),
    AppLine(Owner("user", "mei"), "a", "bus_ride", LARGE, Decimal(LARGE), 0, 0, LARGE, Decimal(LARGE), "counts"),
]


def status() -> None:
    rows = [
        *shown_status.rows_of_queues([QueueFacts(LONG, LARGE, LARGE, LARGE)]),
        *shown_status.rows_of_stocks(
            [StockFacts(LONG, LARGE, closed=True, next_at=0, next_saplings=LARGE)], ZoneInfo("UTC")
        ),
        *shown_status.rows_of_refusals(RefusalFacts({LONG: LARGE}, 1, {LONG: LARGE}, are_all=False)),
    ]
    shown_status.show(LONG, {"dead letters": rows})


def reconciling() -> None:
    batches = BatchReport(BatchSums(*[LARGE] * 5))
    shown_reconcile.Found("Ledger", 0, shown_reconcile.Report(*[LARGE] * 6), batches).print_sums()


def replaying() -> None:
    survey = Survey(rides=LARGE, again=LARGE, stations={LONG: LARGE})
    survey.bad.count["station unknown"] = LARGE
    survey.bad.first["station unknown"] = [str(LARGE)] * 5
    sent = Sent(accepted=LARGE, refused=Counter(too_old=LARGE), users={LONG}, seconds=1)
    replay.show(survey, sent, Wallets(LARGE, LARGE, LARGE, Decimal(LARGE)), Path(LONG))


def invoking() -> None:
    answer = {"statusCode": 200, "body": LONG}
    shown_invocations.show_table(
        [(Invocation("SettleRedemptions", answer, is_error=False, log=(LONG,), seconds=1), LONG)]
    )


def confirming() -> None:
    measured = dict.fromkeys(
        ["ms", "bare_ms", "ratio", "requests", "alone_ms", "median_ms", "slowest_ms", "in_turn_ms", "at_once_ms"],
        float(LARGE),
    )
    reporting.show({LONG: measured}, {LONG: measured})


SHOWN: Mapping[str, Callable[[], object]] = {
    "benchmarks/accrual_report.py": accrual,
    "benchmarks/any_query.py": any_queries,
    "benchmarks/erasing.py": lambda: erasing.show(
        LARGE, erasing.Exported(*[LARGE] * 3, *[float(LARGE)] * 2), erasing.Erased(*[LARGE] * 4, *[float(LARGE)] * 3)
    ),
    "benchmarks/campaigns.py": lambda: campaigns.show({(LARGE, LARGE): [campaigns.Used(*[float(LARGE)] * 4)]}),
    "benchmarks/cold_starts.py": cold,
    "benchmarks/extremes.py": lambda: extremes.show({"wallet": Endless(), "forest": Endless()}),
    "benchmarks/limited_calls.py": limits,
    "benchmarks/proofs.py": proving,
    "benchmarks/redemptions.py": redeeming,
    "benchmarks/relevance.py": judging,
    "benchmarks/reporting.py": confirming,
    "benchmarks/scale.py": scales,
    "benchmarks/suggestions.py": searching,
    "benchmarks/throughput.py": posting,
    "benchmarks/workers.py": lambda: workers.show(
        [
            workers.Measured(
                "SettleRedemptions", LONG, LARGE, LARGE, LONG, float(LARGE), LARGE, float(LARGE), float(LARGE)
            )
        ]
    ),
    "local/apps.py": listing,
    "local/replay.py": replaying,
    "local/results.py": finding,
    "local/shown_invocations.py": invoking,
    "operations/shown_actions.py": lambda: shown_actions.print_totals(LINES),
    "operations/shown_batches.py": lambda: shown_batches.print_waiting(
        [WaitingBatch(LONG, LONG, 0, "waiting", LARGE)], LARGE
    ),
    "operations/shown_outcomes.py": lambda: shown_outcomes.print_outcomes(
        LINES, [Outcome(LINES[0].owner, LARGE, -LARGE, LARGE)], LINES
    ),
    "operations/shown_reconcile.py": reconciling,
    "operations/shown_status.py": status,
    "operations/workers.py": lambda: event_readers.show(
        [event_readers.Worker("SettleRedemptions", LONG, LONG, LONG, "Disabled", LARGE)]
    ),
}
"""Prints all tables of a module with extreme values, by the file of the module."""


def modules() -> dict[str, ast.Module]:
    files = (file for folder in ("benchmarks", "local", "operations") for file in (ROOT / folder).glob("*.py"))
    return {str(file.relative_to(ROOT)): ast.parse(file.read_text("utf-8")) for file in files}


def calls_of(module: ast.Module) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(module) if isinstance(node, ast.Call)}


def test_the_tables_of_every_module_are_tried_here() -> None:
    found = {file for file, module in modules().items() if "print_table" in calls_of(module)}

    assert found == SHOWN.keys()


def test_nothing_prints_a_table_in_another_way() -> None:
    imported = {
        file: alias.name if isinstance(node, ast.Import) else node.module
        for file, module in modules().items()
        for node in ast.walk(module)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }

    assert not [file for file, name in imported.items() if name in ("rich.table", "rich.columns", "tabulate")]


def drawn(show: Callable[[], object], patch: pytest.MonkeyPatch, *, width: int, is_terminal: bool) -> list[str]:
    """Return the lines of the tables alone, without colours."""
    written = io.StringIO()
    target = console.PipedConsole(
        file=written, force_terminal=is_terminal, width=width, highlight=False, soft_wrap=True, emoji=False
    )
    patch.setattr(tables, "console", target)
    patch.setattr(tables, "WIDTH", width)
    show()
    return COLOUR.sub("", written.getvalue()).splitlines()


def numbers_in(lines: list[str]) -> Counter[str]:
    return Counter(word for line in lines for word in line.split() if any(char.isdigit() for char in word))


@pytest.mark.parametrize("is_terminal", [True, False], ids=["terminal", "pipe"])
@pytest.mark.parametrize("file", SHOWN)
def test_a_table_fits_80_columns_and_no_number_of_it_is_cut(
    file: str, monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool
) -> None:
    monkeypatch.setattr(console.console, "quiet", True)
    endless = drawn(SHOWN[file], monkeypatch, width=10_000, is_terminal=is_terminal)

    lines = drawn(SHOWN[file], monkeypatch, width=80, is_terminal=is_terminal)

    assert lines
    assert max(map(cell_len, lines)) <= 80
    assert numbers_in(endless) <= numbers_in(lines)
    assert not any("…" in line for line in lines)
