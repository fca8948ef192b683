"""Events on the bus, for whoever listens. An event may come twice; its order_id identifies it."""

import json

from saxaul.catalog.calendar import Calendar
from saxaul.storage.clients import eventbridge
from saxaul.trees.orders import PlantingOrder

SOURCE = "saxaul"
ORDER_PLACED = "PlantingOrderPlaced"


class EventRefusedError(Exception):
    """The bus did not take an event; trying again is safe."""


class Bus:
    """The stack's event bus."""

    def __init__(self, name: str) -> None:
        self._name = name

    def announce(self, order: PlantingOrder, calendar: Calendar) -> None:
        """Publish that an order was placed.

        Raises:
            EventRefusedError: the bus did not take it.
        """
        detail = {
            "order_id": order.order_id,
            "project_id": order.project_id,
            "partner": order.partner,
            "ordered_at": calendar.rfc3339(order.ordered_at),
            "trees": len(order.trees),
        }
        answer = eventbridge().put_events(
            Entries=[
                {
                    "EventBusName": self._name,
                    "Source": SOURCE,
                    "DetailType": ORDER_PLACED,
                    "Detail": json.dumps(detail, ensure_ascii=False),
                }
            ]
        )
        if answer["FailedEntryCount"]:
            raise EventRefusedError(answer["Entries"][0].get("ErrorCode", "unknown"))
