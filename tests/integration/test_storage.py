"""Storage: items are read back as they were written; lists, batches and conditional writes."""

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.ledger.actions import Owner
from saxaul.ledger.claims import Claim, EvidenceClaims
from saxaul.ledger.early import EarlyReversal, EarlyReversals
from saxaul.ledger.entries import Entry
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.ledger.wallets import Wallet
from saxaul.services.redeem import redemption_id
from saxaul.storage import claims, orders, periods, redemptions, table, wallets
from saxaul.storage.redemptions import REQUESTED_LISTS, RedemptionExistsError
from saxaul.storage.table import Item, ItemMovedError, Key, TransactionRefusedError
from saxaul.trees.orders import OrderProgress
from saxaul.trees.plantings import PlantedTree
from saxaul.trees.redemptions import Chain, Redemption, Seal, Step, Tree
from saxaul.trees.states import State
from tests.builders import APP, FACILITY, NOON, USER, make_entry, make_order, make_period, make_redemption, make_wallet
from tests.clocks import StoppedClock
from tests.integration.stack import Stack

ids = st.text("abcXYZ09._~@:+=-", min_size=1, max_size=20)
counts = st.integers(-(10**12), 10**12)
amounts = st.decimals(0, 10**9, places=6)
instants = st.integers(0, 2**33)
windows = st.sampled_from(["2026", "2026-06", "2026-06-05"])
entries = st.builds(
    Entry,
    type=st.sampled_from(["bus_ride", "walking"]),
    quantity=amounts,
    occurred_at=instants,
    recorded_at=instants,
    points=counts,
    avoided_g=amounts,
    units=amounts,
    counted=amounts,
    rule=st.integers(0, 1000),
    reason=st.sampled_from(["", "over_units_cap", "over_points_cap", "too_small_to_earn"]),
    run=st.sampled_from(["", "world-environment-day@2026-06-05"]),
    multiplier=st.decimals(1, 100, places=3),
    is_total=st.booleans(),
    evidence_id=st.just("") | ids,
    summed=st.integers(0, 1000),
    wanted=amounts,
    void=st.sampled_from(["", "same_evidence", "repeated_id"]),
    reversal=st.text(max_size=9),
    conflicted=st.booleans(),
    contested=st.booleans(),
)
owners = st.builds(Owner, st.sampled_from(["user", "facility"]), ids)
keys = st.builds(PeriodKey, owners, windows)
apps = st.sampled_from(["alipay", "taobao", "meituan"])
all_periods = st.builds(
    Period,
    keys,
    st.dictionaries(ids, entries, max_size=4),
    st.integers(0, 1000),
    digests=st.dictionaries(apps, st.binary(min_size=1, max_size=16)),
    full=st.frozensets(apps),
    awaited=st.frozensets(apps),
)
all_claims = st.builds(
    EvidenceClaims, owners, ids, st.lists(st.builds(Claim, ids, windows), max_size=4).map(tuple), st.integers(0, 1000)
)
all_early_reversals = st.builds(
    EarlyReversals,
    owners,
    apps,
    st.dictionaries(ids, st.builds(EarlyReversal, st.text(max_size=9), instants), max_size=4),
    st.integers(0, 1000),
)
all_wallets = st.builds(
    Wallet,
    user_id=ids,
    balance=counts,
    spent=counts,
    credited=st.dictionaries(windows, counts),
    closed_through=st.none() | st.dates(),
    closed_g=amounts,
    version=st.integers(0, 1000),
)
degrees = st.floats(-90, 90).map(lambda number: round(number, 9))
plantings = st.builds(PlantedTree, instants, ids, degrees, degrees, st.text(max_size=9), st.text(max_size=9))
steps = st.builds(
    Step,
    state=st.sampled_from(State),
    at=instants,
    recorded_at=instants,
    order_id=st.just("") | ids,
    reason=st.text(max_size=9),
    inspector=st.text(max_size=9),
    evidence_url=st.just("") | ids,
    planting=st.none() | plantings,
    photo=st.text(max_size=9),
    is_correction=st.booleans(),
    statement=st.none() | instants,
)
chains = st.just(Chain()) | st.builds(Chain, ids, instants, st.integers(1, 99), instants, instants)
seals = st.builds(Seal, ids, st.none() | ids, ids)
trees = st.builds(Tree, ids, st.lists(steps, max_size=3).map(tuple), st.none() | seals, chains)
all_redemptions = st.builds(
    Redemption,
    user_id=ids,
    redemption_id=ids,
    app=ids,
    project_id=ids,
    trees=st.lists(trees, max_size=3).map(tuple),
    points=counts,
    requested_at=instants,
    dedication=st.text(max_size=20),
    state=st.sampled_from(State),
    reason=ids,
    reserved_at=instants,
    version=st.integers(0, 1000),
)


UNUSED = claims.Claims(table.Table("Ledger", StoppedClock(NOON)))
"""Makes writes for a table that no test creates."""


def stored(item: Item, version: int) -> Item:
    """Return an item as DynamoDB returns it, with this version."""
    return table.python(table.raw({**item, "v": version}))


