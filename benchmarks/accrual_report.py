"""Report the results of `benchmarks/accrual.py`: as JSON, as a table, and compared with the budgets."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from benchmarks.day import Call, Day
from benchmarks.engine import function_memory
from benchmarks.periods_way import users_of
from benchmarks.prices import AS_OF, REGION, Usage
from local.console import console
from local.tables import number, print_table

SIZES = (1, 10, 100, 1000)
"""Actions per call."""

BUDGETS = {"one_by_one": 1.08, "together": 0.57}
"""The most write units per action that are allowed, by arrival pattern."""

BATCHED_BUDGETS = {"one_by_one": 1.06, "together": 0.54}
"""The same in calls of ``BATCHED_SIZE`` actions, rounded to two digits."""

RECEIPTS_BUDGET = 0.05
"""The most write units for receipts per action in calls of ``BATCHED_SIZE`` actions, with their index."""

REQUESTS_BUDGET = 0.10
PROCESSOR_BUDGET = 0.25
BATCHED_SIZE = 100
"""In calls of ``BATCHED_SIZE`` actions that arrive one by one, at most ``REQUESTS_BUDGET`` DynamoDB requests are
allowed per action, and at most ``PROCESSOR_BUDGET`` of the processor time with single writes."""

SQS_BUDGET = 0.05
SQS_BUDGET_FROM = 100
"""In calls of ``SQS_BUDGET_FROM`` actions or more, at most ``SQS_BUDGET`` SQS requests are allowed per action."""

LEAST_RATIO = 5
"""The usual design must use at least this many times as many write units as Saxaul."""

Results = dict[tuple[str, int], Usage]
"""The usage by row and by call size.

A row is an arrival pattern (a key of ``BUDGETS``), ``single_writes`` or ``usual``.
"""


def figures(usage: Usage) -> dict[str, Any]:
    """Return the figures of a measurement, by their names in the JSON."""
    bill = usage.bill(function_memory("AccruePoints"))
    per_action = {
        "write_units_per_action": usage.write_units - usage.receipt_units,
        "unmarked_units_per_action": usage.unmarked_units,
        "receipt_units_per_action": usage.receipt_units,
        "read_units_per_action": usage.read_units,
        "dynamodb_requests_per_action": usage.dynamodb_requests,
        "sqs_requests_per_action": usage.sqs_requests,
        "cpu_ms_per_action": usage.processor_seconds * 1000,
    }
    return {
        "actions": usage.actions,
        **{name: round(usage.per_action(amount), 4) for name, amount in per_action.items()},
        "usd_per_million_actions": round(sum(bill.values()), 3),
        "usd_by": {name: round(dollars, 3) for name, dollars in bill.items()},
        "api_gateway_usd_per_million_actions": round(usage.api_gateway_dollars(), 3),
    }


def report(users: int, days: Mapping[str, Day], results: Results) -> dict[str, Any]:
    """Return all figures, and for each key the ratio of the usual design to Saxaul."""
    summary: dict[str, Any] = {
        "benchmark": "accrual",
        "users": users,
        "actions_a_day": days["one_by_one"].actions,
        "acts_a_call_together": round(mean_actions_together(days["together"]), 2),
        "users_twice_in_a_call": {
            str(size): round(repeated_user_share(days["one_by_one"].calls(size)), 4) for size in SIZES
        },
        "prices": {"region": REGION, "as_of": AS_OF},
    }
    for (name, size), usage in results.items():
        found = figures(usage)
        if name != "usual":
            usual = figures(results["usual", size])
            for key in ("write_units_per_action", "sqs_requests_per_action", "usd_per_million_actions"):
                found[f"times_fewer_{key}"] = round(usual[key] / found[key], 2)
        if name == "one_by_one":
            single = figures(results["single_writes", size])
            found["times_fewer_cpu_ms_per_action"] = round(single["cpu_ms_per_action"] / found["cpu_ms_per_action"], 2)
        summary.setdefault(name, {})[str(size)] = found
    return summary


def mean_actions_together(day: Day) -> float:
    return day.actions / sum(1 for arrival in day.arrivals if not arrival.again)


def repeated_user_share(calls: Iterable[Call]) -> float:
    """Return the share of the arrivals whose user already has an earlier arrival in the same call."""
    found = [(len(call), len(users_of(call))) for call in calls]
    return 1 - sum(users for _, users in found) / sum(arrivals for arrivals, _ in found)


def missed_budgets(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line of text for each missed budget."""
    for arriving, most in BUDGETS.items():
        for size, found in summary[arriving].items():
            if found["write_units_per_action"] > most:
                yield f"{arriving}, calls of {size}: {found['write_units_per_action']} write units, budget {most}"
            sqs = found["sqs_requests_per_action"]
            if int(size) >= SQS_BUDGET_FROM and sqs > SQS_BUDGET:
                yield f"{arriving}, calls of {size}: {sqs} SQS requests, budget {SQS_BUDGET}"
            if found["times_fewer_write_units_per_action"] < LEAST_RATIO:
                yield f"{arriving}, calls of {size}: the usual design needs under {LEAST_RATIO} times the write units"

    yield from _missed_in_batches(summary)
    ours, single = (summary[name][str(BATCHED_SIZE)] for name in ("one_by_one", "single_writes"))
    if ours["dynamodb_requests_per_action"] > REQUESTS_BUDGET:
        yield f"one by one: {ours['dynamodb_requests_per_action']} DynamoDB requests, budget {REQUESTS_BUDGET}"
    if ours["times_fewer_cpu_ms_per_action"] < 1 / PROCESSOR_BUDGET:
        share = ours["cpu_ms_per_action"] / single["cpu_ms_per_action"]
        yield f"one by one: {share:.2f} of the processor time with single writes, budget {PROCESSOR_BUDGET}"


