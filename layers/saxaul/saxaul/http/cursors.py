"""Cursors: a list that continues says where, in a text that only the list itself reads."""

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
        list_name: what tells its cursors from those of other lists.
        places: what a place in it is: a text, a number, or a tuple of them.
    """

    list_name: str
    places: TypeAdapter[ListPlace]

    def to(self, place: ListPlace) -> str:
        """The cursor that leads to a place in the list."""
        text = f"{self.list_name} {json.dumps(place, separators=(',', ':'))}"
        return base64.urlsafe_b64encode(text.encode()).decode()

    def place_in(self, request: Request) -> ListPlace | None:
        """The place that the query string's cursor leads to; None where the list begins.

        Raises:
            InvalidRequest: the list has not given that cursor.
        """
        cursor = request.query.get("cursor")
        if not cursor:
            return None
        try:
            name, _, place = base64.b64decode(cursor, altchars=b"-_", validate=True).partition(b" ")
            found = self.places.validate_json(place, strict=True)
        except ValueError:  # of base64, or of pydantic
            found = None
        if found is None or name != self.list_name.encode() or self.to(found) != cursor:
            raise InvalidRequest("invalid_parameter", "cursor must be one that a list has given.")
        return found
