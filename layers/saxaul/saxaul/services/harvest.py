"""Harvesting: ripe points move from a user's periods into the wallet."""

from dataclasses import dataclass
from functools import cache

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.ledger.wallets import Harvest, harvest
from saxaul.races import until_won
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.wallets import Wallets


@dataclass(frozen=True)
class Harvesting:
    """Moves ripe points into wallets."""

    wallets: Wallets
    calendar: Calendar
    clock: Clock

    def harvest(self, user_id: str) -> Harvest:
        """Move a user's ripe points into the wallet. If there is nothing to move, nothing is written."""

        def attempt() -> Harvest:
            wallet = self.wallets.get(user_id)
            harvested = harvest(wallet, self.wallets.open_periods(wallet), self.calendar, self.clock.now())
            if harvested.wallet is not wallet:
                self.wallets.put(harvested.wallet)
            return harvested

        return until_won(attempt, self.clock)


@cache
def harvesting() -> Harvesting:
    """Return the harvesting service of this process."""
    return Harvesting(Wallets(wiring.ledger()), settings().calendar, wiring.clock())
