"""Checks that the public log agrees with the ledger: leaves with trees, positions with batches, counts, evidence.

A reading may meet a write in progress. So what disagrees is read again before it is reported.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from operations.ledger_reading import MALFORMED, unreadable
from saxaul.audit import CrossChecks, Finding, LoggedLife, PlacedLeaf, evidence_findings, life_findings
from saxaul.log.verdicts import RefusedError
from saxaul.storage import leaves, redemptions, sequence
from saxaul.storage.evidence import EvidenceStore
from saxaul.storage.table import Item, Table
from saxaul.trees.evidence import held
from saxaul.trees.leaf_refs import LeafRef
from saxaul.trees.redemptions import Redemption, Tree

_READINGS = 3
"""How many times items that disagree are read again, because a write may be in progress."""


def add_leaves(certificate: str, items: Iterable[Item], cross_checks: CrossChecks) -> list[Finding]:
    """Add all leaves of a certificate, oldest first. Return a finding for one that cannot be read."""
    texts: list[bytes] = []
    for item in items:
        try:
            leaf = leaves.from_item(item)
        except MALFORMED as error:
            return [unreadable(item, error)]
        texts.append(leaf.text)
        if leaf.position is not None:
            cross_checks.add_placed(PlacedLeaf(certificate, leaf.number, leaf.position), by_batch=False)
    try:
        cross_checks.add_leaves(LoggedLife.of_leaves(certificate, texts))
    except RefusedError as error:
        return [Finding(f"certificate {certificate}", f"has a leaf for the public log that cannot be read: {error}")]
    return []


def add_to_log(item: Item, cross_checks: CrossChecks) -> list[Finding]:
    """Add an item of the log. Return a finding if it cannot be read."""
    if not sequence.is_batch(item):
        return []
    try:
        for leaf in _placed_by(sequence.batch_of(item)):
            cross_checks.add_placed(leaf, by_batch=True)
    except (*MALFORMED, RefusedError) as error:
        return [unreadable(item, error)]
    return []


def _placed_by(batch: sequence.Batch) -> list[PlacedLeaf]:
    return [PlacedLeaf(*ref, index) for index, ref in enumerate(batch.refs, batch.start)]


def log_faults(table: Table, cross_checks: CrossChecks) -> list[Finding]:
    """Return in what the log and the trees disagree, after reading it again."""
    found = [finding for number in cross_checks.unlike_leaves() for finding in _life_findings(table, number)]
    for positions in cross_checks.unlike_positions():
        found += _position_findings(table, positions)
    return found + _published_findings(table)


def _life_findings(table: Table, certificate: str) -> list[Finding]:
    found: list[Finding] = []
    for _ in range(_READINGS):
        with suppress(*MALFORMED, RefusedError):  # the first scan has reported the item that cannot be read
            redemption = redemptions.Redemptions(table).of_certificate(certificate)
            trees = redemption.trees if redemption else ()
            tree = next((tree for tree in trees if tree.number == certificate), None)
            texts = [leaf.text for leaf in leaves.Leaves(table).of_certificate(certificate)]
            found = life_findings(certificate, tree, texts)
        if not found:
            break
    return found


def _position_findings(table: Table, positions: range) -> list[Finding]:
    """Return which leaves have another position than their batch says. Batches that are being written are left out."""
    store = sequence.SequenceStore(table)
    written = min(positions.stop, store.head().edge.size)
    found = []
    for batch in store.batches(positions.start, written) if written > positions.start else ():
        stored = store.leaves(batch.refs)
        for leaf in _placed_by(batch):
            ref = LeafRef(leaf.certificate, leaf.number)
            position = stored[ref].position if ref in stored else None
            if position != leaf.position:
                subject = f"certificate {leaf.certificate}"
                detail = f"leaf {leaf.number} has the position {position}, but the log has it at {leaf.position}"
                found.append(Finding(subject, detail))
    return found


def _published_findings(table: Table) -> list[Finding]:
    """Return whether the public counter is that of the count at the end of the published tree."""
    store = sequence.SequenceStore(table)
    published = store.published()
    if not published.size:
        return []
    batch = store.batch_before(published.size)
    if batch is None:
        return [Finding("the public log", f"has {published.size} published leaves, but no batch ends there")]
    if batch.counted.counts != published.counts:
        detail = f"counts {tuple(published.counts)} in public, but {tuple(batch.counted.counts)} in its last leaf"
        return [Finding("the public log", detail)]
    return []


def evidence_faults(table: Table, found: Sequence[Redemption]) -> list[Finding]:
    """Return which of these trees have a tag, a place or a photo that is not noted as theirs."""
    suspects = _evidence_findings(table, [tree for redemption in found for tree in redemption.trees])
    if not suspects:
        return []
    again = redemptions.Redemptions(table).get_many((one.user_id, one.redemption_id) for one in found)
    still = set(_evidence_findings(table, [tree for redemption in again for tree in redemption.trees]))
    return [finding for finding in suspects if finding in still]


def _evidence_findings(table: Table, trees: Sequence[Tree]) -> list[Finding]:
    of_trees = [(tree.number, held(tree)) for tree in trees if tree.planting]
    holds = EvidenceStore(table).holds({one for _, evidence in of_trees for one in evidence}) if of_trees else {}
    named = {f"{one.kind} {one.key}": hold.certificate for one, hold in holds.items()}
    return [
        finding
        for number, evidence in of_trees
        for finding in evidence_findings(number, sorted(f"{one.kind} {one.key}" for one in evidence), named)
    ]
