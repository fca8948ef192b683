"""Shares: no app takes the room of another, what an app sends beyond its share is summed, and a full period fits."""

import random
import string
import zlib
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from uuid import NAMESPACE_URL, uuid5

import pytest

from operations.ledger_reading import size_of
from saxaul.catalog.entries import Cap, run_name
from saxaul.catalog.recurrences import MAX_RUNS
from saxaul.clock import SYSTEM_CLOCK
from saxaul.ledger.actions import Reversal
from saxaul.ledger.awards import Terms
from saxaul.ledger.early import MAX_EARLY, EarlyReversal, EarlyReversals
from saxaul.ledger.entries import Entry
from saxaul.ledger.fates import mark_of
from saxaul.ledger.periods import MAX_FULL, Period, PeriodDraft, post
from saxaul.ledger.shares import (
    DIGEST_BYTES,
    DIGEST_LENGTH,
    ENTRY_BYTES,
    MAX_APPS,
    MAX_WITHHELD,
    RESERVED_BYTES,
    SUM_BYTES,
    weight,
)
from saxaul.storage.claims import Claims
from saxaul.storage.periods import decompressed, from_item, to_item
from saxaul.storage.table import Table, python, raw
from tests.builders import (
    APP,
    DAY,
    NOON,
    USER,
    make_action,
    make_action_type,
    make_calendar,
    make_catalog,
    make_entry,
    make_period,
)

CALENDAR = make_calendar()
CATALOG = make_catalog()
EMPTY = make_period(version=0)
ITEM_LIMIT = 400 * 1024
WRITE_UNIT = 1024
DIGESTS = DIGEST_BYTES // DIGEST_LENGTH
FIVE_RIDES = make_catalog({"bus_ride": make_action_type(caps=(Cap(window="day", units=Decimal(5)),))})


def item_size(period: Period) -> int:
    return size_of(python(raw({**to_item(period), "v": 2**31})))


def entries_of(period: Period, app: str = APP) -> list[Entry]:
    return [e for name, e in period.entries.items() if name.startswith(f"{app}:") and not e.summed]


def sums_of(period: Period) -> list[Entry]:
    return [entry for entry in period.entries.values() if entry.summed]


def test_only_the_first_withheld_actions_become_entries_but_all_are_recognized_when_sent_again() -> None:
    actions = [make_action(f"ride-{number}") for number in range(100)]

    posting = post(EMPTY, actions, FIVE_RIDES, CALENDAR, NOON)
    again = post(posting.period, random.Random(1).sample(actions, 100), FIVE_RIDES, CALENDAR, NOON)

    assert posting.period.points == 5 * 80
    assert posting.outcomes == {"posted": 5 + MAX_WITHHELD, "summed": 95 - MAX_WITHHELD}
    assert again.period is posting.period
    assert again.outcomes == {"replayed": 100}


def test_five_thousand_capped_actions_of_one_person_make_a_small_period() -> None:
    period = post(EMPTY, [make_action(f"ride-{n}") for n in range(5000)], FIVE_RIDES, CALENDAR, NOON).period

    assert item_size(period) < 10 * 1024
    assert period.full == {APP}


def test_what_an_app_sends_beyond_its_share_is_paid_from_a_sum() -> None:
    catalog = make_catalog({"bus_ride": make_action_type(points="0.3")})
    actions = [make_action(f"ride-{number}") for number in range(500)]

    posting = post(EMPTY, actions, catalog, CALENDAR, NOON)

    [summed] = sums_of(posting.period)
    assert posting.outcomes["posted"] + posting.outcomes["summed"] == 500
    assert summed.summed == posting.outcomes["summed"] == summed.quantity
    assert (posting.period.points, posting.period.avoided_g) == (150, 500 * Decimal("212.5"))


def test_sums_are_kept_apart_by_day_type_and_rule_version() -> None:
    types = {name: make_action_type(caps=(Cap(window="month", points=10**9),)) for name in ("bus_ride", "walking")}
    filler = [make_action(f"fill-{number}") for number in range(300)]
    month = Period(make_period(window="2026-06").key)
    full = post(month, filler, make_catalog(types, versions={"bus_ride": 1}), CALENDAR, NOON).period
    more = [
        make_action("another-day", occurred_at=NOON + DAY),
        make_action("another-type", type="walking"),
        make_action("same-as-before"),
    ]

    first = post(full, more, make_catalog(types, versions={"bus_ride": 1}), CALENDAR, NOON).period
    draft = PeriodDraft(full, Terms(CALENDAR, lambda name, _: types[name]), NOON)

    assert sorted(entry.summed for entry in sums_of(first)) == [1, 1, sums_of(full)[0].summed + 1]
    assert draft.post(more[2]._replace(rule=2)) == "summed"
    assert sorted(entry.rule for entry in sums_of(draft.posted())) == [1, 2]


