"""Checks the condition that a write sets on the current version of what it writes."""

from saxaul.catalog.conditions import Condition
from saxaul.problems import PreconditionFailed


def check_condition(condition: Condition, version: int | None, noun: str) -> None:
    """Check a condition. ``version`` is the current one, or None if there is nothing yet. ``noun`` is for the detail.

    Raises:
        PreconditionFailed: the current version does not meet the condition.
    """
    if condition.is_stale(version):
        is_at = f"it is at version {version}); read the {noun} again." if version else "it does not exist)."
        weak = ' A weak ETag (W/"…") never matches in a write.' if condition.names_weak_tags else ""
        raise PreconditionFailed(
            "stale_version",
            f"If-Match does not name the current version of the {noun} ({is_at}{weak}",
        )
    if condition.excludes(version):
        raise PreconditionFailed(
            "already_there",
            f"The {noun} exists at version {version}, which If-None-Match excludes; use If-Match to replace it.",
        )