@given(period=all_periods)
def test_a_period_is_read_back_unchanged_and_in_order(period: Period) -> None:
    read = periods.from_item(stored(periods.to_item(period), period.version))

    assert read == period
    assert list(read.entries) == list(period.entries)


@given(period=all_periods, more=st.lists(entries, max_size=20))
def test_a_period_that_was_read_is_stored_as_if_each_entry_were_converted_again(
    period: Period, more: list[Entry]
) -> None:
    read = periods.from_item(stored(periods.to_item(period), period.version))
    added = {f"app:more-{number}": entry for number, entry in enumerate(more)}
    changed = {name: replace(entry, conflicted=not entry.conflicted) for name, entry in [*read.entries.items()][::2]}
    grown = replace(read, entries={**read.entries, **changed, **added})

    assert periods.to_item(grown) == periods.to_item(replace(grown, stored={}))


@given(evidence=all_claims)
def test_the_claims_to_evidence_are_read_back_unchanged(evidence: EvidenceClaims) -> None:
    written = UNUSED.evidence_write(evidence)["Put"]["Item"]

    assert claims.evidence_from_item(table.python(written)) == evidence._replace(version=evidence.version + 1)


@given(early=all_early_reversals)
def test_early_reversals_are_read_back_unchanged(early: EarlyReversals) -> None:
    written = UNUSED.early_write(early)["Put"]["Item"]

    assert claims.early_from_item(table.python(written)) == early._replace(version=early.version + 1)


@given(entry=entries, reason=st.text(max_size=64))
def test_a_compressed_period_is_read_back_unchanged(entry: Entry, reason: str) -> None:
    many = make_period(*[replace(entry, reversal=reason, occurred_at=entry.occurred_at + n) for n in range(20)])

    assert "z" in periods.to_item(many)
    assert periods.from_item(stored(periods.to_item(many), many.version)) == many


@given(wallet=all_wallets)
def test_a_wallet_is_read_back_unchanged(wallet: Wallet) -> None:
    assert wallets.from_item(stored(wallets.to_item(wallet), wallet.version)) == wallet


@given(redemption=all_redemptions)
def test_a_redemption_is_read_back_unchanged(redemption: Redemption) -> None:
    assert redemptions.from_item(stored(redemptions.to_item(redemption), redemption.version)) == redemption


def test_an_order_is_read_back_unchanged() -> None:
    order = make_order(make_redemption(trees=2), make_redemption("r-2", user_id="u-43"))

    for variant in (order, order.announced(0), order.announced(NOON)):
        assert orders.from_item(stored(orders.to_item(variant), variant.version)) == variant


def test_an_order_moves_to_the_list_of_its_partner_when_it_is_announced() -> None:
    order = make_order(make_redemption())

    assert orders.to_item(order)["list_name"] == "UNANNOUNCED#saxaul-alxa"
    assert orders.to_item(order.announced(NOON))["list_name"] == "ORDERS#Alxa SEE Foundation"


def test_a_redemption_that_waits_for_an_order_is_listed_for_its_project_also_after_a_failure() -> None:
    reserved = make_redemption(trees=2).reserved(NOON)
    ordered = reserved.ordered("o-1", NOON + 1)
    failed = ordered.stepped({ordered.trees[0].number: Step(State.RESERVED, NOON, NOON, reason="frost")})

    listed = [
        redemptions.to_item(redemption).get("list_name")
        for redemption in (reserved, ordered, failed, reserved.cancelled())
    ]

    assert listed == ["RESERVED#saxaul-alxa", None, "RESERVED#saxaul-alxa", None]
    assert redemptions.to_item(failed)["list_order"] == redemptions.to_item(reserved)["list_order"]


def test_a_pending_redemption_is_listed_until_it_is_rejected_or_cancelled() -> None:
    requested = make_redemption()
    final = [requested.rejected("sold_out"), requested.cancelled()]

    assert redemptions.to_item(requested)["list_name"] in {f"REQUESTED#{number}" for number in range(REQUESTED_LISTS)}
    assert not any("list_name" in redemptions.to_item(response) for response in final)


def test_pending_redemptions_are_spread_evenly_over_their_lists() -> None:
    names = (redemption_id("alipay", f"u-{number}", "key") for number in range(20_000))
    dealt = Counter(redemptions.to_item(make_redemption(name))["list_name"] for name in names)

    assert len(dealt) == REQUESTED_LISTS
    assert max(dealt.values()) < 1.2 * 20_000 / REQUESTED_LISTS


def test_an_entry_of_an_ordinary_ride_takes_at_most_100_bytes() -> None:
    [entry] = periods.to_item(make_period(make_entry(rule=1)))["e"]

    size = sum(len(name) + len(str(value)) for name, value in entry.items())

    assert not {"w", "u", "h", "x", "y"} & entry.keys()
    assert size <= 100


