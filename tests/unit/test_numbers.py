"""Certificate numbers: read in every usual spelling, and refused if a character is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.trees.numbers import ALPHABET, new_number, parse_number

numbers = st.builds(new_number)


def test_a_new_number_is_in_its_printed_form() -> None:
    number = new_number()

    assert [len(group) for group in number.split("-")] == [4, 4, 4, 1]
    assert parse_number(number) == number


def test_a_thousand_new_numbers_are_all_different() -> None:
    assert len({new_number() for _ in range(1000)}) == 1000


@given(number=numbers)
def test_case_spaces_and_dashes_do_not_matter(number: str) -> None:
    for typed in (number.lower(), number.replace("-", " "), number.replace("-", ""), f" {number} ", number.title()):
        assert parse_number(typed) == number


@given(number=numbers)
def test_letters_that_look_like_digits_are_read_as_digits(number: str) -> None:
    assert parse_number(number.replace("0", "O").replace("1", "l")) == number
    assert parse_number(number.replace("0", "o").replace("1", "I")) == number


@given(number=numbers, data=st.data())
def test_any_single_wrong_character_is_detected(number: str, data: st.DataObject) -> None:
    bare = number.replace("-", "")
    index = data.draw(st.integers(0, len(bare) - 1))
    wrong = data.draw(st.sampled_from(ALPHABET.replace(bare[index], "")))

    assert parse_number(bare[:index] + wrong + bare[index + 1 :]) is None


@given(number=numbers, data=st.data())
def test_a_missing_or_a_doubled_character_is_detected(number: str, data: st.DataObject) -> None:
    bare = number.replace("-", "")
    index = data.draw(st.integers(0, len(bare) - 1))

    assert parse_number(bare[:index] + bare[index + 1 :]) is None
    assert parse_number(bare[:index] + bare[index] + bare[index:]) is None


@pytest.mark.parametrize("text", ["", "-", "U" * 13, "公" * 13, "0" * 14, "0000-0000-0000-!"])
def test_text_that_is_not_a_certificate_number_gives_none(text: str) -> None:
    assert parse_number(text) is None
