"""Draw the results of `benchmarks/accrual.py` as a bar chart."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

SIZE = "100"
"""The call size that the plot shows, in actions."""

ROWS = {
    "together": "periods, a user's\nactions together",
    "one_by_one": "periods, one by one",
    "usual": "the usual design",
}
PARTS = {"writes": "#2f6f4e", "reads": "#8fbf9f", "sqs": "#d9a441", "lambda": "#7a6a58"}
NAMES = {"writes": "DynamoDB writes", "reads": "DynamoDB reads", "sqs": "SQS", "lambda": "Lambda"}


def draw(summary: Mapping[str, Any], target: Path) -> None:
    """Draw write units and dollars side by side as an SVG. The same figures give the same bytes."""
    mpl.rcParams.update({"svg.hashsalt": "saxaul", "svg.fonttype": "none", "font.family": "sans-serif"})
    figure = Figure(figsize=(9, 2.9), layout="constrained")
    units, dollars = figure.subplots(1, 2, sharey=True)
    _draw_units(units, summary)
    _draw_dollars(dollars, summary)
    for axes in (units, dollars):
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(left=False)
    handles, labels = dollars.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=len(PARTS), frameon=False, fontsize=8)
    figure.savefig(target, format="svg", metadata={"Date": None})


def _draw_units(axes: Axes, summary: Mapping[str, Any]) -> None:
    values = [summary[row][SIZE]["write_units_per_action"] for row in ROWS]
    bars = axes.barh(list(ROWS.values()), values, color=PARTS["writes"], height=0.6)
    axes.bar_label(bars, labels=[f"{value:.2f}" for value in values], padding=3)
    axes.set_title("DynamoDB write units per action", fontsize=10, loc="left")
    axes.margins(x=0.12)


def _draw_dollars(axes: Axes, summary: Mapping[str, Any]) -> None:
    left = [0.0] * len(ROWS)
    for part, colour in PARTS.items():
        values = [summary[row][SIZE]["usd_by"][part] for row in ROWS]
        bars = axes.barh(list(ROWS.values()), values, left=left, color=colour, height=0.6, label=NAMES[part])
        left = [before + value for before, value in zip(left, values, strict=True)]
    axes.bar_label(bars, labels=[f"${value:.2f}" for value in left], padding=3)
    axes.set_title(f"Dollars per million actions, in calls of {SIZE}", fontsize=10, loc="left")
    axes.margins(x=0.12)
