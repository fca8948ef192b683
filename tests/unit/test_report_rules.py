"""What a partner may report about the trees of an order, and which reports are refused."""

import unicodedata
from decimal import Decimal

import pytest

from functions.take_reports.handler import CONFIRMATIONS, FAILURES
from saxaul.http.bodies import MAX_REPORTS, Listed
from saxaul.problems import InvalidRequest
from saxaul.trees.outcomes import Reported
from saxaul.trees.redemptions import MAX_REPLACEMENTS, MAX_TRIES, Redemption
from saxaul.trees.report_rules import (
    ApplyReports,
    ReportRequest,
    apply_confirmations,
    apply_corrections,
    apply_failures,
    apply_inspections,
)
from saxaul.trees.states import State
from tests.builders import (
    DAY,
    FIRST,
    NOON,
    ORDER,
    ORDERED,
    SECOND,
    accepted,
    apply_reports,
    confirmation,
    correction,
    failure,
    inspection,
    make_calendar,
    make_order,
    make_redemption,
    redemption_after,
    refusals,
)

CALENDAR = make_calendar()


def confirmed(*reports: object, redemption: Redemption = ORDERED) -> Reported:
    return apply_reports(apply_confirmations, *reports, redemption=redemption)


def refusal_codes(take: ApplyReports, *reports: object, redemption: Redemption, now: int = NOON) -> list[str]:
    outcome = apply_reports(take, *reports, redemption=redemption, now=now)
    return [found for _, found in refusals(outcome)]


def test_a_confirmed_tree_keeps_the_details_that_the_partner_reported() -> None:
    outcome = confirmed(confirmation(FIRST, tag="AX-0001", lat=38.851, lon=105.731))

    planting = outcome.changes[0].redemption.tree(FIRST).planting
    assert planting is not None
    assert (planting.tag, planting.lat, planting.lon) == ("AX-0001", 38.851, 105.731)
    assert planting.photo_url == "https://trees.example/ax-0001.jpg"
    assert (accepted(outcome), refusals(outcome)) == (1, [])


def test_a_redemption_is_planted_once_all_its_trees_are_confirmed() -> None:
    outcome = confirmed(confirmation(FIRST), confirmation(SECOND, tag="AX-0002"))

    assert [change.redemption.state for change in outcome.changes] == [State.PLANTED]


def test_a_certificate_number_may_be_in_lower_case_and_with_spaces() -> None:
    assert accepted(confirmed(confirmation(FIRST.lower().replace("-", " ")))) == 1


def test_a_repeated_confirmation_is_accepted_and_changes_nothing() -> None:
    planted = redemption_after(apply_confirmations, confirmation(FIRST))

    again = confirmed(confirmation(FIRST), redemption=planted)

    assert (accepted(again), list(again.changes), refusals(again)) == (1, [], [])


def test_a_repeated_confirmation_changes_nothing_once_the_whole_redemption_is_planted() -> None:
    planted = PLANTED

    again = confirmed(confirmation(SECOND), redemption=planted)

    assert (accepted(again), list(again.changes)) == (1, [])


