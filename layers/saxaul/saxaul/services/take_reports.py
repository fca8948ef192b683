"""Accepts partners' reports on trees. What they change in one redemption is written together or not at all.

The writes are the redemption, a leaf of the public log for each statement, and the evidence that its trees take and
give up. So no two trees ever have the same tag, place or photo, and there is no leaf without its tree. Redemptions do
not wait for each other: as many as fit share a transaction, and if it is refused, each is written by itself. The open
trees of the order are counted after the writes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

from saxaul.catalog.calendar import Calendar
from saxaul.clock import Clock
from saxaul.races import ContendedError, attempts
from saxaul.services import wiring
from saxaul.services.read_trees import with_trees
from saxaul.settings import settings
from saxaul.storage.evidence import EvidenceStore
from saxaul.storage.leaves import Leaves, StoredLeaf
from saxaul.storage.orders import Orders
from saxaul.storage.photos import Photos
from saxaul.storage.queues import send_leaves
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.table import ItemMovedError, Key, TransactionRefusedError, item_written_by, transact
from saxaul.trees.evidence import Holding, KnownEvidence, TreeEvidence
from saxaul.trees.orders import OrderProgress, PlantingOrder, open_trees
from saxaul.trees.outcomes import RedemptionChange, Reported, Verdict, named_tree
from saxaul.trees.redemptions import Redemption
from saxaul.trees.report_rules import CLOSING
from saxaul.trees.reports import named_photo

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MAX_REPORTS_AT_ONCE = 13
"""The most reports on one redemption that are written in one transaction.

