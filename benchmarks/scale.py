"""Compute what 1 to 721 million monthly users take, what it costs, and what happens at 07:00.

    make bench ONLY=scale
    python -m benchmarks.scale [--sample 1000] [--redemptions 60] [--people 1000000]

The benchmark measures what each piece of work uses, with small samples on the emulator (``scale_measuring``). It then
multiplies by an assumed activity (``scale_model.Activity``) and compares with AWS's published limits (``limits``). It
computes all costs of a million actions and of a tree (``costs``), and simulates a burst of a million people
(``burst``). It writes the pictures ``docs/scale.svg`` and ``docs/burst.svg``, and, with a million people, the tables
of ``docs/scale.md``.

What depends on the machine: processor time, and so Lambda's part of the dollars, the number of workers and the answer
times. What does not: units, requests, messages, bytes, and their dollars.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from rich.text import Text

from benchmarks import burst, costs, scale_plot
from benchmarks.engine import engine
from benchmarks.limits import limits, users_at
from benchmarks.metering import Meter
from benchmarks.scale_gauge import Gauge, LogBytes
from benchmarks.scale_measuring import Measuring
from benchmarks.scale_model import Activity, Load, dollars_a_month, http_api_dollars, load
from benchmarks.scale_trees import partner_side
from benchmarks.scale_units import SIZES, Measured
from local.command import add_json, command_parser, run_command, whole_number
from local.console import apart_from_the_output, print_json, step
from local.sam import ROOT
from local.tables import Cell, Column, number, print_table, table_lines
from saxaul.observability import logger
from saxaul.storage import clients

USERS = (1e6, 10e6, 100e6, 721e6)
"""Monthly users. 721 million used the shopping apps that the programme is for, in 2019."""

HIGHER_RATE = 10_000
"""The throttle of the second burst, in calls a second: the default quota of an account."""

PEOPLE = 1_000_000

MOST_USERS = 9e11
"""Limits that more users than this would meet are not told apart."""

BLOCK = re.compile(r"^```text\n.*?^```\n", re.DOTALL | re.MULTILINE)
DOCUMENT = ROOT / "docs" / "scale.md"
PICTURE, BURST_PICTURE = ROOT / "docs" / "scale.svg", ROOT / "docs" / "burst.svg"


def measured(sample: int, redemptions: int) -> Measured:
    """Run all steps on the emulator, and return what they use."""
    handler, log = logger.registered_handler, LogBytes()
    if isinstance(handler, logging.StreamHandler):
        handler.setStream(log)
    with engine() as queue_url, partner_side():
        meter = Meter()
        meter.attach(clients.dynamodb(), clients.sqs())
        with step("measuring what each step uses"):
            return Measuring(Gauge(meter, log), queue_url, sample, redemptions).measure()


def report(found: Measured, activity: Activity, people: int) -> dict[str, Any]:
    """Return all figures, by their names in the JSON."""
    doors = {str(size): costs.front_doors(size) for size in SIZES}
    with step("simulating 07:00 for", f"{people:,} people"):
        bursts = {
            "template's throttle": burst.simulate(burst.setting_of(found, people=people)),
            f"{HIGHER_RATE:,} calls/s": burst.simulate(burst.setting_of(found, people=people, rate=HIGHER_RATE)),
        }
    return {
        "benchmark": "scale",
        "activity": asdict(activity),
        "scale": [row(users, activity, found) for users in USERS],
        "limits": sorted(
            (
                {
                    "name": limit.name,
                    "kind": limit.kind,
                    "value": limit.value,
                    "unit": limit.unit,
                    "users": users_at(limit, activity, found),
                    "remedy": limit.remedy,
                    "source": limit.source,
                }
                for limit in limits()
            ),
            key=lambda limit: float(limit["users"]),
        ),
        "usd_per_million_actions": {str(size): costs.actions_bill(found, size) for size in SIZES},
        "usd_per_million_actions_usual": {str(size): costs.usual_bill(found, size) for size in SIZES},
        "usd_per_million_trees": costs.tree_bill(found, activity),
        "actions_of_a_tree": costs.actions_of_a_tree(found),
        "usd_front_door": doors,
        "bursts": {name: _burst_figures(done) for name, done in bursts.items()},
        "measured": found.as_json(),
    }


def row(users: float, activity: Activity, found: Measured) -> dict[str, Any]:
    """Return what a number of monthly users takes, on average and at the peak, and the dollars of a month."""
    mean, peak = (load(users, activity, found, at_peak=at_peak) for at_peak in (False, True))
    lines = dollars_a_month(mean)
    return {
        "users": users,
        "mean": _rates(mean),
        "peak": _rates(peak),
        "partitions": peak.partitions,
        "stored_gb": peak.stored_gb,
        "usd": sum(lines.values()),
        "usd_by_line": lines,
        "usd_http_api": http_api_dollars(mean),
        "met": [limit.name for limit in limits() if limit.demand(peak) > limit.value],
    }


def _rates(found: Load) -> dict[str, float]:
    return {
        "api_calls": found.api_calls,
        "actions": found.flows["report"].rate * found.activity.actions_per_call,
        "messages": found.messages,
        "write_units": found.used.write_units,
        "read_units": found.used.read_units,
        "invocations": found.invocations,
        "workers": found.workers,
        "trees": found.flows["redeem"].rate,
    }


def _burst_figures(done: burst.Burst) -> dict[str, Any]:
    figures = asdict(done)
    figures["harvests"], figures["verdicts"] = done.harvests._asdict(), done.verdicts._asdict()
    figures["verdict_percentiles_s"] = figures.pop("verdict_seconds")
    figures["answered_by_second"], figures["refused_by_second"] = figures.pop("answered"), figures.pop("refused")
    return figures


class Titled(NamedTuple):
    """A table with its title. The first column tells its rows apart."""

    title: str
    columns: Sequence[Column | str]
    rows: Sequence[Sequence[Cell]]


def tables(summary: Mapping[str, Any]) -> list[Titled]:
    """Return the tables of a report."""
    return [
        _scale_table(summary),
        _dollars_table(summary),
        _limits_table(summary),
        _costs_table(summary),
        _burst_table(summary),
    ]


def with_tables(document: str, summary: Mapping[str, Any]) -> str:
    """Return a document with the tables of a report in the place of its blocks of text, in the same order.

    Raises:
        ValueError: the document has not as many blocks as the report has tables.
    """
    texts = [
        "\n".join([table.title, "", *(line.plain for line in table_lines(table.columns, table.rows))])
        for table in tables(summary)
    ]
    parts = BLOCK.split(document)
    if len(parts) != len(texts) + 1:
        raise ValueError(f"the document has {len(parts) - 1} blocks of text, and the report {len(texts)} tables")
    return parts[0] + "".join(f"```text\n{text}\n```\n{part}" for text, part in zip(texts, parts[1:], strict=True))


def _scale_table(summary: Mapping[str, Any]) -> Titled:
    rows = summary["scale"]
    names = {
        "actions": "actions",
        "api_calls": "API calls",
        "messages": "messages",
        "write_units": "write units",
        "read_units": "read units",
        "invocations": "invocations",
        "workers": "workers",
        "trees": "trees",
    }
    cells: list[tuple[Cell, ...]] = [
        (title, *(f"{short(row['mean'][name])} / {short(row['peak'][name])}" for row in rows))
        for name, title in names.items()
    ]
    cells.append(("partitions", *(f"{row['partitions']:,}" for row in rows)))
    cells.append(("TB after a year", *(f"{row['stored_gb'] / 1000:,.2f}" for row in rows)))
    return Titled("What it takes a second: mean / peak", _columns_of_users(rows), cells)


def _columns_of_users(rows: Sequence[Mapping[str, Any]]) -> list[Column | str]:
    return ["", *(number(f"{row['users'] / 1e6:,.0f} million") for row in rows)]


def _dollars_table(summary: Mapping[str, Any]) -> Titled:
    rows = summary["scale"]
    cells: list[tuple[Cell, ...]] = [
        (line, *(f"{row['usd_by_line'][line]:,.0f}" for row in rows)) for line in rows[0]["usd_by_line"]
    ]
    cells.append((_bold("all"), *(_bold(f"{row['usd']:,.0f}") for row in rows)))
    cells.append(("for a user, in a year", *(f"{row['usd'] * 12 / row['users']:.4f}" for row in rows)))
    cells.append(("HTTP API instead of REST", *(f"{row['usd_http_api']:,.0f}" for row in rows)))
    return Titled("Dollars a month", _columns_of_users(rows), cells)


def _bold(text: str) -> Text:
    return Text(text, "bold")


def _limits_table(summary: Mapping[str, Any]) -> Titled:
    rows = [
        (
            limit["name"],
            limit["kind"],
            f"{short(limit['value'])} {limit['unit']}",
            short(limit["users"]) if limit["users"] < MOST_USERS else "more",
        )
        for limit in summary["limits"]
    ]
    columns: list[Column | str] = ["", "kind", number("limit"), number("users")]
    return Titled("Limits, by the monthly users at whose peak they are met", columns, rows)


def _costs_table(summary: Mapping[str, Any]) -> Titled:
    ours, usual = summary["usd_per_million_actions"], summary["usd_per_million_actions_usual"]
    bills = [*ours.values(), *usual.values(), summary["usd_per_million_trees"]]
    rows: list[tuple[Cell, ...]] = [(line, *(f"{bill[line]:,.3f}" for bill in bills)) for line in costs.LINES]
    rows.append((_bold("all"), *(_bold(f"{sum(bill.values()):,.2f}") for bill in bills)))
    columns: list[Column | str] = [
        "",
        *map(number, ours),
        *(number(f"usual {size}") for size in usual),
        number("trees"),
    ]
    return Titled("Dollars per million actions, in calls of 1, 10 and 100; and per million trees", columns, rows)


def _burst_table(summary: Mapping[str, Any]) -> Titled:
    bursts = summary["bursts"]
    values: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "harvest answered, p50 and p99 s": lambda b: f"{b['harvests']['p50']:.2f}, {b['harvests']['p99']:.0f}",
        "verdict on the tree, p50 and p99 s": lambda b: f"{b['verdicts']['p50']:.2f}, {b['verdicts']['p99']:.0f}",
        "the last sapling is reserved after, s": lambda b: f"{b['sold_out']:.2f}",
        "accepted, later rejected": lambda b: f"{b['accepted']:,}, {b['rejected']:,}",
        "refused as sold out": lambda b: f"{b['sold_out_answers']:,}",
        "tries with 429, throttled": lambda b: f"{b['refusals']['throttled']:,}",
        "tries with 503, busy item": lambda b: f"{b['refusals']['busy item']:,}",
        "tries with 503, busy group": lambda b: f"{b['refusals']['busy group']:,}",
        "tries with 5XX, no worker": lambda b: f"{b['refusals']['no worker']:,}",
        "gave up: harvest, redemption": lambda b: f"{b['gave_up']['harvest']:,}, {b['gave_up']['redemption']:,}",
        "most workers": lambda b: f"{b['most_workers']:,}",
    }
    rows = [(title, *(value(found) for found in bursts.values())) for title, value in values.items()]
    return Titled("07:00: a million people, 500 saplings", ["", *map(number, bursts)], rows)


def short(amount: float) -> str:
    """Return a number with about three digits, such as ``1.2k`` or ``3.4M``."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if amount >= size:
            return f"{amount / size:.3g}{letter}" if amount < 1000 * size else f"{amount / size:,.0f}{letter}"
    return f"{amount:.3g}"


def main() -> None:
    parser = command_parser("benchmarks.scale", __doc__)
    parser.add_argument(
        "--sample", type=whole_number(1), default=1000, help="the number of actions to measure for each call size"
    )
    parser.add_argument("--redemptions", type=whole_number(2), default=60, help="the number of trees to measure")
    parser.add_argument(
        "--people", type=whole_number(1), default=PEOPLE, help="the number of people of the simulated burst"
    )
    add_json(parser)
    chosen = parser.parse_args()
    with apart_from_the_output(needed=chosen.json):
        summary = report(measured(chosen.sample, chosen.redemptions), Activity(), chosen.people)
        scale_plot.draw_scale(summary["scale"], summary["limits"], PICTURE)
        scale_plot.draw_burst(summary["bursts"], BURST_PICTURE)
        if chosen.people == PEOPLE:
            DOCUMENT.write_text(with_tables(DOCUMENT.read_text("utf-8"), summary), "utf-8")
        if chosen.json:
            print_json(summary)
        else:
            show(summary)


def show(summary: Mapping[str, Any]) -> None:
    for table in tables(summary):
        print_table(table.columns, table.rows, title=table.title)


if __name__ == "__main__":
    run_command(main)
