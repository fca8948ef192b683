"""Reads the planting queue. For each message, it places one planting order and announces the order to its partner."""

from typing import TYPE_CHECKING

from saxaul.startup import prepare
from saxaul.messages.bodies import PlantingMessage
from saxaul.messages.events import QueueEvent, QueueResponse, redeliver
from saxaul.observability import logger
from saxaul.services import wiring
from saxaul.services.place_orders import order_placing

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: QueueEvent, context: "LambdaContext") -> QueueResponse:
    """Handle the messages of a batch in order. If one fails, the queue redelivers this message and all later ones."""
    records = event["Records"]
    for number, record in enumerate(records):
        logged: dict[str, object] = {"request_id": context.aws_request_id}
        try:
            message = PlantingMessage.model_validate_json(record["body"])
            order = order_placing().place(message.project_id)
        except Exception:  # noqa: BLE001 - the queue redelivers the message, and finally moves it to the dead-letter queue
            logger.exception("the order could not be placed", extra=logged)
            return redeliver(unhandled["messageId"] for unhandled in records[number:])
        ordered = {"order_id": order.order_id, "trees": len(order.trees)} if order else {"order_id": None, "trees": 0}
        logger.info("ordered", extra=logged | {"project_id": message.project_id} | ordered)
    return redeliver(())


prepare(wiring.connect, PlantingMessage.prepare)
