"""The client of a planting partner."""

from collections.abc import Iterator, Sequence

from saxaul_client.client import Client
from saxaul_client.models import JsonObject, Order, OrderSummary, Page, Reported
from saxaul_client.reading import read, read_list


class PartnerClient(Client):
    """Calls the API as a planting partner: it reads its orders, and reports what happened to each tree.

    docs/partners.md leads through the work of a partner. Reports are JSON objects with the fields of the OpenAPI
    document. Refused reports are returned, and not raised, also if all are refused. A request with more reports than it
    may have is refused as a whole: Problem with the code ``too_many_reports``.
    """

    def order_pages(
        self, *, state: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> Iterator[Page[OrderSummary]]:
        """Yield the orders of the partners that the client acts for, newest first.

        ``state`` selects those that are ``open`` or ``closed``.
        """
        return self._pages(
            "/planting-orders",
            "orders",
            lambda orders: read_list(OrderSummary, orders, "orders"),
            {"state": state, "limit": limit, "cursor": cursor},
        )

    def order(self, order_id: str) -> Order:
        """Return an order with its site, its trees, and links to its manifest, which expire after 15 minutes."""
        return read(Order, self.call("GET", "/planting-orders/{order_id}", order_id=order_id))

    def confirm(self, order_id: str, confirmations: Sequence[JsonObject]) -> Reported:
        """Report planted trees, at most 500."""
        return self._report(order_id, "confirmations", confirmations)

    def fail(self, order_id: str, failures: Sequence[JsonObject]) -> Reported:
        """Report trees that could not be planted, at most 500."""
        return self._report(order_id, "failures", failures)

    def inspect(self, order_id: str, inspections: Sequence[JsonObject]) -> Reported:
        """Report the later state of trees, at most 500."""
        return self._report(order_id, "inspections", inspections)

    def correct(self, order_id: str, corrections: Sequence[JsonObject]) -> Reported:
        """Correct what was reported about planted trees, at most 500 of them. The log keeps what was reported first."""
        return self._report(order_id, "corrections", corrections)

    def _report(self, order_id: str, name: str, reports: Sequence[JsonObject]) -> Reported:
        return self._reported(f"/planting-orders/{{order_id}}/{name}", name, list(reports), order_id=order_id)
