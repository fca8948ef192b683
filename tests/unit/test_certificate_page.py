"""The page of a certificate: what it says, that its colours can be read, and that it loads nothing but photos."""

import re
from html.parser import HTMLParser
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saxaul.certificate.certificate import Certificate
from saxaul.certificate.from_leaves import NEWEST_INSPECTIONS, PublishedLeaf, chosen
from saxaul.certificate.looks import DARK, LIGHT, SEALS, Palette
from saxaul.certificate.page import check_line, render_page, render_unknown
from saxaul.certificate.page_style import STYLE
from saxaul.certificate.timeline import corrections_in
from saxaul.certificate.words import LABELS, PAGE, place_of
from tests.certificates import (
    ADDRESS,
    FILES,
    LINK,
    LOG,
    NUMBER,
    make_certificate,
    make_life,
    make_particulars,
    make_waiting,
    prove,
)


def page(certificate: Certificate, language: str = "en") -> str:
    return render_page(certificate, ADDRESS, LOG, "zh" if language == "zh" else "en")


def elements_of(text: str) -> list[tuple[str, list[str]]]:
    """Return the elements of a page as a browser reads it, each with the names of its attributes."""
    found: list[tuple[str, list[str]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, [name for name, _ in attrs]))

        def handle_comment(self, data: str) -> None:
            found.append(("comment", [data]))

    Reader().feed(text)
    return found


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    digits = colour.lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(colour: str, other: str) -> float:
    darker, lighter = sorted((luminance(colour), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_each_text_has_a_contrast_of_at_least_4_5_to_what_it_is_on(palette: Palette) -> None:
    texts, grounds = (palette.ink, palette.soft, palette.accent), (palette.paper, palette.shade)

    assert min(contrast(text, ground) for text, ground in product(texts, grounds)) >= 4.5
    assert min(contrast("#fff", seal) for seal in SEALS.values()) >= 4.5


def test_black_and_white_have_the_contrast_that_the_formula_is_known_for() -> None:
    assert contrast("#fff", "#000000") == pytest.approx(21)


def test_the_style_sheet_has_both_palettes_a_desktop_layout_and_a_style_for_paper() -> None:
    light, dark = STYLE.split("prefers-color-scheme:dark")

    assert f"--paper:{LIGHT.paper}" in light
    assert f"--paper:{DARK.paper}" in dark
    assert "@media (min-width:900px)" in STYLE
    assert "@media print" in STYLE


def test_the_page_has_a_line_that_fetches_and_checks_the_certificate() -> None:
    line = check_line(NUMBER, ADDRESS, LOG)

    assert line == (
        f"curl -fsS -o {NUMBER}.json {ADDRESS}.json && "
        f'saxaul-log verify {NUMBER}.json --log {FILES}/log --vkey "{LOG.vkey}"'
    )
    assert line.replace("&", "&amp;") in page(make_certificate())


def test_the_page_names_the_log_its_key_and_somebody_elses_tool() -> None:
    text = page(make_certificate())

    assert f"<code>{LOG.url}</code>" in text
    assert f"<code>{LOG.vkey}</code>" in text
    assert "golang.org/x/mod/sumdb" in text
    assert 'href="https://c2sp.org/tlog-tiles"' in text


def test_the_page_shows_the_public_counter_and_when_it_was_counted() -> None:
    text = page(make_certificate())

    assert "1,234 trees standing in the public log" in text
    assert "counted on 20 June 2026 at 18:00 (UTC+08:00)" in text


def test_the_history_has_each_event_with_its_date_in_words_the_newest_first() -> None:
    text = page(make_certificate("alive", "dead", "replaced"))

    words = re.findall(r"<strong>([^<]*)</strong>", text)
    assert words == ["Replanted", "Found dead", "Found alive", "Planted", "Requested"]
    assert re.findall(r'<time [^>]*datetime="([^"]{10})', text) == [
        *("2026-06-23", "2026-06-22", "2026-06-21", "2026-06-20", "2026-06-05")
    ]


def test_a_correction_is_shown_beside_the_event_that_it_corrects() -> None:
    proven = make_certificate("alive", "moved", "dead", "withdrawn").proven
    moved, withdrawn = corrections_in(proven, "en")

    assert (moved.corrected, moved.number) == (0, 2)
    assert moved.changes == [
        ("corrected_tag", "AX-0009", "AX-0001"),
        ("corrected_place", "38.90000° N, 105.67100° E", "38.85100° N, 105.67100° E"),
    ]
    assert (withdrawn.corrected, withdrawn.number) == (3, 4)
    assert withdrawn.changes == [("corrected_death", "", "")]
    text = page(make_certificate("alive", "moved"))
    assert "Corrected on 22 June 2026:" in text
    assert text.count(">AX-0001</del>") == 2


@pytest.mark.parametrize("word", ["fault", "failed", "failure", "blame", "neglect"])
def test_no_text_of_the_page_blames_anyone_for_a_tree_that_died(word: str) -> None:
    assert word not in " ".join(PAGE["en"].values()).lower()


def test_a_photo_is_shown_with_its_hash_and_a_link_is_named_no_evidence() -> None:
    leaves = make_life("alive")
    certificate = make_certificate("alive")
    linked = certificate._replace(
        proven=[prove(leaves[0]), prove(leaves[1], LINK)],
        tree=certificate.tree._replace(link=LINK) if certificate.tree else None,
    )

    text = page(linked)

    assert f'<img src="{FILES}/photos/{leaves[0].photo}"' in text
    assert f"<code>{leaves[0].photo}</code>" in text
    assert text.count("link, not evidence</a>") == 2
    assert "The log has no photo of this tree." not in text


def test_a_link_that_is_no_address_of_a_web_page_stays_text() -> None:
    certificate = make_certificate()
    assert certificate.tree
    text = page(certificate._replace(tree=certificate.tree._replace(link="javascript:alert(1)")))

    assert 'href="javascript' not in text
    assert "javascript:alert(1)" in text


def test_a_photo_that_a_correction_restates_is_still_that_of_the_planting() -> None:
    assert "<p>Planted, 20 June 2026</p>" in page(make_certificate("moved"))


def test_the_map_shows_the_area_and_the_tree_and_says_so_in_words() -> None:
    text = page(make_certificate())

    assert text.count('class="site"') == text.count('class="dot"') == 1
    assert "The tree stands at 38.85100° N, 105.67100° E." in text
    assert "km</text>" in text


def test_the_map_of_a_tree_that_is_not_planted_shows_only_the_area() -> None:
    text = page(make_waiting())

    assert 'class="site"' in text
    assert "<circle" not in text.partition('class="site"')[2].partition("</svg>")[0]


def test_a_waiting_tree_has_no_history_but_its_request_and_the_log_has_nothing_about_it() -> None:
    text = page(make_waiting())

    assert re.findall(r"<strong>([^<]*)</strong>", text) == ["Requested"]
    assert "The public log has nothing about this tree yet" in text


def test_an_erased_dedication_is_said_to_be_erased() -> None:
    certificate = make_certificate("dedication_erased")

    assert (certificate.dedication, certificate.document("en")["salt"]) == (None, None)
    assert "The dedication was erased" in page(certificate)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_state_and_event_has_words_in_each_language(language: str) -> None:
    words = PAGE["zh" if language == "zh" else "en"]
    states = {name for name in LABELS["en"] if f"is_{name}" in words}

    assert states == {"reserved", "ordered", "planted", "alive", "dead", "replaced", "refunded"}
    assert PAGE["en"].keys() == PAGE["zh"].keys()
    assert LABELS["en"].keys() == LABELS["zh"].keys()


def test_the_page_has_headings_in_order_and_names_each_drawing() -> None:
    text = page(make_certificate("alive"))

    assert next(int(level) for level in re.findall(r"<h(\d)", text)) == 1
    assert text.count("<h1") == 1
    drawings = re.findall(r'<svg [^>]*role="img"[^>]*>', text)
    assert len(drawings) == 3
    assert all('aria-label="' in drawing for drawing in drawings)
    assert all('alt="Photo of the tree' in image for image in re.findall("<img [^>]*>", text))


def test_the_page_loads_nothing_but_photos_and_runs_nothing() -> None:
    text = page(make_certificate("alive", "moved"))

    assert not re.search(r"<(script|image|link|iframe|object|embed|form)\b|@import|url\((?!#)|\son\w+=", text)
    sources = re.findall(r'\ssrc="([^"]*)"', text)
    assert sources
    assert all(source.startswith(f"{FILES}/photos/") for source in sources)


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "]]><!--", "\u202egnp"]
)
def test_a_hostile_text_adds_no_markup_to_the_page(hostile: str) -> None:
    def made(text: str) -> str:
        certificate = make_certificate("alive", particulars=make_particulars(text, partner=text))
        assert certificate.tree
        proven = [shown._replace(leaf=shown.leaf._replace(by=text, tag=text)) for shown in certificate.proven]
        return page(certificate._replace(tree=certificate.tree._replace(tag=text), proven=proven))

    assert elements_of(made(hostile)) == elements_of(made("For Mei"))
    assert "\u202e" not in made(hostile)


