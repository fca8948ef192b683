"""The ledger through the API: entries in pages, newest first, over several years; and the statement of a month."""

import json
from decimal import Decimal
from typing import Any

import pytest

from saxaul.catalog.entries import Cap
from saxaul.catalog.versions import VersionedEntry
from tests.builders import APP, DAY, NOON, USER, at, make_action, make_action_type, make_campaign
from tests.integration.stack import BASE_URL, Response, Stack, call


def ledger(**query: str) -> Response:
    return call("view_forest", "GET", "/users/{user_id}/ledger", path={"user_id": USER.id}, query=query or None)


def statement(**query: str) -> Response:
    return call("view_forest", "GET", "/users/{user_id}/statement", path={"user_id": USER.id}, query=query or None)


def whole_ledger(limit: int) -> list[Any]:
    """Read every entry as an app does: page by page, with the cursors."""
    response = ledger(limit=str(limit)).body
    entries = response["entries"]
    while response["cursor"]:
        response = ledger(limit=str(limit), cursor=response["cursor"]).body
        assert len(response["entries"]) <= limit
        entries += response["entries"]
    return list(entries)


def test_an_entry_shows_its_points_its_rule_and_the_source_of_its_avoided_grams(stack: Stack) -> None:
    stack.seed_catalog()
    stack.seed("campaigns", world_environment_day=make_campaign(multipliers={"bus_ride": "2"}))
    stack.accrue_all([make_action()])

    [entry] = ledger().body["entries"]

    assert entry == {
        "action_id": "ride-1",
        "summed": None,
        "app_id": "alipay",
        "action_type": "bus_ride",
        "quantity": 1,
        "mode": "single",
        "evidence_id": None,
        "unit": "ride",
        "points": 160,
        "avoided_g": 212.5,
        "avoided_g_reason": None,
        "avoided_g_source": "China Daily",
        "occurred_at": "2026-06-05T12:00:00+08:00",
        "recorded_at": "2026-06-05T12:00:00+08:00",
        "state": "ripening",
        "reason": None,
        "caps": [],
        "at_least": None,
        "rule": "bus_ride@1",
        "factor": f"{BASE_URL}/factors/bus_ride/1",
        "campaign_id": "world-environment-day",
        "conflicted": False,
    }


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
def test_entries_of_several_years_are_listed_newest_first_and_each_once(stack: Stack, limit: int) -> None:
    stack.seed(
        "action-types",
        bus_ride=make_action_type(),
        paperless_bill=make_action_type(caps=(Cap(window="month", units=Decimal(100)),)),
        new_fridge=make_action_type(caps=(Cap(window="year", units=Decimal(100)),)),
    )
    times = [
        "2026-06-05T09:00",
        "2026-06-05T09:00",
        "2026-05-30T10:00",
        "2026-02-01T00:00",
        "2025-12-31T23:59",
        "2023-01-01T00:00",
    ]
    actions = [
        make_action(f"{kind}-{number}", type=kind, occurred_at=at(time))
        for number, time in enumerate(times)
        for kind in ("bus_ride", "paperless_bill", "new_fridge")
    ]
    stack.accrue_all(actions)

    entries = whole_ledger(limit)

    assert sorted(entry["action_id"] for entry in entries) == sorted(action.action_id for action in actions)
    moments = [entry["occurred_at"] for entry in entries]
    assert moments == sorted(moments, reverse=True)


def test_a_year_that_has_only_a_yearly_period_is_not_skipped(stack: Stack) -> None:
    stack.seed(
        "action-types",
        bus_ride=make_action_type(),
        new_fridge=make_action_type(caps=(Cap(window="year", units=Decimal(9)),)),
    )
    stack.accrue_all(
        [
            make_action("new"),
            make_action("middle", type="new_fridge", occurred_at=at("2025-03-01T00:00")),
            make_action("old", occurred_at=at("2024-03-01T00:00")),
        ]
    )

    assert [entry["action_id"] for entry in whole_ledger(1)] == ["new", "middle", "old"]


