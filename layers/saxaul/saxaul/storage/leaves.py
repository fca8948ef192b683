"""Leaves of the public log as items: each statement about a tree is one item, written together with its tree.

The leaves of a certificate are numbered from 1, its planting, without a gap. A leaf has no position in the log until
it is integrated into the tree of the log. Until then, it is in one of the lists of pending leaves, oldest first. The
text of a leaf never changes. The integration adds the position, and removes the leaf from its list. It also removes the
version of the item, which only the first write compares.
"""

from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from saxaul.storage.table import Item, Key, Table
from saxaul.trees.leaf_refs import LeafRef

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

LEAF_PREFIX = "LEAF#"
_FIRST, _LAST = "0", "~"

PENDING_LISTS = 8
"""Pending leaves are spread over this many lists. One list accepts at most 1,000 writes a second.

This number may be raised at any time, but never lowered while leaves are pending.
"""


class StoredLeaf(NamedTuple):
    """One statement about the tree of a certificate.

    Attributes:
        number: 1 for the planting, then 2, 3 and so on.
        text: the leaf, as it is in the log: canonical JSON in UTF-8.
        link: the link that the statement names; empty if there is none. The leaf has only the hash of it.
        position: the index of the leaf in the tree of the log; None until it is integrated.
        must_follow: the leaves of other certificates after which it must come in the log, because they freed what it
            takes.
    """

    certificate: str
    number: int
    text: bytes
    link: str = ""
    position: int | None = None
    must_follow: frozenset[LeafRef] = frozenset()

    @property
    def ref(self) -> LeafRef:
        """The name of this leaf."""
        return LeafRef(self.certificate, self.number)

    @property
    def needed(self) -> frozenset[LeafRef]:
        """The leaves that must be in the log before it: ``must_follow``, and the last one of its certificate."""
        return self.must_follow | ({self.ref.before} if self.number > 1 else frozenset())


class Leaves:
    """Reads leaves, and writes new ones."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add_write(self, leaf: StoredLeaf, recorded_at: int) -> "TransactWriteItemTypeDef":
        """Return the write of a new, pending leaf, on condition that its certificate has no leaf with this number yet.

        ``recorded_at`` is the time of the statement, in seconds since 1970.
        """
        return self._table.put_write(to_item(leaf) | _pending(leaf, recorded_at), expected_version=0)

    def of_certificate(self, number: str) -> list[StoredLeaf]:
        """Return all leaves of a certificate, oldest first. The read is consistent."""
        return [from_item(item) for item in self._table.query(f"{LEAF_PREFIX}{number}", _FIRST, _LAST)]


def leaf_key(ref: LeafRef) -> Key:
    return Key(f"{LEAF_PREFIX}{ref.certificate}", ref.digits)


def pending_list(number: int) -> str:
    """Return the name of one of the PENDING_LISTS lists of pending leaves."""
    return f"PENDING#{number}"


def _pending(leaf: StoredLeaf, recorded_at: int) -> Item:
    """Return the attributes that put a leaf into its list. The integration of the leaf removes them."""
    return {
        "list_name": pending_list(crc32(leaf.certificate.encode()) % PENDING_LISTS),
        "list_order": f"{recorded_at:012d}#{leaf.ref.text}",
    }


def to_item(leaf: StoredLeaf) -> Item:
    item: Item = {**leaf_key(leaf.ref)._asdict(), "leaf": leaf.text.decode()}
    if leaf.link:
        item["link"] = leaf.link
    if leaf.must_follow:
        item["must_follow"] = sorted(ref.text for ref in leaf.must_follow)
    return item if leaf.position is None else item | {"position": leaf.position}


def from_item(item: Item) -> StoredLeaf:
    return StoredLeaf(
        certificate=item["pk"].removeprefix(LEAF_PREFIX),
        number=int(item["sk"]),
        text=item["leaf"].encode(),
        link=item.get("link", ""),
        position=int(item["position"]) if "position" in item else None,
        must_follow=frozenset(map(LeafRef.parse, item.get("must_follow", ()))),
    )
