"""Reads the action queue, and posts the actions and reversals in its messages to periods."""

from typing import TYPE_CHECKING

from saxaul.startup import prepare
from saxaul.catalog.models import ValidationError
from saxaul.messages.bodies import ActionMessage
from saxaul.messages.events import QueueEvent, QueueResponse, redeliver
from saxaul.observability import logger, metrics
from saxaul.services import wiring
from saxaul.services.accrue import accrual

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: QueueEvent, context: "LambdaContext") -> QueueResponse:
    messages, broken = {}, {}
    for record in event["Records"]:
        try:
            messages[record["messageId"]] = ActionMessage.model_validate_json(record["body"])
        except ValidationError as error:
            broken[record["messageId"]] = (
                f"the body is not a message of actions or reversals: {error.error_count()} errors"
            )
    if broken:
        logger.error("messages cannot be read", extra={"failed": broken, "request_id": context.aws_request_id})
    accrued = accrual().post(messages)
    failed = broken | accrued.failed
    logger.info(
        "accrued",
        extra={
            "messages": len(event["Records"]),
            **accrued.outcomes,
            "oldest_accepted_s": accrued.oldest,
            "failed": failed,
            "request_id": context.aws_request_id,
            **metrics(context.function_name, accrued.measured if messages else {}),
        },
    )
    return redeliver(failed)


prepare(wiring.connect, ActionMessage.prepare)
