"""Proves that a whole ledger adds up: `python -m operations.reconcile`, for the laptop stack, or `--table NAME` on AWS.

Earned is ripening + spendable + spent for every user and in total; stock, planting orders, certificates and the public
log's count agree with the redemptions. The scan may run beside the traffic: what does not agree is read once more
before it is called a fault.
Ends with 0 where all adds up, with 1 where anything does not.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby

from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape
from rich.table import Table as Grid

from local.client import stack, turn_to
from local.console import console, give_up
from operations.ledger_reading import MALFORMED, Reading, read_owner, scan, unreadable
from saxaul.audit import PAID, Books, Census, Finding, Holdings, check, log_findings, stock_findings
from saxaul.clock import SYSTEM_CLOCK
from saxaul.log.entries import Counts
from saxaul.storage import orders, redemptions, stocks
from saxaul.storage.log import LogStore
from saxaul.storage.table import Item, Table, raw
from saxaul.trees.orders import OrderedTree
from saxaul.trees.stock import Stock

_READINGS = 3
"""How often an owner that does not add up is read again: somebody may be writing just then."""

_LAST = "~"
"""Sorts after every sort key of the ledger."""


@dataclass
class Report:
    """What was found, and the sums over all users, in points."""

    users: int = 0
    earned: int = 0
    spendable: int = 0
    ripening: int = 0
    spent: int = 0
    faults: int = 0

    def add(self, holdings: Holdings) -> None:
        self.users += 1
        self.earned += holdings.earned
        self.spendable += holdings.wallet.balance
        self.ripening += holdings.ripening
        self.spent += holdings.wallet.spent


def reconcile(table: Table, tell: Callable[[Finding], None]) -> Report:
    """Check a whole ledger, and tell of each finding as soon as it is certain."""
    report, books = Report(), Books()

    def found(findings: Sequence[Finding]) -> None:
        report.faults += sum(finding.is_fault for finding in findings)
        for finding in findings:
            tell(finding)

    # A scan gives the items of a partition one after the other.
    for pk, items in groupby(scan(table), key=lambda item: str(item["pk"])):
        kind = pk.partition("#")[0]
        if kind in {"USER", "FACILITY"}:
            reading = read_owner(pk, items)
            for redemption in reading.holdings.redemptions:
                books.add_redemption(redemption)
            reading, findings = settled(table, pk, reading)
            found(findings)
            if kind == "USER":
                report.add(reading.holdings)
        else:
            for item in items:
                found(_enter(kind, item, books))
    found(confirmed_loose_ends(table, books))
    found(recounted(table, books.uneven_projects(table.clock.now())))
    found(confirmed_log_findings(table, books.census.counts))
    return report


def settled(table: Table, pk: str, reading: Reading) -> tuple[Reading, list[Finding]]:
    """The findings on an owner that stay when its partition is read again, and the reading they come from."""
    for _ in range(_READINGS):
        findings = reading.unreadable + check(reading.holdings)
        if not any(finding.is_fault for finding in findings):
            return reading, findings
        reading = read_owner(pk, table.query(pk, " ", _LAST))
    return reading, reading.unreadable + check(reading.holdings)


def confirmed_loose_ends(table: Table, books: Books) -> list[Finding]:
    """What orders, certificates and redemptions still do not agree on when they are read again."""
    suspects, again = books.loose_ends(), Books()
    keys = [redemptions.redemption_key(suspect.tree.user_id, suspect.tree.redemption_id) for suspect in suspects]
    keys += [orders.order_key(suspect.order_id) for suspect in suspects if suspect.order_id]
    keys += [redemptions.certificate_key(suspect.tree.number) for suspect in suspects if suspect.order_id is None]
    for key, item in table.get_many(keys, consistent=True).items():
        _enter(key.pk.partition("#")[0], item, again)
    still = set(again.loose_ends())
    return [suspect.finding for suspect in suspects if suspect in still]


def recounted(table: Table, project_ids: Sequence[str]) -> list[Finding]:
    """What stays wrong with these projects' stock when their trees are counted again between two looks at it."""
    if not project_ids:
        return []
    before = _stocks(table, project_ids)
    trees = dict.fromkeys(before, 0)
    for item in _redemption_items(table):
        if item.get("project_id") in trees and item.get("state") in PAID:
            trees[item["project_id"]] += len(item.get("trees", ()))
    after, now = _stocks(table, project_ids), table.clock.now()
    return [
        finding
        for project_id in trees
        for finding in stock_findings(before[project_id], after[project_id], trees[project_id], now)
    ]


