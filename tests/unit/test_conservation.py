"""Points are conserved: earned == ripening + spendable + spent, after any sequence of steps."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from saxaul.catalog.entries import Cap
from saxaul.ledger.periods import Period, PeriodKey, period_of, post
from saxaul.ledger.wallets import Position, Wallet, harvest, position
from tests.builders import DAY, at, make_action, make_action_type, make_calendar, make_catalog

CALENDAR = make_calendar()
TYPES = {
    "bus_ride": make_action_type(),
    "walking": make_action_type(points="0.5", caps=(Cap(window="month", points=60),)),
    "leave_the_car": make_action_type(points="7", caps=(Cap(window="year", units=Decimal(40)),)),
}
CATALOG = make_catalog(TYPES)


class PersonLedger:
    """The wallet and the periods of one person, updated as the services update them."""

    def __init__(self) -> None:
        self.now = at("2026-05-01T12:00")
        self.wallet = Wallet("u-42")
        self.periods: dict[PeriodKey, Period] = {}
        self.count = 0

    def post(self, type_: str, quantity: int, days_ago: int) -> None:
        """Post an action. An action that is too old for the API can still arrive from the dead-letter queue."""
        self.count += 1
        occurred_at = self.now - days_ago * DAY
        action = make_action(f"a-{self.count}", quantity=str(quantity), type=type_, occurred_at=occurred_at)
        key = period_of(action, TYPES[type_], CALENDAR)
        period = self.periods.get(key, Period(key))
        if CALENDAR.may_be_closed(key.window, self.now):
            if self.wallet.is_closed(key.window):
                self.wallet = self.wallet.reopened(period)
        else:
            assert not self.wallet.is_closed(key.window)
        self.periods[key] = post(period, [action], CATALOG, CALENDAR, self.now).period

    def reverse(self) -> None:
        """Remove the points of the first entry in the last period that was created."""
        if not self.periods:
            return
        key, period = list(self.periods.items())[-1]
        if self.wallet.is_closed(key.window):
            self.wallet = self.wallet.reopened(period)
        first = next(iter(period.entries))
        self.periods[key] = replace(period, entries={**period.entries, first: replace(period.entries[first], points=0)})

    def open_periods(self) -> list[Period]:
        return [period for period in self.periods.values() if not self.wallet.is_closed(period.key.window)]

    def harvest(self) -> int:
        harvested = harvest(self.wallet, self.open_periods(), CALENDAR, self.now)
        self.wallet = harvested.wallet
        return harvested.moved

    def spend(self, points: int) -> None:
        if points <= self.wallet.balance:
            self.wallet = self.wallet._replace(balance=self.wallet.balance - points, spent=self.wallet.spent + points)

    def position(self) -> Position:
        return position(self.wallet, self.open_periods(), CALENDAR, self.now)


posts = st.tuples(
    st.just("post"),
    st.sampled_from(sorted(TYPES)),
    st.integers(1, 50),
    st.integers(0, 7) | st.integers(8, 400),
)
steps = st.lists(
    posts
    | st.just(("harvest",))
    | st.just(("reverse",))
    | st.tuples(st.just("spend"), st.integers(1, 400))
    | st.tuples(st.just("wait"), st.sampled_from([3600, DAY, 9 * DAY, 40 * DAY, 370 * DAY])),
    max_size=30,
)


def apply_step(ledger: PersonLedger, step: tuple[object, ...]) -> None:
    match step:
        case ("post", str(type_), int(quantity), int(days_ago)):
            ledger.post(type_, quantity, days_ago)
        case ("spend", int(points)):
            ledger.spend(points)
        case ("wait", int(seconds)):
            ledger.now += seconds
        case ("reverse",):
            ledger.reverse()
        case _:
            ledger.harvest()


@settings(max_examples=200)
@given(steps=steps)
def test_every_earned_point_is_ripening_spendable_or_spent_after_every_step(steps: list[tuple[object, ...]]) -> None:
    ledger = PersonLedger()

    for step in steps:
        apply_step(ledger, step)

        now = ledger.position()
        assert now.earned == sum(period.points for period in ledger.periods.values())
        assert now.earned == now.ripening + now.spendable + now.spent
        assert now.avoided_g == sum(period.avoided_g for period in ledger.periods.values())


@given(steps=steps)
def test_a_harvest_moves_the_harvestable_points_and_a_second_one_moves_nothing(steps: list[tuple[object, ...]]) -> None:
    ledger = PersonLedger()
    for step in steps:
        apply_step(ledger, step)
    promised = ledger.position().harvestable

    moved, again = ledger.harvest(), ledger.harvest()

    assert (moved, again) == (promised, 0)


@given(steps=steps)
def test_after_a_long_time_every_point_is_harvested_and_none_has_expired(steps: list[tuple[object, ...]]) -> None:
    ledger = PersonLedger()
    for step in steps:
        apply_step(ledger, step)

    ledger.now += 1000 * DAY
    ledger.harvest()

    assert ledger.wallet.balance + ledger.wallet.spent == sum(period.points for period in ledger.periods.values())
    assert ledger.position().ripening == 0
