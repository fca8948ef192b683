"""Bodies of requests: each object reads the body of a request, and describes it in the OpenAPI document.

A body is one record, which is refused as a whole, or a list: actions and reversals from apps, and reports on trees from
partners. The items of a list are refused one by one, so one bad item does not stop the others.
"""

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from saxaul.catalog.faults import error_lines
from saxaul.catalog.models import Model, ValidationError
from saxaul.http.request import Request
from saxaul.problems import InvalidRequest

AnyRecord = TypeVar("AnyRecord", bound=Model)

MAX_ACTIONS = 500
"""The most actions or reversals in one request."""

MAX_REPORTS = 500
"""The most reports in one request. An order has at most 150 trees, and each of its redemptions is one transaction."""


class Record(NamedTuple, Generic[AnyRecord]):
    """A body that is one record.

    Attributes:
        name: what the detail of a problem calls the record.
        added: the fields that responses add to the record. A body may have them, and they are ignored. So a client can
            edit a response and send it back.
        is_optional: whether a request without a body means an empty record.
    """

    name: str
    model: type[AnyRecord]
    added: frozenset[str] = frozenset()
    is_optional: bool = False

    def of(self, request: Request) -> AnyRecord:
        """Return the record in the body of a request.

        Raises:
            InvalidRequest: the body is not JSON, or not such a record.
        """
        body = {} if self.is_optional and not request.body_text.strip() else request.json()
        if isinstance(body, dict):
            body = {name: value for name, value in body.items() if name not in self.added}
        try:
            return self.model.model_validate(body)
        except ValidationError as error:
            raise InvalidRequest(
                "invalid_body",
                f"The body is not a valid {self.name}; correct each of the listed errors.",
                error_lines(error),
            ) from None


class Listed(NamedTuple):
    """A body of the form ``{name: [...]}``.

    Attributes:
        item: the model of an item. The items are not checked here.
        most: the most items.
        too_many: the code of the problem if there are more.
    """

    name: str
    item: type[Model]
    most: int
    too_many: str

    def of(self, request: Request) -> Sequence[object]:
        """Return the items in the body of a request.

        Raises:
            InvalidRequest: the body is not JSON or has another form, or the list is empty or too long.
        """
        return self.items_in(request.json())

    def items_in(self, body: object) -> Sequence[object]:
        """Return the items in a parsed body. It raises what ``of`` raises."""
        items = body[self.name] if isinstance(body, dict) and body.keys() == {self.name} else None
        if not isinstance(items, list) or not items:
            raise InvalidRequest(
                "invalid_body",
                f'The body must be {{"{self.name}": [...]}} with 1 to {self.most} {self.name}, and no other field.',
            )
        if len(items) > self.most:
            raise InvalidRequest(
                self.too_many, f"A request can have at most {self.most} {self.name}; this one has {len(items)}."
            )
        return items
