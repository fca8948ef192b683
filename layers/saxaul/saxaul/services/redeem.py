"""Redeeming: a request for trees is checked, written and queued. The queue decides which requests are served."""

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
    """A person's request for trees, as an app sent it. ``key`` is the app's Idempotency-Key."""

    app: str
    user_id: str
    key: str
    project_id: str
    trees: int
    dedication: str


class Requested(NamedTuple):
    """The redemption for a request, and whether the request is a replay of an earlier one."""

    redemption: Redemption
    is_replay: bool


@dataclass(frozen=True, kw_only=True)
class Redeeming:
    """Takes requests for trees, and reads their redemptions."""

    redemptions: Redemptions
    stocks: Stocks
    catalog_store: CatalogStore
    harvesting: Harvesting
    calendar: Calendar
    clock: Clock
    queue_url: str

    def request(self, request: RedemptionRequest) -> Requested:
        """Write a redemption and queue it. A request with the same key returns the same redemption.

        Raises:
            NotFound: there is no such tree project.
            KeyReused: the key was already used for a different request.
            Conflict: ``project_closed``, ``sold_out``, or ``insufficient_points`` if the wallet cannot pay even after
                a harvest. The request is not stored.
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
            raise KeyReused(
                "key_reused", "This Idempotency-Key was already used for a different request; use a new key."
            )
        current = known or wanted
        if current.state is State.REQUESTED:
            send_redemption(self.queue_url, current)
        return Requested(current, is_replay=known is not None)

    def view(self, user_id: str, redemption_id: str) -> Redemption:
        """Return a user's redemption as it is now.

        Raises:
            NotFound: the user has no such redemption.
        """
        redemption = self.redemptions.get(user_id, redemption_id)
        if redemption is None:
            raise NotFound(
                "unknown_redemption",
                "This user has no redemption with this id; use a redemption_id that was returned for this user.",
            )
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
        """Return a tree project from the cached catalog, or else from the table, because it may be new."""
        project = self.catalog_store.catalog().tree_projects.get(project_id)
        if project is None:
            entry = self.catalog_store.get("tree-projects", project_id)
            project = entry.entity if entry and isinstance(entry.entity, TreeProject) else None
        if project is None:
            raise NotFound(
                "unknown_project", f"There is no tree project {project_id!r}; GET /tree-projects lists all projects."
            )
        return project

    def _refuse_what_the_stock_lacks(self, wanted: Redemption) -> None:
        """Refuse a request that would be rejected if it were settled now, so that it does not have to wait."""
        now, stock = wanted.requested_at, self.stocks.get(wanted.project_id)
        if stock.closed:
            raise Conflict("project_closed", "This project is closed and takes no requests; choose another project.")
        if len(wanted.trees) > stock.available(now):
            coming = stock.next_release(now)
            then = f"{coming.saplings} more will be released at {self.calendar.rfc3339(coming.at)}." if coming else ""
            raise Conflict(
                "sold_out",
                f"More trees were requested than saplings are left ({max(0, stock.available(now))}). {then}".rstrip(),
            )


def _refuse_what_the_wallet_lacks(wanted: Redemption, balance: int) -> None:
    if balance < wanted.points:
        raise Conflict(
            "insufficient_points",
            f"The trees cost {wanted.points} points, but the wallet has only {balance} after a harvest.",
        )


def redemption_id(app: str, user_id: str, key: str) -> str:
    """Return the id of a redemption. It is derived from app, user and key, so a repeated request has the same id."""
    return hashlib.sha256(f"{app}\n{user_id}\n{key}".encode()).hexdigest()[:32]


@cache
def redeeming() -> Redeeming:
    """Return the redeeming service of this process."""
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
