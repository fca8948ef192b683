"""Views: the JSON form of domain objects in responses of the API."""

from decimal import Decimal
from typing import Any

View = dict[str, Any]

_GRAMS = Decimal("0.001")


def grams(value: Decimal) -> float:
    """Round grams to three decimals for a response."""
    return float(value.quantize(_GRAMS))
