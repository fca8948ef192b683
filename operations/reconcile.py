"""Checks that a whole ledger adds up: `python -m operations.reconcile` for the laptop stack, or `--table NAME` on AWS.

First it checks the receipts of the last 30 days (`operations/reconcile_receipts.py`): no known batch is late, dead or
lost, and no receipt is damaged. It names the batches that wait, each with its age, and says how many items are posted,
waiting, dead and dropped. With `--table`, this is checked only if `--activity` is given too, and without the URLs of
the queues, dead batches count as waiting.

For every user and in total, points earned must equal ripening (not harvested yet) + spendable + spent. Each entry must
earn what the version of its action type gives; with `--table`, this is checked only if `--catalog` and `--time-zone`
are given too. The stock, the planting orders, the certificates, and the leaves, positions and counts of the public log
must agree with the redemptions, and each tag, place and photo must be noted for its tree
(`operations/reconcile_log.py`). The command may run while the ledger is in use: if items disagree, it reads them again
before it reports a fault. It reports public totals that cannot be read; `operations.recount` compares those that can
with the ledger.

The exit code is 0 if everything adds up, and 1 otherwise.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local.client import aws_failure, client_arguments_of_stack, stack, stack_clock, use_stack
from local.command import add_json, command_parser, non_empty, run_command, time_zone
from local.console import apart_from_the_output, exit_with, print_json, watching
from operations.ledger_reading import MALFORMED, Reading, about_items, read_owner, scan, unreadable
from operations.reconcile_log import add_leaves, add_to_log, evidence_faults, log_faults
from operations.reconcile_receipts import Queues, check_receipts
from operations.shown_reconcile import Found, Report
from saxaul.audit import (
    PAID,
    Census,
    CrossChecks,
    Finding,
    check,
    log_findings,
    progress_findings,
    stock_findings,
)
from saxaul.catalog.calendar import Calendar
from saxaul.clock import SYSTEM_CLOCK
from saxaul.deadline import UnansweredError
from saxaul.ledger.awards import Terms
from saxaul.log.counts import Counts
from saxaul.races import OverloadedError
from saxaul.storage import impact, orders, redemptions, stocks
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.erasures import Erasures
from saxaul.storage.leaves import LEAF_PREFIX
from saxaul.storage.sequence import LOG, SequenceStore
from saxaul.storage.table import Item, Table, raw, stock_key
from saxaul.trees.orders import OrderedTree
from saxaul.trees.redemptions import Redemption
from saxaul.trees.stock import Stock

if TYPE_CHECKING:
    import argparse

_READINGS = 3
"""How many times items that disagree are read again, because a write may be in progress."""

_ERASING = "is being erased"
"""Begins what is found of a person whose erasure is not finished."""

_LAST = "~"
"""Sorts after every sort key of the ledger."""


def reconcile(
    table: Table,
    report_finding: Callable[[Finding], None],
    terms: Terms | None = None,
) -> Report:
    """Check a whole ledger, and pass each finding to ``report_finding`` as soon as it is confirmed.

    With ``terms``, compute again what each entry earns.
    """
    report, cross_checks = Report(), CrossChecks()

    def found(findings: Sequence[Finding]) -> None:
        report.faults += sum(finding.is_fault for finding in findings)
        for finding in findings:
            report_finding(finding)

    def read_all(tell: Callable[[int], None]) -> None:
        # A scan returns all items of a partition one after another.
        for pk, items in groupby(scan(table, tell=tell), key=lambda item: str(item["pk"])):
            kind = pk.partition("#")[0]
            if kind in {"USER", "FACILITY"}:
                reading, findings = _add_owner(table, pk, items, cross_checks, terms)
                found(findings)
                if kind == "USER":
                    report.add(reading.holdings)
            elif pk.startswith(LEAF_PREFIX):
                found(add_leaves(pk.removeprefix(LEAF_PREFIX), items, cross_checks))
            elif kind == redemptions.NOBODY:
                found(_add_nobodys(table, list(items), cross_checks))
            else:
                found([finding for item in items for finding in _add_item(kind, item, cross_checks)])

    with watching("reading the ledger", "items", about_items(table)) as tell:
        read_all(tell)
    found(confirmed_disagreements(table, cross_checks))
    found(confirmed_progress_findings(table, cross_checks.unbalanced_orders()))
    found(confirmed_stock_findings(table, cross_checks.unbalanced_projects(table.clock.now())))
    found(log_faults(table, cross_checks))
    found(confirmed_log_findings(table, cross_checks.census.counts))
    return report


def _add_owner(
    table: Table, pk: str, items: Iterable[Item], cross_checks: CrossChecks, terms: Terms | None
) -> tuple[Reading, list[Finding]]:
    """Add an owner's redemptions to the cross-checks. Return the owner's findings, and the reading they come from."""
    reading = read_owner(pk, items)
    for redemption in reading.holdings.redemptions:
        cross_checks.add_redemption(redemption)
    reading, findings = confirmed_findings(table, pk, reading, terms)
    return reading, [*findings, *evidence_faults(table, reading.holdings.redemptions)]


def confirmed_findings(
    table: Table, pk: str, reading: Reading, terms: Terms | None = None
) -> tuple[Reading, list[Finding]]:
    """Return an owner's findings, and the reading that they come from.

    If there is a fault, the owner's partition is read again, up to three times. While a person is being erased, a part
    of the items is gone. So what does not add up then is no fault.
    """
    owner, findings = reading.holdings.owner, list[Finding]()
    for left in reversed(range(_READINGS + 1)):
        findings = reading.unreadable + check(reading.holdings, terms)
        if not any(finding.is_fault for finding in findings):
            break
        if owner.kind == "user" and _is_being_erased(table, owner.id):
            return reading, [
                finding._replace(detail=f"{_ERASING}: {finding.detail}", is_fault=False) for finding in findings
            ]
        if left:
            reading = read_owner(pk, table.query(pk, " ", _LAST))
    return reading, findings


def _is_being_erased(table: Table, user_id: str) -> bool:
    mark = Erasures(table).find(user_id)
    return mark is not None and not mark.is_finished


def _add_nobodys(table: Table, items: Sequence[Item], cross_checks: CrossChecks) -> list[Finding]:
    """Add redemptions that are nobody's. They have no wallet, so nothing is checked but what concerns many owners."""
    readable = list[Redemption]()
    for item in items:
        with suppress(*MALFORMED):  # the other reading reports this item
            readable.append(redemptions.from_item(item))
    unreadable_items = [finding for item in items for finding in _add_item(redemptions.NOBODY, item, cross_checks)]
    return [*unreadable_items, *evidence_faults(table, readable)]


