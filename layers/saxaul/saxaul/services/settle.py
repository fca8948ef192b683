"""Settles queued redemptions: reserves trees for them or rejects them, in the order of the queue."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.messages.bodies import RedemptionMessage
from saxaul.observability import logger
from saxaul.races import retry_lost_races
from saxaul.services import wiring
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.stocks import Stocks
from saxaul.storage.wallets import Wallets
from saxaul.trees.redemptions import settle
from saxaul.trees.states import State


class Settling(NamedTuple):
    """Reserves trees for redemptions, or rejects the redemptions."""

    redemptions: Redemptions
    wallets: Wallets
    stocks: Stocks
    clock: Clock

    def settle(self, messages: Mapping[str, RedemptionMessage]) -> dict[str, str]:
        """Settle the redemptions of a batch of messages, in their order. ``messages`` maps message ids to messages.

        Return the messages that failed and must be redelivered: their ids, with the reasons. If the redemptions of one
        project cannot be settled, the other projects are not affected.
        """
        projects: defaultdict[str, dict[str, RedemptionMessage]] = defaultdict(dict)
        for message_id, message in messages.items():
            projects[message.project_id][message_id] = message
        failed: dict[str, str] = {}
        for project_id, project_messages in projects.items():
            try:
                self._settle_project(
                    project_id, [(message.user_id, message.redemption_id) for message in project_messages.values()]
                )
            except Exception as error:  # noqa: BLE001 - a failure in one project must not stop the others
                logger.exception("redemptions could not be settled", extra={"project_id": project_id})
                failed |= dict.fromkeys(project_messages, repr(error))
        return failed

    def _settle_project(self, project_id: str, keys: Sequence[tuple[str, str]]) -> None:
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
            self.redemptions.write_settlement(settle(requests, wallets, stock, now), stock, now)

        retry_lost_races(attempt, self.clock)


@cache
def settling() -> Settling:
    """Return the settling service of this process."""
    ledger = wiring.ledger()
    return Settling(Redemptions(ledger), Wallets(ledger), Stocks(ledger), wiring.clock())
