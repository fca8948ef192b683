"""Through the API: a tag, a place and a photo belong to one tree, whichever calls report them, and in which order."""

from collections.abc import Callable
from typing import Any

import pytest

from saxaul.ledger.wallets import Wallet
from saxaul.services import take_reports
from saxaul.storage.evidence import EvidenceStore, evidence_key
from saxaul.storage.leaves import Leaves
from saxaul.storage.photos import Photos
from saxaul.storage.table import transact
from saxaul.trees.evidence import TreeEvidence
from saxaul.trees.photos import HashedPhoto
from saxaul.trees.report_rules import ReportRequest
from tests.builders import NOON, confirmation, correction, failure, inspection, make_redemption
from tests.integration.stack import Response, Stack, call, confirm, report, view_order, view_redemption

PHOTO, OTHER_PHOTO = "a" * 64, "b" * 64
PLACE = {"lat": 38.85, "lon": 105.73}


@pytest.fixture
def order(stack: Stack) -> str:
    """The id of an order of two redemptions, each with two trees. Both photos are hashed."""
    stack.seed_catalog()
    for number in range(2):
        stack.redemptions.add(make_redemption(f"r-{number}", trees=2, user_id=f"u-{number}").reserved(NOON))
    for photo in (PHOTO, OTHER_PHOTO):
        Photos(stack.ledger).put(HashedPhoto(photo, 1000, "image/jpeg", NOON))
    [order_id] = stack.run_planting_batch()
    return order_id


def numbers_of(order_id: str) -> list[str]:
    """Return the certificate numbers of an order. Trees 0 and 1 are of one redemption, and 2 and 3 of the other."""
    return [tree["certificate"] for tree in view_order(order_id).body["ordered_trees"]]


def codes(response: Response) -> list[tuple[int, str]]:
    return [(refusal["index"], refusal["code"]) for refusal in response.body["refused"]]


def done(response: Response) -> None:
    assert response.body["refused"] == []


def owner(stack: Stack, kind: Any, key: str) -> str | None:  # noqa: ANN401 - one of three texts
    item = stack.ledger.get(evidence_key(TreeEvidence(kind, key)))
    return item["certificate"] if item else None


SAME: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"tag": "AX-7"}, {"tag": "AX-7"}, "tag_used"),
    ({"tag": "AX-7"}, {"tag": " \uff41\uff58-\uff17  "}, "tag_used"),
    ({"tag": "Straße 1"}, {"tag": "STRASSE  1"}, "tag_used"),
    (PLACE, PLACE, "place_used"),
    (PLACE, {"lat": 38.8500004, "lon": 105.7299996}, "place_used"),
    ({"photo": PHOTO}, {"photo": PHOTO}, "photo_used"),
]


@pytest.mark.parametrize("other", [1, 2])
@pytest.mark.parametrize(("first", "second", "code"), SAME)
def test_the_second_tree_with_the_same_evidence_is_refused_in_one_call_and_in_two(
    stack: Stack, order: str, first: dict[str, Any], second: dict[str, Any], code: str, other: int
) -> None:
    numbers = numbers_of(order)
    reports = [confirmation(numbers[0], **first), confirmation(numbers[other], **second)]

    assert codes(confirm(order, *reports)) == [(1, code)]
    assert codes(confirm(order, reports[1])) == [(0, code)]
    assert numbers[0] in confirm(order, reports[1]).body["refused"][0]["detail"]
    done(confirm(order, reports[0]))
    assert [tree["state"] for tree in view_order(order).body["ordered_trees"]].count("planted") == 1
    assert Leaves(stack.ledger).of_certificate(numbers[other]) == []


def test_trees_whose_places_differ_in_the_fifth_decimal_are_two_trees(order: str) -> None:
    numbers = numbers_of(order)

    done(confirm(order, confirmation(numbers[0], **PLACE), confirmation(numbers[1], lat=38.85001, lon=105.73)))


