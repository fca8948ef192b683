"""Reversals: they take back what an action earned, and pay what a cap had withheld for its sake."""

from decimal import Decimal

from saxaul.catalog.entries import Cap
from saxaul.ledger.actions import Reversal
from saxaul.ledger.awards import Terms
from saxaul.ledger.early import MAX_EARLY, EarlyReversal, EarlyReversals, may_still_arrive
from saxaul.ledger.entries import Entry
from saxaul.ledger.periods import Period, PeriodDraft, post
from saxaul.ledger.shares import MAX_WITHHELD, REVERSED, SUM_BYTES, weight
from tests.builders import (
    APP,
    DAY,
    NOON,
    USER,
    make_action,
    make_action_type,
    make_calendar,
    make_campaign,
    make_catalog,
    make_period,
)

CALENDAR = make_calendar()
CATALOG = make_catalog()
EMPTY = make_period(version=0)
REFUND = Reversal(APP, USER, "ride-1", "refunded", NOON)
ONE_RIDE = make_catalog({"bus_ride": make_action_type(caps=(Cap(window="day", units=Decimal(1)),))})


def entry_of(period: Period) -> Entry:
    [entry] = period.entries.values()
    return entry


def points_of(period: Period) -> list[int]:
    return [entry.points for entry in period.entries.values()]


def test_a_reversed_action_keeps_its_entry_without_points_or_grams() -> None:
    period = post(EMPTY, [make_action()], CATALOG, CALENDAR, NOON).period

    posting = post(period, [], CATALOG, CALENDAR, NOON + 9, [REFUND])

    entry = entry_of(posting.period)
    assert posting.outcomes == {"reversed": 1}
    assert (entry.points, entry.avoided_g, entry.counted, entry.reversal) == (0, Decimal(0), Decimal(0), "refunded")
    assert (entry.type, entry.quantity, entry.recorded_at) == ("bus_ride", Decimal(1), NOON)


def test_a_second_reversal_changes_nothing() -> None:
    period = post(EMPTY, [make_action()], CATALOG, CALENDAR, NOON, [REFUND]).period

    posting = post(period, [], CATALOG, CALENDAR, NOON, [REFUND._replace(reason="fraud")])

    assert posting.period is period
    assert posting.outcomes == {"replayed": 1}


def test_a_reversal_of_an_unknown_action_does_not_change_the_period() -> None:
    period = post(EMPTY, [make_action("other")], CATALOG, CALENDAR, NOON).period

    posting = post(period, [], CATALOG, CALENDAR, NOON, [REFUND])

    assert posting.period is period
    assert posting.outcomes == {"unknown": 1}


def test_a_reversal_from_another_app_does_not_reverse_the_action() -> None:
    period = post(EMPTY, [make_action()], CATALOG, CALENDAR, NOON).period

    assert post(period, [], CATALOG, CALENDAR, NOON, [REFUND._replace(app="taobao")]).period is period


def test_an_action_that_was_reversed_before_it_arrived_earns_nothing_and_uses_no_cap() -> None:
    draft = PeriodDraft(EMPTY, Terms(CALENDAR, lambda *_: ONE_RIDE.action_types["bus_ride"]), NOON)

    assert draft.post(make_action(), EarlyReversal("refunded", NOON)) == "posted"
    assert draft.post(make_action(), EarlyReversal("refunded", NOON)) == "replayed"
    assert draft.post(make_action("ride-2")) == "posted"

    assert [(e.points, e.reversal) for e in draft.posted().entries.values()] == [(0, "refunded"), (80, "")]


def test_a_reversal_pays_the_entries_that_were_withheld_for_its_sake_oldest_first() -> None:
    rides = [make_action(f"ride-{number}") for number in range(1, 4)]
    full = post(EMPTY, rides, ONE_RIDE, CALENDAR, NOON).period

    once = post(full, [], ONE_RIDE, CALENDAR, NOON, [REFUND]).period
    twice = post(once, [], ONE_RIDE, CALENDAR, NOON, [REFUND._replace(action_id="ride-2")]).period

    assert [points_of(period) for period in (full, once, twice)] == [[80, 0, 0], [0, 80, 0], [0, 0, 80]]
    assert [entry.reason for entry in once.entries.values()] == ["", "", "over_units_cap"]


