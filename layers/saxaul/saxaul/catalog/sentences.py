"""Sentences with numbers that the API writes, with the right plural forms.

English has two forms (``one`` and ``other`` in the plural rules of CLDR), and Chinese has one.
"""

from saxaul.catalog.entries import Language


def counted(number: int, noun: str) -> str:
    """Return a number with an English noun, such as ``1 point``, ``12 points`` or ``0 points``."""
    return f"{number} {noun}" if abs(number) == 1 else f"{number} {noun}s"


def to_the_next_tree(points_missing: int, language: Language) -> str:
    """Return how many points a person needs for the next tree; 0 means that the points suffice."""
    if points_missing == 0:
        return "You have enough points for a tree" if language == "en" else "你的积分够换一棵树了"
    if language == "en":
        return f"{counted(points_missing, 'point')} to your next tree"
    return f"再攒 {points_missing} 积分就能换一棵树"
