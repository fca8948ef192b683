"""Order the suggestions that were found.

Suggestions with a better grade of match (`matching.py`) come first. Suggestions of one grade are ordered by:

1. the season: suggestions of campaigns that begin today, then of campaigns that run today, then all others;
2. the app that searches: suggestions with a link into this app come first;
3. the place of the match: titles come first;
4. the points that one unit of the action earns today, then the grams that it avoids: the most first;
5. the campaign: suggestions without one come first;
6. the identifier.

Suggestions are numbered by rules 4 to 6, for a day without campaigns; a numbered suggestion is called a document. A set
of documents is an integer with one bit for each document. So the best documents of a set are its lowest bits.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from heapq import merge
from itertools import islice
from typing import NamedTuple

from saxaul.catalog.entries import Catalog, Suggestion
from saxaul.search.ladders import Documents
from saxaul.search.matching import Find, Grade

_Earning = tuple[Decimal, Decimal, bool, str]
"""The sort key of a document: negative points, negative grams, whether it has a campaign, and its identifier."""


class Season(NamedTuple):
    """How the campaigns of a day change the order.

    Attributes:
        promoted: the documents of campaigns that begin today, and the documents of campaigns that run today.
        multiplied: the documents that earn more points today, grouped by multiplier.
        ordinary: all other documents.
    """

    promoted: tuple[Documents, ...]
    multiplied: Mapping[Decimal, Documents]
    ordinary: Documents


class Ranking:
    """The order of one catalog's suggestions."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        earnings = {
            identifier: _earning(catalog, identifier, suggestion)
            for identifier, suggestion in catalog.suggestions.items()
        }
        self.identifiers = sorted(earnings, key=earnings.__getitem__)
        self._earnings = [earnings[identifier] for identifier in self.identifiers]
        suggestions = [catalog.suggestions[identifier] for identifier in self.identifiers]
        self._of_campaign = _sets(
            (suggestion.campaign, number) for number, suggestion in enumerate(suggestions) if suggestion.campaign
        )
        self._of_action_type = _sets((suggestion.action_type, number) for number, suggestion in enumerate(suggestions))
        self._of_app = _sets((app, number) for number, suggestion in enumerate(suggestions) for app in suggestion.links)
        self.everything = (1 << len(suggestions)) - 1
        self._seasons: dict[date, Season] = {}

    def best(self, grades: Iterable[Grade], app: str, today: date, limit: int) -> list[tuple[int, Find]]:
        """Return the best ``limit`` documents, each with the ``Find`` that has it. Only needed grades are computed."""
        if (season := self._seasons.get(today)) is None:
            season = self._season_of(today)
            self._seasons = {today: season}
        linked = self._of_app.get(app, 0)
        return list(islice(self._in_order(grades, season, linked, limit), limit))

    def _in_order(
        self, grades: Iterable[Grade], season: Season, linked: Documents, limit: int
    ) -> Iterator[tuple[int, Find]]:
        for grade in grades:
            left = self.everything
            for by_season in (*season.promoted, self.everything):
                for by_app in (linked, self.everything):
                    chosen = by_season & by_app & left
                    left &= ~chosen
                    for find in grade:
                        for document in islice(self._most_earning(find.documents & chosen, season), limit):
                            yield document, find

    def _most_earning(self, documents: Documents, season: Season) -> Iterator[int]:
        if not documents:
            return iter(())
        if not season.multiplied:
            return _lowest_first(documents)
        groups = [(Decimal(1), season.ordinary), *season.multiplied.items()]
        ordered = (self._by_earning(documents & group, multiplier) for multiplier, group in groups)
        return (document for _, document in merge(*ordered))

    def _by_earning(self, documents: Documents, multiplier: Decimal) -> Iterator[tuple[_Earning, int]]:
        """Yield the documents best first, each with its sort key for today. They all have the same multiplier."""
        for document in _lowest_first(documents):
            points, avoided_g, of_campaign, identifier = self._earnings[document]
            yield (points * multiplier, avoided_g, of_campaign, identifier), document

    def _season_of(self, today: date) -> Season:
        campaigns = self._catalog.campaigns
        starting, running = 0, 0
        for identifier, documents in self._of_campaign.items():
            if campaigns[identifier].runs_on(today):
                running |= documents
                starting |= documents if campaigns[identifier].begins_on(today) else 0
        multiplied: dict[Decimal, Documents] = {}
        for action_type, documents in self._of_action_type.items():
            multiplier, _ = self._catalog.best_multiplier(action_type, today)
            if multiplier != 1:
                multiplied[multiplier] = multiplied.get(multiplier, 0) | documents
        ordinary = self.everything
        for documents in multiplied.values():
            ordinary &= ~documents
        return Season((starting, running), multiplied, ordinary)


def _earning(catalog: Catalog, identifier: str, suggestion: Suggestion) -> _Earning:
    action_type = catalog.action_types[suggestion.action_type]
    points = action_type.points.value if action_type.points else Decimal(0)
    return -points, -action_type.avoided_g.value, suggestion.campaign is not None, identifier


def _sets(members: Iterable[tuple[str, int]]) -> dict[str, Documents]:
    sets: dict[str, bytearray] = {}
    for name, document in members:
        bits = sets.setdefault(name, bytearray())
        bits.extend(bytes(document // 8 + 1 - len(bits)))
        bits[document >> 3] |= 1 << (document & 7)
    return {name: int.from_bytes(bits, "little") for name, bits in sets.items()}


def _lowest_first(documents: Documents) -> Iterator[int]:
    while documents:
        lowest = documents & -documents
        yield lowest.bit_length() - 1
        documents ^= lowest
