# ruff: noqa: RUF001 - the tests need letters that look like others
"""The search finds words as people type them: with slips, as pinyin in its many forms, as emoji, and as other forms."""

from dataclasses import replace
from datetime import date

import pytest

from saxaul.catalog.entries import Suggestion, Synonyms
from saxaul.search.folding import words_of
from saxaul.search.forms import stem
from saxaul.search.index import Found, SearchAnswer, SearchIndex
from tests.builders import make_action_type, make_catalog, make_suggestion, make_text
from tests.search.judging import default_catalog

MANY_READINGS = "的便还调行重乐长都得着了"
SUGGESTIONS = {
    "bus": make_suggestion("Take the bus", "坐公交", keywords=("bus",)),
    "train": make_suggestion("Ride a train", "坐火车"),
    "bike": make_suggestion("Fix an old bicycle", "修自行车", keywords=("bicycle",)),
    "recycling": make_suggestion("Recycling at home", "在家回收", keywords=("home",)),
    "environment": make_suggestion("Learn about the environment", "了解环境"),
    "battery": make_suggestion("Return a battery", "旧电池"),
    "child": make_suggestion("Walk with a child", "陪孩子"),
    "box": make_suggestion("Fold the box 📦", "折纸箱"),
    "air": make_suggestion("Warmer rooms", "调高空调更省电"),
    "xian": make_suggestion("A trip", "去西安看城墙"),
    "first": make_suggestion("Before all", "先关灯"),
    "women": make_suggestion("Shoes to share", "女鞋再用"),
    "many": make_suggestion("Many readings", f"种{MANY_READINGS}树{MANY_READINGS}"),
}
SYNONYMS = {
    "bus": Synonyms(words=("bus", "🚌", "バス")),
    "bike": Synonyms(words=("bicycle", "🚴🏽‍♀️", "自転車")),
    "recycling": Synonyms(words=("home", "♻️")),
}


def index_of(suggestions: dict[str, Suggestion]) -> SearchIndex:
    """Return an index of suggestions whose action type has a name that no query of this file has."""
    action_type = make_action_type().model_copy(update={"names": make_text("Deed", "事")})
    catalog = make_catalog({"bus_ride": action_type}, suggestions=suggestions)
    return SearchIndex(replace(catalog, synonyms=SYNONYMS, tree_projects={}))


INDEX = index_of(SUGGESTIONS)
DEFAULT = SearchIndex(default_catalog())


def search(query: str, index: SearchIndex = INDEX) -> SearchAnswer:
    return index.search(query, "alipay", date(2026, 9, 1), 10)


def ids(query: str, index: SearchIndex = INDEX) -> list[str]:
    answer = search(query, index)
    return [] if answer.fallback else [found.document.identifier for found in answer.found]


def part(query: str, identifier: str) -> str:
    """Return the parts of a suggestion that a query matched."""
    [found] = [found for found in search(query).found if found.document.identifier == identifier]
    return highlighted_in(found)


def highlighted_in(found: Found) -> str:
    return " ".join(part.text for match in found.matched for part in match.parts if part.match)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("bycicle", "bike"),
        ("bicicel", "bike"),
        ("vicycle", "bike"),
        ("icycle", "bike"),
        ("enviromnent", "environment"),
        ("enviorment", "environment"),
        ("nevironmetn", "environment"),
        ("envronmet", "environment"),
        ("recyling", "recycling"),
        ("recyl", "recycling"),
        ("ercyc", "recycling"),
        ("rcyclign", "recycling"),
        ("bsu", "bus"),
        ("ubs", "bus"),
        ("rtain", "train"),
        ("traim", "train"),
        ("yrain", "train"),
    ],
)
def test_one_slip_is_corrected_and_two_in_long_words_the_first_letter_included(query: str, found: str) -> None:
    assert ids(query)[0] == found


@pytest.mark.parametrize("query", ["bat", "rus", "bux", "hus", "tarim", "bxcxxle", "rexxing", "fox", "ox"])
def test_short_words_and_words_with_more_slips_are_not_corrected(query: str) -> None:
    assert not {"bus", "bike", "recycling", "train"} & set(ids(query))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("tiaogao", "air"),
        ("gaokongtiaogeng", "air"),
        ("tiaogaokongtiaogengshengdian", "air"),
        ("kongtiaoge", "air"),
        ("gengshengd", "air"),
        ("tgktgsd", "air"),
        ("xianguandeng", "first"),
    ],
)
def test_the_pinyin_of_any_part_of_a_title_finds_it(query: str, found: str) -> None:
    assert ids(query)[0] == found


