"""Bodies that are lists: actions and reversals from apps, and reports on trees from partners.

Their items are refused one by one, so one bad item does not stop the others.
"""

from collections.abc import Sequence
from typing import NamedTuple

from saxaul.catalog.models import Model
from saxaul.problems import InvalidRequest

MAX_ACTIONS = 500
"""The most actions or reversals in one request."""

MAX_REPORTS = 500
"""The most confirmations or inspections in one request. Each becomes a leaf, and a log entry has at most 500 leaves."""

MAX_FAILURES = 49
"""The most failures in one request. Each may write a redemption and a wallet, and a transaction accepts 100 writes.

One more write is for the progress of the order.
"""


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

    def items_in(self, body: object) -> Sequence[object]:
        """Return the items in a body.

        Raises:
            InvalidRequest: the body has another form, or the list is empty or too long.
        """
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
