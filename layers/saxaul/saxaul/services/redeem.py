"""Accepts redemption requests: checks a request, writes a pending redemption, and queues the redemption.

Another function reads the queue and settles the redemptions of a project in the order of the queue.
"""

import hashlib
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import TreeProject
from saxaul.catalog.sentences import counted
from saxaul.clock import Clock
from saxaul.problems import Conflict, KeyReused, NotFound
from saxaul.services import wiring
from saxaul.services.harvest import Harvesting, harvesting
from saxaul.settings import settings
from saxaul.storage.catalog import MISSING_CACHED_FOR, CatalogStore
from saxaul.storage.queues import send_redemption
from saxaul.storage.redemptions import RedemptionExistsError, Redemptions
from saxaul.storage.stocks import Stocks
from saxaul.trees.numbers import new_number
from saxaul.trees.redemptions import Redemption, Tree
from saxaul.trees.states import State


class RedemptionRequest(NamedTuple):
    """A person's request for trees, as an app sent it.

    Attributes:
        key: the app's Idempotency-Key.
        max_points: the most points that all of the trees may cost; None if the app set no limit.
        erasure_id: the last erasure of a person with this user_id; empty if there was none.
    """

    app: str
    user_id: str
    key: str
    project_id: str
    trees: int
    dedication: str
    max_points: int | None = None
    erasure_id: str = ""


class Requested(NamedTuple):
    """The redemption for a request, and whether the request is a replay of an earlier one."""

    redemption: Redemption
    is_replay: bool


