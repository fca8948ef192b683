"""The client of a planting partner."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from saxaul_client.client import Client
from saxaul_client.errors import AnswerError, NotHashedError
from saxaul_client.models import JsonObject, Order, OrderSummary, Page, Photo, Reported
from saxaul_client.photos import bytes_of, declaration
from saxaul_client.reading import read, read_list

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
"""Seconds between two questions whether a photo is hashed. The pause doubles."""


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

    def photos(self, order_id: str, photos: Sequence[JsonObject]) -> tuple[Photo, ...]:
        """Ask which photos are hashed, and for a form for each other one. At most 100, each declared as an object."""
        path, body = "/planting-orders/{order_id}/photos", {"photos": list(photos)}
        answer = self.call("POST", path, body=body, order_id=order_id)
        return read_list(Photo, answer.get("photos") if isinstance(answer, dict) else None, "photos")

    def upload_photo(self, order_id: str, photo: bytes | str | Path, *, patience: float = 60) -> str:
        """Upload a photo, given as bytes or as the path of a file, and return its SHA-256 once it is hashed.

        It is public for good then, with everything that is in the file. A photo that is hashed already is not uploaded
        again, so the call is safe to repeat.

        Args:
            patience: the most seconds to wait until the photo is hashed, after it was uploaded.

        Raises:
            ValueError: it is no JPEG, PNG or WebP file, or has more than 15,000,000 bytes.
            NotHashedError: it was not hashed in time, or was refused.
        """
        content = bytes_of(photo)
        declared = declaration(content)
        found = self._photo(order_id, declared)
        if found.upload:
            self._connection.upload(found.upload.url, found.upload.fields, content)
            self._await(order_id, declared, found.upload.fields.get("key"), patience)
        return found.sha256

    def _await(self, order_id: str, declared: JsonObject, key: str | None, patience: float) -> None:
        """Wait until the upload with this key is hashed. An earlier upload may have been refused; that is no matter."""
        ends, pause = self._clock.monotonic() + patience, _FIRST_PAUSE
        while (found := self._photo(order_id, declared)).state != "hashed":
            if found.refused and found.refused.key == key:
                raise NotHashedError(f"the uploaded photo was refused: {found.refused.code}")
            if self._clock.monotonic() + pause > ends:
                raise NotHashedError(f"the photo was uploaded, and not hashed within {patience:g} seconds")
            self._clock.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _photo(self, order_id: str, declared: JsonObject) -> Photo:
        found = self.photos(order_id, [declared])
        if len(found) != 1 or found[0].sha256 != declared["sha256"]:
            raise AnswerError("the answer is about other photos")
        return found[0]

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
