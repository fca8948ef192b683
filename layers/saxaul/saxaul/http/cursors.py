"""Cursors: a list that continues says where, in a text that only the list itself reads."""

import base64
import json
from typing import TypeVar

from pydantic import TypeAdapter

from saxaul.http.endpoint import Request
from saxaul.problems import InvalidRequest

ListPlace = TypeVar("ListPlace")


def cursor_to(place: object) -> str:
    """The cursor that leads to a place in a list: a text, a number, or a tuple of them."""
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode()


def place_in_list(request: Request, places: TypeAdapter[ListPlace]) -> ListPlace | None:
    """The place that the query string's cursor leads to; None where the list begins.

    Raises:
        InvalidRequest: the list has no such place, so no list has given that cursor.
    """
    cursor = request.query.get("cursor")
    if not cursor:
        return None
    try:
        return places.validate_json(base64.b64decode(cursor, altchars=b"-_", validate=True), strict=True)
    except ValueError:  # of base64, or of pydantic
        raise InvalidRequest("invalid_parameter", "cursor must be one that a list has given.") from None
