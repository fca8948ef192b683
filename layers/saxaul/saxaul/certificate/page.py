"""A certificate as a web page: the tree, its history, photo and place, how to check it, and the public counter.

The page is built as a tree of elements. It loads nothing but photos from the files bucket, and runs nothing.
"""

from xml.etree.ElementTree import Element

from saxaul.catalog.entries import Language
from saxaul.certificate.artwork import HORIZON, WIDTH, draw_landscape, draw_qr_code, growth_of
from saxaul.certificate.certificate import Certificate, ProvenLeaf, ShownLog
from saxaul.certificate.locator import draw_map
from saxaul.certificate.looks import standing_of
from saxaul.certificate.markup import add, add_link, add_section, html_of, new_page
from saxaul.certificate.picture import title_of
from saxaul.certificate.timeline import add_history
from saxaul.certificate.words import LABELS, PAGE, day_of, in_language, place_of, time_of

_SPECIFICATION = "https://c2sp.org/tlog-tiles"
_SIDE_OF_CODE = 120


def render_page(certificate: Certificate, address: str, log: ShownLog, language: Language) -> str:
    """Return a certificate as HTML.

    ``address`` is the URL in the QR code. The links to the other forms of the certificate begin with this URL.
    """
    page, main = new_page(title_of(certificate, language), language)
    left, right = add(main, "div", class_="left"), add(main, "div", class_="right")
    _add_card(left, certificate, address, language)
    _add_site(left, certificate, language)
    _add_counter(left, log, language)
    _add_photo(right, certificate, language)
    add_history(right, certificate, language)
    _add_check(right, certificate, address, log, language)
    _add_links(right, address, language)
    return html_of(page)


def render_unknown(typed: str, fault: str | None, language: Language) -> str:
    """Return a page that says that there is no certificate with a number. ``fault`` is that of the number, if any."""
    words = PAGE[language]
    page, main = new_page(words["unknown"], language)
    main.set("class", "alone")
    card = add(main, "div", class_="card")
    _add_artwork(card, "", "ordered", words["unknown"])
    add(card, "h1", words["unknown"])
    add(card, "p", words[f"unknown_{fault or 'none'}"], class_="lead")
    asked = add(card, "p", f"{words['typed']}: ", class_="lead")
    asked.text = f"{asked.text} "
    add(asked, "code", typed[:100], dir="auto")
    other = LABELS[language]["other"]
    add(add(card, "p", class_="lead"), "a", other, href=f"?lang={_other(language)}", lang=_other(language))
    return html_of(page)


def _add_artwork(card: Element, latin: str, state: str, title: str) -> None:
    svg = add(card, "svg", viewBox=f"0 0 {WIDTH} {HORIZON}", role="img", aria_label=title)
    draw_landscape(svg, latin, state)


def _add_card(parent: Element, certificate: Certificate, address: str, language: Language) -> None:
    words, labels = PAGE[language], LABELS[language]
    name = in_language(certificate.species, language) or labels["unnamed"]
    card = add(parent, "div", class_="card")
    drawn = words[f"drawn_{growth_of(certificate.state)}"].format(name=name)
    _add_artwork(card, certificate.latin or "", certificate.state, drawn)
    head = add(card, "div", class_="head")
    add(head, "span", labels["heading"])
    add(head, "strong", labels[certificate.state], class_=f"seal {standing_of(certificate.state)}")
    add(card, "h1", name, dir="auto")
    if certificate.latin:
        add(card, "p", certificate.latin, class_="latin", lang="la")
    if place := in_language(certificate.place, language):
        add(card, "p", place, dir="auto")
    add(card, "p", words[f"is_{certificate.state}"], class_="lead")
    if certificate.dedication:
        quotation = add(card, "blockquote", dir="auto", aria_label=words["dedication"])
        add(quotation, "p", certificate.dedication, dir="auto")
    elif certificate.dedication is None:
        add(card, "p", words["erased"], class_="lead")
    _add_facts(card, certificate, language)
    scan = add(card, "div", class_="scan")
    side = str(_SIDE_OF_CODE)
    code = add(scan, "svg", viewBox=f"0 0 {side} {side}", role="img", aria_label=words["qr"])
    draw_qr_code(code, address, 0, 0, _SIDE_OF_CODE)
    number = add(scan, "p")
    add(number, "span", labels["number"], class_="small")
    add(number, "br")
    add(number, "code", certificate.number)


def _add_facts(card: Element, certificate: Certificate, language: Language) -> None:
    labels = LABELS[language]
    facts = add(card, "dl")
    _add_fact(facts, labels["requested_at"], day_of(certificate.requested_at, language))
    _add_fact(facts, labels["planted_at"], day_of(certificate.planted_at, language))
    if certificate.partner:
        _add_fact(facts, labels["partner"], certificate.partner, "wide")
    if certificate.tree:
        _add_fact(facts, labels["tag"], certificate.tree.tag, "wide")