def test_a_write_based_on_a_stale_version_is_refused_and_returns_the_stored_period(stack: Stack) -> None:
    stack.put_period(make_period(make_entry(80), version=0))
    stack.put_period(make_period(make_entry(90), version=1))

    with pytest.raises(ItemMovedError) as stale:
        stack.put_period(make_period(make_entry(100), version=1))
    with pytest.raises(ItemMovedError) as unaware:
        stack.put_period(make_period(make_entry(100), version=0))

    assert stale.value.winner
    assert periods.from_item(stale.value.winner) == make_period(make_entry(90), version=2)
    assert unaware.value.winner is None, "DynamoDB does not return the item that an INSERT has met"
    assert stack.periods_of() == [make_period(make_entry(90), version=2)]


@pytest.mark.parametrize(("before", "attribute"), [(40, "z"), (400, "packed")])
def test_a_period_that_becomes_shorter_keeps_no_attribute_of_its_longer_form(
    stack: Stack, before: int, attribute: str
) -> None:
    entries = {f"alipay:{n**5:x}-{n * 7919:x}": make_entry(n, recorded_at=n**3) for n in range(before)}
    long = replace(make_period(), entries=entries, version=0, full=frozenset({APP}), digests={APP: b"1234"})
    stack.put_period(long)
    assert attribute in (stack.ledger.get(periods.period_key(long.key)) or {})

    stack.put_period(make_period(make_entry(7), version=1))

    assert stack.periods_of() == [make_period(make_entry(7), version=2)]
    assert (stack.ledger.get(periods.period_key(long.key)) or {}).keys() == {"pk", "sk", "v", "e"}


def test_stale_writes_of_wallets_orders_and_redemptions_are_refused(stack: Stack) -> None:
    stack.wallets.put(make_wallet(1))
    stack.redemptions.add(make_redemption())

    with pytest.raises(ItemMovedError):
        stack.wallets.put(make_wallet(2))
    with pytest.raises(TransactionRefusedError):
        stack.orders.announce(make_order()._replace(version=7), OrderProgress.of(make_order(), 0))
    with pytest.raises(RedemptionExistsError) as exists:
        stack.redemptions.add(make_redemption(trees=3))

    assert len(exists.value.stored.trees) == 1


def test_more_periods_than_fit_a_batch_are_read_and_one_that_was_never_written_is_empty(stack: Stack) -> None:
    written = [make_period(make_entry(n), owner=Owner("user", f"u-{n}"), version=0) for n in range(120)]
    for period in written:
        stack.put_period(period)
    absent = PeriodKey(FACILITY, "2026")

    found = stack.periods.get_many([*(period.key for period in written), absent], consistent=True)

    assert [found[period.key].points for period in written] == list(range(120))
    assert found[absent] == Period(absent)


def test_more_items_than_fit_a_batch_are_written_and_read(stack: Stack) -> None:
    stack.ledger.put_all([{"pk": "CERT", "sk": f"{n:03d}"} for n in range(60)])

    assert len(list(stack.ledger.query("CERT", "0", "~"))) == 60
    assert len(stack.ledger.get_many([Key("CERT", f"{n:03d}") for n in range(60)], consistent=False)) == 60


def test_the_open_periods_of_a_wallet_are_those_that_are_not_closed(stack: Stack) -> None:
    for window in ("2026-05-01", "2026-05-02", "2026-05-20", "2026-04", "2026-05", "2025", "2026"):
        stack.put_period(make_period(make_entry(1), window=window, version=0))
    wallet = make_wallet(closed_through=date(2026, 5, 19), credited={"2026-05-02": 1, "2026-05": 1})

    everything = stack.wallets.open_periods(make_wallet())
    still_open = stack.wallets.open_periods(wallet)

    assert len(everything) == 7
    assert sorted(period.window for period in still_open) == ["2026", "2026-05", "2026-05-02", "2026-05-20"]


def test_a_debit_larger_than_the_balance_is_refused(stack: Stack) -> None:
    stack.wallets.put(make_wallet(100, closed_g=Decimal(5)))

    table.transact([stack.spending.debit_write(USER.id, 60)])
    with pytest.raises(table.TransactionRefusedError):
        table.transact([stack.spending.debit_write(USER.id, 60)])

    assert (stack.wallet().balance, stack.wallet().spent, stack.wallet().version) == (40, 60, 2)


def test_a_refund_larger_than_the_spent_points_is_refused(stack: Stack) -> None:
    stack.wallets.put(make_wallet(100, spent=50))

    table.transact([stack.spending.refund_write(USER.id, 50)])
    with pytest.raises(table.TransactionRefusedError):
        table.transact([stack.spending.refund_write(USER.id, 1)])

    assert (stack.wallet().balance, stack.wallet().spent, stack.wallet().version) == (150, 0, 2)


def test_the_redemptions_that_waited_longest_are_listed_first(stack: Stack) -> None:
    for n, reserved_at in enumerate((NOON + 2, NOON, NOON + 1)):
        stack.redemptions.add(make_redemption(f"r-{n}", user_id=f"u-{n}").reserved(reserved_at))

    assert [redemption.redemption_id for redemption in stack.redemptions.waiting("saxaul-alxa", 2)] == ["r-1", "r-2"]
