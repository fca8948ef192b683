"""The order of the log's leaves, as it was committed: a head, an item for each batch, and what is published.

    LOG  HEAD                      the size and the root of the committed tree, and how much of it is written as files
    LOG  BATCH#<its first index>   which leaves a batch has, in order, and the count at its end
    LOG  PUBLISHED                 the size of the published tree and its counts: the one public counter

A batch is committed by one transaction, on condition that the head is still the one that was read. Batches never
change. All files of the tree follow from the batches and the leaves that they name.
"""

import zlib
from collections.abc import Collection, Iterable, Iterator
from heapq import merge
from typing import NamedTuple

from saxaul.log.counts import Counts
from saxaul.log.leaves import CountLeaf, parse
from saxaul.log.tiles import Edge
from saxaul.storage.leaves import LEAF_PREFIX, PENDING_LISTS, StoredLeaf, from_item, leaf_key, pending_list, to_item
from saxaul.storage.table import Item, Key, Table, transact
from saxaul.trees.leaf_refs import LeafRef

LOG = "LOG"
MAX_LEAVES = 1000
"""The most leaves of a batch, its count included."""

HEAD, _PUBLISHED = Key(LOG, "HEAD"), Key(LOG, "PUBLISHED")
_BATCH = "BATCH#"
_INDEX_DIGITS = 12


class PendingLeaf(NamedTuple):
    """A leaf that the index lists as pending, and its place in the order of time."""

    order: str
    ref: LeafRef


class Head(NamedTuple):
    """The committed tree. Without an item in the table, it is empty.

    Attributes:
        origin: the name of the log. It never changes; empty if the tree is empty.
        root: the root of the committed tree, 32 bytes.
        counts: those of the count at its end.
        edge: the right edge of the tree of which all files and positions are written. Its size is at most ``size``.
            If it is less, it is the start of the last batch.
    """

    origin: str = ""
    size: int = 0
    root: bytes = b""
    counts: Counts = Counts()
    edge: Edge = Edge()
    version: int = 0

    @property
    def is_written(self) -> bool:
        return self.edge.size == self.size


class Batch(NamedTuple):
    """Leaves that were committed together.

    Attributes:
        start: the index of its first leaf in the tree.
        refs: its leaves, in order, without the count at its end, which is ``counted``.
        root: the root of the tree that ends with this batch, 32 bytes.
        committed_at: in seconds since 1970.
    """

    start: int
    refs: tuple[LeafRef, ...]
    counted: CountLeaf
    root: bytes
    committed_at: int

    @property
    def end(self) -> int:
        """The size of the tree that ends with this batch."""
        return self.start + len(self.refs) + 1


class CommittedLeaf(NamedTuple):
    """A leaf of the committed tree: its text, and the stored leaf. A count is stored with its batch, and has none."""

    text: bytes
    leaf: StoredLeaf | None = None


class Published(NamedTuple):
    """What is published of the log: the size of the tree, and its counts of trees. ``at`` is when, in seconds."""

    size: int = 0
    counts: Counts = Counts()
    at: int = 0
    version: int = 0


