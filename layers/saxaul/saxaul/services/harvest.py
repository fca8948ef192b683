"""Harvesting: what is ripe moves from a user's periods into the wallet."""

from functools import cache

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.ledger.wallets import Harvest, harvest
from saxaul.races import until_won
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.wallets import Wallets


class Harvesting:
    """Moves ripe points into wallets."""

    def __init__(self, wallets: Wallets, calendar: Calendar, clock: Clock) -> None:
        self._wallets = wallets
        self._calendar = calendar
        self._clock = clock

    def harvest(self, user_id: str) -> Harvest:
        """Move a user's ripe points into the wallet. Where nothing is ripe, nothing is written."""

        def attempt() -> Harvest:
            wallet = self._wallets.get(user_id)
            harvested = harvest(wallet, self._wallets.open_periods(wallet), self._calendar, self._clock.now())
            if harvested.wallet is not wallet:
                self._wallets.put(harvested.wallet)
            return harvested

        return until_won(attempt, self._clock)


@cache
def harvesting() -> Harvesting:
    """The harvesting of this process."""
    return Harvesting(Wallets(wiring.ledger()), settings().calendar, wiring.clock())