def test_the_page_of_an_unknown_number_shows_the_number_as_text_and_says_what_is_wrong() -> None:
    text = render_unknown("<b>7K3M", "form", "en")

    assert "&lt;b&gt;7K3M" in text
    assert "<b>" not in text
    assert "not spelled like a certificate number" in text
    assert "typing error" in render_unknown("0000-0000-0000-1", "check", "en")


def test_points_south_and_west_of_zero_have_their_letters() -> None:
    assert place_of(-33.5, -70.25, 2) == "33.50° S, 70.25° W"


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.sampled_from(["alive", "alive", "dead", "replaced", "corrected"]), max_size=60))
def test_a_certificate_shows_all_changes_the_newest_statement_and_the_newest_inspections(events: list[str]) -> None:
    first = make_life()[0]
    lives = [first, *(first._replace(event=event, since=number) for number, event in enumerate(events, 1))]  # type: ignore[arg-type]
    leaves = [PublishedLeaf(number, leaf, "") for number, leaf in enumerate(lives)]

    shown = chosen(leaves)

    inspections = [published for published in leaves if published.leaf.event == "alive"]
    assert [found for found in shown if found.leaf.event == "alive"] == inspections[-NEWEST_INSPECTIONS:]
    assert [found for found in shown if found.leaf.event != "alive"] == [
        published for published in leaves if published.leaf.event != "alive"
    ]
    assert shown[-1] == leaves[-1]
    assert shown == sorted(shown)
