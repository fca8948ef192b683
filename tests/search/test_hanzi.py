"""The table of hanzi agrees with the libraries it was made from, and text is folded to the form that people type."""

import pytest

from local.hanzi import TABLE, table
from saxaul.search.folding import words_of
from saxaul.search.hanzi import simplify
from saxaul.search.pinyin import initials, spellings


def test_the_table_matches_the_data_of_opencc_and_pypinyin() -> None:
    assert TABLE.read_text("utf-8") == table()


def test_traditional_characters_become_simplified_ones() -> None:
    assert simplify("環保地鐵種樹") == "环保地铁种树"


@pytest.mark.parametrize(
    ("run", "typed"), [("绿色", "lvse"), ("音乐会", "yinyuehui"), ("骑行", "qixing"), ("重阳", "chongyang")]
)
def test_the_spellings_of_a_run_include_its_pinyin(run: str, typed: str) -> None:
    assert typed in spellings(run)


def test_the_initials_of_a_run_are_the_first_letters_of_its_syllables() -> None:
    assert initials("种树") == ("zs",)


def test_a_run_with_a_letter_in_it_has_no_spelling() -> None:
    assert spellings("树x") == ()


@pytest.mark.parametrize(
    ("typed", "folded"),
    [("\uff22\uff35\uff33", "bus"), ("lǜsè", "lvse"), ("Café", "cafe"), ("grocer\u2019s", "grocers"), ("環保", "环保")],
)
def test_typed_text_is_folded_to_plain_letters_and_simplified_hanzi(typed: str, folded: str) -> None:
    assert "".join(word.text for word in words_of(typed)) == folded