@pytest.mark.parametrize("other", [1, 2])
@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([{"tag": "AX-8"}, {"tag": "AX-7"}, {"tag": "AX-8 swapped with AX-7"}], "tag_used"),
        ([PLACE, {"lat": 38.86, "lon": 105.73}, {"lat": 38.85003, "lon": 105.73}], "place_used"),
    ],
    ids=["tags", "places"],
)
def test_two_swapped_values_are_exchanged_in_one_call_through_a_third(
    stack: Stack, order: str, values: list[dict[str, Any]], code: str, other: int
) -> None:
    mine, theirs, between = values
    first, second = numbers_of(order)[0], numbers_of(order)[other]
    done(confirm(order, confirmation(first, **mine), confirmation(second, **theirs)))
    direct = correction(first, **theirs), correction(second, **mine)
    assert [refused for _, refused in codes(report("corrections", order, *direct))] == [code, code]

    exchange = correction(first, **between), correction(second, **mine), correction(first, **theirs)
    done(report("corrections", order, *exchange))

    assert [len(Leaves(stack.ledger).of_certificate(number)) for number in (first, second)] == [3, 2]
    done(report("corrections", order, *exchange))
    assert [len(Leaves(stack.ledger).of_certificate(number)) for number in (first, second)] == [5, 2]
    for number, has in ((first, theirs), (second, mine)):
        assert codes(report("corrections", order, correction(number, reason="Another.", **has))) == [
            (0, "nothing_to_correct")
        ]


@pytest.mark.parametrize("order_of_reports", [(0, 2, 1), (2, 0, 3), (0, 2, 3), (2, 1, 0)])
def test_the_first_report_of_a_request_gets_the_tag_however_redemptions_alternate(
    stack: Stack, order: str, order_of_reports: tuple[int, int, int]
) -> None:
    first, second, third = (numbers_of(order)[place] for place in order_of_reports)
    reports = [confirmation(first), confirmation(second, tag="AX-7"), confirmation(third, tag="AX-7")]

    assert codes(confirm(order, *reports)) == [(2, "tag_used")]
    assert owner(stack, "tag", "ax-7") == second


