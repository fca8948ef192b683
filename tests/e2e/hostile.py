"""Hostile API calls: paths, queries, headers and bodies that no honest client sends.

Half of the bodies are valid ones with one change, because a request that is wrong everywhere is refused at the first
check. A seed determines all calls. They touch only ids that begin with ``fuzz``, and catalog entries that refer to
nothing else, so that they do not disturb other tests on the same stack.
"""

import json
import random
from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from local.template import resources
from saxaul.catalog.entries import KINDS

_WORDS = {"en": "fuzz", "zh": "模糊"}
_PLACE = {"names": _WORDS, "lat": 38.85, "lon": 105.73}
LONG = "x" * 20_000
HIDDEN = "\u202e\u2066\u200b\ufeff"
TEXTS: Sequence[str] = (
    "",
    " ",
    ".",
    "..",
    "../../etc/passwd",
    "%2e%2e%2f",
    "%",
    "%zz",
    "%00",
    "a/b",
    "a#b",
    "a?b=c",
    "a:b",
    "USER#x",
    "\x00",
    "\r\nset-cookie: a=b",
    "\x1b[2J\x1b]8;;https://example.com\x07",
    "\ud800",
    HIDDEN,
    "👨‍👩‍👧‍👦",
    "\uff11\uff12\uff13",
    "梭梭",
    "⾃行车",
    "ﷺ" * 200,
    "e" + "\u0301" * 500,
    "=1+1",
    "\uff1dcmd|' /C calc'!A0",
    '"; DROP TABLE ledger; --',
    '{"$ne": null}',
    "${jndi:ldap://localhost/a}",
    "{0.__class__}",
    "<script>alert(1)</script>",
    "]]>&xxe;",
    "attribute_exists(pk)",
    ":points",
    "None",
    "null",
    "true",
    "NaN",
    "-1",
    "0",
    "1e999",
    "9" * 400,
    "2026-02-30T25:61:61Z",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "__proto__",
    "__class__",
    LONG,
)
VALUES: Sequence[Any] = (
    *TEXTS,
    None,
    True,
    False,
    0,
    -1,
    1,
    1.5,
    1e308,
    5e-324,
    10**40,
    -(10**40),
    [],
    {},
    [[]],
    [None] * 600,
    {"": ""},
    {"a" * 300: 1},
    {f"k{number}": number for number in range(1000)},
    [{"en": "x", "zh": "x"}],
    {"en": "x", "zh": "x"},
    "2026-06-05",
    "0001-01-01",
    "9999-12-31",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=YEARLY;BYWEEKNO=53;BYDAY=-53MO",
    "FREQ=YEARLY;INTERVAL=9999;UNTIL=99999999",
)
RAW_BODIES: Sequence[bytes] = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"0",
    b'"text"',
    b"\xff\xfe\x00",
    b'{"actions": NaN}',
    b'{"actions": [' + b"[" * 5000 + b"]" * 5000 + b"]}",
    b"[" * 100_000,
    b'{"a": ' * 20_000,
    b'{"quantity": ' + b"9" * 5000 + b"}",
    b'{"quantity": 1e999999999}',
    b'{"a": 1, "a": 2, "a": "\\ud800"}',
    json.dumps({"actions": [{"action_id": LONG, "type": LONG}] * 200}).encode(),
    json.dumps({"multipliers": {"": 2, "a b": 2, "\x00": 2}, "names": _WORDS, "texts": _WORDS}).encode(),
)
MANY_KEYS = json.dumps({"actions": [{f"key-{number}": number for number in range(1000)}] * 500}).encode()
"""A body of six megabytes, each of whose half a million keys is wrong."""

HEADERS: Sequence[tuple[str, str]] = (
    ("if-match", "2"),
    ("if-match", 'garbage"1"garbage'),
    ("if-match", '"'),
    ("if-match", "*, *"),
    ("if-match", 'W/"1"'),
    ("if-match", ""),
    ("if-match", '"1",' * 300),
    ("if-none-match", "*"),
    ("if-none-match", '"' * 99),
    ("accept", "text/html;q=nonsense, */*"),
    ("accept", "x" * 3000),
    ("content-type", "text/xml"),
    ("content-type", ""),
    ("idempotency-key", ""),
    ("idempotency-key", "fuzz-key"),
    ("idempotency-key", "k" * 129),
    ("idempotency-key", "\xe9\xff"),
    ("idempotency-key", "a\tb"),
    ("host", "example.com"),
    ("x-forwarded-host", "example.com"),
    ("x-http-method-override", "DELETE"),
    ("range", "bytes=0-0"),
    ("accept-language", "zh" * 500),
)
QUERIES: Sequence[str] = (
    "q",
    "limit",
    "cursor",
    "lang",
    "month",
    "from",
    "to",
    "by",
    "after",
    "on",
    "effective_at",
    "unknown",
)
CLIENTS: Sequence[str | None] = ("alipay", "citybike", "partner", "operator", None)


