"""Cursors: opaque texts in list responses. With a cursor, a client requests the next page of the list."""

import base64
import hashlib
import json
from typing import Generic, NamedTuple, TypeVar

from saxaul.catalog.models import TypeAdapter
from saxaul.http.request import Request
from saxaul.problems import InvalidRequest

ListPlace = TypeVar("ListPlace")

_DIGITS = 16
"""The hexadecimal digits of a hash in a cursor. They detect a wrong list; they need not resist an attack."""


class Cursors(NamedTuple, Generic[ListPlace]):
    """The cursors of the lists of one operation.

    What selects a list, such as a person or a filter, is part of its cursors. So the cursor of one person's list is not
    a cursor of another person's list. A cursor has only a hash of what selects the list.

    Attributes:
        list_name: distinguishes the cursors of this operation from those of other operations.
        places: checks the places of the list. A place is the sort position of an item: a text, a number, or a tuple.
    """

    list_name: str
    places: TypeAdapter[ListPlace]

    def cursor_for(self, place: ListPlace, *selected_by: str) -> str:
        """Return the cursor for a place: the next page begins after the item at this place.

        ``selected_by`` is what selects the list among those of the operation. The order matters.
        """
        text = f"{self._name(selected_by)} {json.dumps(place, separators=(',', ':'))}"
        return base64.urlsafe_b64encode(text.encode()).decode()

    def place_in(self, request: Request, *selected_by: str) -> ListPlace | None:
        """Return the place in the request's cursor. Without a cursor, return None: the request is for the first page.

        ``selected_by`` is the same as in ``cursor_for``.

        Raises:
            InvalidRequest: this list cannot have returned the cursor.
        """
        cursor = request.query.get("cursor")
        if cursor is None:
            return None
        try:
            name, _, place = base64.b64decode(cursor, altchars=b"-_", validate=True).partition(b" ")
            found = self.places.validate_json(place, strict=True)
        except ValueError:  # from base64 or pydantic
            found = None
        if found is None or name != self._name(selected_by).encode() or self.cursor_for(found, *selected_by) != cursor:
            raise InvalidRequest(
                "invalid_parameter", "cursor must be the cursor of an earlier response for the same list."
            )
        return found

    def _name(self, selected_by: tuple[str, ...]) -> str:
        if not selected_by:
            return self.list_name
        digest = hashlib.sha256(json.dumps(selected_by).encode()).hexdigest()
        return f"{self.list_name}-{digest[:_DIGITS]}"
