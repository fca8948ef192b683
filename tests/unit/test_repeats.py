"""Which entries of one owner are withdrawn because their id counts in another period too."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.ledger.actions import Withdrawal
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.ledger.repeats import Sought, lifted, newly_counting, newly_ended, reach, repeats
from saxaul.ledger.shares import digest
from tests.builders import DAY, FACILITY, NOON, USER, at, make_calendar, make_entry

if TYPE_CHECKING:
    from saxaul.ledger.entries import Entry

CALENDAR = make_calendar()
NAMES = ["alipay:a", "alipay:b", "taobao:a"]

entries = st.builds(
    lambda days, recorded_at, reversal: make_entry(
        occurred_at=NOON - days * DAY, recorded_at=recorded_at, reversal=reversal
    ),
    st.integers(0, 30),
    st.integers(NOON, NOON + 5),
    st.sampled_from(["", "", "refund"]),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Period]:
    """Draw the periods of an owner, by day, month and year. In each one, a name has at most one entry."""
    held: defaultdict[str, dict[str, Entry]] = defaultdict(dict)
    for name, length, entry in draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([4, 7, 10]), entries))):
        held[CALENDAR.day_of(entry.occurred_at).isoformat()[:length]][name] = entry
    return [Period(PeriodKey(USER, window), found, 1) for window, found in held.items()]


def withdrawn(periods: Sequence[Period]) -> list[Period]:
    """Return the periods after every withdrawal was posted."""
    found = {period.key.window: dict(period.entries) for period in periods}
    for withdrawal in repeats(periods, NAMES, CALENDAR):
        name = f"{withdrawal.app}:{withdrawal.action_id}"
        found[withdrawal.window][name] = replace(found[withdrawal.window][name], void="repeated_id")
    return [replace(period, entries=found[period.key.window]) for period in periods]


def settled(periods: list[Period]) -> list[Period]:
    """Return the periods after everything that the search finds was posted, and what it finds then, until nothing is.

    The search finds the changes of all entries at first.
    """
    for _ in range(20):
        ended = {name: {day for period in periods for day in days_of(period, name)} for name in NAMES}
        found = [*repeats(periods, NAMES, CALENDAR), *lifted(periods, ended, CALENDAR)]
        if not found:
            return periods
        entries = {period.key.window: dict(period.entries) for period in periods}
        for withdrawal in found:
            name, held = f"{withdrawal.app}:{withdrawal.action_id}", entries[withdrawal.window]
            held[name] = replace(held[name], void="" if withdrawal.is_lifted else "repeated_id")
        periods = [replace(period, entries=entries[period.key.window]) for period in periods]
    raise AssertionError("the search does not come to an end")


def days_of(period: Period, name: str) -> list[date]:
    return [CALENDAR.day_of(period.entries[name].occurred_at)] if name in period.entries else []


def counting(periods: Sequence[Period], name: str) -> list[date]:
    """Return the days of the entries with this name that count."""
    held = [period.entries[name] for period in periods if name in period.entries]
    return [CALENDAR.day_of(entry.occurred_at) for entry in held if entry.counts]


@given(histories())
def test_after_the_withdrawals_no_id_counts_twice_and_no_id_that_counted_is_lost(periods: list[Period]) -> None:
    after = withdrawn(periods)

    for name in NAMES:
        days = sorted(counting(after, name))
        assert all(later - day > reach(CALENDAR) for day, later in pairwise(days))
        assert bool(days) == bool(counting(periods, name))
    assert withdrawn(after) == after


@given(histories(), st.randoms())
def test_the_withdrawals_do_not_depend_on_the_order_in_which_the_periods_are_read(
    periods: list[Period], random: Random
) -> None:
    shuffled = random.sample(periods, len(periods))

    assert list(repeats(shuffled, NAMES, CALENDAR)) == list(repeats(periods, NAMES, CALENDAR))


def test_an_entry_is_withdrawn_if_another_period_added_its_id_to_a_sum() -> None:
    held = Period(PeriodKey(USER, "2026-06-05"), {"alipay:a": make_entry()}, 1)
    full = Period(PeriodKey(USER, "2026-06-04"), {}, 1, digests={"alipay": digest("alipay:b") + digest("alipay:a")})
    other_app = replace(full, digests={"taobao": digest("alipay:a")})

    assert [w.window for w in repeats([held, full], ["alipay:a"], CALENDAR)] == ["2026-06-05"]
    assert list(repeats([held, other_app], ["alipay:a"], CALENDAR)) == []
    assert list(repeats([replace(held, digests=full.digests)], ["alipay:a"], CALENDAR)) == []


def test_entries_that_are_new_or_count_again_are_checked_and_sums_and_others_are_not() -> None:
    ride, void = make_entry(), make_entry(0, void="same_evidence")
    before = Period(
        PeriodKey(USER, "2026-06-05"), {"alipay:raised": ride, "alipay:revived": void, "alipay:ended": ride}
    )
    after = {
        "alipay:raised": make_entry(160, quantity=Decimal(2)),
        "alipay:revived": ride,
        "alipay:ended": void,
        "alipay:new": ride,
        "alipay:early": make_entry(0, reversal="refund"),
        "alipay:2026-06-05/bus_ride/1//1": make_entry(summed=2),
    }

    assert list(newly_counting(before, replace(before, entries=after))) == ["alipay:revived", "alipay:new"]
    assert list(newly_counting(None, before)) == ["alipay:raised", "alipay:ended"]


def test_entries_that_a_write_reversed_or_withdrew_have_ended_and_those_that_were_posted_so_have_not() -> None:
    ride, gone = make_entry(), make_entry(0, reversal="refund")
    withdrawn, void = make_entry(0, void="repeated_id"), make_entry(0, void="same_evidence")
    held = {"alipay:stays": ride, "alipay:gone": ride, "alipay:withdrawn": ride, "alipay:void": ride}
    before = Period(
        PeriodKey(USER, "2026-06-05"),
        held | {"alipay:gone-2": void, "alipay:gone-3": withdrawn, "alipay:lifted": withdrawn, "alipay:same": gone},
    )
    after = {
        "alipay:stays": ride,
        "alipay:gone": gone,
        "alipay:withdrawn": withdrawn,
        "alipay:void": void,
        "alipay:gone-2": gone,
        "alipay:gone-3": make_entry(0, void="repeated_id", reversal="refund"),
        "alipay:lifted": ride,
        "alipay:same": make_entry(0, reversal="refund", conflicted=True),
        "alipay:early": gone,
    }

    assert list(newly_ended(before, replace(before, entries=after))) == [
        "alipay:gone",
        "alipay:withdrawn",
        "alipay:gone-2",
        "alipay:gone-3",
    ]
    assert newly_ended(None, replace(before, entries=after)) == {}


def held_on(day: str, recorded_at: int = 0, **fields: Any) -> Period:  # noqa: ANN401 - fields of an entry
    """Return the period of a day of June with an action ``alipay:a``, recorded some seconds after noon."""
    entry = make_entry(occurred_at=at(f"2026-06-{day}T12:00"), recorded_at=NOON + recorded_at, **fields)
    return Period(PeriodKey(USER, f"2026-06-{day}"), {"alipay:a": entry}, 1)


def counting_again(*periods: Period, ended: str = "05") -> list[str]:
    """Return the windows of the entries that count again after the action of a day ended."""
    found = list(lifted(periods, {"alipay:a": {date.fromisoformat(f"2026-06-{ended}")}}, CALENDAR))
    assert all(withdrawal.is_lifted for withdrawal in found)
    return [withdrawal.window for withdrawal in found]


GONE = held_on("05", reversal="wrong date")


def test_of_the_withdrawn_entries_of_a_reversed_action_the_first_recorded_one_counts_again() -> None:
    second, third = held_on("04", 2, void="repeated_id"), held_on("03", 3, void="repeated_id")

    assert counting_again(third, GONE, second) == ["2026-06-04"]
    assert counting_again(replace(second, entries=third.entries), replace(third, entries=second.entries)) == [
        "2026-06-03"
    ]
    assert counting_again(held_on("04", 2, void="repeated_id"), held_on("03", 2, void="repeated_id")) == ["2026-06-03"]


@pytest.mark.parametrize(
    "others",
    [
        [held_on("05")],
        [held_on("05", void="same_evidence")],
        [GONE, held_on("03", 1)],
        [GONE, Period(PeriodKey(USER, "2026-06"), {}, digests={"alipay": digest("alipay:a")})],
        [held_on("12", reversal="wrong date"), held_on("05")],
    ],
    ids=["it counts", "it is paid by evidence", "an earlier one counts", "a sum holds it", "the other was reversed"],
)
def test_a_withdrawn_entry_does_not_count_again_while_an_earlier_one_stands_or_a_sum_has_the_id(
    others: list[Period],
) -> None:
    assert counting_again(*others, held_on("04", 2, void="repeated_id")) == []


def test_a_withdrawn_entry_counts_again_although_one_that_was_recorded_later_counts() -> None:
    """The app reports a third date just after the reversal. The search then withdraws this third one."""
    second, third = held_on("04", 2, void="repeated_id"), held_on("03", 3)

    assert counting_again(GONE, second, third) == ["2026-06-04"]


def test_a_withdrawn_entry_counts_again_if_all_earlier_ones_are_beyond_the_reach() -> None:
    second = held_on("13", 2, void="repeated_id")

    assert counting_again(GONE, held_on("04", 1), second) == ["2026-06-13"]
    assert counting_again(GONE, held_on("06", 1), second) == []
    assert counting_again(held_on("04", reversal="wrong date"), second, ended="04") == []


def test_a_reversed_entry_that_was_withdrawn_does_not_count_again() -> None:
    assert counting_again(GONE, held_on("04", 2, void="repeated_id", reversal="refund")) == []


@given(histories(), st.randoms())
def test_after_a_reversal_the_same_entries_count_as_if_the_reversed_one_had_never_been_reported(
    reported: list[Period], random: Random
) -> None:
    reversed_one, unreported = [], []
    for before, period in zip(reported, settled(reported), strict=True):
        name = random.choice([*period.entries, ""])
        gone = {key: replace(entry, reversal="refund") for key, entry in period.entries.items() if key == name}
        reversed_one.append(replace(period, entries={**period.entries, **gone}))
        unreported.append(replace(before, entries={**before.entries, **gone}))

    assert [counting(settled(reversed_one), name) for name in NAMES] == [
        counting(settled(unreported), name) for name in NAMES
    ]


def test_the_days_that_are_searched_for_an_ended_entry_reach_twice_as_far() -> None:
    sought = Sought()
    sought.add_ended({"alipay:a": make_entry(occurred_at=NOON)}, CALENDAR)

    assert (sought.first, sought.last) == (date(2026, 5, 20), date(2026, 6, 21))
    assert sought.names == {"alipay:a"}
    assert sought.ended == {"alipay:a": {date(2026, 6, 5)}}


def test_the_days_from_the_earliest_to_the_latest_entry_are_searched_with_the_reach_on_both_sides() -> None:
    sought = Sought()
    sought.add({"alipay:a": make_entry(occurred_at=NOON)}, CALENDAR)
    sought.add({"alipay:b": make_entry(occurred_at=NOON - 3 * DAY)}, CALENDAR)

    assert (sought.first, sought.last) == (date(2026, 5, 25), date(2026, 6, 13))
    assert sought.names == {"alipay:a", "alipay:b"}


def test_a_withdrawal_names_the_owner_and_an_id_may_contain_a_colon() -> None:
    periods = [
        Period(PeriodKey(FACILITY, window), {"alipay:trip:7": make_entry(recorded_at=NOON + n)}, 1)
        for n, window in enumerate(("2026-06", "2026-06-05"))
    ]

    [withdrawal] = repeats(periods, ["alipay:trip:7"], CALENDAR)

    assert withdrawal == Withdrawal("alipay", FACILITY, "trip:7", "2026-06-05")