def test_a_repeated_confirmation_may_have_its_degrees_as_decimals() -> None:
    planted, place = redemption_after(apply_confirmations, confirmation(FIRST)), confirmation(FIRST)

    degrees = {name: Decimal(str(place[name])) for name in ("lat", "lon")}
    again = confirmed(confirmation(FIRST, **degrees), redemption=planted)

    assert not refusals(again)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"certificate": "0000-0000-0000-0"}, "not_in_order"),
        ({"certificate": "nonsense"}, "not_in_order"),
        ({"planted_at": "2026-06-05T12:05:01+08:00"}, "in_future"),
        ({"certificate": "x" * 41}, "invalid_confirmation"),
        ({"certificate": 7}, "invalid_confirmation"),
        ({"tag": ""}, "invalid_confirmation"),
        ({"tag": "x" * 65}, "invalid_confirmation"),
        ({"tag": "AX\x00"}, "invalid_confirmation"),
        ({"tag": "\ud83d"}, "invalid_confirmation"),
        ({"lat": 90.1}, "invalid_confirmation"),
        ({"lon": -180.1}, "invalid_confirmation"),
        ({"lat": Decimal("1E+400")}, "invalid_confirmation"),
        ({"lat": None}, "invalid_confirmation"),
        ({"lat": True}, "invalid_confirmation"),
        ({"lon": False}, "invalid_confirmation"),
        ({"lat": "38.851"}, "invalid_confirmation"),
        ({"lon": "105.731"}, "invalid_confirmation"),
        ({"lat": 10**400}, "invalid_confirmation"),
        ({"lat": [38.851]}, "invalid_confirmation"),
        ({"tag": " "}, "invalid_confirmation"),
        ({"tag": "\t"}, "invalid_confirmation"),
        ({"tag": "\u3000"}, "invalid_confirmation"),
        ({"tag": "\u3164"}, "invalid_confirmation"),
        ({"tag": "AX\u200b1"}, "invalid_confirmation"),
        ({"tag": "\u0645\u06cc\u200c\u062e"}, "invalid_confirmation"),
        ({"tag": "AX\u034f1"}, "invalid_confirmation"),
        ({"tag": True}, "invalid_confirmation"),
        ({"certificate": True}, "invalid_confirmation"),
        ({"planted_at": True}, "invalid_confirmation"),
        ({"planted_at": "2026-06-04T23:59:59+08:00"}, "planted_before_order"),
        ({"planted_at": "1970-01-01T08:00:00+08:00"}, "planted_before_order"),
        ({"lat": 0, "lon": 0}, "out_of_reach"),
        ({"lat": -38.851}, "out_of_reach"),
        ({"lon": -74.269}, "out_of_reach"),
        ({"lat": 39.31}, "out_of_reach"),
        ({"planted_at": "2026-06-05T10:00:00"}, "invalid_confirmation"),
        ({"photo_url": "javascript:alert(1)"}, "invalid_confirmation"),
        ({"species": "oak"}, "invalid_confirmation"),
    ],
)
def test_an_invalid_confirmation_is_refused_with_the_code_of_its_error(change: dict[str, object], code: str) -> None:
    outcome = confirmed(confirmation(FIRST) | change)

    assert [found for _, found in refusals(outcome)] == [code]
    assert (accepted(outcome), list(outcome.changes)) == (0, [])


@pytest.mark.parametrize("nothing", [None, 1, [], {}])
def test_the_refusal_of_a_value_that_is_not_a_confirmation_names_no_certificate(nothing: object) -> None:
    [verdict] = confirmed(nothing).verdicts
    assert verdict

    assert verdict.certificate is None
    assert verdict.refusal
    assert verdict.refusal.code == "invalid_confirmation"


def test_a_second_confirmation_with_other_details_is_refused_and_changes_nothing() -> None:
    planted = redemption_after(apply_confirmations, confirmation(FIRST))

    outcome = confirmed(confirmation(FIRST, tag="AX-9999"), redemption=planted)

    assert refusals(outcome) == [(0, "already_planted")]
    assert not outcome.changes


def test_a_refused_confirmation_does_not_affect_the_others() -> None:
    outcome = confirmed(confirmation("nonsense"), confirmation(FIRST))

    assert (accepted(outcome), refusals(outcome)) == (1, [(0, "not_in_order")])


def test_a_newly_confirmed_tree_becomes_a_statement_and_a_repeated_one_does_not() -> None:
    planted = redemption_after(apply_confirmations, confirmation(FIRST))

    outcome = confirmed(confirmation(FIRST), confirmation(SECOND), redemption=planted)

    [change] = outcome.changes
    [statement] = change.statements
    assert (statement.leaf.certificate, statement.leaf.event, statement.number) == (SECOND, "planted", 1)
    assert change.redemption.tree(SECOND).history[-1].statement == 1


def test_a_tree_that_failed_waits_for_the_next_order_and_the_other_tree_stays_ordered() -> None:
    failed = redemption_after(apply_failures, failure(FIRST))

    assert [tree.state for tree in failed.trees] == [State.RESERVED, State.ORDERED]
    assert [tree.number for tree in failed.waiting] == [FIRST]
    assert (failed.state, failed.refunded_points) == (State.ORDERED, 0)
    assert failed.tree(FIRST).history[-1].reason == "frost"
    assert ORDER.state_in_order(failed, FIRST) == "failed"


