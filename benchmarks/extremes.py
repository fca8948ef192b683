"""Compare how long the laptop stack takes for a person with as much data as apps can store, and for an ordinary one.

    python -m benchmarks.extremes [--times 30]

The laptop stack must be running (`make up`). The benchmark writes the items of four new persons directly to the ledger:

- a *wallet with full periods*: in each of 10 periods, 16 apps have the 140 entries that fit their shares;
- an *ordinary wallet*: 10 periods of 3 entries;
- a *forest with cancelled redemptions*: 600 cancelled redemptions, and one tree;
- an *ordinary forest*: one tree.

It requests the two wallets and the two forests by turns, so that other work on the machine slows all of them down. The
report shows the median of each, and the ratios. The exit code is 1 if a ratio is above the budget.
"""

import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from statistics import median
from typing import Any

from rich.text import Text

from local.client import LAPTOP, open_client, stack, use_stack
from local.command import add_json, command_parser, run_command, whole_number
from local.console import apart_from_the_output, console, print_json, progress
from local.sam import state
from local.tables import number, print_table
from saxaul.clock import SYSTEM_CLOCK
from saxaul.ledger.actions import Owner
from saxaul.ledger.entries import ONE, Entry
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.storage import periods, redemptions
from saxaul.storage.table import Item, Table
from saxaul.trees.numbers import new_number
from saxaul.trees.redemptions import Redemption, Tree
from saxaul_client import AppClient

BUDGET = 2.0
"""The largest allowed ratio to an ordinary person."""

PERIODS = 10
APPS, ENTRIES = 16, 140
CANCELLED = 600
UNMEASURED = 3
"""The first requests, which may start workers."""


def period_items(user: str, apps: int, entries: int) -> Iterator[Item]:
    """Yield periods of the last days, as items. Each of the apps has this number of entries in each period."""
    for days in range(1, PERIODS + 1):
        at = datetime.now(UTC) - timedelta(days=days)
        key = PeriodKey(Owner("user", user), at.date().isoformat())
        found = {
            f"app-{app}:{uuid.uuid4()}": _entry(int(at.timestamp())) for app in range(apps) for _ in range(entries)
        }
        yield {**periods.to_item(Period(key, found)), "v": 1}


def _entry(at: int) -> Entry:
    return Entry("bus_ride", ONE, at, at, rule=1, points=1, units=ONE, counted=ONE, avoided_g=Decimal("12.5"))


def redemption_items(user: str, cancelled: int) -> Iterator[Item]:
    """Yield a person's redemptions, as items: cancelled ones, and one that is pending."""
    now = int(time.time())
    for turn in range(cancelled + 1):
        redemption = Redemption(
            user_id=user,
            redemption_id=uuid.uuid4().hex,
            app="alipay",
            project_id="saxaul-alxa",
            trees=(Tree(new_number()),),
            points=80,
            requested_at=now - turn,
            dedication="For the desert",
        )
        yield {**redemptions.to_item(redemption.cancelled() if turn else redemption), "v": 1}


def measured(requests: Sequence[Callable[[], object]], times: int) -> list[float]:
    """Make the requests by turns. Return the median of each, in milliseconds."""
    found: list[list[float]] = [[] for _ in requests]
    with progress("requesting wallets and forests", "rounds", UNMEASURED + times) as tell:
        for done in range(1, UNMEASURED + times + 1):
            for ms, request in zip(found, requests, strict=True):
                began = time.perf_counter()
                request()
                ms.append((time.perf_counter() - began) * 1000)
            tell(done)
    return [median(ms[UNMEASURED:]) for ms in found]


def measure(times: int) -> list[float]:
    """Write the four persons' items, and return the medians of their requests in milliseconds."""
    known = stack()
    use_stack(known)
    table = Table(known["tables"]["ledger"], SYSTEM_CLOCK)
    full, usual, cancelling, planting = users = [f"extreme-{uuid.uuid4().hex[:8]}" for _ in range(4)]
    items = [*period_items(full, APPS, ENTRIES), *period_items(usual, 1, 3)]
    items += [*redemption_items(cancelling, CANCELLED), *redemption_items(planting, 0)]
    table.put_all(items)
    with open_client(AppClient, "alipay") as client:

        def read(path: str) -> dict[str, Any]:
            answer: dict[str, Any] = client.call("GET", path)
            return answer

        wallet, forest = read(f"/users/{full}/wallet"), read(f"/users/{cancelling}/forest")
        if wallet["earned"] != PERIODS * APPS * ENTRIES or len(forest["forest"]) != 1:
            raise RuntimeError(f"the wallet or the forest is wrong: {wallet}, {forest}")
        paths = [f"/users/{user}/{kind}" for user, kind in zip(users, ["wallet"] * 2 + ["forest"] * 2, strict=True)]
        return measured([partial(read, path) for path in paths], times)


def show(result: Mapping[str, Any]) -> None:
    print_table(
        ["", *map(number, ("ms", "ordinary ms", "ratio"))],
        [
            (
                name,
                f"{result[name]['ms']:.1f}",
                f"{result[name]['ordinary_ms']:.1f}",
                Text(f"{result[name]['ratio']:.2f}", "red" if result[name]["ratio"] > BUDGET else "green"),
            )
            for name in ("wallet", "forest")
        ],
        title="Median time of a response, over HTTP",
    )


def main() -> None:
    parser = command_parser("benchmarks.extremes", __doc__)
    parser.add_argument("--times", type=whole_number(1), default=30, help="how often to make each request")
    add_json(parser)
    chosen = parser.parse_args()
    with apart_from_the_output(needed=chosen.json):
        if not (state() / f"{LAPTOP}.json").exists():
            console.print("The laptop stack is not running, so there is nothing to measure; start it with: make up")
            return
        medians = measure(chosen.times)
        result: dict[str, Any] = {"benchmark": "extremes"}
        for name, (ms, ordinary) in {"wallet": medians[:2], "forest": medians[2:]}.items():
            result[name] = {"ms": round(ms, 1), "ordinary_ms": round(ordinary, 1), "ratio": round(ms / ordinary, 2)}
        if chosen.json:
            print_json(result)
        else:
            show(result)
    sys.exit(0 if all(result[name]["ratio"] <= BUDGET for name in ("wallet", "forest")) else 1)


if __name__ == "__main__":
    run_command(main)
