"""Order the documents that were found.

Documents with a better grade of match (`matching.py`) come first. The order of the documents of one grade depends on
what they are about. A query is broad if it finds a ride or a walk, something to recycle and a tree (``REQUIRED``), or
if no subject (an action type, or another kind) has two fifths or more of the documents. The documents of a broad query
and those of the front page are mixed (`mixing.py`). Others are ordered by:

1. the app that searches: documents that this app can show come first;
2. the season: documents of campaigns that begin today, then of campaigns that run today, then all others;
3. the place of the match: titles come first;
4. the kind: trees, actions, initiatives, campaigns;
5. the points that one unit of the action earns today, then the grams that it avoids: the most first;
6. the price of a tree: the lowest first; and the day on which a campaign begins: running campaigns, then the next;
7. whether the operator features it, and the campaign: documents without one come first;
8. the identifier.

Documents are numbered by rules 4 to 8, for a day without campaigns. A set of documents is an integer with one bit for
each document. So the best documents of a set are its lowest bits.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial, reduce
from heapq import merge
from itertools import chain, islice
from operator import or_
from typing import NamedTuple

from saxaul.catalog.entries import Campaign, Catalog
from saxaul.search.documents import Document, DocumentKind
from saxaul.search.ladders import Documents
from saxaul.search.matching import Find, Grade
from saxaul.search.mixing import REQUIRED, Candidate, Queue, mixed
from saxaul.search.postings import Postings
from saxaul.search.terms import Space

_MAX_SUBJECTS = 500
"""The most subjects that are mixed."""

_MOST_COMPARED = 200
"""The most partial matches of the same weight that are ordered by the places of their words."""

_SPECIFIC_SHARE = 0.4
"""A query is specific if one subject has at least this share of the documents of a grade."""

_PLACES = {Space.WHOLE_TITLE: 0, Space.TITLE: 0, Space.KEYWORD: 1}
_ELSEWHERE = 2
"""The ranks of the places where a word can match a document, in mixed results. Those of all words are added up."""

ORDER_OF_KINDS: Mapping[DocumentKind, int] = {"tree_project": 0, "action": 1, "initiative": 2, "campaign": 3}


_LABELS = _SUBJECT, _CATEGORY, _CAMPAIGN, _CAMPAIGN_ITSELF, _PROJECT, _EVERY_APP, _APP, _DONE_IN = (
    *("subject", "category", "campaign", "campaign-itself", "project", "every-app", "app", "done-in"),
)
"""The groups of labels of documents. A label is one of them, a colon and a name."""


class RankedSubject(NamedTuple):
    """What all documents of a subject (``Document.subject``) have in common.

    ``points`` and ``avoided_g`` are those of one unit, without campaigns; they are negative, because the most come
    first.
    """

    name: str
    kind: DocumentKind
    category: str
    points: Decimal
    avoided_g: Decimal


class Order(NamedTuple):
    """The order of the documents of a catalog, on a day without campaigns. A document is named by its number.

    Attributes:
        subjects: all subjects.
        subject_of: the place in ``subjects`` of the subject of each document.
        later: the rank of each document by the rules 6 to 8, among all documents.
        labelled: the documents of each label, such as ``app:alipay`` (``labels_of``).
    """

    subjects: Sequence[RankedSubject]
    subject_of: "array[int]"
    later: "array[int]"
    labelled: Postings


_Earning = tuple[int, Decimal, Decimal, int]
"""The sort key of a document for a day: its kind, points and grams, and its rank by the later rules."""


class Season(NamedTuple):
    """How the campaigns of a day change the order.

    Attributes:
        promoted: the documents of campaigns that begin today, and the documents of campaigns that run today. They
            include all actions whose points the campaign multiplies.
        multipliers: the multiplier of each subject that earns more points today.
        multiplied: the documents of these subjects, grouped by multiplier.
        ordinary: all other documents.
        campaigns: the numbers of the campaigns: the running ones first, then the next ones by the day on which they
            begin. Campaigns that are over are not included.
        over: the campaigns that are over.
    """

    promoted: tuple[Documents, ...]
    multipliers: Mapping[str, Decimal]
    multiplied: Mapping[Decimal, Documents]
    ordinary: Documents
    campaigns: Sequence[int]
    over: Documents


class Ranking:
    """The order of one catalog's documents."""

    def __init__(self, catalog: Catalog, order: Order) -> None:
        self._catalog = catalog
        self._subjects = order.subjects
        self._subject_of = order.subject_of
        self._later = order.later
        labelled: dict[str, dict[str, Documents]] = {group: {} for group in _LABELS}
        for label, documents in order.labelled.all().items():
            group, name = label.split(":", 1)
            labelled[group][name] = documents
        self._of_campaign = labelled[_CAMPAIGN]
        self._campaign_itself = labelled[_CAMPAIGN_ITSELF]
        self._of_app = labelled[_APP]
        self._done_in = labelled[_DONE_IN]
        self._of_subject = labelled[_SUBJECT]
        self._of_category = labelled[_CATEGORY]
        self._of_project = labelled[_PROJECT]
        self._in_every_app = labelled[_EVERY_APP].get("", 0)
        self._campaigns = reduce(or_, self._campaign_itself.values(), 0)
        self.everything = (1 << len(order.subject_of)) - 1
        self._season: tuple[date, Season] | None = None

    def documents_last(self, exhausted: Iterable[str], sold_out: Iterable[str]) -> Documents:
        """Return the documents that come after all others: those of some action types and of some tree projects."""
        subjects = (self._of_subject.get(action_type, 0) for action_type in exhausted)
        projects = (self._of_project.get(project_id, 0) for project_id in sold_out)
        return reduce(or_, (*subjects, *projects), 0)

    def best(
        self, grades: Iterable[Grade], app: str, today: date, limit: int, chosen: Documents
    ) -> list[tuple[int, Find]]:
        """Return the best ``limit`` documents among those in ``chosen``, each with the ``Find`` that has it.

        Only needed grades are computed.
        """
        known = self._season
        season = known[1] if known and known[0] == today else self._season_of(today)
        self._season = today, season
        of_app = self._of_app.get(app)
        linked = self.everything if of_app is None else of_app | self._in_every_app
        offer = _Offer(linked, self._done_in.get(app, 0))
        return list(islice(self._in_order(grades, season, offer, limit, chosen & ~season.over), limit))

    def _in_order(
        self, grades: Iterable[Grade], season: Season, offer: "_Offer", limit: int, chosen: Documents
    ) -> Iterator[tuple[int, Find]]:
        for grade in grades:
            matching = reduce(or_, (find.documents for find in grade))
            found = matching & chosen
            if not self._is_broad(grade, matching):
                yield from self._by_place(grade, found, season, offer.linked, limit)
            else:
                queues = self._queues(grade, found, season, offer)
                yield from ((candidate.number, candidate.find) for candidate in mixed(queues, limit))

    def _is_broad(self, grade: Grade, matching: Documents) -> bool:
        """Return whether the matches are of many kinds, so that no kind should fill the whole page."""
        if not any(find.ladders for find in grade):  # the front page
            return True
        if all(matching & self._of_category.get(category, 0) for category in REQUIRED):
            return True
        enough = matching.bit_count() * _SPECIFIC_SHARE
        return all((matching & of_subject).bit_count() < enough for of_subject in self._of_subject.values())

    def _by_place(
        self, grade: Grade, found: Documents, season: Season, linked: Documents, limit: int
    ) -> Iterator[tuple[int, Find]]:
        for one_class in _classes(found, season, _Offer(linked, 0)):
            for find in grade:
                numbers = self._most_earning(find.documents & one_class.documents, season)
                if find.of_ladders:  # which words matched where says more than what an action earns
                    numbers = iter(sorted(islice(numbers, _MOST_COMPARED), key=partial(_place_in, find)))
                yield from ((number, find) for number in islice(numbers, limit))

    def _queues(self, grade: Grade, found: Documents, season: Season, offer: "_Offer") -> list[Queue]:
        """Return the subjects of the documents found, with the subjects of the best documents first."""
        queues: list[Queue] = []
        for best_class in _classes(found, season, offer):
            left = best_class.documents & found
            while left and len(queues) < _MAX_SUBJECTS:
                best = self._subject(_lowest(left))
                of_subject = self._of_subject[best.name]
                candidates = self._candidates(grade, found & of_subject, season, offer, best_class)
                queues.append(Queue(best.category, candidates))
                left &= ~of_subject
                found &= ~of_subject
        return queues

    def _candidates(
        self, grade: Grade, of_subject: Documents, season: Season, offer: "_Offer", best_class: "_Class"
    ) -> Iterator[Candidate]:
        """Yield the documents of a subject, best first. Usually only the first one is needed.

        ``best_class`` is the best class of all documents that has some of these.
        """
        first = _Class(*best_class[:3], best_class.documents & of_subject)
        rest = _classes(of_subject & ~first.documents, season, offer)
        for not_linked, by_season, not_done_here, documents in chain([first], rest):
            for find in grade:
                for number in self._by_number(find.documents & documents, season):
                    subject = self._subject(number)
                    points = subject.points * season.multipliers.get(subject.name, 1)
                    matched_in = _place_in(find, number)
                    yield Candidate(
                        not_linked, by_season, matched_in, not_done_here, points, subject.avoided_g, number, find
                    )

    def _subject(self, number: int) -> RankedSubject:
        return self._subjects[self._subject_of[number]]

    def _most_earning(self, documents: Documents, season: Season) -> Iterator[int]:
        """Yield the documents by the rules 4 to 8."""
        if not season.multiplied:
            yield from self._by_number(documents, season)
            return
        others = documents & ~self._campaigns
        groups = [(Decimal(1), season.ordinary), *season.multiplied.items()]
        ordered = (self._by_earning(others & group, multiplier) for multiplier, group in groups)
        yield from (number for _, number in merge(*ordered))
        yield from self._by_number(documents & self._campaigns, season)

    def _by_earning(self, documents: Documents, multiplier: Decimal) -> Iterator[tuple[_Earning, int]]:
        """Yield the documents best first, each with its sort key for today. They all have the same multiplier."""
        for number in _lowest_first(documents):
            subject = self._subject(number)
            kind = ORDER_OF_KINDS[subject.kind]
            yield (kind, subject.points * multiplier, subject.avoided_g, self._later[number]), number

    def _by_number(self, documents: Documents, season: Season) -> Iterator[int]:
        """Yield the documents in the order of their numbers, but the campaigns in the order of the day."""
        yield from _lowest_first(documents & ~self._campaigns)
        if documents & self._campaigns:
            yield from (number for number in season.campaigns if documents >> number & 1)

    def _season_of(self, today: date) -> Season:
        campaigns = self._catalog.campaigns
        starting, running = 0, 0
        for identifier, documents in self._of_campaign.items():
            if campaigns[identifier].runs_on(today):
                running |= documents
                starting |= documents if campaigns[identifier].begins_on(today) else 0
        for campaign in campaigns.values():
            if campaign.multipliers and campaign.runs_on(today):
                multiplied_now = reduce(or_, (self._of_subject.get(name, 0) for name in campaign.multipliers))
                running |= multiplied_now
                starting |= multiplied_now if campaign.begins_on(today) else 0
        multipliers = {
            action_type: multiplier
            for action_type in self._catalog.action_types
            if (multiplier := self._catalog.best_multiplier(action_type, today)[0]) != 1
        }
        multiplied: dict[Decimal, Documents] = {}
        for subject, multiplier in multipliers.items():
            multiplied[multiplier] = multiplied.get(multiplier, 0) | self._of_subject.get(subject, 0)
        ordinary = self.everything
        for documents in multiplied.values():
            ordinary &= ~documents
        begins = {
            _lowest(itself): begins
            for identifier, itself in self._campaign_itself.items()
            if (begins := _begins(campaigns[identifier], today))
        }
        over = self._campaigns & ~set_of(begins)
        return Season(
            (starting, running),
            multipliers,
            multiplied,
            ordinary,
            sorted(begins, key=lambda number: (begins[number], number)),
            over,
        )


