"""Reads what facilities did in a year, and caches it in this worker."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.impact.totals import FacilityYear, Sum, sums_by_type
from saxaul.services import wiring
from saxaul.storage.impact import ImpactStore
from saxaul.storage.table import BATCH_GET

FACILITIES_CACHED_FOR = 60.0
"""How many seconds a worker uses what it read about a facility, also if the facility has no totals."""


class _Known(NamedTuple):
    sums: Mapping[str, Sum]
    read_at: float


class FacilityTotals:
    """Reads the totals of facilities. What it returns was read at most 60 seconds ago."""

    def __init__(self, impact: ImpactStore, clock: Clock) -> None:
        self._impact = impact
        self._clock = clock
        self._known: dict[FacilityYear, _Known] = {}

    def of_year(self, facility_ids: Iterable[str], year: int) -> Mapping[str, Mapping[str, Sum]]:
        """Return what each facility did in a year: a sum for each action type; none if it did nothing.

        The facilities that are not cached are read in one request, which reads at most 100 of them. The others are left
        out, and the next call reads them.

        Raises:
            OverloadedError: DynamoDB left a part of the facilities unread.
            UnansweredError: DynamoDB did not answer in time.
        """
        now = self._clock.elapsed()
        wanted = [FacilityYear(facility_id, year) for facility_id in dict.fromkeys(facility_ids)]
        known = {
            facility: found for facility, found in self._known.items() if now - found.read_at < FACILITIES_CACHED_FOR
        }
        unknown = [facility for facility in wanted if facility not in known][:BATCH_GET]
        if unknown:
            read = self._impact.of_facilities(unknown)
            known |= {facility: _Known(sums_by_type(impact), now) for facility, impact in read.items()}
        self._known = known
        return {facility.facility_id: known[facility].sums for facility in wanted if facility in known}


@cache
def facility_totals() -> FacilityTotals:
    """Return the totals of facilities of this process."""
    return FacilityTotals(ImpactStore(wiring.ledger()), wiring.clock())
