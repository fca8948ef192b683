"""Measure what a partner waits for when it confirms planted trees, in this process, against the emulator's table.

    python -m benchmarks.reporting

Each tree takes a tag and a place that no other tree may have, and gets a leaf of the public log. The benchmark confirms
all trees of an order in one call. For comparison, it writes the same redemptions with nothing else, in one transaction.
Between the two lie the rules, and three more items for each tree.

Then 30 calls are sent at once, each of one tree: of as many redemptions, or of three redemptions of ten trees. They are
compared with the same calls one after another. So the ratio says what calls lose by waiting for each other. In this
process they also share one processor, which functions on AWS do not.

The times of the two ways are taken in turns. The exit code is 1 if a report was refused.
"""

import argparse
import json
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, NamedTuple

from benchmarks.engine import LEDGER, engine
from benchmarks.periods_way import CONTEXT
from benchmarks.scale_trees import partner_side
from functions.take_reports.handler import handler
from local.command import add_json, command_parser, run_command, whole_number
from local.console import apart_from_the_output, exit_with, print_json, step
from local.sam import ROOT
from local.tables import number, print_table
from saxaul.clock import SYSTEM_CLOCK
from saxaul.observability import logger
from saxaul.storage import orders, redemptions
from saxaul.storage.clients import dynamodb
from saxaul.storage.table import Table, transact
from saxaul.trees.orders import MAX_REDEMPTIONS, MAX_TREES_PER_ORDER, OrderProgress, PlantingOrder
from saxaul.trees.redemptions import MAX_TREES_PER_REDEMPTION, Redemption
from tests.builders import make_order, make_redemption

AT_ONCE = 30
"""The calls that are sent at once."""