def test_sums_are_paid_after_all_entries() -> None:
    catalog = make_catalog({"bus_ride": make_action_type(points="1", caps=(Cap(window="day", units=Decimal(300)),))})
    flood = post(EMPTY, [make_action(f"f-{n}", app="taobao") for n in range(400)], catalog, CALENDAR, NOON).period

    period = post(flood, [make_action(f"h-{n}") for n in range(50)], catalog, CALENDAR, NOON).period

    assert [flood.points, period.points] == [300, 300]
    assert all(entry.points == 1 for entry in entries_of(period))


def test_a_share_that_is_full_to_the_last_digest_names_the_app_and_pays_no_more() -> None:
    actions = [make_action(f"ride-{number}") for number in range(3000)]

    posting = post(EMPTY, actions, CATALOG, CALENDAR, NOON)
    again = post(posting.period, [*actions, make_action("one-more")], CATALOG, CALENDAR, NOON)

    assert posting.outcomes["summed"] == DIGESTS
    assert posting.period.points == 80 * (posting.outcomes["posted"] + DIGESTS)
    assert posting.period.full == {APP}
    assert again.period is posting.period


@pytest.mark.parametrize("flood", ["entries", "withheld", "sums"])
def test_nothing_that_one_app_sends_takes_room_from_another(flood: str) -> None:
    catalog = FIVE_RIDES if flood == "withheld" else CATALOG
    number = {"entries": 120, "withheld": 100, "sums": 3000}[flood]
    hostile = post(EMPTY, [make_action(f"f-{n}", app="taobao") for n in range(number)], catalog, CALENDAR, NOON).period
    honest = [make_action(f"h-{n}", type="metro_ride") for n in range(100)]
    catalog = replace(catalog, action_types={**catalog.action_types, "metro_ride": make_action_type()})

    alone = post(EMPTY, honest, catalog, CALENDAR, NOON).period
    beside = post(hostile, honest, catalog, CALENDAR, NOON).period

    assert entries_of(beside) == entries_of(alone)
    assert len(entries_of(beside)) == 100


def test_reversals_of_unknown_actions_do_not_grow_the_period() -> None:
    period = post(EMPTY, [make_action()], CATALOG, CALENDAR, NOON).period

    reversals = [Reversal("taobao", USER, f"never-{number}", "x" * 64, NOON) for number in range(500)]

    assert post(period, [], CATALOG, CALENDAR, NOON, reversals).period is period


def test_a_running_total_and_an_action_with_evidence_find_room_beyond_the_plain_entries() -> None:
    full = post(EMPTY, [make_action(f"ride-{number}") for number in range(400)], CATALOG, CALENDAR, NOON).period
    total = make_action("steps", quantity="9")._replace(is_total=True)
    proved = make_action("trip")._replace(evidence_id="ticket-1")

    posting = post(full, [total, proved, make_action("plain")], CATALOG, CALENDAR, NOON)

    assert posting.outcomes == {"posted": 2, "summed": 1}


def test_a_running_total_is_never_added_to_a_sum() -> None:
    totals = [make_action(f"steps-{n:0100d}")._replace(is_total=True) for n in range(200)]

    posting = post(EMPTY, totals, CATALOG, CALENDAR, NOON)

    assert posting.outcomes["summed"] == 0
    assert posting.outcomes["posted"] + posting.outcomes["unrecorded"] == 200
    assert posting.period.full == {APP}


def test_a_period_has_room_for_sixteen_apps() -> None:
    actions = [make_action(app=f"app-{number}") for number in range(MAX_APPS + 3)]

    posting = post(EMPTY, actions, CATALOG, CALENDAR, NOON)

    assert posting.outcomes == {"posted": MAX_APPS, "unrecorded": 3}
    assert posting.period.full == {"app-16", "app-17", "app-18"}
    assert post(posting.period, actions, CATALOG, CALENDAR, NOON).period is posting.period


