"""Leaves of the log as items: they are read back as they were written, in order, and are pending at first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.storage import leaves, table
from saxaul.storage.leaves import PENDING_LISTS, Leaves, StoredLeaf, leaf_key, pending_list
from saxaul.storage.table import TransactionRefusedError, transact
from saxaul.trees.leaf_refs import LeafRef
from tests.builders import NOON
from tests.integration.stack import Stack

CERTIFICATE = "7K3M-9QPD-2FHW-C"

all_leaves = st.builds(
    StoredLeaf,
    certificate=st.text("ABC-", min_size=1, max_size=16),
    number=st.integers(1, 999_999),
    text=st.text(max_size=50).map(str.encode),
    link=st.text(max_size=20),
    must_follow=st.frozensets(
        st.builds(LeafRef, st.text("ABC-#", min_size=1, max_size=16), st.integers(1, 999_999)), max_size=3
    ),
    position=st.none() | st.integers(0, 10**9),
)


def leaf_number(number: int, certificate: str = CERTIFICATE) -> StoredLeaf:
    return StoredLeaf(certificate, number, f'{{"number":{number}}}'.encode())


@given(leaf=all_leaves)
def test_a_leaf_is_read_back_unchanged(leaf: StoredLeaf) -> None:
    assert leaves.from_item(table.python(table.raw(leaves.to_item(leaf)))) == leaf


def test_the_leaves_of_a_certificate_are_read_in_the_order_of_their_numbers(stack: Stack) -> None:
    store = Leaves(stack.ledger)
    written = [leaf_number(number) for number in (1, 2, 9, 10, 11, 100)]
    transact([store.add_write(leaf, NOON) for leaf in reversed(written)])
    transact([store.add_write(leaf_number(3, certificate="another"), NOON)])

    assert store.of_certificate(CERTIFICATE) == written
    assert store.of_certificate("unknown") == []


def test_a_certificate_gets_one_leaf_of_each_number(stack: Stack) -> None:
    store = Leaves(stack.ledger)
    transact([store.add_write(leaf_number(1), NOON)])

    with pytest.raises(TransactionRefusedError):
        transact([store.add_write(leaf_number(1)._replace(text=b"{}"), NOON)])

    assert store.of_certificate(CERTIFICATE) == [leaf_number(1)]


def test_new_leaves_are_pending_in_the_order_in_which_they_were_recorded(stack: Stack) -> None:
    store = Leaves(stack.ledger)
    transact([store.add_write(leaf_number(number), NOON + 10 - number) for number in (1, 2, 3)])

    [pending] = [
        found for number in range(PENDING_LISTS) if (found := [*stack.ledger.listed(pending_list(number), limit=9)])
    ]

    assert [(item["pk"], item["sk"]) for item in pending] == [leaf_key(leaf_number(number).ref) for number in (3, 2, 1)]
