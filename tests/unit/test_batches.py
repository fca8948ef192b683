"""Where the accepted items are, and what is known of a batch that waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.ledger.batches import LATE_SECONDS, BatchState, BatchSums, faults_of, missing_parts, state_of
from saxaul.ledger.receipts import ABSENT, FATES
from tests.builders import make_receipt_part

OUTCOMES = st.text(st.sampled_from([*FATES, ABSENT]), min_size=1, max_size=40)


@given(st.lists(st.tuples(OUTCOMES, st.booleans())))
def test_accepted_is_the_sum_of_what_is_posted_waiting_dead_and_dropped(parts: list[tuple[str, bool]]) -> None:
    sums = BatchSums()
    for outcomes, is_dead in parts:
        sums.add(make_receipt_part(outcomes), is_dead=is_dead)

    assert sums.accepted == sums.posted + sums.waiting + sums.dead + sums.dropped
    assert sums.accepted == sum(len(outcomes.replace(ABSENT, "")) for outcomes, _ in parts)


def test_each_outcome_of_posting_counts_as_posted_whether_it_earns_or_not() -> None:
    sums = BatchSums()

    sums.add(make_receipt_part("puqfsUQteixnrcvklm--"))
    sums.add(make_receipt_part("wwd"))
    sums.add(make_receipt_part("pwwwd"), is_dead=True)

    assert sums == BatchSums(accepted=26, posted=19, waiting=2, dead=3, dropped=2)


@pytest.mark.parametrize(
    ("age", "is_dead", "is_nowhere", "state"),
    [
        (0, False, False, "waiting"),
        (LATE_SECONDS, False, True, "waiting"),
        (LATE_SECONDS + 1, False, False, "late"),
        (LATE_SECONDS + 1, False, True, "lost"),
        (1, True, False, "dead"),
        (LATE_SECONDS + 1, True, True, "dead"),
    ],
)
def test_the_state_of_a_batch_follows_from_its_age_and_from_where_its_message_is(
    age: int, is_dead: bool, is_nowhere: bool, state: BatchState
) -> None:
    assert state_of(age, is_dead=is_dead, is_nowhere=is_nowhere) == state


def test_the_parts_of_a_receipt_name_the_same_call_and_claim_no_place_twice() -> None:
    first = make_receipt_part("p--w", parts=2)

    assert faults_of([]) == []
    assert faults_of([first, make_receipt_part("-ww-", part=1, parts=2)]) == []
    assert faults_of([first, make_receipt_part("--pr", part=1, parts=2)]) == ["place 3 is in two parts"]
    assert faults_of([first, make_receipt_part("-r", part=1, parts=2)]) == [
        "the parts have different numbers of places"
    ]
    assert faults_of([first, make_receipt_part("-r--", part=1, parts=3)]) == ["the parts name different calls"]
    assert faults_of([make_receipt_part("pz!z")]) == ["part 0 has outcomes that have no meaning: !z"]


def test_a_part_that_is_not_stored_is_missing() -> None:
    assert missing_parts([make_receipt_part("p")]) == []
    assert missing_parts([make_receipt_part("p", part=1, parts=3)]) == [0, 2]
