"""A certificate as a web page for a phone: the picture, and links to the data, the picture and the other language.

Like the picture, the page is built as a tree of XML elements, and it loads nothing.
"""

from xml.etree.ElementTree import Element, SubElement, tostring

from saxaul.catalog.entries import Language
from saxaul.certificate.certificate import Certificate
from saxaul.certificate.picture import INK, LABELS, SANS, STANDING_COLOUR, certificate_element, title_of


def render_page(certificate: Certificate, address: str, language: Language) -> str:
    """Return a certificate as HTML.

    ``address`` is the URL in the QR code. The links to the other forms of the certificate begin with this URL.
    """
    labels, other = LABELS[language], "zh" if language == "en" else "en"
    html = Element("html", lang=language)
    head, body = SubElement(html, "head"), SubElement(html, "body")
    SubElement(head, "meta", charset="utf-8")
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    SubElement(head, "title").text = title_of(certificate, language)
    SubElement(head, "style").text = (
        f"body{{margin:0;background:#f1e9d8;color:{INK};font:15px {SANS}}}"
        "main{max-width:440px;margin:0 auto}svg{display:block;width:100%;height:auto}"
        f"nav{{display:flex;gap:1.4em;justify-content:center;padding:1.2em}}a{{color:{STANDING_COLOUR}}}"
    )
    main = SubElement(body, "main")
    main.append(certificate_element(certificate, address, language))
    navigation = SubElement(main, "nav")
    for link, label in (
        (f"{address}.json", labels["data"]),
        (f"{address}.svg?lang={language}", labels["picture"]),
        (f"{address}?lang={other}", labels["other"]),
    ):
        SubElement(navigation, "a", href=link).text = label
    return "<!doctype html>\n" + tostring(html, "unicode", method="html")
