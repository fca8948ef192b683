"""Accrual: messages become entries. Covers bad messages, concurrent writes, and late actions for closed periods."""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal

import pytest

from saxaul.ledger.periods import Period, PeriodKey
from saxaul.ledger.wallets import Wallet
from saxaul.races import ThrottledError
from saxaul.storage.batches import Outcome, Write
from saxaul.storage.periods import Periods, to_write
from saxaul.storage.table import Table
from saxaul.storage.wallets import Wallets
from tests.builders import (
    DAY,
    FACILITY,
    NOON,
    action_bodies,
    at,
    make_action,
    make_action_type,
    make_entry,
    make_period,
)
from tests.integration.stack import Stack, harvest, wallet_of


def body(action_id: str = "ride-1", user_id: str = "u-42", occurred_at: int = NOON, quantity: str = "1") -> str:
    action = ["user", user_id, action_id, "bus_ride", quantity, occurred_at, False, "", 1, None, None]
    return json.dumps({"app": "alipay", "accepted_at": NOON, "actions": [action]})


@pytest.mark.parametrize(
    "broken", ["", "nonsense", "{}", '{"app":"alipay","actions":[["user"]]}', body(quantity="NaN")]
)
def test_a_broken_message_among_good_ones_fails_alone(stack: Stack, broken: str) -> None:
    stack.seed_catalog()

    failed = stack.accrue(body("ride-1"), broken, body("ride-2"))

    assert failed == ["m-1"]
    assert wallet_of()["earned"] == 160


@pytest.mark.parametrize(
    "poison",
    [
        body("bad", "u-1", occurred_at=10**15),
        body("bad", "u-1", quantity="1E+200"),
        body("bad", "u-1", quantity="1E+999999"),
    ],
    ids=["impossible-date", "quantity-that-no-table-holds", "quantity-that-overflows"],
)
def test_a_message_that_parses_but_cannot_be_posted_fails_alone(stack: Stack, poison: str) -> None:
    stack.seed_catalog()

    failed = stack.accrue(body("ride-1"), poison, body("ride-2"))

    assert failed == ["m-1"]
    assert wallet_of()["earned"] == 160


def test_a_message_with_an_unreadable_version_fails_alone_and_its_other_actions_are_posted(stack: Stack) -> None:
    stack.seed_catalog()
    Table("Catalog", stack.clock).put({"pk": "action-types/broken", "sk": "00000001", "document": "{}"}, 0)
    unreadable = action_bodies(
        "alipay",
        NOON,
        [make_action("ride-1"), make_action("x", type="broken"), make_action("y", rule=9), make_action("z", type="no")],
    )

    assert stack.accrue(*unreadable, body("ride-2")) == ["m-0"]
    assert [list(period.entries) for period in stack.periods_of()] == [["alipay:ride-1", "alipay:ride-2"]]


def test_a_worker_posts_an_action_of_a_newly_added_type(stack: Stack) -> None:
    stack.seed_catalog()
    stack.accrue(body())
    stack.seed("action-types", metro_ride=make_action_type(points="52"))
    stack.clock.instant += 10

    failed = stack.accrue_all([make_action("m-1", type="metro_ride")])

    assert failed == []
    assert wallet_of()["earned"] == 132


def test_an_action_of_a_facility_goes_to_a_period_of_that_facility(stack: Stack) -> None:
    stack.seed("action-types", solar_warehouse=make_action_type(points=None, actor="facility"))

    stack.accrue_all([make_action(type="solar_warehouse", owner=FACILITY, quantity="1000")])

    period = stack.periods.between(FACILITY, "", "9999")[0]
    assert (period.points, period.avoided_g) == (0, Decimal(212_500))


def test_actions_of_one_user_from_many_messages_are_posted_in_one_write(stack: Stack) -> None:
    stack.seed_catalog()

    stack.accrue(*(body(f"ride-{n}") for n in range(10)))

    assert [(len(period.entries), period.version) for period in stack.periods_of()] == [(10, 1)]


def test_a_replay_writes_nothing(stack: Stack) -> None:
    stack.seed_catalog()
    stack.accrue(body())

    assert stack.accrue(body(), body()) == []
    assert [(len(period.entries), period.version) for period in stack.periods_of()] == [(1, 1)]


