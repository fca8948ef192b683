"""When changes of the catalog take effect, their warnings, previews, restored versions, and entries that are broken."""

import json
from decimal import Decimal
from typing import Any

import pytest

from saxaul.catalog.entries import Catalog
from saxaul.observability import logger
from saxaul.storage.catalog import LARGEST_ENTRY
from saxaul.storage.table import Item, Key, Table
from tests.builders import (
    DAY,
    at,
    make_action_type,
    make_campaign,
    make_facility,
    make_initiative,
    make_suggestion,
    make_text,
    make_tree_project,
    reported,
)
from tests.integration.conftest import clear_worker_caches
from tests.integration.stack import (
    Response,
    Stack,
    call,
    delete_entry,
    put_entry,
    redeem,
    report_actions,
    tree_projects,
)
from tests.integration.test_catalog_changes import get_list, get_versions
from tests.integration.test_manage_catalog import document, get_entry

RIDE = document(make_action_type())
DEARER = document(make_action_type(points="90"))
PROJECT = document(make_tree_project(saplings=5))


def get_on(kind: str, identifier: str, day: str) -> Response:
    path = {"kind": kind, "id": identifier}
    return call("manage_catalog", "GET", "/catalog/{kind}/{id}", client="operator-client", path=path, query={"on": day})


def delete_at(kind: str, identifier: str, time: str) -> Response:
    path, query = {"kind": kind, "id": identifier}, {"effective_at": time}
    return call("manage_catalog", "DELETE", "/catalog/{kind}/{id}", client="operator-client", path=path, query=query)