def test_what_another_app_squatted_on_and_reversed_is_paid_to_the_app_that_has_a_claim() -> None:
    catalog = make_catalog({"bus_ride": make_action_type(caps=(Cap(window="day", units=Decimal(5)),))})
    squatted = [make_action(f"s-{number}", app="taobao") for number in range(5)]
    honest = [make_action(f"h-{number}") for number in range(5)]
    period = post(EMPTY, [*squatted, *honest], catalog, CALENDAR, NOON).period

    reversals = [Reversal("taobao", USER, action.action_id, "oops", NOON) for action in squatted]
    after = post(period, [], catalog, CALENDAR, NOON, reversals).period

    assert points_of(period) == [80] * 5 + [0] * 5
    assert points_of(after) == [0] * 5 + [80] * 5
    assert after.points == post(EMPTY, honest, catalog, CALENDAR, NOON).period.points


def test_a_withheld_entry_is_paid_by_the_version_and_the_campaign_that_it_was_recorded_under() -> None:
    old = make_action_type(points="80", caps=(Cap(window="month", units=Decimal(1)),))
    new = old.model_copy(update={"points": old.points.model_copy(update={"value": Decimal(5)})}) if old.points else old
    campaigns = {"wed": make_campaign(multipliers={"bus_ride": "2"})}
    first = make_catalog({"bus_ride": old}, campaigns, versions={"bus_ride": 1})
    month = Period(make_period(window="2026-06").key)
    period = post(month, [make_action("ride-1"), make_action("ride-2")], first, CALENDAR, NOON).period

    draft = PeriodDraft(period, Terms(CALENDAR, lambda _, version: {1: old, 2: new}[version]), NOON + DAY)
    draft.post(make_action("ride-3", rule=2))
    draft.reverse(REFUND)

    assert points_of(draft.posted()) == [0, 160, 0]


def test_reversing_an_action_of_a_sum_changes_nothing_and_the_action_is_still_recognized() -> None:
    actions = [make_action(f"ride-{number}") for number in range(MAX_WITHHELD + 2)]
    period = post(EMPTY, actions, ONE_RIDE, CALENDAR, NOON).period

    reversal = REFUND._replace(action_id=actions[-1].action_id)
    posting = post(period, [], ONE_RIDE, CALENDAR, NOON, [reversal])

    assert posting.period is period
    assert posting.outcomes == {"summed": 1}
    assert post(posting.period, actions, ONE_RIDE, CALENDAR, NOON).period is period


RIDES = [make_action(f"ride-{number}") for number in range(200)]
"""More than a share has room for, so that the last ones are added to a sum."""


def flooded() -> tuple[Period, str]:
    """Return a period with a sum of the app, and the name of the sum."""
    period = post(EMPTY, RIDES, CATALOG, CALENDAR, NOON).period
    [name] = [name for name, entry in period.entries.items() if entry.summed]
    return period, name


def of_sum(name: str) -> Reversal:
    return REFUND._replace(action_id=name.partition(":")[2], reason="fraud", receipt="mark")


def test_reversing_a_sum_takes_back_all_of_its_actions() -> None:
    before, name = flooded()

    posting = post(before, [], CATALOG, CALENDAR, NOON, [of_sum(name)])
    reversed_ = posting.period.entries[name]

    assert posting.outcomes == {"reversed": 1}
    assert (reversed_.reversal, reversed_.points, reversed_.avoided_g, reversed_.summed) == (
        *("fraud", 0, Decimal(0)),
        before.entries[name].summed,
    )
    assert posting.period.points == before.points - before.entries[name].points


def test_reversing_a_sum_pays_what_its_actions_had_used_of_a_cap() -> None:
    before, _ = flooded()
    entered = sum(not entry.summed for entry in before.entries.values())
    capped = make_action_type(caps=(Cap(window="day", units=Decimal(entered + 10)),))
    draft = PeriodDraft(EMPTY, Terms(CALENDAR, lambda *_: capped), NOON)
    for ride in RIDES:
        draft.post(ride)
    draft.post(make_action("more", quantity="7", rule=2))
    [first, second] = [name for name, entry in draft.posted().entries.items() if entry.summed]
    assert [draft.entries[name].points for name in (first, second)] == [800, 0]

    draft.reverse(of_sum(first))

    assert [draft.posted().entries[name].points for name in (first, second)] == [0, 560]


def test_actions_of_a_reversed_sum_stay_known_and_later_ones_are_added_to_the_next_sum() -> None:
    before, name = flooded()
    after = post(before, [], CATALOG, CALENDAR, NOON, [of_sum(name)]).period

    assert post(after, RIDES, CATALOG, CALENDAR, NOON).period is after
    more = post(after, [make_action("more-1"), make_action("more-2")], CATALOG, CALENDAR, NOON)
    next_sum = more.period.entries[f"{name}~2"]
    again = post(more.period, [], CATALOG, CALENDAR, NOON, [of_sum(name)])

    assert more.outcomes == {"summed": 2}
    assert (next_sum.summed, next_sum.points, next_sum.reversal) == (2, 160, "")
    assert more.period.entries[name] == after.entries[name]
    assert (again.period, again.outcomes) == (more.period, {"redelivered": 1})


