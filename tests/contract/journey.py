"""A journey through the whole API, whose calls are the examples of the OpenAPI document.

It runs in this process, with a stopped clock, a fixed key and fixed random numbers, so each run has the same responses.
An operator writes a programme; two apps report what a person did; the person gets a tree; and a partner plants it.
"""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from http import HTTPStatus
from random import Random
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from local.operations import operations
from local.sam import ROOT
from saxaul.catalog.entries import ActionType, Facility, Kind
from saxaul.storage.clients import s3
from tests.builders import NOON, SHANGHAI, at
from tests.clocks import StoppedClock
from tests.integration.conftest import new_stack
from tests.integration.stack import Response, Stack, an_app, call, invoke
from tests.integration.test_impact import Stream
from tests.integration.test_photos import hash_uploads
from tests.photos import PHOTO, declared
from tests.proof.memory_kms import MemoryKMS

OPERATIONS = {declared.run.__name__: declared for declared in operations()}
CLIENTS = {"app": "alipay-client", "partner": "partner-client", "operator": "operator-client", None: None}
NOT_SHOWN = frozenset({"view_document", "view_page", "view_file"})
"""The operations whose responses are too large for an example. The document cannot contain itself."""

MEI = {"user_id": "mei"}


def default_entry(kind: Kind, identifier: str) -> dict[str, Any]:
    """Return an entry of the default programme as the body of a request, so that a reader can use the examples."""
    documents = yaml.safe_load((ROOT / f"catalog/{kind}.yaml").read_text("utf-8"))
    found: dict[str, Any] = json.loads(json.dumps(documents[identifier], default=date.isoformat))
    return found


WRITTEN: Sequence[tuple[Kind, str]] = (
    ("action-types", "bus_ride"),
    ("action-types", "solar_warehouse"),
    ("facilities", "solar-warehouse-parcels"),
    ("campaigns", "world-environment-day"),
    ("tree-projects", "saxaul-alxa"),
    ("initiatives", "solar-warehouses"),
    ("suggestions", "take-the-bus"),
    ("synonyms", "bus"),
)
"""The entries that the journey writes."""

_MULTIPLIED = ("metro_ride", "bike_ride", "no_cutlery", "plastic_recycling")
"""The other action types to which the campaign refers. They are there before the journey begins."""

BUS_RIDE = default_entry("action-types", "bus_ride")
PROJECT = default_entry("tree-projects", "saxaul-alxa")
CAMPAIGN = default_entry("campaigns", "world-environment-day")
PRICE: int = PROJECT["price_points"]
_SAVED = 4 * PRICE
"""The points that Mei has from earlier months."""


class _Numbers:
    """The part of the module ``secrets`` that the code uses, with the same numbers in each run."""

    def __init__(self) -> None:
        self._random = Random("saxaul")

    def choice(self, options: Sequence[str]) -> str:
        return self._random.choice(options)

    def token_bytes(self, size: int) -> bytes:
        return self._random.randbytes(size)

    def token_hex(self, size: int) -> str:
        return self._random.randbytes(size).hex()

    def token_urlsafe(self, size: int) -> str:
        return urlsafe_b64encode(self._random.randbytes(size)).decode().rstrip("=")


class _FixedKMS(MemoryKMS):
    """KMS with a key that is the same in each run."""

    private_key = Ed25519PrivateKey.from_private_bytes(b"a key that is the same each time")


