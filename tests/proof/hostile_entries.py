"""Random catalog entries that try to break their readers: wild values, keys, rules, dates and texts."""

import json
import random
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from saxaul.catalog.entries import KINDS, Kind
from saxaul.catalog.recurrences import checked_rule, first_days
from saxaul.search.hanzi import readings

Json = Any


class Hostile(NamedTuple):
    """An entry to send: its kind and the body of the request."""

    kind: Kind
    body: str


MAX_BODY = 1_000_000
"""The most characters of a body, so that parsing it does not take most of the time of a run."""

_AMBIGUOUS = [character for code in range(0x4E00, 0x9FA5) if len(readings(character := chr(code))) > 1]
"""Hanzi with several readings, of which each combination is a spelling."""

_RAW = re.compile(r'"@raw ([^"]*)"')
"""A number that Python's own encoder cannot write, such as 1e-400."""

_NUMBERS = (
    *(0, -1, 1, 2, 366, 367, 1e308, 5e-324, 0.1, 10**9, 10**9 + 1, 10**15, 10**38, 10**39, 10**400, True, False),
    *(f"@raw {number}" for number in ("1e-400", "-0", "-0.0", "1E+2", "0E-400", "0E+9999", "0e999999999", "1e99999")),
    *(f"@raw {number}" for number in ("1e999999999", "-1e999999999", "NaN", "Infinity", "1E+14", "0.0000001", "5.0")),
)
_DAYS = (
    *("1969-12-31", "1970-01-01", "2000-01-01", "2026-06-05", "2100-12-31", "2101-01-01", "9999-12-31", "0001-01-01"),
    *("2026-02-30", "2026-6-5", "20260605", "2026-06-05T00:00:00Z", "now"),
)
_KEYS = ("", " ", "a", "A", "bus_ride", "x" * 64, "x" * 65, "../x", "a\n", "\ud800", "\x00", "__proto__", "2026", "é")
_LINKS = (
    *("https://a.cn/" + "x" * 480, "https://a.cn/" + "x" * 500, "javascript:alert(1)", "https://", "HTTP://A.CN"),
    *(
        "https://a.cn/\n",
        "https://a .cn",
        "https://[::1",
        "https://xn--",
        "http:\\\\a.cn",
        "//a.cn",
        "https://a.cn:99999",
    ),
)
_PARTS: Mapping[str, int] = {"BYMONTH": 12, "BYMONTHDAY": 31, "BYYEARDAY": 366, "BYWEEKNO": 53, "BYSETPOS": 366}
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def wild_rule(rng: random.Random) -> str:
    """Return a rule from the grammar of RFC 5545. Most are valid yearly rules; some are out of range or broken."""
    parts = []
    for name, largest in _PARTS.items():
        if rng.random() < 0.3:
            limit = largest if rng.random() < 0.9 else largest * 30
            lowest = 1 if name == "BYMONTH" and rng.random() < 0.95 else -limit
            numbers = [rng.randint(lowest, limit) or 1 for _ in range(rng.choice((1, 1, 2, 3, 12, 60)))]
            parts.append(f"{name}={','.join(map(str, numbers))}")
    if rng.random() < 0.3:
        ordinals = rng.choice((("",), ("", "1", "-1"), ("+5", "-5", "5"), ("53", "-53", "54", "99")))
        days = [rng.choice(ordinals) + rng.choice(_WEEKDAYS) for _ in range(rng.choice((1, 2, 7)))]
        parts.append(f"BYDAY={','.join(days)}")
    if rng.random() < 0.2:
        parts.append(f"INTERVAL={rng.choice((1, 2, 4, 28, 130, 131, 9999, 0))}")
    if rng.random() < 0.2:
        parts.append(
            f"UNTIL={rng.choice(('19691231', '19700101', '20260605', '21010101', '99991231', '20260230', '1'))}"
        )
    if rng.random() < 0.05:
        parts.append(rng.choice(("COUNT=3", "BYEASTER=1", "BYHOUR=1", "BYMONTH=6", "WKST=SU", "", "DTSTART=20260605")))
    rng.shuffle(parts)
    rule = ";".join((rng.choice(("FREQ=YEARLY",) * 20 + ("FREQ=DAILY", "FREQ=SECONDLY")), *parts))
    return rule if rng.random() < 0.98 else rule.replace("=", rng.choice(("", "==", "\n", "=\u0661")), 1)


