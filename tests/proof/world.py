"""The real services on an in-memory ledger, with a clock that only the test moves."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from saxaul.catalog.entries import ActionType, Campaign, Catalog, TreeProject
from saxaul.catalog.versions import VersionedEntry
from saxaul.ledger.actions import Owner
from saxaul.ledger.periods import Period
from saxaul.ledger.wallets import Position, position
from saxaul.messages.bodies import ActionMessage, PlantingMessage, RedemptionMessage
from saxaul.services.accrue import Accrual
from saxaul.services.cancel import Cancelling
from saxaul.services.erase_items import ItemErasing
from saxaul.services.erase_person import Erasing
from saxaul.services.erase_trees import TreeErasing
from saxaul.services.harvest import Harvesting
from saxaul.services.ingest import Intake
from saxaul.services.ingest_reversals import ReversalIntake
from saxaul.services.meter_calls import Metering
from saxaul.services.place_orders import OrderPlacing
from saxaul.services.post_together import Stores
from saxaul.services.queue_calls import Outbox
from saxaul.services.redeem import Redeeming
from saxaul.services.schedule_orders import OrderScheduling
from saxaul.services.settle import Settling
from saxaul.services.sweep import Sweeping
from saxaul.services.take_reports import ReportTaking
from saxaul.storage.bus import Bus
from saxaul.storage.catalog import CatalogStore, CompanionRefusedError
from saxaul.storage.claims import Claims
from saxaul.storage.erasures import Erasures
from saxaul.storage.evidence import EvidenceStore
from saxaul.storage.exports import Exports
from saxaul.storage.grants import Grants
from saxaul.storage.leaves import Leaves
from saxaul.storage.manifests import Manifests
from saxaul.storage.nameless import NamelessSums
from saxaul.storage.orders import Orders
from saxaul.storage.periods import Periods
from saxaul.storage.person_items import PersonItems
from saxaul.storage.photos import Photos
from saxaul.storage.receipts import Receipts
from saxaul.storage.redemptions import TREE_PREFIX, Redemptions
from saxaul.storage.spending import Spending
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import Table
from saxaul.storage.usage import UsageStore
from saxaul.storage.wallets import Wallets
from saxaul.trees.orders import PlantingOrder
from saxaul.trees.states import TRANSITIONS, UNPAID, State
from tests.builders import make_calendar
from tests.clocks import StoppedClock
from tests.proof.memory_dynamodb import MemoryDynamoDB, MemorySQS, Name, Raw
from tests.proof.memory_kms import MemoryKMS
from tests.proof.memory_services import MemoryEventBridge, MemoryS3

CALENDAR = make_calendar()
QUEUE = "RedemptionQueue.fifo"
PLANTING_QUEUE = "PlantingQueue.fifo"
LOG_QUEUE = "LogQueue"
ACTION_QUEUE = "ActionQueue"
ERASE_QUEUE = "EraseQueue"
ERASURE_DELAY = 90


class WatchedDynamoDB(MemoryDynamoDB):
    """Fails the test if a write moves a redemption to a state that its transitions do not allow."""

    def __init__(self) -> None:
        super().__init__()
        self.forbidden: list[str] = []

    def _write(self, table: str, item: Raw) -> None:
        before = self.tables[table].get(Name(item["pk"]["S"], item["sk"]["S"]))
        if before and item["sk"]["S"].startswith(TREE_PREFIX):
            start, end = State(before["state"]["S"]), State(item["state"]["S"])
            has_own_state = start in {*UNPAID, State.RESERVED}  # later, its trees have the states
            if has_own_state and start is not end and end not in TRANSITIONS[start]:
                self.forbidden.append(f"{item['sk']['S']} went from {start} to {end}")
                raise AssertionError(self.forbidden[-1])
        super()._write(table, item)


class MemoryExports(Exports):
    """The names of the marks of persons who have files."""

    def __init__(self) -> None:
        super().__init__("exports")
        self.names = set[str]()

    def delete_all(self, name: str) -> None:
        self.names.discard(name)


class WorldClock(StoppedClock):
    """A clock whose ``sleep`` lets eventually consistent reads catch up with the table."""

    def __init__(self, instant: int, store: MemoryDynamoDB) -> None:
        super().__init__(instant)
        self._store = store

    def sleep(self, seconds: float) -> None:  # noqa: ARG002 - for any duration
        self._store.catch_up()


class World:
    """The deployed services in one process. A test may replace their AWS clients with clients that fail."""

    def __init__(self, patch: pytest.MonkeyPatch, now: int) -> None:
        self.store = WatchedDynamoDB()
        self.queue = MemorySQS()
        self.dynamodb: Any = self.store
        self.sqs: Any = self.queue
        self.kms: Any = MemoryKMS()
        self.bucket, self.bus = MemoryS3(), MemoryEventBridge()
        self.s3: Any = self.bucket
        self.eventbridge: Any = self.bus
        self.reliable_clients = {name: getattr(self, name) for name in ("dynamodb", "sqs", "s3", "eventbridge", "kms")}
        for module in ("saxaul.storage.table", "saxaul.storage.batches", "operations.ledger_reading"):
            patch.setattr(f"{module}.dynamodb", lambda: self.dynamodb)
        patch.setattr("saxaul.storage.queues.sqs", lambda: self.sqs)
        patch.setattr("saxaul.storage.signing.kms", lambda: self.kms)
        patch.setattr("saxaul.storage.manifests.s3", lambda: self.s3)
        patch.setattr("saxaul.storage.bus.eventbridge", lambda: self.eventbridge)
        patch.setattr("saxaul.storage.redemptions.REQUESTED_LISTS", 8)  # so that a sweep makes few calls
        for service in ("accrue", "take_reports"):
            patch.setattr(f"saxaul.services.{service}._WRITERS", 1)  # so that a run can be repeated exactly
        self.clock = WorldClock(now, self.store)
        self.ledger = Table("Ledger", self.clock)
        self.periods, self.wallets = Periods(self.ledger), Wallets(self.ledger)
        self.redemptions, self.stocks = Redemptions(self.ledger), Stocks(self.ledger)
        self.spending = Spending(self.ledger)
        self.orders = Orders(self.ledger)
        self.claims = Claims(self.ledger)
        self.receipts = Receipts(Table("Activity", self.clock))
        self.exports = MemoryExports()
        self.outcomes: Counter[str] = Counter()
        self.start_workers()

    @property
    def now(self) -> int:
        return self.clock.instant

    @now.setter
    def now(self, instant: int) -> None:
        self.clock.instant = instant

    def start_workers(self) -> None:
        """Create the services again, as a cold start does."""
        self.catalog_store = CatalogStore(Table("Catalog", self.clock))
        self.accrual = Accrual(
            Stores(self.periods, self.wallets, self.claims),
            self.catalog_store,
            CALENDAR,
            self.clock,
            self.receipts,
            Erasures(self.ledger),
        )
        metering = Metering(UsageStore(Table("Activity", self.clock)), CALENDAR, self.clock)
        grants, outbox = Grants(self.ledger), Outbox(ACTION_QUEUE, self.receipts)
        self.intake = Intake(grants, self.catalog_store, CALENDAR, self.clock, outbox, metering)
        self.reversal_intake = ReversalIntake(
            self.periods, grants, self.catalog_store, CALENDAR, self.clock, outbox, metering
        )
        self.harvesting = Harvesting(self.wallets, CALENDAR, self.clock)
        self.redeeming: Redeeming = Redeeming(
            redemptions=self.redemptions,
            stocks=Stocks(self.ledger),
            catalog_store=self.catalog_store,
            harvesting=self.harvesting,
            calendar=CALENDAR,
            clock=self.clock,
            queue_url=QUEUE,
        )
        self.cancelling = Cancelling(self.redemptions, self.clock)
        self.sweeping = Sweeping(self.redemptions, self.receipts, self.clock, QUEUE)
        self.settling = Settling(self.redemptions, self.wallets, self.stocks, self.clock)
        self.scheduling = OrderScheduling(self.redemptions, self.orders, self.catalog_store, PLANTING_QUEUE)
        self.placing = OrderPlacing(
            redemptions=self.redemptions,
            orders=self.orders,
            catalog_store=self.catalog_store,
            manifests=Manifests("manifests"),
            bus=Bus("saxaul"),
            calendar=CALENDAR,
            clock=self.clock,
            queue_url=PLANTING_QUEUE,
        )
        erasures = Erasures(self.ledger)
        self.erasing = Erasing(
            erasures=erasures,
            items=ItemErasing(erasures, PersonItems(self.ledger), NamelessSums(self.ledger), CALENDAR, self.clock),
            trees=TreeErasing(
                self.ledger, erasures, self.redemptions, self.orders, CALENDAR, self.clock, log_queue_url=LOG_QUEUE
            ),
            redemptions=self.redemptions,
            clock=self.clock,
            delay=ERASURE_DELAY,
            queue_url=ERASE_QUEUE,
            exports=self.exports,
        )
        self.statements = ReportTaking(
            redemptions=self.redemptions,
            orders=self.orders,
            leaves=Leaves(self.ledger),
            evidence=EvidenceStore(self.ledger),
            photos=Photos(self.ledger),
            calendar=CALENDAR,
            clock=self.clock,
            queue_url=LOG_QUEUE,
        )

    def announced_orders(self, partner: str) -> list[PlantingOrder]:
        """Return a partner's announced orders, newest first."""
        listed = [progress.order_id for progress in self.orders.of_partners([partner], 1000)]
        found = self.orders.get_many(listed)
        return [found[order_id] for order_id in listed]

    def forget_stocks(self) -> None:
        """Let the next request read the stock, as if the last one was more than five seconds ago."""
        self.redeeming = self.redeeming._replace(stocks=Stocks(self.ledger))

    def seed(
        self,
        action_types: Mapping[str, ActionType],
        projects: Mapping[str, TreeProject],
        campaigns: Mapping[str, Campaign] | None = None,
    ) -> Catalog:
        for name, rule in action_types.items():
            self.catalog_store.put("action-types", name, VersionedEntry(rule, 1))
        for name, campaign in (campaigns or {}).items():
            self.catalog_store.put("campaigns", name, VersionedEntry(campaign, 1))
        for name, project in projects.items():
            assert self.plan(name, project)
        return self.catalog_store.catalog(max_age=0)

    def change_type(self, name: str, rule: ActionType) -> Catalog:
        """Write the next version of an action type. Returns the catalog, which this worker has read again."""
        known = self.catalog_store.latest("action-types", name)
        self.catalog_store.put("action-types", name, VersionedEntry(rule, known.version + 1))
        return self.catalog_store.catalog(max_age=0)

    def plan(self, project_id: str, project: TreeProject) -> bool:
        """Write a project as an operator's PUT does. Returns False if it releases fewer saplings than are reserved."""
        known = self.catalog_store.latest("tree-projects", project_id)
        planned = self.stocks.get(project_id).planned(project, CALENDAR.zone, self.now)
        planning = self.stocks.plan_write(planned, self.now)
        entry = VersionedEntry(project, known.version + 1)
        try:
            self.catalog_store.put("tree-projects", project_id, entry, also=[planning])
        except CompanionRefusedError:
            return False
        return True

    def accrue(self, bodies: Mapping[str, str]) -> dict[str, str]:
        """Invoke the accruing function once. Returns the messages to redeliver, in the order of the batch."""
        accrued = self.accrual.post({name: ActionMessage.model_validate_json(body) for name, body in bodies.items()})
        self.outcomes = accrued.outcomes
        self.check_steps()
        return {name: body for name, body in bodies.items() if name in accrued.failed}

    def settle(self, bodies: Sequence[str]) -> list[str]:
        """Invoke the settling function once. Returns the messages to redeliver."""
        settled = self.settling.settle(
            {str(number): RedemptionMessage.model_validate_json(body) for number, body in enumerate(bodies)}
        )
        self.check_steps()
        return [body for number, body in enumerate(bodies) if str(number) in settled.failed]

    def check_steps(self) -> None:
        """Fail the test if a redemption took a forbidden step, even if a service caught the error."""
        assert not self.store.forbidden, self.store.forbidden

    def order_all(self) -> None:
        """Run one planting batch to its end. A message leaves its queue only after it was processed."""
        self.scheduling.start_batch()
        waiting = self.queue.queues[PLANTING_QUEUE]
        while waiting:
            message = waiting[0]
            self.placing.place(PlantingMessage.model_validate_json(message).project_id)
            if message in waiting:  # another worker may have processed it too
                waiting.remove(message)

    def periods_of(self, user_id: str) -> list[Period]:
        return self.periods.between(Owner("user", user_id), "", "9999-12-31")

    def periods_without_faults(self, user_id: str) -> list[Period]:
        found: list[Period] = []
        self.without_faults(lambda: found.extend(self.periods_of(user_id)))
        return found

    def position(self, user_id: str) -> Position:
        wallet = self.wallets.get(user_id)
        return position(wallet, self.wallets.open_periods(wallet), CALENDAR, self.now)

    def without_faults(self, check: Callable[[], object]) -> None:
        """Run a check with AWS clients that do not fail and reads that do not lag."""
        clients, lagging = {name: getattr(self, name) for name in self.reliable_clients}, self.store.lagging
        vars(self).update(self.reliable_clients)
        self.store.lagging = False
        try:
            check()
        finally:
            vars(self).update(clients)
            self.store.lagging = lagging
