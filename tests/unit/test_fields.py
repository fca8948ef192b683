"""Single values have one spelling each, and every other one is refused."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.log.degrees import degrees
from saxaul.log.fields import (
    parse_base64,
    parse_count,
    parse_decimal,
    parse_degrees,
    parse_hash,
    parse_object,
    parse_text,
    parse_time,
)
from saxaul.log.verdicts import RefusedError


@given(st.binary(max_size=80))
def test_base64_is_read_as_it_is_written(value: bytes) -> None:
    assert parse_base64(b64encode(value).decode(), "it", len(value)) == value


@pytest.mark.parametrize("text", ["A", "AB", "AA=", "AB==", "AAA", "AAB=", "AA==\n", " AA==", "AA-_", "AAAA====", "é"])
def test_another_spelling_of_base64_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="not base64"):
        parse_base64(text, "a value")


def test_base64_of_another_length_is_refused() -> None:
    with pytest.raises(RefusedError, match="has 3 bytes, not 4"):
        parse_base64("AAAA", "a value", 4)


@given(st.integers(0, 2**63 - 1))
def test_a_decimal_number_is_read_as_it_is_written(number: int) -> None:
    assert parse_decimal(str(number), "a number") == number


@pytest.mark.parametrize(
    "text", ["", "00", "01", "-1", "+1", " 1", "1\n", "1_0", "1.0", "\uff11", str(2**63), "9" * 10_000]
)
def test_another_spelling_of_a_decimal_number_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="not a decimal number"):
        parse_decimal(text, "a number")


@given(st.floats(-90, 90))
def test_degrees_are_read_as_they_are_written(value: float) -> None:
    assert parse_degrees(degrees(value), 90, "lat") == degrees(value)


@pytest.mark.parametrize(
    "value",
    ["1.0", "01.0000000", "+1.0000000", "-0.0000000", "90.0000001", "-91.0000000", "1.00000000", "nan", 1, None],
)
def test_other_degrees_are_refused(value: object) -> None:
    with pytest.raises(RefusedError):
        parse_degrees(value, 90, "lat")


@pytest.mark.parametrize("value", ["2026-06-20T10:00:00Z", "2024-02-29T23:59:59-23:59", "0001-01-01T00:00:00+08:00"])
def test_a_time_has_seconds_and_an_offset(value: str) -> None:
    assert parse_time(value, "a time") == value


@pytest.mark.parametrize(
    "value",
    [
        "2026-06-20",
        "2026-06-20T10:00:00",
        "2026-06-20t10:00:00Z",
        "2026-06-20T10:00:00z",
        "2026-06-20 10:00:00Z",
        "2026-06-20T10:00Z",
        "2026-06-20T10:00:00.5Z",
        "2026-06-20T24:00:00Z",
        "2026-06-20T10:00:60Z",
        "2026-02-30T10:00:00Z",
        "2026-06-20T10:00:00+24:00",
        "2026-06-20T10:00:00+0800",
        "0000-01-01T00:00:00Z",
        "2026-06-20T10:00:00Z\n",
        20260620,
        None,
    ],
)
def test_another_time_is_refused(value: object) -> None:
    with pytest.raises(RefusedError, match="not a time"):
        parse_time(value, "a time")


@pytest.mark.parametrize("value", ["A" * 64, "a" * 63, "a" * 65, "g" * 64, "a" * 64 + "\n", 7, None, ["a" * 64]])
def test_another_hash_is_refused(value: object) -> None:
    with pytest.raises(RefusedError, match="64 hexadecimal"):
        parse_hash(value, "a hash")


@pytest.mark.parametrize("value", [True, -1, 1.0, "1", None])
def test_another_count_is_refused(value: object) -> None:
    with pytest.raises(RefusedError, match="at least 0"):
        parse_count(value, "a count")


@pytest.mark.parametrize("value", [{"a": 1}, {"a": 1, "b": 2, "c": 3}, [], None, "a b"])
def test_an_object_has_exactly_its_members(value: object) -> None:
    assert parse_object({"b": 2, "a": 1}, "an object", "a b") == {"a": 1, "b": 2}
    with pytest.raises(RefusedError, match="exactly the members a b"):
        parse_object(value, "an object", "a b")


@pytest.mark.parametrize("value", [1, None, b"a", ["a"]])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(RefusedError, match="not text"):
        parse_text(value, "a text")
