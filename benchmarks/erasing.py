"""Measure what the export and the erasure of a person cost, for a person with years of daily use.

    make bench ONLY=erasing
    python -m benchmarks.erasing [--years 5]

The person has a period for each day, each with three entries, a period for each month, with an entry for each of its
days, and 20 redemptions of one tree each, of which all trees were ordered. The benchmark exports the person, without
storing a file, and then erases the person. It does both in this process, against the emulator's tables, and erases in
messages that each have the time of the function. The delay of an erasure is left out. A transaction costs two write
units for each KB of each item that it writes or deletes; the benchmark computes them, because the emulator reports one
unit for each item.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil
from secrets import token_hex
from typing import Any, NamedTuple

from benchmarks.engine import LEDGER, engine
from benchmarks.metering import WRITE_BLOCK, WRITES, Meter
from benchmarks.stored_items import bytes_of, ledger_items
from local.command import add_json, command_parser, run_command, whole_number
from local.console import apart_from_the_output, print_json
from local.tables import number, print_table
from local.template import resources
from saxaul.catalog.entries import Text
from saxaul.clock import SYSTEM_CLOCK
from saxaul.http.export_views import export_text
from saxaul.ledger.actions import Owner
from saxaul.ledger.entries import Entry
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.ledger.wallets import Wallet
from saxaul.observability import logger
from saxaul.people.erasures import ErasureMark, ErasureReceipt
from saxaul.services.erase_items import ItemErasing, LittleTimeError
from saxaul.services.erase_person import Erasing
from saxaul.services.erase_trees import TreeErasing
from saxaul.services.export_person import Exporting
from saxaul.settings import settings
from saxaul.storage import periods, wallets
from saxaul.storage.claims import Claims
from saxaul.storage.clients import dynamodb, sqs
from saxaul.storage.erasures import Erasures
from saxaul.storage.exports import Exports
from saxaul.storage.grants import Grants
from saxaul.storage.impact import ImpactStore
from saxaul.storage.nameless import NamelessSums
from saxaul.storage.orders import Orders
from saxaul.storage.periods import Periods
from saxaul.storage.person_items import PersonItems
from saxaul.storage.redemptions import Redemptions, certificate_item
from saxaul.storage.redemptions import to_item as redemption_item
from saxaul.storage.table import Item, Table, python
from saxaul.storage.wallets import Wallets
from saxaul.trees.numbers import new_number
from saxaul.trees.orders import NewOrder, OrderedProject, OrderedTree, PlantingOrder
from saxaul.trees.redemptions import Redemption, Tree

PERSON = Owner("user", "person")
TYPES = ("bus_ride", "bike_ride", "paperless_bill")
REDEMPTIONS = 20
DAYS_OF_A_YEAR = Decimal("365.25")
_RESERVE_SECONDS = 13
"""The last seconds of an invocation, in which the function begins no transaction."""


class Exported(NamedTuple):
    """What an export took."""

    lines: int
    bytes: int
    requests: int
    read_units: float
    seconds: float


class Erased(NamedTuple):
    """What an erasure took."""

    items: int
    messages: int
    requests: int
    transactions: int
    write_units: float
    read_units: float
    seconds: float


class TransactionMeter:
    """Computes the units of transactions. ``sizes`` has the bytes of each stored item, by key."""

    def __init__(self) -> None:
        self.units = 0
        self._sizes: dict[tuple[str, str], int] = {}
        dynamodb().meta.events.register("provide-client-params.dynamodb.TransactWriteItems", self._count)

    def begin(self) -> None:
        self.units = 0
        self._sizes = {key: bytes_of(python(item)) for key, item in ledger_items().items()}

    def _count(self, params: dict[str, Any], **_: object) -> None:
        for write in (found for entry in params["TransactItems"] for found in entry.values()):
            raw_key = write["Item"] if "Item" in write else write["Key"]
            key = (raw_key["pk"]["S"], raw_key["sk"]["S"])
            before = self._sizes.get(key, 0)
            after = bytes_of(python(write["Item"])) if "Item" in write else before
            self.units += 2 * max(1, ceil(max(before, after) / WRITE_BLOCK))
            self._sizes[key] = after


def days_of(years: int) -> list[date]:
    last = datetime.now(UTC).date()
    return [last - timedelta(days=at) for at in range(int(years * DAYS_OF_A_YEAR))]


def entry(day: date, type_: str, hour: int) -> Entry:
    at = int(datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp())
    return Entry(type=type_, quantity=Decimal(1), occurred_at=at, recorded_at=at + 60, points=80, units=Decimal(1))


def items_of_a_person(days: Iterable[date]) -> Iterator[Item]:
    """Yield the wallet and the periods of the person."""
    yield wallets.to_item(Wallet(PERSON.id, balance=1000))
    months: dict[str, dict[str, Entry]] = {}
    for day in days:
        entries = {f"alipay:{token_hex(8)}": entry(day, type_, hour) for hour, type_ in enumerate(TYPES)}
        yield periods.to_item(Period(PeriodKey(PERSON, day.isoformat()), entries))
        months.setdefault(day.isoformat()[:7], {})[f"alipay:{token_hex(8)}"] = entry(day, "walking", 4)
    for month, entries in months.items():
        yield periods.to_item(Period(PeriodKey(PERSON, month), entries))


def write_person(ledger: Table, days: Iterable[date]) -> None:
    ledger.put_all([{**item, "v": 1} for item in items_of_a_person(days)])
    project = OrderedProject(Text(en="Saxaul", zh="梭梭"), "Haloxylon ammodendron", Text(en="Alxa", zh="阿拉善"), "p")
    now = SYSTEM_CLOCK.now()
    for at in range(REDEMPTIONS):
        wanted = Redemption(PERSON.id, token_hex(16), "alipay", "saxaul-alxa", (Tree(new_number()),), 160, now - 10**6)
        reserved, order_id = wanted.reserved(now), f"order-{at}"
        ledger.put_all([{**redemption_item(reserved), "v": 1}, certificate_item(reserved, reserved.trees[0])])
        ordered = reserved._replace(version=1).ordered(order_id, now)
        trees = (OrderedTree(PERSON.id, ordered.redemption_id, ordered.trees[0].number),)
        Orders(ledger).write(NewOrder(PlantingOrder(order_id, "saxaul-alxa", now, project, trees), [ordered]))


def export(ledger: Table, meter: Meter) -> Exported:
    exporting = Exporting(
        *(Wallets(ledger), Periods(ledger), Claims(ledger), Grants(ledger), ImpactStore(ledger)),
        *(Redemptions(ledger), Orders(ledger), Erasures(ledger), NoExports("exports"), SYSTEM_CLOCK),
    )
    began = time.perf_counter()
    with meter.measured() as used:
        text = export_text(exporting.read(PERSON.id), settings().calendar)
    took = time.perf_counter() - began
    return Exported(text.count("\n"), len(text.encode()), used["dynamodb_requests"], read_units_in(used), took)


def read_units_in(used: Mapping[str, float]) -> float:
    return sum(
        amount for name, amount in used.items() if name.endswith(".units") and name.removesuffix(".units") not in WRITES
    )


class NoExports(Exports):
    """The files of a person who has none. The emulator has no bucket."""

    def delete_all(self, name: str) -> None:
        """Delete nothing."""


def erase(ledger: Table, queue: str, meter: Meter, transactions: TransactionMeter) -> Erased:
    erasures, redemptions, calendar = Erasures(ledger), Redemptions(ledger), settings().calendar
    erasing = Erasing(
        erasures=erasures,
        items=ItemErasing(erasures, PersonItems(ledger), NamelessSums(ledger), calendar, SYSTEM_CLOCK),
        trees=TreeErasing(ledger, erasures, redemptions, Orders(ledger), calendar, SYSTEM_CLOCK, queue),
        redemptions=redemptions,
        clock=SYSTEM_CLOCK,
        delay=0,
        queue_url=queue,
        exports=NoExports("exports"),
    )
    mark = ErasureMark(erasures.name_of(PERSON.id), token_hex(8), SYSTEM_CLOCK.now(), PERSON.id)
    erasures.begin(mark, ErasureReceipt(mark.erasure_id, mark.requested_at, "benchmark"))
    seconds = int(resources("AWS::Serverless::Function")["ErasePersons"]["Timeout"]) - _RESERVE_SECONDS
    transactions.begin()
    messages, began = 0, time.perf_counter()
    with meter.measured() as used:
        while not is_finished(erasures, mark):
            messages += 1
            erasing.run(mark.name, time_until(time.monotonic() + seconds))
    took = time.perf_counter() - began
    receipt = erasures.receipt(mark.erasure_id)
    others = sum(used[f"{name}.units"] for name in WRITES - {"TransactWriteItems"})
    return Erased(
        items=sum(receipt.erased.values()) if receipt else 0,
        messages=messages,
        requests=used["dynamodb_requests"],
        transactions=used["TransactWriteItems"],
        write_units=transactions.units + others,
        read_units=read_units_in(used),
        seconds=took,
    )


def is_finished(erasures: Erasures, mark: ErasureMark) -> bool:
    found = erasures.named(mark.name)
    return bool(found and found.is_finished)


def time_until(end: float) -> Any:  # noqa: ANN401 - a function without a result
    def check_time() -> None:
        if time.monotonic() > end:
            raise LittleTimeError

    return check_time


def show(years: int, exported: Exported, found: Erased) -> None:
    print_table(
        [number(name.replace("_", " ")) for name in exported._fields],
        [
            (
                *(f"{value:,}" for value in exported[:3]),
                f"{exported.read_units:,.0f}",
                f"{exported.seconds:.2f}",
            )
        ],
        title=f"The export of a person with {years} years of daily use",
    )
    print_table(
        [number(name.replace("_", " ")) for name in found._fields],
        [
            (
                *(f"{value:,}" for value in found[:4]),
                *(f"{units:,.0f}" for units in (found.write_units, found.read_units)),
                f"{found.seconds:.2f}",
            )
        ],
        title=f"The erasure of a person with {years} years of daily use",
    )


def main() -> None:
    parser = command_parser("benchmarks.erasing", __doc__)
    parser.add_argument("--years", type=whole_number(1), default=5, help="how many years the person has used the apps")
    add_json(parser)
    chosen = parser.parse_args()
    logger.setLevel(logging.ERROR)
    with apart_from_the_output(needed=chosen.json), engine() as queue:
        ledger = Table(LEDGER, SYSTEM_CLOCK)
        meter, transactions = Meter(), TransactionMeter()
        meter.attach(dynamodb(), sqs())
        write_person(ledger, days_of(chosen.years))
        exported = export(ledger, meter)
        found = erase(ledger, queue, meter, transactions)
        if chosen.json:
            measured = {"export": exported._asdict(), "erasure": found._asdict()}
            print_json({"benchmark": "erasing", "years": chosen.years, **measured})
            return
        show(chosen.years, exported, found)


if __name__ == "__main__":
    run_command(main)
