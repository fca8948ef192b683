"""Screening: which reported actions are accepted, and the code with which each of the others is refused."""

from decimal import Decimal

import pytest

from functions.ingest_actions.handler import ACTIONS
from saxaul.catalog.entries import ActionType
from saxaul.http.bodies import MAX_ACTIONS
from saxaul.ledger.actions import QUANTITY_STEP, Action, Owner
from saxaul.ledger.screening import RefusedItem, screen, screen_reversals
from saxaul.problems import InvalidRequest
from tests.builders import (
    APP,
    NOON,
    at,
    make_action_type,
    make_calendar,
    make_campaign,
    make_catalog,
    make_facility,
    reported,
)

CATALOG = make_catalog(
    {
        "bus_ride": make_action_type(max_quantity="10"),
        "fax": ActionType.model_validate(make_action_type().model_dump() | {"retired_from": "2026-06-05"}),
        "solar_warehouse": make_action_type(points=None, actor="facility", max_quantity="999999999"),
        "green_power": make_action_type(points=None, actor="facility", max_quantity="999999999"),
    },
    facilities={"dc-1": make_facility(), "theirs": make_facility(app="taobao")},
)
CALENDAR = make_calendar()
SOLAR = {"user_id": None, "facility_id": "dc-1", "type": "solar_warehouse"}


def screened(*actions: object) -> tuple[list[Action], list[RefusedItem]]:
    accepted, refused, _ = screen(APP, actions, CATALOG, CALENDAR, NOON)
    return accepted, refused


def code_of(action: object) -> str:
    accepted, refused = screened(action)
    assert not accepted
    return refused[0].code


def test_a_valid_action_belongs_to_the_app_that_reported_it() -> None:
    accepted, refused = screened(reported(quantity=Decimal("1.50")))

    assert accepted == [
        Action(APP, Owner("user", "u-42"), "ride-1", "bus_ride", Decimal("1.5"), at("2026-06-05T08:30"))
    ]
    assert not refused


def test_the_same_instant_with_another_utc_offset_gives_the_same_action() -> None:
    accepted, _ = screened(reported(), reported(occurred_at="2026-06-05T00:30:00Z"))

    assert accepted[0] == accepted[1]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"type": "teleport"}, "unknown_type"),
        ({"type": "solar_warehouse"}, "wrong_owner"),
        ({"user_id": None, "facility_id": "dc-1"}, "wrong_owner"),
        ({"quantity": 0}, "quantity_out_of_range"),
        ({"quantity": -1}, "quantity_out_of_range"),
        ({"quantity": Decimal("10.000001")}, "quantity_out_of_range"),
        ({"quantity": Decimal("1E-7")}, "quantity_out_of_range"),
        ({"quantity": Decimal("1E+400000")}, "quantity_out_of_range"),
        ({"quantity": 10**400}, "quantity_out_of_range"),
        ({"occurred_at": "2026-06-05T12:05:01+08:00"}, "in_future"),
        ({"occurred_at": "2026-05-28T23:59:59+08:00"}, "too_old"),
        ({"type": "fax"}, "retired_type"),
    ],
)
def test_an_action_that_breaks_a_rule_is_refused_with_the_code_of_that_rule(
    change: dict[str, object], code: str
) -> None:
    assert code_of(reported(**change)) == code


def test_an_action_from_before_its_type_was_retired_is_accepted() -> None:
    accepted, _ = screened(reported(type="fax", occurred_at="2026-06-04T23:59:59+08:00"))

    assert [action.type for action in accepted] == ["fax"]


