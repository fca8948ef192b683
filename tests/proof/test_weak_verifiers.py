"""The tampering tests can fail: each weak verifier or monitor leaves out one check, and the test beside it notices."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from saxaul.log import certificates, lives, monitor
from saxaul.log.leaves import TreeLeaf
from saxaul.log.lives import EvidenceChanges, Life
from tests.proof import test_tampered_logs, test_tampering


class Weakness(NamedTuple):
    """``left_out`` replaces the function ``name`` of ``where``, and ``noticed_by`` must then fail."""

    where: object
    name: str
    left_out: Callable[..., object]
    noticed_by: Callable[[Path], None]


def _left_out_before(life: Life, leaf: TreeLeaf) -> int:
    return max(0, leaf.since - life.since)


def _lie(name: str) -> Callable[[Path], None]:
    return lambda folder: test_tampered_logs.test_a_log_that_signs_a_wrong_leaf_is_refused_by_the_monitor(name, folder)


WEAKNESSES = {
    "a leaf of the chain may be left out": Weakness(
        lives.Life,
        "left_out_before",
        _left_out_before,
        lambda _: test_tampering.test_each_hidden_range_of_events_is_missed_unless_it_has_only_inspections(),
    ),
    "a leaf need not be in the tree": Weakness(
        certificates,
        "_check_inclusion",
        lambda *_: None,
        lambda _: test_tampering.test_each_changed_line_of_a_proof_is_refused(),
    ),
    "a dedication may be missing": Weakness(
        certificates,
        "_check_particulars",
        lambda *_: None,
        lambda _: test_tampering.test_only_an_erasure_in_the_log_may_null_the_dedication_and_its_salt(),
    ),
    "a checkpoint need not be signed": Weakness(
        certificates,
        "open_note",
        lambda *_: [True],
        lambda _: test_tampering.test_a_forger_who_computes_all_hashes_again_is_refused_because_he_cannot_sign(),
    ),
    "two trees may have one tag": Weakness(
        monitor, "evidence_changes", lambda *_: EvidenceChanges((), ()), _lie("the tag of another tree")
    ),
    "a count may be wrong": Weakness(monitor, "_check_count", lambda *_: None, _lie("a count too high")),
}


@pytest.mark.parametrize("weakness", WEAKNESSES)
def test_a_weak_verifier_is_noticed(weakness: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weak = WEAKNESSES[weakness]
    monkeypatch.setattr(weak.where, weak.name, weak.left_out)

    with pytest.raises(AssertionError):
        weak.noticed_by(tmp_path)