def test_an_unknown_sum_cannot_be_reversed() -> None:
    before, name = flooded()

    posting = post(before, [], CATALOG, CALENDAR, NOON, [of_sum(f"{name}~2")])

    assert (posting.period, posting.outcomes) == (before, {"unknown": 1})


def test_reasons_of_reversed_sums_fit_into_the_share_of_sums() -> None:
    period, names = EMPTY, []
    for number in range(34):
        period = post(period, RIDES, CATALOG, CALENDAR, NOON).period
        period = post(period, [make_action(f"more-{number}")], CATALOG, CALENDAR, NOON).period
        [open_] = [name for name, entry in period.entries.items() if entry.summed and not entry.reversal][:1] or [""]
        if not open_:
            break
        names.append(open_)
        long = of_sum(open_)._replace(reason="长" * 64)
        period = post(period, [], CATALOG, CALENDAR, NOON, [long]).period

    reasons = [period.entries[name].reversal for name in names]
    assert sum(weight(name, period.entries[name]) for name in names) <= SUM_BYTES + 2 * len(REVERSED)
    assert {"长" * 64, REVERSED} == set(reasons)
    assert period.full == {APP}


def test_a_reversal_makes_room_among_the_withheld_entries() -> None:
    paid, *withheld, one_more = [make_action(f"ride-{number}") for number in range(1, MAX_WITHHELD + 3)]
    period = post(EMPTY, [paid, *withheld], ONE_RIDE, CALENDAR, NOON).period

    reversals = [REFUND._replace(action_id=withheld[-1].action_id), REFUND]
    period = post(period, [], ONE_RIDE, CALENDAR, NOON, reversals).period
    period = post(period, [one_more], ONE_RIDE, CALENDAR, NOON).period

    assert period.entries[f"{APP}:{withheld[0].action_id}"].points == 80
    assert f"{APP}:{one_more.action_id}" in period.entries


def test_a_reason_that_does_not_fit_the_share_is_shortened() -> None:
    actions = [make_action(f"{number:0128d}") for number in range(200)]
    full = post(EMPTY, actions, CATALOG, CALENDAR, NOON).period
    entered = [name for name, entry in full.entries.items() if not entry.summed]

    long = [REFUND._replace(action_id=name.partition(":")[2], reason="长" * 64) for name in entered]
    period = post(full, [], CATALOG, CALENDAR, NOON, long).period

    reasons = [period.entries[name].reversal for name in entered]
    assert {"长" * 64, REVERSED} == set(reasons)
    assert reasons == sorted(reasons, key=lambda reason: reason == REVERSED)


def test_early_reversals_are_kept_up_to_a_limit_and_only_while_their_action_can_arrive() -> None:
    early = EarlyReversals(USER, APP)
    for number in range(MAX_EARLY):
        early = early.with_reversal(REFUND._replace(action_id=f"a-{number}"), CALENDAR, NOON)

    assert early.with_reversal(REFUND, CALENDAR, NOON) is early
    later = early.with_reversal(REFUND._replace(occurred_at=NOON + 60 * DAY), CALENDAR, NOON + 60 * DAY)
    assert dict(later.reversals) == {"ride-1": EarlyReversal("refunded", NOON + 60 * DAY)}
    assert ("a-7" in early.reversals, "b-7" in early.reversals) == (True, False)


def test_an_action_may_arrive_as_long_as_queues_may_hold_it() -> None:
    last = CALENDAR.acceptance_days + 1 + 30

    assert may_still_arrive(NOON, CALENDAR, NOON + last * DAY)
    assert not may_still_arrive(NOON, CALENDAR, NOON + last * DAY + 1)


def test_of_early_reversals_of_one_id_the_one_with_the_latest_date_is_kept_in_whichever_order_they_arrive() -> None:
    earlier, later = REFUND, REFUND._replace(occurred_at=REFUND.occurred_at + DAY, reason="mistake")
    none = EarlyReversals(REFUND.owner, REFUND.app)

    for first, second in ((earlier, later), (later, earlier)):
        kept = none.with_reversal(first, CALENDAR, NOON).with_reversal(second, CALENDAR, NOON)
        assert kept.reversals == {REFUND.action_id: EarlyReversal("mistake", later.occurred_at)}
        assert kept.knows(earlier)
        assert kept.knows(later)
