"""Starts a planting batch: queues a message for each project with waiting trees or with an unannounced order.

The event of the schedule says nothing. With ``{"only_list": true}``, the function queues nothing, and only lists the
projects, by a catalog that it has just read: so the check after a deployment starts no batch before its time, and sees
whether the function may read the catalog.
"""

from typing import TYPE_CHECKING, Any

from saxaul.startup import prepare
from saxaul.observability import logger
from saxaul.services import wiring
from saxaul.services.schedule_orders import order_scheduling

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, list[str]]:
    scheduling = order_scheduling()
    only_lists = event.get("only_list") is True
    if only_lists:
        wiring.read_catalog_again()
    projects = scheduling.due() if only_lists else scheduling.start_batch()
    said = "planting batch listed" if only_lists else "planting batch started"
    logger.info(said, extra={"projects": projects, "request_id": context.aws_request_id})
    return {"projects": projects}


prepare(wiring.connect, reading=wiring.read_catalog)
