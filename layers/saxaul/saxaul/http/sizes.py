r"""The sizes of responses.

Lambda accepts a response of at most 6 MB (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html). It
counts the JSON document in which the body is one text. In this text, each quotation mark, backslash and line break of
the body takes up two bytes, and a runtime may write each character beyond ASCII as ``\uXXXX``, which has six. So the
size of a response is counted in this form, and not by the bytes that the client gets.
"""

import json
from collections.abc import Iterable
from typing import Any, TypeVar

MAX_RESPONSE_BYTES = 5_500_000
"""A body that takes up more is never returned. The rest of the 6 MB is for the headers, and a margin."""

MAX_PAGE_BYTES = 4_000_000
"""A page of a list ends before the item with which its items would take up more."""

_MOST_BYTES_OF_A_CHARACTER = 12
"""Those of a character that is written as two escapes, such as an emoji."""

Shown = TypeVar("Shown")


def escaped_bytes(text: str) -> int:
    """Return how many bytes a text takes up as a text of a JSON document that has only ASCII characters."""
    return len(json.dumps(text)) - len('""')


def fits_response(body: str) -> bool:
    """Return whether Lambda accepts this body. A short body is not counted."""
    return len(body) * _MOST_BYTES_OF_A_CHARACTER <= MAX_RESPONSE_BYTES or escaped_bytes(body) <= MAX_RESPONSE_BYTES


def page_of(views: Iterable[Shown], most: int = MAX_PAGE_BYTES) -> list[Shown]:
    """Return the first views, as many as fit one page, but at least one. Views after that are not computed."""
    page: list[Shown] = []
    left = most
    for view in views:
        left -= _view_bytes(view)
        if left < 0 and page:
            break
        page.append(view)
    return page


def _view_bytes(view: Any) -> int:  # noqa: ANN401 - a text or any JSON value
    text = view if isinstance(view, str) else json.dumps(view, ensure_ascii=False, separators=(",", ":"))
    return escaped_bytes(text) + len(",")
