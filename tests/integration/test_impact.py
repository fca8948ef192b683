"""The impact totals, from the ledger's stream to the public response, and the campaigns that use them."""

import base64
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count, islice
from typing import Any

import pytest

from operations.ledger_reading import scan
from saxaul.catalog.entries import CampaignEdition, Goal
from saxaul.impact.totals import MOST_TALLIES, short_name, tally_number
from saxaul.ledger.actions import Action, Owner, Reversal
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.ledger.shares import DIGEST_LENGTH
from saxaul.services.read_impact import TOTALS_CACHED_FOR, impact_reading
from saxaul.storage import periods, redemptions
from saxaul.storage.clients import dynamodb
from saxaul.storage.impact import ImpactStore, tally_key
from saxaul.storage.table import Item, raw
from tests.builders import (
    APP,
    DAY,
    FACILITY,
    NOON,
    USER,
    action_bodies,
    at,
    make_action,
    make_action_type,
    make_campaign,
    make_entry,
    make_facility,
    make_period,
    make_redemption,
    make_text,
    reversal_bodies,
)
from tests.integration.log_lines import Lines
from tests.integration.stack import Response, Stack, call, invoke

_sequences = count(100)

TODAY = date(2026, 6, 5)


def record(before: Item | None, after: Item | None, event: str = "MODIFY") -> Any:  # noqa: ANN401 - as Lambda sends it
    return raw_record(raw(before) if before else None, raw(after) if after else None, event)


def raw_record(before: Any, after: Any, event: str = "MODIFY") -> Any:  # noqa: ANN401 - in DynamoDB's own notation
    images = {"OldImage": before, "NewImage": after}
    shown = {name: _as_sent(image) for name, image in images.items() if image}
    return {"eventName": event, "dynamodb": {"SequenceNumber": str(next(_sequences)), **shown}}


def _as_sent(image: Any) -> Any:  # noqa: ANN401 - DynamoDB's own notation
    """Return an image as Lambda sends it: binary values are base64 text, at every depth."""
    if isinstance(image, dict) and "B" in image:
        return {"B": base64.b64encode(bytes(image["B"])).decode()}
    if isinstance(image, dict):
        return {name: _as_sent(value) for name, value in image.items()}
    return [_as_sent(value) for value in image] if isinstance(image, list) else image


def stored(period: Period) -> Item:
    return periods.to_item(period) | {"v": period.version}


def tally(*records: Any, shard: str = "shardId-1") -> None:  # noqa: ANN401 - as Lambda sends them
    """Deliver a batch of the stream. What is read afterwards is read by a new worker, whose cache is empty."""
    impact_reading.cache_clear()
    assert invoke("tally_impact", {"Records": records, "shardId": shard}) == {"state": {}}


def impact(**query: str) -> Response:
    return call("view_impact", "GET", "/impact", client=None, query=query)


def campaigns(lang: str = "en") -> Any:  # noqa: ANN401 - the response body
    return call("view_impact", "GET", "/campaigns", query={"lang": lang}).body


def campaign(identifier: str) -> Response:
    return call("view_impact", "GET", "/campaigns/{id}", path={"id": identifier})