class Route(NamedTuple):
    """A method and a path of the API, with names in braces where a value goes."""

    method: str
    path: str


class Call(NamedTuple):
    """A request: the client whose token it has (None: no token), and what is sent. ``target`` is percent-encoded."""

    client: str | None
    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes


def routes() -> list[Route]:
    """Return the routes of the template."""
    events = (
        event
        for function in resources("AWS::Serverless::Function").values()
        for event in function.get("Events", {}).values()
    )
    found = [event["Properties"] for event in events if event["Type"] == "Api"]
    return sorted(Route(properties["Method"].upper(), properties["Path"]) for properties in found)


def hostile_calls(seed: int, count: int) -> Iterator[Call]:
    """Yield this many calls: first each raw body for each route, then random calls of all routes in turn."""
    chance, known = random.Random(seed), routes()
    yield Call("alipay", "POST", "/actions", (), MANY_KEYS)
    raw = [(route, body) for route in known if route.method in {"PUT", "POST"} for body in RAW_BODIES]
    for route, body in raw:
        yield Call(_fitting_client(route), route.method, _target(chance, route), (), body)
    for number in range(count - len(raw) - 1):
        yield _call(chance, known[number % len(known)])


def _call(chance: random.Random, route: Route) -> Call:
    client = chance.choice(CLIENTS) if chance.random() < 0.3 else _fitting_client(route)
    method = route.method if chance.random() < 0.97 else chance.choice(["HEAD", "PATCH", "OPTIONS", "TRACE", "LINK"])
    headers = chance.sample(HEADERS, chance.choice([0, 0, 1, 3]))
    return Call(client, method, _target(chance, route), headers, _body(chance, route) if method != "GET" else b"")


def _fitting_client(route: Route) -> str:
    if route.path.startswith("/catalog"):
        return "operator"
    return "partner" if route.path.startswith("/planting-orders") else "alipay"


def _target(chance: random.Random, route: Route) -> str:
    segments = [
        _segment(chance, part) if part.startswith("{") else part for part in route.path.removeprefix("/").split("/")
    ]
    target = "/" + "/".join(segments)
    if chance.random() < 0.4:
        pairs = [f"{chance.choice(QUERIES)}={_encoded(chance)}" for _ in range(chance.choice([1, 1, 2, 5]))]
        target += "?" + "&".join(pairs)
    return target[:6000]


def _segment(chance: random.Random, name: str) -> str:
    if chance.random() < 0.25:
        return _encoded(chance) or "%20"
    match name:
        case "{kind}":
            return chance.choice(KINDS)
        case "{version}":
            return chance.choice(["1", "2", "0", "99999999"])
        case "{app_id}":
            return chance.choice(["alipay", "nobody"])
        case _:
            return f"fuzz-{chance.randrange(20)}"


def _encoded(chance: random.Random) -> str:
    text = chance.choice(TEXTS)[:1500]
    if chance.random() < 0.2:
        return text if text.isascii() and text.isprintable() and not set(text) & set(' #?/\\"<>^`{|}') else "%ff%fe"
    return quote(text, safe="", errors="surrogatepass")


def _body(chance: random.Random, route: Route) -> bytes:
    if chance.random() < 0.1:
        return chance.choice(RAW_BODIES)
    valid = _valid_body(chance, route)
    if chance.random() < 0.9:
        for _ in range(chance.choice([1, 1, 2, 4])):
            valid = _spoiled(chance, valid)
    return json.dumps(valid, ensure_ascii=True).encode()


_ITEMS = {
    "failures": {"certificate": "0000-0000-0000-0", "reason": "drought"},
    "photos": {"sha256": "0" * 64, "bytes": 1000, "type": "image/png"},
}


