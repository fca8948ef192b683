"""Starts a planting batch: queues a message for each project with waiting trees or with an unannounced order."""

from typing import TYPE_CHECKING, Any

from saxaul.startup import prepare
from saxaul.observability import logger
from saxaul.services import wiring
from saxaul.services.schedule_orders import order_scheduling

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, list[str]]:  # noqa: ARG001 - the schedule's event carries no information
    projects = order_scheduling().start_batch()
    logger.info("planting batch started", extra={"projects": projects, "request_id": context.aws_request_id})
    return {"projects": projects}


prepare(wiring.connect, reading=wiring.read_catalog)