def test_a_tree_that_fails_in_its_last_order_is_refunded() -> None:
    redemption, order_ids = ORDERED, ["o-1", *(f"o-{n}" for n in range(2, MAX_TRIES + 1))]
    for order_id in order_ids:
        if redemption.waiting:
            redemption = redemption.ordered(order_id, NOON)
        order = make_order(redemption, order_id=order_id)
        outcome = apply_reports(apply_failures, failure(FIRST), redemption=redemption, order=order)
        assert [change.refund for change in outcome.changes] == [160 if order_id == order_ids[-1] else 0]
        redemption = outcome.changes[0].redemption

    assert redemption.tree(FIRST).state is State.REFUNDED
    assert redemption.tree(FIRST).orders == tuple(order_ids)
    assert (redemption.state, redemption.refunded_points) == (State.ORDERED, 160)


def test_each_redemption_of_a_request_has_its_own_refund() -> None:
    redemptions = []
    for name in ("r-1", "r-2"):
        redemption = make_redemption(name, trees=2).reserved(NOON).ordered("o-1", NOON)
        for order_id in ("o-2", "o-3"):
            before = make_order(redemption, order_id=redemption.trees[0].order_id)
            reports = [failure(tree.number) for tree in redemption.trees]
            [change] = apply_reports(apply_failures, *reports, redemption=redemption, order=before).changes
            redemption = change.redemption.ordered(order_id, NOON)
        redemptions.append(redemption)
    order = make_order(*redemptions, order_id="o-3")
    reports = [failure(tree.number) for redemption in redemptions for tree in redemption.trees]

    known = {redemption.redemption_id: redemption for redemption in redemptions}
    outcome = apply_failures(ReportRequest(order, known, NOON, CALENDAR), reports)

    assert [change.refund for change in outcome.changes] == [320, 320]
    assert [change.redemption.state for change in outcome.changes] == [State.REFUNDED] * 2


def test_a_repeated_failure_changes_nothing_and_one_with_another_reason_is_refused() -> None:
    failed = redemption_after(apply_failures, failure(FIRST))

    again = apply_reports(apply_failures, failure(FIRST), redemption=failed)

    assert (accepted(again), list(again.changes)) == (1, [])
    assert refusal_codes(apply_failures, failure(FIRST, reason="drought"), redemption=failed) == ["already_failed"]


def test_a_tree_that_failed_cannot_be_confirmed_under_the_order_that_it_left() -> None:
    failed = redemption_after(apply_failures, failure(FIRST))

    assert refusal_codes(apply_confirmations, confirmation(FIRST), redemption=failed) == ["already_failed"]
    assert refusal_codes(apply_confirmations, confirmation(FIRST), redemption=failed.ordered("o-2", NOON)) == [
        "already_failed"
    ]


def test_a_planted_tree_cannot_be_reported_as_failed() -> None:
    planted = redemption_after(apply_confirmations, confirmation(FIRST))

    assert refusal_codes(apply_failures, failure(FIRST), redemption=planted) == ["already_planted"]


PLANTED = redemption_after(apply_confirmations, confirmation(FIRST), confirmation(SECOND))
DEAD = redemption_after(apply_inspections, inspection(FIRST, "dead"), redemption=PLANTED)


def test_a_tree_can_be_replaced_at_most_twenty_times() -> None:
    found = PLANTED
    for number in range(MAX_REPLACEMENTS):
        replacing = inspection(FIRST, "replaced", tag=f"AX-{number}")
        found = redemption_after(
            apply_inspections, inspection(FIRST, "dead", inspector=f"I-{number}"), replacing, redemption=found
        )
    dead = redemption_after(apply_inspections, inspection(FIRST, "dead", inspector="I-last"), redemption=found)

    assert refusal_codes(apply_inspections, inspection(FIRST, "replaced", tag="AX-last"), redemption=dead) == [
        "replaced_too_often"
    ]


def test_inspections_are_applied_in_order_and_keep_their_inspector_and_evidence() -> None:
    found = redemption_after(
        apply_inspections, inspection(FIRST, "dead"), inspection(FIRST, "replaced"), redemption=PLANTED
    )

    tree = found.tree(FIRST)
    assert [step.state for step in tree.history[-2:]] == [State.DEAD, State.REPLACED]
    assert tree.history[-2].inspector == "Forestry Bureau"
    assert tree.history[-2].evidence_url == "https://trees.example/inspections/1.jpg"
    assert tree.planting is not None
    assert tree.planting.tag == f"BX-{FIRST}"