def _add_fact(facts: Element, name: str, value: str, kind: str = "") -> Element:
    fact = add(facts, "div", class_=kind)
    add(fact, "dt", name)
    return add(fact, "dd", value, dir="auto")


def _add_counter(parent: Element, log: ShownLog, language: Language) -> None:
    words = PAGE[language]
    footer = add(parent, "footer")
    text = words["counter_one" if log.standing == 1 else "counter"].format(count=f"{log.standing:,}")
    add(footer, "p", text, class_="count")
    if log.counted_at:
        day, time = day_of(log.counted_at, language), time_of(log.counted_at)
        add(footer, "p", words["counter_at"].format(day=day, time=time), class_="small")
    add(footer, "p", words["counter_how"], class_="small")


def _add_check(parent: Element, certificate: Certificate, address: str, log: ShownLog, language: Language) -> None:
    words = PAGE[language]
    section = add_section(parent, "check", words["check"])
    add(section, "p", words["check_logged" if certificate.proven else "check_waiting"])
    add(add(section, "pre", tabindex="0"), "code", check_line(certificate.number, address, log))
    add(section, "p", words["check_tool"], class_="small")
    add(section, "h3", words["other_tool"])
    text = add(section, "p", words["other_text"], class_="small")
    text.text = f"{text.text} "
    add(text, "a", f"{words['specification']}: c2sp.org/tlog-tiles", href=_SPECIFICATION)
    facts = add(section, "dl")
    for name, value in ((words["log_url"], log.url), (words["log_key"], log.vkey)):
        add(_add_fact(facts, name, "", "wide"), "code", value)


def check_line(number: str, address: str, log: ShownLog) -> str:
    """Return a command that fetches a certificate and checks it against the log, for any usual shell."""
    fetched = f"{number}.json"
    fetch = f"curl -fsS -o {fetched} {address}.json"
    return f'{fetch} && saxaul-log verify {fetched} --log {log.url} --vkey "{log.vkey}"'


def _add_photo(parent: Element, certificate: Certificate, language: Language) -> None:
    """Add the newest photo that the log has the hash of, and the link of the planting, if there is one."""
    words, tree = PAGE[language], certificate.tree
    if tree is None:
        return
    section = add_section(parent, "photo", words["photo"])
    newest = next((shown.photo for shown in reversed(certificate.proven) if shown.photo), None)
    taken = next((shown for shown in certificate.proven if newest and shown.photo == newest), None)
    if taken:  # a correction may restate the photo of the planting
        _add_figure(section, taken, language)
    else:
        add(section, "p", words["no_photo"])
    if tree.link:
        line = add(section, "p", class_="lead")
        add_link(line, tree.link, words["link"])
        add(section, "p", words["link_note"], class_="small")


def _add_figure(section: Element, shown: ProvenLeaf, language: Language) -> None:
    if shown.photo is None:
        return
    words, leaf = PAGE[language], shown.leaf
    event, day = words[f"event_{leaf.event}"], day_of(leaf.occurred_at, language)
    figure = add(section, "figure")
    described = words["photo_alt"].format(by=leaf.by, event=event, day=day)
    add(add(figure, "a", href=shown.photo.url), "img", src=shown.photo.url, alt=described, loading="lazy")
    caption = add(figure, "figcaption")
    add(caption, "p", words["photo_of"].format(event=event, day=day))
    add(caption, "p", words["photo_proof"], class_="small")
    add(caption, "code", shown.photo.sha256)


def _add_site(parent: Element, certificate: Certificate, language: Language) -> None:
    words, tree = PAGE[language], certificate.tree
    if tree is None and certificate.site is None:
        return
    section = add_section(parent, "site", words["site" if tree else "site_waiting"])
    is_dead = certificate.state == "dead"
    point = (tree.lat, tree.lon) if tree else None
    described = words["map_dead" if is_dead else "map_tree"].format(place=place_of(*point)) if point else ""
    section.append(draw_map(certificate.site, point, is_dead=is_dead, title=f"{words['map']} {described}".strip()))
    if place := in_language(certificate.place, language):
        add(section, "p", place, dir="auto")
    if point:
        add(section, "p", place_of(*point), class_="code")


def _add_links(parent: Element, address: str, language: Language) -> None:
    labels, other = LABELS[language], _other(language)
    section = add(parent, "section", class_="screen")
    navigation = add(section, "nav", aria_label=PAGE[language]["page_links"])
    add(navigation, "a", labels["data"], href=f"{address}.json")
    add(navigation, "a", labels["picture"], href=f"{address}.svg?lang={language}")
    add(navigation, "a", labels["other"], href=f"{address}?lang={other}", lang=other)


def _other(language: Language) -> Language:
    return "zh" if language == "en" else "en"
