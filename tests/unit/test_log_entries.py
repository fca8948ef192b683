"""Log entries commit to their leaves, to the entry before them and to the counter; leaves commit to particulars."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saxaul.log.canonical_json import digest, encode
from saxaul.log.counts import Counts
from saxaul.log.degrees import degrees
from saxaul.log.entries import MAX_LEAVES, NO_PREVIOUS_HASH, Leaf, LogEntry, counts_after, evidence_of
from saxaul.log.merkle import root_of_path
from tests.builders import make_leaf, make_particulars


def make_entry(*leaves: Leaf, head: LogEntry | None = None) -> LogEntry:
    draft = LogEntry.draft(head, "Alxa SEE Foundation", leaves, signed_at="2026-06-20T18:30:00+08:00", key_id="k" * 64)
    return draft.signed(b"signature")


def test_the_first_entry_has_no_entry_before_it_and_the_second_commits_to_the_first() -> None:
    first = make_entry(make_leaf())
    second = make_entry(make_leaf(), make_leaf(), head=first)

    assert (first.sequence, first.previous) == (1, NO_PREVIOUS_HASH)
    assert (second.sequence, second.previous, second.size) == (2, digest(first.header_document()), 2)
    assert second.counts == Counts(planted=3, dead=0, standing=3)


def test_the_hash_of_an_entry_covers_its_signature() -> None:
    entry = make_entry(make_leaf())

    assert entry.hash != replace(entry, signature="00").hash
    assert entry.signed_bytes == replace(entry, signature="00").signed_bytes


def test_the_inclusion_path_of_each_leaf_leads_to_the_root() -> None:
    entry = make_entry(*(make_leaf() for _ in range(7)))

    for index, leaf in enumerate(entry.leaves):
        path = [bytes.fromhex(neighbour) for neighbour in entry.inclusion_path(index)]
        assert root_of_path(leaf.hash, index, entry.size, path).hex() == entry.root


def test_a_published_entry_is_read_back_unchanged() -> None:
    entry = make_entry(make_leaf(), make_leaf())

    assert LogEntry.from_document(entry.document()) == entry


@pytest.mark.parametrize("leaves", [0, MAX_LEAVES + 1])
def test_an_entry_has_one_to_five_hundred_leaves(leaves: int) -> None:
    with pytest.raises(ValueError, match="1 to 500"):
        make_entry(*[make_leaf()] * leaves)


LIVES = st.lists(st.sampled_from(["alive", "dead", "replaced"]), max_size=8)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(LIVES, max_size=6))
def test_trees_whose_last_event_is_not_dead_count_as_standing(lives: list[list[str]]) -> None:
    leaves = [
        make_leaf(str(tree), event, follows=follows)
        for tree, life in enumerate(lives)
        for follows, event in zip(["", "planted", *life], ["planted", *life], strict=False)
    ]

    counts = counts_after(Counts(), leaves)

    dead = sum(life[-1:] == ["dead"] for life in lives)
    assert counts == Counts(planted=len(lives), dead=dead, standing=len(lives) - dead)


def test_each_commitment_to_particulars_has_a_new_salt_and_hides_the_dedication() -> None:
    one, other = make_particulars("For Mei"), make_particulars("For Mei")

    assert one.commitment != other.commitment
    assert one.salt != other.salt
    assert "Mei" not in str(one.committed_fields())
    assert str(one.salt) not in str(one.committed_fields())


@pytest.mark.parametrize("changed", [{"latin": "Other"}, {"place": {"en": "a", "zh": "b"}}, {"partner": "Nobody"}])
def test_changed_particulars_have_another_commitment(changed: dict[str, object]) -> None:
    fixed = make_particulars()

    assert fixed._replace(**changed).commitment != fixed.commitment  # type: ignore[arg-type] # any field


def test_the_commitment_is_the_same_without_the_dedication_and_its_salt() -> None:
    fixed = make_particulars("For Mei")
    erased = fixed._replace(dedication=None, salt=None)

    assert erased.commitment == fixed.commitment


@pytest.mark.parametrize(
    ("value", "text"),
    [(38.851, "38.8510000"), (-0.00000001, "0.0000000"), (105.12345678, "105.1234568"), (-180.0, "-180.0000000")],
)
def test_degrees_have_seven_decimals(value: float, text: str) -> None:
    assert degrees(value) == text


def test_a_leaf_without_a_photo_has_no_evidence() -> None:
    assert evidence_of("") == ""
    assert len(evidence_of("https://trees.example/1.jpg")) == 64


def test_the_evidence_is_the_hash_of_the_link_exactly_as_it_is_written() -> None:
    expected = "c82f74123725376d7555534b4188f896ddd9c6bf11253b9108d5bee92d2ed7cd"

    assert evidence_of("https://Trees.example/AX-0001.JPG") == expected
    assert evidence_of("https://trees.example/ax-0001.jpg") != expected


def test_the_longest_header_fits_the_4096_bytes_that_kms_signs() -> None:
    entry = make_entry(make_leaf())
    longest = replace(entry, by="\x01" * 500, sequence=10**10, counts=Counts(10**12, 10**12, 10**12))

    assert len(encode(longest.header_document())) <= 4096