class Redeeming(NamedTuple):
    """Accepts redemption requests, and reads redemptions."""

    redemptions: Redemptions
    stocks: Stocks
    catalog_store: CatalogStore
    harvesting: Harvesting
    calendar: Calendar
    clock: Clock
    queue_url: str

    def request(self, request: RedemptionRequest) -> Requested:
        """Write a pending redemption and queue it. A repeated request with the same key returns the same redemption.

        Raises:
            NotFound: the tree project does not exist.
            KeyReused: the key was already used for a different request.
            Conflict: ``price_changed`` (the trees cost more than ``max_points``), ``project_closed``, ``sold_out`` or
                ``insufficient_points`` (the wallet cannot pay even after a harvest). The redemption is not written.
        """
        new = self._new_redemption(request, self._project(request.project_id))
        stored = self.redemptions.get(new.user_id, new.redemption_id)
        if stored is None:
            new = self._within_limit(request, new)
            self._refuse_if_sold_out(new)
            harvested = self.harvesting.harvest(new.user_id)
            _refuse_if_wallet_cannot_pay(new, harvested.wallet.balance)
            try:
                self.redemptions.add(new)
            except RedemptionExistsError as exists:
                stored = exists.stored
        if stored and not stored.is_same_request_as(new):
            raise KeyReused(
                "key_reused", "This Idempotency-Key was already used for a different request; use a new key."
            )
        current = stored or new
        if current.state is State.REQUESTED:
            send_redemption(self.queue_url, current)
        return Requested(current, is_replay=stored is not None)

    def view(self, user_id: str, redemption_id: str) -> Redemption:
        """Return a user's redemption as it is now.

        Raises:
            NotFound: the user has no such redemption.
        """
        redemption = self.redemptions.get(user_id, redemption_id)
        if redemption is None:
            raise unknown_redemption()
        return redemption

    def _new_redemption(self, request: RedemptionRequest, project: TreeProject) -> Redemption:
        return Redemption(
            user_id=request.user_id,
            redemption_id=redemption_id(request.app, request.user_id, request.key, request.erasure_id),
            app=request.app,
            project_id=request.project_id,
            trees=tuple(Tree(new_number()) for _ in range(request.trees)),
            points=project.price_points * request.trees,
            requested_at=self.clock.now(),
            dedication=request.dedication,
            max_points=request.max_points,
        )

    def _within_limit(self, request: RedemptionRequest, new: Redemption) -> Redemption:
        """Return the new redemption if its price is within the request's limit.

        The price may have been lowered since the catalog was cached. So before a request is refused, the price is taken
        from a catalog that is at most 5 seconds old.

        Raises:
            Conflict: ``price_changed``.
        """
        if new.max_points is None or new.points <= new.max_points:
            return new
        fresh = self.catalog_store.catalog(max_age=MISSING_CACHED_FOR).tree_projects.get(new.project_id)
        priced = self._new_redemption(request, fresh) if fresh else new
        if priced.points > new.max_points:
            raise Conflict(
                "price_changed",
                f"The trees cost {counted(priced.points, 'point')}, more than the max_points of {new.max_points}. "
                "Nothing was taken; show the person the new price, and repeat the request with it.",
            )
        return priced

    def _project(self, project_id: str) -> TreeProject:
        """Return a tree project from the cached catalog, or else from the table, because the project may be new.

        Raises:
            NotFound: the tree project does not exist.
        """
        project = self.catalog_store.catalog().tree_projects.get(project_id)
        if project is None:
            entry = self.catalog_store.get("tree-projects", project_id)
            project = entry.entity if entry and isinstance(entry.entity, TreeProject) else None
        if project is None:
            raise NotFound(
                "unknown_project", f"There is no tree project {project_id!r}; GET /tree-projects lists all projects."
            )
        return project

    def _refuse_if_sold_out(self, new: Redemption) -> None:
        """Refuse a request at once if the project is closed or has too few unreserved saplings.

        The stock is up to a second old, or five if it has no saplings left. So a request can be accepted although the
        last sapling was just reserved: it is rejected when it is settled. And it can be refused for up to five seconds
        although a sapling was given back. A release by the schedule counts from its first second.

        Raises:
            Conflict: ``project_closed`` or ``sold_out``.
        """
        now, stock = new.requested_at, self.stocks.get_for_request(new.project_id)
        if stock.closed:
            raise Conflict("project_closed", "This project is closed and accepts no requests; choose another project.")
        if len(new.trees) > stock.available(now):
            release = stock.next_release(now)
            then = (
                f"{release.saplings} more will be released at {self.calendar.rfc3339(release.at)}." if release else ""
            )
            raise Conflict(
                "sold_out",
                f"More trees were requested than saplings are left ({max(0, stock.available(now))}). {then}".rstrip(),
            )


def _refuse_if_wallet_cannot_pay(new: Redemption, balance: int) -> None:
    if balance < new.points:
        raise Conflict(
            "insufficient_points",
            f"The trees cost {counted(new.points, 'point')}, but the wallet has only {balance} after a harvest.",
        )


def unknown_redemption() -> NotFound:
    """Return the problem for a redemption that the person does not have."""
    return NotFound(
        "unknown_redemption",
        "This person has no redemption with this id; use a redemption_id that was returned for this person.",
    )


def redemption_id(app: str, user_id: str, key: str, erasure_id: str = "") -> str:
    """Return the id of a redemption, derived from app, user and key. So a repeated request has the same id.

    After an erasure, the same request has another id, because the tree of the erased person keeps the old one. The
    names of apps and users have no line break, so different requests never give the same text.
    """
    names = [erasure_id, app, user_id, key] if erasure_id else [app, user_id, key]
    return hashlib.sha256("\n".join(names).encode(errors="surrogatepass")).hexdigest()[:32]


@cache
def redeeming() -> Redeeming:
    """Return the redeeming service of this process."""
    ledger = wiring.ledger()
    return Redeeming(
        redemptions=Redemptions(ledger),
        stocks=Stocks(ledger),
        catalog_store=wiring.published_catalog(),
        harvesting=harvesting(),
        calendar=settings().calendar,
        clock=wiring.clock(),
        queue_url=settings().redemption_queue_url,
    )
