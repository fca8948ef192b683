"""Harmless events, with which each function is checked after a deployment.

Each event takes the way of a real one through the handler of its function, and reads what the function uses: tables,
buckets, queues and the key, as far as nothing has to be written for that. It writes nothing: it reads, or it asks for
something that must be refused, or its message or change is one that the function does not process. What it names is
called ``saxaul-check``.

A worker keeps the catalog and the public key in memory, and does without S3 if it must: then it reads the table, and
logs a warning. So one event of each function that reads S3 or KMS says ``read_again``: the worker then reads them
before anything else (saxaul/http/endpoint.py).

The API is called as the operator, or without a token if the operation is public. Some operations admit apps or partners
only. If any is registered, they are called with its client id; if not, they refuse the operator.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from local.api_events import queue_event, request_event
from local.template import resources
from saxaul.http.request import CHECK
from saxaul.trees.photos import upload_key

NOBODY = CHECK
"""The name of whatever the events ask for. Nothing has it."""

_REASON = "check after a deployment"
_NO_CERTIFICATE = "0000-0000-0000-0"
_BEFORE_ALL = "-1"
"""The sequence number of a change that every tally takes for counted, because it is before each real one."""

_HTTP_OK, _FORBIDDEN, _NOT_FOUND, _INVALID = 200, 403, 404, 400


class Callers(NamedTuple):
    """The client ids with which the API is called. ``app`` is first-party; it and ``partner`` are None without one."""

    operator: str
    app: str | None = None
    partner: str | None = None

    @property
    def reader(self) -> str:
        """Who reads what apps and operators may read: an app, if there is one, because its calls are counted too."""
        return self.app or self.operator

    @property
    def are_complete(self) -> bool:
        """Whether there is one of each."""
        return bool(self.app and self.partner)


class HarmlessEvent(NamedTuple):
    """An event, and what must come of it.

    Attributes:
        about: what the event asks for, such as ``GET /log``.
        event: what the function is invoked with.
        status: the HTTP status of the response; None for a function that does not serve the API.
        code: the code of the problem, if the request must be refused.
        returned: the messages that the function must return to the queue, because they cannot be processed.
        logged: a text that must be in the log, and excuses an error there.
    """

    about: str
    event: Mapping[str, Any]
    status: int | None = None
    code: str | None = None
    returned: tuple[str, ...] = ()
    logged: str = ""


@cache
def _scopes() -> str:
    """Return all scopes of the API, as the claim of a token has them."""
    [server] = resources("AWS::Cognito::UserPoolResourceServer").values()
    return " ".join(f"{server['Identifier']}/{scope['ScopeName']}" for scope in server["Scopes"])


def events_for(callers: Callers) -> dict[str, list[HarmlessEvent]]:
    """Return the events of each function, by its logical id."""
    return {
        "IngestActions": _ingest_actions(callers),
        "AccruePoints": [_EMPTY_BATCH, _ACTION_OF_NO_TYPE],
        "FindRepeats": [_EMPTY_BATCH, _A_CHANGE],
        "SuggestCampaigns": [_reading_again(_get("/suggestions", callers.reader, query={"q": "tree"}))],
        "RedeemTrees": _redeem_trees(callers),
        "SettleRedemptions": [_EMPTY_BATCH, _NO_REDEMPTION],
        "SweepRedemptions": [HarmlessEvent("a run of its schedule", {})],
        "ScheduleOrders": [HarmlessEvent("a run that only lists", {"only_list": True})],
        "PlaceOrders": [_EMPTY_BATCH, _NO_PROJECT],
        "TakeReports": _take_reports(callers),
        "HashPhotos": [_EMPTY_BATCH, _NO_UPLOAD],
        "ViewForest": _view_forest(callers),
        "ManageGrants": _manage_grants(callers),
        "ManagePersons": _manage_persons(callers),
        "ProveTrees": [
            _reading_again(_get("/log")),
            _get("/certificates/{number}", path={"number": _NO_CERTIFICATE})._replace(
                status=_NOT_FOUND, code="unknown_certificate"
            ),
        ],
        "SequenceLog": [HarmlessEvent("a run of its schedule", {"schedule": "repair", "read_again": True})],
        "ErasePersons": [_EMPTY_BATCH, _NO_ERASURE],
        "CosignCheckpoints": [_EMPTY_BATCH],
        "TallyImpact": [_EMPTY_BATCH, _A_CHANGE],
        "ViewImpact": _view_impact(callers),
        "ManageCatalog": _manage_catalog(callers),
        "PublishCatalog": [HarmlessEvent("a run of its schedule", {})],
        "ManageApps": [
            _get("/apps", callers.operator),
            _get("/apps/{app_id}", callers.operator, path={"app_id": NOBODY})._replace(
                status=_NOT_FOUND, code="unknown_app"
            ),
        ],
        "EndOverlaps": [HarmlessEvent("a run of its schedule", {})],
        "DescribeApi": [_get("/openapi.json"), _get("/docs")],
    }


def _ingest_actions(callers: Callers) -> list[HarmlessEvent]:
    reversal = {"user_id": NOBODY, "action_id": NOBODY, "reason": NOBODY, "occurred_at": "2000-01-01T00:00:00Z"}
    taken = _post("/apps/{app_id}/reversals", callers.operator, {"reversals": [reversal]}, path={"app_id": NOBODY})
    receipt = _get("/receipts/{receipt_id}", callers.operator, path={"receipt_id": NOBODY})
    return [
        _reading_again(receipt)._replace(status=_NOT_FOUND, code="unknown_receipt"),
        taken._replace(status=_NOT_FOUND, code="unknown_app"),
    ]


def _redeem_trees(callers: Callers) -> list[HarmlessEvent]:
    path = {"user_id": NOBODY, "redemption_id": NOBODY}
    read = _get("/users/{user_id}/redemptions/{redemption_id}", callers.operator, path=path, query=_WITH_REASON)
    found = [_reading_again(read)._replace(status=_NOT_FOUND, code="unknown_redemption")]
    if callers.app:
        body = {"project_id": NOBODY, "trees": 1}
        asked = _post("/users/{user_id}/redemptions", callers.app, body, path={"user_id": NOBODY}, key=NOBODY)
        found.append(asked._replace(status=_NOT_FOUND, code="unknown_project"))
    return found


def _take_reports(callers: Callers) -> list[HarmlessEvent]:
    if callers.partner is None:
        listed = _get("/planting-orders", callers.operator)
        return [_reading_again(listed)._replace(status=_FORBIDDEN, code="not_a_partner"), _stranger(listed)]
    one = _get("/planting-orders/{order_id}", callers.partner, path={"order_id": NOBODY})
    return [
        _reading_again(_get("/planting-orders", callers.partner)),
        one._replace(status=_NOT_FOUND, code="unknown_order"),
    ]


def _view_forest(callers: Callers) -> list[HarmlessEvent]:
    person = {"user_id": NOBODY}
    ways = ("wallet", "ledger", "statement", "redemptions", "forest")
    # Of a request with a reason, the function logs no message of an error, so an app asks if there is one.
    caller, query = (callers.app, None) if callers.app else (callers.operator, _WITH_REASON)
    of_nobody = (_get(f"/users/{{user_id}}/{way}", caller, path=person, query=query) for way in ways)
    return [*of_nobody, _reading_again(_get("/tree-projects", callers.reader))]


def _manage_grants(callers: Callers) -> list[HarmlessEvent]:
    caller = callers.reader
    listed = _get("/users/{user_id}/grants", caller, path={"user_id": NOBODY})
    if callers.app is None:
        return [listed._replace(status=_FORBIDDEN, code="not_an_app"), _stranger(listed)]
    one = _get("/users/{user_id}/grants/{app_id}", caller, path={"user_id": NOBODY, "app_id": NOBODY})
    return [listed, one._replace(status=_NOT_FOUND, code="unknown_grant")]


def _manage_persons(callers: Callers) -> list[HarmlessEvent]:
    person = {"user_id": NOBODY}
    newest = _get("/users/{user_id}", callers.operator, path=person, query=_WITH_REASON)
    one = _get("/erasures/{erasure_id}", callers.operator, path={"erasure_id": NOBODY})
    return [
        _get("/users/{user_id}/export", callers.operator, path=person, query=_WITH_REASON),
        newest._replace(status=_NOT_FOUND, code="no_erasure"),
        _stranger(newest),
        one._replace(status=_NOT_FOUND, code="unknown_erasure"),
    ]


def _view_impact(callers: Callers) -> list[HarmlessEvent]:
    factor = _get("/factors/{action_type}/{version}", path={"action_type": NOBODY, "version": "1"})
    return [
        _reading_again(_get("/impact")),
        factor._replace(status=_NOT_FOUND, code="unknown_factor"),
        _get("/campaigns", callers.reader),
    ]


def _manage_catalog(callers: Callers) -> list[HarmlessEvent]:
    one = {"kind": "campaigns", "id": NOBODY}
    read = _get("/catalog/{kind}/{id}", callers.operator, path=one)
    written = _api("PUT", "/catalog/{kind}/{id}", callers.operator, path=one, body={})
    return [
        _get("/catalog/{kind}", callers.operator, path={"kind": "campaigns"}),
        read._replace(status=_NOT_FOUND, code="unknown_entry"),
        written._replace(status=_INVALID, code="invalid_entry"),
    ]


def _reading_again(asked: HarmlessEvent) -> HarmlessEvent:
    """Return the request, for which the worker first reads again what it has in memory from S3 and KMS."""
    return asked._replace(event={**asked.event, "read_again": True})


def _stranger(asked: HarmlessEvent) -> HarmlessEvent:
    """Return the request of a client that is not registered, so that the function looks for it in the registry."""
    event = json.loads(json.dumps(asked.event))
    event["requestContext"]["authorizer"]["claims"]["client_id"] = NOBODY
    return asked._replace(event=event, status=_FORBIDDEN, code="unknown_client")


_WITH_REASON = {"reason": _REASON}


def _get(
    resource: str,
    client: str | None = None,
    *,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> HarmlessEvent:
    return _api("GET", resource, client, path=path, query=query)


def _post(
    resource: str, client: str, body: Mapping[str, Any], *, path: Mapping[str, str] | None = None, key: str = ""
) -> HarmlessEvent:
    return _api("POST", resource, client, path=path, body=body, key=key)


def _api(
    method: str,
    resource: str,
    client: str | None,
    *,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
    key: str = "",
) -> HarmlessEvent:
    """Return a request with all scopes, which must be answered with status 200."""
    claims = {"client_id": client, "scope": _scopes()} if client else None
    event = request_event(method, resource, claims, path=path, query=query, body=body, key=key)
    return HarmlessEvent(f"{method} {resource}", event, _HTTP_OK)


_EMPTY_BATCH = HarmlessEvent("an empty batch", {"Records": []})

_NEVER = 9_999_999_999
"""An instant in the future. What was accepted then has no age, so the metrics do not call it late."""

# The withdrawal reads a period, where there is nothing to withdraw. The action's type is in no catalog.
_ACTION_OF_NO_TYPE = HarmlessEvent(
    "messages that change nothing",
    queue_event(
        {"app": NOBODY, "accepted_at": _NEVER, "withdrawals": [["user", NOBODY, NOBODY, "2000-01-01", False]]},
        {
            "app": NOBODY,
            "accepted_at": _NEVER,
            "actions": [["user", NOBODY, NOBODY, NOBODY, "1", 0, False, "", 1, None, None]],
        },
    ),
    returned=(f"{NOBODY}-1",),
    logged="versions of action types that cannot be read",
)

_NO_REDEMPTION = HarmlessEvent(
    "a redemption that nobody requested",
    queue_event({"project_id": NOBODY, "user_id": NOBODY, "redemption_id": NOBODY}),
)

_NO_PROJECT = HarmlessEvent(
    "a tree project that is in no catalog",
    queue_event({"project_id": NOBODY}),
    returned=(f"{NOBODY}-0",),
    logged=f"the catalog has no tree project {NOBODY}",
)


_NO_ERASURE = HarmlessEvent("an erasure that does not exist", queue_event({"name": "0" * 64}))


_NO_UPLOAD = HarmlessEvent(
    "an upload that nobody made",
    queue_event({"Records": [{"s3": {"object": {"key": upload_key("0" * 64, NOBODY)}}}]}),
    logged="the upload is gone",
)


def _change() -> Iterator[tuple[str, Any]]:
    """Yield the members of a change of a period that nobody has. It does not say when it was made, as real ones do."""
    entry = {"k": {"S": f"{NOBODY}:1"}, "t": {"S": NOBODY}, "q": {"N": "1"}, "p": {"N": "0"}, "g": {"N": "0"}}
    entry |= {"o": {"N": "946684800"}, "n": {"N": "946684800"}, "r": {"N": "1"}}
    keys = {"pk": {"S": "USER#" + NOBODY}, "sk": {"S": "PAGE#2000-01-01"}}
    yield "Keys", keys
    yield "NewImage", {**keys, "e": {"L": [{"M": entry}]}, "v": {"N": "1"}}
    yield "SequenceNumber", _BEFORE_ALL


_A_CHANGE = HarmlessEvent(
    "a change that is counted already",
    {
        "Records": [
            {"eventID": NOBODY, "eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": dict(_change())}
        ],
        "state": {},
        "shardId": NOBODY,
    },
)
