"""Writes the plans of a round: those that change one period in batches, and each other one in a transaction."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from saxaul.services.post_together import Plan, Stores
from saxaul.storage.batches import Outcome, Write, batches
from saxaul.storage.periods import to_write
from saxaul.storage.table import transact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


def write_plans(stores: Stores, plans: Sequence[Plan], threads: Executor) -> list[Exception | None]:
    """Write plans, and return for each why it was not written, or None if it was.

    The plans must change different items. A request that fails affects only the plans that it has.
    """
    outcomes: dict[int, Exception | None] = {}
    single = [number for number, plan in enumerate(plans) if plan.is_one_period]
    several = [number for number, plan in enumerate(plans) if plan.claims or len(plan.periods) > 1 or plan.reopened]
    groups = list(batches(to_write(plans[number].periods[0]) for number in single))
    in_batches = threads.map(lambda group: _write_batch(stores, group), groups)
    in_transactions = threads.map(lambda number: _write_together(stores, plans[number]), several)
    outcomes.update(zip(single, (outcome for found in in_batches for outcome in found), strict=True))
    outcomes.update(zip(several, in_transactions, strict=True))
    return [outcomes.get(number) for number in range(len(plans))]


def _write_batch(stores: Stores, batch: Sequence[Write]) -> Sequence[Outcome | Exception]:
    try:
        return stores.periods.write(batch)
    except Exception as error:  # noqa: BLE001 - the failure of a batch must not stop the others
        return [error] * len(batch)


def _write_together(stores: Stores, plan: Plan) -> Exception | None:
    """Write all items of a plan in one transaction."""
    try:
        wallet = _wallet_writes(stores, plan)
        transact([*(stores.periods.put_write(period) for period in plan.periods), *plan.claims, *wallet])
    except Exception as error:  # noqa: BLE001 - a failure of one owner must not stop the others
        return error
    return None


def _wallet_writes(stores: Stores, plan: Plan) -> Iterator["TransactWriteItemTypeDef"]:
    """Yield the write of the wallet, if the wallet may have closed one of the changed periods.

    Harvests do not read closed periods any more, so the wallet opens them again.
    """
    if not plan.reopened:
        return
    wallet = stores.wallets.get(plan.reopened[0].key.owner.id)
    for period in plan.reopened:
        if wallet.is_closed(period.window):
            wallet = wallet.reopened(period)
    yield stores.wallets.put_write(wallet)
