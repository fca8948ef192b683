"""Leaves of the log: one spelling for each, and keys that say when two trees are the same tree."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.log.canonical_json import encode
from saxaul.log.counts import Counts
from saxaul.log.degrees import degrees
from saxaul.log.leaves import MAX_LEAF, CountLeaf, TreeLeaf, parse, place_key, tag_key
from saxaul.log.merkle import leaf_hash
from saxaul.log.verdicts import RefusedError
from tests.tree_leaves import make_count_leaf, make_tree_leaf


def test_a_leaf_is_the_canonical_json_of_its_members_and_its_type() -> None:
    leaf = make_tree_leaf()

    assert json.loads(leaf.text) == {"type": "tree", **leaf._asdict()}
    assert leaf.text == encode(leaf.document())
    assert leaf.hash == leaf_hash(leaf.text)


@pytest.mark.parametrize("event", ["planted", "dead", "replaced", "corrected", "dedication_erased"])
def test_every_event_but_an_inspection_is_in_the_chain(event: str) -> None:
    assert make_tree_leaf(event).is_in_chain
    assert not make_tree_leaf("alive").is_in_chain


@pytest.mark.parametrize(
    "leaf",
    [
        *map(make_tree_leaf, ["planted", "alive", "dead", "replaced", "corrected", "dedication_erased"]),
        make_count_leaf(Counts(3, 1, 2), 7),
    ],
)
def test_a_leaf_is_read_back_unchanged(leaf: TreeLeaf | CountLeaf) -> None:
    assert parse(leaf.text) == leaf


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"certificate": ""}, "certificate"),
        ({"project_id": ""}, "project_id"),
        ({"by": ""}, "by"),
        ({"by": 1}, "by"),
        ({"event": "felled"}, "unknown event"),
        ({"event": ["planted"]}, "event"),
        ({"state": "corrected"}, "unknown event or state"),
        ({"state": "dead"}, "state after"),
        ({"occurred_at": "2026-06-20"}, "occurred_at"),
        ({"recorded_at": "2026-06-20T10:00:00"}, "recorded_at"),
        ({"planted_at": "2026-06-31T10:00:00Z"}, "planted_at"),
        ({"tag": " \u3000"}, "tag"),
        ({"lat": "90.0000001"}, "lat"),
        ({"lat": "-0.0000000"}, "lat"),
        ({"lat": 38.5}, "lat"),
        ({"lon": "105.67"}, "lon"),
        ({"photo": "A" * 64}, "photo"),
        ({"link": "https://trees.example/1.jpg"}, "link"),
        ({"particulars": ""}, "particulars"),
        ({"previous": "0" * 64}, "wrong leaf before"),
        ({"since": 1}, "wrong leaf before"),
        ({"since": True}, "since"),
        ({"since": -1}, "since"),
        ({"since": "0"}, "since"),
    ],
)
def test_a_leaf_with_a_malformed_member_is_refused(changed: dict[str, object], reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        parse(encode(make_tree_leaf().document() | changed))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"planted": 1.5}, "planted"),
        ({"dead": True}, "dead"),
        ({"standing": 9}, "add up"),
        ({"size": -1}, "size"),
        ({"size": None}, "size"),
        ({"counted_at": 5}, "counted_at"),
    ],
)
def test_a_count_with_a_malformed_member_is_refused(changed: dict[str, object], reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        parse(encode(make_count_leaf(Counts(3, 1, 2), 7).document() | changed))


@pytest.mark.parametrize("name", ["type", *TreeLeaf._fields])
def test_every_member_must_be_there(name: str) -> None:
    document = make_tree_leaf().document()
    del document[name]

    with pytest.raises(RefusedError):
        parse(encode(document))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"type":["tree"]}',
        b'{"type":"entry"}',
        b"[" * 60_000,
        b'{"since":NaN}',
        b"9" * 60_000,
        b"\xff\xfe",
        b" " + make_tree_leaf().text,
        make_tree_leaf().text + b"\n",
        make_tree_leaf().text.replace(b'"since":0', b'"since":0,"since":0'),
        make_tree_leaf().text.decode().encode("utf-16"),
        encode(make_tree_leaf().document() | {"more": ""}),
    ],
)
def test_a_text_of_another_form_is_refused(text: bytes) -> None:
    with pytest.raises(RefusedError):
        parse(text)


def test_a_leaf_fits_the_length_of_an_entry_in_a_bundle() -> None:
    leaf = make_tree_leaf()
    longest = leaf._replace(tag=leaf.tag + "x" * (MAX_LEAF - len(leaf.text)))

    assert parse(longest.text) == longest
    with pytest.raises(RefusedError, match="more than 65535"):
        parse(longest._replace(tag=longest.tag + "x").text)


def test_only_an_erasure_may_have_no_organisation() -> None:
    assert parse(make_tree_leaf("dedication_erased", by="").text)


@pytest.mark.parametrize("tag", ["AX-0001", "ax-0001", " AX-0001 ", "\uff21\uff38\uff0d0001"])
def test_spellings_of_one_tag_have_one_key(tag: str) -> None:
    assert tag_key(tag) == "ax-0001"


def test_tags_are_compared_with_single_spaces() -> None:
    assert tag_key("Row\u00a0 1\t B") == tag_key("row 1 b")
    assert tag_key("row1b") != tag_key("row 1 b")


@pytest.mark.parametrize(
    ("lat", "lon", "key"),
    [
        ("38.8512345", "105.6712345", "38.85123,105.67123"),
        ("0.0000050", "0.0000150", "0.00000,0.00002"),
        ("-0.0000050", "-0.0000049", "0.00000,0.00000"),
        ("-38.8512350", "-0.0000150", "-38.85124,-0.00002"),
        ("10.0000000", "-180.0000000", "10.00000,180.00000"),
        ("10.0000000", "-179.9999960", "10.00000,180.00000"),
        ("10.0000000", "179.9999960", "10.00000,180.00000"),
        ("90.0000000", "17.0000000", "90.00000,0.00000"),
        ("-89.9999960", "-180.0000000", "-90.00000,0.00000"),
    ],
)
def test_a_place_is_rounded_to_five_decimals_half_to_even(lat: str, lon: str, key: str) -> None:
    assert place_key(lat, lon) == key


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_a_place_key_is_the_key_of_itself(lat: float, lon: float) -> None:
    key = place_key(degrees(lat), degrees(lon))

    assert place_key(*(degrees(float(part)) for part in key.split(","))) == key


LIVES = st.lists(st.lists(st.sampled_from(["alive", "dead", "replaced", "corrected"]), max_size=8), max_size=6)


@given(LIVES)
def test_trees_whose_state_is_not_dead_count_as_standing(lives: list[list[str]]) -> None:
    counts = Counts()
    states = []
    for life in lives:
        state = ""
        for event in ["planted", *life]:
            after = ("alive" if state == "dead" else state) if event == "corrected" else event
            counts = counts.after(make_tree_leaf(event, state=after), state)  # type: ignore[arg-type] # any text
            state = after
        states.append(state)

    assert counts == Counts(len(lives), states.count("dead"), len(lives) - states.count("dead"))