def test_a_repeated_inspection_changes_nothing_even_after_a_later_one() -> None:
    later = redemption_after(apply_inspections, inspection(FIRST, "replaced"), redemption=DEAD)

    again = apply_reports(
        apply_inspections, inspection(FIRST, "dead"), inspection(FIRST, "replaced"), redemption=later, now=NOON + 9
    )

    assert (accepted(again), list(again.changes), refusals(again)) == (2, [], [])


def test_a_correction_repeats_only_one_of_the_tree_that_is_in_the_ground() -> None:
    withdrawal = correction(FIRST, alive=True, reason="It sprouts again.")
    alive = redemption_after(apply_corrections, withdrawal, redemption=DEAD)
    again = apply_reports(apply_corrections, withdrawal, redemption=alive)
    assert (accepted(again), list(again.changes), refusals(again)) == (1, [], [])

    dead = inspection(FIRST, "dead", inspector="Somebody else")
    replaced = redemption_after(apply_inspections, dead, inspection(FIRST, "replaced"), redemption=alive)
    assert refusal_codes(apply_corrections, withdrawal, redemption=replaced) == ["nothing_to_correct"]
    moved = correction(FIRST, lat=38.852, lon=105.732)
    corrected = redemption_after(apply_corrections, moved, redemption=replaced)
    assert not apply_reports(apply_corrections, moved, redemption=corrected).changes
    assert refusal_codes(apply_corrections, moved | {"reason": "Another."}, redemption=corrected) == [
        "nothing_to_correct"
    ]


@pytest.mark.parametrize(
    ("redemption", "report", "code"),
    [
        (ORDERED, inspection(FIRST), "not_planted"),
        (PLANTED, inspection(FIRST, "replaced"), "not_dead"),
        (DEAD, inspection(FIRST, inspected_at="2026-06-05T11:30:00+08:00"), "already_dead"),
        (DEAD, inspection(FIRST, "dead", inspector="Somebody else"), "already_dead"),
        (DEAD, inspection(FIRST, inspected_at="2026-06-05T10:59:59+08:00"), "out_of_order"),
        (PLANTED, inspection(FIRST, inspected_at="2026-06-05T09:59:59+08:00"), "out_of_order"),
        (PLANTED, inspection(FIRST, inspected_at="2026-06-05T12:05:01+08:00"), "in_future"),
        (PLANTED, inspection("nonsense"), "not_in_order"),
        (PLANTED, inspection(FIRST, "felled"), "invalid_inspection"),
        (PLANTED, inspection(FIRST, inspector=""), "invalid_inspection"),
        (PLANTED, inspection(FIRST, inspector=" "), "invalid_inspection"),
        (DEAD, inspection(FIRST, "replaced", lat=True), "invalid_inspection"),
        (DEAD, inspection(FIRST, "replaced", tag=" "), "invalid_inspection"),
        (DEAD, inspection(FIRST, "replaced", planted_at="2026-06-04T23:59:59+08:00"), "planted_before_order"),
        (DEAD, inspection(FIRST, "replaced", lat=0, lon=0), "out_of_reach"),
        (PLANTED, inspection(FIRST, inspector="half a \udc80"), "invalid_inspection"),
        (PLANTED, inspection(FIRST, tag="AX-1"), "invalid_inspection"),
        (PLANTED, inspection(FIRST, evidence_url="https://x.example/" + "x" * 500), "invalid_inspection"),
        (DEAD, inspection(FIRST, "replaced", lat=None), "invalid_inspection"),
        (DEAD, inspection(FIRST, "replaced", planted_at="2026-06-05T11:30:00+08:00"), "invalid_inspection"),
    ],
)
def test_an_invalid_inspection_is_refused_with_the_code_of_its_error(
    redemption: Redemption, report: dict[str, object], code: str
) -> None:
    outcome = apply_reports(apply_inspections, report, redemption=redemption)

    assert [found for _, found in refusals(outcome)] == [code]
    assert list(outcome.changes) == []


