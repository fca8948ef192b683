"""The language that a client prefers, according to its header Accept-Language."""

import re
from types import SimpleNamespace

import pytest

from saxaul.http import languages
from saxaul.http.languages import preferred_language
from tests.hostile_texts import HOSTILE


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("en", "en"),
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("zh-Hant-TW", "zh"),
        ("zh-x-private", "zh"),
        ("ZH-cn", "zh"),
        ("en-GB", "en"),
        ("fr", "en"),
        ("fr, zh", "zh"),
        ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", "en"),
        ("fr-CH, fr;q=0.9, zh;q=0.8, de;q=0.7, *;q=0.5", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh-CN;q=0.8,zh;q=0.7", "en"),
        ("en;q=0.1, zh;q=0.2", "zh"),
        ("en;q=0.001, zh;q=0.002", "zh"),
        ("zh;q=1.000, en;q=0.999", "zh"),
        ("zh;Q=0.5 , en ; q=0.4", "zh"),
        ("zh, en", "zh"),
        ("en, zh", "en"),
        ("\tzh\t", "zh"),
        (", ,zh,,", "zh"),
        ("yue-HK", "zh"),
        ("yue-Hant-HK, en;q=0.9", "zh"),
        ("cmn-Hans", "zh"),
        ("CMN-Hans-CN", "zh"),
        ("wuu", "zh"),
        ("hak", "zh"),
        ("nan", "zh"),
        ("gan", "zh"),
        ("hsn", "zh"),
        ("en, yue", "en"),
        ("yue;q=0.4, en;q=0.5", "en"),
        ("bo-CN, ug, za", "en"),
        ("fr-yue", "en"),
    ],
)
def test_the_supported_language_with_the_highest_weight_wins_and_the_first_of_equal_ones(
    header: str, language: str
) -> None:
    assert preferred_language(header) == language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("*", "en"),
        ("fr, *", "en"),
        ("en;q=0.3, *;q=0.8", "zh"),
        ("zh;q=0.3, *;q=0.8", "en"),
        ("zh;q=0.5, *;q=0.1", "zh"),
        ("en-GB, *;q=0.5", "en"),
    ],
)
def test_an_asterisk_stands_for_the_languages_that_the_header_does_not_name(header: str, language: str) -> None:
    assert preferred_language(header) == language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("en;q=0", "zh"),
        ("en;q=0.000, *", "zh"),
        ("zh;q=0, *", "en"),
        ("zh-TW, zh;q=0", "en"),
        ("zh-TW;q=0, zh", "zh"),
        ("en-GB;q=0", "en"),
        ("en;q=0, zh;q=0", "en"),
        ("en;q=0, fr", "zh"),
        ("*;q=0", "en"),
        ("yue, zh;q=0", "en"),
        ("yue;q=0, zh", "zh"),
    ],
)
def test_a_language_with_a_weight_of_zero_is_excluded_unless_all_are(header: str, language: str) -> None:
    assert preferred_language(header) == language


@pytest.mark.parametrize(
    "malformed",
    [
        "zh;q=2",
        "zh;q=1.001",
        "zh;q=0.1234",
        "zh;q=-1",
        "zh;q=",
        "zh;q=\u0660.\u0665",
        "zh;level=1",
        "zh;q=0.5;q=1",
        "zh_CN",
        "-zh",
        "zh-",
        "zh--CN",
        "*-CN",
        "zh-toolongasubtag",
        "\uff5a\uff48",
        "zh\n",
        "中文",
    ],
)
def test_a_malformed_member_is_ignored(malformed: str) -> None:
    assert preferred_language(malformed) == "en"
    assert preferred_language(f"{malformed}, zh-CN") == "zh"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_any_text_is_harmless(text: str) -> None:
    assert preferred_language(text) in {"en", "zh"}


@pytest.mark.parametrize("part", ["zh,", "zh;q=0.5,", "zh-", "*;q=0,", ";q=", " ", "\t;", "a-a-"])
def test_a_very_long_header_counts_as_missing_and_nothing_of_it_is_examined(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    examined: list[str] = []
    ranges = languages._RANGE  # noqa: SLF001 - what is examined is what this is matched with

    def examine(member: str) -> re.Match[str] | None:
        examined.append(member)
        return ranges.fullmatch(member)

    monkeypatch.setattr(languages, "_RANGE", SimpleNamespace(fullmatch=examine))
    longest = ("zh-" + part * 500)[:500]

    assert preferred_language(longest) in {"en", "zh"}
    assert sum(map(len, examined)) <= len(longest), "each member of the list is examined once"
    examined.clear()
    assert preferred_language(longest + "z") == preferred_language(part * 100_000 + "zh") == "en"
    assert examined == []
