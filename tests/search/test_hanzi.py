"""The table of hanzi agrees with the libraries and with what people type."""

import pytest

from local.hanzi import TABLE, table
from saxaul.search.folding import fold
from saxaul.search.hanzi import initials, simplify, spellings


def test_the_table_is_what_opencc_and_pypinyin_say() -> None:
    assert TABLE.read_text("utf-8") == table()


def test_traditional_characters_become_simplified_ones() -> None:
    assert simplify("環保地鐵種樹") == "环保地铁种树"


@pytest.mark.parametrize(
    ("run", "typed"), [("绿色", "lvse"), ("音乐会", "yinyuehui"), ("骑行", "qixing"), ("重阳", "chongyang")]
)
def test_a_run_is_spelled_in_each_way_that_it_is_read(run: str, typed: str) -> None:
    assert typed in spellings(run)


def test_a_run_has_the_first_letters_of_its_syllables() -> None:
    assert initials("种树") == ("zs",)


def test_what_is_no_hanzi_has_no_spelling() -> None:
    assert spellings("树x") == ()


@pytest.mark.parametrize(
    ("typed", "folded"),
    [("\uff22\uff35\uff33", "bus"), ("lǜsè", "lvse"), ("Café", "cafe"), ("grocer\u2019s", "grocers"), ("環保", "环保")],
)
def test_what_is_typed_is_folded(typed: str, folded: str) -> None:
    assert fold(typed) == folded
