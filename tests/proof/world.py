"""The real services on a ledger in memory, and a clock that moves when it is told."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from saxaul.catalog.entries import ActionType, Campaign, Catalog, TreeProject
from saxaul.ledger.actions import Owner
from saxaul.ledger.periods import Period
from saxaul.ledger.wallets import Position, position
from saxaul.messages.bodies import ActionMessage, PlantingMessage, RedemptionMessage
from saxaul.services.accrue import Accrual
from saxaul.services.append_log import Log
from saxaul.services.order import Planting
from saxaul.services.redeem import Redeeming
from saxaul.services.take_statements import TreeReports
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.events import Bus
from saxaul.storage.log import LogStore
from saxaul.storage.manifests import Manifests
from saxaul.storage.orders import Orders
from saxaul.storage.periods import Periods
from saxaul.storage.redemptions import PREFIX, Redemptions
from saxaul.storage.signing import SigningKey
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import Table, TransactionRefusedError
from saxaul.storage.wallets import Wallets
from saxaul.trees.redemptions import TRANSITIONS, UNPAID, State
from tests.builders import make_calendar
from tests.proof.memory_dynamodb import MemoryDynamoDB, MemorySQS, Name, Raw
from tests.proof.memory_kms import MemoryKMS
from tests.proof.memory_services import MemoryEventBridge, MemoryS3

CALENDAR = make_calendar()
CLOCKED = ("accrue", "redeem", "order", "take_statements")
QUEUE = "RedemptionQueue.fifo"
PLANTING_QUEUE = "PlantingQueue.fifo"


class WatchedDynamoDB(MemoryDynamoDB):
    """Breaks the test at a write that takes a redemption a step which is not drawn."""

    def _write(self, table: str, item: Raw) -> None:
        before = self.tables[table].get(Name(item["pk"]["S"], item["sk"]["S"]))
        if before and item["sk"]["S"].startswith(PREFIX):
            start, end = State(before["state"]["S"]), State(item["state"]["S"])
            if start in {*UNPAID, State.RESERVED}:  # from then on its trees take the steps
                assert start is end or end in TRANSITIONS[start], f"{item['sk']['S']} went from {start} to {end}"
        super()._write(table, item)


class World:
    """What is deployed, in process. Its clients may be replaced by such as fail."""

    def __init__(self, patch: pytest.MonkeyPatch, now: int) -> None:
        self.now = now
        self.store = WatchedDynamoDB()
        self.queue = MemorySQS()
        self.dynamodb: Any = self.store
        self.sqs: Any = self.queue
        self.kms: Any = MemoryKMS()
        self.bucket, self.bus = MemoryS3(), MemoryEventBridge()
        self.s3: Any = self.bucket
        self.eventbridge: Any = self.bus
        self.sound = {name: getattr(self, name) for name in ("dynamodb", "sqs", "s3", "eventbridge", "kms")}
        patch.setattr("saxaul.storage.table.dynamodb", lambda: self.dynamodb)
        patch.setattr("saxaul.storage.queues.sqs", lambda: self.sqs)
        patch.setattr("operations.ledger_reading.dynamodb", lambda: self.dynamodb)
        patch.setattr("saxaul.storage.signing.kms", lambda: self.kms)
        patch.setattr("saxaul.storage.manifests.s3", lambda: self.s3)
        patch.setattr("saxaul.storage.events.eventbridge", lambda: self.eventbridge)
        patch.setattr("saxaul.services.accrue._WRITERS", 1)  # so that a run can be run again
        for module in CLOCKED:
            patch.setattr(f"saxaul.services.{module}.time", lambda: float(self.now))
        for module in ("services.retrying", "storage.table"):
            patch.setattr(f"saxaul.{module}.sleep", self._sleep)
        self.ledger = Table("Ledger")
        self.periods, self.wallets = Periods(self.ledger), Wallets(self.ledger)
        self.redemptions, self.stocks = Redemptions(self.ledger), Stocks(self.ledger)
        self.orders = Orders(self.ledger)
        self.start_workers()

    def _sleep(self, _seconds: float) -> None:
        self.store.catch_up()

    def start_workers(self) -> None:
        """Make the services anew, as a cold start does."""
        self.catalog_store = CatalogStore(Table("Catalog"))
        self.accrual = Accrual(self.periods, self.wallets, self.catalog_store, CALENDAR)
        self.redeeming = Redeeming(self.wallets, self.redemptions, self.stocks, CALENDAR, QUEUE)
        manifests, bus = Manifests("manifests"), Bus("saxaul")
        self.planting = Planting(self.redemptions, self.orders, manifests, bus, CALENDAR, PLANTING_QUEUE)
        self.entries = LogStore(self.ledger)
        log = Log(self.entries, SigningKey("key"), CALENDAR)
        self.tree_reports = TreeReports(self.redemptions, log, CALENDAR)

    def seed(
        self,
        action_types: Mapping[str, ActionType],
        projects: Mapping[str, TreeProject],
        campaigns: Mapping[str, Campaign] | None = None,
    ) -> Catalog:
        for name, rule in action_types.items():
            self.catalog_store.put("action-types", name, rule, read=0)
        for name, campaign in (campaigns or {}).items():
            self.catalog_store.put("campaigns", name, campaign, read=0)
        for name, project in projects.items():
            assert self.plan(name, project)
        return self.catalog_store.catalog(max_age=0)

    def plan(self, project_id: str, project: TreeProject) -> bool:
        """An operator's PUT; False where fewer saplings would be released than are spoken for."""
        edition = self.catalog_store.get("tree-projects", project_id)
        releasing = self.stocks.releasing(project_id, project, CALENDAR.zone, self.now)
        try:
            self.catalog_store.put(
                "tree-projects", project_id, project, edition.version if edition else 0, also=[releasing]
            )
        except TransactionRefusedError:
            return False
        return True

    def accrue(self, bodies: Mapping[str, str]) -> dict[str, str]:
        """One invocation of the accruing function; the messages that it wants again, in the order of the batch."""
        messages = {name: ActionMessage.model_validate_json(body) for name, body in bodies.items()}
        batch = self.accrual.post(
            {name: list(message.unpacked()) for name, message in messages.items()},
            {name: list(message.unpacked_reversals()) for name, message in messages.items()},
        )
        return {name: body for name, body in bodies.items() if name in batch.failed}

    def settle(self, bodies: Sequence[str]) -> list[str]:
        """One invocation of the settling function; the messages that it wants again."""
        failed = self.redeeming.settle(
            {str(number): RedemptionMessage.model_validate_json(body) for number, body in enumerate(bodies)}
        )
        return [body for number, body in enumerate(bodies) if str(number) in failed]

    def order_all(self, catalog: Catalog) -> None:
        """One planting batch, worked off. A message leaves its queue once it was worked off, and not before."""
        self.planting.begin(catalog)
        waiting = self.queue.queues[PLANTING_QUEUE]
        while waiting:
            message = waiting[0]
            project_id = PlantingMessage.model_validate_json(message).project_id
            self.planting.order(project_id, catalog.tree_projects[project_id])
            if message in waiting:  # another worker may have worked it off as well
                waiting.remove(message)

    def periods_of(self, user_id: str) -> list[Period]:
        return self.periods.between(Owner("user", user_id), "", "9999-12-31")

    def position(self, user_id: str) -> Position:
        wallet = self.wallets.get(user_id)
        return position(wallet, self.wallets.open_periods(wallet), CALENDAR, self.now)

    def unobserved(self, look: Callable[[], object]) -> None:
        """Look with clients that do not fail and reads that do not lag."""
        clients, lagging = {name: getattr(self, name) for name in self.sound}, self.store.lagging
        vars(self).update(self.sound)
        self.store.lagging = False
        try:
            look()
        finally:
            vars(self).update(clients)
            self.store.lagging = lagging
