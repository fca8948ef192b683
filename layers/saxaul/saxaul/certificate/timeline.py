"""The history on the page of a certificate: each event, the newest first, with its corrections beside it."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

from saxaul.catalog.entries import Language
from saxaul.certificate.certificate import Certificate, ProvenLeaf
from saxaul.certificate.markup import add, add_link, add_section
from saxaul.certificate.words import LABELS, PAGE, day_of, place_of
from saxaul.log.leaves import TreeLeaf

_PLANTINGS = ("planted", "replaced")


class ShownCorrection(NamedTuple):
    """What a correction changes.

    Attributes:
        corrected: the place of the event that it corrects, in the list of shown events.
        number: its own place in that list.
        changes: the name of each changed fact, as it is now, and as it was; two empty texts if only the change matters.
    """

    corrected: int
    number: int
    changes: Sequence[tuple[str, str, str]]


def add_history(parent: Element, certificate: Certificate, language: Language) -> None:
    """Add the section with the history."""
    words = PAGE[language]
    section = add_section(parent, "history", words["history"])
    events = add(section, "ol")
    of_event = defaultdict(list)
    for correction in corrections_in(certificate.proven, language):
        of_event[correction.corrected].append(correction)
        of_event[correction.number].append(correction)
    for number in range(len(certificate.proven) - 1, -1, -1):
        _add_event(events, certificate, number, of_event[number], language)
    if not certificate.proven and certificate.planted_at:
        planted = add(events, "li", class_="planted")
        _add_head(planted, certificate.planted_at, words["event_planted"], language)
        add(planted, "p", words["unlogged"], class_="small")
    _add_head(add(events, "li", class_="requested"), certificate.requested_at, words["requested"], language)
    if certificate.left_out:
        add(section, "p", words["left_out"].format(count=certificate.left_out), class_="small lead")


def corrections_in(proven: Sequence[ProvenLeaf], language: Language) -> list[ShownCorrection]:
    """Return what each shown correction changes. All events that change the state are shown, so none is missed."""
    found = []
    for number in range(1, len(proven)):
        leaf, before = proven[number].leaf, proven[number - 1].leaf
        if leaf.event == "corrected":
            plantings = [place for place in range(number) if proven[place].leaf.event in _PLANTINGS]
            stated = [place for place in range(number) if proven[place].leaf.event in (*_PLANTINGS, "corrected")]
            deaths = [place for place in range(number) if proven[place].leaf.event == "dead"]
            is_withdrawn = before.state == "dead" != leaf.state
            changes = _changes(leaf, before, proven[stated[-1]].leaf, language)
            corrected = deaths[-1] if is_withdrawn and deaths else plantings[-1]
            found.append(ShownCorrection(corrected, number, changes))
    return found


def _changes(leaf: TreeLeaf, before: TreeLeaf, stated: TreeLeaf, language: Language) -> list[tuple[str, str, str]]:
    """Return the changed facts. ``stated`` is the last leaf before this one with the photo and link of the planting."""
    changes: list[tuple[str, str, str]] = [
        ("corrected_tag", leaf.tag, before.tag),
        ("corrected_place", _place_of(leaf), _place_of(before)),
        ("corrected_planted_at", day_of(leaf.planted_at, language), day_of(before.planted_at, language)),
    ]
    changed = [change for change in changes if change[1] != change[2]]
    if leaf.state != before.state:
        changed.append(("corrected_death", "", ""))
    changed += [("corrected_photo", "", "")] if leaf.photo != stated.photo else []
    return changed + ([("corrected_link", "", "")] if leaf.link != stated.link else [])


def _place_of(leaf: TreeLeaf) -> str:
    return place_of(float(leaf.lat), float(leaf.lon))


def _add_event(
    events: Element, certificate: Certificate, number: int, corrections: Sequence[ShownCorrection], language: Language
) -> None:
    words, shown = PAGE[language], certificate.proven[number]
    leaf = shown.leaf
    event = add(events, "li", class_=leaf.event)
    _add_head(event, leaf.occurred_at, words[f"event_{leaf.event}"], language)
    if leaf.by:
        add(event, "p", words["by"].format(by=leaf.by), class_="small", dir="auto")
    if leaf.event in _PLANTINGS:
        facts = add(event, "p", class_="small")
        add(facts, "span", f"{LABELS[language]['tag']} {leaf.tag}", dir="auto").tail = " · "
        add(facts, "span", _place_of(leaf))
    for correction in corrections:
        _add_correction(event, certificate, correction, language, is_own=correction.number == number)
    if shown.photo or shown.link:
        evidence = add(event, "p", class_="small")
        if shown.photo:
            add(evidence, "a", words["photo"], href=shown.photo.url).tail = " " if shown.link else ""
        if shown.link:
            add_link(evidence, shown.link, words["link"])


def _add_head(event: Element, moment: str, text: str, language: Language) -> None:
    add(add(event, "p"), "time", day_of(moment, language), datetime=moment, class_="small")
    add(add(event, "p"), "strong", text)


def _add_correction(
    event: Element, certificate: Certificate, correction: ShownCorrection, language: Language, *, is_own: bool
) -> None:
    """Add what a correction changes: to itself, or to the event that it corrects."""
    words = PAGE[language]
    note = add(event, "div", class_="note")
    if not is_own:
        day = day_of(certificate.proven[correction.number].leaf.occurred_at, language)
        add(note, "p", words["corrected_later"].format(day=day))
    for name, now, was in correction.changes:
        line = add(note, "p", words[name] if not now else f"{words[name]}:", dir="auto")
        if now:
            line.text = f"{line.text} "
            add(line, "span", now, dir="auto").tail = f" ({words['was']} "
            add(line, "del", was, dir="auto").tail = ")"
