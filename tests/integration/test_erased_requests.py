"""Requests that change something of a person: they are refused while the person is erased, and reads are not."""

from collections.abc import Callable

import pytest

from saxaul.storage.erasures import Erasures
from tests.integration.erasing import begin_erasure, finish_erasure
from tests.integration.stack import Response, Stack, call, call_grant, cancel, grant, harvest, redeem, wallet_of

PERSON = {"user_id": "u-42"}

CHANGES: dict[str, Callable[[], Response]] = {
    "harvest": harvest,
    "redeem": redeem,
    "cancel": lambda: cancel("no-such-redemption"),
    "grant": lambda: grant("read"),
    "take back a grant": lambda: call_grant("DELETE"),
}


@pytest.fixture
def seeded(stack: Stack) -> Stack:
    stack.seed_catalog()
    stack.add_wallet(160)
    return stack


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_refused_from_the_request_until_the_end_of_the_erasure(seeded: Stack, name: str) -> None:
    before = CHANGES["cancel"]() if name == "cancel" else None
    mark = begin_erasure(seeded)

    during = CHANGES[name]()
    finish_erasure(seeded, mark)
    after = CHANGES[name]()

    assert (during.status, during.code, during.headers["retry-after"]) == (409, "erasure_in_progress", "60")
    assert "u-42" not in str(during.body)
    assert after.status != 409
    assert before is None or before.status == after.status == 404


def test_nothing_is_stored_by_a_refused_request(seeded: Stack) -> None:
    begin_erasure(seeded)
    before = list(seeded.ledger.query("USER#u-42", "0", "~"))

    for change in CHANGES.values():
        change()

    assert list(seeded.ledger.query("USER#u-42", "0", "~")) == before


def test_a_person_who_is_being_erased_can_be_read_and_others_are_changed(seeded: Stack) -> None:
    begin_erasure(seeded)

    assert wallet_of()["spendable"] == 160
    assert call("manage_grants", "GET", "/users/{user_id}/grants", path=PERSON).status == 200
    assert harvest("u-43").status == 200


def test_a_third_party_app_without_a_grant_does_not_learn_of_the_erasure(seeded: Stack) -> None:
    begin_erasure(seeded)

    assert redeem(client="third-party-client").code == "not_granted"


def test_a_process_that_knew_of_no_erasure_sees_the_first_one(seeded: Stack) -> None:
    assert harvest().status == 200
    assert Erasures(seeded.ledger).find("u-42") is None
    begin_erasure(seeded)

    assert harvest().code == "erasure_in_progress"


def test_a_new_person_who_sends_the_same_request_gets_a_redemption_of_another_id(seeded: Stack) -> None:
    first, again = redeem("first-tree"), redeem("first-tree")
    assert first.body["redemption_id"] == again.body["redemption_id"]

    finish_erasure(seeded, begin_erasure(seeded))
    later, repeated = redeem("first-tree"), redeem("first-tree")

    assert later.body["redemption_id"] == repeated.body["redemption_id"] != first.body["redemption_id"]
    assert repeated.body["replay"]
