"""What workers remember of a stock refuses nobody wrongly for longer than its bound, however the stock changes."""

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saxaul.catalog.entries import ReleaseSchedule
from saxaul.storage.stocks import SOLD_OUT_CACHED_FOR, Stocks
from saxaul.storage.table import TransactionRefusedError, transact
from saxaul.trees.stock import Stock
from tests.builders import SHANGHAI, at, make_tree_project
from tests.proof.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

SEVEN = at("2026-06-05T07:00")
SCHEDULE = ReleaseSchedule.model_validate({"daily": 2, "at": "07:00", "first_day": "2026-06-05"})
PROJECT = "saxaul-alxa"

steps = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.integers(1, 3)),
        st.tuples(st.just("give back"), st.integers(1, 3)),
        st.tuples(st.just("release"), st.integers(0, 6)),
        st.tuples(st.just("close"), st.integers(0, 6)),
        st.tuples(st.just("wait"), st.integers(1, 7)),
        st.tuples(st.just("ask"), st.integers(0, 2)),
        st.tuples(st.just("ask"), st.integers(0, 2)),
    ),
    min_size=20,
    max_size=60,
)


class Stored(NamedTuple):
    """A stock, and from when on it was stored."""

    since: int
    stock: Stock


def may_be_refused(stock: Stock, now: int) -> bool:
    return stock.closed or stock.available(now) <= 0


def in_the_last(seconds: float, history: list[Stored], now: int) -> list[Stock]:
    """Return the stocks that were stored at any moment of the last seconds."""
    ends = [*(later.since for later in history[1:]), now]
    return [stored.stock for stored, end in zip(history, ends, strict=True) if end >= now - seconds]


@settings(settings.get_profile("proof-short"))
@given(steps=steps, start=st.integers(-20, 3))
def test_an_answer_follows_from_a_stock_that_was_stored_within_its_bound(
    steps: list[tuple[str, int]], start: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        world = World(patch, SEVEN + start)
        workers = [Stocks(world.ledger) for _ in range(3)]
        history: list[Stored] = []

        def remember() -> None:
            history.append(Stored(world.now, world.stocks.get(PROJECT)))

        def plan(saplings: int, *, closed: bool) -> None:
            project = make_tree_project(saplings=saplings).model_copy(update={"schedule": SCHEDULE, "closed": closed})
            transact(
                [world.stocks.plan_write(world.stocks.get(PROJECT).planned(project, SHANGHAI, world.now), world.now)]
            )

        plan(1, closed=False)
        remember()
        writes: dict[str, Callable[[int], None]] = {
            "reserve": lambda n: transact([world.spending.reserve_write(world.stocks.get(PROJECT), n, world.now)]),
            "give back": lambda n: transact([world.spending.unreserve_write(PROJECT, n)]),
            "release": lambda n: plan(n, closed=False),
            "close": lambda n: plan(n, closed=True),
        }
        for name, number in steps:
            if name == "wait":
                world.now += number
            elif name == "ask":
                answer = workers[number].get_for_request(PROJECT)
                refused = may_be_refused(answer, world.now)
                bound = SOLD_OUT_CACHED_FOR if refused else 0
                assert answer in in_the_last(bound, history, world.now)
            else:
                with suppress(TransactionRefusedError):
                    writes[name](number)
                remember()
            current = world.stocks.get(PROJECT)
            assert current.reserved <= current.released_by(world.now), "oversold"
