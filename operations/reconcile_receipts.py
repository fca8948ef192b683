"""Checks the receipts of the last 30 days: no known batch is late, dead or lost, and no receipt is damaged.

A receipt is damaged if it is malformed, in a wrong list of the index, or lacks a part that may have been sent.

The receipts say how many items were posted, wait or were dropped. The dead-letter queue says which of those that wait
are dead. Workers may post in the meantime: of each batch that waits, the queues are asked first, and then its receipt
is read again. So a batch that is called late, dead or lost was so at that moment.

A batch whose receipt could not be written when it was accepted is unknown until it is posted or dead.

If intake stops after it has sent some messages of a call, the receipt lacks the parts of the others for ever. The app
got no answer, so nothing that was accepted is lost. While no queue has their messages, such receipts are only noted.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import TYPE_CHECKING, NamedTuple

from local.console import watching
from operations.ages import age_text
from operations.dead_letter_queue import DeadLetters, count_messages
from operations.dead_letter_receipts import part_named_in
from operations.ledger_reading import MALFORMED, about_items, scan, unreadable
from saxaul.audit import Finding
from saxaul.catalog.sentences import counted
from saxaul.ledger.batches import (
    LATE_SECONDS,
    BatchState,
    BatchSums,
    WaitingBatch,
    faults_of,
    missing_parts,
    state_of,
)
from saxaul.ledger.receipts import ReceiptPart
from saxaul.storage.receipts import RECEIPT_PREFIX, Receipts, from_item, receipt_key, to_item
from saxaul.storage.table import Item, Key, Table, raw

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_DEAD_LETTERS = 1_000
"""The most dead letters that are looked at. They are hidden from a redrive for as long as that takes."""

MAX_FINDINGS = 20
"""The most findings of one kind that are named one by one."""

PAUSE = 1
"""Seconds between the two questions whether the queues are empty. Their answers are approximate."""


class DeadParts(NamedTuple):
    """The parts of receipts whose messages are dead letters, as they were before posting.

    Attributes:
        is_nowhere_else: whether a message that waits, and is not one of these, is in no queue.
        unnamed: how many other dead letters there are, which name no receipt.
    """

    parts: Mapping[Key, ReceiptPart]
    is_nowhere_else: bool
    unnamed: int = 0


class Queues(NamedTuple):
    """The queue of actions and its dead-letter queue."""

    client: "SQSClient"
    source_url: str
    dead_letter_url: str

    def look(self, pause: Callable[[float], object]) -> DeadParts:
        """Look at the dead letters, and ask before and after whether there are other messages.

        A redrive moves messages from one queue to the other, so the queue is asked on both sides of the dead letters.
        """
        before, letters = self._count(self.source_url), self._count(self.dead_letter_url)
        bodies = list(self._dead_bodies()) if letters else []
        named = [part for part in map(part_named_in, bodies) if part]
        parts = {receipt_key(part.receipt_id, part.part): part for part in named}
        if before or letters > len(named):
            return DeadParts(parts, is_nowhere_else=False, unnamed=len(bodies) - len(named))
        pause(PAUSE)
        after, letters = self._count(self.source_url), self._count(self.dead_letter_url)
        return DeadParts(parts, is_nowhere_else=after == 0 and letters <= len(named))

    def _dead_bodies(self) -> Iterator[str]:
        with DeadLetters(self.client, self.dead_letter_url) as letters:
            yield from (message["Body"] for message in islice(letters, MAX_DEAD_LETTERS))

    def _count(self, url: str) -> int:
        return count_messages(self.client, url)


class Judged(NamedTuple):
    """A part of a receipt as it was read after the queues were asked. The state is None if nothing in it waits."""

    part: ReceiptPart
    state: BatchState | None


class Judgement(NamedTuple):
    """The parts that were read after the queues were asked, and whether no queue had the message of any other part.

    ``unnamed`` is how many dead letters name no receipt.
    """

    parts: Mapping[Key, Judged]
    is_nowhere_else: bool
    unnamed: int


@dataclass
class BatchReport:
    """The sums over all receipts, and how many faults there are: receipts that are late, dead, lost or malformed."""

    sums: BatchSums = field(default_factory=BatchSums)
    faults: int = 0


def check_receipts(
    table: Table,
    queues: Queues | None,
    show_waiting: Callable[[Sequence[WaitingBatch]], None],
    report_finding: Callable[[Finding], None],
) -> BatchReport:
    """Name the batches that wait, then check all receipts and add them up.

    ``show_waiting`` gets the batches that the index knows, oldest first, before the table is read as a whole. Without
    ``queues``, dead batches count as waiting, and none is called lost.
    """
    first = waiting_batches(judge(table, queues, Receipts(table).waiting()).parts.values())
    show_waiting(first)
    with watching("reading the receipts", "items", about_items(table)) as tell:
        scanned = _scan(table, tell)
    judged = judge(table, queues, scanned.waiting)
    for key, (part, state) in judged.parts.items():
        if key in scanned.waiting or state:
            scanned.sums.add(part, is_dead=state == "dead")
    named = {batch.receipt_id for batch in first if batch.is_fault}
    late = [
        batch for batch in waiting_batches(judged.parts.values()) if batch.is_fault and batch.receipt_id not in named
    ]
    findings = scanned.findings + [_waits(batch, table.clock.now()) for batch in late]
    if judged.unnamed:
        findings.append(_unnamed(judged.unnamed))
    missing = confirmed_missing(table, scanned.incomplete, judged)
    findings += [finding for finding in missing if finding.is_fault]
    _report_some(findings, "faults", report_finding)
    _report_some([note for note in missing if not note.is_fault], "parts of calls without an answer", report_finding)
    return BatchReport(scanned.sums, len(named) + len(findings))


def _unnamed(letters: int) -> Finding:
    return Finding("the dead-letter queue", f"has {counted(letters, 'message')} without a receipt: make dead-letters")


def _report_some(findings: Sequence[Finding], kind: str, report_finding: Callable[[Finding], None]) -> None:
    for finding in findings[:MAX_FINDINGS]:
        report_finding(finding)
    if len(findings) > MAX_FINDINGS:
        report_finding(Finding("receipts", f"have {len(findings) - MAX_FINDINGS:,} more {kind}", is_fault=False))


def judge(table: Table, queues: Queues | None, keys: Iterable[Key]) -> Judgement:
    """Ask the queues, then read the parts under these keys consistently, and those of all dead letters.

    A part that has expired, or that is malformed, is left out. A dead letter whose part is not stored has the part that
    the message names.
    """
    suspects = list(keys)
    dead = queues.look(table.clock.sleep) if queues else DeadParts({}, is_nowhere_else=False)
    stored = table.get_many([*suspects, *dead.parts], consistent=True)
    now, judged = table.clock.now(), dict[Key, Judged]()
    for key in dict.fromkeys([*suspects, *dead.parts]):
        part = _readable(stored[key]) if key in stored else dead.parts.get(key)
        if part is None or part.expires_at <= now:
            continue
        age = now - part.accepted_at
        state = state_of(age, is_dead=key in dead.parts, is_nowhere=dead.is_nowhere_else) if part.is_waiting else None
        judged[key] = Judged(part, state)
    return Judgement(judged, dead.is_nowhere_else, dead.unnamed)


def waiting_batches(judged: Iterable[Judged]) -> list[WaitingBatch]:
    """Return the batches that wait, oldest first. What waits of one batch for the same cause is counted together."""
    items: defaultdict[tuple[int, str, str, BatchState], int] = defaultdict(int)
    for part, state in judged:
        if state:
            items[part.accepted_at, part.receipt_id, part.app, state] += part.waiting
    return [
        WaitingBatch(receipt_id, app, accepted_at, state, number)
        for (accepted_at, receipt_id, app, state), number in sorted(items.items())
    ]


class _Scanned(NamedTuple):
    """What a scan of all receipts found: the sums of the parts in which nothing waits, and the keys of the others.

    Attributes:
        incomplete: a part of each receipt of which a part is missing.
    """

    sums: BatchSums
    waiting: set[Key]
    findings: list[Finding]
    incomplete: list[ReceiptPart]


def _scan(table: Table, tell: Callable[[int], None]) -> _Scanned:
    found = _Scanned(BatchSums(), set(), [], [])
    prefix = raw({":prefix": RECEIPT_PREFIX})
    items = scan(table, tell=tell, FilterExpression="begins_with(pk, :prefix)", ExpressionAttributeValues=prefix)
    # A scan returns all items of a partition one after another.
    for pk, of_receipt in groupby(items, key=lambda item: str(item["pk"])):
        parts = list[ReceiptPart]()
        for item in of_receipt:
            try:
                part = from_item(item)
                found.findings.extend(_misplaced(item, part))
            except MALFORMED as error:
                found.findings.append(unreadable(item, error))
                continue
            if part.expires_at > table.clock.now():
                parts.append(part)
        _add_receipt(found, pk.removeprefix(RECEIPT_PREFIX), parts)
    return found


def _add_receipt(found: _Scanned, receipt_id: str, parts: Sequence[ReceiptPart]) -> None:
    found.findings.extend(Finding(f"receipt {receipt_id}", fault) for fault in faults_of(parts))
    for part in parts:
        if part.is_waiting:
            found.waiting.add(receipt_key(receipt_id, part.part))
        else:
            found.sums.add(part)
    if parts and missing_parts(parts):
        found.incomplete.append(parts[0])


def _misplaced(item: Item, part: ReceiptPart) -> list[Finding]:
    """Return a finding if a part waits and the index does not list it, or the other way round."""
    right = to_item(part).get("waiting")
    if item.get("waiting") == right:
        return []
    return [Finding(f"item {item['pk']} {item['sk']}", f"is in the list {item.get('waiting')}, but belongs in {right}")]


def confirmed_missing(table: Table, incomplete: Sequence[ReceiptPart], judged: Judgement) -> list[Finding]:
    """Return the parts that are missing although their call was accepted more than ``LATE_SECONDS`` ago.

    The parts are read again, after the queues were asked. A part whose message is a dead letter is known from there. If
    no queue had the message of a part either, it was never sent, and the finding is no fault.
    """
    receipts, now = Receipts(table), table.clock.now()
    why = ": the call was not completed, and its app got no answer" * judged.is_nowhere_else
    return [
        Finding(
            f"receipt {one.receipt_id}",
            f"of {one.app}: part {part} of {one.parts} is missing{why}",
            is_fault=not judged.is_nowhere_else,
        )
        for one in incomplete
        if now - one.accepted_at > LATE_SECONDS
        for part in missing_parts(receipts.parts_of(one.receipt_id) or [one])
        if receipt_key(one.receipt_id, part) not in judged.parts
    ]


def _readable(item: Item) -> ReceiptPart | None:
    try:
        return from_item(item)
    except MALFORMED:
        return None  # the scan reports this item


def _waits(batch: WaitingBatch, now: int) -> Finding:
    detail = f"of {batch.app}: {batch.items:,} items are {batch.state} after {age_text(now - batch.accepted_at)}"
    return Finding(f"receipt {batch.receipt_id}", detail)
