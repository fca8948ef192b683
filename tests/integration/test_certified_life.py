"""From redemption to certificate through the API, and the checks that anyone can make afterwards without the stack."""

import json
from collections.abc import Callable

import pytest

from saxaul.catalog.versions import VersionedEntry
from saxaul.log.canonical_json import encode
from saxaul.log.checks import CheckedLog, check_certificate, check_inclusion, check_log
from saxaul.log.counts import Counts
from saxaul.log.parsing import RefusedError
from saxaul.log.signatures import Keys
from tests.builders import confirmation, inspection
from tests.integration.stack import Stack, call, certificate, confirm, redeem, report


@pytest.fixture
def ordered(stack: Stack) -> tuple[str, str]:
    """Return the order id and the certificate number of a tree that was redeemed with a dedication."""
    stack.seed_catalog()
    stack.add_wallet(160)
    response = redeem(dedication="For my grandmother · 献给奶奶")
    assert stack.settle(*stack.receive_all(stack.redemptions_url)) == []
    [order_id] = stack.run_planting_batch()
    [number] = response.body["certificates"]
    return order_id, number


def inspect(order_id: str, number: str, state: str, hour: int) -> None:
    moment = f"2026-06-05T{hour:02}:00:00+08:00"
    planted = {"planted_at": moment} if state == "replaced" else {}
    found = report("inspections", order_id, inspection(number, state, inspected_at=moment, **planted))
    assert found.body == {"accepted": 1, "refused": []}


def report_life(order_id: str, number: str) -> None:
    """Report that a tree is planted, found alive, found dead and replaced, all before noon."""
    assert confirm(order_id, confirmation(number, planted_at="2026-06-05T07:00:00+08:00")).body["accepted"] == 1
    for hour, state in ((8, "alive"), (9, "dead"), (10, "replaced")):
        inspect(order_id, number, state, hour)


def keys() -> Keys:
    return Keys(call("prove_trees", "GET", "/log/key", client=None).body.encode())


def log_text(after: int = 0) -> bytes:
    return encode(call("prove_trees", "GET", "/log", client=None, query={"after": str(after)}).body)


def checked_log() -> CheckedLog:
    """Check the whole log: its first page, and the empty page after it."""
    pages = [log_text(after) for after in (0, len(call("prove_trees", "GET", "/log", client=None).body["entries"]))]
    return check_log(pages, keys())


def test_the_public_counts_change_only_when_a_tree_is_planted_found_dead_or_replaced(
    ordered: tuple[str, str],
) -> None:
    counted = [checked_log().counts]
    confirm(ordered[0], confirmation(ordered[1]))
    counted.append(checked_log().counts)
    confirm(ordered[0], confirmation(ordered[1]))
    counted.append(checked_log().counts)
    for hour, state in ((11, "dead"), (12, "replaced")):
        inspect(*ordered, state, hour)
        counted.append(checked_log().counts)

    assert counted == [Counts(0, 0, 0), Counts(1, 0, 1), Counts(1, 0, 1), Counts(1, 1, 0), Counts(1, 0, 1)]


def test_a_certificate_shows_and_proves_every_step_of_its_tree(ordered: tuple[str, str]) -> None:
    before = certificate(ordered[1]).body
    report_life(*ordered)
    shown = certificate(ordered[1]).body

    checked = check_certificate(encode(shown), keys())
    check_inclusion(checked, checked_log())
    assert (before["state"], before["history"], before["proof"]) == ("ordered", [], None)
    assert [step["state"] for step in shown["history"]] == ["planted", "alive", "dead", "replaced"]
    assert (shown["state"], shown["planted_at"]) == ("replaced", "2026-06-05T10:00:00+08:00")
    assert shown["tree"]["tag"] == "AX-0002"
    assert shown["dedication"] == "For my grandmother · 献给奶奶"
    assert [seen.header.by for seen in checked.events] == ["Alxa SEE Foundation"] * 4


def test_a_certificate_with_many_events_still_shows_every_death_and_agrees_with_the_log(
    ordered: tuple[str, str],
) -> None:
    order_id, number = ordered
    moment = "2026-06-05T10:00:00+08:00"
    confirm(order_id, confirmation(number, planted_at=moment))
    for inspector in range(30):
        state = ("alive", "dead", "replaced")[inspector % 3]
        planted = {"planted_at": moment} if state == "replaced" else {}
        found = inspection(number, state, inspected_at=moment, inspector=str(inspector), **planted)
        assert report("inspections", order_id, found).body == {"accepted": 1, "refused": []}
    shown = certificate(number).body

    checked = check_certificate(encode(shown), keys())
    left_out = check_inclusion(checked, checked_log())
    states = [step["state"] for step in shown["history"]]
    assert [state for state in states if state != "alive"] == ["planted", *["dead", "replaced"] * 10]
    assert [seen.leaf.event for seen in left_out] == ["alive"] * (31 - len(states))
    assert left_out


def test_a_certificate_shows_the_same_facts_as_its_owners_forest(ordered: tuple[str, str]) -> None:
    report_life(*ordered)
    [owned] = call("view_forest", "GET", "/users/{user_id}/forest", path={"user_id": "u-42"}).body["forest"]
    shown = certificate(ordered[1]).body

    for name in ("certificate", "state", "project_id", "species", "place", "partner", "dedication", "requested_at"):
        assert shown[name] == owned[name], name
    assert (shown["planted_at"], shown["tree"]["tag"]) == (owned["planted_at"], owned["tree"]["tag"])


def test_neither_certificate_nor_log_names_owner_or_inspector_and_the_log_has_no_dedication_or_photo(
    ordered: tuple[str, str],
) -> None:
    report_life(*ordered)

    for text in (json.dumps(certificate(ordered[1]).body), log_text().decode()):
        assert "u-42" not in text
        assert "Forestry Bureau" not in text
    assert "grandmother" not in log_text().decode()
    assert "trees.example" not in log_text().decode()


@pytest.mark.slow
def test_changing_any_byte_of_a_certificate_or_of_the_log_makes_the_check_fail(ordered: tuple[str, str]) -> None:
    report_life(*ordered)
    certificate_text, log, key = encode(certificate(ordered[1]).body), log_text(), keys()

    assert accepted(certificate_text, lambda text: check_certificate(text, key)) == [certificate_text]
    assert accepted(log, lambda text: check_log([text], key)) == [log]


def accepted(original: bytes, check: Callable[[bytes], object]) -> list[bytes]:
    """Check the original, and for each byte a copy with one bit of it flipped. Return the texts that pass."""
    changed = (original[:index] + bytes([byte ^ 1]) + original[index + 1 :] for index, byte in enumerate(original))
    found = []
    for text in (original, *changed):
        try:
            check(text)
        except RefusedError:
            continue
        found.append(text)
    return found


def test_a_later_catalog_change_does_not_change_a_certificate(stack: Stack, ordered: tuple[str, str]) -> None:
    report_life(*ordered)
    project = stack.catalog_store.get("tree-projects", "saxaul-alxa")
    assert project
    assert project.entity
    renamed = project.entity.model_copy(update={"partner": "Somebody Else", "latin": "Other"})
    stack.catalog_store.put("tree-projects", "saxaul-alxa", VersionedEntry(renamed, project.version + 1))

    checked = check_certificate(encode(certificate(ordered[1]).body), keys())

    assert checked.document["partner"] == "Alxa SEE Foundation"