@pytest.mark.parametrize(("listed", "most"), [(CONFIRMATIONS, MAX_REPORTS), (FAILURES, MAX_REPORTS)])
def test_a_request_may_have_as_many_reports_as_its_limit(listed: Listed, most: int) -> None:
    assert len(listed.items_in({listed.name: [{}] * most})) == most
    with pytest.raises(InvalidRequest) as refusal:
        listed.items_in({listed.name: [{}] * (most + 1)})

    assert refusal.value.code == "too_many_reports"


@pytest.mark.parametrize("body", [{"failures": []}, {"failures": {}}, {"failures": [{}], "more": 1}, [], None])
def test_a_malformed_body_of_reports_is_refused_as_a_whole(body: object) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        FAILURES.items_in(body)

    assert refusal.value.code == "invalid_body"


def test_a_replacement_cannot_be_planted_before_the_day_on_which_the_tree_was_found_dead() -> None:
    later = inspection(FIRST, "dead", inspected_at="2026-06-09T11:00:00+08:00")
    dead = redemption_after(apply_inspections, later, redemption=PLANTED, now=NOON + 5 * DAY)

    def replaced(planted_at: str) -> list[str]:
        report = inspection(FIRST, "replaced", inspected_at="2026-06-09T11:30:00+08:00", planted_at=planted_at)
        return refusal_codes(apply_inspections, report, redemption=dead, now=NOON + 5 * DAY)

    assert replaced("2026-06-08T23:59:59+08:00") == ["planted_before_death"]
    assert replaced("2026-06-09T00:00:00+08:00") == []


SPACES = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Zs"]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: f"U+{ord(space):04X}")
def test_each_space_of_unicode_is_a_space_in_a_tag(space: str) -> None:
    planted = redemption_after(apply_confirmations, confirmation(FIRST, tag=f"{space}AX{space}{space}7{space}"))
    planting = planted.tree(FIRST).planting

    assert planting is not None
    assert planting.tag == "AX 7"
    assert refusal_codes(apply_confirmations, confirmation(FIRST, tag=space), redemption=ORDERED) == [
        "invalid_confirmation"
    ]


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("AX\u200b7", "its character 3 is invisible (U+200B ZERO WIDTH SPACE)"),
        ("\u00adAX7", "its character 1 is invisible (U+00AD SOFT HYPHEN)"),
        ("AX7\u200d", "its character 4 is invisible (U+200D ZERO WIDTH JOINER)"),
        ("AX\u3000\u202e7", "its character 4 is invisible (U+202E RIGHT-TO-LEFT OVERRIDE)"),
        ("AX\t7", "its character 3 is invisible (U+0009)"),
        ("AX\u20287", "its character 3 is invisible (U+2028 LINE SEPARATOR)"),
        ("a\u0301\u200b", "its character 2 is invisible (U+200B ZERO WIDTH SPACE)"),
    ],
)
def test_an_invisible_character_of_a_tag_is_named_with_its_place(tag: str, said: str) -> None:
    [verdict] = apply_reports(apply_confirmations, confirmation(FIRST, tag=tag)).verdicts

    assert verdict is not None
    assert verdict.refusal is not None
    assert said in verdict.refusal.detail


@pytest.mark.parametrize(
    "reason", ["\U0001f468\u200d\U0001f33e is ill", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"]
)
def test_a_reason_may_have_the_joiners_that_its_script_needs(reason: str) -> None:
    assert refusal_codes(apply_failures, failure(FIRST, reason=reason), redemption=ORDERED) == []


@pytest.mark.parametrize("tag", ["\u2800", "\U0001d159", "\u0301", "\u200d", "\u00ad", "\u3164"])
def test_a_tag_without_a_visible_character_is_refused(tag: str) -> None:
    assert refusal_codes(apply_confirmations, confirmation(FIRST, tag=tag), redemption=ORDERED) == [
        "invalid_confirmation"
    ]


@pytest.mark.parametrize("link", ["https://user:pw@x.example/1.jpg", "https://user@x.example/1.jpg"])
def test_a_public_link_has_no_password(link: str) -> None:
    assert refusal_codes(apply_confirmations, confirmation(FIRST, photo_url=link), redemption=ORDERED) == [
        "invalid_confirmation"
    ]


def test_a_link_may_have_an_at_sign_in_its_path() -> None:
    assert (
        refusal_codes(
            apply_confirmations, confirmation(FIRST, photo_url="https://x.example/@mei/1.jpg"), redemption=ORDERED
        )
        == []
    )
