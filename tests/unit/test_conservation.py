"""Points are conserved: earned == ripening + spendable + spent, whatever a user and time do."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from saxaul.catalog import Cap
from saxaul.pages import Page, PageKey, page_of, post
from saxaul.wallets import Position, Wallet, harvest, position
from tests.builders import DAY, at, make_action, make_action_type, make_calendar, make_catalogue

CALENDAR = make_calendar()
TYPES = {
    "bus_ride": make_action_type(),
    "walking": make_action_type(points="0.5", caps=(Cap(window="month", points=60),)),
    "leave_the_car": make_action_type(points="7", caps=(Cap(window="year", units=Decimal(40)),)),
}
CATALOGUE = make_catalogue(TYPES)


class Life:
    """One user's ledger, kept as the services keep it."""

    def __init__(self) -> None:
        self.now = at("2026-05-01T12:00")
        self.wallet = Wallet("u-42")
        self.pages: dict[PageKey, Page] = {}
        self.count = 0

    def post(self, type_: str, quantity: int, days_ago: int) -> None:
        """Days ago beyond the acceptance window are messages that lay in the dead-letter queue."""
        self.count += 1
        occurred_at = self.now - days_ago * DAY
        action = make_action(f"a-{self.count}", quantity=str(quantity), type=type_, occurred_at=occurred_at)
        key = page_of(action, TYPES[type_], CALENDAR)
        page = self.pages.get(key, Page(key))
        if CALENDAR.is_closed(key.window, self.now):
            if self.wallet.is_folded(key.window):
                self.wallet = self.wallet.reopened(page)
        else:
            assert not self.wallet.is_folded(key.window)
        self.pages[key] = post(page, [action], CATALOGUE, CALENDAR, self.now).page

    def reverse(self) -> None:
        """Take the points of the newest page's first entry back."""
        if not self.pages:
            return
        key, page = list(self.pages.items())[-1]
        if self.wallet.is_folded(key.window):
            self.wallet = self.wallet.reopened(page)
        first = next(iter(page.entries))
        self.pages[key] = replace(page, entries={**page.entries, first: replace(page.entries[first], points=0)})

    def open_pages(self) -> list[Page]:
        return [page for page in self.pages.values() if not self.wallet.is_folded(page.key.window)]

    def harvest(self) -> int:
        harvested = harvest(self.wallet, self.open_pages(), CALENDAR, self.now)
        self.wallet = harvested.wallet
        return harvested.moved

    def spend(self, points: int) -> None:
        if points <= self.wallet.balance:
            self.wallet = replace(self.wallet, balance=self.wallet.balance - points, spent=self.wallet.spent + points)

    def position(self) -> Position:
        return position(self.wallet, self.open_pages(), CALENDAR, self.now)


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


def live(life: Life, step: tuple[object, ...]) -> None:
    match step:
        case ("post", str(type_), int(quantity), int(days_ago)):
            life.post(type_, quantity, days_ago)
        case ("spend", int(points)):
            life.spend(points)
        case ("wait", int(seconds)):
            life.now += seconds
        case ("reverse",):
            life.reverse()
        case _:
            life.harvest()


@settings(max_examples=200)
@given(steps=steps)
def test_what_was_earned_is_ripening_spendable_or_spent_after_every_step(steps: list[tuple[object, ...]]) -> None:
    life = Life()

    for step in steps:
        live(life, step)

        now = life.position()
        assert now.earned == sum(page.points for page in life.pages.values())
        assert now.earned == now.ripening + now.spendable + now.spent
        assert now.avoided_g == sum(page.avoided_g for page in life.pages.values())


@given(steps=steps)
def test_a_harvest_right_after_a_harvest_moves_nothing(steps: list[tuple[object, ...]]) -> None:
    life = Life()
    for step in steps:
        live(life, step)
    promised = life.position().harvestable

    moved, again = life.harvest(), life.harvest()

    assert (moved, again) == (promised, 0)


@given(steps=steps)
def test_in_the_end_every_point_was_harvested_and_none_expired(steps: list[tuple[object, ...]]) -> None:
    life = Life()
    for step in steps:
        live(life, step)

    life.now += 1000 * DAY
    life.harvest()

    assert life.wallet.balance + life.wallet.spent == sum(page.points for page in life.pages.values())
    assert life.position().ripening == 0