def full_period(length: int, *, reversed_sums: bool = False) -> Period:
    """Return a period in which 16 apps fill their shares with ids and numbers that compression cannot shorten much.

    ``length`` is that of the ids. With ``reversed_sums``, operators have reversed some sums, with long reasons.

    An entry often earns all of its quantity, or nothing. Only one entry of a day and type can be the one in which a
    limit falls, so that its units or its counted quantity are a number of their own.
    """
    rng = random.Random(7)
    types = ["".join(rng.choices(string.ascii_lowercase, k=64)) for _ in range(40)]
    campaigns = ["".join(rng.choices(string.ascii_lowercase, k=64)) for _ in range(5)]

    def noise(length: int) -> str:
        return "".join(rng.choices(string.ascii_letters + string.digits + "._~@:+=-", k=length))

    def number(digits: int, decimals: int) -> Decimal:
        return Decimal(rng.randrange(10 ** (digits - 1), 10**digits)).scaleb(-decimals)

    def mark() -> str:
        return mark_of(urlsafe_b64encode(rng.randbytes(12)).decode())

    def worst_entry(ids: int, reason: int) -> Entry:
        quantity = number(15, 6)
        return Entry(
            type=rng.choice(types),
            quantity=quantity,
            occurred_at=NOON + rng.randrange(DAY),
            recorded_at=NOON + rng.randrange(30 * DAY),
            rule=rng.randrange(1000),
            run=run_name(rng.choice(campaigns), date(2026, 1, 1) + timedelta(weeks=rng.randrange(MAX_RUNS))),
            multiplier=Decimal("1.5"),
            is_total=True,
            evidence_id=noise(ids),
            points=rng.randrange(10**9),
            units=rng.choice([quantity, Decimal(0), quantity, number(15, 6)]),
            counted=rng.choice([quantity, number(15, 6)]),
            avoided_g=number(27, 12),
            reason=rng.choice(["over_units_cap", "over_points_cap"]),
            reversal="".join(chr(rng.randrange(0x20000, 0x2A6DF)) for _ in range(reason)),
            conflicted=rng.random() < 0.5,
            receipt=mark(),
            raised_by=mark(),
            reversed_by=mark() if reason else "",
        )

    def share(app: str) -> Iterator[tuple[str, Entry]]:
        used = 0
        while True:
            name, entry = f"{app}:{noise(length)}", worst_entry(rng.choice([0, length]), rng.choice([0, 0, 4, 64]))
            if used + weight(name, entry) > ENTRY_BYTES:
                break
            used += weight(name, entry)
            yield name, entry
        used = 0
        for day in count(1):
            entry = worst_entry(0, rng.choice([0, 0, 2, 64]) if reversed_sums else 0)
            summed = replace(entry, is_total=False, summed=rng.randrange(1, 2000), wanted=number(15, 6))
            summed = replace(summed, receipt="", raised_by="")
            used += weight("", summed)
            if used > SUM_BYTES:
                break
            yield f"{app}:2026-{day:02d}-01/{summed.type}/{summed.rule}/{summed.run}/{summed.multiplier}", summed

    apps = [noise(64).replace(":", "") for _ in range(MAX_APPS)]
    entries = [line for app in apps for line in share(app)]
    rng.shuffle(entries)
    others = {noise(64) for _ in range(MAX_FULL - MAX_APPS)}
    return Period(
        EMPTY.key,
        dict(entries),
        digests={app: rng.randbytes(DIGEST_BYTES) for app in apps},
        full=frozenset({*apps, *others}),
        awaited=frozenset(apps),
    )


@pytest.mark.parametrize("length", [2, 8, 36, 128])
@pytest.mark.parametrize("reversed_sums", [False, True], ids=["", "sums are reversed"])
def test_the_largest_period_fits_an_item(length: int, reversed_sums: bool) -> None:
    assert ITEM_LIMIT * 0.8 < item_size(full_period(length, reversed_sums=reversed_sums)) < ITEM_LIMIT * 0.95


def test_the_longest_early_reversals_fit_an_item() -> None:
    longest = {f"{number:0128d}": EarlyReversal("\U00020000" * 64, NOON) for number in range(MAX_EARLY)}

    write = Claims(Table("Ledger", SYSTEM_CLOCK)).early_write(EarlyReversals(USER, APP, longest))

    assert ITEM_LIMIT / 3 < size_of(python(write["Put"]["Item"])) < ITEM_LIMIT * 0.6


def period_of_rides(rides: int) -> Period:
    entries = {f"{APP}:{uuid5(NAMESPACE_URL, str(n))}": make_entry(type="metro_ride", rule=1) for n in range(rides)}
    return Period(EMPTY.key, entries)


