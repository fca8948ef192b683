"""The JSON form of a search for one person."""

from collections.abc import Mapping
from typing import TypedDict

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Language
from saxaul.catalog.sentences import to_the_next_tree
from saxaul.http.suggestion_views import (
    ActionResultView,
    CampaignResultView,
    InitiativeResultView,
    ResultView,
    SearchView,
    TreeProjectResultView,
)
from saxaul.http.views import NonNegative, Timestamp
from saxaul.trees.next_tree import NextTree


class PersonalActionResultView(ActionResultView):
    """A thing to do, for one person."""

    pays_again_at: Timestamp | None
    """When the action earns points again, if the person used up a cap of its type; null if none is used up."""


PersonalResultView = PersonalActionResultView | TreeProjectResultView | CampaignResultView | InitiativeResultView
"""A result of a search for one person. Its ``kind`` says which."""


class NextTreeView(TypedDict):
    """A tree that a person can pay for, or almost."""

    project_id: str
    """The most expensive tree project that the person can pay for now; else the cheapest, if it is almost paid for."""
    price_points: NonNegative
    """The price of a tree of this project."""
    points_missing: NonNegative
    """How many points are missing; 0 if the person can pay. Only spendable points count."""
    text: str
    """The same as a sentence, in the language of the response."""


class PersonalSearchView(TypedDict):
    """The results of a search for one person, best first. What pays no more today comes last."""

    query: str
    """The query, as it was sent."""
    fallback: bool
    """Whether nothing matched the query, so that the results are the front page."""
    suggestions: list[PersonalResultView]
    """The results."""
    next_tree: NextTreeView | None
    """A tree that the person can pay for, or almost; null if there is none, or if ``personal`` is false."""
    personal: bool
    """Whether the state of the person could be read. If not, the results are those that are the same for everyone."""


def personal_view(
    shared: SearchView,
    exhausted: Mapping[str, int],
    next_tree: NextTree | None,
    calendar: Calendar,
    language: Language,
) -> PersonalSearchView:
    """Return a response of the search with what concerns one person.

    Args:
        shared: the response that is the same for every person.
        exhausted: the action types whose caps the person has used up, each with the instant when it pays again.
    """
    return {
        "query": shared["query"],
        "fallback": shared["fallback"],
        "suggestions": [_with_payment(result, exhausted, calendar) for result in shared["suggestions"]],
        "next_tree": _next_tree_view(next_tree, language) if next_tree else None,
        "personal": True,
    }


def impersonal_view(shared: SearchView, calendar: Calendar) -> PersonalSearchView:
    """Return a response of the search for a person of whom nothing could be read. It has the same fields."""
    return {
        "query": shared["query"],
        "fallback": shared["fallback"],
        "suggestions": [_with_payment(result, {}, calendar) for result in shared["suggestions"]],
        "next_tree": None,
        "personal": False,
    }


def _with_payment(result: ResultView, exhausted: Mapping[str, int], calendar: Calendar) -> PersonalResultView:
    if result["kind"] != "action":
        return result
    instant = exhausted.get(result["action_type"])
    return {**result, "pays_again_at": None if instant is None else calendar.rfc3339(instant)}


def _next_tree_view(tree: NextTree, language: Language) -> NextTreeView:
    return {
        "project_id": tree.project_id,
        "price_points": tree.price_points,
        "points_missing": tree.points_missing,
        "text": to_the_next_tree(tree.points_missing, language),
    }