def confirmed_disagreements(table: Table, cross_checks: CrossChecks) -> list[Finding]:
    """Return the disagreements between orders, certificates and redemptions that remain after reading them again."""
    suspects, again = cross_checks.disagreements(), CrossChecks()
    keys = [redemptions.redemption_key(suspect.tree.user_id, suspect.tree.redemption_id) for suspect in suspects]
    keys += [orders.order_key(suspect.order_id) for suspect in suspects if suspect.order_id]
    keys += [redemptions.certificate_key(suspect.tree.number) for suspect in suspects if suspect.order_id is None]
    for key, item in table.get_many(keys, consistent=True).items():
        _add_item(key.pk.partition("#")[0], item, again)
    still = set(again.disagreements())
    return [suspect.finding for suspect in suspects if suspect in still]


def confirmed_progress_findings(table: Table, order_ids: Sequence[str]) -> list[Finding]:
    """Return what is wrong with the progress of these orders after reading them again, up to three times."""
    found: list[Finding] = []
    for order_id in order_ids:
        with suppress(*MALFORMED):  # the first scan has reported the item that cannot be read
            found += _progress_findings(table, order_id)
    return found


def _progress_findings(table: Table, order_id: str) -> list[Finding]:
    stored, trees = orders.Orders(table), redemptions.Redemptions(table)
    findings: list[Finding] = []
    for _ in range(_READINGS):
        order, progress = stored.get(order_id), stored.find_progress(order_id)
        findings = progress_findings(order_id, order, trees.of_order(order) if order else {}, progress)
        if not findings:
            break
    return findings


def confirmed_stock_findings(table: Table, project_ids: Sequence[str]) -> list[Finding]:
    """Return what is wrong with the stock of these projects after reading it again.

    The trees of redemptions in a paid state (``PAID``) are counted between two readings of the stock. A redemption that
    becomes nobody's during a count may be counted twice or not at all. So they are counted up to three times.
    """
    findings: list[Finding] = []
    for _ in range(_READINGS if project_ids else 0):
        findings = _stock_findings(table, project_ids)
        if not findings:
            break
    return findings


def _stock_findings(table: Table, project_ids: Sequence[str]) -> list[Finding]:
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
    """Return the difference between the counts of the public log and ``counts``, those of the redemptions.

    If there is a difference, the redemptions are counted again, up to three times, until the log does not change during
    a count. If it changes during each count, or if leaves are pending, nothing is returned.
    """
    log = SequenceStore(table)
    head = log.head()
    findings = log_findings(head.counts, counts)
    for _ in range(_READINGS if findings else 0):
        before, census = head, Census()
        for item in _redemption_items(table):
            with suppress(*MALFORMED):  # the first scan has reported this item
                census.add(redemptions.from_item(item))
        head = log.head()
        if before == head:
            is_waiting = log.oldest_pending() is not None
            return [] if is_waiting else log_findings(head.counts, census.counts)
    return []


def _redemption_items(table: Table) -> Iterator[Item]:
    prefix = raw({":prefix": redemptions.TREE_PREFIX})
    return scan(table, FilterExpression="begins_with(sk, :prefix)", ExpressionAttributeValues=prefix)


def _stocks(table: Table, project_ids: Sequence[str]) -> dict[str, Stock]:
    """Return the current stock of each project. A stock that cannot be read counts as empty; it is already reported."""
    cross_checks = CrossChecks()
    for item in table.get_many(map(stock_key, project_ids), consistent=True).values():
        _add_item("PROJECT", item, cross_checks)
    return {project_id: cross_checks.stock(project_id) for project_id in project_ids}