def _missed_in_batches(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line of text for each missed budget of write units in calls of ``BATCHED_SIZE`` actions."""
    for arriving, most in BATCHED_BUDGETS.items():
        units = round(summary[arriving][str(BATCHED_SIZE)]["write_units_per_action"], 2)
        if units > most:
            yield f"{arriving}, calls of {BATCHED_SIZE}: {units} write units, budget {most}"
        receipts = summary[arriving][str(BATCHED_SIZE)]["receipt_units_per_action"]
        if receipts > RECEIPTS_BUDGET:
            yield f"{arriving}, calls of {BATCHED_SIZE}: {receipts} write units of receipts, budget {RECEIPTS_BUDGET}"


def show(summary: Mapping[str, Any]) -> None:
    names = {
        "usual": "usual design",
        "single_writes": "single writes",
        "one_by_one": "one by one",
        "together": "together",
    }
    print_table(
        ["", *map(number, ("calls", "write units", "read", "DDB", "SQS", "ms", "$/million"))],
        [
            (
                row,
                int(size),
                f"{found['write_units_per_action']:.2f}{_ratio(found, 'write_units_per_action')}",
                f"{found['read_units_per_action']:.2f}",
                f"{found['dynamodb_requests_per_action']:.2f}",
                f"{found['sqs_requests_per_action']:.3f}",
                f"{found['cpu_ms_per_action']:.2f}{_ratio(found, 'cpu_ms_per_action')}",
                f"{found['usd_per_million_actions']:.2f}{_ratio(found, 'usd_per_million_actions')}",
            )
            for name, row in names.items()
            for size, found in summary[name].items()
        ],
        title=f"Cost per action, over a day of {summary['users']:,} users and {summary['actions_a_day']:,} actions",
        keys=2,
    )
    gateway = ", ".join(
        f"{found['api_gateway_usd_per_million_actions']:.2f} in calls of {int(size):,}"
        for size, found in summary["one_by_one"].items()
    )
    console.print("Figures per action. calls: actions per call; read: read units; DDB, SQS: requests; ms: CPU time.")
    for row in BUDGETS:
        found = summary[row][str(BATCHED_SIZE)]
        receipts = ", ".join(
            f"{of['receipt_units_per_action']:.3f} in calls of {size}" for size, of in summary[row].items()
        )
        console.print(f"Receipts, {names[row]}: {receipts} (write units, besides those of the table).")
        units, unmarked = found["write_units_per_action"], found["unmarked_units_per_action"]
        console.print(
            f"Marks of receipts, {names[row]}, calls of {BATCHED_SIZE}: "
            f"{units:.4f} write units with them, {unmarked:.4f} without."
        )
    console.print(
        f"List prices of {REGION}, {AS_OF}. API Gateway is not included; it costs both designs the same: ${gateway}."
    )


def _ratio(found: Mapping[str, Any], key: str) -> str:
    return f" ÷{found[f'times_fewer_{key}']:.1f}" if f"times_fewer_{key}" in found else ""