def test_after_a_concurrent_write_the_actions_are_posted_to_the_newly_written_period(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.seed("action-types", bus_ride=make_action_type(caps=()))
    write = Periods.write
    rivals = [make_period(make_entry(50, rule=1), version=0)]

    def overtaken(periods: Periods, batch: Sequence[Write]) -> list[Outcome]:
        if rivals:
            write(periods, [to_write(rivals.pop())])
        return write(periods, batch)

    monkeypatch.setattr(Periods, "write", overtaken)

    assert stack.accrue(body("ride-1"), body("ride-2")) == []
    period = stack.periods_of()[0]
    assert sorted(period.entries) == ["alipay:0", "alipay:ride-1", "alipay:ride-2"]
    assert (period.points, period.version) == (50 + 160, 2)


def test_a_worker_that_read_a_stale_period_posts_to_the_current_one(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.seed_catalog()
    stack.accrue(body("ride-1"))
    get_many = Periods.get_many

    def lagging(periods: Periods, keys: Iterable[PeriodKey], *, consistent: bool) -> dict[PeriodKey, Period]:
        return get_many(periods, keys, consistent=True) if consistent else {key: Period(key) for key in keys}

    monkeypatch.setattr(Periods, "get_many", lagging)

    assert stack.accrue(body("ride-1"), body("ride-2")) == []
    assert [(sorted(period.entries), period.version) for period in stack.periods_of()] == [
        (["alipay:ride-1", "alipay:ride-2"], 2)
    ]


def test_a_throttled_write_fails_only_the_messages_of_its_period(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.seed_catalog()
    write = Periods.write

    def throttled(periods: Periods, batch: Sequence[Write]) -> list[Outcome]:
        """Refuse the writes for one person. Later batches have no others, because these took effect."""
        of_others = [one for one in batch if one.item["pk"] != "USER#u-1"]
        outcomes = iter(write(periods, of_others) if of_others else ())
        return [next(outcomes) if one in of_others else ThrottledError() for one in batch]

    monkeypatch.setattr(Periods, "write", throttled)

    assert sorted(stack.accrue(body(user_id="u-1"), body(), body("ride-2", "u-1"))) == ["m-0", "m-2"]
    assert wallet_of()["earned"] == 80


def test_a_late_action_for_a_closed_period_reaches_the_wallet(stack: Stack) -> None:
    stack.seed_catalog()
    stack.accrue(body("ride-1"))
    stack.clock.instant = NOON + 30 * DAY
    assert harvest().body["moved"] == 80
    assert stack.wallet().is_closed("2026-06-05")

    assert stack.accrue(body("late")) == []

    after = wallet_of()
    assert (after["spendable"], after["ripening"], after["earned"], after["avoided_g"]) == (80, 80, 160, 425)
    assert harvest().body == {"user_id": "u-42", "moved": 80, "spendable": 160}
    assert harvest().body["moved"] == 0
    assert stack.wallet().is_closed("2026-06-05")
    assert wallet_of()["avoided_g"] == 425


def test_a_late_action_for_a_closed_day_without_a_period_reaches_the_wallet(stack: Stack) -> None:
    stack.seed_catalog()
    stack.accrue(body("ride-1"))
    stack.clock.instant = NOON + 30 * DAY
    harvest()

    assert stack.accrue(body("late", occurred_at=NOON + DAY)) == []

    assert wallet_of()["earned"] == 160
    assert harvest().body["spendable"] == 160


def test_a_late_action_of_a_user_without_a_wallet_is_harvested_like_any_other(stack: Stack) -> None:
    stack.seed_catalog()
    stack.clock.instant = NOON + 30 * DAY

    assert stack.accrue(body("late")) == []
    assert harvest().body["spendable"] == 80


def test_a_late_action_is_posted_again_after_a_concurrent_harvest(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.seed_catalog()
    stack.accrue(body("ride-1"))
    stack.clock.instant = NOON + 30 * DAY
    get = Wallets.get
    met: list[Wallet] = []

    def harvested_meanwhile(wallets: Wallets, user_id: str) -> Wallet:
        wallet = get(wallets, user_id)
        if not met:
            met.append(wallet)
            harvest()
        return wallet

    monkeypatch.setattr(Wallets, "get", harvested_meanwhile)

    assert stack.accrue(body("late")) == []
    assert met[0].version == 0
    assert harvest().body == {"user_id": "u-42", "moved": 80, "spendable": 160}


def test_monthly_harvests_add_up_to_all_points_and_grams_earned(stack: Stack) -> None:
    stack.seed_catalog()
    months = [f"2026-{month:02d}-15T12:00" for month in range(6, 13)]

    for month in months:
        stack.clock.instant = at(month)
        stack.accrue(body(f"ride-{month}", occurred_at=at(month)))
        stack.clock.instant += DAY
        harvest()

    assert wallet_of()["spendable"] == 80 * len(months)
    assert wallet_of()["avoided_g"] == 212.5 * len(months)


def test_an_action_of_a_type_that_was_just_created_is_posted_at_once(stack: Stack) -> None:
    stack.seed("action-types", bus_ride=make_action_type())
    stack.accrue_all([make_action("ride-1")])
    stack.seed("action-types", metro_ride=make_action_type())

    assert stack.accrue_all([make_action("metro-1", type="metro_ride")]) == []
