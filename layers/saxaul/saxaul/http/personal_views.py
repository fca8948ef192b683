"""The JSON form of a search for one person."""

from collections.abc import Mapping
from typing import Any

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Language
from saxaul.catalog.sentences import to_the_next_tree
from saxaul.http.views import View
from saxaul.trees.next_tree import NextTree


def personal_view(
    shared: Mapping[str, Any],
    exhausted: Mapping[str, int],
    next_tree: NextTree | None,
    calendar: Calendar,
    language: Language,
) -> View:
    """Return a response of the search with what concerns one person.

    Args:
        shared: the response that is the same for every person.
        exhausted: the action types whose caps the person has used up, each with the instant when it pays again.
    """
    results = [_with_payment(result, exhausted, calendar) for result in shared["suggestions"]]
    return {
        **shared,
        "suggestions": results,
        "next_tree": _next_tree_view(next_tree, language) if next_tree else None,
        "personal": True,
    }


def impersonal_view(shared: Mapping[str, Any]) -> View:
    """Return a response of the search for a person of whom nothing could be read. It has the same fields."""
    results = [result | {"pays_again_at": None} if _is_action(result) else result for result in shared["suggestions"]]
    return {**shared, "suggestions": results, "next_tree": None, "personal": False}


def _with_payment(result: View, exhausted: Mapping[str, int], calendar: Calendar) -> View:
    if not _is_action(result):
        return result
    instant = exhausted.get(result["action_type"])
    return result | {"pays_again_at": None if instant is None else calendar.rfc3339(instant)}


def _is_action(result: View) -> bool:
    return bool(result["kind"] == "action")


def _next_tree_view(tree: NextTree, language: Language) -> View:
    return {
        "tree_project": tree.project_id,
        "price_points": tree.price_points,
        "points_missing": tree.points_missing,
        "text": to_the_next_tree(tree.points_missing, language),
    }
