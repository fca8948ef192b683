"""A certificate as a self-contained picture (SVG).

The picture is built as a tree of XML elements. ElementTree escapes all texts, so a text that a person or partner wrote
cannot become markup. The picture loads nothing: no fonts, no scripts, no images.
"""

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from saxaul.catalog.entries import Language
from saxaul.certificate.artwork import HORIZON, WIDTH, draw_landscape, draw_qr_code
from saxaul.certificate.certificate import Certificate
from saxaul.certificate.lettering import drawable, wrap
from saxaul.certificate.looks import LIGHT, MONOSPACE, SANS, SEALS, SERIF, standing_of
from saxaul.certificate.words import LABELS, day_of, in_language

_MARGIN = 28
_INNER = WIDTH - 2 * _MARGIN
_INK, _SOFT = LIGHT.ink, LIGHT.soft


def render_picture(certificate: Certificate, address: str, language: Language) -> str:
    """Return a certificate as SVG. ``address`` is the URL in the QR code."""
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(
        certificate_element(certificate, address, language), "unicode"
    )


def certificate_element(certificate: Certificate, address: str, language: Language) -> Element:
    """Return a certificate as an SVG element that a page can contain."""
    svg = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "aria-labelledby": "title description"})
    svg.set("lang", "zh-CN" if language == "zh" else "en")
    svg.set("font-family", SANS)
    SubElement(svg, "title", id="title").text = title_of(certificate, language)
    SubElement(svg, "desc", id="description").text = _description(certificate, language)
    paper = SubElement(svg, "rect", width=str(WIDTH), fill=LIGHT.paper)
    draw_landscape(svg, certificate.latin or "", certificate.state)
    sheet = _Sheet(svg, top=HORIZON)
    _write_name(sheet, certificate, language)
    _write_facts(sheet, certificate, language)
    _write_dedication(sheet, certificate)
    _write_check(sheet, certificate, address, language)
    height = f"{sheet.y:g}"
    paper.set("height", height)
    svg.set("viewBox", f"0 0 {WIDTH} {height}")
    svg.set("width", "100%")
    return svg


class _Sheet:
    """The text part of a certificate, written from top to bottom. ``y`` is the current position."""

    def __init__(self, svg: Element, top: float) -> None:
        self.svg = svg
        self.y = top

    def write(
        self, texts: Sequence[str], size: float, *, leading: float = 1.35, x: float = _MARGIN, **style: str
    ) -> None:
        """Write lines below each other, and move ``y`` down to the last one."""
        for text in texts:
            self.y += size * leading
            self.put(text, x, self.y, size, **style)

    def put(self, text: str, x: float, y: float, size: float, **style: str) -> None:
        """Write a line at (``x``, ``y``), and do not change ``self.y``."""
        attributes = {name.replace("_", "-"): value for name, value in style.items()}
        place = {"x": f"{x:g}", "y": f"{y:.1f}", "font-size": f"{size:g}", "fill": _INK}
        SubElement(self.svg, "text", place | attributes).text = drawable(text)

    def rule(self) -> None:
        self.y += 20
        line = f"M{_MARGIN} {self.y:.1f}H{WIDTH - _MARGIN}"
        SubElement(self.svg, "path", {"d": line, "stroke": LIGHT.line, "stroke-width": "1"})


def _write_name(sheet: _Sheet, certificate: Certificate, language: Language) -> None:
    labels = LABELS[language]
    sheet.y += 14
    sheet.write([labels["heading"]], 11.5, fill=_SOFT, letter_spacing="2")
    _write_seal(sheet, labels[certificate.state], SEALS[standing_of(certificate.state)])
    sheet.y += 6
    sheet.write(wrap(_species(certificate, language), 33, _INNER, 2), 33, leading=1.2, font_family=SERIF)
    if certificate.latin:
        sheet.y += 3
        latin = wrap(certificate.latin, 15, _INNER, 2)
        sheet.write(latin, 15, font_family=SERIF, font_style="italic", fill=_SOFT)
    if certificate.place:
        sheet.y += 6
        sheet.write(wrap(certificate.place.in_language(language), 16, _INNER, 2), 16)


