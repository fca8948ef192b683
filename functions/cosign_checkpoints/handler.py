"""Reads the queue of checkpoints, and offers the published checkpoint to the witnesses of the log.

It answers nobody, so nothing is prepared.
"""

from typing import TYPE_CHECKING

import saxaul.startup  # noqa: F401 - it makes garbage collections rare
from saxaul.messages.bodies import CheckpointMessage
from saxaul.messages.events import QueueEvent, QueueResponse, redeliver
from saxaul.observability import logger
from saxaul.services.cosign import cosigning

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: QueueEvent, context: "LambdaContext") -> QueueResponse:
    """Offer the newest checkpoint once. If a witness does not cosign it, the queue redelivers one of the messages.

    The messages of a batch ask for the same, because only the newest checkpoint is offered. So during an outage of a
    witness, they do not add up.

    The check after a deployment sends no message, and then the checkpoint is only read.
    """
    logged: dict[str, object] = {"request_id": context.aws_request_id}
    if not event["Records"]:
        logger.info("published", extra=logged | {"size": cosigning().published()})
        return redeliver(())
    try:
        asked, newest = max(
            (CheckpointMessage.model_validate_json(record["body"]).size, record["messageId"])
            for record in event["Records"]
        )
        cosigned = cosigning().cosign()
    except Exception:  # noqa: BLE001 - the queue redelivers the messages, and finally moves them to the dead-letter queue
        logger.exception("the checkpoint could not be cosigned", extra=logged)
        return redeliver(record["messageId"] for record in event["Records"])
    logger.info("cosigned", extra=logged | {"asked_for": asked, **cosigned._asdict()})
    return redeliver([newest] if cosigned.missing else ())