def _place_in(find: Find, number: int) -> int:
    """Return where the words of a query matched a document, as a rank: the lower, the better."""
    return sum([_PLACES.get(ladder.space_of(number), _ELSEWHERE) for ladder in find.ladders])


class _Offer(NamedTuple):
    """What an app offers: the documents that it can show, and those that people do in it."""

    linked: Documents
    done_here: Documents


class _Class(NamedTuple):
    """Documents that are equally good by app and season: the first fields of their candidates, and the documents."""

    not_linked: bool
    season: int
    not_done_here: bool
    documents: Documents


def _classes(found: Documents, season: Season, offer: _Offer) -> Iterator[_Class]:
    """Divide documents by app and season. Yield each class that is not empty, best first."""
    for not_linked, of_app in ((False, found & offer.linked), (True, found & ~offer.linked)):
        left = of_app
        for rank, of_season in enumerate((*season.promoted, of_app)):
            if not (in_season := left & of_season):
                continue
            if here := in_season & offer.done_here:
                yield _Class(not_linked, rank, False, here)
            if elsewhere := in_season & ~offer.done_here:
                yield _Class(not_linked, rank, True, elsewhere)
            left &= ~of_season


def _begins(campaign: Campaign, today: date) -> date | None:
    """Return the first day of the campaign's run: today for a run that includes today. None if the campaign is over."""
    return today if campaign.runs_on(today) else campaign.next_after(today)


