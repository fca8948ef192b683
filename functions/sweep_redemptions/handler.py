"""Sweeps up redemptions that were written and never queued: the schedule queues them again, the oldest first."""

from functools import cache
from time import time
from typing import TYPE_CHECKING, Any

from saxaul.observability import logger
from saxaul.services.redeem import Redeeming
from saxaul.settings import settings
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import Table
from saxaul.storage.wallets import Wallets

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@cache
def _redeeming() -> Redeeming:
    ledger = Table(settings().ledger_table)
    queue_url = settings().redemption_queue_url
    return Redeeming(Wallets(ledger), Redemptions(ledger), Stocks(ledger), settings().calendar, queue_url)


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:  # noqa: ARG001 - the schedule says nothing
    swept = _redeeming().sweep()
    oldest = int(time()) - swept[0].requested_at if swept else 0
    logger.info(
        "swept", extra={"redemptions": len(swept), "oldest_seconds": oldest, "request_id": context.aws_request_id}
    )
    return {"redemptions": len(swept)}
