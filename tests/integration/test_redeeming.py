"""Settling and harvesting: broken messages, concurrent writes and conflicting transactions."""

import json

import pytest

from saxaul.ledger.wallets import Wallet
from saxaul.storage.clients import dynamodb
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import ItemMovedError, TransactionRefusedError
from saxaul.storage.wallets import Wallets
from saxaul.trees.redemptions import Settlement
from saxaul.trees.stock import Stock
from tests.builders import DAY, NOON, make_entry, make_period, make_redemption
from tests.integration.stack import Stack, harvest, redeem, wallet_of


def store_pending(stack: Stack, *redemption_ids: str, project_id: str = "saxaul-alxa") -> list[str]:
    """Store pending redemptions, and return the bodies of their messages."""
    for redemption_id in redemption_ids:
        stack.redemptions.add(make_redemption(redemption_id, project_id=project_id))
    return [
        json.dumps({"project_id": project_id, "user_id": "u-42", "redemption_id": redemption_id})
        for redemption_id in redemption_ids
    ]


@pytest.mark.parametrize("broken", ["", "nonsense", "{}", '{"project_id":"p","user_id":"u"}'])
def test_a_broken_message_among_good_ones_fails_alone(stack: Stack, broken: str) -> None:
    stack.seed_catalog()
    stack.add_wallet(1000)
    first, second = store_pending(stack, "r-1", "r-2")

    assert stack.settle(first, broken, second) == ["m-1"]
    assert [stack.redemption(redemption_id).state for redemption_id in ("r-1", "r-2")] == ["reserved", "reserved"]


def test_a_message_for_an_unknown_redemption_changes_nothing(stack: Stack) -> None:
    stack.seed_catalog()
    stack.add_wallet(1000)
    unknown = json.dumps({"project_id": "saxaul-alxa", "user_id": "u-42", "redemption_id": "r-9"})

    assert stack.settle(unknown) == []
    assert (stack.wallet().balance, stack.stock().reserved) == (1000, 0)


def test_a_whole_batch_is_settled_with_one_write(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.seed_catalog()
    stack.add_wallet(10_000)
    written: list[Settlement] = []
    write = Redemptions.write_settlement

    def counted(redemptions: Redemptions, settlement: Settlement, stock: Stock, now: int) -> None:
        written.append(settlement)
        write(redemptions, settlement, stock, now)

    monkeypatch.setattr(Redemptions, "write_settlement", counted)

    assert stack.settle(*store_pending(stack, *(f"r-{n}" for n in range(10)))) == []
    assert len(written) == 1
    assert (stack.wallet().spent, stack.available_saplings()) == (1600, 0)


def test_the_projects_of_a_batch_are_settled_separately(stack: Stack) -> None:
    stack.seed_catalog()
    stack.add_wallet(1000)

    assert stack.settle(*store_pending(stack, "r-1", project_id="never-released"), *store_pending(stack, "r-2")) == []
    assert [stack.redemption(redemption_id).reason for redemption_id in ("r-1", "r-2")] == ["sold_out", ""]


def test_a_settlement_reads_the_stock_again_after_a_concurrent_settlement_and_does_not_oversell(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.seed_catalog(saplings=1)
    stack.add_wallet(1000)
    read, seen = Stocks.get, list[Stock]()
    mine, rival = store_pending(stack, "mine", "rival")

    def overtaken(stocks: Stocks, project_id: str) -> Stock:
        stock = read(stocks, project_id)
        seen.append(stock)
        if len(seen) == 1:
            assert stack.settle(rival) == []
        return stock

    monkeypatch.setattr(Stocks, "get", overtaken)

    assert stack.settle(mine) == []
    assert [stack.redemption(redemption_id).reason for redemption_id in ("rival", "mine")] == ["", "sold_out"]
    assert (stack.stock().reserved, stack.wallet().spent) == (1, 160)


def test_a_settlement_whose_write_conflicts_every_time_is_redelivered_and_writes_nothing(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise TransactionRefusedError(["TransactionConflict"])

    stack.seed_catalog()
    stack.add_wallet(1000)
    monkeypatch.setattr(Redemptions, "write_settlement", refuse)

    assert stack.settle(*store_pending(stack, "r-1")) == ["m-0"]
    assert stack.redemption("r-1").state == "requested"
    assert stack.wallet().balance == 1000


def test_a_rejected_redemption_has_no_certificate(stack: Stack) -> None:
    stack.seed_catalog(saplings=0)
    stack.add_wallet(1000)

    stack.settle(*store_pending(stack, "r-1"))

    rejected = stack.redemption("r-1")
    assert rejected.reason == "sold_out"
    assert stack.redemptions.of_certificate(rejected.trees[0].number) is None


def test_points_that_a_concurrent_harvest_moved_are_not_moved_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.put_period(make_period(make_entry(80), version=0))
    stack.clock.instant = NOON + DAY
    put, raced = Wallets.put, list[Wallet]()

    def overtaken(wallets: Wallets, wallet: Wallet) -> None:
        if not raced:
            raced.append(wallet)
            put(wallets, wallet)
            raise ItemMovedError(None)
        put(wallets, wallet)

    monkeypatch.setattr(Wallets, "put", overtaken)

    assert harvest().body == {"user_id": "u-42", "moved": 0, "spendable": 80}
    assert stack.wallet().version == 1


def test_a_harvest_that_conflicts_with_a_transaction_is_retried(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.put_period(make_period(make_entry(80), version=0))
    stack.clock.instant = NOON + DAY
    client = dynamodb()
    put, met = client.put_item, list[object]()

    def conflicting_once(**item: object) -> object:
        if not met:
            met.append(item)
            raise client.exceptions.TransactionConflictException(
                {"Error": {"Code": "TransactionConflictException", "Message": "Transaction is ongoing for the item"}},
                "PutItem",
            )
        return put(**item)  # type: ignore[arg-type]

    monkeypatch.setattr(client, "put_item", conflicting_once)

    assert harvest().status == 200
    assert stack.wallet().balance == 80


def test_a_redemption_request_harvests_the_ripe_points_first(stack: Stack) -> None:
    stack.seed_catalog()
    stack.put_period(make_period(make_entry(200), version=0))
    stack.clock.instant = NOON + DAY

    assert redeem().status == 202
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []
    assert (wallet_of()["spendable"], wallet_of()["spent"], wallet_of()["earned"]) == (40, 160, 200)


def test_trees_of_a_project_that_was_just_added_can_be_requested_at_once(stack: Stack) -> None:
    stack.add_wallet(1000)
    assert redeem().code == "unknown_project"

    stack.seed_catalog()

    assert redeem().status == 202