def _add_item(kind: str, item: Item, cross_checks: CrossChecks) -> list[Finding]:
    """Add an item of one kind to the cross-checks. Return a finding if it cannot be read or is in the wrong list."""
    try:
        match kind:
            case "USER" | redemptions.NOBODY:
                cross_checks.add_redemption(redemptions.from_item(item))
            case "PROJECT":
                cross_checks.add_stock(stocks.from_item(item["pk"].removeprefix("PROJECT#"), item))
            case "ORDER":
                order = orders.from_item(item)
                cross_checks.add_order(order)
                return _misplaced(item, orders.to_item(order))
            case "PROGRESS":
                progress = orders.progress_from_item(item)
                cross_checks.add_progress(progress)
                return _misplaced(item, orders.progress_to_item(progress))
            case _ if item["pk"] == LOG:
                return add_to_log(item, cross_checks)
            case "CERT":
                cross_checks.add_certificate(_certified_tree(item))
            case "IMPACT":
                impact.from_item(item)  # only whether it can be read; operations/recount.py compares it with the ledger
    except MALFORMED as error:
        return [unreadable(item, error)]
    return []


def _misplaced(item: Item, expected: Item) -> list[Finding]:
    """Return a finding if an item is at another place of the index ``Listing`` than its own fields say."""
    found, right = ((each.get("list_name"), each.get("list_order")) for each in (item, expected))
    if found == right:
        return []
    return [Finding(f"item {item['pk']} {item['sk']}", f"is in the list {found}, but belongs in {right}")]


def _certified_tree(item: Item) -> OrderedTree:
    return OrderedTree(item["user_id"], item["redemption_id"], item["pk"].removeprefix("CERT#"))


def main() -> None:
    chosen = _arguments()
    clock = SYSTEM_CLOCK if chosen.table else stack_clock()
    table = Table(chosen.table or ledger_of_the_stack(), clock)
    catalog = chosen.catalog if chosen.table else stack()["tables"]["catalog"]
    zone = chosen.time_zone if chosen.table else ZoneInfo(stack()["time_zone"])
    activity = chosen.activity if chosen.table else stack()["tables"]["activity"]
    found = Found(table.name, clock.now())
    with apart_from_the_output(needed=chosen.json):
        try:
            if activity:
                receipts = Table(activity, clock)
                found.batches = check_receipts(receipts, _queues_of(chosen), found.wait, found.add)
            found.ledger = reconcile(table, found.add, terms_of(catalog, zone) if catalog else None)
        except (BotoCoreError, ClientError, OverloadedError, UnansweredError) as error:
            exit_with(aws_failure(f"{table.name} could not be read", error))
        if chosen.json:
            print_json(found.document())
        else:
            found.print_sums()
    sys.exit(0 if found.adds_up else 1)


def _arguments() -> "argparse.Namespace":
    parser = command_parser("operations.reconcile", __doc__)
    parser.add_argument(
        "--table", type=non_empty, help="the ledger's table; default: that of SAXAUL_STACK, or of the laptop stack"
    )
    parser.add_argument("--catalog", type=non_empty, help="the catalog's table; only needed with --table")
    parser.add_argument("--time-zone", type=time_zone, help="the template's TimeZone; only needed with --catalog")
    parser.add_argument("--activity", type=non_empty, help="the table of receipts; only needed with --table")
    parser.add_argument("--source-url", type=non_empty, help="the URL of the queue of actions; only with --activity")
    parser.add_argument("--dead-letter-url", type=non_empty, help="the URL of its dead-letter queue")
    add_json(parser)
    chosen = parser.parse_args()
    if (chosen.catalog is None) != (chosen.time_zone is None) or (chosen.catalog and not chosen.table):
        parser.error("--catalog and --time-zone belong together, and need --table")
    if chosen.activity and not chosen.table:
        parser.error("--activity needs --table")
    if (chosen.source_url is None) != (chosen.dead_letter_url is None) or (chosen.source_url and not chosen.activity):
        parser.error("--source-url and --dead-letter-url belong together, and need --activity")
    return chosen


def _queues_of(chosen: "argparse.Namespace") -> Queues | None:
    """Return the queue of actions and its dead-letter queue; None if they are not known."""
    if chosen.table:
        urls = chosen.source_url, chosen.dead_letter_url
        return Queues(boto3.client("sqs"), *urls) if chosen.source_url else None
    known = stack()
    sqs = boto3.client("sqs", **client_arguments_of_stack(known))
    return Queues(sqs, known["queues"]["actions"], known["queues"]["actions_dead_letter"])


def terms_of(catalog: str, zone: ZoneInfo) -> Terms:
    """Return the rules by which entries are awarded. ``catalog`` is the name of the catalog's table."""
    store = CatalogStore(Table(catalog, SYSTEM_CLOCK))
    return Terms(Calendar(zone, acceptance_days=0, harvest_time=None), store.rule)


def ledger_of_the_stack() -> str:
    """Return the name of the selected stack's ledger, and point this process's AWS clients at that stack."""
    known = stack()
    use_stack(known)
    return str(known["tables"]["ledger"])


if __name__ == "__main__":
    run_command(main)
