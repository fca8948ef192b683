"""Erasures as items: marks are found by the person, receipts name nobody, and their numbers are exact."""

import pytest

from operations.ledger_reading import scan
from saxaul.people.erasures import ErasureMark, ErasureReceipt
from saxaul.storage.erasures import Erasures
from saxaul.storage.table import TransactionRefusedError, transact
from tests.builders import NOON
from tests.builders import USER as OWNER
from tests.integration.stack import Stack

USER = OWNER.id


@pytest.fixture
def erasures(stack: Stack) -> Erasures:
    return Erasures(stack.ledger)


def begin(erasures: Erasures, erasure_id: str = "e1") -> ErasureMark:
    mark = ErasureMark(erasures.name_of(USER), erasure_id, NOON, USER)
    erasures.begin(mark, ErasureReceipt(erasure_id, NOON, "console", "ticket 4711"))
    return mark._replace(version=1)


def test_an_erasure_is_found_by_its_person_and_by_its_id(erasures: Erasures) -> None:
    mark = begin(erasures)

    assert erasures.find(USER) == mark
    assert erasures.find_many([USER, "another"]) == {USER: mark}
    assert erasures.receipt("e1") == ErasureReceipt("e1", NOON, "console", "ticket 4711")
    assert list(erasures.unfinished(10)) == [mark.name]


def test_a_person_without_an_erasure_has_no_mark(erasures: Erasures) -> None:
    assert erasures.find(USER) is None
    assert erasures.receipt("e1") is None


def test_each_process_gives_a_person_the_same_name(stack: Stack) -> None:
    assert Erasures(stack.ledger).name_of(USER) == Erasures(stack.ledger).name_of(USER)
    assert USER not in Erasures(stack.ledger).name_of(USER)


def test_only_one_of_two_erasures_begins(erasures: Erasures) -> None:
    begin(erasures)

    with pytest.raises(TransactionRefusedError):
        begin(erasures, "e2")
    assert erasures.receipt("e2") is None


def test_a_receipt_adds_up_what_was_erased(erasures: Erasures) -> None:
    begin(erasures)

    transact([erasures.count_write("e1", {"period": 2, "wallet": 1})])
    transact([erasures.count_write("e1", {"period": 3})])

    receipt = erasures.receipt("e1")
    assert receipt is not None
    assert receipt.erased == {"period": 5, "wallet": 1}


def test_a_finished_erasure_names_nobody_and_is_on_no_list(stack: Stack, erasures: Erasures) -> None:
    erasures.finish(begin(erasures), NOON + 90)

    mark, receipt = erasures.find(USER), erasures.receipt("e1")
    assert mark is not None
    assert (mark.user_id, mark.is_finished, mark.finished_at) == ("", True, NOON + 90)
    assert receipt is not None
    assert (receipt.state, receipt.finished_at) == ("erased", NOON + 90)
    assert list(erasures.unfinished(10)) == []
    assert all(USER not in str(item) for item in scan(stack.ledger))
    with pytest.raises(TransactionRefusedError):
        transact([erasures.count_write("e1", {"period": 1})])


def test_what_was_accepted_until_the_request_is_dropped_and_the_rest_waits_until_the_end(erasures: Erasures) -> None:
    mark = begin(erasures)

    assert [mark.drops(at) for at in (NOON - 1, NOON, NOON + 1)] == [True, True, False]
    assert [mark.defers(at, NOON + 3600) for at in (NOON - 1, NOON, NOON + 1)] == [False, False, True]
    finished = mark._replace(user_id="", finished_at=NOON + 90)
    assert [finished.defers(NOON + 1, NOON + 90 + later) for later in (0, 10, 11)] == [True, True, False]
    assert [finished.drops(at) for at in (NOON, NOON + 1)] == [True, False]


def test_what_changed_before_the_end_of_an_erasure_was_of_the_erased_person(erasures: Erasures) -> None:
    mark = begin(erasures)
    finished = mark._replace(user_id="", finished_at=NOON + 90)

    assert mark.is_of_erased(NOON + 3600)
    assert [finished.is_of_erased(NOON + 90 + later) for later in (-1, 0, 5, 6)] == [True, True, True, False]


def test_as_long_as_nobody_was_erased_no_mark_is_read_and_no_key_is_made(stack: Stack, erasures: Erasures) -> None:
    assert erasures.find_many(["u-1", "u-2"]) == {}

    assert list(scan(stack.ledger)) == []
