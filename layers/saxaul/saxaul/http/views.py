"""Views: the JSON form of domain objects in responses of the API."""

from decimal import Decimal
from typing import Annotated, Any, TypedDict

from saxaul.catalog.models import Described

View = dict[str, Any]

Timestamp = Annotated[str, Described({"format": "date-time"})]
"""An instant in RFC 3339, with the offset of the programme's time zone."""
DayText = Annotated[str, Described({"format": "date"})]
"""A date of the programme's time zone, such as 2026-06-05."""
MonthText = Annotated[str, Described({"pattern": "^[0-9]{4}-[0-9]{2}$"})]
"""A year and a month, such as 2026-06."""
Link = Annotated[str, Described({"format": "uri"})]
"""A web address."""
NonNegative = Annotated[int, Described({"minimum": 0})]
"""A number of things, or of points."""
Grams = float
"""Grams of CO2e, with at most three decimals."""


def known(*values: str) -> Described:
    """Return what the document says of a text that has one of these values today. A later version may add values."""
    return Described({"x-extensible-enum": [*map(str, values)]})


class TextView(TypedDict):
    """A text in both languages."""

    en: str
    """The text in English."""
    zh: str
    """The text in Chinese."""


_GRAMS = Decimal("0.001")


def grams(value: Decimal) -> float:
    """Round grams to three decimals for a response."""
    return float(value.quantize(_GRAMS))
