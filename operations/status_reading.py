"""Reads what ``make status`` shows. Each method reads one section, so a failure of one does not hide the others."""

import time
from collections import Counter
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from local.good_deployments import GoodDeployments
from operations.ages import HOUR
from operations.dead_letter_queue import count_messages
from operations.log_group import LogGroup
from operations.reconcile_receipts import judge, waiting_batches
from operations.status_facts import (
    AppFacts,
    BatchFacts,
    CampaignFacts,
    CatalogFacts,
    DeploymentFacts,
    LogFacts,
    QueueFacts,
    RefusalFacts,
    StockFacts,
    TotalsFacts,
    WorkerFacts,
)
from operations.workers import workers_of
from saxaul.catalog.snapshot import BrokenSnapshotError, Snapshot
from saxaul.log.witnesses import parse_witnesses, without_cosignature
from saxaul.storage import stocks
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.log_files import LogFiles
from saxaul.storage.orders import Orders
from saxaul.storage.receipts import Receipts
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.sequence import SequenceStore, oldest_unpublished
from saxaul.storage.snapshots import Snapshots
from saxaul.storage.table import Table, stock_key
from saxaul.trees.stock import Stock
from saxaul_client import OperatorClient, items_of

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

WORK_QUEUES = ("actions", "redemptions", "planting", "photos")
DEAD_ONLY = ("totals", "repeats", "publication", "log", "checkpoints", "erasures", "schedules")
"""What else has a dead-letter queue: counting, finding repeats, publishing catalog and log, erasing, all schedules."""

SERVER_ERROR = 500

_OF_EACH_LIST = 100
"""The most waiting parts that are read of each list of receipts, so that a long backlog does not keep us waiting."""

_MOST_PENDING = 1000
"""The most pending leaves that are counted."""

_OF_EACH_PARTNER = 100
"""The most open orders that are read of each partner."""


_REFUSALS = '"(code|refused)":["{]'
_TALLIED = '"message":"tallied","timestamp".*"records":[1-9].*"oldest_changed_s":[0-9-]'
_POSTED = '"message":"accrued","timestamp".*"posted":[1-9]'
"""The regular expressions of log lines. The logger writes no spaces, and its own fields first.

What the check after a deployment sends counts nothing: its requests are marked in the log, and its change has no age.
"""


