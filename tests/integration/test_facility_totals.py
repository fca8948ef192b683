"""What facilities did in a year, as the search reads it: one request for many facilities, cached for a minute."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from saxaul.impact.totals import FacilityYear, Impact, MonthlyAct, Sum, Tally
from saxaul.services.read_facilities import FACILITIES_CACHED_FOR, FacilityTotals, facility_totals
from saxaul.storage.clients import dynamodb
from saxaul.storage.impact import ImpactStore
from saxaul.storage.table import BATCH_GET
from tests.integration.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

SOLAR = Sum(2, Decimal("3.5"), 0, Decimal(100))


def add(stack: Stack, facility_id: str, *months: str, year: int = 2026) -> None:
    """Write what a facility did in these months: the same in each."""
    impact = Impact(months={MonthlyAct(month, "solar"): SOLAR for month in months})
    ImpactStore(stack.ledger).put(Tally(FacilityYear(facility_id, year), impact))


@pytest.fixture
def totals(stack: Stack) -> FacilityTotals:
    return FacilityTotals(ImpactStore(stack.ledger), stack.clock)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many keys each batch that is read has."""
    found: list[int] = []
    read: Callable[..., Any] = dynamodb().batch_get_item

    def counting(**request: Any) -> Any:  # noqa: ANN401 - passed on
        found.append(len(request["RequestItems"]["Ledger"]["Keys"]))
        return read(**request)

    monkeypatch.setattr(dynamodb(), "batch_get_item", counting)
    return found


def test_the_months_of_the_year_are_added_up_by_type(stack: Stack, totals: FacilityTotals) -> None:
    add(stack, "roof", "2026-01", "2026-12")
    add(stack, "roof", "2025-12", year=2025)

    assert totals.of_year(["roof", "idle", "roof"], 2026) == {"roof": {"solar": SOLAR.plus(SOLAR)}, "idle": {}}
    assert totals.of_year(["roof"], 2025) == {"roof": {"solar": SOLAR}}


def test_what_was_read_and_what_was_missing_are_used_for_60_seconds(
    stack: Stack, totals: FacilityTotals, requests: list[int]
) -> None:
    add(stack, "roof", "2026-01")
    before = totals.of_year(["roof", "new"], 2026)
    add(stack, "new", "2026-01")

    stack.clock.instant += int(FACILITIES_CACHED_FOR) - 1
    cached = totals.of_year(["roof", "new"], 2026)
    stack.clock.instant += 1
    after = totals.of_year(["roof", "new"], 2026)

    assert (before["new"], cached, after["new"]) == ({}, before, {"solar": SOLAR})
    assert requests == [2, 2]


def test_only_the_facilities_that_are_not_cached_are_read(totals: FacilityTotals, requests: list[int]) -> None:
    totals.of_year(["a", "b"], 2026)
    totals.of_year(["b", "c"], 2026)
    totals.of_year([], 2026)

    assert requests == [2, 1]


def test_one_call_reads_100_facilities_and_the_next_one_the_others(totals: FacilityTotals, requests: list[int]) -> None:
    wanted = [f"f-{number}" for number in range(130)]

    first, second = totals.of_year(wanted, 2026), totals.of_year(wanted, 2026)

    assert list(first) == wanted[:BATCH_GET]
    assert list(second) == wanted
    assert requests == [BATCH_GET, 30]


def test_a_read_that_fails_is_raised_and_not_cached(
    stack: Stack, totals: FacilityTotals, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(stack, "roof", "2026-01")

    def failing(**_: Any) -> Any:  # noqa: ANN401 - as boto3 takes them
        raise ConnectionError("the network is down")

    with monkeypatch.context() as patch:
        patch.setattr(dynamodb(), "batch_get_item", failing)
        with pytest.raises(ConnectionError):
            totals.of_year(["roof"], 2026)

    assert totals.of_year(["roof"], 2026) == {"roof": {"solar": SOLAR}}


@pytest.mark.usefixtures("stack")
def test_the_totals_of_this_process_are_made_once() -> None:
    assert facility_totals() is facility_totals()