def wild_text(rng: random.Random) -> str:
    length = rng.choice((0, 1, 20, 100, 101, 500, 501, 5000))
    alphabet = rng.choice(
        (
            _AMBIGUOUS,
            ["a", "b", " "],
            ["\u0627", "\u0628", "\u200f", "\u200d"],
            ["e\u0301\u0302", "\u0301"],
            ["🌳", "👨\u200d👩\u200d👧", " "],
            ["\ufdfa", "ﬃ", "ß", "İ"],
            ["\x00", "\x1b", "\x85", "\u202e", "\ud800", "\uffff", "a"],
            [" ", "\u3000", "\u200b"],
            ["\U00020000", "龍", "a1"],
        )
    )
    return "".join(rng.choice(alphabet) for _ in range(length))[:length]


def wild_value(rng: random.Random) -> Json:
    choices: list[Callable[[], Json]] = [
        lambda: rng.choice(_NUMBERS),
        lambda: rng.choice(_DAYS),
        lambda: rng.choice(_LINKS),
        lambda: rng.choice(_KEYS),
        lambda: wild_text(rng),
        lambda: wild_rule(rng),
        lambda: [wild_text(rng) for _ in range(rng.choice((0, 1, 5, 50, 51, 300)))],
        lambda: {_wild_key(rng): rng.choice(_NUMBERS) for _ in range(rng.choice((0, 1, 5, 100, 101)))},
        lambda: {_wild_key(rng): rng.choice(_LINKS) for _ in range(rng.choice((1, 5, 51)))},
        lambda: {"en": wild_text(rng), "zh": wild_text(rng)},
        lambda: None,
        list,
        dict,
        lambda: json.loads("[" * 400 + "]" * 400),
    ]
    return rng.choice(choices)()


def _wild_key(rng: random.Random) -> str:
    return rng.choice(_KEYS) if rng.random() < 0.2 else f"k{rng.randrange(1000)}"


def make_hostile(rng: random.Random, ordinary: Mapping[Kind, Json]) -> Hostile:
    """Return an ordinary entry of a random kind after one to three random changes."""
    kind = rng.choice((*KINDS, "campaigns", "suggestions"))
    document = json.loads(json.dumps(ordinary[kind]))
    if kind == "campaigns" and rng.random() < 0.6:
        document["recurs"] = wild_rule(rng)
        document["days"] = rng.choice((1, 2, 7, 365, 366))
        document["ends"] = _ends(rng, document["recurs"], document["days"])
    else:
        for _ in range(rng.randint(1, 3)):
            document = _changed(rng, document)
    body = _RAW.sub(r"\1", json.dumps(document))
    return Hostile(kind, body) if len(body) <= MAX_BODY else make_hostile(rng, ordinary)


def _ends(rng: random.Random, rule: str, days: int) -> dict[str, str]:
    """Return early ends of some runs of a year. In the first and the last year, some are not allowed."""
    try:
        firsts = first_days(checked_rule(rule), rng.choice((1970, 2026, 2100)))
    except ValueError:
        return {}
    ended = rng.sample(firsts, rng.randint(0, len(firsts)))
    return {first.isoformat(): (first + timedelta(rng.randint(-1, days - 2))).isoformat() for first in ended}


def _changed(rng: random.Random, value: Json) -> Json:
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = rng.choice(sorted(value))
        what = rng.random()
        if what < 0.05:
            return {key: other for key, other in value.items() if key != name}
        if what < 0.12:
            return value | {_wild_key(rng): wild_value(rng)}
        return value | {name: _changed(rng, value[name])}
    if isinstance(value, list) and value and rng.random() < 0.7:
        return [*value[:-1], _changed(rng, value[-1])] if rng.random() < 0.5 else value * rng.choice((2, 10, 200))
    if isinstance(value, str) and rng.random() < 0.6:
        return rng.choice((wild_text, lambda chance: chance.choice(_DAYS)))(rng)
    if isinstance(value, int | float) and rng.random() < 0.7:
        return rng.choice(_NUMBERS)
    return wild_value(rng)