def confirmed_log_findings(table: Table, counts: Counts) -> list[Finding]:
    """What the public log still counts otherwise than the trees when both are read while nothing is reported."""
    entries = LogStore(table)
    head = entries.head()
    findings = log_findings(head.counts if head else Counts(), counts)
    for _ in range(_READINGS if findings else 0):
        before, census = head, Census()
        for item in _redemption_items(table):
            with suppress(*MALFORMED):  # the scan has told of it
                census.add(redemptions.from_item(item))
        head = entries.head()
        if before == head:
            return log_findings(head.counts if head else Counts(), census.counts)
    return []


def _redemption_items(table: Table) -> Iterator[Item]:
    prefix = raw({":prefix": redemptions.TREE_PREFIX})
    return scan(table, FilterExpression="begins_with(sk, :prefix)", ExpressionAttributeValues=prefix)


def _stocks(table: Table, project_ids: Sequence[str]) -> dict[str, Stock]:
    """The stock of each project as of now; an unreadable one, which the scan has told of, counts as none."""
    books = Books()
    for item in table.get_many(map(stocks.stock_key, project_ids), consistent=True).values():
        _enter("PROJECT", item, books)
    return {project_id: books.stock(project_id) for project_id in project_ids}


def _enter(kind: str, item: Item, books: Books) -> list[Finding]:
    try:
        match kind:
            case "USER":
                books.add_redemption(redemptions.from_item(item))
            case "PROJECT":
                books.add_stock(stocks.from_item(item["pk"].removeprefix("PROJECT#"), item))
            case "ORDER":
                books.add_order(orders.from_item(item))
            case "CERT":
                books.add_certificate(_certified(item))
    except MALFORMED as error:
        return [unreadable(item, error)]
    return []


def _certified(item: Item) -> OrderedTree:
    return OrderedTree(item["user_id"], item["redemption_id"], item["pk"].removeprefix("CERT#"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m operations.reconcile", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--table", help="the ledger's name; by default that of SAXAUL_STACK, or the laptop stack")
    table = Table(parser.parse_args().table or ledger_of_the_stack(), SYSTEM_CLOCK)
    try:
        with console.status(f"reading {table.name}"):
            report = reconcile(table, _tell)
    except (BotoCoreError, ClientError) as error:
        give_up(f"{table.name} could not be read: {error}")
    _show(report)
    sys.exit(1 if report.faults else 0)


def ledger_of_the_stack() -> str:
    """The name of the ledger of the stack in question; from now on this process talks to that stack."""
    known = stack()
    turn_to(known)
    return str(known["tables"]["ledger"])


def _tell(finding: Finding) -> None:
    mark = "[red]✗[/]" if finding.is_fault else "[yellow]·[/]"
    console.print(f"{mark} {escape(finding.subject)}: {escape(finding.detail)}")


def _show(report: Report) -> None:
    grid = Grid(show_header=False, box=None)
    grid.add_row("users checked", f"{report.users:,}")
    grid.add_row("points earned", f"{report.earned:,}")
    for name, points in (("ripening", report.ripening), ("spendable", report.spendable), ("spent", report.spent)):
        grid.add_row(f"  {name}", f"{points:,}")
    console.print(grid)
    if report.faults:
        console.print(f"[red]✗[/] {report.faults:,} faults: it does not add up")
    else:
        console.print("[green]✓[/] earned = ripening + spendable + spent, for every user and in total")


if __name__ == "__main__":
    main()
