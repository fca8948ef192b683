"""The rules of the catalog: valid entries, the days of campaigns, and references between entries."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from saxaul.catalog.entries import ActionType, Campaign, Cap, Evidence, Plausible, Reward, Suggestion, TreeProject
from tests.builders import (
    make_action_type,
    make_campaign,
    make_catalog,
    make_suggestion,
    make_tree_project,
)


def test_a_yearly_campaign_runs_only_on_its_day_of_the_year() -> None:
    campaign = make_campaign(recurs="FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=5")

    days = [date(2027, 1, 1) + timedelta(n) for n in range(365)]

    assert [day for day in days if campaign.runs_on(day)] == [date(2027, 6, 5)]


def test_a_campaign_of_several_days_runs_from_its_first_to_its_last_day() -> None:
    campaign = make_campaign(recurs="FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31", days=3)

    days = [date(2026, 12, 30) + timedelta(n) for n in range(5)]

    assert [campaign.runs_on(day) for day in days] == [False, True, True, True, False]


def test_a_campaign_may_recur_on_a_weekday_of_a_month() -> None:
    earth_hour = make_campaign(recurs="FREQ=YEARLY;BYMONTH=3;BYDAY=-1SA")

    assert earth_hour.runs_on(date(2026, 3, 28))
    assert not earth_hour.runs_on(date(2026, 3, 21))


@pytest.mark.parametrize("rule", ["", "every June", "FREQ=SOMETIMES", "FREQ=YEARLY;BYMONTH=x"])
def test_text_that_is_not_a_recurrence_rule_is_refused(rule: str) -> None:
    with pytest.raises(ValidationError):
        make_campaign(recurs=rule)


@pytest.mark.parametrize("rule", ["BYMONTH=6;BYMONTHDAY=5", "INTERVAL=2"])
def test_a_recurrence_rule_without_a_frequency_is_refused(rule: str) -> None:
    with pytest.raises(ValidationError):
        make_campaign(recurs=rule)


@pytest.mark.parametrize("rule", ["FREQ=YEARLY;INTERVAL=0", "FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=HOURLY"])
def test_a_recurrence_rule_that_would_take_too_long_to_evaluate_is_refused(rule: str) -> None:
    with pytest.raises(ValidationError):
        make_campaign(recurs=rule)


@pytest.mark.parametrize("start", ["DTSTART:20260605T000000Z", "DTSTART;TZID=Asia/Shanghai:20260605T000000"])
def test_a_recurrence_rule_with_a_time_zone_is_refused_because_days_have_none(start: str) -> None:
    with pytest.raises(ValidationError):
        make_campaign(recurs=f"{start}\nRRULE:FREQ=YEARLY")


def test_a_cap_has_either_units_or_points() -> None:
    assert Cap.model_validate({"window": "day", "units": 0}).units == 0
    for limits in ({}, {"units": 1, "points": 1}, {"points": -1}, {"units": "NaN"}):
        with pytest.raises(ValidationError):
            Cap.model_validate({"window": "day"} | limits)


@pytest.mark.parametrize("claim", [Reward, Evidence, Plausible])
def test_a_number_with_a_confidence_needs_a_source(claim: Callable[..., Any]) -> None:
    assert claim(value=1, confidence="A", source="Posti, 2009").confidence == "A"
    with pytest.raises(ValidationError):
        claim(value=1, confidence="A")


def test_an_action_type_of_a_facility_has_neither_points_nor_caps() -> None:
    assert make_action_type(points=None, actor="facility").actor == "facility"
    with pytest.raises(ValidationError):
        make_action_type(points="1", actor="facility")
    with pytest.raises(ValidationError):
        make_action_type(points=None, actor="facility", caps=(Cap(window="day", points=1),))


def test_an_action_type_of_a_facility_has_no_plausible_quantity_of_a_person() -> None:
    with pytest.raises(ValidationError):
        make_action_type(points=None, actor="facility", plausible_a_day="1")


@pytest.mark.parametrize(
    ("stated", "actor", "plausible"),
    [("8", "person", 8), (None, "person", 10), (None, "facility", None)],
)
def test_the_plausible_quantity_is_the_stated_one_or_that_of_one_action_and_unlimited_for_a_facility(
    stated: str | None, actor: str, plausible: int | None
) -> None:
    points = "80" if actor == "person" else None

    rule = make_action_type(points=points, actor=actor, max_quantity="10", plausible_a_day=stated)

    assert rule.plausible_quantity == plausible


@pytest.mark.parametrize(
    ("quantities", "is_valid"),
    [
        ({}, True),
        ({"min_quantity": "5", "max_quantity": "5"}, True),
        ({"min_quantity": "5", "max_quantity": "4.9"}, False),
        ({"min_quantity": "1001"}, False),
        ({"max_quantity": "0.009"}, False),
    ],
)
def test_the_largest_quantity_of_an_action_is_not_less_than_the_smallest_also_where_one_is_a_default(
    quantities: dict[str, str], is_valid: bool
) -> None:
    document = make_action_type().model_dump(mode="json", exclude={"min_quantity", "max_quantity"}) | quantities

    if is_valid:
        rule = ActionType.model_validate(document)
        assert rule.min_quantity == Decimal(quantities.get("min_quantity", "0.01"))
    else:
        with pytest.raises(ValidationError) as refused:
            ActionType.model_validate(document)
        assert [fault["loc"] for fault in refused.value.errors()] == [("max_quantity",)]


def test_only_a_reward_per_action_has_a_smallest_quantity() -> None:
    assert Reward(value=Decimal(136), per="action", at_least=Decimal(20)).at_least == 20
    assert Reward(value=Decimal(136), at_least=Decimal(0)).at_least == 0
    with pytest.raises(ValidationError) as refused:
        Reward(value=Decimal(136), at_least=Decimal(20))
    assert [fault["loc"] for fault in refused.value.errors()] == [("at_least",)]


def test_the_limits_of_a_quantity_are_stored_only_where_they_differ_from_the_defaults() -> None:
    plain = make_action_type(min_quantity="0.01")
    limited = make_action_type(per="action", min_quantity="1", at_least="20", plausible_a_day="2760")

    stored = [rule.model_dump(mode="json", exclude_defaults=True) for rule in (plain, limited)]

    assert not {"min_quantity", "max_quantity", "plausible_a_day"} & stored[0].keys()
    assert "at_least" not in stored[0]["points"]
    assert stored[1]["plausible_a_day"] == {"value": "2760"}
    assert [ActionType.model_validate(document) for document in stored] == [plain, limited]


@pytest.mark.parametrize(
    ("model", "entry", "change"),
    [
        (ActionType, make_action_type(), {"unit": ""}),
        (ActionType, make_action_type(), {"max_quantity": -1}),
        (ActionType, make_action_type(), {"min_quantity": 0}),
        (ActionType, make_action_type(), {"plausible_a_day": {"value": 0}}),
        (ActionType, make_action_type(), {"color": "green"}),
        (Campaign, make_campaign(), {"days": 0}),
        (Campaign, make_campaign(), {"multipliers": {"bus_ride": "0.5"}}),
        (Campaign, make_campaign(), {"multipliers": {"Bus Ride": "2"}}),
        (TreeProject, make_tree_project(), {"price_points": 0}),
        (TreeProject, make_tree_project(), {"saplings": -1}),
        (Suggestion, make_suggestion(), {"links": {}}),
        (Suggestion, make_suggestion(), {"links": {"alipay": "javascript:alert(1)"}}),
        (Suggestion, make_suggestion(), {"titles": {"en": "Bus"}}),
    ],
)
def test_an_invalid_entry_is_refused(model: type[ActionType], entry: ActionType, change: dict[str, object]) -> None:
    document = entry.model_dump(mode="json")

    assert model.model_validate(document) == entry
    with pytest.raises(ValidationError):
        model.model_validate(document | change)


def test_an_error_across_fields_is_reported_together_with_all_other_errors() -> None:
    document = make_action_type().model_dump(mode="json") | {"unit": "", "actor": "facility"}
    document |= {"min_quantity": "2000", "plausible_a_day": {"value": 1}}
    document["avoided_g"] = {"value": -1, "confidence": "A"}

    with pytest.raises(ValidationError) as refused:
        ActionType.model_validate(document)

    places = {".".join(map(str, fault["loc"])) for fault in refused.value.errors()}
    assert places == {"unit", "points", "avoided_g.source", "avoided_g.value", "max_quantity", "plausible_a_day"}


def test_an_action_type_is_retired_on_and_after_the_day_in_retired_from() -> None:
    retired = ActionType.model_validate(make_action_type().model_dump() | {"retired_from": "2026-06-05"})

    assert [retired.is_retired_on(date(2026, 6, day)) for day in (4, 5, 6)] == [False, True, True]
    assert not make_action_type().is_retired_on(date(2026, 6, 5))


@pytest.mark.parametrize(
    ("change", "places"),
    [
        ({"points": {"value": "1"}}, []),
        ({"caps": [{"window": "day", "points": 5}, {"window": "month", "units": 3}]}, []),
        ({"caps": [{"window": "day", "units": 5}]}, ["caps"]),
        ({"caps": [], "actor": "facility", "unit": 5}, ["actor", "caps"]),
        ({"caps": [{"window": "week"}], "actor": "robot"}, []),
    ],
)
def test_forbidden_changes_of_an_action_type_are_found_even_if_the_document_has_other_errors(
    change: dict[str, object], places: list[str]
) -> None:
    monthly = make_action_type(caps=(Cap(window="month", points=60),))

    faults = list(monthly.forbidden_changes(monthly.model_dump(mode="json") | change))

    assert [fault.partition(":")[0] for fault in faults] == places


def test_every_broken_reference_is_reported_with_the_entry_that_contains_it() -> None:
    catalog = make_catalog(
        campaigns={"wed": make_campaign(multipliers={"bus_ride": "2", "teleport": "3"})},
        suggestions={"fly": make_suggestion(action_type="fly", campaign="never"), "bus": make_suggestion()},
    )

    assert list(catalog.all_broken_references()) == [
        "wed: multipliers: there is no action type 'teleport'",
        "fly: action_type: there is no action type 'fly'",
        "fly: campaign: there is no campaign 'never'",
    ]


def test_the_entries_that_refer_to_an_entry_are_found() -> None:
    catalog = make_catalog(
        campaigns={"wed": make_campaign(multipliers={"bus_ride": "2"}), "quiet": make_campaign()},
        suggestions={"bus": make_suggestion(campaign="wed"), "metro": make_suggestion(action_type="metro_ride")},
    )

    assert catalog.referring_to("action-types", "bus_ride") == ["campaigns/wed", "suggestions/bus"]
    assert catalog.referring_to("campaigns", "wed") == ["suggestions/bus"]
    assert catalog.referring_to("tree-projects", "saxaul-alxa") == []
