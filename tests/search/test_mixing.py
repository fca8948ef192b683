"""The results of a broad query are mixed: no type twice before each has come once, and something for everyone."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from saxaul.search.documents import CAMPAIGNS, INITIATIVES, TREE_PROJECTS
from saxaul.search.matching import Find
from saxaul.search.mixing import FIRST_PLACES, REQUIRED, Candidate, Queue, mixed

NOTHING = Find(0, ())


def candidate(number: int, points: int = 1, *, season: int = 2, done_here: bool = False) -> Candidate:
    return Candidate(False, season, 0, not done_here, Decimal(-points), Decimal(0), number, NOTHING)


def categories(queues: Sequence[tuple[str, Sequence[Candidate]]], limit: int = 50) -> list[str]:
    of_number = {found.number: category for category, candidates in queues for found in candidates}
    return [of_number[found.number] for found in mixed([Queue(name, iter(found)) for name, found in queues], limit)]


def queue(category: str, *candidates: Candidate) -> tuple[str, Sequence[Candidate]]:
    return category, candidates


def test_each_category_gets_a_place_before_any_gets_a_second_one() -> None:
    found = categories(
        [
            queue("travel", candidate(1, 900)),
            queue("travel", candidate(2, 800)),
            queue("recycle", candidate(3, 2)),
            queue("reuse", candidate(4, 1)),
        ]
    )

    assert found == ["travel", "recycle", "reuse", "travel"]


def test_a_subject_comes_twice_only_after_each_has_come_once() -> None:
    queues = [
        Queue("recycle", iter([candidate(1, 9), candidate(2, 9)])),
        Queue("recycle", iter([candidate(3, 1)])),
        Queue("travel", iter([candidate(4, 1), candidate(5, 1)])),
    ]

    assert [found.number for found in mixed(queues, 10)] == [4, 1, 3, 5, 2]


def test_what_people_do_in_the_app_leads_with_three_places_and_at_most_two_of_a_category() -> None:
    here = [candidate(number, number, done_here=True) for number in range(4)]
    found = categories(
        [
            queue("reuse", here[0]),
            queue("reuse", here[1]),
            queue("reuse", here[2]),
            queue("online", here[3]),
            queue("travel", candidate(9)),
            queue("recycle", candidate(10)),
        ]
    )

    assert found == ["reuse", "online", "reuse", "travel", "recycle", "reuse"]


def test_a_running_campaign_comes_first_and_still_leaves_places_for_what_is_required() -> None:
    running = [
        queue(name, candidate(place, season=0)) for place, name in enumerate(["online", "reuse", "drive", "x", "y"])
    ]
    required = [queue(name, candidate(10 + place)) for place, name in enumerate(REQUIRED)]

    assert categories([*running, *required]) == ["reuse", "online", *REQUIRED, "drive", "x", "y"]


def test_campaigns_and_initiatives_join_after_the_first_round() -> None:
    names = [INITIATIVES, CAMPAIGNS, "travel", "travel", TREE_PROJECTS, "recycle"]

    assert categories([queue(name, candidate(number)) for number, name in enumerate(names)]) == [
        "travel",
        "recycle",
        TREE_PROJECTS,
        CAMPAIGNS,
        INITIATIVES,
        "travel",
    ]


_CANDIDATES = st.builds(
    lambda points, season, here: candidate(0, points, season=season, done_here=here),
    st.integers(0, 5),
    st.integers(0, 2),
    st.booleans(),
)
_QUEUES = st.lists(
    st.tuples(
        st.sampled_from(["travel", "recycle", TREE_PROJECTS, "reuse", "online", CAMPAIGNS, INITIATIVES, "other"]),
        st.lists(_CANDIDATES, min_size=1, max_size=4),
    ),
    max_size=12,
)


@given(_QUEUES, st.integers(1, 50))
def test_whatever_is_mixed_keeps_the_rules(found: list[tuple[str, list[Candidate]]], limit: int) -> None:
    numbers: Iterator[int] = iter(range(1000))
    queues = [
        (name, sorted(found._replace(number=next(numbers)) for found in candidates)) for name, candidates in found
    ]
    subject_of = {candidate.number: place for place, (_, of_subject) in enumerate(queues) for candidate in of_subject}

    shown = list(mixed([Queue(name, iter(candidates)) for name, candidates in queues], limit))

    total = sum(len(candidates) for _, candidates in queues)
    assert len(shown) == len({candidate.number for candidate in shown}) == min(limit, total)
    subjects = [subject_of[candidate.number] for candidate in shown]
    times = [subjects[:place].count(subject) for place, subject in enumerate(subjects)]
    assert times == sorted(times), "no subject comes again before each has come as often"
    for place, (_, of_subject) in enumerate(queues):
        assert [found for found in shown if subject_of[found.number] == place] == of_subject[: subjects.count(place)]
    first = {queues[subject][0] for subject in subjects[:FIRST_PLACES]}
    if limit >= FIRST_PLACES:
        assert {name for name, _ in queues} & set(REQUIRED) <= first


def test_groups_of_the_same_season_follow_each_other_in_the_first_round() -> None:
    queues = [queue(f"c{number}", candidate(number, season=number % 3)) for number in range(9)]
    seasons = {f"c{number}": number % 3 for number in range(9)}

    assert [season for season, _ in groupby(seasons[name] for name in categories(queues))] == [0, 1, 2]
