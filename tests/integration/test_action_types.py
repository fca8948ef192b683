"""What apps can report: the action types that are in effect, with their limits and factors."""

from datetime import date
from typing import Any

import pytest

from saxaul.catalog.entries import ActionType, Cap, Evidence, Plausible, Reward
from saxaul.catalog.models import Model
from saxaul.http.factor_views import ActionTypeView, AvoidedView, CapView, FactorView, RewardView, SourceView
from tests.builders import DAY, make_action_type, make_calendar, reported
from tests.integration.conftest import clear_worker_caches
from tests.integration.stack import BASE_URL, Response, Stack, call, put_entry, report_actions

RIDE = make_action_type().model_dump(mode="json", exclude_defaults=True)


def action_types(query: dict[str, str] | None = None, client: str = "alipay-client", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return call("view_impact", "GET", "/action-types", client=client, query=query, headers=named)


def listed() -> dict[str, Any]:
    return {found["action_type"]: found for found in action_types().body["action_types"]}


@pytest.mark.usefixtures("stack")
def test_an_action_type_shows_all_that_an_app_must_know_to_report_it() -> None:
    evidence = {"value": "212.123456", "confidence": "B", "source": "China Daily", "region": "China", "year": 2019}
    points = {"value": "80", "per": "action", "at_least": "0.8", "source": "the programme"}
    limits = {"min_quantity": "0.5", "max_quantity": 9, "plausible_a_day": {"value": 6, "source": "the programme"}}
    caps = [{"window": "day", "units": "2.5"}, {"window": "month", "points": 400}]
    more = {"avoided_g": evidence, "points": points, "caps": caps, "category": "travel", "retired_from": "2026-06-06"}
    put_entry("action-types", "bus_ride", RIDE | limits | more)

    response = action_types({"lang": "zh"})

    assert response.body == {
        "action_types": [
            {
                "action_type": "bus_ride",
                "version": 1,
                "name": RIDE["names"]["zh"],
                "category": "travel",
                "actor": "person",
                "unit": "ride",
                "points": {
                    "value": 80,
                    "per": "action",
                    "at_least": 0.8,
                    "confidence": "none",
                    "source": "the programme",
                },
                "avoided_g": {
                    "value": 212.123456,
                    "region": "China",
                    "year": 2019,
                    "method": None,
                    "confidence": "B",
                    "source": "China Daily",
                },
                "caps": [
                    {"window": "day", "units": 2.5, "points": None},
                    {"window": "month", "units": None, "points": 400},
                ],
                "plausible_a_day": {"value": 6, "confidence": "none", "source": "the programme"},
                "min_quantity": 0.5,
                "max_quantity": 9,
                "retired_from": "2026-06-06",
                "factor": f"{BASE_URL}/factors/bus_ride/1",
            }
        ],
        "cursor": None,
    }
    assert (response.status, response.headers["cache-control"]) == (200, "private, max-age=60")


def test_an_action_type_shows_the_version_in_effect_and_not_a_later_one(stack: Stack) -> None:
    put_entry("action-types", "bus_ride", RIDE)
    put_entry("action-types", "bus_ride", RIDE | {"unit": "trip"})
    before = listed()["bus_ride"]
    stack.clock.instant += 60
    clear_worker_caches()
    after = listed()["bus_ride"]

    assert (before["unit"], before["version"], before["factor"]) == ("ride", 1, f"{BASE_URL}/factors/bus_ride/1")
    assert (after["unit"], after["version"], after["factor"]) == ("trip", 2, f"{BASE_URL}/factors/bus_ride/2")


def test_the_list_is_the_same_for_every_app_and_names_whose_actions_they_are(stack: Stack) -> None:
    stack.seed("action-types", bus_ride=make_action_type(), solar=make_action_type(points=None, actor="facility"))

    assert {name: found["actor"] for name, found in listed().items()} == {"bus_ride": "person", "solar": "facility"}
    assert listed()["solar"]["points"] is None
    assert action_types(client="third-party-client").body == action_types().body
    assert action_types(client="operator-client").body == action_types().body
    assert action_types(client="partner-client").code == "not_an_app"


def test_a_retired_action_type_is_listed_exactly_as_long_as_it_can_be_reported(stack: Stack) -> None:
    retired = make_action_type().model_copy(update={"retired_from": date(2026, 6, 5)})
    stack.seed("action-types", bus_ride=make_action_type(), walking=retired)
    shown = set()
    for _ in range(40):
        # The last second before the day of the retirement, in the time zone of the programme.
        late = report_actions(
            reported(type="walking", occurred_at="2026-06-04T23:59:59+08:00"),
            reported(action_id="ride", occurred_at=make_calendar().rfc3339(stack.clock.instant)),
        )
        clear_worker_caches()
        assert ("walking" in listed()) == (late.body["accepted"] == 2)
        shown.add("walking" in listed())
        stack.clock.instant += DAY

    assert shown == {True, False}


def test_action_types_are_listed_in_pages_and_each_once(stack: Stack) -> None:
    names = [f"type-{number:02d}" for number in range(7)]
    for name in names:
        stack.seed("action-types", **{name: make_action_type()})
    page = action_types({"limit": "3"}).body
    found = [[shown["action_type"] for shown in page["action_types"]]]
    while page["cursor"]:
        page = action_types({"limit": "3", "cursor": page["cursor"]}).body
        found.append([shown["action_type"] for shown in page["action_types"]])

    assert found == [names[:3], names[3:6], names[6:]]
    assert action_types({"cursor": "nonsense"}).code == "invalid_parameter"


def test_a_client_that_has_the_list_gets_304_until_it_changes(stack: Stack) -> None:
    stack.seed("action-types", bus_ride=make_action_type())
    first = action_types()

    assert action_types(If_None_Match=first.headers["etag"]).status == 304
    stack.seed("action-types", walking=make_action_type())
    clear_worker_caches()
    assert action_types(If_None_Match=first.headers["etag"]).status == 200


@pytest.mark.parametrize(
    ("view", "model", "others"),
    [
        (SourceView, Plausible, set()),
        (RewardView, Reward, set()),
        (AvoidedView, Evidence, set()),
        (CapView, Cap, set()),
        (FactorView, ActionType, {"action_type", "version", "changed_at", "-category", "-actor", "-retired_from"}),
        (ActionTypeView, ActionType, {"action_type", "version", "factor", "name", "-names"}),
    ],
)
def test_apps_see_every_field_of_an_action_type(view: type, model: type[Model], others: set[str]) -> None:
    added = {name for name in others if not name.startswith("-")}

    assert view.__annotations__.keys() == model.model_fields.keys() - {name[1:] for name in others - added} | added
