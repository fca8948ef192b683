"""Search results show what changes during the day: the saplings that are left, and what an initiative came to."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from saxaul.catalog.entries import Initiative, ReleaseSchedule
from saxaul.impact.totals import FacilityYear, Impact, MonthlyAct, Sum, Tally
from saxaul.observability import logger
from saxaul.services.read_figures import FIGURES_RETRIED_AFTER, SHOWN_LAST_FOR
from saxaul.storage.impact import ImpactStore
from saxaul.storage.stocks import STOCKS_CACHED_FOR
from saxaul.storage.table import Table, transact
from tests.builders import SHANGHAI, make_action_type, make_facility, make_suggestion, make_text, make_tree_project
from tests.integration.stack import Stack, call

ROOFS = Initiative(
    titles=make_text("Solar roofs", "屋顶光伏"),
    texts=make_text("Roofs make power.", "屋顶发电。"),
    facilities=("hangzhou", "shanghai"),
    action_types=("solar_warehouse",),
    link="https://example.com/roofs",
)


@pytest.fixture
def seeded(stack: Stack) -> Stack:
    stack.seed_catalog(saplings=10)
    stack.seed("action-types", solar_warehouse=make_action_type(points=None, actor="facility"))
    stack.seed("facilities", hangzhou=make_facility(), shanghai=make_facility())
    stack.seed("initiatives", roofs=ROOFS)
    return stack


def result(query: str) -> Any:  # noqa: ANN401 - JSON
    [found] = call("suggest_campaigns", "GET", "/suggestions", query={"q": query}).body["suggestions"]
    return found


def count(stack: Stack, facility_id: str, quantities: dict[str, int], year: int = 2026) -> None:
    """Write what a facility did: the kilowatt-hours of solar power of each month."""
    months = {
        MonthlyAct(month, "solar_warehouse"): Sum(1, Decimal(quantity), 0, Decimal(quantity * 500))
        for month, quantity in quantities.items()
    }
    ImpactStore(stack.ledger).put(Tally(FacilityYear(facility_id, year), Impact(months=months)))


def test_a_tree_project_shows_its_price_and_the_saplings_that_are_left(seeded: Stack) -> None:
    found = result("saxaul")

    assert (found["kind"], found["price_points"], found["available"]) == ("tree_project", 160, 10)
    assert (found["species"], found["latin"], found["place"]) == ("Saxaul", None, "Alxa, Inner Mongolia")
    assert found["partner"] == "Alxa SEE Foundation"
    transact([seeded.spending.reserve_write(seeded.stock(), 3, seeded.clock.instant)])
    seeded.clock.instant += int(STOCKS_CACHED_FOR) + 1
    assert result("saxaul")["available"] == 7


def test_an_initiative_shows_what_its_facilities_came_to_this_year(seeded: Stack) -> None:
    count(seeded, "hangzhou", {"2026-01": 100, "2026-05": 20})
    count(seeded, "shanghai", {"2026-05": 3})
    count(seeded, "elsewhere", {"2026-05": 7})
    count(seeded, "hangzhou", {"2025-12": 9000}, year=2025)

    found = result("solar roofs")

    assert (found["kind"], found["link"]) == ("initiative", "https://example.com/roofs")
    assert [facility["facility_id"] for facility in found["facilities"]] == ["hangzhou", "shanghai"]
    [total] = found["this_year"]["totals"]
    assert found["this_year"]["year"] == 2026
    assert (total["action_type"], total["actions"], total["quantity"]) == ("solar_warehouse", 3, 123)
    assert total["avoided_g"] == 61500


def test_an_initiative_whose_facilities_did_nothing_shows_zero(seeded: Stack) -> None:
    assert seeded

    assert [total["quantity"] for total in result("roofs")["this_year"]["totals"]] == [0]


def test_the_search_answers_without_the_figures_if_they_cannot_be_read(
    seeded: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned: list[str] = []
    reads: list[object] = []
    monkeypatch.setattr(logger, "warning", lambda message, **_: warned.append(message))

    def fail(*_: object, **__: object) -> Iterator[object]:
        reads.append(1)
        raise TimeoutError

    with monkeypatch.context() as broken:
        broken.setattr(Table, "get_many", fail)
        found = call("suggest_campaigns", "GET", "/suggestions")
        again = call("suggest_campaigns", "GET", "/suggestions")

    assert found.status == again.status == 200
    by_kind = {view["kind"]: view for view in found.body["suggestions"]}
    assert (by_kind["tree_project"]["available"], by_kind["tree_project"]["next_release"]) == (None, None)
    assert by_kind["initiative"]["this_year"] is None
    assert len(warned) == len(reads) == 2, "stocks and facilities once each: then this worker waits"
    seeded.clock.instant += int(FIGURES_RETRIED_AFTER) + 1
    assert result("saxaul")["available"] == 10


def test_the_etag_changes_with_the_saplings_that_are_left(seeded: Stack) -> None:
    before = call("suggest_campaigns", "GET", "/suggestions").headers["etag"]
    assert call("suggest_campaigns", "GET", "/suggestions").headers["etag"] == before

    transact([seeded.spending.reserve_write(seeded.stock(), 1, seeded.clock.instant)])
    seeded.clock.instant += int(STOCKS_CACHED_FOR) + 1

    assert call("suggest_campaigns", "GET", "/suggestions").headers["etag"] != before


def projects(limit: int = 50) -> list[tuple[str, int]]:
    found = call("suggest_campaigns", "GET", "/suggestions", query={"q": "saxaul", "limit": str(limit)})
    return [(view["id"], view["available"]) for view in found.body["suggestions"]]


def test_a_tree_project_that_is_sold_out_comes_last(seeded: Stack) -> None:
    seeded.seed("tree-projects", **{f"cheap-{number}": make_tree_project(10) for number in range(3)})

    assert projects(1) == [("saxaul-alxa", 10)], "already in the first response"
    assert projects() == [("saxaul-alxa", 10), *((f"cheap-{number}", 0) for number in range(3))]


def test_a_project_with_new_saplings_comes_first_again(seeded: Stack) -> None:
    seeded.seed("tree-projects", cheap=make_tree_project(10))
    assert projects() == [("saxaul-alxa", 10), ("cheap", 0)]
    planned = seeded.stock("cheap").planned(make_tree_project(10, saplings=5), SHANGHAI, seeded.clock.instant)
    transact([seeded.stocks.plan_write(planned, seeded.clock.instant)])

    seeded.clock.instant += int(SHOWN_LAST_FOR) + 1

    assert projects() == [("cheap", 5), ("saxaul-alxa", 10)]


def test_a_project_whose_schedule_releases_saplings_comes_first_again_in_the_same_second(seeded: Stack) -> None:
    seven = seeded.clock.instant + 19 * 3600
    schedule = ReleaseSchedule.model_validate({"daily": 3, "at": "07:00", "first_day": "2026-06-06"})
    project = make_tree_project(10, saplings=0).model_copy(update={"schedule": schedule})
    seeded.seed("tree-projects", cheap=project)
    planned = seeded.stock("cheap").planned(project, SHANGHAI, seeded.clock.instant)
    transact([seeded.stocks.plan_write(planned, seeded.clock.instant)])
    seeded.clock.instant = seven - 1
    assert projects() == projects() == [("saxaul-alxa", 10), ("cheap", 0)]

    seeded.clock.instant = seven

    assert projects() == [("cheap", 3), ("saxaul-alxa", 10)]


def test_if_all_tree_projects_are_sold_out_they_keep_their_places(stack: Stack) -> None:
    stack.seed_catalog(saplings=0)
    stack.seed("suggestions", **{f"bus-{number}": make_suggestion() for number in range(9)})

    for _ in range(2):
        found = call("suggest_campaigns", "GET", "/suggestions", query={"limit": "5"}).body["suggestions"]
        assert "tree_project" in {view["kind"] for view in found}