def restore(kind: str, identifier: str, version: object, time: str | None = None, **headers: str) -> Response:
    return call(
        "manage_catalog",
        "POST",
        "/catalog/{kind}/{id}/versions/{version}/restore",
        client="operator-client",
        path={"kind": kind, "id": identifier, "version": str(version)},
        query={"effective_at": time} if time else None,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def codes(response: Response) -> list[str]:
    assert response.status == 200, response
    return [warning["code"] for warning in response.body["warnings"]]


def in_effect(stack: Stack) -> Catalog:
    """Return the whole catalog that is in effect now."""
    return stack.catalog_store.read().timeline.catalog(stack.clock.instant)


def price_of(stack: Stack) -> Any:  # noqa: ANN401 - the points of a ride
    points = stack.catalog_store.catalog().action_types["bus_ride"].points
    return points and points.value


def test_a_new_entry_takes_effect_at_once_and_a_change_after_the_delay(stack: Stack) -> None:
    created = put_entry("action-types", "bus_ride", RIDE).body
    changed = put_entry("action-types", "bus_ride", DEARER).body
    shown, listed = get_entry("action-types", "bus_ride").body, get_list("action-types").body["entries"]

    assert created["effective_at"] == "2026-06-05T12:00:00+08:00"
    assert changed["effective_at"] == "2026-06-05T12:01:00+08:00"
    assert (shown["version"], shown["in_effect"]) == (2, 1)
    assert listed == [shown]
    assert price_of(stack) == 80
    stack.clock.instant += 60
    assert price_of(stack) == 90
    assert "in_effect" not in get_entry("action-types", "bus_ride").body
    times = [version["effective_at"][11:19] for version in get_versions("action-types", "bus_ride").body["versions"]]
    assert times == ["12:01:00", "12:00:00"]


def test_a_running_worker_switches_to_a_version_by_itself_without_a_read(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    put_entry("action-types", "bus_ride", DEARER)
    stack.clock.instant += 40
    store = stack.catalog_store
    assert store.catalog().versions == {"bus_ride": 1}
    monkeypatch.setattr(Table, "query", lambda *_: 1 / 0)

    stack.clock.instant += 19
    assert store.catalog().versions == {"bus_ride": 1}
    stack.clock.instant += 1
    assert store.catalog().versions == {"bus_ride": 2}


def test_a_worker_whose_copy_is_as_old_as_the_delay_must_read_and_fails_if_it_cannot(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    store = stack.catalog_store
    store.catalog()
    monkeypatch.setattr(Table, "get", lambda *_: 1 / 0)
    stack.clock.instant += 45

    with pytest.raises(ZeroDivisionError):
        store.catalog(max_age=3600)


@pytest.mark.parametrize(
    ("time", "is_accepted"),
    [
        ("2026-06-05T12:01:00+08:00", True),
        ("2026-06-05T04:01:00Z", True),
        ("2099-12-31T23:59:59+08:00", True),
        (None, True),
        ("2026-06-05T12:00:00+08:00", True),  # that of the stored version
        ("2026-06-05T12:00:59+08:00", False),
        ("2100-01-01T00:00:00+08:00", False),
        ("2026-06-06T12:00:00", False),
        ("2026-06-06", False),
        ("9999-12-31T23:59:59-12:00", False),
        ("0001-01-01T00:00:00+14:00", False),
        (1780718400, False),
        ({}, False),
        (True, False),
    ],
)
def test_an_operator_can_name_a_time_from_the_delay_on_and_before_2100(
    stack: Stack,
    time: Any,  # noqa: ANN401 - an operator may send anything
    is_accepted: bool,
) -> None:
    put_entry("action-types", "bus_ride", RIDE)

    response = put_entry("action-types", "bus_ride", DEARER | {"effective_at": time})

    if is_accepted:
        assert response.status == 200
    else:
        assert response.code == "invalid_entry"
        [line] = response.body["errors"]
        assert line.startswith("effective_at: this must be a time")
        assert "from 2026-06-05T12:01:00+08:00 on and before 2100" in line
    assert price_of(stack) == 80


@pytest.mark.usefixtures("stack")
def test_an_edited_body_of_a_version_that_is_not_the_current_one_any_more_gets_412() -> None:
    read = put_entry("action-types", "bus_ride", RIDE)
    put_entry("action-types", "bus_ride", DEARER)

    edited = put_entry("action-types", "bus_ride", read.body | {"unit": "trip"}, if_match=read.headers["etag"])

    assert (edited.status, edited.code) == (412, "stale_version")


@pytest.mark.usefixtures("stack")
def test_a_new_entry_cannot_have_a_named_time() -> None:
    response = put_entry("action-types", "bus_ride", RIDE | {"effective_at": "2027-01-01T00:00:00+08:00"})

    assert response.body["errors"] == ["effective_at: a new entry takes effect at once"]


def test_a_version_that_would_begin_after_a_later_one_never_takes_effect(stack: Stack) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    put_entry("action-types", "bus_ride", DEARER | {"effective_at": "2026-06-06T00:00:00+08:00"})
    stack.clock.instant += 10

    response = put_entry("action-types", "bus_ride", document(make_action_type(points="85")))

    assert codes(response) == ["supersedes_pending"]
    stack.clock.instant += 2 * DAY
    assert price_of(stack) == 85
    first = get_versions("action-types", "bus_ride", limit="1").body
    rest = get_versions("action-types", "bus_ride", cursor=first["cursor"]).body
    assert [(v["version"], v["superseded"]) for v in first["versions"] + rest["versions"]] == [
        (3, False),
        (2, True),
        (1, False),
    ]


def test_a_version_of_an_older_release_was_in_effect_until_the_next_one(stack: Stack) -> None:
    content = {"document": json.dumps(RIDE), "changed_at": 1}
    for number in (1, 2):
        stack.catalog_store._table.replace({"pk": "action-types/bus_ride", "sk": f"{number:08d}", **content})  # noqa: SLF001 - a release before effective_at wrote them
    stack.catalog_store._table.replace({"pk": "action-types", "sk": "bus_ride", "v": 2, **content})  # noqa: SLF001
    put_entry("action-types", "bus_ride", DEARER)

    first = get_versions("action-types", "bus_ride", limit="2").body
    rest = get_versions("action-types", "bus_ride", cursor=first["cursor"]).body

    shown = [(v["version"], v["effective_at"], v["superseded"]) for v in first["versions"] + rest["versions"]]
    assert shown == [(3, "2026-06-05T12:01:00+08:00", False), (2, None, False), (1, None, False)]


def test_two_pending_versions_each_take_effect_at_their_time(stack: Stack) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    put_entry("action-types", "bus_ride", DEARER)
    put_entry(
        "action-types", "bus_ride", document(make_action_type(points="95")) | {"effective_at": "2026-06-06T00:00:00Z"}
    )

    prices = []
    for seconds in (0, 60, DAY):
        stack.clock.instant += seconds
        prices.append(price_of(stack))

    assert prices == [80, 90, 95]


def test_the_same_document_can_take_effect_sooner_but_not_later(stack: Stack) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    put_entry("action-types", "bus_ride", DEARER | {"effective_at": "2026-06-07T00:00:00+08:00"})

    later = put_entry("action-types", "bus_ride", DEARER | {"effective_at": "2026-06-08T00:00:00+08:00"})
    sooner = put_entry("action-types", "bus_ride", DEARER | {"effective_at": "2026-06-06T00:00:00+08:00"})

    assert (later.code, later.body["errors"][0].partition(";")[0]) == (
        "invalid_entry",
        "effective_at: version 2 is the same, and is in effect from 2026-06-07T00:00:00+08:00 on",
    )
    assert (sooner.status, sooner.body["version"]) == (200, 3)
    stack.clock.instant = at("2026-06-06T00:00")
    assert price_of(stack) == 90


def test_a_deletion_takes_effect_later_and_until_then_the_entry_is_shown_with_it(stack: Stack) -> None:
    put_entry("synonyms", "bus", {"words": ["bus", "coach"]})

    deleted = delete_at("synonyms", "bus", "2026-06-06T00:00:00+08:00")
    again = delete_at("synonyms", "bus", "2026-06-07T00:00:00+08:00")
    assert delete_at("synonyms", "bus", "2026-06-06T00:00:00+08:00").body == deleted.body, "it can be repeated"

    expected = {"deleted": True, "version": 2, "in_effect": 1, "effective_at": "2026-06-06T00:00:00+08:00"}
    assert deleted.body.items() >= expected.items()
    assert get_entry("synonyms", "bus").body == get_list("synonyms").body["entries"][0] == deleted.body
    assert again.code == "invalid_parameter"
    assert set(in_effect(stack).synonyms) == {"bus"}
    sooner = delete_entry("synonyms", "bus")
    assert (sooner.body["version"], delete_entry("synonyms", "bus").body) == (3, sooner.body)
    stack.clock.instant += 60
    assert set(in_effect(stack).synonyms) == set()
    assert get_entry("synonyms", "bus").code == "unknown_entry"
    created = put_entry("synonyms", "bus", {"words": ["bus", "coach"]})
    assert (created.body["version"], created.body["effective_at"]) == (4, "2026-06-05T12:01:00+08:00")


@pytest.mark.usefixtures("stack")
def test_a_deletion_cannot_be_named_for_a_time_before_the_delay() -> None:
    put_entry("synonyms", "bus", {"words": ["bus", "coach"]})

    assert delete_at("synonyms", "bus", "2026-06-05T12:00:30+08:00").code == "invalid_parameter"
    assert delete_at("synonyms", "bus", "tomorrow").code == "invalid_parameter"


def test_a_reference_to_an_entry_that_will_be_deleted_is_refused_and_so_is_the_earlier_deletion_of_a_used_one(
    stack: Stack,
) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    put_entry("campaigns", "wed", document(make_campaign()))
    put_entry("campaigns", "earth", document(make_campaign()))
    put_entry("suggestions", "bus", document(make_suggestion(campaign="wed")))
    delete_at("campaigns", "earth", "2026-06-06T00:00:00+08:00")

    refers = put_entry("suggestions", "walk", document(make_suggestion(campaign="earth")))
    put_entry("suggestions", "bus", document(make_suggestion()) | {"effective_at": "2026-06-06T00:00:00+08:00"})
    early, same = delete_entry("campaigns", "wed"), delete_at("campaigns", "wed", "2026-06-06T00:00:00+08:00")

    assert refers.body["errors"] == ["campaign: there is no campaign 'earth'"]
    assert (early.code, early.body["errors"]) == ("referenced", ["suggestions/bus"])
    assert same.status == 200
    stack.clock.instant = at("2026-06-06T00:00")
    assert list(in_effect(stack).all_broken_references()) == []


def test_versions_of_a_large_entry_that_are_written_too_fast_are_refused_until_the_first_are_over(
    stack: Stack,
) -> None:
    campaign = document(make_campaign())

    def write(number: int) -> Response:
        text = {"en": f"{number} {'x' * 480}", "zh": "x" * 480}
        editions = {str(year): {"host": text, "theme": text} for year in range(1980, 2010)}
        return put_entry("campaigns", "wed", campaign | {"editions": editions})

    responses = []
    for number in range(8):
        responses.append(write(number))
        stack.clock.instant += 1

    refused = next(response for response in responses if response.status != 200)
    assert (refused.status, refused.code) == (409, "too_many_pending")
    assert LARGEST_ENTRY / 61_000 - 1 < responses.index(refused) < LARGEST_ENTRY / 58_000
    assert "try again at 2026-06-05T12:01:01+08:00" in refused.body["detail"]
    stack.clock.instant = at("2026-06-05T12:01") + 1
    assert write(9).status == 200


def test_a_redemption_costs_the_price_in_effect(stack: Stack) -> None:
    stack.seed_catalog(price_points=160)
    stack.add_wallet(1000)
    cheaper = document(make_tree_project(price_points=150, saplings=10))
    assert put_entry("tree-projects", "saxaul-alxa", cheaper).status == 200

    before, shown = redeem("key-1"), tree_projects().body["projects"][0]["price_points"]
    stack.clock.instant += 60
    clear_worker_caches()
    after = redeem("key-2")

    assert (before.body["points"], shown, after.body["points"]) == (160, 160, 150)


def test_a_new_project_is_sold_at_the_price_in_effect_by_a_worker_that_does_not_know_it_yet(stack: Stack) -> None:
    stack.seed_catalog()
    stack.add_wallet(1000)
    assert redeem("key-1").status == 202
    put_entry("tree-projects", "new", document(make_tree_project(price_points=100, saplings=5)))
    put_entry("tree-projects", "new", document(make_tree_project(price_points=120, saplings=5)))

    assert redeem("key-2", project_id="new").body["points"] == 100


def test_a_retirement_follows_its_effective_time(stack: Stack) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    put_entry("action-types", "bus_ride", RIDE | {"retired_from": "2026-06-05"})
    action = {
        "action_id": "a",
        "user_id": "u-42",
        "type": "bus_ride",
        "quantity": 1,
        "occurred_at": "2026-06-05T11:00:00+08:00",
    }

    early = report_actions(action)
    stack.clock.instant += 60
    clear_worker_caches()
    late = report_actions(action | {"action_id": "b"})

    assert (early.body["accepted"], late.body["refused"][0]["code"]) == (1, "retired_type")


@pytest.mark.usefixtures("stack")
def test_a_named_time_cannot_change_the_stock_but_the_price() -> None:
    schedule = {"daily": 5, "at": "09:00", "first_day": "2026-06-06"}
    put_entry("tree-projects", "p", PROJECT)
    later = {"effective_at": "2026-06-06T00:00:00+08:00"}

    refused = put_entry("tree-projects", "p", PROJECT | later | {"saplings": 9, "closed": True, "schedule": schedule})
    priced = put_entry("tree-projects", "p", PROJECT | later | {"price_points": 200})

    assert [line.partition(":")[0] for line in refused.body["errors"]] == ["saplings", "schedule", "closed"]
    assert (priced.status, priced.body["in_effect"]) == (200, 1)
    assert delete_at("tree-projects", "p", "2026-06-07T00:00:00+08:00").code == "invalid_parameter"


@pytest.mark.parametrize(
    ("kind", "before", "after", "code"),
    [
        ("campaigns", None, document(make_campaign(multipliers={"bus_ride": "5.5"})), "high_multiplier"),
        (
            "campaigns",
            None,
            document(make_campaign(recurs="FREQ=YEARLY;UNTIL=20200101;BYMONTH=6;BYMONTHDAY=5")),
            "never_runs_again",
        ),
        ("campaigns", None, document(make_campaign(days=366)), "runs_every_day"),
        ("action-types", RIDE, document(make_action_type(points="401")), "points_far_above"),
        ("action-types", RIDE, document(make_action_type(avoided_g="21")), "factor_far_off"),
        ("action-types", RIDE, document(make_action_type(avoided_g="2126")), "factor_far_off"),
        ("action-types", RIDE, document(make_action_type(avoided_g="0")), "factor_far_off"),
        ("action-types", None, RIDE | {"caps": [{"window": "day", "points": 0}]}, "cap_of_zero"),
        ("action-types", None, RIDE | {"caps": [{"window": "day", "units": 0}]}, "cap_of_zero"),
        ("action-types", RIDE, RIDE | {"retired_from": "2026-06-04"}, "retired_in_the_past"),
        ("tree-projects", PROJECT, PROJECT | {"price_points": 15}, "price_far_off"),
        ("tree-projects", PROJECT, PROJECT | {"price_points": 1601}, "price_far_off"),
        (
            "tree-projects",
            PROJECT,
            PROJECT | {"schedule": {"daily": 5, "at": "12:00", "first_day": "2026-06-05"}},
            "first_day_passed",
        ),
        (
            "tree-projects",
            PROJECT,
            PROJECT | {"schedule": {"daily": 5, "at": "12:00", "first_day": "2026-06-05", "last_day": "2026-06-05"}},
            "releases_nothing",
        ),
    ],
)
def test_what_is_allowed_and_unlikely_is_written_with_a_warning(
    stack: Stack,
    kind: str,
    before: Any,  # noqa: ANN401 - a document
    after: Any,  # noqa: ANN401 - a document
    code: str,
) -> None:
    stack.seed("action-types", bus_ride=make_action_type()) if kind == "campaigns" else None
    if before:
        put_entry(kind, "entry", before)

    assert codes(put_entry(kind, "entry", after)) == [code]


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("action-types", RIDE, document(make_action_type(points="400", avoided_g="2125"))),
        ("action-types", document(make_action_type(points="0", avoided_g="0")), RIDE),
        ("action-types", RIDE, RIDE | {"retired_from": "2026-06-05"}),
        ("tree-projects", PROJECT, PROJECT | {"price_points": 16}),
        ("tree-projects", PROJECT, PROJECT | {"schedule": {"daily": 5, "at": "12:01", "first_day": "2026-06-05"}}),
        ("campaigns", None, document(make_campaign(days=364))),
    ],
)
def test_an_ordinary_change_has_no_warning(kind: str, before: Any, after: Any) -> None:  # noqa: ANN401 - documents
    if before:
        put_entry(kind, "entry", before)

    assert codes(put_entry(kind, "entry", after)) == []


@pytest.mark.usefixtures("stack")
def test_a_schedule_that_runs_already_can_be_changed_without_a_warning() -> None:
    schedule = {"daily": 5, "at": "09:00", "first_day": "2026-06-06"}
    put_entry("tree-projects", "p", PROJECT | {"schedule": schedule})

    assert codes(put_entry("tree-projects", "p", PROJECT | {"schedule": schedule | {"daily": 9}})) == []


@pytest.fixture
def warehouses(stack: Stack) -> Stack:
    """A stack with two action types of facilities and two warehouses. One reports both, and one reports solar power."""
    for name in ("solar_warehouse", "reused_boxes"):
        stack.seed("action-types", **{name: make_action_type(points=None, actor="facility")})
    stack.seed("facilities", hangzhou=BOTH, shanghai=make_facility())
    return stack


BOTH = make_facility(solar_warehouse="1000", reused_boxes="50")


@pytest.mark.usefixtures("warehouses")
@pytest.mark.parametrize(
    ("facilities", "counted_nothing"),
    [(("shanghai",), ["counts_nothing"]), (("hangzhou",), []), (("shanghai", "hangzhou"), [])],
)
def test_an_action_type_that_no_facility_of_an_initiative_reports_is_written_with_a_warning(
    facilities: tuple[str, ...], counted_nothing: list[str]
) -> None:
    initiative = make_initiative(facilities, ("solar_warehouse", "reused_boxes"))

    written = put_entry("initiatives", "roofs", document(initiative))

    assert codes(written) == counted_nothing
    for warning in written.body["warnings"]:
        assert (warning["field"], "reused_boxes" in warning["detail"]) == ("action_types", True)


@pytest.mark.usefixtures("warehouses")
@pytest.mark.parametrize(
    ("time", "found"), [("2026-06-05T23:59:59+08:00", ["counts_nothing"]), ("2026-06-06T00:00:00+08:00", [])]
)
def test_an_initiative_is_checked_against_its_facilities_at_the_time_at_which_it_takes_effect(
    time: str, found: list[str]
) -> None:
    initiative = document(make_initiative(("shanghai",)))
    put_entry("initiatives", "roofs", initiative)
    put_entry("facilities", "shanghai", document(BOTH, effective_at="2026-06-06T00:00:00+08:00"))
    initiative |= {"action_types": ["reused_boxes"]}
    clear_worker_caches()

    assert codes(put_entry("initiatives", "roofs", initiative | {"effective_at": time})) == found


@pytest.mark.parametrize(
    ("facilities", "action_types", "found"),
    [
        (("hangzhou",), ("reused_boxes",), ["no_longer_counted"]),
        (("hangzhou",), ("solar_warehouse",), []),
        (("shanghai",), ("reused_boxes",), []),
    ],
)
def test_a_facility_that_no_longer_reports_what_an_initiative_counts_there_is_written_with_a_warning(
    warehouses: Stack, facilities: tuple[str, ...], action_types: tuple[str, ...], found: list[str]
) -> None:
    warehouses.seed("initiatives", roofs=make_initiative(facilities, action_types))

    written = put_entry("facilities", "hangzhou", document(make_facility()))

    assert codes(written) == found
    for warning in written.body["warnings"]:
        assert warning["field"] == "plausible_a_day"
        assert warning["detail"].startswith("The initiative roofs counts reused_boxes")


@pytest.mark.usefixtures("stack")
def test_a_preview_shows_what_is_in_effect_at_the_end_of_a_day_and_what_holds_on_it() -> None:
    put_entry("action-types", "bus_ride", RIDE)
    put_entry("action-types", "metro_ride", RIDE)
    put_entry(
        "campaigns",
        "earth",
        document(make_campaign(recurs="FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=21", days=3, multipliers={"bus_ride": "2"})),
    )
    put_entry("action-types", "bus_ride", DEARER | {"effective_at": "2027-04-22T23:59:59+08:00"})

    path, query = {"kind": "action-types"}, {"on": "2027-04-22"}
    resource = "/catalog/{kind}"
    listed = call("manage_catalog", "GET", resource, client="operator-client", path=path, query=query).body
    campaign, later = get_on("campaigns", "earth", "2027-04-22"), get_on("campaigns", "earth", "2027-04-24")

    assert [(entry["id"], entry["version"], entry["preview"]) for entry in listed["entries"]] == [
        ("bus_ride", 2, {"on": "2027-04-22", "multiplier": 2, "campaign_id": "earth"}),
        ("metro_ride", 1, {"on": "2027-04-22", "multiplier": 1, "campaign_id": None}),
    ]
    assert (get_on("action-types", "bus_ride", "2027-04-21").body["version"]) == 1
    assert campaign.body["preview"] == {
        "on": "2027-04-22",
        "runs": True,
        "first_day": "2027-04-21",
        "last_day": "2027-04-23",
    }
    assert later.body["preview"] == {"on": "2027-04-24", "runs": False, "first_day": None, "last_day": None}
    sent_back = put_entry("campaigns", "earth", campaign.body, if_match=campaign.headers["etag"])
    assert (sent_back.status, sent_back.body["version"]) == (200, 1)


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("day", ["2026-06-04", "1999-12-31", "2100-01-01", "2026-6-5", "today", "", "20260605"])
def test_a_preview_needs_a_day_from_today_to_2099(day: str) -> None:
    put_entry("action-types", "bus_ride", RIDE)

    assert get_on("action-types", "bus_ride", day).code == "invalid_parameter"
    assert get_list("action-types", on=day).code == "invalid_parameter"


@pytest.mark.usefixtures("stack")
def test_pages_of_a_preview_follow_each_other_and_a_deleted_entry_is_not_in_it() -> None:
    for name in ("a", "b", "c"):
        put_entry("synonyms", name, {"words": ["bus", name]})
    delete_at("synonyms", "b", "2026-07-01T00:00:00+08:00")

    first = get_list("synonyms", on="2026-07-01", limit="1").body
    second = get_list("synonyms", on="2026-07-01", limit="1", cursor=first["cursor"]).body

    assert [entry["id"] for entry in first["entries"] + second["entries"]] == ["a", "c"]
    assert second["cursor"] is None
    assert get_on("synonyms", "b", "2026-07-01").code == "unknown_entry"


@pytest.mark.usefixtures("stack")
def test_the_public_campaigns_of_a_later_day_include_the_changes_until_then() -> None:
    put_entry("campaigns", "earth", document(make_campaign(recurs="FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=22")))
    renamed = document(make_campaign(recurs="FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=22", names=make_text("Earth", "地球")))
    put_entry("campaigns", "earth", renamed | {"effective_at": "2027-01-01T00:00:00+08:00"})

    def campaigns(**query: str) -> Any:  # noqa: ANN401 - the response body
        return call("view_impact", "GET", "/campaigns", query=query).body

    def campaign(**query: str) -> Response:
        return call("view_impact", "GET", "/campaigns/{id}", path={"id": "earth"}, query=query)

    assert campaigns()["next"][0]["name"] == "World Environment Day"
    day = campaigns(on="2027-04-22")
    assert (day["day"], day["running"][0]["name"], day["running"][0]["first_day"]) == (
        "2027-04-22",
        "Earth",
        "2027-04-22",
    )
    assert (campaign(on="2027-04-22").body["state"], campaign().body["state"]) == ("running", "next")
    assert campaign(on="2026-04-22").body["name"] == "World Environment Day"
    assert campaign(on="1999-01-01").code == "invalid_parameter"


@pytest.mark.usefixtures("stack")
def test_a_preview_knows_a_campaign_that_was_written_just_before() -> None:
    def names(**query: str) -> list[str]:
        return [run["campaign_id"] for run in call("view_impact", "GET", "/campaigns", query=query).body["running"]]

    assert (names(), names(on="2027-04-22")) == ([], [])
    put_entry("campaigns", "earth", document(make_campaign(recurs="FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=22")))

    assert names(on="2027-04-22") == ["earth"]


def test_one_call_restores_a_version_also_of_a_deleted_entry(stack: Stack) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    put_entry("action-types", "bus_ride", DEARER)

    restored = restore("action-types", "bus_ride", 1, if_match="2")
    stale = restore("action-types", "bus_ride", 1, if_match="2")

    assert (restored.body["version"], restored.body["restored_from"]) == (3, 1)
    assert (restored.body["points"], restored.body["warnings"][0]["code"]) == (RIDE["points"], "supersedes_pending")
    assert restored.headers["etag"] == '"3"'
    assert stale.code == "stale_version"
    put_entry("synonyms", "bus", {"words": ["bus", "coach"]})
    delete_entry("synonyms", "bus")
    stack.clock.instant += 60
    assert restore("synonyms", "bus", 2).code == "version_is_deletion"
    assert restore("synonyms", "bus", 3).code == "unknown_version"
    assert restore("synonyms", "bus", "x").code == "invalid_parameter"
    again = restore("synonyms", "bus", 1, if_none_match="*")
    assert (again.body["version"], again.body["words"]) == (3, ["bus", "coach"])


@pytest.mark.usefixtures("stack")
def test_a_version_whose_references_are_gone_is_not_restored() -> None:
    put_entry("action-types", "bus_ride", RIDE)
    put_entry("campaigns", "wed", document(make_campaign()))
    put_entry("suggestions", "bus", document(make_suggestion(campaign="wed")))
    put_entry("suggestions", "bus", document(make_suggestion()))
    assert delete_entry("campaigns", "wed").status == 200

    refused = restore("suggestions", "bus", 1)

    assert refused.body["errors"] == ["campaign: there is no campaign 'wed'"]


def spoil(stack: Stack, kind: str, identifier: str, text: str) -> None:
    """Make the document of an entry one that the code cannot read."""
    table = Table("Catalog", stack.clock)
    item = table.get(Key(kind, identifier))
    assert item
    table.put(item | {"document": text}, int(item["v"]))


@pytest.mark.parametrize("text", ["{}", "not JSON", json.dumps(RIDE | {"color": "green"}), "[" * 5000])
def test_an_entry_that_cannot_be_read_is_left_out_logged_and_shown_as_broken(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    logged: list[Any] = []
    monkeypatch.setattr(logger, "exception", lambda message, extra: logged.append((message, extra)))
    monkeypatch.setattr(logger, "error", lambda message, extra: logged.append((message, extra)))
    stack.seed("action-types", bus_ride=make_action_type(), walking=make_action_type())
    spoil(stack, "action-types", "walking", text)

    catalog = stack.catalog_store.catalog()

    assert set(catalog.action_types) == set(catalog.versions) == {"bus_ride"}
    assert logged == [
        ("a catalog entry cannot be read", {"place": "action-types/walking version 2"}),
        ("versions of catalog entries cannot be read and are left out", {"versions": 1, "also_left_out": []}),
    ]
    shown = get_list("action-types").body["entries"]
    assert [(entry["id"], entry.get("broken")) for entry in shown] == [("bus_ride", None), ("walking", True)]
    assert get_entry("action-types", "walking").body["broken"] is True
    assert get_on("action-types", "walking", "2026-06-05").code == "unknown_entry"
    assert put_entry("action-types", "walking", RIDE, if_match="2").status == 200
    stack.clock.instant += 60
    assert set(stack.catalog_store.catalog().action_types) == {"bus_ride", "walking"}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"v": "x"},
        {"v": Decimal("1e50")},
        {"v": 1, "changed_at": "x"},
        {"v": 1, "changed_at": Decimal("1e125")},
        {"v": 1, "changed_at": -1},
        {"v": 1, "effective_at": Decimal("1e30")},
        {"v": 1, "effective_at": 253_370_764_800},
        {"v": 2, "before": "x"},
    ],
)
def test_a_malformed_item_is_left_out_and_logged_and_everything_else_works(
    stack: Stack, fields: Item, caplog: pytest.LogCaptureFixture
) -> None:
    stack.seed_catalog()
    Table("Catalog", stack.clock).replace({"pk": "action-types", "sk": "walking", "document": "{}", **fields})

    assert report_actions(reported()).body["accepted"] == 1
    assert put_entry("action-types", "bus_ride", DEARER).status == 200
    assert [entry["id"] for entry in get_list("action-types").body["entries"]] == ["bus_ride"]
    assert get_entry("action-types", "walking").code == "unknown_entry"
    assert "an item of the catalog is malformed" in caplog.text


