"""Measures what each step of the system uses, for the scale model.

Each step is a deployed function's handler, which runs in this process against the emulator. A step that handles batches
is measured with a small batch and with a large one. So what a batch uses at least, and what each item adds, are known
separately.
"""

from datetime import datetime, timedelta
from time import time
from typing import Any

from benchmarks.day import Day
from benchmarks.periods_way import PeriodsWay
from benchmarks.scale_actions import SHARD, ActionSteps
from benchmarks.scale_gauge import Gauge
from benchmarks.scale_trees import PROJECT, TREE_RECORDS, TreeSteps
from benchmarks.scale_units import SIZES, Measured
from benchmarks.stored_items import bytes_of
from benchmarks.usual_way import UsualWay
from saxaul.clock import SYSTEM_CLOCK
from saxaul.impact import totals
from saxaul.impact.totals import Change, Impact, Tally
from saxaul.settings import settings
from saxaul.storage import impact
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.table import Table


class Measuring:
    """Runs all steps in this process, and measures them. ``sample`` is the number of actions for each call size."""

    def __init__(self, gauge: Gauge, queue_url: str, sample: int, people: int) -> None:
        self._gauge = gauge
        self._actions = ActionSteps(gauge, queue_url, sample)
        self._trees = TreeSteps(gauge, people)
        self._store = CatalogStore(Table(settings().catalog_table, SYSTEM_CLOCK))
        self._sample = sample

    def measure(self) -> Measured:
        catalog = self._store.catalog()
        zone = settings().calendar.zone
        yesterday = (datetime.now(zone) - timedelta(days=1)).date()
        day = Day(max(4000, 8 * self._sample), yesterday, zone, together=False)
        actions = {size: self._actions.of_calls(PeriodsWay(day, catalog), day, size) for size in SIZES}
        usual = {size: self._actions.of_usual_design(UsualWay(day, catalog), day, size) for size in SIZES}
        usual_bytes = self._actions.usual_bytes()
        steps, tree_bytes = self._trees.measure(catalog)
        records = actions[max(SIZES)].records
        steps["find_repeats"], steps["tally"] = self._actions.of_stream(records)
        renewal = self._gauge.used(lambda: self._store.catalog(max_age=0))
        return Measured(
            steps=steps,
            reports={size: found.report for size, found in actions.items()},
            accruals={size: found.accrual for size, found in actions.items()},
            usual={size: accrual for size, (_, accrual) in usual.items()},
            usual_reports={size: report for size, (report, _) in usual.items()},
            usual_bytes=usual_bytes,
            records_per_action=len(records) / actions[max(SIZES)].actions,
            bytes_per_action=actions[max(SIZES)].stored_bytes,
            points_per_action=actions[max(SIZES)].points,
            message_bytes={size: found.message_bytes for size, found in actions.items()},
            renewal_units=renewal.read_units,
            tree_points=catalog.tree_projects[PROJECT].price_points,
            tree_bytes=tree_bytes,
            tree_records=TREE_RECORDS,
            **_tally_sizes(),
        )


def _tally_sizes() -> dict[str, Any]:
    """Return the bytes of a day's totals without marks, those of a mark, and how many items share the totals of a day.

    The totals are those of a day on which only trees were reserved. Sums of actions make them longer.
    """
    day = datetime.now(settings().calendar.zone).date()
    tally, sizes, now = Tally(day), list[int](), int(time())
    for number in range(3):
        change = Change(10**27 + number, now, {day: Impact(trees={"reserved": 1})})
        tally = tally.with_changes([change], totals.short_name(f"{SHARD}{number}"), now)
        sizes.append(bytes_of(impact.to_item(tally)))
    mark = (sizes[2] - sizes[0]) / 2
    return {
        "tally_bytes": sizes[0] - mark,
        "mark_bytes": mark,
        "mark_hours": totals.DELIVERED_WITHIN / 3600,
        "tally_parts": totals.MOST_TALLIES,
        "tally_partitions": impact.PARTITIONS,
    }
