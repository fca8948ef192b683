"""Harvests: moves the ripe points of a person from periods to the balance of the wallet.

Points ripen on the day after their action, or immediately, if ``HarvestTime`` is ``at-once``. Until a harvest moves
them, they cannot be spent.
"""

from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.ledger.wallets import Harvest, harvest
from saxaul.races import retry_lost_races
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.wallets import Wallets


class Harvesting(NamedTuple):
    """Moves ripe points to the balances of wallets."""

    wallets: Wallets
    calendar: Calendar
    clock: Clock

    def harvest(self, user_id: str) -> Harvest:
        """Move a user's ripe points to the balance of the wallet. If no points can be moved, write nothing."""

        def attempt() -> Harvest:
            wallet = self.wallets.get(user_id)
            harvested = harvest(wallet, self.wallets.open_periods(wallet), self.calendar, self.clock.now())
            if harvested.wallet is not wallet:
                self.wallets.put(harvested.wallet)
            return harvested

        return retry_lost_races(attempt, self.clock)


@cache
def harvesting() -> Harvesting:
    """Return the harvesting service of this process."""
    return Harvesting(Wallets(wiring.ledger()), settings().calendar, wiring.clock())
