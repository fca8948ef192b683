"""The language that a client prefers, according to its header ``Accept-Language`` (RFC 9110, section 12.5.4)."""

import re

from saxaul.catalog.entries import LANGUAGES, Language

_RANGE = re.compile(
    r"(\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)(?:[ \t]*;[ \t]*[Qq]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)
"""A language range, and its weight if it has one."""

_CHINESE = re.compile("cdo|cjy|cmn|cnp|cpx|csp|czh|czo|gan|hak|hnm|hsn|luh|lzh|mnp|nan|sjc|wuu|yue")
"""The languages that the macrolanguage ``zh`` covers, such as Mandarin and Cantonese.

Source: the IANA Language Subtag Registry, the languages with ``Macrolanguage: zh``.
"""

_LONGEST_HEADER = 500
"""A longer header counts as missing. Those of browsers with ten languages have about 100 characters."""


def preferred_language(accept_language: str) -> Language:
    """Return the language of the programme that a client prefers; English if the header names none of them.

    A language is looked up as in RFC 4647, section 3.4: ``zh-Hant-TW`` is shortened until the programme has it, so it
    is ``zh``. A Chinese language with a subtag of its own, such as ``yue-HK``, is ``zh`` too. ``*`` stands for the
    languages that the header does not name. A language with ``q=0`` is excluded, unless all languages are. A member of
    the list that is malformed is ignored.
    """
    members = accept_language.split(",") if len(accept_language) <= _LONGEST_HEADER else []
    found = [match for member in members if (match := _RANGE.fullmatch(member.strip(" \t")))]
    weights = [(float(match[2] or 1), match[1].lower()) for match in found]
    named = {tag for _, tag in weights}
    excluded = {tag for weight, tag in weights if not weight}
    for weight, tag in sorted(weights, key=lambda weighed: -weighed[0]):
        for language in LANGUAGES if weight else ():
            is_other = tag == "*" and language not in named
            if language not in excluded and (is_other or language == _language_of(tag)):
                return language
    return next((language for language in LANGUAGES if language not in excluded), LANGUAGES[0])


def _language_of(tag: str) -> str:
    subtag = tag.partition("-")[0]
    return "zh" if _CHINESE.fullmatch(subtag) else subtag
