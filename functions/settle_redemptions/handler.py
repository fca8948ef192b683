"""Reads the redemption queue, and reserves or rejects each redemption in the order of the queue."""

from typing import TYPE_CHECKING

from saxaul.startup import prepare
from saxaul.catalog.models import ValidationError
from saxaul.messages.bodies import RedemptionMessage
from saxaul.messages.events import QueueEvent, QueueResponse, redeliver
from saxaul.observability import logger, metrics
from saxaul.services import wiring
from saxaul.services.settle import settling

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: QueueEvent, context: "LambdaContext") -> QueueResponse:
    messages, broken = {}, {}
    for record in event["Records"]:
        try:
            messages[record["messageId"]] = RedemptionMessage.model_validate_json(record["body"])
        except ValidationError as error:
            broken[record["messageId"]] = f"the body is not a redemption message: {error.error_count()} errors"
    settled = settling().settle(messages)
    failed = broken | settled.failed
    logger.info(
        "settled",
        extra={
            "messages": len(event["Records"]),
            "failed": failed,
            "request_id": context.aws_request_id,
            **metrics(context.function_name, settled.measured),
        },
    )
    return redeliver(failed)


prepare(wiring.connect, RedemptionMessage.prepare)
