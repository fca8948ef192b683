"""Dedications: which characters are removed, which are kept, and which texts are too long."""

import unicodedata
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saxaul.certificate.lettering import drawable
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
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", None),  # a family
        ("\U0001f3f3\ufe0f\u200d\U0001f308", None),  # a flag
        ("\U0001f1e8\U0001f1f3", None),  # another flag
        ("\U0001f3f4\u200d\u2620\ufe0f", None),
        ("\U0001f575\U0001f3fb\u200d\u2642\ufe0f", None),  # a skin tone
        ("\U0001f9d1\U0001f3fb\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f9d1\U0001f3ff", None),
        ("\u2764\ufe0f\u200d\U0001f525", None),
        ("\u2764\ufe0e", None),
        ("1\ufe0f\u20e3 #\ufe0f\u20e3", None),  # keycaps
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", None),  # Persian
        ("\u0647\u064e\u200d\u0647", None),  # a vowel sign before the joiner
        ("\u0915\u094d\u200d\u0937", None),  # Devanagari, a half form
        ("\u0915\u094d\u200c\u0937", None),  # Devanagari, a visible virama
        ("\u0985\u09b0\u200d\u09cd\u09af", None),  # Bengali, the joiner before the virama
        ("\u0d05\u0d35\u0d28\u0d4d\u200d", None),  # Malayalam, a word that ends in a half form
        ("\u0dc1\u0dca\u200d\u0dbb\u0dd3", None),  # Sinhala
        ("\u845b\U000e0100\u98fe\u533a", None),  # a hanzi with a variation selector
        ("\u1820\u180b", None),
        ("\u06f1\u06f4\u06f0\u06f5 \u0647\u200d.\u0634", None),  # Persian, the abbreviation of the Hijri era
        ("\u06f1\u06f4\u06f0\u06f5 \u0647\u200d", None),
        (
            "\u06a9\u062a\u0627\u0628\u200c\u0647\u0627\u06cc \u062e\u0627\u0646\u0647\u200c\u0627\u0645",
            None,
        ),  # Persian suffixes
        ("\u0686\u06be\u0648\u0679\u06cc \u0628\u06c1\u200c\u062e\u0648\u0628", None),  # Urdu
        ("\u0928\u092e\u094d\u200c \u0915\u094d\u200d", None),  # Devanagari, at the end of a word
        ("\u0cb0\u0ccd\u200d\u0c95 \u0c95\u0ccd\u200c\u0c95", None),  # Kannada
        ("\u0c15\u0c4d\u200c\u0c37", None),  # Telugu
        ("\u0a95\u0acd\u200d\u0ab7", None),  # Gujarati
        ("\u0b95\u0bcd\u200c\u0bb7", None),  # Tamil
        ("\ua98f\ua9c0\u200c\ua9b1", None),  # Javanese, a visible pangkon
        ("\U0001e900\U0001e922\u200c\U0001e923", None),  # Adlam
        ("\u101b\u103d\u103e\u1036\u1037", None),  # Burmese, four marks on one letter
        ("\u05d4\u05b7\u05e9\u05b8\u05bc\u05c1\u05a3", None),  # Hebrew, with its accent
    ],
)
def test_a_dedication_in_any_script_is_not_changed(sent: str, kept: str | None) -> None:
    assert clean_dedication(sent) == (sent if kept is None else kept)


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
        ("\U0001f3f4\U000e0067\U000e007f", "\U0001f3f4"),
        ("a\u200db", "ab"),
        ("a\u200cb", "ab"),
        ("\u200d\U0001f468\u200d", "\U0001f468"),
        ("\u200c\u0645\u06cc\u200c", "\u0645\u06cc"),
        ("\u0645\u200c \u0645", "\u0645 \u0645"),
        ("\u0645\u200ca", "\u0645a"),
        ("\u0645\u200d\u0915", "\u0645\u0915"),
        ("\U0001f468" + "\u200d" * 50 + "\U0001f469", "\U0001f468\u200d\U0001f469"),
        ("\u0645" + "\u200c\u200d" * 50 + "\u06cc", "\u0645\u200c\u06cc"),
        ("\U0001f468\u200da", "\U0001f468a"),
        ("\U0001f468\u200c\U0001f469", "\U0001f468\U0001f469"),
        ("1\u200d2", "12"),
        ("\u6811\u200d\u6811", "\u6811\u6811"),
        ("a\ufe0f1\ufe0f", "a1"),
        ("\u2764" + "\ufe0f" * 50, "\u2764\ufe0f"),
        ("\U0001f600" + "\U000e0101\U000e0102", "\U0001f600"),
        ("a\u180bb", "ab"),
        ("a\u034fb\u3164c\u115fd\uffa0e", "abcde"),
        ("\u0645\u202e\u200c\u06cc", "\u0645\u200c\u06cc"),
        ("e\u200d\u0301", "\u00e9"),
        ("\u0647\u200c.", "\u0647."),
        ("a\u200d.", "a."),
        ("\u0e01" + "\u0e47" * 50, "\u0e01" + "\u0e47" * 3),
    ],
)
def test_invisible_characters_are_removed(sent: str, kept: str) -> None:
    assert clean_dedication(sent) == kept