def test_a_full_transaction_is_sent_before_the_last_reports_are_decided(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.seed_catalog(saplings=50)
    for number in range(5):
        stack.redemptions.add(make_redemption(f"r-{number}", trees=10, user_id=f"u-{number}").reserved(NOON))
    [order_id] = stack.run_planting_batch()
    made = list[str]()
    apply = ReportRequest.apply

    def sending(writes: Any) -> None:  # noqa: ANN401 - as boto3 takes them
        made.append("sent")
        transact(writes)

    def deciding(*arguments: Any) -> Any:  # noqa: ANN401 - of the function
        made.append("decided")
        return apply(*arguments)

    monkeypatch.setattr(take_reports, "transact", sending)
    monkeypatch.setattr(ReportRequest, "apply", deciding)
    done(confirm(order_id, *map(confirmation, numbers_of(order_id))))

    assert made.count("decided") == 5
    assert "decided" in made[made.index("sent") :]
    assert stack.orders.progress(order_id).open_trees == 0


def test_a_death_frees_the_place_and_nothing_else(stack: Stack, order: str) -> None:
    first, second, third, fourth = numbers_of(order)
    planted = confirmation(first, tag="AX-7", photo=PHOTO, **PLACE)
    done(confirm(order, planted))
    done(report("inspections", order, inspection(first, "dead", photo=OTHER_PHOTO)))

    assert codes(confirm(order, confirmation(second, tag="AX-7"), confirmation(third, photo=PHOTO))) == [
        (0, "tag_used"),
        (1, "photo_used"),
    ]
    assert codes(confirm(order, confirmation(fourth, photo=OTHER_PHOTO))) == [(0, "photo_used")]
    done(confirm(order, confirmation(second, **PLACE)))
    assert owner(stack, "place", "38.85000,105.73000") == second
    assert codes(report("inspections", order, inspection(first, "replaced", **PLACE))) == [(0, "place_used")]
    assert codes(report("inspections", order, inspection(first, "replaced", tag="AX-7"))) == [(0, "tag_used")]
    done(report("inspections", order, inspection(first, "replaced")))


def test_a_tree_that_dies_and_is_replaced_in_one_call_keeps_its_place(stack: Stack, order: str) -> None:
    first, second, *_ = numbers_of(order)
    done(confirm(order, confirmation(first, **PLACE)))

    done(report("inspections", order, inspection(first, "dead"), inspection(first, "replaced", **PLACE)))

    assert owner(stack, "place", "38.85000,105.73000") == first
    assert codes(confirm(order, confirmation(second, **PLACE))) == [(0, "place_used")]


@pytest.mark.parametrize("other", [1, 2])
def test_a_place_that_one_tree_gives_up_can_be_taken_by_another_one_in_the_same_call(
    stack: Stack, order: str, other: int
) -> None:
    numbers = numbers_of(order)
    done(confirm(order, confirmation(numbers[0], **PLACE), confirmation(numbers[other])))
    done(report("inspections", order, inspection(numbers[other], "dead")))

    done(report("inspections", order, inspection(numbers[0], "dead"), inspection(numbers[other], "replaced", **PLACE)))

    assert owner(stack, "place", "38.85000,105.73000") == numbers[other]


def test_a_photo_must_be_hashed_and_belongs_to_one_statement(order: str) -> None:
    first, second, *_ = numbers_of(order)

    assert codes(confirm(order, confirmation(first, photo="c" * 64))) == [(0, "photo_not_hashed")]
    assert codes(confirm(order, confirmation(first, photo=PHOTO.upper()))) == [(0, "invalid_confirmation")]
    done(confirm(order, confirmation(first, photo=PHOTO), confirmation(second)))
    assert codes(report("inspections", order, inspection(first, photo=PHOTO))) == [(0, "photo_used")]
    done(report("inspections", order, inspection(first, photo=OTHER_PHOTO)))
    assert codes(report("inspections", order, inspection(second, photo=OTHER_PHOTO))) == [(0, "photo_used")]


def test_two_links_to_one_photo_are_no_evidence_and_clash_with_nothing(order: str) -> None:
    first, second, *_ = numbers_of(order)
    link = "https://trees.example/same.jpg"

    done(confirm(order, confirmation(first, photo_url=link), confirmation(second, photo_url=link)))


@pytest.fixture
def before_the_write(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """What another call does before the next transaction of the call under test."""
    rivals: list[Callable[[], object]] = []

    def overtaken(writes: Any) -> None:  # noqa: ANN401 - passed on
        if rivals:
            rivals.pop()()
        transact(writes)

    monkeypatch.setattr(take_reports, "transact", overtaken)
    return rivals


@pytest.mark.parametrize("other", [1, 2])
def test_of_two_calls_that_race_for_a_tag_one_gets_it_and_the_other_trees_of_both_are_confirmed(
    stack: Stack, order: str, before_the_write: list[Callable[[], object]], other: int
) -> None:
    numbers = numbers_of(order)
    rest = [number for number in numbers if number not in {numbers[0], numbers[other]}]
    before_the_write.append(lambda: done(confirm(order, confirmation(numbers[other], tag="AX-7"))))

    lost = confirm(order, *map(confirmation, rest), confirmation(numbers[0], tag="ax-7"))

    assert codes(lost) == [(2, "tag_used")]
    assert owner(stack, "tag", "ax-7") == numbers[other]
    assert view_order(order).body["open_trees"] == 1
    assert stack.orders.progress(order).open_trees == 1


def test_a_call_that_another_one_overtakes_with_the_same_reports_is_accepted(
    order: str, before_the_write: list[Callable[[], object]]
) -> None:
    reports = [confirmation(number, tag=f"T-{number}") for number in numbers_of(order)]
    before_the_write.append(lambda: done(confirm(order, *reports)))

    done(confirm(order, *reports))

    assert view_order(order).body["state"] == "closed"


def test_a_correction_takes_what_it_states_and_gives_up_what_it_replaces(stack: Stack, order: str) -> None:
    first, second, *_ = numbers_of(order)
    done(confirm(order, confirmation(first, tag="AX-7", photo=PHOTO, **PLACE)))

    done(report("corrections", order, correction(first, tag="AX-8", lat=38.86, lon=105.74, photo=OTHER_PHOTO)))

    done(confirm(order, confirmation(second, tag="AX-7", photo=PHOTO, **PLACE)))
    assert owner(stack, "tag", "ax-8") == owner(stack, "photo", OTHER_PHOTO) == first
    assert owner(stack, "place", "38.86000,105.74000") == first
    assert codes(report("corrections", order, correction(first, tag="AX-7"))) == [(0, "tag_used")]


def test_withdrawing_a_death_takes_the_place_again_if_it_is_still_free(stack: Stack, order: str) -> None:
    first, second, *_ = numbers_of(order)
    done(confirm(order, confirmation(first, **PLACE)))
    done(report("inspections", order, inspection(first, "dead")))
    withdrawal = correction(first, alive=True, reason="It sprouts again.")

    done(report("corrections", order, withdrawal))
    done(report("corrections", order, withdrawal))
    assert owner(stack, "place", "38.85000,105.73000") == first
    assert view_order(order).body["ordered_trees"][0]["state"] == "alive"

    done(report("inspections", order, inspection(first, "dead", inspector="Somebody else")))
    done(confirm(order, confirmation(second, **PLACE)))
    assert codes(report("corrections", order, withdrawal)) == [(0, "place_used")]


def test_a_failed_tree_keeps_its_history_and_no_evidence(stack: Stack, order: str) -> None:
    first, *_ = numbers_of(order)
    done(report("failures", order, failure(first)))

    [life] = [life for life in view_redemption("r-0", "u-0")["lives"] if life["certificate"] == first]
    assert [(step["state"], step["reason"], step["order_id"]) for step in life["history"]] == [
        ("reserved", None, None),
        ("ordered", None, order),
        ("reserved", "frost", order),
    ]
    assert (life["state"], EvidenceStore(stack.ledger).holds([TreeEvidence("tag", "ax-7")])) == ("reserved", {})


def test_a_correction_is_shown_to_the_owner_with_its_reason_and_the_first_statement_stays(order: str) -> None:
    first, *_ = numbers_of(order)
    done(confirm(order, confirmation(first, tag="AX-7", photo=PHOTO)))
    done(report("corrections", order, correction(first, tag="AX-8")))

    forest = call("view_forest", "GET", "/users/{user_id}/forest", path={"user_id": "u-0"}).body["forest"]
    [tree] = [tree for tree in forest if tree["certificate"] == first]
    planted, corrected = tree["history"][-2:]
    assert (planted["tree"]["tag"], planted["is_correction"], planted["statement"]) == ("AX-7", False, 1)
    assert (corrected["tree"]["tag"], corrected["is_correction"], corrected["statement"]) == ("AX-8", True, 2)
    assert (corrected["state"], corrected["reason"]) == ("planted", "A typing error.")
    assert (tree["tree"]["tag"], tree["tree"]["photo"]) == ("AX-8", PHOTO)


def test_two_redemptions_of_one_person_are_refunded_in_one_call(stack: Stack) -> None:
    stack.seed_catalog(price_points=160)
    stack.wallets.put(Wallet("u-42", balance=0, spent=320))
    for name in ("r-1", "r-2"):
        stack.redemptions.add(make_redemption(name).reserved(NOON))
    for _ in range(3):
        [order_id] = stack.run_planting_batch()
        done(report("failures", order_id, *map(failure, numbers_of(order_id))))

    assert (stack.wallet().balance, stack.wallet().spent) == (320, 0)


def test_more_reports_on_one_redemption_than_fit_a_transaction_are_all_recorded(stack: Stack, order: str) -> None:
    first, *_ = numbers_of(order)
    done(confirm(order, confirmation(first)))
    found = [inspection(first, inspector=f"I-{number}") for number in range(60)]

    done(report("inspections", order, *found))

    assert len(Leaves(stack.ledger).of_certificate(first)) == 61


def test_the_progress_of_an_order_that_a_crash_left_behind_is_mended_when_the_call_is_repeated(
    stack: Stack, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = [confirmation(number) for number in numbers_of(order)]
    with monkeypatch.context() as broken:
        broken.setattr("saxaul.storage.orders.Orders.put_progress", None)
        assert confirm(order, *reports).status == 500
    assert stack.orders.progress(order).open_trees == 4

    done(confirm(order, *reports))

    assert stack.orders.progress(order).open_trees == 0
