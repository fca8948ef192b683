"""The rules of the catalog: valid entries, the days of campaigns, and references between entries."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from saxaul.catalog.entries import (
    ActionType,
    Campaign,
    Cap,
    Evidence,
    Goal,
    Initiative,
    Plausible,
    Reward,
    Suggestion,
    TreeProject,
    references_in,
)
from saxaul.catalog.faults import error_lines
from saxaul.catalog.models import ValidationError
from saxaul.catalog.on_demand import OnDemand
from saxaul.catalog.timeline import renewed_after, usable_for
from saxaul.catalog.versions import VersionedEntry
from tests.builders import (
    make_action_type,
    make_campaign,
    make_catalog,
    make_facility,
    make_initiative,
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
        (Suggestion, make_suggestion(), {"titles": {"en": "Bus\x00", "zh": "公交"}}),
        (Suggestion, make_suggestion(), {"titles": {"en": "Bus\n", "zh": "公交"}}),
        (Suggestion, make_suggestion(), {"titles": {"en": "Bus \ud83d", "zh": "公交"}}),
        (Suggestion, make_suggestion(), {"titles": {"en": "\u202esuB", "zh": "公交"}}),
        (Suggestion, make_suggestion(), {"titles": {"en": " \u3000\u200b", "zh": "公交"}}),
        (Suggestion, make_suggestion(), {"keywords": ["bus"] * 51}),
        (Suggestion, make_suggestion(), {"keywords": ["b" * 101]}),
        (Suggestion, make_suggestion(), {"links": {"alipay": "https://a.cn/\n"}}),
        (Suggestion, make_suggestion(), {"links": {f"app{n}": "https://a.cn" for n in range(51)}}),
        (Suggestion, make_suggestion(), {"links": {"": "https://a.cn"}}),
        (Campaign, make_campaign(), {"days": True}),
        (Campaign, make_campaign(), {"days": Decimal("1e999999999")}),
        (Campaign, make_campaign(), {"editions": {"1969": {}}}),
        (Campaign, make_campaign(), {"multipliers": {f"t{n}": 2 for n in range(101)}}),
        (Campaign, make_campaign(), {"goal": {"counts": "trees", "target": 10**10}}),
        (ActionType, make_action_type(), {"retired_from": 0}),
        (ActionType, make_action_type(), {"retired_from": "2101-01-01"}),
        (ActionType, make_action_type(), {"caps": [{"window": "day", "units": 1}, {"window": "day", "units": 2}]}),
        (TreeProject, make_tree_project(), {"price_points": 10**10}),
        (TreeProject, make_tree_project(), {"saplings": 10**10}),
    ],
)
def test_an_invalid_entry_is_refused(model: type[ActionType], entry: ActionType, change: dict[str, object]) -> None:
    document = entry.model_dump(mode="json")

    assert model.model_validate(document) == entry
    with pytest.raises(ValidationError):
        model.model_validate(document | change)


@pytest.mark.parametrize(
    ("model", "entry", "field", "identifier"),
    [
        (Initiative, make_initiative(), "facilities", "hangzhou"),
        (Initiative, make_initiative(), "action_types", "solar_warehouse"),
        (Suggestion, make_suggestion(), "done_in", "alipay"),
    ],
)
def test_a_list_of_identifiers_has_each_of_them_once(
    model: type[Initiative], entry: Initiative, field: str, identifier: str
) -> None:
    document = entry.model_dump(mode="json")

    model.model_validate(document | {field: [identifier]})
    with pytest.raises(ValidationError) as refused:
        model.model_validate(document | {field: [identifier, identifier]})

    assert error_lines(refused.value) == [f"{field}: {identifier!r} must not be listed more than once"]


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


@pytest.mark.parametrize(("delay", "renewed", "usable"), [(60, 30, 45), (3600, 1800, 2700), (2, 1, 1), (1, 0, 0)])
def test_a_worker_stops_using_its_catalog_well_before_a_change_that_it_may_lack_takes_effect(
    delay: int, renewed: float, usable: float
) -> None:
    assert (renewed_after(delay), usable_for(delay)) == (renewed, usable)


def test_a_clock_that_is_behind_that_of_the_writer_gets_the_first_version() -> None:
    new = VersionedEntry(None, 0).followed_by(make_action_type(), 100, 100, "operator")

    assert (new.at(99).version, new.at(100).version) == (1, 1)


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("https://", "this must be a complete link, such as https://example.org/1.jpg"),
        ("https://a.example:99999/", "this must be a complete link, such as https://example.org/1.jpg"),
        ("ftp://a.example/", "this must be a link that begins with http:// or https:// and has no spaces"),
    ],
)
def test_a_link_that_no_app_could_open_is_refused_with_the_reason(link: str, reason: str) -> None:
    document = make_suggestion().model_dump(mode="json")

    with pytest.raises(ValidationError) as refused:
        Suggestion.model_validate({**document, "links": {"alipay": link}})

    assert error_lines(refused.value) == [f"links.alipay: {reason}"]


@pytest.mark.parametrize("text", ["عالم أخضر\u200f", "👨\u200d👩\u200d👧", "نامه\u200cای", "Côte d'Ivoire"])  # noqa: RUF001 - Arabic
def test_texts_of_any_script_keep_their_joiners_and_marks(text: str) -> None:
    assert make_suggestion(text).titles.en == text


@pytest.mark.parametrize(
    ("written", "kept"), [("-0", "0"), ("0E-400", "0"), ("0e999999", "0"), ("1E+2", "100"), ("80.50", "80.50")]
)
def test_an_amount_is_kept_without_an_exponent(written: str, kept: str) -> None:
    reward = Reward.model_validate({"value": Decimal(written)})

    assert str(reward.value) == kept


def test_a_catalog_without_some_entries_leaves_out_what_refers_to_them_and_says_so() -> None:
    goal = Goal(counts="actions", target=5)
    catalog = make_catalog(
        campaigns={
            "wed": make_campaign(multipliers={"bus_ride": "2", "gone": "3"}),
            "lone": make_campaign(multipliers={"gone": "3"}).model_copy(update={"goal": goal}),
        },
        suggestions={
            "bus": make_suggestion(campaign="wed"),
            "fly": make_suggestion(action_type="gone"),
            "late": make_suggestion(campaign="never"),
        },
    )

    found = catalog.without_dangling()

    assert catalog.dangling() == [
        "campaigns/wed/multipliers/gone",
        "campaigns/lone/multipliers/gone",
        "campaigns/lone/goal",
        "suggestions/fly",
        "suggestions/late",
    ]
    assert list(found.suggestions) == ["bus"]
    assert list(found.campaigns["wed"].multipliers) == ["bus_ride"]
    assert found.campaigns["lone"].goal is None
    assert list(found.all_broken_references()) == []
    assert found.dangling() == []
    assert found.without_dangling() == found


def test_an_initiative_without_some_of_its_facilities_and_action_types_keeps_the_others() -> None:
    whole = make_initiative(action_types=("bus_ride",))
    initiatives = {
        "some": make_initiative(facilities=("lost", "hangzhou"), action_types=("gone", "bus_ride")),
        "whole": whole,
        "none": make_initiative(action_types=("gone",)),
    }
    catalog = replace(make_catalog(facilities={"hangzhou": make_facility()}), initiatives=initiatives)

    assert dict(catalog.without_dangling().initiatives) == {"some": whole, "whole": whole}
    assert catalog.dangling() == [
        "initiatives/some/facilities/lost",
        "initiatives/some/action_types/gone",
        "initiatives/none",
    ]


def test_a_catalog_without_dangling_references_reads_only_the_entries_that_are_asked_for() -> None:
    read: list[str] = []

    def made(name: str) -> Campaign:
        read.append(name)
        return make_campaign()

    found = replace(make_catalog(), campaigns=OnDemand(["wed", "tree-day"], made)).without_dangling()
    assert read == []

    assert found.campaigns["wed"] == make_campaign()
    assert read == ["wed"]


def test_a_reference_that_cannot_be_an_identifier_is_not_looked_up() -> None:
    multipliers = {"": 2, "Bus": 2, "\ud800": 2, "bus_ride": 2}

    assert [found.identifier for found in references_in("campaigns", {"multipliers": multipliers})] == ["bus_ride"]
    assert list(references_in("suggestions", {"action_type": "", "campaign": "a\n"})) == []
    assert len(list(references_in("campaigns", {"multipliers": {f"t{n}": 2 for n in range(1000)}}))) == 100


@pytest.mark.parametrize("written", ["1_0", "\uff11\uff12", " 5 ", "1e3", "+1", "-0", ".5", "5."])
def test_a_number_that_is_written_as_text_has_plain_digits_only(written: str) -> None:
    with pytest.raises(ValidationError, match="digits as text"):
        Reward.model_validate({"value": written})
    with pytest.raises(ValidationError, match="digits as text"):
        Goal.model_validate({"counts": "actions", "target": written})


@pytest.mark.parametrize("year", [" 2026", "2_026", "+2026", "2026.0", "02026"])
def test_the_year_of_an_edition_has_four_digits(year: str) -> None:
    with pytest.raises(ValidationError, match="must be a year"):
        Campaign.model_validate(make_campaign().model_dump(mode="json") | {"editions": {year: {}}})