def test_characters_are_composed() -> None:
    assert clean_dedication("Zoe\u0308") == "Zoë"


def test_at_most_three_accents_on_one_character_are_kept() -> None:
    assert clean_dedication("x" + "\u0336" * 50 + "y") == "x" + "\u0336" * 3 + "y"


def test_a_script_that_writes_with_marks_keeps_six_different_ones() -> None:
    marks = "\u103d\u103e\u102f\u1036\u1037\u1039\u103a"

    assert len(clean_dedication("\u101b" + marks)) == 1 + 6


FAMILY = ["\U0001f468", "\U0001f469", "\U0001f9d1", "\U0001f466", "\U0001f467", "\U0001f9d2"]
TONES = ["", *map(chr, range(0x1F3FB, 0x1F400))]
PERSONS = [f"{person}{tone}" for person in FAMILY[:3] for tone in TONES]
THINGS = (
    "\U0001f33e\U0001f373\U0001f37c\U0001f393\U0001f3a4\U0001f3a8\U0001f3eb\U0001f3ed\U0001f4bb\U0001f4bc\U0001f527"
    "\U0001f52c\U0001f680\U0001f692"
)
THINGS += "\U0001f384\U0001f9af\U0001f9bc\U0001f9bd\U0001f9b0\U0001f9b1\U0001f9b2\U0001f9b3\U0001f430"
SIGNS = ["\u2642", "\u2640", "\u2695", "\u2696", "\u2708"]
DOERS = "\u26f9\U0001f3c3\U0001f3c4\U0001f3ca\U0001f3cb"
DOERS += "\U0001f46e\U0001f470\U0001f575\U0001f645\U0001f6b4\U0001f926\U0001f977\U0001f9cf"
EMOJI = [
    *(f"{person}\u200d{thing}" for person in PERSONS for thing in THINGS),
    *(f"{person}\u200d{sign}\ufe0f" for person in PERSONS for sign in SIGNS[2:]),
    *(
        f"{doer}{tone or style}\u200d{sign}\ufe0f"
        for doer in DOERS
        for style in ("", "\ufe0f")
        for tone in TONES
        for sign in SIGNS[:2]
    ),
    *(f"{person}\u200d\u27a1\ufe0f" for person in PERSONS),
    *(f"\U0001f6b6{tone}\u200d\u2640\ufe0f\u200d\u27a1\ufe0f" for tone in TONES),
    *(
        f"{one}\u200d\u2764\ufe0f\u200d{kiss}{other}"
        for one in PERSONS
        for other in PERSONS
        for kiss in ("", "\U0001f48b\u200d")
    ),
    *(f"{one}\u200d\U0001f91d\u200d{other}" for one in PERSONS for other in PERSONS),
    *("\u200d".join(members) for members in product(FAMILY, repeat=3)),
    *("\u200d".join(members) for members in product(FAMILY[:3], FAMILY[:3], FAMILY[3:], FAMILY[3:])),
    *(f"{key}{style}\u20e3" for key in "0123456789#*" for style in ("", "\ufe0f")),
    *(chr(0x1F1E6 + one) + chr(0x1F1E6 + two) for one in range(26) for two in range(26)),
    *("\U0001f3f3\ufe0f\u200d\U0001f308", "\U0001f3f3\ufe0f\u200d\u26a7\ufe0f", "\U0001f3f4\u200d\u2620\ufe0f"),
    *(
        "\U0001f441\ufe0f\u200d\U0001f5e8\ufe0f",
        "\U0001f415\u200d\U0001f9ba",
        "\U0001f408\u200d\u2b1b",
        "\U0001f426\u200d\u2b1b",
    ),
    *(
        "\U0001f43b\u200d\u2744\ufe0f",
        "\U0001f34b\u200d\U0001f7e9",
        "\U0001f344\u200d\U0001f7eb",
        "\u26d3\ufe0f\u200d\U0001f4a5",
    ),
    *(
        "\u2764\ufe0f\u200d\U0001f525",
        "\u2764\ufe0f\u200d\U0001fa79",
        "\U0001f62e\u200d\U0001f4a8",
        "\U0001f636\u200d\U0001f32b\ufe0f",
    ),
    *("\U0001f642\u200d\u2194\ufe0f", "\U0001f642\u200d\u2195\ufe0f", "\U0001f426\u200d\U0001f525"),
]
"""Sequences of emoji as Unicode's emoji-zwj-sequences.txt and emoji-sequences.txt build them."""


