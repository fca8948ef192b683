"""Reads the queue of checkpoints, and offers the published checkpoint to the witnesses of the log.

It answers nobody, so nothing is prepared.
"""

from typing import TYPE_CHECKING

import saxaul.startup  # noqa: F401 - it makes garbage collections rare
from saxaul.catalog.models import ValidationError
from saxaul.messages.bodies import CheckpointMessage
from saxaul.messages.events import QueueEvent, QueueResponse, redeliver
from saxaul.observability import logger, metrics
from saxaul.services.cosign import cosigning

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: QueueEvent, context: "LambdaContext") -> QueueResponse:
    """Offer the newest checkpoint once, however many messages there are.

    If a witness does not cosign it, the messages are done all the same: the sequencer sends the next one. So nothing
    piles up while a witness is away.

    The check after a deployment sends no message, and then the checkpoint is only read.
    """
    logged: dict[str, object] = {"request_id": context.aws_request_id}
    if not event["Records"]:
        logger.info("published", extra=logged | {"size": cosigning().published_size()})
        return redeliver(())
    asked_for, broken = 0, {}
    for record in event["Records"]:
        try:
            asked_for = max(asked_for, CheckpointMessage.model_validate_json(record["body"]).size)
        except ValidationError as error:
            broken[record["messageId"]] = f"the body is not a checkpoint message: {error.error_count()} errors"
    cosigned = cosigning().cosign()
    logged |= metrics(context.function_name, {"MissingCosignatures": len(cosigned.missing)})
    logger.info("cosigned", extra=logged | {"asked_for": asked_for, "failed": broken, **cosigned._asdict()})
    return redeliver(broken)
