"""Claims to evidence: the kept claims of one evidence, and the entries that take part in the decision."""

from decimal import Decimal
from typing import Any

import pytest

from saxaul.audit import Holdings, check
from saxaul.catalog.entries import Cap
from saxaul.ledger.awards import Terms
from saxaul.ledger.claims import MAX_CLAIMS, Claim, EvidenceClaims
from saxaul.ledger.periods import PeriodDraft
from tests.builders import (
    NOON,
    USER,
    make_action,
    make_action_type,
    make_calendar,
    make_entry,
    make_period,
    make_wallet,
)

FIRST = Claim("taobao:ride", "2026-06-05")
EVIDENCE = EvidenceClaims(USER, "trip-1")
RULE = make_action_type()
TWO_RIDES = make_action_type(caps=(Cap(window="day", units=Decimal(2)),))
CAPPED = Terms(make_calendar(), lambda *_: TWO_RIDES)
TERMS = Terms(make_calendar(), lambda *_: RULE)


def test_claims_are_kept_in_the_order_in_which_they_were_recorded() -> None:
    second = FIRST._replace(name="alipay:ride")
    evidence = EVIDENCE.with_claim(FIRST).with_claim(second)

    assert evidence.claims == (FIRST, second)
    assert evidence.without(FIRST._replace(window="2026-06")) == evidence
    assert evidence.without(FIRST).claims == (second,)


def test_an_app_cannot_take_the_room_for_claims_of_another() -> None:
    evidence = EVIDENCE
    for number in range(50):
        evidence = evidence.with_claim(FIRST._replace(name=f"taobao:{number}"))
    honest = FIRST._replace(name="alipay:ride")

    assert len(evidence.claims) == MAX_CLAIMS
    assert evidence.with_claim(FIRST) is evidence
    assert evidence.with_claim(honest).claims[-1] == honest


def test_a_void_entry_earns_nothing_and_counts_again_if_it_is_not_void_any_more() -> None:
    draft = PeriodDraft(make_period(version=0), TERMS, NOON)
    draft.post(make_action())

    draft.void("alipay:ride-1", "same_evidence")
    void = draft.posted()
    draft.void("alipay:ride-1", "")
    again = draft.posted()

    assert [(found.points, found.avoided_g) for found in (void, again)] == [
        (0, Decimal(0)),
        (80, RULE.avoided_g.value),
    ]


def test_points_are_computed_as_if_another_claim_counted() -> None:
    draft = PeriodDraft(make_period(version=0), TERMS, NOON)
    for action_id, quantity in (("small", "1"), ("large", "3"), ("other", "5")):
        draft.post(make_action(action_id, quantity=quantity))
    claims = {"alipay:small", "alipay:large"}

    points = [draft.points_if(counting, claims) for counting in ([], ["alipay:small"], ["alipay:large"])]

    assert points == [400, 480, 640]
    assert draft.posted().points == 720


@pytest.mark.parametrize(
    ("action_type", "rides", "decided"),
    [("bus_ride", 2, True), ("bus_ride", 1, False), ("metro_ride", 2, False)],
)
def test_contested_evidence_is_decided_again_if_a_cap_cuts_an_entry_of_its_type(
    action_type: str, rides: int, decided: bool
) -> None:
    draft = PeriodDraft(make_period(version=0), CAPPED, NOON)
    draft.post(make_action()._replace(evidence_id="trip-1"))
    draft.contest("alipay:ride-1")

    later = PeriodDraft(draft.posted(), CAPPED, NOON)
    for number in range(rides):
        later.post(make_action(f"more-{number}", type=action_type))

    assert later.contested_evidence() == ({"trip-1"} if decided else set())


def findings(reversed_claims: int, void_claims: int, counting_claims: int = 0) -> list[str]:
    """Check a period with claims of one app to one evidence."""
    none: dict[str, Any] = {"points": 0, "avoided_g": "0", "units": 0, "counted": 0, "evidence_id": "ticket"}
    period = make_period(
        *(make_entry(reversal="refund", **none) for _ in range(reversed_claims)),
        *(make_entry(void="same_evidence", **none) for _ in range(void_claims)),
        *(make_entry(points=0, evidence_id="ticket") for _ in range(counting_claims)),
    )
    return [finding.detail for finding in check(Holdings(USER, make_wallet(), [period]))]


def test_evidence_that_no_claim_is_paid_for_is_a_fault() -> None:
    assert findings(reversed_claims=1, void_claims=1) == [
        "evidence ticket has 1 claims, of which 0 count instead of one"
    ]


def test_claims_beyond_those_that_are_kept_need_not_count() -> None:
    assert findings(reversed_claims=MAX_CLAIMS, void_claims=1) == []


@pytest.mark.parametrize("reversed_claims", [0, MAX_CLAIMS])
def test_evidence_that_is_paid_twice_is_a_fault(reversed_claims: int) -> None:
    assert len(findings(reversed_claims, void_claims=0, counting_claims=2)) == 1