class StatusReading(NamedTuple):
    """Reads a stack. ``known`` is how to reach it, and the clocks of the tables are that of the stack."""

    known: Mapping[str, Any]
    ledger: Table
    activity: Table
    catalog: Table
    sqs: "SQSClient"
    functions: "LambdaClient"
    log_group: LogGroup
    operator: OperatorClient
    deployments: GoodDeployments

    def queues(self) -> list[QueueFacts]:
        """Read how many messages each queue has. What waits longest is known from the ledger and the receipts."""
        now = self.ledger.clock.now()
        requested = Redemptions(self.ledger).requested_before(now + 1, 1)
        oldest = {
            "actions": self._oldest_batch(now),
            "redemptions": now - requested[0].requested_at if requested else None,
            "planting": self._oldest_reservation(now),
            "photos": None,
        }
        work = [QueueFacts(name, self._count(name), oldest[name], self._count_dead(name)) for name in WORK_QUEUES]
        return work + [QueueFacts(name, None, None, self._count_dead(name)) for name in DEAD_ONLY]

    def _oldest_batch(self, now: int) -> int | None:
        """Return the age of the oldest batch of which something waits. Each list has its oldest one first."""
        receipts = Receipts(self.activity)
        parts = self.activity.get_many(receipts.waiting(of_each_list=1), consistent=True).values()
        ages = [now - int(part["accepted_at"]) for part in parts if part.get("waiting")]
        return max(ages, default=None)

    def _oldest_reservation(self, now: int) -> int | None:
        """Return the age of the oldest reservation of a tree that is not ordered yet."""
        trees = Redemptions(self.ledger)
        waiting = [redemption for name in self._project_ids() for redemption in trees.waiting(name, 1)]
        return max((now - redemption.reserved_at for redemption in waiting), default=None)

    def workers(self) -> WorkerFacts:
        """Read which functions that read a queue or a stream run."""
        found = workers_of(self.functions, self.known["functions"])
        stopped = [worker.function for worker in found if not worker.is_running]
        return WorkerFacts(len(found) - len(stopped), stopped)

    def batches(self) -> BatchFacts:
        """Read which batches wait, and which of them are late.

        Whether their messages are dead or lost is not looked up: that hides dead letters from a redrive for a moment.
        """
        lists = [list(keys) for keys in Receipts(self.activity).waiting_by_list(_OF_EACH_LIST)]
        now = self.activity.clock.now()
        found = waiting_batches(judge(self.activity, None, list(chain.from_iterable(lists))).parts.values())
        return BatchFacts(
            waiting=sum(batch.state == "waiting" for batch in found),
            late=sum(batch.state == "late" for batch in found),
            oldest_s=now - found[0].accepted_at if found else None,
            are_all=all(len(keys) < _OF_EACH_LIST for keys in lists),
        )

    def stocks(self) -> list[StockFacts]:
        """Read how many saplings each project has left, fewest first."""
        now = self.ledger.clock.now()
        keys = {stock_key(name): name for name in self._project_ids()}
        items = self.ledger.get_many(keys, consistent=False)
        found = [stocks.from_item(name, items.get(key)) for key, name in keys.items()]
        return sorted((_facts_of(stock, now) for stock in found), key=lambda facts: (facts.left, facts.project_id))

    def campaigns(self) -> list[CampaignFacts]:
        """Read the campaigns that run today, and the next run of the others, earliest first."""
        document: Any = self.operator.campaigns()
        running = {view["campaign_id"] for view in document["running"]}
        shown = document["running"] + [view for view in document["next"] if view["campaign_id"] not in running]
        return [CampaignFacts(*(view[name] for name in CampaignFacts._fields)) for view in shown]

    def _project_ids(self) -> list[str]:
        return [entry["id"] for entry in items_of(self.operator.entry_pages("tree-projects", limit=200))]

    def refusals(self) -> RefusalFacts:
        """Read from the log what was refused in the last hour.

        What API Gateway refuses itself is not in it, nor what the check after a deployment asks for.
        """
        now = time.time()
        lines = self.log_group.find(_REFUSALS, now - HOUR, now)
        requests, items, server_errors = Counter[str](), Counter[str](), 0
        for _, fields in lines.found:
            if "check" in fields:
                continue
            if isinstance(fields.get("status"), int) and fields.get("code"):
                requests[str(fields["code"])] += 1
                server_errors += fields["status"] >= SERVER_ERROR
            if isinstance(fields.get("refused"), dict):
                items.update({str(code): int(number) for code, number in fields["refused"].items()})
        return RefusalFacts(requests, server_errors, items, are_all=lines.matched <= len(lines.found))

    def apps(self) -> AppFacts:
        states = {app.app_id: app.state for app in self.operator.apps()}
        suspended = sorted(name for name, state in states.items() if state == "suspended")
        return AppFacts(sum(state == "active" for state in states.values()), suspended)

    def deployment(self) -> DeploymentFacts:
        """Read whether what is deployed is the newest deployment that passed the check of its functions."""
        status, current, good = self.deployments.status(), self.deployments.current(), self.deployments.all()
        newest = good[-1] if good else None
        has_passed = newest is not None and current is not None and newest.is_same_as(current)
        last_good = newest.checked_at if newest else None
        return DeploymentFacts(status, last_good if has_passed else None, last_good)

    def totals(self) -> TotalsFacts:
        """Read from the log when something was counted last, and whether something was posted since."""
        now = time.time()
        counted = next(iter(self.log_group.find(_TALLIED, now - HOUR, now, 1).found), None)
        since = counted.at if counted else now - HOUR
        # A change that was posted in the same second may be in that count, so the next second is the first one.
        posted = self.log_group.find(_POSTED, since + 1, now, 1, oldest_first=True).found
        return TotalsFacts(
            counted_s=round(now - counted.at) if counted else None,
            behind_s=counted.fields.get("oldest_changed_s") if counted else None,
            uncounted_s=round(now - posted[0].at) if posted else None,
        )

    def log(self) -> LogFacts:
        """Read what of the public log is published and what waits, and the orders whose trees wait for a report."""
        now, store = self.ledger.clock.now(), SequenceStore(self.ledger)
        head, published = store.head(), store.published()
        waiting = head.size - published.size + len(store.pending(_MOST_PENDING))
        partners = {name for app in self.operator.apps() for name in app.partners}
        orders = Orders(self.ledger)
        of_partners = [orders.oldest_open(partner, _OF_EACH_PARTNER) for partner in sorted(partners)]
        open_orders = [order for found in of_partners for order in found]
        return LogFacts(
            size=published.size,
            published_s=now - published.at if published.size else None,
            standing=published.counts.standing,
            waiting=waiting,
            oldest_s=now - oldest_unpublished(store, now) if waiting else None,
            missing=self._missing_witnesses(),
            open_trees=sum(order.open_trees for order in open_orders),
            oldest_order_s=max((now - order.ordered_at for order in open_orders), default=None),
            are_all=all(len(found) < _OF_EACH_PARTNER for found in of_partners),
        )

    def _missing_witnesses(self) -> list[str]:
        """Return the names of the witnesses whose valid cosignature the published checkpoint lacks."""
        witnesses = parse_witnesses(self.known["witnesses"])
        found = LogFiles(self.known["files_bucket"]).checkpoint() if witnesses else None
        if found is None:
            return []
        return [witness.key.name for witness in without_cosignature(witnesses, found.note)]

    def published(self) -> CatalogFacts:
        """Read when the catalog was published, and whether it has all changes."""
        version, stored = CatalogStore(self.catalog).head(), Snapshots(self.known["catalog_bucket"]).stored()
        if stored is None:
            return CatalogFacts(None, None, version)
        try:
            snapshot = Snapshot.unpacked(stored.body)
        except BrokenSnapshotError:
            return CatalogFacts(None, None, version)
        return CatalogFacts(round(time.time() - stored.modified_at), snapshot.version, version)

    def _count(self, queue: str) -> int:
        """Return about how many messages a queue has, those included that somebody is processing."""
        return count_messages(self.sqs, self.known["queues"][queue])

    def _count_dead(self, queue: str) -> int:
        return self._count(f"{queue}_dead_letter")


def _facts_of(stock: Stock, now: int) -> StockFacts:
    release = stock.next_release(now)
    return StockFacts(
        stock.project_id,
        stock.available(now),
        stock.closed,
        release.at if release else None,
        release.saplings if release else None,
    )