A correction makes the most writes: a leaf, and for the tag, the place and the photo one that takes and one that gives
up. So 13 reports make 91 writes. With the redemption and a refund, they fit a transaction, which has at most 100.
"""

MAX_WRITES = 100
"""The most writes of a transaction of DynamoDB."""

_ATTEMPTS = 60
"""How often a call loses races before it gives up. The pauses add up to at most 12 seconds, and 6 on average."""

_WRITERS = 8
"""How many threads of one worker write at the same time."""


Writes = Sequence["TransactWriteItemTypeDef"]
Planned = tuple[RedemptionChange, Writes]
"""A change of a redemption, and the writes that make it."""


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
        progress = self.orders.progress(order.order_id) if apply in CLOSING else None
        call = _Call(self, order, apply, dict(enumerate(reports)))
        call.run()
        if call.has_statements:
            send_leaves(self.queue_url)
        if progress and any(verdict.refusal is None for verdict in call.verdicts.values()):
            self._count_open_trees(order, progress, call.redemptions)
        return [call.verdicts[index] for index in range(len(reports))]

    def writes_of(self, change: RedemptionChange) -> Writes:
        """Return all writes of what reports changed in a redemption. They are made together or not at all."""
        leaves = [
            self.leaves.add_write(
                StoredLeaf(
                    statement.leaf.certificate,
                    statement.number,
                    statement.leaf.text,
                    statement.link,
                    after=statement.after,
                ),
                recorded_at=statement.recorded_at,
            )
            for statement in change.statements
        ]
        transfers = [
            self.evidence.transfer_write(evidence, transfer)
            for evidence, transfer in change.transfers.items()
            if transfer.before != transfer.after
        ]
        return [*self.redemptions.change_writes(change), *leaves, *transfers]

    def _count_open_trees(
        self, order: PlantingOrder, progress: OrderProgress, redemptions: Mapping[str, Redemption]
    ) -> None:
        """Write how many trees of an order are open, if its progress says otherwise.

        ``redemptions`` are those of the order, read after ``progress``, with what this request has changed. A write
        that loses its race is made again from a new count. If it loses two more races, it can stop: the second winner
        had read the progress that the first one wrote, so it has counted all that this request has recorded.
        """
        for _ in range(3):
            counted = open_trees(order, redemptions)
            if counted == progress.open_trees:
                break
            try:
                self.orders.put_progress(progress._replace(open_trees=counted))
                break
            except ItemMovedError:
                progress = self.orders.progress(order.order_id)
                order, redemptions = with_trees(order, self.orders, self.redemptions)


@dataclass
class _Call:
    """One request: its reports that are not decided yet, by their index, and the verdicts on the others.

    ``redemptions`` are those that were read, as they are after the writes of this request. ``holds`` is which tree
    holds which evidence, as far as this request has read or written it.
    """

    taking: ReportTaking
    order: PlantingOrder
    apply: ApplyReports
    waiting: dict[int, object]
    redemptions: dict[str, Redemption] = field(default_factory=dict)
    holds: dict[TreeEvidence, Holding] = field(default_factory=dict)
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    has_statements: bool = False

    def run(self) -> None:
        """Decide on all reports, some of each redemption at a time.

        At first, evidence is assumed never to have been taken. If it was, or if a redemption has changed since it was
        read, nothing of this redemption is written. Then it is read again with its evidence, and tried again. Some
        reports wait until the reports before them are written; the first one never does.

        Raises:
            ContendedError: a redemption lost its race in every attempt.
        """
        photos = self.taking.photos.known(filter(None, map(named_photo, self.waiting.values())))
        left = attempts(self.taking.clock, most=_ATTEMPTS)
        next(left)
        while self.waiting:
            lost = self._decide_some(KnownEvidence(self.holds, photos))
            if lost:
                if next(left, None) is None:
                    raise ContendedError
                wanted = {evidence for change in lost for evidence in change.transfers}
                self.holds = {evidence: hold for evidence, hold in self.holds.items() if evidence not in wanted}
                self.holds |= self.taking.evidence.holds(wanted)

    def _decide_some(self, known: KnownEvidence) -> list[RedemptionChange]:
        """Decide on the first reports of each redemption. Return the changes that lost their race."""
        chosen = self._chosen()
        redemptions = self._read({named for named in chosen.values() if named})
        reports = [self.waiting[index] for index in chosen]
        now, calendar = self.taking.clock.now(), self.taking.calendar
        reported = self.apply(self.order, redemptions, reports, now, calendar, known)
        lost = self._write(reported.changes)
        again = {change.redemption.redemption_id for change in lost}
        for (index, named), verdict in zip(chosen.items(), reported.verdicts, strict=True):
            if verdict and named not in again:
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

    def _read(self, wanted: AbstractSet[str]) -> Mapping[str, Redemption]:
        """Read some redemptions of the order. To count its open trees, all of them are read at first."""
        needs_all = self.apply in CLOSING and not self.redemptions
        only = None if needs_all else wanted
        self.order, read = with_trees(self.order, self.taking.orders, self.taking.redemptions, only)
        self.redemptions |= read
        return read

    def _write(self, changes: Sequence[RedemptionChange]) -> list[RedemptionChange]:
        """Write changes, several at a time. Return those that lost their race."""
        groups = list(_groups((change, self.taking.writes_of(change)) for change in changes))
        if len(groups) > 1:
            with ThreadPoolExecutor(_WRITERS) as threads:
                written = [change for group in threads.map(_written, groups) for change in group]
        else:
            written = [change for group in groups for change in _written(group)]
        self.has_statements |= any(change.statements for change in written)
        done = {change.redemption.redemption_id: change.redemption for change in written}
        self.redemptions |= done
        for change in written:
            self.holds |= {evidence: transfer.after for evidence, transfer in change.transfers.items()}
        return [change for change in changes if change.redemption.redemption_id not in done]


def _groups(changes: Iterable[Planned]) -> Iterator[list[Planned]]:
    """Divide changes into groups that each fit a transaction, which may write no item twice.

    Two changes write the same item if both refund one wallet, or if one takes the evidence that the other gives up.
    """
    group: list[Planned] = []
    items: set[Key] = set()
    for change, writes in changes:
        written = {item_written_by(write) for write in writes}
        if len(items) + len(written) > MAX_WRITES or items & written:
            yield group
            group, items = [], set()
        group.append((change, writes))
        items |= written
    if group:
        yield group


def _written(group: Sequence[Planned]) -> list[RedemptionChange]:
    """Write a group of changes in one transaction, or else each of them by itself. Return those that were written."""
    if _is_written([write for _, writes in group for write in writes]):
        return [change for change, _ in group]
    return [change for change, writes in group if _is_written(writes)] if len(group) > 1 else []


def _is_written(writes: Writes) -> bool:
    """Make writes in one transaction. Return False if nothing was written, because something has changed."""
    try:
        transact(writes)
    except TransactionRefusedError:
        return False
    return True


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