class Journey:
    """Makes calls, and records each.

    Attributes:
        calls: the recorded calls, in order. Each has the name of the operation, its own name, the parameters by place,
            and the status, media type and body of the response.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.calls: list[dict[str, Any]] = []

    def __call__(self, operation: str, name: str, expected: int | str = 200, **sent: Any) -> Response:  # noqa: ANN401 - see call()
        """Call an operation with a token of the right kind of client, unless ``sent`` names another one.

        ``expected`` is the status of the response, or the code of its problem.
        """
        declared = OPERATIONS[operation]
        function = declared.run.__module__.split(".")[1]
        response = call(function, declared.method, declared.path, **{"client": CLIENTS[declared.access.role], **sent})
        assert expected in (
            response.status,
            response.body["code"] if response.status >= HTTPStatus.BAD_REQUEST else None,
        ), response
        media = response.headers["content-type"].partition(";")[0]
        is_shown = operation not in NOT_SHOWN and media not in ("text/html", "image/svg+xml")
        self.calls.append(
            {
                "operation": operation,
                "name": name,
                "path": dict(sent.get("path") or {}),
                "query": dict(sent.get("query") or {}),
                "header": dict(sent.get("headers") or {}),
                "request": sent.get("body") if response.status < HTTPStatus.BAD_REQUEST else None,
                "status": response.status,
                "media": media,
                "response": response.body if is_shown else None,
            }
        )
        return response

    def wait(self, seconds: int = 10) -> None:
        """Let a time pass in which each worker reads the catalog again."""
        self.stack.clock.instant += seconds


def recorded_calls() -> list[dict[str, Any]]:
    """Make the journey, and return its calls."""
    with pytest.MonkeyPatch.context() as patches, _fixed_stack(patches) as stack:
        journey = Journey(stack)
        _register_apps(journey)
        _write_the_programme(journey)
        _look_around(journey)
        _grant(journey)
        _report(journey)
        _spend(journey)
        _plant(journey)
        _read_the_figures(journey)
        _change_the_catalog(journey)
        _export_and_erase(journey)
        _describe(journey)
        return journey.calls


@contextmanager
def _fixed_stack(patches: pytest.MonkeyPatch) -> Iterator[Stack]:
    clock = StoppedClock(NOON)
    patches.setattr("saxaul.services.wiring.SYSTEM_CLOCK", clock)
    with new_stack(patches, clock) as stack:
        numbers, key = _Numbers(), _FixedKMS()
        drawing = ("manage_apps", "place_orders", "queue_calls", "request_erasure", "rotate_secrets", "schedule_orders")
        for module in (
            "log.particulars",
            "storage.erasures",
            "storage.uploads",
            "trees.numbers",
            *(f"services.{name}" for name in drawing),
        ):
            patches.setattr(f"saxaul.{module}.secrets", numbers)
        patches.setattr("saxaul.storage.signing.kms", lambda: key)
        patches.setattr("botocore.auth.get_current_datetime", lambda: datetime.fromtimestamp(clock.instant, UTC))
        yield stack


def _register_apps(journey: Journey) -> None:
    path = {"app_id": "bikes"}
    bikes = {
        "name": "Bikes of the City",
        "kind": "third_party",
        "link_pattern": "https://bikes.example/do/{suggestion_id}",
        "limits": {"calls_per_second": 20, "actions_per_day": 50_000},
    }
    fund = {"name": "Green Fund", "kind": "partner", "partners": ["Green Fund"]}
    journey("register_app", "A third-party app", 201, path=path, body=bikes)
    journey("register_app", "A planting partner", 201, path={"app_id": "green-fund"}, body=fund)
    only = {**bikes, "scopes": ["actions.write", "suggestions.read"]}
    journey("register_app", "Fewer scopes", path=path, body=only, headers={"If-Match": '"1"'})
    journey("register_app", "A partner of an app", "kind_fixed", path=path, body=fund)
    journey("view_app", "One app", path=path)
    journey("view_app", "An app that does not exist", "unknown_app", path={"app_id": "nobody"})
    journey("list_apps", "All apps", query={"limit": "2"})
    old = journey("rotate_secret", "An overlap of an hour", 201, path=path, body={"overlap_seconds": 3600})
    journey("rotate_secret", "During the overlap", "rotation_in_progress", path=path, body={})
    secret = {**path, "secret_id": old.body["secret_id"]}
    journey("end_secret", "The new secret, whose answer was lost", path=secret)
    journey("end_secret", "A secret that does not exist", "unknown_secret", path=secret)
    [left] = journey.stack.cognito.clients[old.body["client_id"]]["secrets"]
    journey("end_secret", "The last secret", "last_secret", path={**path, "secret_id": left})
    journey("suspend_app", "An app", path=path)
    suspended = {"client": old.body["client_id"], "path": MEI}
    journey("view_wallet", "From a suspended app", "app_suspended", **suspended)
    journey("resume_app", "An app", path=path)
    journey("end_app", "A planting partner", path={"app_id": "green-fund"})
    journey("register_app", "An id that was used", "app_ended", path={"app_id": "green-fund"}, body=fund)


def _write_the_programme(journey: Journey) -> None:
    _seed_the_rest(journey.stack)
    for kind, identifier in WRITTEN:
        body = default_entry(kind, identifier)
        journey("write_entry", f"Write {identifier}", path={"kind": kind, "id": identifier}, body=body)
    journey.wait()
    bus = {"kind": "action-types", "id": "bus_ride"}
    journey("view_entry", "An action type", path=bus)
    journey("list_entries", "All synonyms", path={"kind": "synonyms"})
    unknown = {"names": {"en": "Day"}, "texts": CAMPAIGN["texts"], "recurs": "FREQ=DAILY", "multipliers": {"walk": 2}}
    path = {"kind": "campaigns", "id": "every-day"}
    journey("write_entry", "An entry with errors", "invalid_entry", path=path, body=unknown)
    journey("write_entry", "An id that is not allowed", "invalid_identifier", path=bus | {"id": "Bus"}, body=BUS_RIDE)
    journey("view_entry", "An entry that does not exist", "unknown_entry", path=bus | {"id": "train_ride"})
    journey("list_entries", "A kind that does not exist", "unknown_kind", path={"kind": "badges"})
    new_only, other_only = {"If-None-Match": "*"}, {"If-Match": '"7"'}
    journey("write_entry", "Only if it is new", "already_there", path=bus, body=BUS_RIDE, headers=new_only)
    journey("write_entry", "Only if it has not changed", "stale_version", path=bus, body=BUS_RIDE, headers=other_only)
    malformed = {"If-Match": "version 2"}
    journey(
        "write_entry", "A condition that cannot be read", "invalid_header", path=bus, body=BUS_RIDE, headers=malformed
    )


def _seed_the_rest(stack: Stack) -> None:
    """Write what the entries of the journey refer to, and the points that Mei has saved."""
    stack.register("tmall-client", an_app("tmall"))
    stack.register("freshippo-client", an_app("freshippo"))
    for name in (*_MULTIPLIED, "recycled_packaging"):
        stack.seed("action-types", **{name: ActionType.model_validate(default_entry("action-types", name))})
    other = "solar-warehouse-fresh-food"
    stack.seed("facilities", **{other: Facility.model_validate(default_entry("facilities", other))})
    stack.add_wallet(_SAVED, MEI["user_id"])


def _look_around(journey: Journey) -> None:
    journey("suggest", "Search in Chinese", query={"q": "gongjiao", "lang": "zh", "limit": "2"})
    journey("suggest", "Search for a person", query={"q": "bus", "user_id": "mei"})
    journey("suggest", "A number that is too large", "invalid_parameter", query={"limit": "500"})
    journey("list_campaigns", "All campaigns", query={"lang": "en"})
    journey("view_campaign", "One campaign", path={"id": "world-environment-day"}, query={"lang": "en"})
    journey("view_campaign", "A campaign that does not exist", "unknown_campaign", path={"id": "no-such-day"})
    journey("list_tree_projects", "All projects", query={"lang": "en"})
    journey("list_action_types", "Two action types", query={"lang": "en", "limit": "2"})


def _grant(journey: Journey) -> None:
    citybike = {**MEI, "app_id": "citybike"}
    third_party = {"client": "third-party-client"}
    journey("view_wallet", "Without a grant", "not_granted", path=MEI, **third_party)
    journey("write_grant", "Let an app report and read", path=citybike, body={"covers": ["report", "read"]})
    journey("view_grant", "One grant", path=citybike)
    journey("list_grants", "All grants", path=MEI)
    journey("write_grant", "A first-party app", "grant_not_needed", path=citybike | {"app_id": "didi"}, **_COVERS)
    journey("write_grant", "An app that does not exist", "unknown_app", path=citybike | {"app_id": "nobody"}, **_COVERS)
    journey("write_grant", "A body with errors", "invalid_body", path=citybike, body={"covers": ["everything"]})
    journey("write_grant", "From a third-party app", "not_first_party", path=citybike, **_COVERS, **third_party)
    journey("view_grant", "A grant that does not exist", "unknown_grant", path=MEI | {"app_id": "nobody"})
    journey("view_wallet", "A client that is not registered", "unknown_client", path=MEI, client="gone-client")
    journey("view_wallet", "With the token of a partner", "not_an_app", path=MEI, client="partner-client")
    journey("list_orders", "With the token of an app", "not_a_partner", client="alipay-client")
    journey("view_entry", "With the token of an app", "not_an_operator", client="alipay-client", path=_BUS)
    journey("view_wallet", "With the token of another person", "not_yours", path=MEI, person="li")


_COVERS = {"body": {"covers": ["report"]}}
_BUS = {"kind": "action-types", "id": "bus_ride"}


def _report(journey: Journey) -> None:
    ride = {"action_id": "ride-1", **MEI, "type": "bus_ride", "quantity": 1, "occurred_at": "2026-06-05T08:30:00+08:00"}
    trip = {**ride, "action_id": "trip-9", "type": "flight"}
    rides = [{**ride, "action_id": f"ride-{number}"} for number in (2, 3)]
    reported = journey("report_actions", "A ride, and a trip that is refused", 202, body={"actions": [ride, trip]})
    journey("report_actions", "Only a trip that is refused", "all_refused", body={"actions": [trip]})
    journey("report_actions", "Two more rides", 202, body={"actions": rides})
    meter = {
        "action_id": "meter-1",
        "facility_id": "solar-warehouse-parcels",
        "type": "solar_warehouse",
        "quantity": 60_000,
        "occurred_at": "2026-06-05T10:00:00+08:00",
    }
    journey("report_actions", "More power than is plausible", 202, body={"actions": [meter]}, client="tmall-client")
    journey("report_actions", "A body that is not JSON", "invalid_json", body="{actions")
    too_many = [ride] * 501
    journey("report_actions", "Too many actions", "too_many_actions", body={"actions": too_many})
    shared = {**ride, "action_id": "bike-1", "evidence_id": "12306:E1"}
    journey("report_actions", "With a grant", 202, body={"actions": [shared]}, client="third-party-client")
    journey.stack.deliver_reported()
    reversal = {"action_id": "ride-3", **MEI, "occurred_at": ride["occurred_at"], "reason": "reported twice"}
    journey("reverse_actions", "One ride", 202, body={"reversals": [reversal]})
    stolen = {**reversal, "action_id": "bike-8", "user_id": "li", "reason": "invented rides"}
    bikes = {"app_id": "bikes"}
    taken = journey("take_back", "A ride of an app", 202, path=bikes, body={"reversals": [stolen]})
    journey(
        "take_back", "An app that does not exist", "unknown_app", path={"app_id": "bike"}, body={"reversals": [stolen]}
    )
    journey.stack.deliver_reported()
    journey(
        "view_receipt",
        "What became of a call that takes back",
        path={"receipt_id": taken.body["receipt_id"]},
        client="operator-client",
    )
    journey("view_receipt", "What became of a call", path={"receipt_id": reported.body["receipt_id"]})
    journey("view_receipt", "A receipt that does not exist", "unknown_receipt", path={"receipt_id": "none"})
    journey("view_wallet", "Points that ripen tomorrow", path=MEI)
    journey("view_ledger", "All entries", path=MEI)
    operator: dict[str, Any] = {"client": "operator-client", "path": MEI}
    journey("view_ledger", "As an operator", **operator, query={"reason": "ticket 4711"})
    journey("view_ledger", "As an operator without a reason", "reason_required", **operator)
    journey("view_ledger", "A cursor of another list", "invalid_parameter", path=MEI, query={"cursor": "next"})
    journey("view_statement", "The month of June", path=MEI, query={"month": "2026-06"})


def _spend(journey: Journey) -> None:
    path, key = MEI, {"Idempotency-Key": "first-tree"}
    tree = {"project_id": "saxaul-alxa", "trees": 2, "dedication": "For my grandmother", "max_points": 2 * PRICE}
    too_many = {"project_id": "saxaul-alxa", "trees": 10}
    journey(
        "request_trees",
        "More than the points can pay",
        "insufficient_points",
        path=path,
        body=too_many,
        headers=key,
    )
    journey.stack.clock.instant = at("2026-06-06T07:00")
    journey("harvest", "Ripe points", path=path)
    journey("request_trees", "Two trees", 202, path=path, body=tree, headers=key)
    journey(
        "request_trees",
        "Another body with the same key",
        "key_reused",
        path=path,
        body=tree | {"trees": 1},
        headers=key,
    )
    journey("request_trees", "Without a key", "missing_key", path=path, body=tree)
    dearer, no_project = tree | {"max_points": 2 * PRICE - 1}, tree | {"project_id": "no-such-project"}
    second = {"Idempotency-Key": "second-tree"}
    journey("request_trees", "A price that has changed", "price_changed", path=path, body=dearer, headers=second)
    journey("request_trees", "No such project", "unknown_project", path=path, body=no_project, headers=second)
    one = {"project_id": "saxaul-alxa"}
    cancelled = journey("request_trees", "One tree", 202, path=path, body=one, headers=second)
    _settle(journey.stack)
    redemption = {**MEI, "redemption_id": cancelled.body["redemption_id"]}
    journey("view_redemption", "A reserved tree", path=redemption)
    journey("cancel_redemption", "From another app", "not_yours", path=redemption, client="taobao-client")
    journey("cancel_redemption", "A reserved tree", path=redemption)
    unknown = redemption | {"redemption_id": "no-such-redemption"}
    journey("view_redemption", "A redemption that does not exist", "unknown_redemption", path=unknown)
    journey("list_redemptions", "All redemptions", path=MEI)


def _settle(stack: Stack) -> None:
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []


def upload(fields: Mapping[str, str], photo: bytes) -> None:
    """Write a photo where its form would, and deliver the message that S3 sends then. moto checks no forms."""
    s3().put_object(Bucket="uploads", Key=fields["key"], Body=photo, ContentType=fields["Content-Type"])
    assert hash_uploads(fields["key"]) == []


def _plant(journey: Journey) -> None:
    [order_id] = journey.stack.run_planting_batch()
    path = {"order_id": order_id}
    [order] = journey("list_orders", "All orders").body["orders"]
    assert order["order_id"] == order_id
    shown = journey("view_order", "One order", path=path)
    planted, other = (tree["certificate"] for tree in shown.body["ordered_trees"])
    [redemption_id] = {tree["redemption_id"] for tree in shown.body["ordered_trees"]}
    too_late = {**MEI, "redemption_id": redemption_id}
    journey("cancel_redemption", "A tree that is already ordered", "already_ordered", path=too_late)
    photo = declared(PHOTO)
    [offered] = journey("offer_uploads", "A photo to upload", path=path, body={"photos": [photo]}).body["photos"]
    upload(offered["upload"]["fields"], PHOTO)
    journey("offer_uploads", "A photo that is hashed", path=path, body={"photos": [photo]})
    too_large = {"photos": [photo | {"bytes": 20_000_000}]}
    journey("offer_uploads", "A photo that is too large", "invalid_body", path=path, body=too_large)
    confirmation = {
        "certificate": planted,
        "tag": "AX-0001",
        "lat": 38.851,
        "lon": 105.731,
        "planted_at": "2026-06-06T06:50:00+08:00",
        "photo": photo["sha256"],
        "photo_url": "https://trees.example/ax-0001.jpg",
    }
    unknown_photo = confirmation | {"photo": "0" * 64}
    journey(
        "confirm_trees", "A photo that is not hashed", "all_refused", path=path, body={"confirmations": [unknown_photo]}
    )
    journey("confirm_trees", "A planted tree", path=path, body={"confirmations": [confirmation]})
    failure = {"certificate": other, "reason": "frost"}
    journey("fail_trees", "A tree that could not be planted", path=path, body={"failures": [failure]})
    journey.stack.clock.instant += 86_400
    inspection = {
        "certificate": planted,
        "state": "alive",
        "inspected_at": "2026-06-07T06:30:00+08:00",
        "inspector": "Forestry Bureau",
        "evidence_url": "https://trees.example/inspections/1.jpg",
    }
    journey("inspect_trees", "A tree that is alive", path=path, body={"inspections": [inspection]})
    correction = {"certificate": planted, "reason": "The label says 1027.", "tag": "AX-1027"}
    journey("correct_trees", "Another tag", path=path, body={"corrections": [correction]})
    unknown = {"certificate": "0000-0000-0000-0", "reason": "drought"}
    journey("fail_trees", "Only a tree that is refused", "all_refused", path=path, body={"failures": [unknown]})
    journey("confirm_trees", "A body with errors", "invalid_body", path=path, body={"confirmations": []})
    journey("view_order", "An order of another partner", "unknown_order", path=path, client="other-partner-client")
    invoke("sequence_log", {"schedule": "repair"})
    journey("view_forest", "All trees", path=MEI, query={"lang": "en"})
    journey("view_certificate", "As JSON", path={"number": planted}, query={"lang": "en"})
    journey("view_certificate", "As a picture", path={"number": f"{planted}.svg"})
    journey("view_certificate", "As a page", path={"number": planted}, headers={"Accept": "text/html"})
    journey("view_certificate", "A number that does not exist", "unknown_certificate", path={"number": "0000"})
    journey("view_log", "Where the log is")


def _read_the_figures(journey: Journey) -> None:
    assert invoke("tally_impact", {"Records": Stream().records(), "shardId": "shardId-1"}) == {"state": {}}
    days = {"from": "2026-06-05", "to": "2026-06-07"}
    for by in ("type", "app", "facility"):
        journey("view_impact", f"By {by}", query={**days, "by": by})
    journey("view_impact", "A day that does not exist", "invalid_parameter", query={"from": "2026-06-31"})
    factor = {"action_type": "bus_ride", "version": "1"}
    journey("view_factor", "The first version", path=factor)
    journey("view_factor", "A version that does not exist", "unknown_factor", path=factor | {"version": "9"})


def _change_the_catalog(journey: Journey) -> None:
    fortnight = {**CAMPAIGN, "days": 14, "multipliers": {"bus_ride": 2}}
    journey("write_entry", "A campaign", path={"kind": "campaigns", "id": "green-fortnight"}, body=fortnight)
    body, path = {"last_day": "2026-06-06"}, {"kind": "campaigns", "id": "green-fortnight"}
    journey("end_campaign", "End a campaign with the day before", path=path, body=body)
    ended = {"kind": "campaigns", "id": "world-environment-day"}
    journey("end_campaign", "A campaign of which no run includes today", "campaign_not_running", path=ended)
    path = {"kind": "synonyms", "id": "bus"}
    current = {"If-Match": '"1"'}
    journey("write_entry", "Change an entry", path=path, body={"words": ["bus", "coach"]}, headers=current)
    journey.wait(120)
    journey("delete_entry", "An entry", path=path)
    journey.wait(120)
    journey("restore_entry", "The first version", path={**path, "version": "1"})
    journey("list_versions", "All versions", path=path)
    journey("restore_entry", "A deletion", "version_is_deletion", path={**path, "version": "3"})
    journey("restore_entry", "A version that does not exist", "unknown_version", path={**path, "version": "9"})
    referenced = {"kind": "action-types", "id": "solar_warehouse"}
    journey("delete_entry", "An entry to which others refer", "referenced", path=referenced)
    project = {"kind": "tree-projects", "id": "saxaul-alxa"}
    fewer = {**PROJECT, "saplings": 1}
    journey("write_entry", "Fewer saplings than are reserved", "saplings_reserved", path=project, body=fewer)
    journey("write_entry", "Close a project", path=project, body={**PROJECT, "closed": True})
    journey.wait()
    headers, body = {"Idempotency-Key": "third-tree"}, {"project_id": "saxaul-alxa"}
    journey("request_trees", "A closed project", "project_closed", path=MEI, body=body, headers=headers)
    journey("view_entry", "A campaign on a day", path={"kind": "campaigns", "id": "world-environment-day"}, query=_ON)
    journey("delete_grant", "Take a grant back", path={**MEI, "app_id": "citybike"})


_ON = {"on": "2027-06-05"}


def _export_and_erase(journey: Journey) -> None:
    operator: dict[str, Any] = {"client": "operator-client", "path": MEI, "query": {"reason": "ticket 4712"}}
    journey("export_person", "Everything that is held", **operator)
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr("functions.manage_persons.handler.MAX_PAGE_BYTES", 0)
        journey("export_person", "A file, if it is long", 303, **operator)
    journey("view_erasure_of_person", "A person who was never erased", "no_erasure", **operator)
    erasure = journey("erase_person", "A person", 202, **operator).body
    journey("view_erasure_of_person", "An erasure that goes on", **operator)
    journey("view_erasure", "By its id", path={"erasure_id": erasure["erasure_id"]})
    journey("view_erasure", "An erasure that does not exist", "unknown_erasure", path={"erasure_id": "none"})


def _describe(journey: Journey) -> None:
    assert datetime.fromtimestamp(journey.stack.clock.instant, SHANGHAI).year == 2026
    journey("view_document", "This document")
    journey("view_page", "The page")
