"""Draw the pictures of ``docs/scale.md``: dollars and limits by the number of users, and the burst at 07:00."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

GROUPS = {
    "API Gateway": ("API Gateway",),
    "DynamoDB": ("DynamoDB writes", "DynamoDB reads"),
    "storage and recovery": ("DynamoDB storage", "Point-in-time recovery"),
    "Lambda": ("Lambda requests", "Lambda duration"),
    "data to the internet": ("Data to the internet",),
    "logs": ("Logs",),
}
"""The parts of the bars. All other lines are in the last part."""

OTHERS = "others"
COLOURS = ("#2f6f4e", "#8fbf9f", "#d9a441", "#7a6a58", "#5b8db8", "#b5651d", "#bbbbbb")
KINDS = {"template": "#8fbf9f", "quota": "#2f6f4e", "fixed": "#b5651d", "design": "#c0392b"}
KIND_NAMES = {
    "template": "a number of the template",
    "quota": "a quota that AWS raises",
    "fixed": "fixed for one key or group",
    "design": "follows from the design",
}


def prepare() -> None:
    mpl.rcParams.update({"svg.hashsalt": "saxaul", "svg.fonttype": "none", "font.family": "sans-serif"})


def draw_scale(rows: Sequence[Mapping[str, Any]], limits: Sequence[Mapping[str, Any]], target: Path) -> None:
    """Draw dollars a month for each million users, and at how many users each limit is met."""
    prepare()
    figure = Figure(figsize=(9, 6.6), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=[1, 1.7])
    _draw_dollars(above, rows)
    _draw_limits(below, limits, [row["users"] for row in rows])
    figure.savefig(target, format="svg", metadata={"Date": None})


def _draw_dollars(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    names = [f"{row['users'] / 1e6:,.0f} million" for row in rows]
    left = [0.0] * len(rows)
    grouped = {line for lines in GROUPS.values() for line in lines}
    others = tuple(line for line in rows[0]["usd_by_line"] if line not in grouped)
    for (name, lines), colour in zip([*GROUPS.items(), (OTHERS, others)], COLOURS, strict=True):
        values = [sum(row["usd_by_line"][line] for line in lines) / row["users"] * 1e6 for row in rows]
        bars = axes.barh(names, values, left=left, color=colour, height=0.6, label=name)
        left = [before + value for before, value in zip(left, values, strict=True)]
    axes.bar_label(bars, labels=[f"${value:,.0f}" for value in left], padding=3)
    axes.set_title("Dollars a month for each million monthly users", fontsize=10, loc="left")
    axes.margins(x=0.12)
    axes.invert_yaxis()
    axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.14), ncols=4, frameon=False, fontsize=8)
    _bare(axes)


def _draw_limits(axes: Axes, limits: Sequence[Mapping[str, Any]], users: Sequence[float]) -> None:
    shown = [limit for limit in limits if limit["users"] < 5e11]  # noqa: PLR2004 - nobody has so many users
    for kind, colour in KINDS.items():
        of_kind = [(number, limit["users"]) for number, limit in enumerate(shown) if limit["kind"] == kind]
        axes.scatter(
            [u for _, u in of_kind], [n for n, _ in of_kind], color=colour, s=28, label=KIND_NAMES[kind], zorder=3
        )
    axes.set_yticks(range(len(shown)), [limit["name"] for limit in shown], fontsize=8)
    axes.set_xscale("log")
    for number in users:
        axes.axvline(number, color="#999999", linewidth=0.7, linestyle="--")
    axes.set_title("Monthly users at whose peak a limit is met (dashed: the numbers above)", fontsize=10, loc="left")
    axes.grid(axis="y", color="#dddddd", linewidth=0.5)
    axes.invert_yaxis()
    axes.legend(loc="upper center", bbox_to_anchor=(0.3, -0.08), ncols=4, frameon=False, fontsize=8)
    _bare(axes)


def draw_burst(bursts: Mapping[str, Mapping[str, Any]], target: Path) -> None:
    """Draw the calls in each second of the first burst, and the times until people know whether they get a tree."""
    prepare()
    figure = Figure(figsize=(9, 3.1), layout="constrained")
    calls, waits = figure.subplots(1, 2)
    first = next(iter(bursts.values()))
    shown = 600
    seconds = range(len(first["answered_by_second"][:shown]))
    calls.stackplot(
        seconds,
        first["answered_by_second"][:shown],
        first["refused_by_second"][:shown],
        colors=[COLOURS[0], COLOURS[2]],
        labels=["answered", "refused: try again later"],
    )
    calls.set_title(f"Calls in each second, {next(iter(bursts))}", fontsize=10, loc="left")
    calls.set_xlabel("seconds after 07:00", fontsize=8)
    calls.legend(frameon=False, fontsize=8)
    for (name, burst), colour in zip(bursts.items(), COLOURS, strict=False):
        waits.plot(burst["verdict_percentiles_s"], range(101), color=colour, label=name)
    waits.set_xscale("log")
    waits.set_title("Share of people who know whether they get a tree, %", fontsize=10, loc="left")
    waits.set_xlabel("seconds after the first request for a tree", fontsize=8)
    waits.legend(frameon=False, fontsize=8)
    for axes in (calls, waits):
        _bare(axes)
    figure.savefig(target, format="svg", metadata={"Date": None})


def _bare(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