_TEN, _ONE = MAX_TREES_PER_REDEMPTION, 1
SHAPES = {
    "ten trees each": [_TEN] * (MAX_TREES_PER_ORDER // _TEN),
    "most redemptions": [2] * (MAX_TREES_PER_ORDER - MAX_REDEMPTIONS)
    + [1] * (2 * MAX_REDEMPTIONS - MAX_TREES_PER_ORDER),
}
"""How many trees each redemption of an order of MAX_TREES_PER_ORDER trees has."""

TOGETHER = {"one redemption each": [_ONE] * AT_ONCE, "redemptions of ten": [_TEN] * (AT_ONCE // _TEN)}
"""How many trees each redemption has whose trees are confirmed by calls of one tree each."""


class Placed(NamedTuple):
    """An order that was just placed, and its redemptions."""

    order: PlantingOrder
    redemptions: list[Redemption]


class Partner:
    """Places orders, and confirms their trees as the partner does."""

    def __init__(self) -> None:
        self._table = Table(LEDGER, SYSTEM_CLOCK)
        self._event = json.loads((ROOT / "events" / "take_reports.json").read_text())
        self.requests = 0
        dynamodb().meta.events.register("before-call.dynamodb", self._count)

    def place(self, shape: Sequence[int]) -> Placed:
        """Write an order with redemptions of so many trees."""
        now, order_id = int(time.time()) - 100, f"o-{secrets.token_hex(8)}"
        found = [
            make_redemption(f"r-{secrets.token_hex(8)}", trees=trees, user_id=f"u-{secrets.token_hex(8)}")
            .reserved(now)
            .ordered(order_id, now)
            for trees in shape
        ]
        order = make_order(*found, order_id=order_id, ordered_at=now).announced(now)
        progress = OrderProgress.of(order, len(order.trees)).announced()
        items = [*map(redemptions.to_item, found), orders.to_item(order), orders.progress_to_item(progress)]
        self._table.put_all([item | {"v": 1} for item in items])
        return Placed(order, [redemption._replace(version=1) for redemption in found])

    def confirm(self, order: PlantingOrder, numbers: Sequence[str]) -> None:
        """Confirm trees in one call. Ends the program if one is refused."""
        planted_at = (datetime.now(UTC) - timedelta(seconds=50)).isoformat(timespec="seconds")
        reports = [
            {"certificate": name, "tag": f"T {name}", "planted_at": planted_at, "lat": _near(38.8), "lon": _near(105.7)}
            for name in numbers
        ]
        resource = "/planting-orders/{order_id}/confirmations"
        event = self._event | {
            "resource": resource,
            "httpMethod": "POST",
            "queryStringParameters": None,
            "multiValueQueryStringParameters": None,
            "pathParameters": {"order_id": order.order_id},
            "body": json.dumps({"confirmations": reports}),
        }
        event["requestContext"] = self._event["requestContext"] | {"resourcePath": resource, "httpMethod": "POST"}
        answer: Any = handler(event, CONTEXT)
        if answer["statusCode"] != 200 or json.loads(answer["body"])["refused"]:  # noqa: PLR2004 - OK
            exit_with(f"A report was refused: {answer['body'][:300]}")

    def write_bare(self, placed: Placed) -> None:
        """Write the redemptions of an order as they are, in one transaction."""
        transact([self._table.put_write(redemptions.to_item(found), found.version) for found in placed.redemptions])

    def _count(self, **_: object) -> None:
        self.requests += 1


def _near(degrees: float) -> float:
    return round(degrees + secrets.randbelow(10**6) / 10**7, 7)


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def measure_calls(partner: Partner, repeats: int) -> dict[str, dict[str, float]]:
    """Confirm whole orders in one call each, and write the redemptions of others with nothing else."""
    found = {}
    for name, shape in SHAPES.items():
        calls, bare, requests = list[float](), list[float](), 0
        for _ in range(repeats + 1):
            placed, other = partner.place(shape), partner.place(shape)
            before = partner.requests
            calls.append(_ms(lambda placed=placed: partner.confirm(placed.order, _numbers(placed))))  # type: ignore[misc]
            requests = partner.requests - before
            bare.append(_ms(lambda other=other: partner.write_bare(other)))  # type: ignore[misc]
        call, least = median(calls[1:]), median(bare[1:])  # the first one prepares the process
        found[name] = {"ms": call, "bare_ms": least, "ratio": call / least, "requests": requests}
    return found


def measure_at_once(partner: Partner, repeats: int) -> dict[str, dict[str, float]]:
    """Confirm trees by calls of one tree each: one after another, and all at once."""
    found = {}
    for name, shape in TOGETHER.items():
        alone, took, whole = list[float](), list[float](), list[tuple[float, float]]()
        for _ in range(repeats):
            placed, other = partner.place(shape), partner.place(shape)
            one_by_one = [_ms(lambda one=one: partner.confirm(placed.order, [one])) for one in _numbers(placed)]  # type: ignore[misc] # noqa: B023 - called at once
            with ThreadPoolExecutor(AT_ONCE) as threads:
                began = time.perf_counter()
                each = threads.map(lambda one: _ms(lambda: partner.confirm(other.order, [one])), _numbers(other))  # noqa: B023 - called at once
                took += each
                whole.append((sum(one_by_one), (time.perf_counter() - began) * 1000))
            alone += one_by_one
        in_turn, together = (median(values) for values in zip(*whole, strict=True))
        found[name] = {
            "alone_ms": median(alone),
            "median_ms": median(took),
            "slowest_ms": max(took),
            "in_turn_ms": in_turn,
            "at_once_ms": together,
            "ratio": together / in_turn,
        }
    return found


def _numbers(placed: Placed) -> list[str]:
    return [tree.number for tree in placed.order.trees]


def show(calls: dict[str, dict[str, float]], at_once: dict[str, dict[str, float]]) -> None:
    print_table(
        [f"{MAX_TREES_PER_ORDER} trees in one call", *map(number, ("ms", "bare writes, ms", "ratio", "requests"))],
        [
            (
                name,
                *(
                    f"{of[key]:,.{digits}f}"
                    for key, digits in (("ms", 0), ("bare_ms", 0), ("ratio", 1), ("requests", 0))
                ),
            )
            for name, of in calls.items()
        ],
        title="A partner confirms an order",
    )
    columns = ("alone_ms", "median_ms", "slowest_ms", "in_turn_ms", "at_once_ms")
    print_table(
        [
            f"{AT_ONCE} calls of one tree",
            *map(number, ("alone, ms", "at once: median", "slowest", "all in turn", "all at once", "ratio")),
        ],
        [(name, *(f"{of[key]:,.0f}" for key in columns), f"{of['ratio']:.2f}") for name, of in at_once.items()],
        title="Calls at once",
    )


@contextmanager
def _ready() -> Iterator[Partner]:
    logger.setLevel("WARNING")
    with engine(), partner_side():
        yield Partner()


def main() -> None:
    parser = command_parser("benchmarks.reporting", __doc__)
    parser.add_argument("--repeats", type=whole_number(1), default=9, help="how often each time is taken")
    add_json(parser)
    chosen = parser.parse_args()
    with apart_from_the_output(needed=chosen.json):
        _measure_and_show(chosen)


def _measure_and_show(chosen: argparse.Namespace) -> None:
    with _ready() as partner, step("confirming trees"):
        calls = measure_calls(partner, chosen.repeats)
        at_once = measure_at_once(partner, chosen.repeats)
    if chosen.json:
        print_json({"benchmark": "reporting", "calls": calls, "at_once": at_once})
    else:
        show(calls, at_once)


if __name__ == "__main__":
    run_command(main)
