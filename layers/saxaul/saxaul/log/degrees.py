"""How the log writes degrees of latitude and longitude."""

DEGREE_DECIMALS = 7
"""The number of decimals of a coordinate in degrees. One unit of the last decimal is about one centimetre."""


def degrees(value: float) -> str:
    """Return degrees as text with seven decimals, because programs may write the same fraction differently."""
    return f"{round(value, DEGREE_DECIMALS) + 0.0:.{DEGREE_DECIMALS}f}"