def test_a_period_that_is_not_compressed_costs_one_write_unit() -> None:
    readable = [size for size in range(1, 30) if "e" in to_item(period_of_rides(size))]

    assert max(readable) == 6
    assert item_size(period_of_rides(6)) <= WRITE_UNIT


def test_a_compressed_period_has_three_times_as_many_actions_in_one_write_unit() -> None:
    assert "z" in to_item(period_of_rides(20))
    assert item_size(period_of_rides(20)) <= WRITE_UNIT


def test_a_period_with_every_field_set_is_read_back_unchanged() -> None:
    [summed] = sums_of(post(EMPTY, [make_action(f"r-{n}") for n in range(300)], CATALOG, CALENDAR, NOON).period)
    entries = {
        "alipay:1": make_entry(
            conflicted=True, contested=True, run="c", multiplier=Decimal("1.5"), evidence_id="e", rule=3
        ),
        "alipay:2": make_entry(points=0, avoided_g="0", units=Decimal(0), counted=Decimal(0), reversal="x"),
        "alipay:3": make_entry(points=0, avoided_g="0", units=Decimal(0), counted=Decimal(0), void="same_evidence"),
        "alipay:4": make_entry(points=1, units=Decimal("0.5"), counted=Decimal("0.25"), reason="over_units_cap"),
        "alipay:0": make_entry(is_total=True),
        "alipay:2026-06-05/bus_ride/0//1": replace(summed, wanted=Decimal(7)),
    }
    period = Period(
        EMPTY.key, entries, 4, {"alipay": b"fourfour"}, frozenset({"alipay", "tmall"}), frozenset({"taobao"})
    )

    restored = from_item({**to_item(period), "v": 4})

    assert restored == period
    assert list(restored.entries) == list(entries)
    assert RESERVED_BYTES < ENTRY_BYTES


@pytest.mark.parametrize("number", [1, 6, 20, 400])
@pytest.mark.parametrize("every", [1, 3, 1000], ids=["all", "some", "one"])
def test_the_marks_of_a_period_are_read_back(number: int, every: int) -> None:
    rng = random.Random(number)
    entries = {
        f"{APP}:{n}": make_entry(receipt=urlsafe_b64encode(rng.randbytes(3)).decode() if n % every == 0 else "")
        for n in range(number)
    }
    period = Period(EMPTY.key, entries)

    assert dict(from_item({**to_item(period), "v": 1}).entries) == entries


def test_marks_that_are_not_those_of_intake_are_kept_with_their_entries() -> None:
    entries = {f"{APP}:{n}": make_entry(receipt=["a.b~", "x", "Zk3v", ""][n % 4]) for n in range(20)}
    item = to_item(Period(EMPTY.key, entries))

    assert "marks" not in item
    assert dict(from_item({**item, "v": 1}).entries) == entries


def test_a_mark_adds_at_most_four_bytes_to_an_entry_of_a_compressed_period() -> None:
    rng = random.Random(5)
    plain = period_of_rides(50)
    marked = {
        name: replace(entry, receipt=urlsafe_b64encode(rng.randbytes(3)).decode())
        for name, entry in plain.entries.items()
    }

    assert item_size(replace(plain, entries=marked)) - item_size(plain) <= 4 * 50


def test_entries_that_were_compressed_without_the_dictionary_are_still_read() -> None:
    period = period_of_rides(30)
    item = to_item(period)
    text = decompressed(item["z"])

    old = from_item({**item, "z": zlib.compress(text), "v": 1})

    assert old.entries == period.entries
    assert len(zlib.compress(text, 9)) > len(item["z"])


def test_the_dictionary_of_compressed_entries_never_changes() -> None:
    """What was compressed with it can be read only with it, so this text must be readable for ever."""
    stored = "ePm4ZYr8Q7UgUdcQajLMx5hGQwDcAhAwQ7XGCNmeWADzFhfJ"
    text = b'[{"k":"alipay:a-1","t":"bus_ride","q":"1","o":1780000000,"n":1780000060,"p":80,"g":"212.5","r":1}]'

    assert decompressed(b64decode(stored)) == text


def test_compressed_entries_that_were_cut_short_are_refused() -> None:
    whole = b64decode("ePm4ZYr8Q7UgUdcQajLMx5hGQwDcAhAwQ7XGCNmeWADzFhfJ")

    for length in range(len(whole)):
        with pytest.raises(zlib.error):
            decompressed(whole[:length])
