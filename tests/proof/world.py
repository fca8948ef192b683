"""The real services on a ledger in memory, and a clock that moves when it is told."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from saxaul.actions import Owner
from saxaul.catalog import ActionType, Campaign, Catalogue, TreeProject
from saxaul.messages import ActionMessage, RedemptionMessage
from saxaul.pages import Page
from saxaul.services.accrual import Accrual
from saxaul.services.planting import Planting
from saxaul.services.redeeming import Redeeming
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.pages import Pages
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.table import Table
from saxaul.storage.wallets import Wallets
from saxaul.wallets import Position, position
from tests.builders import make_calendar
from tests.proof.memory_dynamodb import MemoryDynamoDB, MemorySQS

CALENDAR = make_calendar()
CLOCKED = ("accrual", "redeeming", "planting")
QUEUE = "RedemptionQueue.fifo"


class World:
    """What is deployed, in process. ``dynamodb`` and ``sqs`` may be replaced by clients that fail."""

    def __init__(self, patch: pytest.MonkeyPatch, now: int) -> None:
        self.now = now
        self.store = MemoryDynamoDB()
        self.queue = MemorySQS()
        self.dynamodb: Any = self.store
        self.sqs: Any = self.queue
        patch.setattr("saxaul.storage.table.dynamodb", lambda: self.dynamodb)
        patch.setattr("saxaul.storage.queues.sqs", lambda: self.sqs)
        patch.setattr("operations.ledger_reading.dynamodb", lambda: self.dynamodb)
        patch.setattr("saxaul.services.accrual._WRITERS", 1)  # so that a run can be run again
        for module in CLOCKED:
            patch.setattr(f"saxaul.services.{module}.time", lambda: float(self.now))
        for module in ("services.retrying", "storage.table"):
            patch.setattr(f"saxaul.{module}.sleep", self._sleep)
        self.ledger = Table("Ledger")
        self.pages, self.wallets = Pages(self.ledger), Wallets(self.ledger)
        self.redemptions = Redemptions(self.ledger)
        self.start_workers()

    def _sleep(self, _seconds: float) -> None:
        self.store.catch_up()

    def start_workers(self) -> None:
        """Make the services anew, as a cold start does."""
        self.catalog = CatalogStore(Table("Catalog"))
        self.accrual = Accrual(self.pages, self.wallets, self.catalog, CALENDAR)
        self.redeeming = Redeeming(self.wallets, self.redemptions, CALENDAR, QUEUE)
        self.planting = Planting(self.redemptions, CALENDAR)

    def seed(
        self,
        action_types: Mapping[str, ActionType],
        projects: Mapping[str, TreeProject],
        campaigns: Mapping[str, Campaign] | None = None,
    ) -> Catalogue:
        for name, rule in action_types.items():
            self.catalog.put("action-types", name, rule, read=0)
        for name, campaign in (campaigns or {}).items():
            self.catalog.put("campaigns", name, campaign, read=0)
        for name, project in projects.items():
            releasing = self.redemptions.releasing(name, project.saplings)
            self.catalog.put("tree-projects", name, project, read=0, also=[releasing])
        return self.catalog.catalogue(max_age=0)

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

    def pages_of(self, user_id: str) -> list[Page]:
        return self.pages.between(Owner("user", user_id), "", "9999-12-31")

    def position(self, user_id: str) -> Position:
        wallet = self.wallets.get(user_id)
        return position(wallet, self.wallets.open_pages(wallet), CALENDAR, self.now)

    def unobserved(self, look: Callable[[], object]) -> None:
        """Look with clients that do not fail and reads that do not lag."""
        clients, lagging = (self.dynamodb, self.sqs), self.store.lagging
        self.dynamodb, self.sqs, self.store.lagging = self.store, self.queue, False
        try:
            look()
        finally:
            self.dynamodb, self.sqs = clients
            self.store.lagging = lagging
