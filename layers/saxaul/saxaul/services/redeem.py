"""Harvesting, redeeming, settling what was redeemed, and taking it back."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from time import time
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import TreeProject
from saxaul.ledger.wallets import Harvest, harvest
from saxaul.messages.bodies import RedemptionMessage
from saxaul.problems import Conflict, Forbidden, KeyReused, NotFound
from saxaul.services.retrying import ContendedError, attempts
from saxaul.storage.queues import send_redemption
from saxaul.storage.redemptions import RedemptionExistsError, Redemptions
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import TransactionRefusedError
from saxaul.storage.wallets import WalletMovedError, Wallets
from saxaul.trees.numbers import new_number
from saxaul.trees.redemptions import TRANSITIONS, Redemption, State, Tree, settle

LOST_AFTER = 300
"""Seconds after which a redemption without an answer is queued again. Within them, the queue drops repeats anyway."""

MAX_SWEPT = 500
"""The most that one sweep queues again; the next goes on."""


class RedemptionRequest(NamedTuple):
    """A wish for trees, as an app passed it on. ``key`` is its Idempotency-Key."""

    app: str
    user_id: str
    key: str
    project_id: str
    trees: int
    dedication: str


class Redeeming:
    """Takes requests for trees, and answers them in the order in which they came."""

    def __init__(
        self, wallets: Wallets, redemptions: Redemptions, stocks: Stocks, calendar: Calendar, queue_url: str
    ) -> None:
        self._wallets = wallets
        self._redemptions = redemptions
        self._stocks = stocks
        self._calendar = calendar
        self._queue_url = queue_url

    def harvest(self, user_id: str) -> Harvest:
        """Move a user's ripe points into the wallet."""
        for _ in attempts():
            wallet = self._wallets.get(user_id)
            harvested = harvest(wallet, self._wallets.open_periods(wallet), self._calendar, int(time()))
            if harvested.wallet is wallet:
                return harvested
            try:
                self._wallets.put(harvested.wallet)
            except WalletMovedError:
                continue
            return harvested
        raise AssertionError("attempts() ends by raising")

    def request(self, request: RedemptionRequest, project: TreeProject) -> tuple[Redemption, bool]:
        """Write a redemption and queue it. The same key again gives the same one, and True for a replay.

        Raises:
            KeyReused: the key came with another request before.
            Conflict: ``project_closed``, ``sold_out``, or ``insufficient_points``, where the wallet cannot pay even
                with all that is ripe. Nothing of the request is kept.
        """
        redemption = Redemption(
            user_id=request.user_id,
            redemption_id=redemption_id(request.app, request.user_id, request.key),
            app=request.app,
            project_id=request.project_id,
            trees=tuple(Tree(new_number()) for _ in range(request.trees)),
            points=project.price_points * request.trees,
            requested_at=int(time()),
            dedication=request.dedication,
        )
        known = self._redemptions.get(redemption.user_id, redemption.redemption_id)
        if known is None:
            self._refuse_what_is_not_there(redemption)
            self._refuse_what_cannot_be_paid(redemption)
            try:
                self._redemptions.add(redemption)
            except RedemptionExistsError as exists:
                known = exists.known
        if known and not known.asks_the_same_as(redemption):
            raise KeyReused("key_reused", "This Idempotency-Key came with another request before.")
        replay = known is not None and known.trees != redemption.trees
        current = known or redemption
        if current.state is State.REQUESTED:
            send_redemption(self._queue_url, current)
        return current, replay

    def _refuse_what_is_not_there(self, redemption: Redemption) -> None:
        """Refuse what the queue would refuse if it were this request's turn now; waiting could only make it worse."""
        now, stock = redemption.requested_at, self._stocks.get(redemption.project_id)
        if stock.closed:
            raise Conflict("project_closed", "This project takes no more wishes.")
        if len(redemption.trees) > stock.available(now):
            coming = stock.next_release(now)
            then = f"{coming.saplings} more come at {self._calendar.rfc3339(coming.at)}." if coming else ""
            raise Conflict("sold_out", f"{max(0, stock.available(now))} saplings are left. {then}".rstrip())

    def _refuse_what_cannot_be_paid(self, redemption: Redemption) -> None:
        balance = self.harvest(redemption.user_id).wallet.balance
        if balance < redemption.points:
            raise Conflict("insufficient_points", f"This takes {redemption.points} points; {balance} can be spent.")

    def cancel(self, app: str, user_id: str, redemption_id: str) -> Redemption:
        """Take a redemption back before it is ordered; what it took is given back. Doing it again changes nothing.

        Raises:
            NotFound: the user has no such redemption.
            Forbidden: another app asked for it.
            Conflict: ``already_ordered`` or ``already_rejected``.
        """
        for _ in attempts():
            known = self._redemptions.get(user_id, redemption_id)
            if known is None:
                raise NotFound("unknown_redemption", "This user has no such redemption.")
            if known.app != app:
                raise Forbidden("not_yours", "An app cancels only what it asked for.")
            if known.state is State.CANCELLED:
                return known
            if known.state is State.REJECTED:
                raise Conflict("already_rejected", "It was rejected, and took nothing.")
            if State.CANCELLED not in TRANSITIONS.get(known.state, ()):
                raise Conflict("already_ordered", "Its trees are ordered, so it can no longer be cancelled.")
            cancelled = known.cancelled()
            try:
                self._redemptions.write_cancellation(cancelled, refunded=known.state is State.RESERVED)
            except TransactionRefusedError:
                continue
            return cancelled
        raise AssertionError("attempts() ends by raising")

    def sweep(self) -> list[Redemption]:
        """Queue again the redemptions that nobody answered, the oldest first: their message was lost on the way."""
        overdue = self._redemptions.requested_before(int(time()) - LOST_AFTER, MAX_SWEPT)
        for redemption in overdue:
            send_redemption(self._queue_url, redemption)
        return overdue

    def settle(self, wanted: Mapping[str, RedemptionMessage]) -> dict[str, str]:
        """Answer queued redemptions, by message id, in their order.

        Returns the messages to deliver again, with the reason.
        """
        projects: defaultdict[str, dict[str, RedemptionMessage]] = defaultdict(dict)
        for message_id, message in wanted.items():
            projects[message.project_id][message_id] = message
        failed: dict[str, str] = {}
        for project_id, messages in projects.items():
            try:
                self._settle_project(project_id, [(it.user_id, it.redemption_id) for it in messages.values()])
            except (ClientError, BotoCoreError, ContendedError) as error:
                failed |= dict.fromkeys(messages, repr(error))
        return failed

    def _settle_project(self, project_id: str, keys: Sequence[tuple[str, str]]) -> None:
        for _ in attempts():
            found = {(it.user_id, it.redemption_id): it for it in self._redemptions.get_many(keys)}
            requests = [found[key] for key in dict.fromkeys(keys) if key in found]
            requests = [redemption for redemption in requests if redemption.state is State.REQUESTED]
            if not requests:
                return
            wallets = self._wallets.get_many({redemption.user_id for redemption in requests})
            stock, now = self._stocks.get(project_id), int(time())
            try:
                self._redemptions.write_settlement(settle(requests, wallets, stock, now), stock, now)
            except TransactionRefusedError:
                continue
            return


def redemption_id(app: str, user_id: str, key: str) -> str:
    """A redemption is named by who asked and under which key, so asking again finds it."""
    return hashlib.sha256(f"{app}\n{user_id}\n{key}".encode()).hexdigest()[:32]