@pytest.mark.parametrize(
    "query",
    [
        "zhongdepian",
        "bianhuantiao",
        "tiaohangchong",
        "diaoxingzhong",
        "chongyuezhang",
        "lechangdu",
        "zhaole",
        "liaoshu",
        "shudibian",
        "dezhuoliao",
        "changdudezhele",
        "htx",
        "dxzl",
    ],
)
def test_a_long_title_of_characters_with_many_readings_is_found_at_each_place(query: str) -> None:
    assert "many" in ids(query)


@pytest.mark.parametrize("query", ["shuzhong", "zhuanggao", "debianxing", "treexyz"])
def test_pinyin_that_a_title_does_not_have_does_not_find_it(query: str) -> None:
    assert "many" not in ids(query)


@pytest.mark.parametrize(
    "query",
    ["xi'an", "xi\u2019an", "xi an", "xi\u02bcan", "xi1'an1", "xi1an1", "xi1 an1", "xī'ān", "XI\u2018AN", "xi`an"],
)
def test_an_apostrophe_and_a_space_separate_syllables(query: str) -> None:
    assert ids(query) == ["xian"]
    assert part(query, "xian").replace(" ", "") == "西安"


def test_pinyin_without_an_apostrophe_is_cut_in_each_way() -> None:
    assert {"xian", "first"} <= set(ids("xian"))


@pytest.mark.parametrize(
    "query",
    [
        "gong1jiao1",
        "gong1 jiao1",
        "gōng jiāo",
        "gong jiao",
        "gōngjiāo",
        "ɡōnɡ jiāo",
        "gong'jiao",
        "GONG1JIAO1",
        "gōngjiāo",
        "gong¹jiao¹",
        "ｇｏｎｇｊｉａｏ",
    ],
)
def test_tones_are_ignored_and_the_hanzi_are_highlighted(query: str) -> None:
    assert ids(query) == ["bus"]
    assert part(query, "bus").replace(" ", "") == "公交"


@pytest.mark.parametrize("query", ["nǚxie", "nvxie", "nu:xie", "nüxié", "nv3xie2", "nu:3 xie2", "nu\u0308xie"])
def test_the_letter_u_with_dots_is_typed_in_several_ways(query: str) -> None:
    assert ids(query) == ["women"]
    assert part(query, "women").replace(" ", "") == "女鞋"


@pytest.mark.parametrize(
    "query",
    ["🚌", "Ⓑⓤⓢ", "ＢＵＳ", "🅱🅤🅢", "𝐛𝐮𝐬", "バス", "ばす", "ﾊﾞｽ", "b\u00adus", "bus\ufeff", "🚌🚌", "🚌 bus", "bus 🤩"],
)
def test_an_emoji_kana_and_fancy_letters_name_a_thing(query: str) -> None:
    assert ids(query)[0] == "bus"


@pytest.mark.parametrize(
    "query", ["🚴", "🚴‍♂️", "🚴🏿‍♀️", "🚴‍♀️‍➡️", "自転車", "自轉車", "自転车", "⾃行车", "\u2f83行\u2ecb"]
)
def test_variants_of_an_emoji_and_of_hanzi_name_the_same_thing(query: str) -> None:
    assert ids(query)[0] == "bike"


@pytest.mark.parametrize("query", ["♻", "♻️", "♻︎"])
def test_a_variation_selector_does_not_change_an_emoji(query: str) -> None:
    assert ids(query)[0] == "recycling"


@pytest.mark.parametrize("query", ["🤩", "🇨🇳", "👨‍👩‍👧‍👦"])
def test_an_unknown_emoji_finds_nothing(query: str) -> None:
    assert search(query).fallback


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("🚌", "take-the-bus|bus-"),
        ("🚲", "cycle-|bike-|weekend-bike"),
        ("♻️", "old-|outgrown-|recycle-|clothes-|return-|change-"),
        ("🌳", "caragana-wuwei|saxaul-alxa"),
        ("🏨", "bring-your-own|book-a-green|own-slippers|refill-|homestay-"),
        ("🏥", "book-"),
    ],
)
def test_the_default_catalog_is_found_by_emoji(query: str, found: str) -> None:
    assert ids(query, DEFAULT)[0].startswith(tuple(found.split("|")))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("boxes", "box"),
        ("buses", "bus"),
        ("batteries", "battery"),
        ("bicycles", "bike"),
        ("children", "child"),
        ("recycle", "recycling"),
        ("recycled", "recycling"),
        ("environments", "environment"),
        ("trains", "train"),
        ("returned", "battery"),
        ("riding", "train"),
        ("rode", "train"),
    ],
)
def test_the_plural_and_the_forms_of_a_verb_find_each_other_and_are_highlighted(query: str, found: str) -> None:
    assert ids(query)[0] == found
    assert part(query, found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("car", "care"),
        ("plan", "plane"),
        ("bus", "busy"),
        ("use", "us"),
        ("file", "fill"),
        ("see", "seed"),
    ],
)
def test_words_that_only_look_like_forms_of_each_other_have_different_stems(one: str, other: str) -> None:
    assert stem(one) != stem(other)


