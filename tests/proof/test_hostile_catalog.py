"""No entry that the catalog accepts can make a reader fail: whatever is accepted is read, evaluated and searched."""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median
from time import perf_counter
from typing import Any, TypeVar

import pytest

from saxaul.catalog.entries import Campaign, Catalog, Kind
from saxaul.http.campaign_views import campaign_view, editions_view
from saxaul.http.suggestion_views import Caller, result_view
from saxaul.impact.campaigns import Reached, run_after, run_at, run_before, run_to_show, runs_in
from saxaul.ledger.periods import Period, PeriodKey, post
from saxaul.ledger.screening import screen
from saxaul.search.index import SearchIndex
from saxaul.search.packing import pack, unpack
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.registry import to_item
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import Table, raw
from tests.builders import (
    NOON,
    SHANGHAI,
    USER,
    make_action_type,
    make_calendar,
    make_campaign,
    make_suggestion,
    reported,
)
from tests.clocks import StoppedClock
from tests.integration.conftest import ENVIRONMENT, clear_worker_caches
from tests.integration.stack import REGISTERED, call
from tests.proof.hostile_entries import make_hostile
from tests.proof.memory_dynamodb import MemoryDynamoDB

IS_LONG = os.environ.get("SAXAUL_PROFILE") == "long"
ENTRIES = 10_000 if IS_LONG else 300
CHECKED_ON_EVERY_DAY = 500 if IS_LONG else 5
"""The accepted campaigns that are evaluated on every day of the 131 years."""

FIRST, LAST = date(1970, 1, 1), date(2100, 12, 31)
EVERY_DAY = [FIRST + timedelta(number) for number in range((LAST - FIRST).days + 1)]
EDGES = [FIRST, date(1970, 12, 31), date(2000, 2, 29), date(2026, 6, 5), date(2100, 2, 28), date(2100, 12, 30), LAST]
CALENDAR = make_calendar()

_Result = TypeVar("_Result")


