"""Views: the JSON form of domain objects in responses of the API."""

from decimal import Decimal
from typing import Annotated, Any, NamedTuple

View = dict[str, Any]


class Shape(NamedTuple):
    """What the OpenAPI document says of the type of a field, beyond the type itself, in the words of JSON Schema.

    It annotates types of answers, and costs nothing when a request is answered.
    """

    format: str = ""
    pattern: str = ""
    minimum: int | None = None


Timestamp = Annotated[str, Shape(format="date-time")]
"""An instant in RFC 3339, with the offset of the programme's time zone."""
DayText = Annotated[str, Shape(format="date")]
"""A date of the programme's time zone, such as 2026-06-05."""
MonthText = Annotated[str, Shape(pattern="^[0-9]{4}-[0-9]{2}$")]
"""A year and a month, such as 2026-06."""
Link = Annotated[str, Shape(format="uri")]
"""A web address."""
NonNegative = Annotated[int, Shape(minimum=0)]
"""A number of things, or of points."""
Grams = Annotated[float, Shape()]
"""Grams of CO2e, with at most three decimals."""

_GRAMS = Decimal("0.001")


def grams(value: Decimal) -> float:
    """Round grams to three decimals for a response."""
    return float(value.quantize(_GRAMS))
