"""Canonical JSON follows RFC 8785, and any other text is refused."""

from typing import Any, NamedTuple

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from saxaul.log.canonical_json import MAX_DEPTH, NotCanonicalError, decode, digest, encode


class Place(NamedTuple):
    name: str
    number: int


NAMES = st.text(st.characters(max_codepoint=127), max_size=8)
FRACTIONS = st.floats(-(2.0**53) + 1, 2.0**53 - 1) | st.integers(-1_800_000_000, 1_800_000_000).map(lambda n: n / 1e7)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20) | FRACTIONS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)  # the machine may be busy
@given(VALUES)
def test_encoding_agrees_with_another_implementation_of_the_rfc(value: Any) -> None:  # noqa: ANN401 - any JSON
    assert encode(value) == rfc8785.dumps(value)


@settings(deadline=None)  # the machine may be busy
@given(VALUES)
def test_decoding_an_encoded_value_returns_the_same_value(value: Any) -> None:  # noqa: ANN401 - any JSON
    assert decode(encode(value)) == value


def test_a_tuple_is_a_list_and_a_record_is_refused() -> None:
    assert encode((1, "a")) == encode([1, "a"])
    with pytest.raises(NotCanonicalError, match="Place"):
        encode({"places": [Place("a", 1)]})


def test_a_digest_does_not_depend_on_the_order_of_names() -> None:
    assert digest({"a": 1, "b": "梭梭"}) == digest({"b": "梭梭", "a": 1}) != digest({"a": 2, "b": "梭梭"})


@pytest.mark.parametrize(
    "text",
    [
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":0.50}',
        b'{"a":0.0000001}',
        b'{"a":1E-7}',
        b'{"a":1e-07}',
        b'{"a":0.30000000000000001}',
        b'{"a":-0.0}',
        b'{"a":1e400}',
        b'{"a":-0}',
        b'{"a":9007199254740992}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\/"}',
        b'{"\xc3\xa4":1}',
        b'{"a":NaN}',
        b'{"a":1',
        b"[" * 100_000,
        b"[" * 970 + b"]" * 970,
        b'"\xff"',
        b"",
    ],
)
def test_text_that_is_not_canonical_is_refused_even_if_its_value_is_the_same(text: bytes) -> None:
    with pytest.raises(NotCanonicalError):
        decode(text)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 900, 985, 20_000])
def test_text_may_have_32_levels_of_lists_and_objects(opening: bytes, closing: bytes, depth: int) -> None:
    text = opening * depth + b"1" + closing * depth

    if depth == 32:
        assert encode(decode(text)) == text
    else:
        with pytest.raises(NotCanonicalError, match="it has more than 32 levels of lists and objects"):
            decode(text)
