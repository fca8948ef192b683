"""What a stack costs in a month if nothing happens, and if apps report a million actions a day.

Without traffic, a stack pays for what exists: alarms, metrics, the dashboard, clients, the key, and functions and
queues that run by schedule. The template says how many there are. What a million actions cost is the table of docs/scale.md, which
``make bench ONLY=scale`` measures and writes.
"""

import re
from collections.abc import Mapping

from benchmarks import prices
from benchmarks.scale_model import DAYS_OF_MONTH, alarm_metrics, clients
from local.sam import ROOT
from local.template import resources, template

DAY_MINUTES = 24 * 60

RUN_SECONDS = 0.2
"""How long a scheduled run takes that finds nothing to do. An assumption: it makes a few calls of AWS."""

IDLE_METRICS = 3
"""Our own metrics that have data without traffic: the ages of what waits, and missing cosignatures."""

CALLS = ("1", "10", "100")
"""The actions in a call, in the order of the columns of the table in docs/scale.md."""

_RATE = re.compile(r"rate\((\d+) minutes?\)")


def idle_dollars() -> dict[str, float]:
    """Return what a month costs if nothing happens, by what is billed."""
    queues = [mapping for mapping in resources("AWS::Lambda::EventSourceMapping").values() if _reads_a_queue(mapping)]
    polls = len(queues) * prices.EMPTY_POLL_MINUTE * DAY_MINUTES * DAYS_OF_MONTH
    return {
        "Cognito clients": clients() * prices.APP_CLIENT_MONTH,
        "alarms": alarm_metrics() * prices.ALARM_METRIC_MONTH,
        "polls of empty queues": polls * prices.SQS_REQUEST,
        "the dashboard": prices.DASHBOARD_MONTH,
        "metrics of our own": IDLE_METRICS * prices.METRIC_MONTH,
        "scheduled runs": scheduled_runs() * (prices.INVOCATION + _run_dollars()),
        "the signing key": prices.KEY_MONTH,
    }


def _reads_a_queue(mapping: Mapping[str, object]) -> bool:
    return "Queue" in str(mapping["EventSourceArn"])


def scheduled_runs() -> float:
    """Return how many runs the schedules start in a month. The planting batch, once a day, is left out."""
    minutes = [int(found[1]) for found in map(_RATE.fullmatch, _expressions()) if found]
    return sum(DAY_MINUTES / every for every in minutes) * DAYS_OF_MONTH


def _expressions() -> list[str]:
    events = [
        event["Properties"]
        for function in resources("AWS::Serverless::Function").values()
        for event in function.get("Events", {}).values()
    ]
    return [str(event["ScheduleExpression"]) for event in events if "ScheduleExpression" in event]


def _run_dollars() -> float:
    memory_mb = template()["Globals"]["Function"]["MemorySize"]
    return float(RUN_SECONDS * memory_mb / 1024 * prices.GB_SECOND)


def dollars_of_a_million() -> dict[str, float]:
    """Return what a million actions cost, all in, by the number of actions in a call."""
    text = (ROOT / "docs/scale.md").read_text("utf-8")
    table = text.partition("Dollars per million actions")[2]
    [numbers] = re.findall(r"^all +([\d. ]+)$", table.partition("```")[0], re.MULTILINE)
    return dict(zip(CALLS, map(float, numbers.split()), strict=False))


def rows() -> list[str]:
    """Return the rows of the table in docs/operations.md."""
    idle = idle_dollars()
    total = sum(idle.values())
    million = {calls: dollars * DAYS_OF_MONTH for calls, dollars in dollars_of_a_million().items()}
    return [
        *(f"| {what} | {_shown(dollars)} |" for what, dollars in sorted(idle.items(), key=lambda item: -item[1])),
        f"| **idle, in all** | **{_shown(total)}** |",
        *(f"| a million actions a day, in calls of {calls} | {_shown(million[calls])} more |" for calls in CALLS),
    ]


def _shown(dollars: float) -> str:
    return f"{dollars:.2f}" if dollars < 10 else f"{dollars:,.0f}"  # noqa: PLR2004 - cents matter below 10 dollars
