"""From redemption to certificate through the API, and the checks that anyone can make afterwards without the stack."""

import json

from saxaul.catalog.versions import VersionedEntry
from saxaul.log.canonical_json import encode
from saxaul.log.certificates import CheckedCertificate, check_certificate, parse_certificate
from saxaul.log.counts import Counts
from tests.builders import confirmation
from tests.integration.public_log import PublishedFiles
from tests.integration.stack import Stack, call, certificate, confirm, inspect


def report_life(order_id: str, number: str, log: PublishedFiles) -> None:
    """Report that a tree is planted, found alive, found dead and replaced, all before noon, and publish the log."""
    assert confirm(order_id, confirmation(number, planted_at="2026-06-05T07:00:00+08:00")).body["accepted"] == 1
    for hour, state in ((8, "alive"), (9, "dead"), (10, "replaced")):
        inspect(order_id, number, state, hour)
    log.publish()


def checked(number: str, log: PublishedFiles) -> CheckedCertificate:
    return check_certificate(parse_certificate(encode(certificate(number).body)), log.key())


def test_the_public_counts_change_only_when_a_tree_is_planted_found_dead_or_replaced(
    ordered: tuple[str, str], log: PublishedFiles
) -> None:
    confirm(ordered[0], confirmation(ordered[1]))
    log.publish()
    counted = [checked(ordered[1], log).count.counts]
    for hour, state in ((11, "alive"), (11, "dead"), (12, "replaced")):
        inspect(*ordered, state, hour)
        log.publish()
        counted.append(checked(ordered[1], log).count.counts)

    assert counted == [Counts(1, 0, 1), Counts(1, 0, 1), Counts(1, 1, 0), Counts(1, 0, 1)]


def test_a_certificate_shows_and_proves_every_step_of_its_tree(ordered: tuple[str, str], log: PublishedFiles) -> None:
    before = certificate(ordered[1]).body
    report_life(*ordered, log)
    shown = certificate(ordered[1]).body

    assert (before["state"], before["history"], before["proofs"]) == ("ordered", [], [])
    assert [step["event"] for step in shown["history"]] == ["planted", "alive", "dead", "replaced"]
    assert (shown["state"], shown["planted_at"]) == ("replaced", "2026-06-05T10:00:00+08:00")
    assert shown["tree"]["tag"] == json.loads(shown["proofs"][-1]["leaf"])["tag"] == f"BX-{ordered[1]}"
    assert shown["dedication"] == "For my grandmother · 献给奶奶"
    assert [seen.leaf.by for seen in checked(ordered[1], log).shown] == ["Alxa SEE Foundation"] * 4


def test_a_certificate_shows_the_same_facts_as_its_owners_forest(ordered: tuple[str, str], log: PublishedFiles) -> None:
    report_life(*ordered, log)
    [owned] = call("view_forest", "GET", "/users/{user_id}/forest", path={"user_id": "u-42"}).body["forest"]
    shown = certificate(ordered[1]).body

    for name in ("certificate", "state", "project_id", "species", "place", "partner", "dedication", "requested_at"):
        assert shown[name] == owned[name], name
    assert (shown["planted_at"], shown["tree"]["tag"]) == (owned["planted_at"], owned["tree"]["tag"])


def test_neither_certificate_nor_leaves_name_owner_or_inspector_and_leaves_have_no_dedication(
    ordered: tuple[str, str], log: PublishedFiles
) -> None:
    report_life(*ordered, log)
    shown = certificate(ordered[1]).body
    leaves = json.dumps([proof["leaf"] for proof in shown["proofs"]], ensure_ascii=False)

    for text in (json.dumps(shown, ensure_ascii=False), leaves):
        assert "u-42" not in text
        assert "Forestry Bureau" not in text
    assert "grandmother" not in leaves
    assert "trees.example" not in leaves


def test_a_later_catalog_change_does_not_change_a_certificate(
    stack: Stack, ordered: tuple[str, str], log: PublishedFiles
) -> None:
    report_life(*ordered, log)
    project = stack.catalog_store.get("tree-projects", "saxaul-alxa")
    assert project
    assert project.entity
    renamed = project.entity.model_copy(update={"partner": "Somebody Else", "latin": "Other"})
    stack.catalog_store.put("tree-projects", "saxaul-alxa", VersionedEntry(renamed, project.version + 1))

    assert checked(ordered[1], log).document["partner"] == "Alxa SEE Foundation"
