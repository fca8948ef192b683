"""Requeues redemptions that are still pending after some minutes, because their messages may be lost.

It also measures for how long the oldest batch of actions has waited to be posted. No other metric shows a batch whose
message is lost.
"""

from typing import TYPE_CHECKING, Any

from saxaul.startup import prepare
from saxaul.observability import logger, metrics
from saxaul.services import wiring
from saxaul.services.sweep import sweeping

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:  # noqa: ARG001 - the schedule's event carries no information
    swept = sweeping().sweep()
    late = metrics(context.function_name, {"OldestUnposted": sweeping().oldest_unposted()})
    logger.info("swept", extra={**swept._asdict(), **late, "request_id": context.aws_request_id})
    return {"redemptions": swept.redemptions}


prepare(wiring.connect)
