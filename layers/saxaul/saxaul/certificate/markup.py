"""Builds the HTML of a page as a tree of elements. ElementTree escapes each text, so a text cannot become markup."""

from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement, tostring

from saxaul.catalog.entries import Language
from saxaul.certificate.lettering import drawable
from saxaul.certificate.page_style import STYLE


def add(parent: Element, tag: str, text: str | None = None, **attributes: str) -> Element:
    """Add an element. A ``_`` at the end of an attribute's name is left out, and any other one becomes ``-``."""
    named = {name.removesuffix("_").replace("_", "-"): drawable(value) for name, value in attributes.items()}
    element = SubElement(parent, tag, named)
    if text is not None:
        element.text = drawable(text)
    return element


def add_section(parent: Element, name: str, heading: str) -> Element:
    """Add a section with a heading, which names it for screen readers."""
    section = add(parent, "section", aria_labelledby=name)
    add(section, "h2", heading, id=name)
    return section


def add_link(parent: Element, address: str, text: str) -> None:
    """Add a link that somebody else gave. What is no address of a web page stays text."""
    if urlsplit(address).scheme.lower() in ("http", "https"):
        add(parent, "a", text, href=address, rel="nofollow noopener noreferrer ugc")
    else:
        add(parent, "span", f"{text}: {address}")


def new_page(title: str, language: Language) -> tuple[Element, Element]:
    """Return a page without content, and its main part."""
    html = Element("html", lang="zh-CN" if language == "zh" else "en")
    head, body = SubElement(html, "head"), SubElement(html, "body")
    SubElement(head, "meta", charset="utf-8")
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    SubElement(head, "meta", name="referrer", content="no-referrer")
    SubElement(head, "meta", name="robots", content="noindex")
    add(head, "title", title)
    SubElement(head, "style").text = STYLE
    return html, SubElement(body, "main")


def html_of(page: Element) -> str:
    return "<!doctype html>\n" + tostring(page, "unicode", method="html")
