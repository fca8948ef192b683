"""Mutations of how services and storage read and write. Each docstring says which rule the function breaks."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from saxaul.clock import SYSTEM_CLOCK
from saxaul.ledger.periods import Period, PeriodKey
from saxaul.ledger.wallets import Wallet
from saxaul.races import ThrottledError
from saxaul.services.accrue import Accrual, Accrued
from saxaul.services.post_together import Attempt
from saxaul.services.redeem import Redeeming, Requested, redemption_id
from saxaul.services.settle import Settled, Settling
from saxaul.services.write_plans import write_plans
from saxaul.storage import batches, periods
from saxaul.storage.batches import Outcome, StatementRefusedError, Write
from saxaul.storage.claims import EARLY_PREFIX, EVIDENCE_PREFIX
from saxaul.storage.evidence import EvidenceStore
from saxaul.storage.periods import Periods
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.spending import Spending
from saxaul.storage.table import Item, ItemMovedError, Key, Table, transact
from saxaul.storage.wallets import Wallets
from saxaul.storage.wallets import to_item as wallet_item
from saxaul.trees.evidence import Transfer, TreeEvidence
from saxaul.trees.redemptions import Redemption
from saxaul.trees.states import State
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


def _overwrites(patch: pytest.MonkeyPatch, is_meant: Callable[[Write], bool]) -> None:
    """Replace the statement of a write by an update of the version that is stored, whichever it is."""
    statement: Any = batches._statement

    def mutant(table: str, write: Write, attributes: Sequence[str]) -> Any:
        if is_meant(write):
            stored = Table(table, SYSTEM_CLOCK).get(Key(write.item["pk"], write.item["sk"]))
            write = write._replace(version=int(stored["v"]) if stored else 0)
        return statement(table, write, attributes)

    patch.setattr(batches, "_statement", mutant)


@WRITES.caught_by("two more actions under one cap")
def _(patch: pytest.MonkeyPatch) -> None:
    """A period is written without a version condition."""
    _overwrites(patch, lambda write: bool(write.version))


@WRITES.caught_by("two actions under one cap")
def _(patch: pytest.MonkeyPatch) -> None:
    """A new period overwrites one that a concurrent write has just created."""
    _overwrites(patch, lambda write: not write.version)


@WRITES.caught_by("two actions under one cap")
def _(patch: pytest.MonkeyPatch) -> None:
    """A statement of a batch whose condition failed is treated as successful."""
    _forgive(patch, ItemMovedError)


@WRITES.caught_by("a batch is accrued", Fault.THROTTLED)
def _(patch: pytest.MonkeyPatch) -> None:
    """A throttled statement of a batch is treated as successful."""
    _forgive(patch, ThrottledError)


@WRITES.caught_by("a batch is accrued", Fault.UNSURE)
def _(patch: pytest.MonkeyPatch) -> None:
    """A statement of a batch with an internal error is treated as successful."""
    patch.setattr(batches, "_MOVED", batches._MOVED - {"InternalServerError"})
    _forgive(patch, StatementRefusedError)


def _forgive(patch: pytest.MonkeyPatch, failure: type[Exception]) -> None:
    def mutant(store: Periods, batch: Sequence[Write]) -> list[Outcome]:
        return [None if isinstance(outcome, failure) else outcome for outcome in write(store, batch)]

    write = Periods.write
    patch.setattr(Periods, "write", mutant)


@WRITES.caught_by("two rides in one batch, and a ride of one of their riders")
def _(patch: pytest.MonkeyPatch) -> None:
    """If one statement of a batch lost its race, the rest of the batch is dropped."""

    def mutant(*arguments: Any) -> list[Exception | None]:
        failures = write_plans(*arguments)
        return [None] * len(failures) if any(failures) else failures

    patch.setattr("saxaul.services.accrue.write_plans", mutant)


@WRITES.caught_by("a share overflows")
def _(patch: pytest.MonkeyPatch) -> None:
    """A long period keeps the sums with which it was first stored, although it has more entries."""
    first: dict[PeriodKey, Item] = {}

    def mutant(period: Period) -> Item:
        item = to_item(period)
        return item | {"sums": first.setdefault(period.key, item["sums"])} if "sums" in item else item

    to_item = periods.to_item
    patch.setattr(periods, "to_item", mutant)


@WRITES.caught_by("points are harvested", Fault.OVERTAKEN)
def _(patch: pytest.MonkeyPatch) -> None:
    """A wallet is written without a version condition."""
    _unconditional(patch, lambda item, _: item["sk"] == "WALLET")


@WRITES.caught_by("a late ride and a settlement")
def _(patch: pytest.MonkeyPatch) -> None:
    """A period is reopened without a version condition on the wallet."""
    _unconditional(patch, lambda item, _: item["sk"] == "WALLET" and "mark" not in item)


@WRITES.caught_by("points are harvested", Fault.REPEATED)
def _(patch: pytest.MonkeyPatch) -> None:
    """A harvest does not recognize its own write when botocore repeats it."""

    def mutant(store: Any, wallet: Wallet) -> None:
        store._table.put(wallet_item(wallet), wallet.version)

    patch.setattr(Wallets, "put", mutant)


@WRITES.caught_by("two requests for the last sapling")
def _(patch: pytest.MonkeyPatch) -> None:
    """Saplings are reserved without checking that enough are left."""
    _update_unconditionally(patch, Spending, "reserve_write")


@WRITES.caught_by("two requests for the last points")
def _(patch: pytest.MonkeyPatch) -> None:
    """Points are spent without checking that the wallet has enough."""
    _update_unconditionally(patch, Spending, "debit_write")


@WRITES.caught_by("trees are requested", Fault.OVERTAKEN)
def _(patch: pytest.MonkeyPatch) -> None:
    """A new redemption overwrites an existing one with the same ID."""
    _unconditional(patch, lambda item, version: item["sk"].startswith("TREE#") and not version)


@WRITES.caught_by("redemptions are settled", Fault.OVERTAKEN)
def _(patch: pytest.MonkeyPatch) -> None:
    """A concurrent settlement is overwritten, so saplings are reserved and points are spent twice."""
    _unconditional(patch, lambda item, version: item["sk"].startswith("TREE#") and bool(version))


@WRITES.caught_by("reserved trees are ordered", Fault.OVERTAKEN)
def _(patch: pytest.MonkeyPatch) -> None:
    """A redemption is ordered again although a concurrent batch ordered it."""
    _unconditional(patch, lambda item, _: item.get("state") == State.ORDERED)


@WRITES.caught_by("two confirmations for one redemption")
def _(patch: pytest.MonkeyPatch) -> None:
    """A confirmation overwrites a concurrent confirmation."""
    _unconditional(patch, lambda item, _: item["sk"].startswith("TREE#") and "planting" in repr(item["trees"]))


@WRITES.caught_by("two failures in one order")
def _(patch: pytest.MonkeyPatch) -> None:
    """A report overwrites the number of open trees that a concurrent report wrote."""
    _unconditional(patch, lambda item, _: item["sk"] == "PROGRESS")


@WRITES.caught_by("two redemptions with one tag")
def _(patch: pytest.MonkeyPatch) -> None:
    """A tag is taken although a tree of a concurrent confirmation has it."""
    write: Any = EvidenceStore.transfer_write

    def mutant(store: EvidenceStore, evidence: TreeEvidence, transfer: Transfer) -> Any:
        made = write(store, evidence, transfer)
        if "Put" in made:
            made["Put"].pop("ConditionExpression")
        return made

    patch.setattr(EvidenceStore, "transfer_write", mutant)


def _one_by_one(writes: Sequence[Any]) -> None:
    for write in writes:
        transact([write])


@WRITES.caught_by("late messages reopen closed periods", Fault.FAILED)
def _(patch: pytest.MonkeyPatch) -> None:
    """A period is reopened in two separate writes instead of one transaction."""
    patch.setattr("saxaul.services.write_plans.transact", _one_by_one)


def _separately(patch: pytest.MonkeyPatch, prefix: str) -> None:
    """Make each write of a transaction alone, if one of them writes an item with this prefix."""

    def mutant(writes: Sequence[Any]) -> None:
        if any(write["Put"]["Item"]["sk"]["S"].startswith(prefix) for write in writes):
            _one_by_one(writes)
        else:
            transact(writes)

    patch.setattr("saxaul.services.write_plans.transact", mutant)


@WRITES.caught_by("evidence is claimed by two apps and reversed", Fault.KILLED_AFTER)
def _(patch: pytest.MonkeyPatch) -> None:
    """The claims to evidence and the periods are written separately instead of in one transaction."""
    _separately(patch, EVIDENCE_PREFIX)


@WRITES.caught_by("reversals arrive before their actions", Fault.KILLED_AFTER)
def _(patch: pytest.MonkeyPatch) -> None:
    """An early reversal and the periods that await its action are written separately."""
    _separately(patch, EARLY_PREFIX)


@WRITES.caught_by("a ride under a cap, and a third claim to the evidence of a claim that the cap cuts")
def _(patch: pytest.MonkeyPatch) -> None:
    """Claims are decided although they were read before a concurrent decision, and their periods after it."""
    patch.setattr(Attempt, "_checked_claims", lambda self, evidence_id: self._evidence_of(evidence_id).claims)


@WRITES.caught_by("two apps claim the same evidence")
def _(patch: pytest.MonkeyPatch) -> None:
    """The claims to evidence are written without a version condition."""
    _unconditional(patch, lambda item, _: item["sk"].startswith(EVIDENCE_PREFIX))


@WRITES.caught_by("an action with evidence, and its reversal")
def _(patch: pytest.MonkeyPatch) -> None:
    """A period that is written with claims to evidence has no version condition."""
    put_write: Any = Periods.put_write

    def mutant(periods: Periods, period: Period) -> Any:
        write = put_write(periods, period)
        del write["Put"]["ConditionExpression"]
        return write

    patch.setattr(Periods, "put_write", mutant)


@WRITES.caught_by("two reports of a running total")
def _(patch: pytest.MonkeyPatch) -> None:
    """After a lost race, the changes that were made to the outdated period are written over the new one."""
    write = Periods.write

    def mutant(store: Periods, batch: Sequence[Write]) -> list[Outcome]:
        outcomes = write(store, batch)
        for number, outcome in enumerate(outcomes):
            if isinstance(outcome, ItemMovedError) and outcome.winner:
                [outcomes[number]] = write(store, [batch[number]._replace(version=int(outcome.winner["v"]))])
        return outcomes

    patch.setattr(Periods, "write", mutant)


@WRITES.caught_by("redemptions are settled", Fault.KILLED_AFTER)
def _(patch: pytest.MonkeyPatch) -> None:
    """A settlement writes redemptions, wallets and stock separately instead of in one transaction."""
    patch.setattr("saxaul.storage.redemptions.transact", _one_by_one)


@WRITES.caught_by("redemptions are settled", Fault.LOST)
def _(patch: pytest.MonkeyPatch) -> None:
    """A redemption is settled again when its message is redelivered."""
    get_many = Redemptions.get_many

    def mutant(redemptions: Redemptions, keys: Sequence[tuple[str, str]]) -> list[Redemption]:
        return [redemption._replace(state=State.REQUESTED) for redemption in get_many(redemptions, keys)]

    patch.setattr(Redemptions, "get_many", mutant)


@WRITES.caught_by("redemptions are settled")
def _(patch: pytest.MonkeyPatch) -> None:
    """Certificate items are not written."""
    patch.setattr(Table, "put_all", lambda *_: None)


def _processed(client: Any) -> Any:
    """Return a client that hides the unprocessed items of a batch."""

    class HidesUnprocessed:
        def __getattr__(self, operation: str) -> Any:
            return getattr(client, operation)

        def batch_get_item(self, **request: Any) -> Any:
            return client.batch_get_item(**request) | {"UnprocessedKeys": {}}

        def batch_write_item(self, **request: Any) -> Any:
            return client.batch_write_item(**request) | {"UnprocessedItems": {}}

    return HidesUnprocessed()


@WRITES.caught_by("redemptions are settled", Fault.UNPROCESSED)
def _(patch: pytest.MonkeyPatch) -> None:
    """The unprocessed items of a batch are dropped."""
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
    """Messages whose period could not be written are not redelivered."""
    post = Accrual.post

    def mutant(accrual: Accrual, *messages: Any) -> Accrued:
        return Accrued(post(accrual, *messages).outcomes)

    patch.setattr(Accrual, "post", mutant)


@WRITES.caught_by("redemptions are settled", Fault.FAILED)
def _(patch: pytest.MonkeyPatch) -> None:
    """Messages whose redemption could not be settled are not redelivered."""
    settle = Settling.settle

    def mutant(service: Settling, messages: Any) -> Settled:
        return replace(settle(service, messages), failed={})

    patch.setattr(Settling, "settle", mutant)


@WRITES.caught_by("trees are requested", Fault.FAILED)
def _(patch: pytest.MonkeyPatch) -> None:
    """A repeated request does not queue a redemption that was written but not queued."""
    request = Redeeming.request

    def mutant(service: Any, wanted: Any) -> Requested:
        known = service.redemptions.get(wanted.user_id, redemption_id(wanted.app, wanted.user_id, wanted.key))
        if known and (known.project_id, len(known.trees)) == (wanted.project_id, wanted.trees):
            return Requested(known, is_replay=True)
        return request(service, wanted)

    patch.setattr(Redeeming, "request", mutant)
