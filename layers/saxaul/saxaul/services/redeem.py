"""Redeeming: a request for trees is checked, written and queued; the queue decides who is served."""

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import TreeProject
from saxaul.clock import Clock
from saxaul.problems import Conflict, KeyReused, NotFound
from saxaul.services import wiring
from saxaul.services.harvest import Harvesting, harvesting
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.queues import send_redemption
from saxaul.storage.redemptions import RedemptionExistsError, Redemptions
from saxaul.storage.stocks import Stocks
from saxaul.trees.numbers import new_number
from saxaul.trees.redemptions import Redemption, State, Tree


class RedemptionRequest(NamedTuple):
    """What a person asks for, as an app passed it on. ``key`` is the app's Idempotency-Key."""

    app: str
    user_id: str
    key: str
    project_id: str
    trees: int
    dedication: str


class Requested(NamedTuple):
    """The redemption of a request, and whether the same request came before."""

    redemption: Redemption
    is_replay: bool


@dataclass(frozen=True, kw_only=True)
class Redeeming:
    """Takes requests for trees, and shows what became of them."""

    redemptions: Redemptions
    stocks: Stocks
    catalog_store: CatalogStore
    harvesting: Harvesting
    calendar: Calendar
    clock: Clock
    queue_url: str

    def request(self, request: RedemptionRequest) -> Requested:
        """Write a redemption and queue it. The same key again gives the same one.

        Raises:
            NotFound: there is no such tree project.
            KeyReused: the key came with another request before.
            Conflict: ``project_closed``, ``sold_out``, or ``insufficient_points``, where the wallet cannot pay even
                with all that is ripe. Nothing of the request is kept.
        """
        wanted = self._wanted(request, self._project(request.project_id))
        known = self.redemptions.get(wanted.user_id, wanted.redemption_id)
        if known is None:
            self._refuse_what_the_stock_lacks(wanted)
            harvested = self.harvesting.harvest(wanted.user_id)
            _refuse_what_the_wallet_lacks(wanted, harvested.wallet.balance)
            try:
                self.redemptions.add(wanted)
            except RedemptionExistsError as exists:
                known = exists.known
        if known and not known.asks_the_same_as(wanted):
            raise KeyReused("key_reused", "This Idempotency-Key came with another request before.")
        current = known or wanted
        if current.state is State.REQUESTED:
            send_redemption(self.queue_url, current)
        return Requested(current, is_replay=known is not None)

    def view(self, user_id: str, redemption_id: str) -> Redemption:
        """A user's redemption, as of now.

        Raises:
            NotFound: the user has no such redemption.
        """
        redemption = self.redemptions.get(user_id, redemption_id)
        if redemption is None:
            raise NotFound("unknown_redemption", "This user has no such redemption.")
        return redemption

    def _wanted(self, request: RedemptionRequest, project: TreeProject) -> Redemption:
        return Redemption(
            user_id=request.user_id,
            redemption_id=redemption_id(request.app, request.user_id, request.key),
            app=request.app,
            project_id=request.project_id,
            trees=tuple(Tree(new_number()) for _ in range(request.trees)),
            points=project.price_points * request.trees,
            requested_at=self.clock.now(),
            dedication=request.dedication,
        )

    def _project(self, project_id: str) -> TreeProject:
        """A tree project of the kept catalog, or else one that is new."""
        project = self.catalog_store.catalog().tree_projects.get(project_id)
        if project is None:
            entry = self.catalog_store.get("tree-projects", project_id)
            project = entry.entity if entry and isinstance(entry.entity, TreeProject) else None
        if project is None:
            raise NotFound("unknown_project", f"There is no tree project {project_id!r}.")
        return project

    def _refuse_what_the_stock_lacks(self, wanted: Redemption) -> None:
        """Refuse what the queue would refuse if it were this request's turn now; waiting could only make it worse."""
        now, stock = wanted.requested_at, self.stocks.get(wanted.project_id)
        if stock.closed:
            raise Conflict("project_closed", "This project takes no more requests.")
        if len(wanted.trees) > stock.available(now):
            coming = stock.next_release(now)
            then = f"{coming.saplings} more come at {self.calendar.rfc3339(coming.at)}." if coming else ""
            raise Conflict("sold_out", f"{max(0, stock.available(now))} saplings are left. {then}".rstrip())


def _refuse_what_the_wallet_lacks(wanted: Redemption, balance: int) -> None:
    if balance < wanted.points:
        raise Conflict("insufficient_points", f"This takes {wanted.points} points; {balance} can be spent.")


def redemption_id(app: str, user_id: str, key: str) -> str:
    """A redemption is named by who asked and under which key, so asking again finds it."""
    return hashlib.sha256(f"{app}\n{user_id}\n{key}".encode()).hexdigest()[:32]


@cache
def redeeming() -> Redeeming:
    """The redeeming of this process."""
    ledger = wiring.ledger()
    return Redeeming(
        redemptions=Redemptions(ledger),
        stocks=Stocks(ledger),
        catalog_store=wiring.catalog_store(),
        harvesting=harvesting(),
        calendar=settings().calendar,
        clock=wiring.clock(),
        queue_url=settings().redemption_queue_url,
    )
