"""Dedications: what is taken out, what stays, and what is too long."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.trees.dedications import MAX_LENGTH, MAX_SENT, clean_dedication


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("For my grandmother", "For my grandmother"),
        ("献给奶奶 🌱", "献给奶奶 🌱"),
        ("من أجل الصحراء", "من أجل الصحراء"),
        ("सहारा के लिए", "सहारा के लिए"),
        ('<b>Mum & "Dad"</b>', '<b>Mum & "Dad"</b>'),
        ("", ""),
    ],
)
def test_a_dedication_in_any_script_stays_as_it_is(sent: str, kept: str) -> None:
    assert clean_dedication(sent) == kept


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("  For \t my\r\n\n mother \u3000", "For my mother"),
        ("line\u2028paragraph\u2029end", "line paragraph end"),
        ("\x00For\x07 Mum\x1b[31m", "For Mum[31m"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("\u2066a\u2069b\u200ec\u061cd", "abcd"),
        ("z\u200be\u200cr\u200do\ufeff \u2060w\u00adidth", "zero width"),
        ("a \u200b b", "a b"),
        ("half\ud83c", "half"),
        ("no\uffff character\ufdd0", "no character"),
        ("private \ue000", "private"),
        ("\U000e0041\U000e0042", ""),
    ],
)
def test_what_nobody_sees_is_taken_out(sent: str, kept: str) -> None:
    assert clean_dedication(sent) == kept


def test_characters_are_composed() -> None:
    assert clean_dedication("Zoe\u0308") == "Zoë"


def test_a_stack_of_accents_is_cut_down_to_three() -> None:
    assert clean_dedication("x" + "\u0336" * 50 + "y") == "x" + "\u0336" * 3 + "y"


def test_the_length_is_counted_after_cleaning() -> None:
    assert clean_dedication("\u200b" * 500 + "é" * MAX_LENGTH) == "é" * MAX_LENGTH
    assert clean_dedication("e\u0301" * MAX_LENGTH) == "é" * MAX_LENGTH


@pytest.mark.parametrize("text", ["x" * (MAX_LENGTH + 1), "树" * (MAX_LENGTH + 1), "\u200b" * (MAX_SENT + 1)])
def test_one_that_is_too_long_is_refused_and_not_cut(text: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        clean_dedication(text)


@given(st.text(max_size=MAX_LENGTH // 3))
def test_cleaning_again_changes_nothing_and_leaves_nothing_unseen(text: str) -> None:
    once = clean_dedication(text)

    assert clean_dedication(once) == once
    assert once == once.strip()
    assert not {unicodedata.category(character) for character in once} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert unicodedata.is_normalized("NFC", once)
    once.encode()
