"""Requests that succeed, for each operation of the API, with what a test has prepared in its stack."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from local.sam import ROOT
from saxaul.catalog.entries import KINDS
from tests.contract.conformance import ACCEPTED, MALFORMED, Answer, Case, Exclusion, Honest, Known
from tests.e2e.hostile import ENTRIES

PREFIX = "contract-"
"""How the ids of everything begin that the requests write."""

ENTRY = f"{PREFIX}synonyms"
"""The id of a group of synonyms, which has two versions."""

_VIEWER = ROOT / "functions" / "describe_api" / "viewer"
_WORDS = {"en": "contract", "zh": "合约"}
_FACILITY: Mapping[str, Any] = {
    "names": _WORDS,
    "kind": "warehouse",
    "place": {"names": _WORDS, "lat": 30.27, "lon": 120.15},
    "app": "alipay",
    "plausible_a_day": {"solar_warehouse": {"value": 1000}},
}
_ENTRY_OF_KIND: Mapping[str, Mapping[str, Any]] = {
    "action-types": ENTRIES[0],
    "campaigns": {**ENTRIES[1], "multipliers": {"bus_ride": 1}, "recurs": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"},
    "tree-projects": ENTRIES[2],
    "initiatives": ENTRIES[3],
    "suggestions": ENTRIES[4],
    "synonyms": ENTRIES[5],
    "facilities": _FACILITY,
}
RUNNING = f"{PREFIX}running"
ALWAYS: Mapping[str, Any] = {
    "names": _WORDS,
    "texts": _WORDS,
    "recurs": "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1",
    "days": 366,
    "multipliers": {"bus_ride": 1},
}
"""A campaign that runs on every day. It must be there as ``RUNNING``."""
_BIKES: Mapping[str, Any] = {"name": "Bikes", "kind": "third_party"}
_REASON = {"reason": "ticket 4711"}
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class World(NamedTuple):
    """What a test has prepared in its stack, with the default catalog.

    Attributes:
        now: the current time.
        user: the id of a person with points for a tree, and a grant to citybike.
        action: an action of this person that was reported, as it was sent.
        receipt: the id of the receipt of the call that reported it.
        redemption: a redemption whose tree is ordered, by the names in its path.
        cancelled: a redemption that is cancelled, by the names in its path. So cancelling it again succeeds.
        orders: the id of the planting order of each of the three trees, by certificate number.
        planted: the certificate number of a tree that is planted.
        ordered: the certificate number of a tree that is not planted yet.
        failing: the same, of another tree.
        erasure: an erasure, by its id (``erasure_id``) and by that of its person (``user_id``).
    """

    now: datetime
    user: str
    action: Mapping[str, Any]
    receipt: str
    redemption: Mapping[str, str]
    cancelled: Mapping[str, str]
    orders: Mapping[str, str]
    planted: str
    ordered: str
    failing: str
    erasure: Mapping[str, str]
    apps: "Apps"


class Apps(NamedTuple):
    """Apps that a test has registered.

    Attributes:
        app_id: an app with one secret.
        ended_id: an app that is to be ended.
        rotated_id: an app with two secrets.
        secret_id: one of these two.
    """

    app_id: str
    ended_id: str
    rotated_id: str
    secret_id: str


def registered_apps(call: Callable[[str, str, Any], Any], mark: str) -> Apps:
    """Register apps that no other test uses. ``call`` sends a request of an operator and returns the answer.

    An id is never given away again, so ``mark`` is another one for each stack and test.
    """
    app_id, ended_id, rotated_id = (f"{PREFIX}{mark}-{name}" for name in ("app", "ended", "rotated"))
    for name in (app_id, ended_id, rotated_id):
        call("PUT", f"/apps/{name}", _BIKES)
    return Apps(app_id, ended_id, rotated_id, call("POST", f"/apps/{rotated_id}/secret", {})["secret_id"])


def known(world: World, tokens: Mapping[str, str]) -> Known:
    """Return what a test knows about its stack."""
    return Known(tokens, _honest(world), _values(world), _harmless)


def _honest(world: World) -> Mapping[str, Sequence[Honest]]:
    person = {"user_id": world.user}
    grant = {**person, "app_id": "citybike"}
    planted, ordered, failing = (
        {"order_id": world.orders[number]} for number in (world.planted, world.ordered, world.failing)
    )
    entry = {"kind": "synonyms", "id": ENTRY}
    entries = [{"kind": kind, "id": f"{PREFIX}{kind}"} for kind in KINDS]
    running = {"kind": "campaigns", "id": RUNNING}
    action = {**world.action, "action_id": f"{PREFIX}new"}
    reversal = {name: world.action[name] for name in ("action_id", "user_id", "occurred_at")} | {"reason": "mistake"}
    moment = world.now.isoformat()
    planting = {"tag": f"{PREFIX}T-1", "lat": 38.8512345, "lon": 105.7312345, "planted_at": moment}
    seen = {"certificate": world.planted, "state": "alive", "inspected_at": moment, "inspector": "Li"}
    photo = {"sha256": "0" * 64, "bytes": 1000, "type": "image/jpeg"}
    wrong = {"certificate": world.planted, "reason": "A typing error.", "tag": f"{PREFIX}tag"}
    wish = {"project_id": "saxaul-alxa"}
    return {
        "POST /actions": [Honest(body={"actions": [action]})],
        "POST /reversals": [Honest(body={"reversals": [reversal]})],
        "GET /receipts/{receipt_id}": [Honest({"receipt_id": world.receipt})],
        "GET /suggestions": [Honest(), Honest(query={"q": "bus", "user_id": world.user})],
        "GET /campaigns/{id}": [Honest({"id": "world-environment-day"})],
        "GET /users/{user_id}/grants": [Honest(person)],
        **{f"GET /users/{{user_id}}/{name}": _reads(person) for name in ("wallet", "ledger", "statement")},
        **{
            f"GET /users/{{user_id}}/{name}": _reads({"user_id": world.redemption["user_id"]})
            for name in ("forest", "redemptions")
        },
        "POST /users/{user_id}/harvest": [Honest(person)],
        "POST /users/{user_id}/redemptions": [Honest(person, wish, headers={"Idempotency-Key": f"{PREFIX}key"})],
        "GET /users/{user_id}/redemptions/{redemption_id}": _reads(world.redemption),
        "DELETE /users/{user_id}/redemptions/{redemption_id}": [Honest(world.cancelled)],
        "GET /users/{user_id}/grants/{app_id}": [Honest(grant)],
        "PUT /users/{user_id}/grants/{app_id}": [Honest(grant, {"covers": ["read"]})],
        "DELETE /users/{user_id}/grants/{app_id}": [Honest(grant)],
        "GET /users/{user_id}/export": [Honest(person, query=_REASON)],
        "DELETE /users/{user_id}": [Honest({"user_id": f"{PREFIX}erased"}, query=_REASON)],
        "GET /users/{user_id}": [Honest({"user_id": world.erasure["user_id"]}, query=_REASON)],
        "GET /erasures/{erasure_id}": [Honest({"erasure_id": world.erasure["erasure_id"]})],
        "GET /planting-orders/{order_id}": [Honest(planted)],
        "POST /planting-orders/{order_id}/confirmations": [
            Honest(ordered, {"confirmations": [{"certificate": world.ordered, **planting}]})
        ],
        "POST /planting-orders/{order_id}/failures": [
            Honest(failing, {"failures": [{"certificate": world.failing, "reason": "frost"}]})
        ],
        "POST /planting-orders/{order_id}/inspections": [Honest(planted, {"inspections": [seen]})],
        "POST /planting-orders/{order_id}/photos": [Honest(planted, {"photos": [photo]})],
        "POST /planting-orders/{order_id}/corrections": [Honest(planted, {"corrections": [wrong]})],
        "GET /catalog/{kind}": [Honest({"kind": kind}) for kind in KINDS],
        "GET /catalog/{kind}/{id}": [Honest(entry)],
        "PUT /catalog/{kind}/{id}": [Honest(path, deepcopy(_ENTRY_OF_KIND[path["kind"]])) for path in entries],
        "DELETE /catalog/{kind}/{id}": [Honest({"kind": "synonyms", "id": f"{PREFIX}deleted"})],
        "GET /catalog/{kind}/{id}/versions": [Honest(entry)],
        "POST /catalog/{kind}/{id}/versions/{version}/restore": [Honest({**entry, "version": "1"})],
        "POST /catalog/{kind}/{id}/end": [Honest(running), Honest(running, {})],
        **{
            operation: [Honest({"app_id": world.apps.app_id}, body)]
            for operation, body in {
                "GET /apps/{app_id}": None,
                "PUT /apps/{app_id}": _BIKES,
                "POST /apps/{app_id}/suspend": None,
                "POST /apps/{app_id}/resume": None,
                "POST /apps/{app_id}/secret": {"overlap_seconds": 0},
            }.items()
        },
        "POST /apps/{app_id}/reversals": [Honest({"app_id": world.apps.app_id}, body={"reversals": [reversal]})],
        "DELETE /apps/{app_id}": [Honest({"app_id": world.apps.ended_id})],
        "DELETE /apps/{app_id}/secrets/{secret_id}": [
            Honest({"app_id": world.apps.rotated_id, "secret_id": world.apps.secret_id})
        ],
        "GET /docs/{file}": [Honest({"file": file.name}) for file in sorted(_VIEWER.glob("swagger-ui-*"))],
        "GET /certificates/{number}": [
            Honest({"number": f"{number}{form}"}) for number in (world.planted, world.ordered) for form in ("", ".svg")
        ],
        "GET /factors/{action_type}/{version}": [Honest({"action_type": "bus_ride", "version": "1"})],
    }


def _reads(path: Mapping[str, str]) -> Sequence[Honest]:
    """Return a read of a person by an app, and the same by an operator, who says why."""
    return [Honest(path), Honest(path, query=_REASON)]


def _values(world: World) -> Mapping[str, Sequence[Any]]:
    moments = [(world.now - timedelta(hours=hours)).isoformat() for hours in (0, 1)]
    return {
        "user_id": [world.user],
        "facility_id": ["recycled-packaging-hub"],
        "type": [world.action["type"]],
        "quantity": [1, "1.5"],
        **dict.fromkeys(("occurred_at", "planted_at", "inspected_at"), moments),
        "project_id": ["saxaul-alxa"],
        "certificate": [world.ordered, world.planted],
        "lat": [38.85],
        "lon": [105.73],
        "q": ["bus", "公交", "saxaul"],
    }


def _harmless(case: Case) -> None:
    """Let a request write only catalog entries and apps whose ids begin with the prefix."""
    path: Mapping[str, Any] = case.path_parameters or {}
    name = "app_id" if case.path.startswith("/apps/") else "id"
    identifier = path.get(name)
    writes = case.method != "GET" and case.path.startswith(("/catalog/", "/apps/"))
    if not writes or not isinstance(identifier, str) or not _IDENTIFIER.fullmatch(identifier):
        return
    if not identifier.startswith(PREFIX):
        case.path_parameters = {**path, name: f"{PREFIX}{identifier}"[:64]}


def _names_refused_items(_: Case, answer: Answer) -> bool:
    is_json = answer.headers.get("content-type") == ["application/json"]
    return is_json and bool(json.loads(answer.content).get("refused"))


_RELATIVE = (
    "cursor must be",
    "reason must not contain an id",
    "on must not be before today",
    "effective_at: ",
    "'from' must not be after 'to'",
    "The run cannot end on this day",
)
"""How the details of the refusals begin of parameters whose values the document cannot describe."""


def _is_relative(_: Case, answer: Answer) -> bool:
    return str(json.loads(answer.content)["detail"]).startswith(_RELATIVE)


EXCLUSIONS = (
    Exclusion("which value is valid depends on the time, on an earlier answer or on another", MALFORMED, _is_relative),
    Exclusion(
        "an answer names the items that are refused, and the others are accepted", ACCEPTED, _names_refused_items
    ),
)


def remove_entries(call: Callable[[str, str], Any]) -> None:
    """Delete the entries that the requests wrote, and end the apps. ``call`` sends a request and returns the answer."""
    for app in _listed(call, "/apps", "apps"):
        if app["app_id"].startswith(PREFIX) and app["state"] != "ended":
            call("DELETE", f"/apps/{app['app_id']}")
    for kind in ("suggestions", "initiatives", "campaigns", "synonyms", "tree-projects", "facilities", "action-types"):
        for entry in _listed(call, f"/catalog/{kind}", "entries"):
            if entry["id"].startswith(PREFIX):
                call("DELETE", f"/catalog/{kind}/{entry['id']}")


def _listed(call: Callable[[str, str], Any], path: str, name: str) -> Iterator[Any]:
    """Yield all items of a list, page by page."""
    cursor: str | None = ""
    while cursor is not None:
        page = call("GET", f"{path}?limit=200" + (f"&cursor={cursor}" if cursor else ""))
        yield from page[name]
        cursor = page["cursor"]
