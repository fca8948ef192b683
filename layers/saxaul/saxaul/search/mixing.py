"""Mix the results of a broad query, so that its first page has something of every kind.

The method is that of PM-2 (Dang and Croft, "Diversity by proportionality", SIGIR 2012) with equal votes for every
category: each place goes to the category with the fewest places so far, as in the Sainte-Laguë method of allocating
seats, and then to the best result of this category. These rules come first:

1. No subject (an action type, or another kind of document) comes twice before each has come once.
2. Results that the app can show come first, among them those of a running campaign, and among these those whose
   titles match, and then those with a keyword that matches.
3. The first ``MAX_LEADS`` results, at most ``MAX_LEADS_OF_A_CATEGORY`` of one category, are things that people do in
   the app that searches, if there are any.
4. The first ``FIRST_PLACES`` places have a result of each of the ``REQUIRED`` categories that the query found. They
   take the last of these places if rules 2 and 3 leave no other.

Campaigns and initiatives join after the first places, or when each other category has a place.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from heapq import heapify, heappop
from typing import NamedTuple

from saxaul.search.documents import CAMPAIGNS, INITIATIVES, TREE_PROJECTS
from saxaul.search.matching import Find

FIRST_PLACES = 5
MAX_LEADS, MAX_LEADS_OF_A_CATEGORY = 3, 2

REQUIRED = ("travel", "recycle", TREE_PROJECTS)
"""What the first places must have: a ride or a walk, something to recycle, and a tree to plant."""

_JOINING = (CAMPAIGNS, INITIATIVES)
"""The categories that join after the first places, or when each other category has a place."""
_CATEGORIES = {name: place for place, name in enumerate((*_JOINING, *REQUIRED, "reuse", "online", "drive"))}
"""The order of categories that have equally many places. Others come after these, the most points first."""


class Candidate(NamedTuple):
    """A result that may be shown next. Smaller is better.

    Attributes:
        not_linked: whether the app that searches cannot show it.
        season: 0 for a campaign that begins today, 1 for one that runs today, 2 for none.
        matched_in: where the words of the query matched: 0 for each in the title, 1 in a keyword, 2 elsewhere.
        not_done_here: whether people do it elsewhere than in the app.
        points, avoided_g: what one unit earns and avoids today, negative.
        number: the number of the document.
        find: the find that has it.
    """

    not_linked: bool
    season: int
    matched_in: int
    not_done_here: bool
    points: Decimal
    avoided_g: Decimal
    number: int
    find: Find


class Queue(NamedTuple):
    """The results of one subject in the order in which they are shown, and the subject's category."""

    category: str
    candidates: Iterator[Candidate]


def mixed(queues: Sequence[Queue], limit: int) -> Iterator[Candidate]:
    """Yield at most ``limit`` results, mixed."""
    places: defaultdict[str, int] = defaultdict(int)
    leads: defaultdict[str, int] = defaultdict(int)
    shown = 0
    while round_ := _next_round(queues):
        while round_:
            if shown == limit:
                return
            may_lead = sum(leads.values()) < MAX_LEADS
            category = min(
                _urgency(name, round_[name][0], places[name], may_lead and leads[name] < MAX_LEADS_OF_A_CATEGORY)
                for name in _urgent(round_, places, FIRST_PLACES - shown) or _eligible(round_, places, shown)
            )[-1]
            candidate = heappop(round_[category])
            if not round_[category]:
                del round_[category]
            places[category] += 1
            leads[category] += not candidate.not_done_here
            shown += 1
            yield candidate


_Round = dict[str, list[Candidate]]
"""The next result of each subject, as a heap for each category."""


def _next_round(queues: Sequence[Queue]) -> _Round:
    round_: _Round = {}
    for queue in queues:
        if candidate := next(queue.candidates, None):
            round_.setdefault(queue.category, []).append(candidate)
    for candidates in round_.values():
        heapify(candidates)
    return round_


def _urgent(round_: _Round, places: Mapping[str, int], left: int) -> list[str]:
    """Return the required categories without a place, if they need all places that are left of the first ones."""
    missing = [name for name in REQUIRED if name in round_ and not places[name]] if left > 0 else []
    return missing if left <= len(missing) else []


def _eligible(round_: _Round, places: Mapping[str, int], shown: int) -> Iterable[str]:
    """Return the categories that may get the next place."""
    others = [name for name in round_ if name not in _JOINING]
    must_wait = shown < FIRST_PLACES and any(not places[name] for name in others)
    return others if must_wait else round_


def _urgency(
    category: str, best: Candidate, places: int, may_lead: bool
) -> tuple[bool, int, int, bool, int, int, Decimal, str]:
    """Return the sort key of a category, which ends with its name. The smallest gets the next place.

    ``best`` is its best result, and ``places`` counts the places that it has.
    """
    return (
        best.not_linked,
        best.season,
        best.matched_in,
        best.not_done_here or not may_lead,
        places,
        _CATEGORIES.get(category, len(_CATEGORIES)),
        best.points,
        category,
    )
