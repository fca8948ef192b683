"""Accrues points: posts the queue's actions onto their users' periods."""

from functools import cache
from typing import TYPE_CHECKING

from pydantic import ValidationError

from saxaul.messages.bodies import ActionMessage
from saxaul.messages.events import QueueAnswer, QueueEvent, redeliver
from saxaul.observability import logger
from saxaul.services.accrue import Accrual
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.periods import Periods
from saxaul.storage.table import Table
from saxaul.storage.wallets import Wallets

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@cache
def _accrual() -> Accrual:
    ledger = Table(settings().ledger_table)
    catalog_store = CatalogStore(Table(settings().catalog_table))
    return Accrual(Periods(ledger), Wallets(ledger), catalog_store, settings().calendar)


def handler(event: QueueEvent, context: "LambdaContext") -> QueueAnswer:
    messages, broken = {}, {}
    for record in event["Records"]:
        try:
            messages[record["messageId"]] = ActionMessage.model_validate_json(record["body"])
        except ValidationError as error:
            broken[record["messageId"]] = f"not a message of actions: {error.error_count()} faults"
    batch = _accrual().post(
        {message_id: list(message.unpacked()) for message_id, message in messages.items()},
        {message_id: list(message.unpacked_reversals()) for message_id, message in messages.items()},
    )
    failed = broken | batch.failed
    logger.info(
        "accrued",
        extra={
            "messages": len(event["Records"]),
            **batch.outcomes,
            "failed": failed,
            "request_id": context.aws_request_id,
        },
    )
    return redeliver(failed)
