"""The picture and the page of a certificate: the QR code and the text are readable, and nothing is fetched or run."""

import re
from io import BytesIO
from xml.etree.ElementTree import Element, fromstring

import pytest
import resvg_py
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from saxaul.catalog.entries import Language
from saxaul.certificate.artwork import WIDTH
from saxaul.certificate.certificate import Certificate
from saxaul.certificate.lettering import drawable, wrap
from saxaul.certificate.page import render_page
from saxaul.certificate.picture import render_picture
from tests.certificates import ADDRESS, LOG, make_certificate, make_waiting

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def planted() -> Certificate:
    return make_certificate("dead", "replaced")


def drawn(certificate: Certificate, language: Language = "en", address: str = ADDRESS) -> Element:
    return fromstring(render_picture(certificate, address, language))  # noqa: S314 - our own


def words_of(svg: Element) -> list[str]:
    return [element.text or "" for element in svg.iter(f"{SVG}text")]


@pytest.mark.parametrize("width", [360, 390, 780])
@pytest.mark.parametrize("address", [ADDRESS, "http://localhost:4566/_aws/execute-api/1a2b3c4d5e/v1/certificates/X"])
def test_the_qr_code_leads_to_the_public_address_even_at_the_width_of_a_phone(
    planted: Certificate, address: str, width: int
) -> None:
    pixels = resvg_py.svg_to_bytes(
        svg_string=render_picture(planted, address, "en"), width=width, skip_system_fonts=True
    )

    with Image.open(BytesIO(bytes(pixels))) as image:
        found = zxingcpp.read_barcodes(image)

    assert image.size[0] == width
    assert [(barcode.format.name, barcode.text) for barcode in found] == [("QRCode", address)]


def test_the_picture_shows_species_place_partner_both_dates_state_number_and_dedication(planted: Certificate) -> None:
    words = words_of(drawn(planted))

    assert {"Saxaul", "Haloxylon ammodendron", "Alxa, Inner Mongolia", "Alxa SEE Foundation"} <= set(words)
    assert {"5 June 2026", "22 June 2026", "Replanted", "AX-0002", planted.number} <= set(words)
    assert "“For my grandmother · 献给奶奶”" in words
    assert "In the public log of 100 statements, as of 20 June 2026" in words


def test_the_picture_can_be_in_chinese(planted: Certificate) -> None:
    svg = drawn(planted, "zh")

    assert {"植树证书", "梭梭", "内蒙古阿拉善", "已补种", "2026年6月5日", "2026年6月22日"} <= set(words_of(svg))
    assert svg.get("lang") == "zh-CN"


def test_the_picture_says_that_a_tree_is_not_planted_yet() -> None:
    words = words_of(drawn(make_waiting("reserved")._replace(dedication="")))

    assert {"Reserved", "not yet", "It is added to the public log once it is planted"} <= set(words)
    assert not any("“" in word for word in words)


def test_the_picture_shows_the_words_a_tree_if_the_project_was_deleted_from_the_catalog(planted: Certificate) -> None:
    nameless = planted._replace(species=None, latin=None, place=None, partner=None)

    assert "A tree" in words_of(drawn(nameless))


@pytest.mark.parametrize("state", ["reserved", "ordered", "planted", "alive", "dead", "replaced", "refunded"])
def test_every_state_is_translated_into_both_languages(planted: Certificate, state: str) -> None:
    english, chinese = (words_of(drawn(planted._replace(state=state), language)) for language in ("en", "zh"))

    assert english[1] != state
    assert re.fullmatch(r"[\u4e00-\u9fff]+", chinese[1])


def test_the_picture_scales_and_has_a_description_for_screen_readers(planted: Certificate) -> None:
    svg = drawn(planted)
    title, description = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")

    assert re.fullmatch(rf"0 0 {WIDTH} \d{{3,4}}(\.\d+)?", svg.get("viewBox") or "")
    assert (svg.get("role"), svg.get("aria-labelledby")) == ("img", "title description")
    assert title is not None
    assert description is not None
    assert planted.number in str(title.text)
    assert "For my grandmother" in str(description.text)


HOSTILE = [
    "<script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "]]><!--",
    "&amp;&#60;script&#62; &xxe;",
    "'; DROP TABLE certificates; --",
    "\x00\x01\x1b[31m\ufffe",
    "\u202egnp.live\u202c",
    "https://evil.example/x.png",
    "a\nb\tc",
]


@pytest.mark.parametrize("dedication", HOSTILE)
def test_a_hostile_dedication_adds_no_elements_or_attributes_to_the_picture(
    planted: Certificate, dedication: str
) -> None:
    tame, hostile = drawn(planted), drawn(planted._replace(dedication=dedication, partner=dedication))

    assert {element.tag for element in hostile.iter()} == {element.tag for element in tame.iter()}
    assert {name for element in hostile.iter() for name in element.attrib} == {
        name for element in tame.iter() for name in element.attrib
    }
    assert drawable(dedication)[:5] in "".join(words_of(hostile))


@pytest.mark.parametrize("dedication", HOSTILE)
def test_a_hostile_dedication_adds_no_markup_to_the_page(planted: Certificate, dedication: str) -> None:
    tame, hostile = (
        render_page(planted._replace(dedication=words), ADDRESS, LOG, "en") for words in ("For Mei", dedication)
    )

    tags = re.compile(r"<[a-zA-Z!/][^\s>]*")
    assert set(tags.findall(hostile)) == set(tags.findall(tame))


@settings(deadline=None)  # the machine may be busy
@given(dedication=st.text(max_size=100))
def test_any_dedication_gives_a_well_formed_picture_of_limited_height(planted: Certificate, dedication: str) -> None:
    svg = drawn(planted._replace(dedication=dedication))

    assert float((svg.get("viewBox") or "").split()[3]) < 1000


def test_the_picture_fetches_and_runs_nothing(planted: Certificate) -> None:
    text = render_picture(planted, ADDRESS, "en")

    assert not re.search(
        r"<(script|image|img|link|iframe|foreignObject|object|embed)\b|@import|url\((?!#)|\son\w+=", text
    )
    assert {link for link in re.findall(r'href="([^"]*)"', text) if not link.startswith(ADDRESS)} == {"#tree"}


def test_lines_break_between_words_and_between_hanzi() -> None:
    assert wrap("For the desert and the children", 10, 100, 9) == ["For the desert and", "the children"]
    assert wrap("愿你常看见绿色的春天", 10, 45, 9) == ["愿你常看", "见绿色的", "春天"]
    assert wrap("", 10, 100, 9) == [""]


def test_a_long_word_is_split_and_a_long_text_ends_with_an_ellipsis() -> None:
    assert wrap("W" * 25, 10, 100, 9) == ["W" * 10, "W" * 10, "W" * 5]
    assert wrap("one two three four five six seven", 10, 60, 2) == ["one two", "three fou…"]


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=120), st.integers(1, 4))
def test_no_character_is_lost_unless_there_are_too_many_lines(text: str, maximum: int) -> None:
    broken = wrap(text, 16, 300, maximum)

    assert len(broken) <= maximum
    if not broken[-1].endswith("…"):
        assert "".join(broken).replace(" ", "") == drawable(text).replace(" ", "")
