"""Reads the photo queue, to which S3 sends a message for each upload. It hashes each photo, and publishes it."""

from typing import TYPE_CHECKING

from saxaul.startup import prepare
from saxaul.messages.events import QueueEvent, QueueResponse, redeliver
from saxaul.messages.uploads import uploaded_keys
from saxaul.observability import logger
from saxaul.services import wiring
from saxaul.services.hash_photos import Hashed, photo_hashing
from saxaul.trees.photos import HashedPhoto, RefusedUpload

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: QueueEvent, context: "LambdaContext") -> QueueResponse:
    """Hash the photos of the messages one by one. The queue redelivers only the messages that failed."""
    failed = []
    for record in event["Records"]:
        logged: dict[str, object] = {"request_id": context.aws_request_id}
        try:
            for key in uploaded_keys(record["body"]):
                _log(key, photo_hashing().hash(key), logged)
        except Exception:  # noqa: BLE001 - the queue redelivers the message, and finally moves it to the dead-letter queue
            logger.exception("a photo could not be hashed", extra=logged)
            failed.append(record["messageId"])
    return redeliver(failed)


def _log(key: str, found: Hashed, logged: dict[str, object]) -> None:
    if isinstance(found, HashedPhoto):
        logger.info("photo hashed", extra={**logged, "sha256": found.sha256, "bytes": found.size, "type": found.type})
    elif isinstance(found, RefusedUpload):
        logger.warning("upload refused", extra={**logged, "key": key, "reason": found.code})
    else:
        logger.info("the upload is gone", extra={**logged, "key": key})


prepare(wiring.connect)
