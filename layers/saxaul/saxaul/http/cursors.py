"""Cursors: opaque texts in list responses. With a cursor, a client requests the next page of the list."""

import base64
import json
from typing import Generic, NamedTuple, TypeVar

from saxaul.catalog.models import TypeAdapter
from saxaul.http.request import Request
from saxaul.problems import InvalidRequest

ListPlace = TypeVar("ListPlace")


class Cursors(NamedTuple, Generic[ListPlace]):
    """The cursors of one list.

    Attributes:
        list_name: distinguishes the cursors of this list from those of other lists.
        places: checks the places of the list. A place is the sort position of an item: a text, a number, or a tuple.
    """

    list_name: str
    places: TypeAdapter[ListPlace]

    def cursor_for(self, place: ListPlace) -> str:
        """Return the cursor for a place: the next page begins after the item at this place."""
        text = f"{self.list_name} {json.dumps(place, separators=(',', ':'))}"
        return base64.urlsafe_b64encode(text.encode()).decode()

    def place_in(self, request: Request) -> ListPlace | None:
        """Return the place in the request's cursor. Without a cursor, return None: the request is for the first page.

        Raises:
            InvalidRequest: this list cannot have returned the cursor.
        """
        cursor = request.query.get("cursor")
        if not cursor:
            return None
        try:
            name, _, place = base64.b64decode(cursor, altchars=b"-_", validate=True).partition(b" ")
            found = self.places.validate_json(place, strict=True)
        except ValueError:  # from base64 or pydantic
            found = None
        if found is None or name != self.list_name.encode() or self.cursor_for(found) != cursor:
            raise InvalidRequest(
                "invalid_parameter", "cursor must be the cursor of an earlier response for the same list."
            )
        return found
