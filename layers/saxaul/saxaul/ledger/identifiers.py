"""The types of what apps send with actions and reversals: identifiers, times and reasons."""

import re
from datetime import datetime
from typing import Annotated

from saxaul.catalog.models import AfterValidator, BeforeValidator, Described, Field

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE | re.ASCII)


def _rfc3339_text(value: object) -> object:
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("a time with an offset is required, such as 2026-06-05T08:30:00+08:00")
    return value


_IDENTIFIER = re.compile(r"[A-Za-z0-9._~@:+=-]{1,128}")

_DOT_SEGMENTS = frozenset({".", ".."})
"""In a URL path, these segments mean the current and the parent folder, so HTTP clients remove them."""


def is_identifier(text: str) -> bool:
    """Return whether a text is an identifier that a URL path can contain."""
    return _IDENTIFIER.fullmatch(text) is not None and text not in _DOT_SEGMENTS


def _fits_a_path(text: str) -> str:
    if text in _DOT_SEGMENTS:
        raise ValueError("an id cannot be . or .., because a path cannot contain these")
    return text


Id = Annotated[
    str,
    Field(strict=True, pattern=f"^{_IDENTIFIER.pattern}$"),
    AfterValidator(_fits_a_path),
    Described({"not": {"enum": sorted(_DOT_SEGMENTS)}}),
]
"""An identifier that an app chooses. The ledger's keys contain it without escaping; a URL path can contain it."""

EntryId = Annotated[
    str,
    Field(strict=True, pattern=rf"^({_IDENTIFIER.pattern}|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}/[a-z0-9._@~/-]{{1,256}})$"),
    AfterValidator(_fits_a_path),
]
"""What names an entry of an app: the id of an action, or what names a sum (``sum_name`` in shares.py)."""

Instant = Annotated[int, Field(ge=0, lt=253_370_764_800)]
"""Seconds since 1970, before the year 9999, so that the instant has a date in every time zone."""

Moment = Annotated[datetime, BeforeValidator(_rfc3339_text)]
"""A time with an offset, as text of RFC 3339. Instant is the same in a message, as a number."""

LONGEST_REASON = 64
"""The most characters of the reason of a reversal."""

Reason = Annotated[str, Field(strict=True, max_length=LONGEST_REASON, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
"""Why an action is reversed, in the app's own words, without control characters."""
