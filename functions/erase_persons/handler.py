"""Erases persons, step by step. Each minute, a schedule queues erasures again whose message was lost.

No log line names a person: an erasure has an id, and its message holds only the name of its mark.
"""

from typing import TYPE_CHECKING, Any

from saxaul.startup import prepare
from saxaul.catalog.models import ValidationError
from saxaul.messages.bodies import ErasureMessage
from saxaul.messages.events import redeliver
from saxaul.observability import logger
from saxaul.services import wiring
from saxaul.services.erase_items import LittleTimeError
from saxaul.services.erase_person import erasing

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_LAST_MS = 13_000
"""In the last milliseconds of an invocation no transaction begins, because an AWS call takes up to 12 seconds."""


def handler(event: dict[str, Any], context: "LambdaContext") -> Any:  # noqa: ANN401 - a queue needs another answer
    if "Records" not in event:
        swept = erasing().sweep()
        logger.info("swept erasures", extra={"erasures": swept, "request_id": context.aws_request_id})
        return {"erasures": swept}

    def check_time() -> None:
        if context.get_remaining_time_in_millis() < _LAST_MS:
            raise LittleTimeError

    outcomes: dict[str, str] = {}
    failed: dict[str, str] = {}
    for record in event["Records"]:
        name = record["messageId"]
        try:
            outcomes[name] = erasing().run(ErasureMessage.model_validate_json(record["body"]).name, check_time)
        except ValidationError as error:
            failed[name] = f"the body is not an erasure message: {error.error_count()} errors"
        except Exception as error:  # noqa: BLE001 - a failed message must not hide what the others did
            logger.exception("an erasure failed")
            failed[name] = repr(error)
    logger.info("erased", extra={"outcomes": outcomes, "failed": failed, "request_id": context.aws_request_id})
    return redeliver(failed)


prepare(wiring.connect, ErasureMessage.prepare)