def test_an_entry_shows_that_it_was_reversed_withheld_or_sent_again_with_different_content(stack: Stack) -> None:
    stack.seed("action-types", bus_ride=make_action_type(caps=(Cap(window="day", units=Decimal(1)),)))
    stack.accrue_all([make_action("paid"), make_action("capped", occurred_at=NOON - 1)])
    stack.accrue_all([make_action("paid", quantity="3")])
    reversal = {"app": APP, "accepted_at": NOON, "reversals": [["user", USER.id, "capped", "fraud", NOON - 1]]}
    paid, capped = ledger().body["entries"]
    stack.accrue(json.dumps(reversal))
    _, reversed_ = ledger().body["entries"]

    assert (paid["state"], paid["conflicted"], paid["points"]) == ("ripening", True, 80)
    assert (capped["state"], capped["reason"], capped["avoided_g"]) == ("withheld", "over_units_cap", 212.5)
    assert (reversed_["state"], reversed_["reason"], reversed_["avoided_g"]) == ("reversed", "fraud", 0)


def test_a_line_that_a_cap_cut_says_which_cap_how_much_is_left_and_when_its_window_ends(stack: Stack) -> None:
    units, points = Cap(window="month", units=Decimal("1.5")), Cap(window="day", points=100)
    stack.seed("action-types", bus_ride=make_action_type(caps=(units, points)))
    stack.accrue_all([make_action("paid"), make_action("cut"), make_action("next-day", occurred_at=NOON + DAY)])

    lines = {line["action_id"]: line for line in ledger().body["entries"]}

    assert lines["paid"]["caps"] == []
    assert (lines["cut"]["points"], lines["cut"]["reason"]) == (20, "over_points_cap")
    month = {"window": "month", "period": "2026-06", "units": 1.5, "points": None, "used": 1.5, "left": 0, "cut": True}
    month |= {"resets_at": "2026-07-01T00:00:00+08:00"}
    day = {"window": "day", "period": "2026-06-05", "units": None, "points": 100, "used": 100, "left": 0, "cut": True}
    assert lines["cut"]["caps"] == [month, day | {"resets_at": "2026-06-06T00:00:00+08:00"}]
    assert lines["next-day"]["reason"] == "over_units_cap"
    free = {"period": "2026-06-06", "used": 0, "left": 100, "cut": False, "resets_at": "2026-06-07T00:00:00+08:00"}
    assert lines["next-day"]["caps"] == [month, day | free]
    assert {line["at_least"] for line in lines.values()} == {None}


def test_a_cap_that_was_raised_since_is_shown_as_it_was_for_the_action(stack: Stack) -> None:
    def seed(limit: int, version: int) -> None:
        rule = make_action_type(caps=(Cap(window="day", units=Decimal(limit)),))
        stack.catalog_store.put("action-types", "bus_ride", VersionedEntry(rule, version))

    seed(1, 1)
    stack.accrue_all([make_action("first", rule=1), make_action("second", rule=1)])
    seed(3, 2)
    stack.accrue_all([make_action(f"later-{number}", rule=2) for number in range(3)])

    lines = {line["action_id"]: line for line in ledger().body["entries"]}
    shown = {
        name: [(cap["units"], cap["used"], cap["left"], cap["cut"]) for cap in lines[name]["caps"]] for name in lines
    }

    assert shown == {
        "first": [],
        "second": [(1, 3, 0, True)],
        "later-0": [],
        "later-1": [],
        "later-2": [(3, 3, 0, True)],
    }
    assert lines["second"]["rule"] == "bus_ride@1"


def test_what_a_reversal_frees_is_shown_as_left(stack: Stack) -> None:
    stack.seed("action-types", bus_ride=make_action_type(caps=(Cap(window="day", units=Decimal(2)),)))
    stack.accrue_all([make_action("one"), make_action("two"), make_action("over", quantity="1.5")])
    [before] = next(line for line in ledger().body["entries"] if line["action_id"] == "over")["caps"]
    reversal = {"app": APP, "accepted_at": NOON, "reversals": [["user", USER.id, "one", "mistake", NOON]]}
    stack.accrue(json.dumps(reversal))
    [after] = next(line for line in ledger().body["entries"] if line["action_id"] == "over")["caps"]

    assert (before["used"], before["left"], before["cut"]) == (2, 0, True)
    assert (after["used"], after["left"], after["cut"]) == (2, 0, True)
    assert next(line for line in ledger().body["entries"] if line["action_id"] == "over")["points"] == 80