def _valid_body(chance: random.Random, route: Route) -> Any:  # noqa: ANN401 - any JSON value
    match route.path.rstrip("/").rpartition("/")[2]:
        case "actions":
            return {"actions": [_action(chance) for _ in range(chance.choice([1, 1, 3, 50]))]}
        case "reversals":
            names = ("action_id", "user_id", "occurred_at")
            return {"reversals": [{name: _action(chance)[name] for name in names} | {"reason": "mistake"}]}
        case "redemptions":
            return {"project_id": chance.choice(["saxaul-alxa", "fuzz-1"]), "trees": 1, "dedication": "For Mei"}
        case "confirmations":
            return {"confirmations": [{"certificate": "0000-0000-0000-0", **_planting()}]}
        case "failures" | "photos" as name:
            return deepcopy({name: [_ITEMS[name]]})
        case "inspections":
            seen = {"state": "alive", "inspected_at": _ago(chance), "inspector": "Li"}
            return {"inspections": [{"certificate": "0000-0000-0000-0", **seen}]}
        case "{app_id}":
            return {"covers": ["report", "read", "spend"]}
        case _:
            return deepcopy(chance.choice(ENTRIES))


def _action(chance: random.Random) -> dict[str, Any]:
    return {
        "action_id": f"fuzz-{chance.randrange(10**6)}",
        "user_id": f"fuzz-{chance.randrange(20)}",
        "type": chance.choice(["bus_ride", "walking", "paperless_bill"]),
        "quantity": chance.choice([1, 2, 5000, "1.5"]),
        "occurred_at": _ago(chance),
    }


def _ago(chance: random.Random) -> str:
    return (datetime.now(UTC) - timedelta(minutes=chance.randrange(60 * 24 * 5))).isoformat()


def _planting() -> dict[str, Any]:
    planted = datetime.now(UTC).isoformat()
    return {"planted_at": planted, "tag": "T-1", "lat": 38.85, "lon": 105.73, "photo_url": "https://example.com/1.jpg"}


ENTRIES: Sequence[dict[str, Any]] = (
    {
        "names": _WORDS,
        "unit": "ride",
        "points": {"value": 8, "per": "action", "at_least": 1},
        "caps": [{"window": "day", "units": 5}, {"window": "month", "points": 1000}],
        "avoided_g": {"value": 212.5, "confidence": "C", "source": "a source"},
        "max_quantity": 10,
    },
    {
        "names": _WORDS,
        "texts": _WORDS,
        "recurs": "FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=5",
        "days": 3,
        "keywords": ["fuzz"],
        "multipliers": {"fuzz-1": 2},
        "goal": {"counts": "actions", "target": 1000},
        "editions": {"2026": {"host": _WORDS, "theme": _WORDS}},
    },
    {
        "species": _WORDS,
        "place": _PLACE,
        "partner": "Alxa SEE Foundation",
        "price_points": 10**9,
        "saplings": 1,
        "schedule": {"daily": 1, "at": "07:00", "first_day": "2027-01-01", "last_day": "2027-02-01", "total": 20},
    },
    {
        "titles": _WORDS,
        "texts": _WORDS,
        "keywords": ["fuzz"],
        "facilities": ["recycled-packaging-hub"],
        "action_types": ["recycled_packaging"],
        "link": "https://example.com/fuzz",
    },
    {
        "titles": _WORDS,
        "texts": _WORDS,
        "keywords": ["fuzz"],
        "action_type": "secondhand_item",
        "links": {"alipay": "https://example.com/fuzz"},
    },
    {"words": ["fuzzing", "模糊测试"]},
)


def _spoiled(chance: random.Random, document: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a document in which one place has another value, is missing, or is there under another name."""
    spoiled = deepcopy(document)
    place: Any = spoiled
    while isinstance(place, dict | list) and place:
        key = chance.choice(list(place)) if isinstance(place, dict) else chance.randrange(len(place))
        inner = place[key]
        if isinstance(inner, dict | list) and inner and chance.random() < 0.7:
            place = inner
            continue
        match chance.randrange(8):
            case 0:
                del place[key]
            case 1 if isinstance(place, dict):
                place[chance.choice(TEXTS)] = inner
            case 2 if isinstance(place, list):
                place.extend([inner] * chance.choice([1, 60, 600]))
            case _:
                place[key] = deepcopy(chance.choice(VALUES))
        return spoiled
    return deepcopy(chance.choice(VALUES))
