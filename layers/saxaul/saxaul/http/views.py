"""Views: the JSON form of domain objects in responses of the API."""

from decimal import Decimal
from typing import Any

View = dict[str, Any]

Timestamp = str
"""A time in RFC 3339, with the offset of the programme's time zone."""

DayText = str
"""A day in the programme's time zone, such as ``2026-06-05``."""

Points = int
Grams = float
"""Grams of CO2e."""

_GRAMS = Decimal("0.001")


def grams(value: Decimal) -> float:
    """Round grams to three decimals for a response."""
    return float(value.quantize(_GRAMS))
