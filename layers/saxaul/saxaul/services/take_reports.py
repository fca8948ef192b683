"""Accepts partners' reports on trees. What they change in one redemption is written in one transaction.

The transaction has the redemption, a leaf of the public log for each statement, and the evidence that its trees take
and give up. So no two trees ever have the same tag, place or photo, and there is no leaf without its tree. Redemptions
do not wait for each other. The progress of the order is counted again after the writes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple, Protocol

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.races import ContendedError, attempts
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.evidence import EvidenceStore
from saxaul.storage.leaves import Leaves, StoredLeaf
from saxaul.storage.orders import Orders
from saxaul.storage.photos import Photos
from saxaul.storage.queues import send_leaves
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.table import ItemMovedError, TransactionRefusedError
from saxaul.trees.evidence import KnownEvidence, TreeEvidence
from saxaul.trees.orders import PlantingOrder, open_trees
from saxaul.trees.outcomes import RedemptionChange, Reported, Verdict, named_tree
from saxaul.trees.redemptions import Redemption
from saxaul.trees.report_rules import CLOSING
from saxaul.trees.reports import named_photo

MAX_REPORTS_AT_ONCE = 13
"""The most reports on one redemption that are written at once.

A correction makes the most writes: a leaf, and for the tag, the place and the photo one that takes and one that gives
up. So 13 reports make 91 writes. With the redemption and a refund, they fit a transaction, which has at most 100.
"""

_ATTEMPTS = 60
"""How often a call loses races before it gives up. The pauses add up to at most 12 seconds, and 6 on average."""

_WRITERS = 8
"""How many threads of one worker write at the same time."""


class ApplyReports(Protocol):
    """A function that applies the reports of one request and returns what they change.

    Its arguments are the order, the redemptions of the reported trees by redemption_id, the reports, the time, the
    calendar, and what is known of evidence.
    """

    def __call__(
        self,
        order: PlantingOrder,
        redemptions: Mapping[str, Redemption],
        reports: Sequence[object],
        now: int,
        calendar: Calendar,
        known: KnownEvidence = ...,
        /,
    ) -> Reported: ...


class ReportTaking(NamedTuple):
    """Applies confirmations, failures, inspections and corrections."""

    redemptions: Redemptions
    orders: Orders
    leaves: Leaves
    evidence: EvidenceStore
    photos: Photos
    calendar: Calendar
    clock: Clock
    queue_url: str

    def take(self, order: PlantingOrder, reports: Sequence[object], apply: ApplyReports) -> Sequence[Verdict]:
        """Apply the reports of one request on the trees of an order, and write what they change.

        Returns a verdict for each report. ``apply`` is one of the functions of ``report_rules.py``.

        Raises:
            ContendedError: other requests changed the same trees again and again. Some reports may be recorded, and it
                is safe to repeat the request.
        """
        call = _Call(self, order, apply, dict(enumerate(reports)))
        call.run()
        if call.has_statements:
            send_leaves(self.queue_url)
        verdicts = [call.verdicts[index] for index in range(len(reports))]
        if apply in CLOSING and any(verdict.refusal is None for verdict in verdicts):
            self._count_again(order)
        return verdicts

    def write(self, change: RedemptionChange) -> bool:
        """Write what reports changed in a redemption. Return False if it or evidence has changed since it was read."""
        leaves = [
            self.leaves.add_write(
                StoredLeaf(statement.leaf.certificate, statement.number, statement.leaf.text, statement.link),
                recorded_at=statement.recorded_at,
            )
            for statement in change.statements
        ]
        transfers = [
            self.evidence.transfer_write(evidence, transfer)
            for evidence, transfer in change.transfers.items()
            if transfer.before != transfer.after or not transfer.after
        ]
        try:
            self.redemptions.write(change, [*leaves, *transfers])
        except TransactionRefusedError:
            return False
        return True

    def _count_again(self, order: PlantingOrder) -> None:
        """Count the open trees of an order, and write its progress if it differs.

        The progress is read before the redemptions, so the count includes what was recorded before. If this write loses
        two races, it can stop: the second winner had read the progress that the first one wrote after it was read here.
        So the second winner has counted all that this request has recorded.
        """
        for _ in range(2):
            progress = self.orders.progress(order.order_id)
            counted = open_trees(order, self.redemptions.of_order(order))
            if counted == progress.open_trees:
                return
            try:
                self.orders.put_progress(progress._replace(open_trees=counted))
            except ItemMovedError:
                continue
            return


@dataclass
class _Call:
    """One request: its reports that are not decided yet, by their index, and the verdicts on the others."""

    taking: ReportTaking
    order: PlantingOrder
    apply: ApplyReports
    waiting: dict[int, object]
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    has_statements: bool = False

    def run(self) -> None:
        """Decide on all reports, some of each redemption at a time.

        At first, evidence is assumed to be free. If it is not, or if a redemption has changed since it was read,
        nothing of this redemption is written. Then it is read again with the owners of its evidence, and tried again.

        Raises:
            ContendedError: a redemption lost its race in every attempt.
        """
        photos = self.taking.photos.known(filter(None, map(named_photo, self.waiting.values())))
        owners: dict[TreeEvidence, str] = {}
        left = attempts(self.taking.clock, most=_ATTEMPTS)
        next(left)
        while self.waiting:
            lost = self._decide_some(KnownEvidence(owners, photos))
            if lost:
                if next(left, None) is None:
                    raise ContendedError
                wanted = {evidence for change in lost for evidence in change.transfers}
                owners = {name: owner for name, owner in owners.items() if name not in wanted}
                owners |= self.taking.evidence.owners(wanted)

    def _decide_some(self, known: KnownEvidence) -> list[RedemptionChange]:
        """Decide on the first reports of each redemption. Return the changes that lost their race."""
        chosen = self._chosen()
        redemptions = self.taking.redemptions.of_order(self.order, {named for named in chosen.values() if named})
        reports = [self.waiting[index] for index in chosen]
        now, calendar = self.taking.clock.now(), self.taking.calendar
        reported = self.apply(self.order, redemptions, reports, now, calendar, known)
        lost = self._write(reported.changes)
        again = {change.redemption.redemption_id for change in lost}
        for (index, named), verdict in zip(chosen.items(), reported.verdicts, strict=True):
            if named not in again:
                self.verdicts[index] = verdict
                del self.waiting[index]
        return lost

    def _chosen(self) -> dict[int, str]:
        """Return the next reports to decide on, at most MAX_REPORTS_AT_ONCE of each redemption.

        The result has the redemption of each of them, or an empty text if the order has no such tree.
        """
        redemption_ids = {tree.number: tree.redemption_id for tree in self.order.trees}
        chosen: dict[int, str] = {}
        number_of: Counter[str] = Counter()
        for index, report in self.waiting.items():
            tree = named_tree(report, redemption_ids)
            named = tree.redemption_id if tree else ""
            number_of[named] += bool(named)
            if number_of[named] <= MAX_REPORTS_AT_ONCE:
                chosen[index] = named
        return chosen

    def _write(self, changes: Sequence[RedemptionChange]) -> list[RedemptionChange]:
        """Write changes, several at a time. Return those that lost their race."""
        if len(changes) > 1:
            with ThreadPoolExecutor(_WRITERS) as threads:
                written = list(threads.map(self.taking.write, changes))
        else:
            written = [self.taking.write(change) for change in changes]
        self.has_statements |= any(done and change.statements for done, change in zip(written, changes, strict=True))
        return [change for done, change in zip(written, changes, strict=True) if not done]


@cache
def report_taking() -> ReportTaking:
    """Return the report taking service of this process."""
    ledger = wiring.ledger()
    return ReportTaking(
        redemptions=Redemptions(ledger),
        orders=Orders(ledger),
        leaves=Leaves(ledger),
        evidence=EvidenceStore(ledger),
        photos=Photos(ledger),
        calendar=settings().calendar,
        clock=wiring.clock(),
        queue_url=settings().log_queue_url,
    )
