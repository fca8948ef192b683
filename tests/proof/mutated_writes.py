"""What services and storage promise of their reads and writes, each promise broken in one way."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from saxaul.ledger.periods import Period
from saxaul.ledger.wallets import Wallet
from saxaul.services.accrue import Accrual, Accrued
from saxaul.services.redeem import Redeeming, Requested, redemption_id
from saxaul.services.settle import Settling
from saxaul.storage.periods import PeriodMovedError, Periods
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import Item, Table, transact
from saxaul.storage.wallets import Wallets, to_item
from saxaul.trees.redemptions import Redemption, State
from tests.proof.faults import Fault
from tests.proof.mutations import Mutations

WRITES = Mutations()


def _unconditional(patch: pytest.MonkeyPatch, is_meant: Callable[[Item, int], bool]) -> None:
    put: Any = Table._put

    def mutant(table: Table, item: Item, expected_version: int) -> Any:
        write = put(table, item, expected_version)
        if is_meant(item, expected_version):
            del write["ConditionExpression"]
        return write

    patch.setattr(Table, "_put", mutant)


def _update_unconditionally(patch: pytest.MonkeyPatch, where: type, name: str) -> None:
    update = getattr(where, name)

    def mutant(*arguments: object) -> Any:
        write = update(*arguments)
        del write["Update"]["ConditionExpression"]
        return write

    patch.setattr(where, name, mutant)


@WRITES.caught_by("one cap")
def _(patch: pytest.MonkeyPatch) -> None:
    """A period is written over whatever stands there."""
    _unconditional(patch, lambda item, _: item["sk"].startswith("PAGE#"))


@WRITES.caught_by("one cap")
def _(patch: pytest.MonkeyPatch) -> None:
    """A lost race for a period is taken for a write."""
    put = Periods.put

    def mutant(periods: Periods, period: Period) -> None:
        try:
            put(periods, period)
        except PeriodMovedError:
            return

    patch.setattr(Periods, "put", mutant)


@WRITES.caught_by("points are harvested", Fault.OVERTAKEN)
def _(patch: pytest.MonkeyPatch) -> None:
    """A wallet is written over whatever stands there."""
    _unconditional(patch, lambda item, _: item["sk"] == "WALLET")


@WRITES.caught_by("a late ride and a settlement")
def _(patch: pytest.MonkeyPatch) -> None:
    """A period is reopened without looking at the wallet again."""
    _unconditional(patch, lambda item, _: item["sk"] == "WALLET" and "mark" not in item)


@WRITES.caught_by("points are harvested", Fault.REPEATED)
def _(patch: pytest.MonkeyPatch) -> None:
    """A harvest does not know its own write again."""

    def mutant(store: Any, wallet: Wallet) -> None:
        store._table.put(to_item(wallet), wallet.version)

    patch.setattr(Wallets, "put", mutant)


@WRITES.caught_by("the last sapling")
def _(patch: pytest.MonkeyPatch) -> None:
    """Saplings are taken without looking whether there are any."""
    _update_unconditionally(patch, Stocks, "take_write")


@WRITES.caught_by("the last points")
def _(patch: pytest.MonkeyPatch) -> None:
    """Points are spent without looking whether there are any."""
    _update_unconditionally(patch, Wallets, "debit_write")


@WRITES.caught_by("trees are requested", Fault.OVERTAKEN)
def _(patch: pytest.MonkeyPatch) -> None:
    """A redemption is written over one that has its name."""
    _unconditional(patch, lambda item, version: item["sk"].startswith("TREE#") and not version)


@WRITES.caught_by("redemptions are settled", Fault.OVERTAKEN)
def _(patch: pytest.MonkeyPatch) -> None:
    """A verdict is written over another, with saplings and points taken again."""
    _unconditional(patch, lambda item, version: item["sk"].startswith("TREE#") and bool(version))


@WRITES.caught_by("reserved trees are ordered", Fault.OVERTAKEN)
def _(patch: pytest.MonkeyPatch) -> None:
    """A redemption is ordered whether or not it was ordered meanwhile."""
    _unconditional(patch, lambda item, _: item.get("state") == State.ORDERED)


@WRITES.caught_by("two trees of one redemption")
def _(patch: pytest.MonkeyPatch) -> None:
    """A confirmation is written over another."""
    _unconditional(patch, lambda item, _: item["sk"].startswith("TREE#") and "planting" in repr(item["trees"]))


def _one_by_one(writes: Sequence[Any]) -> None:
    for write in writes:
        transact([write])


@WRITES.caught_by("late messages reopen closed periods", Fault.FAILED)
def _(patch: pytest.MonkeyPatch) -> None:
    """A period is reopened in two writes."""
    patch.setattr("saxaul.services.accrue.transact", _one_by_one)


@WRITES.caught_by("redemptions are settled", Fault.KILLED_AFTER)
def _(patch: pytest.MonkeyPatch) -> None:
    """Verdicts, wallets and stock are written one by one."""
    patch.setattr("saxaul.storage.redemptions.transact", _one_by_one)


@WRITES.caught_by("redemptions are settled", Fault.LOST)
def _(patch: pytest.MonkeyPatch) -> None:
    """A redemption is settled again when its message comes again."""
    get_many = Redemptions.get_many

    def mutant(redemptions: Redemptions, keys: Sequence[tuple[str, str]]) -> list[Redemption]:
        return [replace(redemption, state=State.REQUESTED) for redemption in get_many(redemptions, keys)]

    patch.setattr(Redemptions, "get_many", mutant)


@WRITES.caught_by("redemptions are settled")
def _(patch: pytest.MonkeyPatch) -> None:
    """Certificates are left out."""
    patch.setattr(Table, "put_all", lambda *_: None)


def _processed(client: Any) -> Any:
    """A client that does not tell what it left unprocessed."""

    class Deaf:
        def __getattr__(self, operation: str) -> Any:
            return getattr(client, operation)

        def batch_get_item(self, **request: Any) -> Any:
            return client.batch_get_item(**request) | {"UnprocessedKeys": {}}

        def batch_write_item(self, **request: Any) -> Any:
            return client.batch_write_item(**request) | {"UnprocessedItems": {}}

    return Deaf()


@WRITES.caught_by("redemptions are settled", Fault.UNPROCESSED)
def _(patch: pytest.MonkeyPatch) -> None:
    """What a batch left unprocessed is forgotten."""
    for name in ("get_many", "put_all"):
        method: Any = getattr(Table, name)

        def mutant(*arguments: Any, method: Any = method, **named: Any) -> Any:
            with pytest.MonkeyPatch.context() as meanwhile:
                client = method.__globals__["dynamodb"]()
                meanwhile.setitem(method.__globals__, "dynamodb", lambda: _processed(client))
                return method(*arguments, **named)

        patch.setattr(Table, name, mutant)


@WRITES.caught_by("a batch is accrued", Fault.FAILED)
def _(patch: pytest.MonkeyPatch) -> None:
    """Messages whose period could not be written are not asked for again."""
    post = Accrual.post

    def mutant(accrual: Accrual, *messages: Any) -> Accrued:
        return Accrued(post(accrual, *messages).outcomes)

    patch.setattr(Accrual, "post", mutant)


@WRITES.caught_by("redemptions are settled", Fault.FAILED)
def _(patch: pytest.MonkeyPatch) -> None:
    """Redemptions that could not be settled are not asked for again."""
    settle = Settling.settle

    def mutant(service: Settling, messages: Any) -> dict[str, str]:
        settle(service, messages)
        return {}

    patch.setattr(Settling, "settle", mutant)


@WRITES.caught_by("trees are requested", Fault.FAILED)
def _(patch: pytest.MonkeyPatch) -> None:
    """A redemption that was written and not queued is not queued by asking again."""
    request = Redeeming.request

    def mutant(service: Any, asked: Any) -> Requested:
        known = service.redemptions.get(asked.user_id, redemption_id(asked.app, asked.user_id, asked.key))
        if known and (known.project_id, len(known.trees)) == (asked.project_id, asked.trees):
            return Requested(known, is_replay=True)
        return request(service, asked)

    patch.setattr(Redeeming, "request", mutant)
