"""Accepts partners' reports on trees. What they change in one redemption is written together or not at all.

The writes are the redemption, a leaf of the public log for each statement, and the evidence that its trees take and
give up. So no two trees ever have the same tag, place or photo, and there is no leaf without its tree. Requests about
different redemptions do not conflict. Within a request, as many redemptions as fit share a transaction. If it is
refused, each is written by itself. The open trees of the order are counted after the writes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

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
from saxaul.storage.table import (
    TRANSACTION_WRITES,
    ItemMovedError,
    Key,
    TransactionRefusedError,
    item_written_by,
    transact,
)
from saxaul.trees.evidence import Holding, KnownEvidence, TreeEvidence
from saxaul.trees.orders import OrderProgress, PlantingOrder, open_trees
from saxaul.trees.outcomes import RedemptionChange, Verdict, named_tree
from saxaul.trees.redemptions import Redemption
from saxaul.trees.report_rules import CLOSING, ApplyReports, ReportRequest
from saxaul.trees.reports import named_photo

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MAX_REPORTS_AT_ONCE = 13
"""The most reports on one redemption that are written in one transaction.

A correction makes the most writes: a leaf, and for the tag, the place and the photo one that takes and one that gives
up. So 13 reports make 91 writes. With the redemption and a refund, they fit a transaction, which has at most 100.
Further reports on one redemption wait for the next round: a read, the rules and a transaction. So 98 take 8 rounds.
"""

_ATTEMPTS = 60
"""How often a call loses races before it gives up. The pauses add up to at most 12 seconds, and 6 on average."""

_WRITERS = 8
"""How many threads of one worker write at the same time."""


Writes = Sequence["TransactWriteItemTypeDef"]
Planned = tuple[RedemptionChange, Writes]
"""A change of a redemption, and the writes that make it."""


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
                    statement.text,
                    statement.link,
                    must_follow=statement.must_follow,
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

        ``redemptions`` are those of the order, read after ``progress``, with what this request has changed. Three races
        are enough (decision 51).
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
                order, redemptions = with_trees(order, self.orders, self.redemptions, self.clock)


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
        now, calendar = self.taking.clock.now(), self.taking.calendar
        request = ReportRequest(self.order, redemptions, now, calendar, known)
        verdicts: dict[int, Verdict | None] = {}
        lost = self._write(self._changes(request, chosen, verdicts))
        again = {change.redemption.redemption_id for change in lost}
        for index, verdict in verdicts.items():
            if verdict and chosen[index] not in again:
                self.verdicts[index] = verdict
                del self.waiting[index]
        return lost

    def _changes(
        self, request: ReportRequest, chosen: Mapping[int, str], verdicts: dict[int, Verdict | None]
    ) -> Iterator[RedemptionChange]:
        """Decide on reports in their order, and yield what they change as soon as it is complete."""
        for indexes in _parts(chosen):
            reported = self.apply(request, [self.waiting[index] for index in indexes])
            verdicts |= dict(zip(indexes, reported.verdicts, strict=True))
            yield from reported.changes

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
        self.order, read = with_trees(self.order, self.taking.orders, self.taking.redemptions, self.taking.clock, only)
        self.redemptions |= read
        return read

    def _write(self, changes: Iterable[RedemptionChange]) -> list[RedemptionChange]:
        """Write changes, several at a time. Return those that lost their race.

        A transaction that is full is sent at once, while the changes after it are still decided. This thread sends the
        last one, so it needs no other thread for a few changes.
        """
        group, sent, planned = _Group(), list[Future[list[RedemptionChange]]](), list[RedemptionChange]()
        sending = set[Key]()
        with ThreadPoolExecutor(_WRITERS) as threads:
            for change in changes:
                planned.append(change)
                writes = self.taking.writes_of(change)
                items = {item_written_by(write) for write in writes}
                if not group.has_room_for(items):
                    sent.append(threads.submit(_written, group.planned))
                    sending |= group.items
                    group = _Group()
                if sending & items:  # DynamoDB refuses one of two transactions that write an item at the same time
                    wait(sent)
                    sending.clear()
                group.add(change, writes, items)
            written = _written(group.planned)
        written += [change for future in sent for change in future.result()]
        self.has_statements |= any(change.statements for change in written)
        done = {change.redemption.redemption_id: change.redemption for change in written}
        self.redemptions |= done
        for change in written:
            self.holds |= {evidence: transfer.after for evidence, transfer in change.transfers.items()}
        return [change for change in planned if change.redemption.redemption_id not in done]


class _Group:
    """Changes that fit one transaction, which has at most TRANSACTION_WRITES writes and writes no item twice.

    Two changes write the same item if both refund one wallet, or if one takes the evidence that the other gives up.
    """

    def __init__(self) -> None:
        self.planned: list[Planned] = []
        self.items: set[Key] = set()

    def has_room_for(self, items: AbstractSet[Key]) -> bool:
        """Return whether a change that writes these items fits in."""
        return len(self.items) + len(items) <= TRANSACTION_WRITES and not self.items & items

    def add(self, change: RedemptionChange, writes: Writes, items: AbstractSet[Key]) -> None:
        self.planned.append((change, writes))
        self.items |= items


def _parts(chosen: Mapping[int, str]) -> Iterator[list[int]]:
    """Divide reports into parts, so that all reports on one redemption are in one part. Each is as short as possible.

    ``chosen`` has the redemption of each report, by the report's index. The order of the reports stays.
    """
    last = {redemption_id: index for index, redemption_id in chosen.items()}
    part: list[int] = []
    end = -1
    for index, redemption_id in chosen.items():
        part.append(index)
        end = max(end, last[redemption_id] if redemption_id else index)
        if index == end:
            yield part
            part = []


def _written(group: Sequence[Planned]) -> list[RedemptionChange]:
    """Write a group of changes in one transaction, or else each of them by itself. Return those that were written."""
    if group and _is_written([write for _, writes in group for write in writes]):
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