class Watch:
    """Measures calls by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def call(self, name: str, function: Callable[[], _Result]) -> _Result:
        began = perf_counter()
        result = function()
        self.seconds.setdefault(name, []).append(perf_counter() - began)
        return result


def document(entity: Any, **changes: Any) -> Any:  # noqa: ANN401 - any entry and field
    return entity.model_dump(mode="json", exclude_defaults=True) | changes


ORDINARY: Mapping[Kind, Any] = {
    "action-types": document(
        make_action_type(plausible_a_day="50"),
        caps=[{"window": "day", "units": 5}, {"window": "month", "points": 900}],
        retired_from="2099-01-01",
    ),
    "facilities": {
        "names": {"en": "Data centre", "zh": "数据中心"},
        "kind": "data-centre",
        "place": {"names": {"en": "Zhangbei", "zh": "张北"}, "lat": 41.15, "lon": 114.7},
        "app": "alipay",
        "plausible_a_day": {"solar": {"value": 5000, "confidence": "none"}},
    },
    "campaigns": document(
        make_campaign(multipliers={"bus_ride": "2"}, keywords=("green", "环保")),
        goal={"counts": "actions", "target": 100},
        editions={"2026": {"host": {"en": "Azerbaijan", "zh": "阿塞拜疆"}}},
    ),
    "tree-projects": {
        "species": {"en": "Saxaul", "zh": "梭梭"},
        "place": {"names": {"en": "Alxa", "zh": "阿拉善"}, "lat": 38.85, "lon": 105.73, "radius_km": 50},
        "partner": "Alxa SEE Foundation",
        "price_points": 160,
        "saplings": 10,
        "schedule": {"daily": 5, "at": "07:00", "first_day": "2026-06-05", "last_day": "2027-06-05", "total": 500},
    },
    "initiatives": {
        "titles": {"en": "Solar roofs", "zh": "屋顶光伏"},
        "texts": {"en": "Roofs make power.", "zh": "屋顶发电。"},
        "keywords": ["green", "环保"],
        "facilities": ["roof"],
        "action_types": ["solar"],
        "link": "https://example.com/roofs",
    },
    "suggestions": document(make_suggestion(campaign="wed", keywords=("green", "公交"), done_in=("alipay",))),
    "synonyms": {"words": ["bus", "green", "公交"]},
}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryDynamoDB]:
    """A catalog with an entry of each kind, in memory, behind the real function."""
    memory = MemoryDynamoDB()
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("saxaul.services.wiring.SYSTEM_CLOCK", StoppedClock(NOON))
    monkeypatch.setattr("saxaul.storage.table.dynamodb", lambda: memory)
    clear_worker_caches()
    for client_id, client in REGISTERED.items():
        memory.put_item(TableName="Catalog", Item=raw(to_item(client_id, client)))
    for kind, identifier, entry in (
        ("action-types", "bus_ride", document(make_action_type())),
        ("action-types", "solar", document(make_action_type(points=None, actor="facility"))),
        ("facilities", "roof", ORDINARY["facilities"]),
        ("campaigns", "wed", document(make_campaign(multipliers={"bus_ride": "2"}))),
        ("suggestions", "bus", document(make_suggestion(campaign="wed", keywords=("green",)))),
        ("synonyms", "green", {"words": ["green", "环保"]}),
    ):
        assert put(kind, identifier, entry).status == 200
    yield memory
    clear_worker_caches()


def put(kind: str, identifier: str, body: Any) -> Any:  # noqa: ANN401 - any JSON value
    path = {"kind": kind, "id": identifier}
    return call("manage_catalog", "PUT", "/catalog/{kind}/{id}", client="operator-client", path=path, body=body)


def test_whatever_the_catalog_accepts_is_harmless_to_all_of_its_readers(store: MemoryDynamoDB) -> None:
    rng, watch, outcomes = random.Random("hostile entries"), Watch(), Counter[str]()
    before = {name: dict(items) for name, items in store.tables.items()}
    left = CHECKED_ON_EVERY_DAY

    for number in range(ENTRIES):
        hostile = make_hostile(rng, ORDINARY)
        response = watch.call(f"put {hostile.kind}", lambda: put(hostile.kind, "hostile", hostile.body))  # noqa: B023
        if response.status == 200:
            outcomes[f"accepted {hostile.kind}"] += 1
            every_day = hostile.kind == "campaigns" and left > 0
            left -= every_day
            check_readers(rng, watch, EVERY_DAY if every_day else [*EDGES, *rng.sample(EVERY_DAY, 100)])
        else:
            assert 400 <= response.status < 500, (number, hostile)
            outcomes[response.code] += 1
        for name, items in before.items():
            store.tables[name] = dict(items)
        store.tables["Ledger"].clear()

    assert {kind for kind in ORDINARY if outcomes[f"accepted {kind}"]} == set(ORDINARY)
    assert outcomes["invalid_entry"] > ENTRIES / 5
    report(watch, outcomes)


def report(watch: Watch, outcomes: Counter[str]) -> None:
    print(dict(outcomes))  # noqa: T201 - the figures of the run
    for name, seconds in watch.seconds.items():
        slowest, usual = max(seconds) * 1000, median(seconds) * 1000
        print(f"{name}: slowest {slowest:.1f} ms, {slowest / usual:.1f} times the median")  # noqa: T201


def check_readers(rng: random.Random, watch: Watch, days: list[date]) -> None:
    clock = StoppedClock(NOON)
    table = Table("Catalog", clock)
    catalog = watch.call("read", lambda: CatalogStore(table).read().timeline.catalog(clock.now()))
    for kind in ORDINARY:
        path = {"kind": kind, "id": "hostile"}
        for resource in ("/catalog/{kind}", "/catalog/{kind}/{id}", "/catalog/{kind}/{id}/versions"):
            found = call("manage_catalog", "GET", resource, client="operator-client", path=path)
            assert found.status in {200, 404}
    for identifier, campaign in catalog.campaigns.items():
        chosen = days if identifier == "hostile" else EDGES
        watch.call(f"a campaign on {len(chosen)} days", lambda: check_campaign(identifier, campaign, chosen))  # noqa: B023
    check_search(rng, watch, catalog, days)
    check_actions(catalog)
    stock = Stocks(Table("Ledger", clock)).get("hostile")
    for day in (*EDGES[3:], date(2026, 6, 6)):
        now = int(datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI).timestamp())
        assert abs(stock.available(now)) < 10**38
        stock.next_release(now)


def check_campaign(identifier: str, campaign: Campaign, days: list[date]) -> None:
    for day in days:
        found, following, over = run_at(campaign, day), run_after(campaign, day), run_before(campaign, day)
        assert campaign.runs_on(day) == (found is not None)
        assert campaign.begins_on(day) == (found is not None and found.first == day)
        assert found is None or found.first <= day <= found.last
        assert following is None or following.first > day
        assert over is None or over.last < day
        run = run_to_show(campaign, day)
        assert run == (found or following or over or run)
        assert run in runs_in(campaign, run.first.year)
        if day in EDGES:
            campaign_view(identifier, campaign, run, day, Reached(), "zh")
    editions_view(campaign, "en")


def check_search(rng: random.Random, watch: Watch, catalog: Catalog, days: list[date]) -> None:
    index = watch.call("index", lambda: SearchIndex(catalog))
    unpacked = unpack(pack(index))
    assert unpacked.catalog == catalog
    texts = [
        text
        for suggestion in catalog.suggestions.values()
        for text in (*suggestion.keywords, suggestion.titles.zh, suggestion.titles.en)
    ]
    for query in ("", "green", "公交", "x" * 100, *(text[: rng.randint(1, 100)] for text in rng.sample(texts, 3))):
        for day in (days[0], date(2026, 6, 5), rng.choice(days)):
            answer = watch.call("search", lambda: index.search(query, "alipay", day, 10, "zh"))  # noqa: B023
            assert answer.found
            assert unpacked.search(query, "alipay", day, 10, "zh") == answer
            for found in answer.found:
                result_view(found, catalog, Caller("alipay"), "en", day)


def check_actions(catalog: Catalog) -> None:
    for name, rule in catalog.action_types.items():
        multiplier, _ = catalog.best_multiplier(name, date(2026, 6, 5))
        assert 1 <= multiplier <= 100
        for quantity in (rule.min_quantity, rule.max_quantity, Decimal(1)):
            action = reported(type=name, quantity=float(quantity))
            accepted = screen("alipay", [action], catalog, CALENDAR, NOON).accepted
            if accepted and rule.actor == "person":
                windows = CALENDAR.windows_of(accepted[0].occurred_at)
                period = Period(PeriodKey(USER, windows.of(rule.window)), {}, 0)
                assert post(period, accepted, catalog, CALENDAR, NOON).period.points < 10**38