def test_a_line_that_is_too_small_says_how_much_earns_and_how_much_is_left(stack: Stack) -> None:
    rule = make_action_type(per="action", at_least="20", caps=(Cap(window="day", units=Decimal(2)),))
    stack.seed("action-types", bus_ride=rule)
    stack.accrue_all([make_action("walk", quantity="25"), make_action("short", quantity="19.5")])

    lines = {line["action_id"]: line for line in ledger().body["entries"]}

    assert (lines["short"]["state"], lines["short"]["reason"]) == ("withheld", "too_small_to_earn")
    assert (lines["short"]["at_least"], lines["walk"]["at_least"]) == (20, None)
    [cap] = lines["short"]["caps"]
    assert (cap["units"], cap["used"], cap["left"], cap["cut"]) == (2, 1, 1, False)


def test_a_statement_sums_a_month_by_action_type(stack: Stack) -> None:
    stack.seed_catalog()
    stack.accrue_all([make_action("may", occurred_at=NOON - 5 * DAY), make_action("june-1"), make_action("june-2")])

    june, may = statement().body, statement(month="2026-05").body

    assert june["totals"] == [{"action_type": "bus_ride", "actions": 2, "quantity": 2, "points": 160, "avoided_g": 425}]
    assert (june["month"], june["points"], june["avoided_g"]) == ("2026-06", 160, 425)
    assert (may["month"], may["points"]) == ("2026-05", 80)


def test_a_statement_counts_every_action_of_a_sum_and_names_no_full_app(stack: Stack) -> None:
    capped = make_action_type(caps=(Cap(window="day", units=Decimal(1)),))
    stack.seed("action-types", bus_ride=capped)
    stack.accrue_all([make_action(f"ride-{number}") for number in range(30)])

    june = statement().body

    assert (june["points"], june["totals"][0]["actions"], june["full_apps"]) == (80, 30, [])


def test_a_sum_is_one_line_without_an_action_id_that_says_how_many_actions_it_adds_up(stack: Stack) -> None:
    capped = make_action_type(caps=(Cap(window="day", units=Decimal(1)),), plausible_a_day="45")
    stack.seed("action-types", bus_ride=capped)
    stack.accrue_all([make_action(f"ride-{number}") for number in range(50)])

    lines = whole_ledger(7)
    [line] = [line for line in lines if line["summed"]]

    assert len(lines) == 1 + 40 + 1
    assert (line["action_id"], line["app_id"], line["summed"], line["quantity"]) == (None, "alipay", 9, 9)
    assert (line["state"], line["reason"], line["points"]) == ("withheld", "over_units_cap", 0)
    assert (line["avoided_g"], line["avoided_g_reason"]) == (4 * 212.5, "over_plausible_quantity")


def test_a_statement_names_an_app_whose_share_has_no_room_left(stack: Stack) -> None:
    stack.seed("action-types", bus_ride=make_action_type(points="1"))
    longest = "x" * 123
    for start in range(0, 1500, 500):
        stack.accrue_all([make_action(f"{longest}{number:05d}") for number in range(start, start + 500)])

    june = statement().body

    recorded = june["totals"][0]["actions"]
    assert 1024 < recorded < 1500
    assert (june["points"], june["full_apps"]) == (recorded, ["alipay"])


@pytest.mark.parametrize(
    "query", [{"cursor": "nonsense"}, {"cursor": "bm9uc2Vuc2U="}, {"cursor": "é"}, {"limit": "0"}, {"limit": "201"}]
)
@pytest.mark.usefixtures("stack")
def test_an_invalid_cursor_or_limit_is_refused(query: dict[str, str]) -> None:
    response = ledger(**query)

    assert (response.status, response.code) == (400, "invalid_parameter")


@pytest.mark.parametrize("month", ["2026", "2026-13", "2026-1", "june", "2026-06-05"])
@pytest.mark.usefixtures("stack")
def test_a_statement_needs_a_valid_month(month: str) -> None:
    assert statement(month=month).code == "invalid_parameter"