class SequenceStore:
    """Reads and commits the order of the log."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._origin = ""

    def head(self) -> Head:
        """Read the committed tree. The read is consistent, as all reads here but that of the pending leaves."""
        item = self._table.get(HEAD)
        return _head_of(item) if item else Head()

    def commit(self, head: Head, batch: Batch) -> Head:
        """Commit a batch and its head in one transaction. ``head`` has the version of the head that was read.

        Raises:
            TransactionRefusedError: another batch was committed, or the head was written, since it was read.
        """
        head_write = self._table.put_write(_head_item(head), head.version)
        transact([head_write, self._table.put_write(_batch_item(batch), expected_version=0)])
        return head._replace(version=head.version + 1)

    def put_head(self, head: Head) -> Head:
        """Write the head, to say that more of the tree is written.

        Raises:
            ItemMovedError: the head was written since it was read.
        """
        self._table.put(_head_item(head), head.version)
        return head._replace(version=head.version + 1)

    def batch_before(self, size: int) -> Batch | None:
        """Return the batch that ends with a tree of this size. None if none does."""
        found = (batch for batch in self.batches(size - 1, size) if batch.end == size)
        return next(found, None)

    def origin(self) -> str:
        """Return the name of the log; empty before its first leaf. It is read until it is known, and never changes."""
        self._origin = self._origin or self.head().origin
        return self._origin

    def entries(self, start: int, end: int) -> list[CommittedLeaf]:
        """Return the leaves from index ``start`` to before ``end``, as they were committed.

        Raises:
            LookupError: a batch or a leaf is missing.
        """
        found: dict[int, CommittedLeaf] = {}
        batches = list(self.batches(start, end))
        named = {index: ref for batch in batches for index, ref in enumerate(batch.refs, batch.start)}
        wanted = {index: ref for index, ref in named.items() if start <= index < end}
        leaves = self.leaves(wanted.values())
        for index, ref in wanted.items():
            if ref in leaves:
                found[index] = CommittedLeaf(leaves[ref].text, leaves[ref])
        found |= {batch.end - 1: CommittedLeaf(batch.counted.text) for batch in batches}
        try:
            return [found[index] for index in range(start, end)]
        except KeyError as missing:
            raise LookupError(f"leaf {missing} of the log is missing in the ledger") from None

    def committed_after(self, size: int) -> int:
        """Return when the batch was committed that starts with this index, in seconds.

        Raises:
            LookupError: there is none.
        """
        item = self._table.get(_batch_key(size))
        if item is None:
            raise LookupError(f"the log has no batch that starts with leaf {size}")
        return batch_of(item).committed_at

    def batches(self, start: int, end: int) -> Iterator[Batch]:
        """Yield the batches with leaves from index ``start`` to before ``end``."""
        first = max(0, start - MAX_LEAVES + 1)
        items = self._table.query(LOG, _batch_key(first).sk, _batch_key(end - 1).sk)
        return (batch for batch in map(batch_of, items) if batch.end > start)

    def pending(self, most: int, without: Collection[LeafRef] = ()) -> list[PendingLeaf]:
        """Return up to ``most`` pending leaves, oldest first, without those that are known to be integrated.

        The index lags: it may still list integrated leaves, and may not list yet what was just written. If it has more
        leaves than are returned, then none that it has is older than those that are.
        """
        per_list = most // PENDING_LISTS
        lists = [self._listed(pending_list(number), per_list, without) for number in range(PENDING_LISTS)]
        # A list that is cut may have leaves that are older than the last ones of the other lists.
        known_until = min((listed[-1].order for listed in lists if len(listed) == per_list), default="~")
        return [pending for pending in merge(*lists) if pending.order <= known_until]

    def _listed(self, name: str, most: int, without: Collection[LeafRef]) -> list[PendingLeaf]:
        items = self._table.listed(name, most + len(without))
        found = (PendingLeaf(item["list_order"], ref_of(item)) for item in items)
        return [pending for pending in found if pending.ref not in without][:most]

    def oldest_pending(self) -> int | None:
        """Return when the oldest pending leaf of the index was recorded, in seconds. None if there is none."""
        lists = (self._table.listed(pending_list(number), 1) for number in range(PENDING_LISTS))
        return min((int(item["list_order"].partition("#")[0]) for listed in lists for item in listed), default=None)

    def leaves(self, refs: Iterable[LeafRef]) -> dict[LeafRef, StoredLeaf]:
        """Read the leaves of these names that exist."""
        items = self._table.get_many(map(leaf_key, refs), consistent=True).values()
        return {leaf.ref: leaf for leaf in map(from_item, items)}

    def put_positions(self, leaves: Iterable[StoredLeaf]) -> None:
        """Write integrated leaves with their positions, so that they are pending no more. It is safe to repeat this.

        Raises:
            OverloadedError: DynamoDB did not write all of them.
        """
        self._table.put_all([to_item(leaf) for leaf in leaves])

    def published(self) -> Published:
        """Read what is published."""
        item = self._table.get(_PUBLISHED)
        return published_of(item) if item else Published()

    def put_published(self, published: Published) -> None:
        """Write what is published. ``published`` has the version that was read.

        Raises:
            ItemMovedError: it was written since it was read.
        """
        item = {**_PUBLISHED._asdict(), "size": published.size, **published.counts._asdict(), "at": published.at}
        self._table.put(item, published.version)


def oldest_unpublished(store: SequenceStore, now: int) -> int:
    """Return when the oldest statement was recorded that is not published, in seconds; ``now`` if all are published.

    Of a statement that has a position, it is when the position was committed.
    """
    published, head, pending = store.published(), store.head(), store.oldest_pending()
    committed = now if published.size >= head.size else store.committed_after(published.size)
    return min(committed, now if pending is None else pending)


def ref_of(item: Item) -> LeafRef:
    """Return the name of a leaf, from the keys of its item."""
    return LeafRef(item["pk"].removeprefix(LEAF_PREFIX), int(item["sk"]))


def _batch_key(start: int) -> Key:
    return Key(LOG, f"{_BATCH}{start:0{_INDEX_DIGITS}d}")


def is_batch(item: Item) -> bool:
    return item["pk"] == LOG and str(item["sk"]).startswith(_BATCH)


def is_published(item: Item) -> bool:
    return Key(item["pk"], item["sk"]) == _PUBLISHED


def _batch_item(batch: Batch) -> Item:
    names = "\n".join(f"{certificate} {number}" for certificate, number in batch.refs)
    return {
        **_batch_key(batch.start)._asdict(),
        "leaves": zlib.compress(names.encode()),
        "count": batch.counted.text.decode(),
        "root": batch.root,
        "committed_at": batch.committed_at,
    }


def batch_of(item: Item) -> Batch:
    """Read the item of a batch.

    Raises:
        KeyError, ValueError, TypeError, zlib.error, RefusedError: it is malformed.
    """
    lines = zlib.decompress(bytes(item["leaves"])).decode().splitlines()
    refs = (line.rpartition(" ") for line in lines)
    count = parse(item["count"].encode())
    if not isinstance(count, CountLeaf):
        raise TypeError("the last leaf of a batch must be a count")
    return Batch(
        start=int(item["sk"].removeprefix(_BATCH)),
        refs=tuple(LeafRef(certificate, int(number)) for certificate, _, number in refs),
        counted=count,
        root=bytes(item["root"]),
        committed_at=int(item["committed_at"]),
    )


def _head_item(head: Head) -> Item:
    return {
        **HEAD._asdict(),
        "origin": head.origin,
        "size": head.size,
        "root": head.root,
        **head.counts._asdict(),
        "edge": head.edge.to_bytes(),
    }


def _head_of(item: Item) -> Head:
    return Head(
        origin=item["origin"],
        size=int(item["size"]),
        root=bytes(item["root"]),
        counts=_counts_of(item),
        edge=Edge.from_bytes(bytes(item["edge"])),
        version=int(item["v"]),
    )


def published_of(item: Item) -> Published:
    """Read the item of what is published."""
    return Published(int(item["size"]), _counts_of(item), int(item["at"]), int(item["v"]))


def _counts_of(item: Item) -> Counts:
    return Counts(int(item["planted"]), int(item["dead"]), int(item["standing"]))