def test_no_sequence_of_emoji_is_changed_alone_or_in_a_sentence() -> None:
    assert len(EMOJI) > 2500
    assert [emoji for emoji in EMOJI if clean_dedication(emoji) != emoji] == []
    assert [
        emoji for emoji in EMOJI if clean_dedication(f"For {emoji}{emoji}, {emoji}.") != f"For {emoji}{emoji}, {emoji}."
    ] == []


def test_the_length_is_counted_after_cleaning() -> None:
    assert clean_dedication("\u200b" * 500 + "é" * MAX_LENGTH) == "é" * MAX_LENGTH
    assert clean_dedication("e\u0301" * MAX_LENGTH) == "é" * MAX_LENGTH


@pytest.mark.parametrize("text", ["x" * (MAX_LENGTH + 1), "树" * (MAX_LENGTH + 1), "\u200b" * (MAX_SENT + 1)])
def test_a_dedication_that_is_too_long_is_refused_and_not_cut(text: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        clean_dedication(text)


def test_joiners_between_marks_do_not_allow_more_than_three_marks() -> None:
    stack = "\u0915" + "\u094d\u200d" * 20

    assert clean_dedication(stack).count("\u094d") == 3


HIDING = "\u200c\u200d\ufe0f\ufe0e\u034f\u202e\U000e0100"
PIECES = f"{HIDING} \u0301\u0645\u064e\u0915\u094d\u0937\u2764\U0001f468\U0001f3fb\u845b1\u20e3a"
"""Characters that decide whether the characters next to them are kept."""


@given(st.one_of(st.text(max_size=MAX_LENGTH // 3), st.text(st.sampled_from(PIECES), max_size=MAX_LENGTH // 3)))
def test_cleaning_again_changes_nothing_and_no_invisible_character_is_left(text: str) -> None:
    once = clean_dedication(text)

    assert clean_dedication(once) == once
    assert once == once.strip()
    joined = once.replace("\u200c", "").replace("\u200d", "")
    assert not {unicodedata.category(character) for character in joined} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert not set(once[:1]) & set("\u200c\u200d")
    assert not any(pair in once for pair in ("\u200c\u200c", "\u200c\u200d", "\u200d\u200c", "\u200d\u200d"))
    assert drawable(once) == once or "Cn" in map(unicodedata.category, once)
    assert unicodedata.is_normalized("NFC", once)
    once.encode()


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # the flag of England
        "\u182e\u1823\u1829\u182d\u1823\u182f\u180e\u1820",  # Mongolian, with its vowel separator
    ],
)
def test_tags_in_flags_of_regions_and_mongolian_vowel_separators_are_kept(text: str) -> None:
    assert clean_dedication(text) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("A\U000e0067\U000e0062\U000e007f", "A"),
        ("\U0001f3f4\U000e0067\U000e0062", "\U0001f3f4"),
        ("a\u180eb", "ab"),
        ("\u182e\u180e", "\u182e"),
    ],
)
def test_tags_and_mongolian_vowel_separators_are_removed_elsewhere(text: str, kept: str) -> None:
    assert clean_dedication(text) == kept
