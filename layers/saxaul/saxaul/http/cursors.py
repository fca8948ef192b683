"""Cursors: a list that does not end with its page says where the next one begins, and only the list can read it."""

import base64
import re

from saxaul.http.endpoint import Request
from saxaul.problems import InvalidRequest


def cursor_to(place: str) -> str:
    """The cursor that leads to a place in a list."""
    return base64.urlsafe_b64encode(place.encode()).decode()


def place_in_list(request: Request, shape: re.Pattern[str]) -> str:
    """The place that the query string's cursor leads to; empty where the list begins.

    Raises:
        InvalidRequest: no list whose places have that shape has given that cursor.
    """
    cursor = request.query.get("cursor")
    if not cursor:
        return ""
    try:
        place = base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    except ValueError:
        place = ""
    if not shape.fullmatch(place):
        raise InvalidRequest("invalid_parameter", "cursor must be one that a list has given.")
    return place
