"""Ends the secrets of apps whose overlap is over, and completes what a crashed request for an app left."""

from typing import TYPE_CHECKING, Any

from saxaul.startup import prepare
from saxaul.observability import logger
from saxaul.services import wiring
from saxaul.services.end_overlaps import overlap_ending

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, int]:  # noqa: ARG001 - the schedule's event carries no information
    ended = overlap_ending().run()
    logger.info("ended overlaps", extra={**ended._asdict(), "request_id": context.aws_request_id})
    return {"apps": ended.apps, "leftovers": ended.leftovers}


prepare(wiring.connect)
