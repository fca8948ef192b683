"""Values of DynamoDB are converted as boto3 converts them."""

from decimal import Decimal, Inexact
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from saxaul.storage.attributes import attribute_value, python_value
from saxaul.storage.table import Key

NUMBERS = st.integers(-(10**37), 10**37) | st.decimals(-(10**9), 10**9, places=6)
PLAIN = st.none() | st.booleans() | NUMBERS | st.text() | st.binary()
VALUES = st.recursive(PLAIN, lambda members: st.lists(members) | st.dictionaries(st.text(), members), max_leaves=10)


@given(VALUES)
def test_a_value_is_converted_as_boto3_converts_it(value: Any) -> None:  # noqa: ANN401
    attribute = TypeSerializer().serialize(value)

    assert attribute_value(value) == attribute
    assert python_value(attribute) == TypeDeserializer().deserialize(attribute)


@pytest.mark.parametrize("attribute", [{"SS": ["a", "b"]}, {"NS": ["1", "2.5"]}, {"L": [{"SS": ["a"]}]}])
def test_a_set_is_read_as_boto3_reads_it(attribute: Any) -> None:  # noqa: ANN401 - in the notation of DynamoDB
    assert python_value(attribute) == TypeDeserializer().deserialize(attribute)


def test_binary_sets_are_read_with_and_without_base64() -> None:
    assert python_value({"BS": [b"a"]}) == python_value({"BS": ["YQ=="]}) == {b"a"}


@pytest.mark.parametrize(
    "value", [1.5, {"a", "b"}, frozenset("a"), object(), Decimal("NaN"), Decimal("Infinity"), Key("a", "b")]
)
def test_a_value_that_dynamodb_cannot_store_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        attribute_value(value)


def test_a_number_that_would_be_rounded_is_refused() -> None:
    with pytest.raises(Inexact):
        attribute_value(Decimal("1." + "1" * 40))


def test_a_number_that_is_too_large_is_refused() -> None:
    with pytest.raises(ArithmeticError):
        attribute_value(Decimal("1E+200"))


def test_a_tuple_is_a_list_and_a_record_is_refused_at_any_depth() -> None:
    assert attribute_value((1, "a")) == attribute_value([1, "a"])
    with pytest.raises(TypeError, match="Key"):
        attribute_value({"keys": [Key("a", "b")]})