@pytest.mark.parametrize(
    "change",
    [
        {"action_id": None},
        {"action_id": ""},
        {"action_id": "with space"},
        {"action_id": "a/b"},
        {"action_id": "x" * 129},
        {"action_id": "line\n"},
        {"action_id": 7},
        {"user_id": None},
        {"facility_id": "dc-1"},
        {"user_id": "u#42"},
        {"type": 1},
        {"type": "x" * 65},
        {"quantity": True},
        {"quantity": "NaN"},
        {"quantity": Decimal("NaN")},
        {"quantity": "Infinity"},
        {"quantity": [1]},
        {"quantity": "one"},
        {"quantity": "1_0"},
        {"quantity": " 1"},
        {"quantity": "1\n"},
        {"quantity": "+1"},
        {"quantity": "-1"},
        {"quantity": "1e1"},
        {"quantity": ".5"},
        {"quantity": "5."},
        {"quantity": ""},
        {"quantity": "\uff11"},
        {"quantity": "\u0661"},
        {"quantity": "9" * 5000},
        {"quantity": False},
        {"user_id": "."},
        {"user_id": ".."},
        {"occurred_at": "\uff12\uff10\uff12\uff16-06-05T08:30:00+08:00"},
        {"occurred_at": 1780619400},
        {"occurred_at": "2026-06-05"},
        {"occurred_at": "2026-06-05T08:30:00"},
        {"occurred_at": "2026-06-05T08:30:00 08:00"},
        {"occurred_at": "2026-02-30T08:30:00+08:00"},
        {"occurred_at": "2026-06-05T24:00:00+08:00"},
        {"occurred_at": "yesterday"},
        {"points": 1000},
        {"app": "taobao"},
    ],
)
def test_a_malformed_action_is_refused_as_invalid(change: dict[str, object]) -> None:
    assert code_of(reported(**change)) == "invalid_action"


@pytest.mark.parametrize("nothing", [None, 1, "bus", [], {}, [reported()]])
def test_a_value_that_is_not_an_action_is_refused_as_invalid(nothing: object) -> None:
    assert code_of(nothing) == "invalid_action"


def test_the_detail_of_a_refusal_names_the_unknown_field() -> None:
    _, refused = screened(reported(points=1000))

    assert refused[0].detail.startswith("points: ")


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        ("0001-01-01T00:00:00Z", "too_old"),
        ("0001-01-01T00:00:00+14:00", "too_old"),
        ("9999-12-31T23:59:59Z", "in_future"),
        ("9999-12-31T23:59:59-14:00", "in_future"),
    ],
)
def test_an_instant_in_year_1_or_9999_is_refused_without_a_crash(moment: str, code: str) -> None:
    assert code_of(reported(occurred_at=moment)) == code


def test_actions_exactly_at_the_limits_of_quantity_and_time_are_accepted() -> None:
    accepted, refused = screened(
        reported(action_id="most", quantity=10),
        reported(action_id="least", quantity=QUANTITY_STEP),
        reported(action_id="newest", occurred_at="2026-06-05T12:05:00+08:00"),
        reported(action_id="oldest", occurred_at="2026-05-29T00:00:00+08:00"),
    )

    assert len(accepted) == 4
    assert not refused


@pytest.mark.parametrize("quantity", ["1", "1.50", "0.000001", "007"])
def test_a_quantity_may_be_a_decimal_string(quantity: str) -> None:
    accepted, _ = screened(reported(quantity=quantity))

    assert accepted[0].quantity == Decimal(quantity)


def test_a_quantity_is_rounded_to_a_millionth() -> None:
    accepted, _ = screened(reported(quantity=Decimal("1.23456789")))

    assert accepted[0].quantity == Decimal("1.234568")


def test_an_action_with_a_facility_id_belongs_to_the_facility_and_names_its_plausible_quantity() -> None:
    accepted, _ = screened(reported(**SOLAR, quantity=999))

    assert (accepted[0].owner, accepted[0].plausible) == (Owner("facility", "dc-1"), Decimal(1000))


@pytest.mark.parametrize(
    ("change", "code", "named"),
    [
        ({"facility_id": "dc-2"}, "unknown_facility", "'dc-2'"),
        ({"facility_id": "x" * 128}, "unknown_facility", f"'{'x' * 64}…'"),
        ({"facility_id": "theirs"}, "not_your_facility", "'theirs'"),
        ({"type": "green_power"}, "wrong_type_for_facility", "'dc-1'"),
        ({"type": "bus_ride"}, "wrong_owner", "person"),
    ],
)
def test_an_action_that_a_facility_cannot_have_is_refused_alone(
    change: dict[str, object], code: str, named: str
) -> None:
    accepted, [refusal] = screened(reported(**SOLAR), reported(**SOLAR | change))

    assert [action.owner.id for action in accepted] == ["dc-1"]
    assert (refusal.index, refusal.code) == (1, code)
    assert named in refusal.detail


