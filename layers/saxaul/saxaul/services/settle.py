"""Settles queued redemptions: reserves trees for them or rejects them, in the order of the queue."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.messages.bodies import RedemptionMessage
from saxaul.observability import SAPLINGS_LEFT, logger
from saxaul.races import retry_lost_races
from saxaul.services import wiring
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.stocks import Stocks
from saxaul.storage.wallets import Wallets
from saxaul.trees.redemptions import settle
from saxaul.trees.states import State


@dataclass
class Settled:
    """The result of a batch of messages.

    Attributes:
        failed: the messages that the queue must redeliver: message ids, with the reasons.
        seconds: for each redemption that was settled, how many seconds before that it was requested.
        saplings_left: how many saplings each project had left when its redemptions were settled.
    """

    failed: dict[str, str] = field(default_factory=dict)
    seconds: list[int] = field(default_factory=list)
    saplings_left: dict[str, int] = field(default_factory=dict)

    @property
    def measured(self) -> dict[str, int | list[int]]:
        """The values of the metrics. A redemption is counted with the write that settled it, and never again."""
        left = {f"{SAPLINGS_LEFT} {project_id}": number for project_id, number in self.saplings_left.items()}
        return {"SettleTime": self.seconds, **left} if self.seconds else {}


class Settling(NamedTuple):
    """Reserves trees for redemptions, or rejects the redemptions."""

    redemptions: Redemptions
    wallets: Wallets
    stocks: Stocks
    clock: Clock

    def settle(self, messages: Mapping[str, RedemptionMessage]) -> Settled:
        """Settle the redemptions of a batch of messages, in their order. ``messages`` maps message ids to messages.

        If the redemptions of one project cannot be settled, their messages fail, and the other projects are not
        affected.
        """
        projects: defaultdict[str, dict[str, RedemptionMessage]] = defaultdict(dict)
        for message_id, message in messages.items():
            projects[message.project_id][message_id] = message
        settled = Settled()
        for project_id, project_messages in projects.items():
            try:
                keys = [(message.user_id, message.redemption_id) for message in project_messages.values()]
                self._settle_project(project_id, keys, settled)
            except Exception as error:  # noqa: BLE001 - a failure in one project must not stop the others
                logger.exception("redemptions could not be settled", extra={"project_id": project_id})
                settled.failed |= dict.fromkeys(project_messages, repr(error))
        return settled

    def _settle_project(self, project_id: str, keys: Sequence[tuple[str, str]], settled: Settled) -> None:
        """Settle the redemptions with these pairs of user_id and redemption_id, unless they are already settled."""

        def attempt() -> None:
            found = {
                (redemption.user_id, redemption.redemption_id): redemption
                for redemption in self.redemptions.get_many(keys)
            }
            requests = [found[key] for key in dict.fromkeys(keys) if key in found]
            requests = [redemption for redemption in requests if redemption.state is State.REQUESTED]
            if not requests:
                return
            wallets = self.wallets.get_many({redemption.user_id for redemption in requests})
            stock, now = self.stocks.get(project_id), self.clock.now()
            settlement = settle(requests, wallets, stock, now)
            self.redemptions.write_settlement(settlement, stock, now)
            settled.seconds += [max(0, now - redemption.requested_at) for redemption in requests]  # of another clock
            settled.saplings_left[project_id] = stock.available(now) - settlement.saplings

        retry_lost_races(attempt, self.clock)


@cache
def settling() -> Settling:
    """Return the settling service of this process."""
    ledger = wiring.ledger()
    return Settling(Redemptions(ledger), Wallets(ledger), Stocks(ledger), wiring.clock())
