"""What a partner confirms of its order, and what it cannot."""

from decimal import Decimal

import pytest

from saxaul.planting import MAX_CONFIRMATIONS, Confirmed, PlantingOrder, confirm, confirmations_of
from saxaul.problems import InvalidRequest
from saxaul.redemptions import Redemption, State
from tests.builders import NOON, confirmation, make_order, make_redemption

ORDERED = make_redemption(trees=2, state=State.ORDERED, order_id="o-1")
ORDER = make_order(ORDERED)
FIRST, SECOND = (tree.number for tree in ORDERED.trees)


def confirmed(*reported: object, redemption: Redemption = ORDERED, order: PlantingOrder = ORDER) -> Confirmed:
    return confirm(order, {redemption.redemption_id: redemption}, reported, NOON)


def test_a_confirmed_tree_keeps_what_the_partner_said() -> None:
    answer = confirmed(confirmation(FIRST))

    planting = answer.changed[0].tree(FIRST).planting
    assert planting is not None
    assert (planting.tag, planting.lat, planting.lon) == ("AX-0001", 38.851, 105.731)
    assert planting.photo_url == "https://trees.example/ax-0001.jpg"
    assert (answer.confirmed, list(answer.refused)) == (1, [])


def test_the_trees_of_one_redemption_are_confirmed_in_one_call_and_it_is_planted() -> None:
    answer = confirmed(confirmation(FIRST), confirmation(SECOND, tag="AX-0002"))

    assert [it.state for it in answer.changed] == [State.PLANTED]


def test_a_number_may_be_typed_as_people_type_it() -> None:
    assert confirmed(confirmation(FIRST.lower().replace("-", " "))).confirmed == 1


def test_the_same_confirmation_again_is_taken_and_changes_nothing() -> None:
    planted = confirmed(confirmation(FIRST)).changed[0]

    again = confirmed(confirmation(FIRST), redemption=planted)

    assert (again.confirmed, list(again.changed), list(again.refused)) == (1, [], [])


def test_the_same_confirmation_of_a_redemption_that_is_planted_changes_nothing() -> None:
    planted = confirmed(confirmation(FIRST), confirmation(SECOND)).changed[0]

    again = confirmed(confirmation(SECOND), redemption=planted)

    assert (again.confirmed, list(again.changed)) == (1, [])


def test_degrees_that_come_as_decimals_are_the_same_confirmation() -> None:
    planted = confirmed(confirmation(FIRST)).changed[0]

    again = confirmed(confirmation(FIRST, lat=Decimal("38.851"), lon=Decimal("105.731")), redemption=planted)

    assert not again.refused


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
        ({"lat": 90.1}, "invalid_confirmation"),
        ({"lon": -180.1}, "invalid_confirmation"),
        ({"lat": Decimal("1E+400")}, "invalid_confirmation"),
        ({"lat": None}, "invalid_confirmation"),
        ({"planted_at": "2026-06-05T10:00:00"}, "invalid_confirmation"),
        ({"photo_url": "javascript:alert(1)"}, "invalid_confirmation"),
        ({"species": "oak"}, "invalid_confirmation"),
    ],
)
def test_a_confirmation_that_cannot_be_is_refused_with_its_code(change: dict[str, object], code: str) -> None:
    answer = confirmed(confirmation(FIRST) | change)

    assert [it.code for it in answer.refused] == [code]
    assert (answer.confirmed, list(answer.changed)) == (0, [])


@pytest.mark.parametrize("nothing", [None, 1, [], {}])
def test_what_is_no_confirmation_is_refused_without_a_certificate(nothing: object) -> None:
    refusal = confirmed(nothing).refused[0]

    assert (refusal.code, refusal.certificate) == ("invalid_confirmation", None)


def test_other_particulars_of_a_planted_tree_are_refused_and_the_first_word_stays() -> None:
    planted = confirmed(confirmation(FIRST)).changed[0]

    answer = confirmed(confirmation(FIRST, tag="AX-9999"), redemption=planted)

    assert answer.refused[0].code == "already_planted"
    assert not answer.changed


def test_one_refused_confirmation_leaves_the_others_as_they_were() -> None:
    answer = confirmed(confirmation("nonsense"), confirmation(FIRST))

    assert (answer.confirmed, [it.index for it in answer.refused]) == (1, [0])


def test_a_call_holds_one_to_five_hundred_confirmations() -> None:
    assert len(confirmations_of({"confirmations": [{}] * MAX_CONFIRMATIONS})) == MAX_CONFIRMATIONS


@pytest.mark.parametrize("body", [{"confirmations": []}, {"confirmations": [{}] * (MAX_CONFIRMATIONS + 1)}, [], None])
def test_confirmations_of_another_shape_are_refused_as_a_whole(body: object) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        confirmations_of(body)

    assert refusal.value.code == "invalid_body"