def test_an_action_beyond_the_plausible_quantity_of_a_day_is_accepted_and_flagged() -> None:
    refused_first = reported(type="teleport")
    accepted, _, flagged = screen(
        APP,
        [refused_first, reported(**SOLAR, quantity=1000), reported(**SOLAR, action_id="b", quantity="1000.1")],
        CATALOG,
        CALENDAR,
        NOON,
    )

    assert len(accepted) == 2
    [flag] = flagged
    assert (flag.index, flag.action_id, flag.code) == (2, "b", "over_plausible_quantity")
    assert flag.detail == "The public totals count at most 1000 ride of a day."


def test_an_accepted_action_names_the_version_and_the_run_of_its_day() -> None:
    catalog = make_catalog(campaigns={"wed": make_campaign(multipliers={"bus_ride": "2"})}, versions={"bus_ride": 7})
    reports = [reported(), reported(action_id="b", occurred_at="2026-06-04T08:30:00+08:00")]

    accepted, _, _ = screen(APP, reports, catalog, CALENDAR, NOON)

    assert [(a.rule, a.run, a.multiplier) for a in accepted] == [
        (7, "wed@2026-06-05", Decimal(2)),
        (7, "", Decimal(1)),
    ]


@pytest.mark.parametrize(("facility_id", "code"), [("dc-2", "unknown_facility"), ("theirs", "not_your_facility")])
def test_a_reversal_for_a_facility_that_the_app_does_not_report_for_is_refused(facility_id: str, code: str) -> None:
    taken = {"action_id": "a", "occurred_at": "2026-06-05T08:30:00+08:00", "reason": "meter"}
    reversals = [taken | {"facility_id": name} for name in ("dc-1", facility_id)]

    accepted, [refusal] = screen_reversals(APP, reversals, NOON, facilities=CATALOG.facilities)

    assert [reversal.owner.id for reversal in accepted] == ["dc-1"]
    assert (refusal.index, refusal.code) == (1, code)


def test_each_of_five_hundred_actions_is_screened_alone_and_a_refusal_has_its_index() -> None:
    call = [reported(action_id=f"ride-{n}", quantity=0 if n % 5 == 0 else 1) for n in range(MAX_ACTIONS)]

    accepted, refused = screened(*call)

    assert [action.action_id for action in accepted] == [f"ride-{n}" for n in range(MAX_ACTIONS) if n % 5]
    assert [(refusal.index, refusal.action_id) for refusal in refused] == [
        (n, f"ride-{n}") for n in range(0, MAX_ACTIONS, 5)
    ]


def test_a_refusal_has_no_action_id_if_the_app_sent_no_string() -> None:
    _, refused = screened(reported(action_id=7), 7)

    assert [refusal.action_id for refusal in refused] == [None, None]


def test_a_body_has_at_most_five_hundred_actions() -> None:
    assert len(ACTIONS.items_in({"actions": [{}] * MAX_ACTIONS})) == MAX_ACTIONS
    with pytest.raises(InvalidRequest) as too_many:
        ACTIONS.items_in({"actions": [{}] * (MAX_ACTIONS + 1)})

    assert too_many.value.code == "too_many_actions"


@pytest.mark.parametrize("body", [None, [], {}, {"actions": []}, {"actions": {}}, {"actions": "x"}, "actions"])
def test_a_malformed_body_is_refused_as_a_whole(body: object) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        ACTIONS.items_in(body)

    assert refusal.value.code == "invalid_body"


@pytest.mark.parametrize(
    "reason", ["", "x" * 65, "a\nb", "\x00", "\x1b[31m", "\x85", 7, None, "\ud800", " ", "a\u202eb"]
)
def test_a_reason_of_a_reversal_is_a_short_text_without_control_characters(reason: object) -> None:
    candidate = {"action_id": "r", "user_id": "u", "occurred_at": "2026-06-05T08:30:00+08:00", "reason": reason}

    accepted, refused = screen_reversals(APP, [candidate, candidate | {"reason": "退票 🎫"}], NOON)

    assert [refusal.code for refusal in refused] == ["invalid_reversal"]
    assert [reversal.reason for reversal in accepted] == ["退票 🎫"]
