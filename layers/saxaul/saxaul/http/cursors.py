"""Cursors: a page of a list ends with an opaque text that says where the next page begins."""

import base64
import json
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import TypeAdapter

from saxaul.http.endpoint import Request
from saxaul.problems import InvalidRequest

ListPlace = TypeVar("ListPlace")


@dataclass(frozen=True)
class Cursors(Generic[ListPlace]):
    """The cursors of one list.

    Attributes:
        list_name: distinguishes the cursors of this list from those of other lists.
        places: the type of a place in the list: a text, a number, or a tuple of them.
    """

    list_name: str
    places: TypeAdapter[ListPlace]

    def to(self, place: ListPlace) -> str:
        """Return the cursor for a place in the list."""
        text = f"{self.list_name} {json.dumps(place, separators=(',', ':'))}"
        return base64.urlsafe_b64encode(text.encode()).decode()

    def place_in(self, request: Request) -> ListPlace | None:
        """Return the place that the cursor in the query string names; None without a cursor, for the first page.

        Raises:
            InvalidRequest: the cursor is not one that this list has returned.
        """
        cursor = request.query.get("cursor")
        if not cursor:
            return None
        try:
            name, _, place = base64.b64decode(cursor, altchars=b"-_", validate=True).partition(b" ")
            found = self.places.validate_json(place, strict=True)
        except ValueError:  # from base64 or pydantic
            found = None
        if found is None or name != self.list_name.encode() or self.to(found) != cursor:
            raise InvalidRequest(
                "invalid_parameter", "cursor must be the cursor of an earlier response for the same list."
            )
        return found