class Stream:
    """Returns the changes in the ledger since the previous call, as Lambda sends them."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], Any] = {}

    def records(self) -> list[Any]:
        found = []
        for item in dynamodb().scan(TableName="Ledger")["Items"]:
            name = (item["pk"]["S"], item["sk"]["S"])
            before = self._seen.get(name)
            if before != item:
                old = {"OldImage": _as_sent(before)} if before else {}
                change = {"SequenceNumber": str(next(_sequences)), "NewImage": _as_sent(item), **old}
                found.append({"eventName": "MODIFY" if before else "INSERT", "dynamodb": change})
            self._seen[name] = item
        return found


def test_the_public_impact_counts_the_reported_actions(stack: Stack) -> None:
    stack.seed_catalog()
    stack.seed("action-types", solar_warehouse=make_action_type(points=None, actor="facility"))
    rides = [make_action(f"ride-{n}", occurred_at=NOON - n * DAY) for n in (0, 0, 1)]
    solar = make_action("solar", type="solar_warehouse", owner=FACILITY)
    stack.accrue_all([*rides, solar])
    stack.accrue_all([make_action("ride-0")], app="taobao")

    tally(*Stream().records())

    response = impact()
    ride = {"actions": 1, "quantity": 1.0, "unit": "ride", "points": 80, "avoided_g": 212.5}
    twice = {"actions": 2, "quantity": 2.0, "unit": "ride", "points": 160, "avoided_g": 425.0}
    assert (response.body["from"], response.body["to"], response.body["by"]) == ("2026-05-07", "2026-06-05", "type")
    assert response.body["people"] == [
        {"day": "2026-06-04", "action_type": "bus_ride", **ride},
        {"day": "2026-06-05", "action_type": "bus_ride", **twice},
    ]
    assert [(row["action_type"], row["actions"], row["points"]) for row in response.body["facilities"]] == [
        ("solar_warehouse", 1, 0)
    ]
    by_app = impact(by="app", **{"from": "2026-06-05", "to": "2026-06-05"}).body["people"]
    assert [(row["app_id"], row["actions"], "quantity" in row) for row in by_app] == [
        ("alipay", 1, False),
        ("taobao", 1, False),
    ]
    assert response.headers["cache-control"] == "public, max-age=60"


def solar(action_id: str, occurred_at: int = NOON, *, quantity: str = "1", owner: Owner = FACILITY) -> Action:
    return make_action(action_id, type="solar_warehouse", quantity=quantity, occurred_at=occurred_at, owner=owner)


def seed_solar(stack: Stack) -> None:
    stack.seed("action-types", solar_warehouse=make_action_type(points=None, actor="facility"))


def facilities(**query: str) -> list[Any]:
    """Return what the public impact shows by facility: the month, the facility, and the number of its actions."""
    rows = impact(by="facility", **query).body["facilities"]
    return [(row["month"], row["facility_id"], row["actions"]) for row in rows]


def test_the_public_impact_by_facility_shows_whole_months_of_each_facility_and_type(stack: Stack) -> None:
    stack.seed_catalog()
    seed_solar(stack)
    stack.seed("facilities", dc_zhangbei=make_facility())
    other = Owner("facility", "not-in-the-catalog")
    stack.accrue_all([solar("june"), solar("june-2", NOON + DAY, quantity="2.5"), solar("may", at("2026-05-02T12:00"))])
    stack.accrue_all([solar("april", at("2026-04-30T12:00")), make_action("ride")])
    stack.accrue(*action_bodies(APP, NOON, [solar("other", owner=other)]))
    stack.redemptions.add(make_redemption(trees=2).reserved(NOON))
    tally(*Stream().records())

    body = impact(by="facility", **{"from": "2026-05-31", "to": "2026-06-05"}).body

    assert body == {
        "from": "2026-05-31",
        "to": "2026-06-05",
        "by": "facility",
        "people": [],
        "facilities": [
            {
                "month": "2026-05",
                "facility_id": "dc-zhangbei",
                "action_type": "solar_warehouse",
                "actions": 1,
                "quantity": 1.0,
                "unit": "ride",
                "avoided_g": 212.5,
            },
            {
                "month": "2026-06",
                "facility_id": "dc-zhangbei",
                "action_type": "solar_warehouse",
                "actions": 2,
                "quantity": 3.5,
                "unit": "ride",
                "avoided_g": 743.75,
            },
            {
                "month": "2026-06",
                "facility_id": "not-in-the-catalog",
                "action_type": "solar_warehouse",
                "actions": 1,
                "quantity": 1.0,
                "unit": "ride",
                "avoided_g": 212.5,
            },
        ],
        "tree_counts": {"reserved": 2, "ordered": 0, "planted": 0, "alive": 0, "dead": 0},
    }


def test_the_public_impact_by_facility_may_include_months_of_two_years(stack: Stack) -> None:
    seed_solar(stack)
    days = ("2025-11-30", "2025-12-31", "2026-01-01", "2026-02-01")
    stack.accrue_all([solar(day, at(f"{day}T12:00")) for day in days])
    tally(*Stream().records())

    assert facilities(**{"from": "2025-12-31", "to": "2026-01-01"}) == [
        ("2025-12", "dc-zhangbei", 1),
        ("2026-01", "dc-zhangbei", 1),
    ]


def test_a_facilitys_year_counts_each_change_once_if_a_batch_is_redelivered_whole_or_in_halves(stack: Stack) -> None:
    seed_solar(stack)
    stream = Stream()
    stack.accrue_all([solar("s-1"), solar("s-2"), solar("s-3", NOON - DAY)])
    first = stream.records()
    stack.accrue(*reversal_bodies(APP, NOON, [Reversal(APP, FACILITY, "s-1", "meter", NOON)]))
    stack.accrue_all([solar("s-4", NOON - 2 * DAY)])
    batch = [*first, *stream.records()]

    for part in (batch, batch, batch[: len(batch) // 2], batch[len(batch) // 2 :], []):
        tally(*part)

    assert facilities() == [("2026-06", "dc-zhangbei", 3)]


def test_a_batch_that_failed_between_a_day_and_a_facilitys_year_counts_both_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed_solar(stack)
    stack.accrue_all([solar("s-1")])
    batch = Stream().records()
    put, left = dynamodb().put_item, [1]

    def breaking(**request: Any) -> Any:  # noqa: ANN401 - passed on
        left[0] -= 1
        if left[0] < 0:
            raise ConnectionError("the network is down")
        return put(**request)

    monkeypatch.setattr(dynamodb(), "put_item", breaking)
    with pytest.raises(ConnectionError):
        tally(*batch)
    monkeypatch.setattr(dynamodb(), "put_item", put)
    counted = (len(impact().body["facilities"]), len(facilities()))
    tally(*batch)

    assert sorted(counted) == [0, 1]
    assert [row["actions"] for row in impact().body["facilities"]] == [1]
    assert facilities() == [("2026-06", "dc-zhangbei", 1)]


@pytest.mark.usefixtures("stack")
def test_concurrent_writes_of_two_shards_to_one_facilitys_year_are_both_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    early, late = (
        record(None, stored(make_period(make_entry(0), owner=FACILITY, window=window)), "INSERT")
        for window in ("2026-06-04", "2026-06-05")
    )
    put, rivals = dynamodb().put_item, [lambda: tally(early, shard="shardId-2")]

    def overtaken(**request: Any) -> Any:  # noqa: ANN401 - passed on
        if rivals and "FACILITY#" in str(request["Item"]["sk"]):
            rivals.pop()()
        return put(**request)

    monkeypatch.setattr(dynamodb(), "put_item", overtaken)
    tally(late, shard="shardId-1")

    assert rivals == []
    assert facilities() == [("2026-06", "dc-zhangbei", 2)]


def test_an_action_of_a_person_writes_the_day_only(stack: Stack) -> None:
    stack.seed_catalog()
    stack.accrue_all([make_action("ride")])

    tally(*Stream().records())

    [written] = [item for item in scan(stack.ledger) if item["pk"].startswith("IMPACT#")]
    number = tally_number(TODAY, short_name("shardId-1"))
    assert (written["pk"], written["sk"]) == tally_key(TODAY, number)


def test_a_batch_with_a_reversal_is_counted_once_if_it_is_redelivered_whole_or_in_halves(stack: Stack) -> None:
    stack.seed_catalog()
    stream = Stream()
    stack.accrue_all([make_action("ride-1"), make_action("ride-2")])
    first = stream.records()
    stack.accrue(*reversal_bodies(APP, NOON, [Reversal(APP, USER, "ride-1", "refund", NOON)]))
    stack.accrue_all([make_action("ride-3")])
    batch = [*first, *stream.records()]

    for part in (batch, batch, batch[: len(batch) // 2], batch[len(batch) // 2 :], []):
        tally(*part)

    [row] = impact().body["people"]
    assert (row["actions"], row["points"], row["avoided_g"]) == (2, 160, 425.0)


def test_a_batch_that_failed_halfway_adds_only_the_rest_when_it_is_redelivered(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.seed_catalog()
    stack.accrue_all([make_action(f"ride-{n}", occurred_at=NOON - n * DAY) for n in range(4)])
    batch = Stream().records()
    put, left = dynamodb().put_item, [2]

    def breaking(**request: Any) -> Any:  # noqa: ANN401 - passed on
        left[0] -= 1
        if left[0] < 0:
            raise ConnectionError("the network is down")
        return put(**request)

    monkeypatch.setattr(dynamodb(), "put_item", breaking)
    with pytest.raises(ConnectionError):
        tally(*batch)
    monkeypatch.setattr(dynamodb(), "put_item", put)
    assert len(impact().body["people"]) == 2
    tally(*batch)

    assert [row["actions"] for row in impact().body["people"]] == [1, 1, 1, 1]


def shards_of(number: int, shards: int) -> list[str]:
    """Return the ids of some shards that add to the tally of this number."""
    names = (f"shardId-{shard}" for shard in count())
    return list(islice((name for name in names if tally_number(TODAY, short_name(name)) == number), shards))


@pytest.mark.usefixtures("stack")
def test_the_totals_of_a_day_are_the_sum_of_what_all_shards_counted(stack: Stack) -> None:
    stack.seed_catalog()
    stream = Stream()
    for number in range(MOST_TALLIES):
        stack.accrue_all([make_action(f"ride-{number}", owner=Owner("user", f"u-{number}"))])
        tally(*stream.records(), shard=shards_of(number, 1)[0])
    stack.accrue(*reversal_bodies(APP, NOON, [Reversal(APP, Owner("user", "u-0"), "ride-0", "refund", NOON)]))

    tally(*stream.records(), shard=shards_of(7, 2)[1])

    items = [item["sk"] for item in scan(stack.ledger) if item["pk"].startswith("IMPACT#2026-06#")]
    assert sorted(items) == [f"DAY#2026-06-05#{number:02}" for number in range(MOST_TALLIES)]
    [row] = impact().body["people"]
    assert (row["actions"], row["points"]) == (MOST_TALLIES - 1, 80 * (MOST_TALLIES - 1))


def test_a_worker_reads_the_totals_of_a_day_at_most_once_in_ten_seconds(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stack
    reads: list[tuple[date, date]] = []
    between = ImpactStore.between

    def counted(store: ImpactStore, first: date, last: date) -> Any:  # noqa: ANN401 - passed on
        reads.append((first, last))
        return between(store, first, last)

    monkeypatch.setattr(ImpactStore, "between", counted)
    for _ in range(5):
        assert impact(**{"from": "2026-06-01", "to": "2026-06-05"}).status == 200
        assert impact(**{"from": "2026-06-02", "to": "2026-06-04"}).status == 200
    assert impact(**{"from": "2026-06-04", "to": "2026-06-07"}).status == 200
    stack.clock.instant += int(TOTALS_CACHED_FOR) + 1
    assert impact(**{"from": "2026-06-05", "to": "2026-06-05"}).status == 200

    days = [date(2026, 6, day) for day in (1, 5, 6, 7)]
    assert reads == [(days[0], days[1]), (days[2], days[3]), (days[1], days[1])]


@pytest.mark.usefixtures("stack")
def test_concurrent_writes_of_two_shards_to_one_day_are_both_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    first_shard, second_shard = shards_of(3, 2)
    early, late = (record(None, stored(make_period(make_entry(points))), "INSERT") for points in (1, 2))
    put, rivals = dynamodb().put_item, [lambda: tally(early, shard=second_shard)]

    def overtaken(**request: Any) -> Any:  # noqa: ANN401 - passed on
        if rivals:
            rivals.pop()()
        return put(**request)

    monkeypatch.setattr(dynamodb(), "put_item", overtaken)
    tally(late, shard=first_shard)

    assert [row["points"] for row in impact().body["people"]] == [3]


@pytest.mark.usefixtures("stack")
def test_a_stream_record_of_a_period_with_binary_data_is_decoded() -> None:
    entries = {f"alipay:{number}": make_entry(80) for number in range(60)}
    period = Period(PeriodKey(USER, "2026-06-05"), entries, 1, digests={"alipay": b"\xff" * DIGEST_LENGTH})
    assert "z" in stored(period)

    tally(record(None, stored(period), "INSERT"))

    assert impact().body["people"][0]["points"] == 60 * 80


@pytest.mark.usefixtures("stack")
def test_each_entry_is_counted_once_while_a_period_grows_and_is_compressed() -> None:
    entries = {f"alipay:{number}": make_entry(80) for number in range(60)}
    sizes = (3, 40, 60)
    short, packed, longer = (
        stored(Period(PeriodKey(USER, "2026-06-05"), dict(list(entries.items())[:size]), 1)) for size in sizes
    )
    assert ("e" in short, "z" in packed, "z" in longer) == (True, True, True)

    counted = []
    for before, after in ((None, short), (short, packed), (packed, longer), (longer, longer)):
        tally(record(before, after, "MODIFY" if before else "INSERT"))
        [row] = impact().body["people"]
        counted.append((row["actions"], row["points"]))

    assert counted == [(3, 240), (40, 3200), (60, 4800), (60, 4800)]


@pytest.mark.usefixtures("stack")
def test_other_items_are_ignored_and_a_deleted_period_stays_counted() -> None:
    period = stored(make_period(make_entry(80)))
    wallet = {"pk": "USER#u-42", "sk": "WALLET", "balance": 5, "v": 1}
    later = {"pk": "SOMETHING#new", "sk": "PAGES", "v": 1}

    tally(
        record(None, period, "INSERT"),
        record(None, wallet, "INSERT"),
        record(wallet, later),
        record(period, None, "REMOVE"),
    )

    assert [row["actions"] for row in impact().body["people"]] == [1]


@pytest.mark.usefixtures("stack")
def test_each_tree_is_counted_once_under_its_current_state() -> None:
    pending, reserved = make_redemption(trees=3), make_redemption(trees=3).reserved(NOON)
    ordered = reserved.ordered("o-1", NOON + DAY)
    items = [
        redemptions.to_item(redemption) | {"v": number}
        for number, redemption in enumerate((pending, reserved, ordered), start=1)
    ]

    tally(record(None, items[0], "INSERT"), record(items[0], items[1]))
    before = impact().body["tree_counts"]
    tally(record(items[1], items[2]))

    nothing_grown = {"planted": 0, "alive": 0, "dead": 0}
    assert before == {"reserved": 3, "ordered": 0, **nothing_grown}
    assert impact().body["tree_counts"] == {"reserved": 0, "ordered": 3, **nothing_grown}


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"to": "2026-6-5"},
        {"from": "20260605"},
        {"from": "2026-06-06", "to": "2026-06-05"},
        {"from": "2025-06-04", "to": "2026-06-05"},
        {"to": "9999-12-31"},
        {"by": "user"},
        {"by": "facilities"},
        {"by": "facility", "from": "2025-06-04", "to": "2026-06-05"},
    ],
)
def test_an_invalid_range_or_grouping_is_refused(query: dict[str, str]) -> None:
    assert impact(**query).code == "invalid_parameter"


def wed(**changes: object) -> Any:  # noqa: ANN401 - a campaign
    return make_campaign(multipliers={"bus_ride": "2"}).model_copy(update=changes)


def test_campaigns_are_listed_as_running_next_and_past_with_host_theme_and_progress(stack: Stack) -> None:
    host = CampaignEdition(host=make_text("Azerbaijan", "阿塞拜疆"), theme=make_text("Climate change", "气候变化"))
    goal = Goal(counts="actions", target=1000)
    stack.seed("action-types", bus_ride=make_action_type(), walking=make_action_type())
    stack.seed("campaigns", wed=wed(goal=goal, editions={2026: host}))
    stack.seed("campaigns", arbor_day=make_campaign(recurs="FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=12"))
    stack.accrue_all(
        [make_action("ride"), make_action("walk", type="walking"), make_action("old", occurred_at=NOON - DAY)]
    )
    tally(*Stream().records())

    found = campaigns()

    assert found["day"] == "2026-06-05"
    [running] = found["running"]
    assert (running["campaign_id"], running["state"], running["host"]) == ("wed", "running", "Azerbaijan")
    assert running["goal"] == {"counts": "actions", "target": 1000, "reached": 1}
    assert running["multipliers"] == {"bus_ride": 2.0}
    assert [(run["campaign_id"], run["first_day"]) for run in found["next"]] == [
        ("arbor-day", "2027-03-12"),
        ("wed", "2027-06-05"),
    ]
    assert [(run["campaign_id"], run["first_day"]) for run in found["past"]] == [
        ("arbor-day", "2026-03-12"),
        ("wed", "2025-06-05"),
    ]
    assert found["next"][1]["goal"]["reached"] is None
    assert campaigns("zh")["running"][0]["theme"] == "气候变化"


def test_a_campaign_shows_the_edition_of_each_year(stack: Stack) -> None:
    host = CampaignEdition(host=make_text("China", "中国"), theme=make_text("Beat Air Pollution", "抗击空气污染"))
    stack.seed("action-types", bus_ride=make_action_type())
    stack.seed("campaigns", wed=wed(editions={2019: host, 2026: CampaignEdition()}))
    stack.clock.instant += DAY

    found = campaign("wed").body

    assert (found["state"], found["first_day"], found["host"]) == ("next", "2027-06-05", None)
    assert [(edition["year"], edition["first_day"], edition["host"]) for edition in found["editions"]] == [
        (2026, "2026-06-05", None),
        (2019, "2019-06-05", "China"),
    ]
    assert campaign("never").code == "unknown_campaign"


def test_a_campaign_begins_at_midnight_in_the_programmes_time_zone_and_not_in_utc(stack: Stack) -> None:
    stack.seed("campaigns", wed=make_campaign())

    stack.clock.instant = NOON - DAY // 2 - 1
    before = campaign("wed").body["state"]
    stack.clock.instant += 1

    assert (before, campaign("wed").body["state"]) == ("next", "running")


YESTERDAY = "FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=4"


@pytest.fixture
def doubled(stack: Stack) -> Stack:
    """A stack with a campaign of three days that multiplies two action types."""
    stack.seed("action-types", bus_ride=make_action_type(), walking=make_action_type(points="10"))
    stack.seed("campaigns", wed=make_campaign(YESTERDAY, 3, {"bus_ride": "2", "walking": "1.5"}))
    return stack


def progress_of(identifier: str) -> Any:  # noqa: ANN401 - the response body
    return campaign(identifier).body["progress"]


def count_all(stream: Stream) -> None:
    """Deliver the stream until it is empty. What is counted of a person changes an item of the person."""
    for _ in range(2):
        tally(*stream.records())


def test_a_campaign_shows_the_actions_the_persons_the_points_and_what_the_multiplier_gave(doubled: Stack) -> None:
    mei, stream = Owner("user", "u-mei"), Stream()
    rides = [make_action("ride-1"), make_action("ride-2", occurred_at=NOON - DAY), make_action("w", owner=mei)]
    walks = [make_action("walk", type="walking"), make_action("before", occurred_at=NOON - 2 * DAY, owner=mei)]

    doubled.accrue_all([*rides, *walks])
    count_all(stream)

    assert progress_of("wed") == {"actions": 4, "persons": 2, "points": 3 * 160 + 15, "extra_points": 3 * 80 + 5}
    assert [shown["progress"]["actions"] for shown in campaigns()["running"]] == [4]
    assert [shown["progress"] for shown in campaigns()["next"]] == [None]


def test_a_person_counts_in_a_campaign_while_one_action_of_the_person_does(doubled: Stack) -> None:
    stream = Stream()
    rides = [make_action("ride-1"), make_action("ride-2"), make_action("ride-3", occurred_at=NOON - DAY)]
    doubled.accrue_all(rides)
    count_all(stream)
    found = [progress_of("wed")]
    for number in (1, 3, 2):
        ride = rides[number - 1]
        doubled.accrue(*reversal_bodies(APP, NOON, [Reversal(APP, USER, ride.action_id, "refund", ride.occurred_at)]))
        count_all(stream)
        found.append(progress_of("wed"))
    doubled.accrue_all([make_action("ride-4")])
    count_all(stream)

    assert [(shown["actions"], shown["persons"], shown["points"]) for shown in (*found, progress_of("wed"))] == [
        (3, 1, 480),
        (2, 1, 320),
        (1, 1, 160),
        (0, 0, 0),
        (1, 1, 160),
    ]


def test_records_that_are_delivered_again_count_no_person_twice(doubled: Stack) -> None:
    stream = Stream()
    doubled.accrue_all([make_action("ride-1")])
    first = stream.records()
    tally(*first)
    second = stream.records()
    for records in (first, [*first, *second], second, first + second):
        tally(*records)

    assert progress_of("wed") == {"actions": 1, "persons": 1, "points": 160, "extra_points": 80}


@pytest.mark.parametrize("run", ["wed", "wed@", "wed@2026-06-31", "@2026-06-04", "wed#1@2026-06-04", "wed@20260604"])
def test_an_entry_whose_run_is_malformed_is_logged_and_holds_up_nothing_else(
    doubled: Stack, run: str, lines: Lines
) -> None:
    good, broken = Stream(), make_entry(160, run=run, multiplier=Decimal(2))
    doubled.accrue_all([make_action("ride-1")])
    before = make_period(broken, owner=Owner("user", "u-mei"))
    reversed_ = make_period(replace(broken, reversal="refund"), owner=Owner("user", "u-mei"), version=2)

    tally(record(None, stored(before), "INSERT"), *good.records())
    tally(*good.records())

    assert progress_of("wed") == {"actions": 1, "persons": 1, "points": 160, "extra_points": 80}
    assert sum(row["actions"] for row in impact().body["people"]) == 2
    logged = [line for line in map(json.loads, lines.taken()) if line["level"] == "ERROR"]
    assert [(line["message"], line["run"]) for line in logged] == [
        ("an entry whose run is malformed counts in no campaign", run)
    ]
    tally(record(stored(before), stored(reversed_)))
    assert sum(row["actions"] for row in impact().body["people"]) == 1
    assert progress_of("wed")["persons"] == 1


def test_a_campaign_that_multiplies_nothing_has_no_progress(stack: Stack) -> None:
    stack.seed("action-types", bus_ride=make_action_type())
    stack.seed("campaigns", wed=make_campaign())
    stack.accrue_all([make_action("ride-1")])
    count_all(Stream())

    assert progress_of("wed") is None


def test_an_action_that_two_campaigns_multiply_counts_in_the_one_with_the_higher_multiplier(stack: Stack) -> None:
    stack.seed("action-types", bus_ride=make_action_type())
    campaigns_ = {name: make_campaign(multipliers={"bus_ride": times}) for name, times in (("a", "2"), ("b", "3"))}
    stack.seed("campaigns", **campaigns_)
    stack.accrue_all([make_action("ride-1")])
    count_all(Stream())

    assert [progress_of(name)["actions"] for name in "ab"] == [0, 1]