def _write_seal(sheet: _Sheet, text: str, colour: str) -> None:
    width = 30 + 13 * (len(text) if text > "\u3000" else len(text) * 0.58)
    left = WIDTH - _MARGIN - width
    SubElement(
        sheet.svg, "rect", x=f"{left:g}", y=f"{sheet.y - 17:g}", width=f"{width:g}", height="26", rx="13", fill=colour
    )
    centre = left + width / 2
    sheet.put(text, centre, sheet.y + 0.6, 13, fill="#fff", text_anchor="middle", font_weight="600")


def _write_facts(sheet: _Sheet, certificate: Certificate, language: Language) -> None:
    labels = LABELS[language]
    sheet.rule()
    sheet.y += 6
    top = sheet.y
    for (name, moment), x in zip(_dates(certificate).items(), [_MARGIN, WIDTH / 2 + 8], strict=True):
        sheet.y = top
        sheet.write([labels[name]], 12, x=x, leading=1.5, fill=_SOFT)
        sheet.write([day_of(moment, language)], 16, x=x, fill=_INK if moment else _SOFT)
    if certificate.partner:
        sheet.y += 8
        sheet.write([labels["partner"]], 12, leading=1.5, fill=_SOFT)
        sheet.write(wrap(certificate.partner, 16, _INNER, 2), 16)


def _write_dedication(sheet: _Sheet, certificate: Certificate) -> None:
    dedication = drawable(certificate.dedication or "")
    if not dedication:
        return
    sheet.rule()
    sheet.y += 8
    quotation = wrap(f"“{dedication}”", 18, _INNER, 8)
    sheet.write(quotation, 18, x=WIDTH / 2, font_family=SERIF, font_style="italic", text_anchor="middle")
    sheet.y += 2


def _write_check(sheet: _Sheet, certificate: Certificate, address: str, language: Language) -> None:
    labels = LABELS[language]
    sheet.rule()
    top, side, x = sheet.y + 20, 124.0, _MARGIN + 140
    draw_qr_code(sheet.svg, address, _MARGIN, top, side)
    sheet.y = top - 4
    sheet.write([labels["number"]], 12, x=x, leading=1.5, fill=_SOFT)
    sheet.write([certificate.number], 16, x=x, font_family=MONOSPACE)
    if tree := certificate.tree:
        sheet.y += 4
        sheet.write([labels["tag"]], 12, x=x, leading=1.5, fill=_SOFT)
        sheet.write(wrap(tree.tag, 15, WIDTH - _MARGIN - x, 1), 15, x=x)
        sheet.write([f"{tree.lat:.4f}, {tree.lon:.4f}"], 12, x=x, leading=1.5, fill=_SOFT)
    sheet.put(labels["scan"], x, top + side - 4, 12, fill=LIGHT.accent, font_weight="600")
    sheet.y = top + side + 6
    sheet.write(wrap(_proof_line(certificate, language), 12, _INNER, 2), 12, fill=_SOFT)
    sheet.y += 26


def _proof_line(certificate: Certificate, language: Language) -> str:
    """Return the line that names the published log, or says that the tree is not in it yet."""
    labels = LABELS[language]
    if not certificate.counted:
        return labels["unproved"]
    count = certificate.counted.leaf
    return labels["proved"].format(size=count.size + 1, day=day_of(count.counted_at, language))


def title_of(certificate: Certificate, language: Language) -> str:
    """Return the title of a certificate: its species, its number and its state."""
    state = LABELS[language][certificate.state]
    return drawable(f"{_species(certificate, language)} · {certificate.number} · {state}")


def _description(certificate: Certificate, language: Language) -> str:
    """Return a description of the certificate for screen readers."""
    dates = (f"{LABELS[language][name]}: {day_of(moment, language)}" for name, moment in _dates(certificate).items())
    place = in_language(certificate.place, language)
    parts = (certificate.latin, place, certificate.partner, *dates, certificate.dedication)
    return drawable(". ".join(part for part in parts if part))


def _dates(certificate: Certificate) -> Mapping[str, str | None]:
    """Return the dates that a certificate shows, by the name of their label."""
    return {"requested_at": certificate.requested_at, "planted_at": certificate.planted_at}


def _species(certificate: Certificate, language: Language) -> str:
    return in_language(certificate.species, language) or LABELS[language]["unnamed"]