def ranked(documents: Iterable[Document]) -> list[Document]:
    """Return the documents of a catalog in the order of their numbers."""
    return sorted(documents, key=lambda document: (*_earning(document), *_later(document)))


def _earning(document: Document) -> tuple[int, Decimal, Decimal]:
    return ORDER_OF_KINDS[document.kind], -document.points, -document.avoided_g


def _later(document: Document) -> tuple[int, bool, bool, str]:
    return document.price_points, not document.featured, document.campaign is not None, document.identifier


def order_of(documents: Sequence[Document], labelled: Postings) -> Order:
    """Return the order of the documents of a catalog, which are given by number."""
    of = {document.subject: document for document in documents}
    subjects = [
        RankedSubject(name, document.kind, document.category, -document.points, -document.avoided_g)
        for name, document in of.items()
    ]
    places = {subject: place for place, subject in enumerate(of)}
    ranks = {later: rank for rank, later in enumerate(sorted(set(map(_later, documents))))}
    return Order(
        subjects,
        array("I", [places[document.subject] for document in documents]),
        array("I", [ranks[_later(document)] for document in documents]),
        labelled,
    )


def labels_of(document: Document) -> Iterator[str]:
    """Yield the labels by which a ranking selects a document."""
    yield f"{_SUBJECT}:{document.subject}"
    yield f"{_CATEGORY}:{document.category}"
    if document.campaign:
        yield f"{_CAMPAIGN}:{document.campaign}"
    if document.kind == "campaign":
        yield f"{_CAMPAIGN_ITSELF}:{document.identifier}"
    if document.kind == "tree_project":
        yield f"{_PROJECT}:{document.identifier}"
    if document.links is None:
        yield f"{_EVERY_APP}:"
    yield from (f"{_APP}:{app}" for app in document.links or ())
    yield from (f"{_DONE_IN}:{app}" for app in document.done_in)


def set_of(numbers: Iterable[int]) -> Documents:
    """Return the set of documents with these numbers."""
    documents = 0
    for number in numbers:
        documents |= 1 << number
    return documents


def _lowest(documents: Documents) -> int:
    return (documents & -documents).bit_length() - 1


def _lowest_first(documents: Documents) -> Iterator[int]:
    while documents:
        lowest = documents & -documents
        yield lowest.bit_length() - 1
        documents ^= lowest
