"""Publishes events on the stack's event bus. If one is published twice, both copies have the same order_id."""

import json

from saxaul.catalog.calendar import Calendar
from saxaul.storage.clients import eventbridge
from saxaul.trees.orders import PlantingOrder

SOURCE = "saxaul"
ORDER_PLACED = "PlantingOrderPlaced"


class EventRefusedError(Exception):
    """The bus did not accept an event. It is safe to publish the event again."""


class Bus:
    """The stack's event bus."""

    def __init__(self, name: str) -> None:
        self._name = name

    def announce(self, order: PlantingOrder, calendar: Calendar) -> None:
        """Publish an event for a placed order.

        Raises:
            EventRefusedError: the bus did not accept the event.
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
