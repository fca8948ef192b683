"""Reconciling the public log: its leaves, positions and counts, and whose each tag, place and photo is."""

from typing import Any

import pytest

from saxaul.storage.evidence import evidence_key
from saxaul.storage.photos import Photos
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.sequence import LOG
from saxaul.storage.table import Item, Key
from saxaul.trees.evidence import TreeEvidence
from saxaul.trees.photos import HashedPhoto
from saxaul.trees.redemptions import Redemption
from tests.builders import confirmation, correction, inspection
from tests.integration.stack import Stack, confirm, invoke, redeem, report
from tests.integration.test_reconcile import findings, keys_of, tamper

PHOTO, OTHER_PHOTO = "a" * 64, "b" * 64


@pytest.fixture
def logged(stack: Stack) -> tuple[Stack, list[str]]:
    """Two trees that the log has. The first was found alive, the second was corrected. Also return their numbers."""
    stack.seed_catalog()
    stack.add_wallet(320)
    numbers = redeem(trees=2).body["certificates"]
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []
    for photo in (PHOTO, OTHER_PHOTO):
        Photos(stack.ledger).put(HashedPhoto(photo, 1000, "image/jpeg", stack.clock.instant))
    [order_id] = stack.run_planting_batch()
    first, second = numbers
    confirmations = [confirmation(first, photo=PHOTO), confirmation(second)]
    assert confirm(order_id, *confirmations).body["accepted"] == 2
    assert report("inspections", order_id, inspection(first)).body["accepted"] == 1
    assert report("corrections", order_id, correction(second, photo=OTHER_PHOTO)).body["accepted"] == 1
    assert invoke("sequence_log", {"schedule": "repair"})["size"] == 5
    return stack, numbers


def about_the_log(stack: Stack) -> list[str]:
    """Return the findings, without the one that nobody earned the points of the wallet."""
    return [finding for finding in findings(stack) if not finding.startswith("user ")]


def tree_item(stack: Stack) -> tuple[Key, Item]:
    key = next(key for key in keys_of(stack, "USER#u-42") if key.sk.startswith("TREE#"))
    item = stack.ledger.get(key)
    assert item
    return key, item


def test_a_log_that_only_the_functions_wrote_agrees_with_the_trees(logged: tuple[Stack, list[str]]) -> None:
    assert about_the_log(logged[0]) == []


@pytest.mark.parametrize("owner", ["7K3M-9QPD-2FHW-C", None])
@pytest.mark.parametrize("kind", ["tag", "place", "photo"])
def test_evidence_that_is_noted_for_another_tree_or_for_nobody_is_reported(
    logged: tuple[Stack, list[str]], kind: str, owner: str | None
) -> None:
    stack, (number, _) = logged
    [key] = [
        key
        for key in keys_of(stack, f"EVIDENCE#{kind}#")
        if (stack.ledger.get(key) or {}).get("certificate") == number and OTHER_PHOTO not in key.pk
    ]
    if owner:
        tamper(key, certificate=owner)
    else:
        stack.ledger.delete(key)

    name = key.pk.removeprefix(f"EVIDENCE#{kind}#")
    assert about_the_log(stack) == [
        f"certificate {number}: has the {kind} {name}, which is noted for {owner or 'nobody'}"
    ]


def test_evidence_that_changes_hands_while_it_is_read_is_no_fault(
    logged: tuple[Stack, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, (number, _) = logged
    tag = evidence_key(TreeEvidence("tag", f"ax-{number.lower()}"))
    mended = stack.ledger.get(tag)
    assert mended
    tamper(tag, certificate="7K3M-9QPD-2FHW-C")
    read = Redemptions.get_many

    def mending(*arguments: Any) -> list[Redemption]:  # noqa: ANN401 - passed on
        stack.ledger.put_all([mended])
        return read(*arguments)

    monkeypatch.setattr(Redemptions, "get_many", mending)

    assert about_the_log(stack) == []


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"since": 7}, "has leaves for the public log that its tree does not follow from"),
        ({"previous": "0" * 64}, "has leaves for the public log that its tree does not follow from"),
        ({"statements": 3}, "has 2 leaves for the public log, but its tree has 3 statements"),
    ],
)
def test_a_tree_that_continues_another_chain_than_its_leaves_is_reported(
    logged: tuple[Stack, list[str]], changed: dict[str, object], detail: str
) -> None:
    stack, (number, _) = logged
    key, item = tree_item(stack)
    [first, second] = item["trees"]
    tamper(key, trees=[first | {"chain": first["chain"] | changed}, second])

    assert about_the_log(stack) == [f"certificate {number}: {detail}"]


def test_a_lost_leaf_is_reported_by_its_tree_and_by_its_batch(logged: tuple[Stack, list[str]]) -> None:
    stack, (number, _) = logged
    stack.ledger.delete(Key(f"LEAF#{number}", "000002"))

    found = about_the_log(stack)
    assert f"certificate {number}: has 1 leaves for the public log, but its tree has 2 statements" in found
    assert [line for line in found if "leaf 2 has the position None, but the log has it at" in line]
    assert len(found) == 2


@pytest.mark.parametrize("item", ["PUBLISHED", "HEAD"])
def test_a_public_counter_that_is_not_that_of_the_log_is_reported(logged: tuple[Stack, list[str]], item: str) -> None:
    stack, _ = logged
    tamper(Key(LOG, item), planted=3, standing=3)

    [finding] = about_the_log(stack)
    assert (
        finding
        == {
            "PUBLISHED": "the public log: counts (3, 0, 3) in public, but (2, 0, 2) in its last leaf",
            "HEAD": "the public log: counts 3 planted, 0 dead, 3 standing, "
            "but the redemptions have 2 planted, 0 dead, 2 standing",
        }[item]
    )


def test_a_published_tree_that_no_batch_ends_is_reported(logged: tuple[Stack, list[str]]) -> None:
    stack, _ = logged
    tamper(Key(LOG, "PUBLISHED"), size=4)

    assert about_the_log(stack) == ["the public log: has 4 published leaves, but no batch ends there"]


def test_statements_that_the_log_does_not_have_yet_are_no_fault(logged: tuple[Stack, list[str]]) -> None:
    stack, (number, _) = logged
    [order_id] = stack.order_ids()
    assert report("inspections", order_id, inspection(number, "dead")).body["accepted"] == 1

    assert about_the_log(stack) == []
