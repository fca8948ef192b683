"""Suggestions: what to do, found by the beginning of any word, in English and Chinese.

The index is a sorted list of words, each with the suggestion it leads to; a prefix is one bisection.
Chinese is written without spaces, so a run of hanzi is found from each of its characters on.
"""

import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import NamedTuple

from saxaul.catalog import Campaign, Catalogue, Suggestion

_AFTER_ANY = "\U0010ffff"


class Found(NamedTuple):
    """A suggestion with its identifier."""

    identifier: str
    suggestion: Suggestion


@dataclass(frozen=True)
class Answer:
    """Suggestions for a query, best first. ``fallback`` says that nothing matched and these are the season's."""

    found: tuple[Found, ...]
    fallback: bool


class SuggestionIndex:
    """Finds the suggestions of one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        words = {
            (word, identifier)
            for identifier, suggestion in catalogue.suggestions.items()
            for text in _searchable(suggestion, catalogue.campaigns.get(suggestion.campaign or ""))
            for word in words_of(text)
        }
        self._words = sorted(words)

    def search(self, query: str, app: str, today: date, limit: int) -> Answer:
        """Suggestions that hold a word beginning with each word of the query; the season's where there are none."""
        wanted = query_words(query)
        if not wanted:
            return Answer(self._ranked(self._catalogue.suggestions, app, today, limit), fallback=False)
        matches = reduce(set.intersection, map(self._beginning_with, wanted))
        if not matches:
            return Answer(self._ranked(self._catalogue.suggestions, app, today, limit), fallback=True)
        return Answer(self._ranked(matches, app, today, limit), fallback=False)

    def _beginning_with(self, prefix: str) -> set[str]:
        first = bisect_left(self._words, (prefix, ""))
        last = bisect_left(self._words, (prefix + _AFTER_ANY, ""))
        return {identifier for _, identifier in self._words[first:last]}

    def _ranked(self, identifiers: Iterable[str], app: str, today: date, limit: int) -> tuple[Found, ...]:
        """What a campaign of today asks for first, then what this app can do, then what earns most."""
        running = {key for key, campaign in self._catalogue.campaigns.items() if campaign.runs_on(today)}

        def rank(identifier: str) -> tuple[bool, bool, float, str]:
            suggestion = self._catalogue.suggestions[identifier]
            reward = self._catalogue.action_types[suggestion.action_type].points
            points = float(reward.value) if reward else 0.0
            return suggestion.campaign not in running, app not in suggestion.links, -points, identifier

        best = sorted(identifiers, key=rank)[:limit]
        return tuple(Found(identifier, self._catalogue.suggestions[identifier]) for identifier in best)


def _searchable(suggestion: Suggestion, campaign: Campaign | None) -> Iterator[str]:
    yield from (suggestion.titles.en, suggestion.titles.zh, *suggestion.keywords)
    if campaign:
        yield from (campaign.names.en, campaign.names.zh, *campaign.keywords)


def query_words(text: str) -> list[str]:
    """The words of a text in lower case, in their usual width, without punctuation."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character if character.isalnum() else " " for character in folded).split()


def words_of(text: str) -> Iterator[str]:
    """The words that a text is found by; a word with hanzi also from each of them on."""
    for word in query_words(text):
        yield word
        yield from (word[start:] for start in range(1, len(word)) if _is_hanzi(word[start]))


def _is_hanzi(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"