def test_a_broken_entry_can_be_deleted(stack: Stack) -> None:
    put_entry("synonyms", "bus", {"words": ["bus", "coach"]})
    spoil(stack, "synonyms", "bus", "{}")

    assert delete_entry("synonyms", "bus").status == 200
    stack.clock.instant += 60
    assert get_list("synonyms").body["entries"] == []


def test_a_version_item_that_cannot_be_read_has_no_rule_and_is_listed_as_it_is_stored(stack: Stack) -> None:
    stack.seed("action-types", bus_ride=make_action_type())
    table = Table("Catalog", stack.clock)
    table.put_all([{"pk": "action-types/bus_ride", "sk": "00000002", "document": "{}", "v": 1}])
    table.put_all([{"pk": "action-types/bus_ride", "sk": "00000003", "document": "x", "v": 1}])

    assert set(stack.catalog_store.rules([("bus_ride", 2), ("bus_ride", 1)])) == {("bus_ride", 1)}
    entries = [version["entry"] for version in get_versions("action-types", "bus_ride").body["versions"]]
    assert entries[:2] == ["x", {}]


def test_a_broken_action_type_keeps_the_window_of_its_periods_and_cannot_be_deleted(stack: Stack) -> None:
    monthly = RIDE | {"caps": [{"window": "month", "units": 5}]}
    put_entry("action-types", "bus_ride", monthly)
    spoil(stack, "action-types", "bus_ride", "{}")

    refused, deletion = put_entry("action-types", "bus_ride", RIDE), delete_entry("action-types", "bus_ride")

    assert (deletion.status, deletion.code) == (409, "still_needed")
    assert (refused.status, refused.code) == (400, "invalid_entry")
    assert any("must stay a month" in line for line in refused.body["errors"])
    assert put_entry("action-types", "bus_ride", monthly).status == 200


def test_the_factor_of_a_version_is_public_once_the_version_is_in_effect(stack: Stack) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    put_entry("action-types", "bus_ride", DEARER)

    def factor() -> Response:
        path = {"action_type": "bus_ride", "version": "2"}
        return call("view_impact", "GET", "/factors/{action_type}/{version}", client=None, path=path)

    assert factor().code == "unknown_factor"
    stack.clock.instant += 60
    assert factor().status == 200