@pytest.mark.parametrize(
    "forms",
    [
        "box boxes",
        "bus buses",
        "bottle bottles",
        "battery batteries",
        "child children",
        "recycle recycling recycled",
        "shop shops shopping shopped",
        "house houses",
        "case cases",
        "glass glasses",
        "movie movies",
        "leaf leaves",
        "travel travelling traveling travelled",
        "ride rides riding",
        "plant planting planted plants",
        "shoe shoes",
        "brush brushes brushing",
        "buy buys buying bought",
        "carry carries carried carrying",
        "class classes",
        "knife knives",
    ],
)
def test_forms_of_a_word_have_one_stem(forms: str) -> None:
    assert len({stem(form) for form in forms.split()}) == 1


def test_an_exact_word_comes_before_its_forms() -> None:
    index = index_of(
        {"a-boxes": make_suggestion("Send boxes back", "甲"), "b-box": make_suggestion("Fold the box", "乙")}
    )

    assert ids("box", index) == ["b-box", "a-boxes"]
    assert ids("boxes", index) == ["a-boxes", "b-box"]


@pytest.mark.parametrize(
    ("text", "word", "part_of_text"),
    [
        ("🚴🏽‍♀️🚌 take a bus", "bus", "bus"),
        ("an o\ufb03ce chair", "office", "o\ufb03ce"),
        ("ﷺ the bus", "bus", "bus"),
        ("the Ⓑⓤⓢ stops", "bus", "Ⓑⓤⓢ"),
        ("駅まで ﾊﾞｽで", "ばすで", "ﾊﾞｽで"),
        ("cafe\u0301 au lait", "cafe", "cafe\u0301"),
        ("rock 'n' roll", "n", "n"),
        ("the grocer\u2019s", "grocers", "grocer\u2019s"),
        ("⾃行⻋道", "自行车道", "⾃行⻋道"),
        ("1️⃣ bus", "1", "1️⃣"),
    ],
)
def test_a_word_has_its_place_in_the_text_as_it_was_written(text: str, word: str, part_of_text: str) -> None:
    [found] = [found for found in words_of(text) if found.text == word]

    assert text[found.start : found.end] == part_of_text


@pytest.mark.parametrize(
    ("title", "query", "highlighted"),
    [
        ("🚴🏽‍♀️🇨🇳 take a tram", "tram", "tram"),
        ("ﷺ o\ufb03ce tram", "off", "o\ufb03"),
        ("ﷺ o\ufb03ce tram", "office tr", "o\ufb03ce tr"),
        ("the Ⓣⓡⓐⓜ", "tra", "Ⓣⓡⓐ"),
        ("so\u0301l car", "so", "so\u0301"),
        ("don\u2019t drive", "dont", "don\u2019t"),
        ("don\u2019t drive", "don", "don"),
        ("㍿ tram", "tram", "tram"),
    ],
)
def test_highlights_are_right_behind_and_inside_characters_that_change_length(
    title: str, query: str, highlighted: str
) -> None:
    index = index_of({"one": make_suggestion(title, "甲")})

    [found] = search(query, index).found

    assert highlighted_in(found) == highlighted


def test_pinyin_is_highlighted_behind_an_emoji_and_in_radicals() -> None:
    index = index_of({"one": make_suggestion("One", "🚴🏽‍♀️骑⾃行\ufe00⻋去")})

    assert highlighted_in(search("zixingche", index).found[0]) == "⾃行\ufe00⻋"


@pytest.mark.parametrize("query", ["%", "\u2026", "!?", "\u200d", "\ufe0f", "  "])
def test_a_query_without_letters_digits_or_emoji_has_no_words(query: str) -> None:
    assert words_of(query) == ()
