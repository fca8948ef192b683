"""Redemptions and certificates as items, and the transactions that change redemptions, wallets and stock together.

The index ``Listing`` finds the redemptions that still need work, without a scan. It has two kinds of lists of
redemptions. The lists of pending redemptions are sorted by the time of the request. Each project also has a list of
redemptions with trees that wait for a planting order, sorted by the time of the reservation.

The index ``Forest`` has two lists of the redemptions of each person, both sorted by the time of the request: those with
trees, and the rejected and cancelled ones. So a forest costs the same, however many redemptions were cancelled.

A redemption that is nobody's, because its person was erased, has a partition of its own and is in no forest.
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING
from zlib import crc32

from saxaul.storage.spending import Spending
from saxaul.storage.table import FOREST_PAGE, Item, ItemMovedError, Key, Table, transact
from saxaul.trees.plantings import PlantedTree
from saxaul.trees.redemptions import NOBODYS, Chain, Redemption, Seal, Settlement, Step, Tree
from saxaul.trees.states import State

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    from saxaul.trees.orders import PlantingOrder
    from saxaul.trees.outcomes import RedemptionChange
    from saxaul.trees.stock import Stock

TREE_PREFIX = "TREE#"
_USER = "USER#"

NOBODY = "NOBODY"
"""Begins the partition of a redemption that is nobody's. The ``user_id`` of such a redemption begins with ``#``."""

_LAST = "TREE#~"

_OLDEST, _NEWEST = "0", "~"
"""Sort before and after the position of every redemption in a list."""

_WITHOUT_TREES = frozenset({State.REJECTED, State.CANCELLED})
_WITHOUT_TREES_MARK = "-"
"""Begins the ``forest_order`` of a rejected or cancelled redemption. It sorts before the digits of the others."""

REQUESTED_LISTS = 64
"""Pending redemptions are spread over this many lists. One list accepts at most 1,000 writes a second.

This number may be raised at any time, but never lowered while redemptions are pending.
"""


class RedemptionExistsError(Exception):
    """Another redemption with this identifier exists. ``stored`` is that redemption."""

    def __init__(self, stored: Redemption) -> None:
        super().__init__(stored.redemption_id)
        self.stored = stored


class Redemptions:
    """Reads redemptions, and writes them together with their wallets, stocks and certificates."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._spending = Spending(table)

    def get(self, user_id: str, redemption_id: str) -> Redemption | None:
        item = self._table.get(redemption_key(user_id, redemption_id))
        return from_item(item) if item else None

    def get_many(self, keys: Iterable[tuple[str, str]]) -> list[Redemption]:
        """Return the redemptions that exist under these pairs of user_id and redemption_id."""
        found = self._table.get_many([redemption_key(*key) for key in keys], consistent=True)
        return [from_item(item) for item in found.values()]

    def of_order(self, order: "PlantingOrder", only: AbstractSet[str] | None = None) -> dict[str, Redemption]:
        """Return the redemptions of an order, or only those with some ids, by redemption_id."""
        keys = dict.fromkeys(
            (tree.user_id, tree.redemption_id) for tree in order.trees if only is None or tree.redemption_id in only
        )
        return {redemption.redemption_id: redemption for redemption in self.get_many(keys)}

    def of_user(self, user_id: str) -> list[Redemption]:
        return [from_item(item) for item in self._table.query(f"USER#{user_id}", TREE_PREFIX, _LAST)]

    def forest(self, user_id: str, last: tuple[int, str] | None = None) -> Iterator[Redemption]:
        """Yield a user's redemptions that are neither rejected nor cancelled, the most recently requested first.

        ``last`` is the requested_at and the redemption_id of the first redemption to yield; None means the newest. A
        new redemption may be missing for about a second. The redemptions are read some at a time.
        """
        keys = self._table.forest(f"USER#{user_id}", _OLDEST, _order(*last) if last else _NEWEST)
        found = self._in_parts(Key(item["pk"], item["sk"]) for item in keys)
        return (redemption for redemption in found if redemption.state not in _WITHOUT_TREES)

    def newest(self, user_id: str, limit: int, before: tuple[int, str] | None = None) -> tuple[list[Redemption], bool]:
        """Return a user's most recently requested redemptions in any state, and whether older ones follow.

        There are at most ``limit`` of them. ``before`` is the requested_at and the redemption_id of a redemption; then
        return only those that come after it in the list. A redemption that was requested, rejected or cancelled within
        the last second or so may be missing, because the index lags behind.
        """
        # A redemption that is rejected or cancelled leaves the list with trees, and gets the same place in the other
        # list. The list with trees is read first and completely, so the redemption is in one of the lists, or in both.
        with_trees = self._places(user_id, "", limit + 1, before)
        without_trees = self._places(user_id, _WITHOUT_TREES_MARK, limit + 1, before)
        places = sorted({*with_trees, *without_trees}, reverse=True)
        keys = [redemption_key(user_id, place.partition("#")[2]) for place in places[:limit]]
        found = self._table.get_many(keys, consistent=True)
        return [from_item(found[key]) for key in keys if key in found], len(places) > limit

    def _places(self, user_id: str, mark: str, limit: int, before: tuple[int, str] | None) -> list[str]:
        """Return the first ``limit`` places in one list of a user's redemptions, newest first. ``mark`` begins them."""
        newest = _order(*before) if before else _NEWEST
        # The place ``before`` may be in the list, so one more is read. Then one query is always enough.
        found = self._table.forest(f"USER#{user_id}", mark + _OLDEST, mark + newest, limit + 1)
        places = (str(item["forest_order"]).removeprefix(mark) for item in found)
        return list(islice((place for place in places if place < newest), limit))

    def _in_parts(self, keys: Iterator[Key]) -> Iterator[Redemption]:
        while some := list(islice(keys, FOREST_PAGE)):
            found = self._table.get_many(some, consistent=True)
            yield from (from_item(found[key]) for key in some if key in found)

    def add(self, redemption: Redemption) -> None:
        """Write a new redemption.

        The AWS client retries a write whose response was lost. The retry then finds the item that the first attempt
        wrote. That item has the same random certificate numbers, so an equal item means that the write succeeded.

        Raises:
            RedemptionExistsError: another redemption with this identifier exists.
        """
        try:
            self._table.put(to_item(redemption), expected_version=0)
        except ItemMovedError as moved:
            if moved.winner is None:
                raise
            stored = from_item(moved.winner)
            if stored != redemption._replace(version=stored.version):
                raise RedemptionExistsError(stored) from None

    def write_settlement(self, settlement: Settlement, stock: "Stock", now: int) -> None:
        """Write the settled redemptions, the debit of each wallet and the project's stock in one transaction.

        The certificates are written before the transaction. They are not valid until their redemption is reserved.

        Raises:
            TransactionRefusedError: a redemption or the stock's settings have changed since they were read, or there
                are no longer enough points or saplings.
        """
        self._table.put_all(
            [
                certificate_item(redemption, tree)
                for redemption in settlement.verdicts
                if redemption.state is State.RESERVED
                for tree in redemption.trees
            ]
        )
        writes = [self._table.put_write(to_item(redemption), redemption.version) for redemption in settlement.verdicts]
        writes += [self._spending.debit_write(user_id, points) for user_id, points in settlement.debits.items()]
        if settlement.saplings:
            writes.append(self._spending.reserve_write(stock, settlement.saplings, now))
        transact(writes)

    def write_cancellation(self, cancelled: Redemption, *, refunded: bool) -> None:
        """Write a cancelled redemption. If ``refunded``, give back its points and saplings in the same transaction.

        Raises:
            TransactionRefusedError: the redemption has changed since it was read, or another write is in progress.
        """
        writes = [self._table.put_write(to_item(cancelled), cancelled.version)]
        if refunded:
            writes.append(self._spending.refund_write(cancelled.user_id, cancelled.points))
            writes.append(self._spending.unreserve_write(cancelled.project_id, len(cancelled.trees)))
        transact(writes)

    def certificates_of(self, redemptions: Iterable[Redemption]) -> list[Key]:
        """Return the keys of the certificate items that exist for the trees of these redemptions.

        A rejected redemption can have some: they are written before the transaction that reserves it, if it succeeds.
        """
        numbers = [tree.number for redemption in redemptions for tree in redemption.trees]
        return list(self._table.get_many(map(certificate_key, numbers), consistent=True))

    def delete_writes(
        self, redemptions: Iterable[Redemption], certificates: Iterable[Key]
    ) -> list["TransactWriteItemTypeDef"]:
        """Return the deletions of these redemptions and certificate items, for a transaction.

        They fail if a redemption has changed since it was read, or if a certificate item is gone.
        """
        deletes = [
            self._table.erase_write(redemption_key(redemption.user_id, redemption.redemption_id), redemption.version)
            for redemption in redemptions
        ]
        return deletes + [self._table.erase_write(key, None) for key in certificates]

    def requested_before(self, instant: int, limit: int) -> list[Redemption]:
        """Return up to ``limit`` pending redemptions that were requested before an instant, oldest first."""
        listed = [
            item
            for number in range(REQUESTED_LISTS)
            for item in self._table.listed(f"REQUESTED#{number}", limit, before=f"{instant:012d}")
        ]
        oldest = sorted(listed, key=lambda item: str(item["list_order"]))[:limit]
        found = self.get_many((owner_in(item["pk"]), item["sk"].removeprefix(TREE_PREFIX)) for item in oldest)
        pending = (redemption for redemption in found if redemption.state is State.REQUESTED)
        return sorted(pending, key=lambda redemption: (redemption.requested_at, redemption.redemption_id))

    def waiting(self, project_id: str, limit: int) -> list[Redemption]:
        """Return a project's redemptions with trees that wait for a planting order, earliest reservation first.

        The index may lag behind the table. So some of these trees may be ordered already, and a redemption that became
        nobody's a moment ago may be missing: ``has_listed`` knows of it.
        """
        listed = self._table.listed(_waiting_list(project_id), limit)
        waiting = self.get_many((owner_in(item["pk"]), item["sk"].removeprefix(TREE_PREFIX)) for item in listed)
        return sorted(waiting, key=lambda redemption: (redemption.reserved_at, redemption.redemption_id))

    def has_listed(self, project_id: str) -> bool:
        """Return whether the index lists a redemption of a project with trees that wait for a planting order.

        Right after a write, it may still list a redemption whose trees are ordered, or that is gone.
        """
        return any(self._table.listed(_waiting_list(project_id), 1))

    def change_writes(self, change: "RedemptionChange") -> list["TransactWriteItemTypeDef"]:
        """Return the writes of a redemption that reports changed, and of its refund, for a transaction.

        They fail if the redemption has changed since it was read. Nobody gets the refund of a tree that is nobody's:
        the points were erased together with the wallet.
        """
        redemption = change.redemption
        is_refunded = change.refund and not redemption.is_nobodys
        refund = [self._spending.refund_write(redemption.user_id, change.refund)] if is_refunded else []
        return [self._table.put_write(to_item(redemption), redemption.version), *refund]

    def of_certificate(self, number: str) -> Redemption | None:
        """Return the redemption, in any state, that a certificate number belongs to. Return None if there is none."""
        # A redemption that becomes nobody's between the two reads is no longer where the first one says. It moves once.
        for _ in range(2):
            item = self._table.get(certificate_key(number))
            found = self.get(item["user_id"], item["redemption_id"]) if item else None
            if found or item is None:
                return found
        return None


def redemption_key(user_id: str, redemption_id: str) -> Key:
    """Return the key of a redemption. Those that are nobody's are in partitions of their own."""
    partition = f"{NOBODY}{user_id}" if user_id.startswith(NOBODYS) else f"{_USER}{user_id}"
    return Key(partition, TREE_PREFIX + redemption_id)


def owner_in(partition: str) -> str:
    """Return the user_id of the redemptions of a partition."""
    return partition.removeprefix(_USER) if partition.startswith(_USER) else partition.removeprefix(NOBODY)


def certificate_key(number: str) -> Key:
    return Key(f"CERT#{number}", "CERT")


def certificate_item(redemption: Redemption, tree: Tree) -> Item:
    """Return the item that leads from the number of a tree to its redemption."""
    key = certificate_key(tree.number)
    return {**key._asdict(), "user_id": redemption.user_id, "redemption_id": redemption.redemption_id}


def _requested_list(redemption: Redemption) -> str:
    return f"REQUESTED#{crc32(redemption.redemption_id.encode()) % REQUESTED_LISTS}"


def _waiting_list(project_id: str) -> str:
    return f"RESERVED#{project_id}"


def _order(instant: int, redemption_id: str) -> str:
    """Return the place of a redemption in a list: by an instant, and redemptions of the same second by their ids."""
    return f"{instant:012d}#{redemption_id}"


def to_item(redemption: Redemption) -> Item:
    mark = _WITHOUT_TREES_MARK if redemption.state in _WITHOUT_TREES else ""
    item: Item = {
        **redemption_key(redemption.user_id, redemption.redemption_id)._asdict(),
        "redemption_id": redemption.redemption_id,
        "app": redemption.app,
        "project_id": redemption.project_id,
        "requested_at": redemption.requested_at,
        "dedication": redemption.dedication,
        "reason": redemption.reason,
        "reserved_at": redemption.reserved_at,
        "points": redemption.points,
        "state": redemption.state.value,
        "trees": [_pack(tree) for tree in redemption.trees],
    }
    if not redemption.is_nobodys:
        item["forest_order"] = mark + _order(redemption.requested_at, redemption.redemption_id)
    if redemption.max_points is not None:
        item["max_points"] = redemption.max_points
    if redemption.state is State.REQUESTED:
        item["list_name"] = _requested_list(redemption)
        item["list_order"] = _order(redemption.requested_at, redemption.redemption_id)
    if redemption.waiting:
        item["list_name"] = _waiting_list(redemption.project_id)
        item["list_order"] = _order(redemption.reserved_at, redemption.redemption_id)
    return item


def from_item(item: Item) -> Redemption:
    return Redemption(
        user_id=owner_in(item["pk"]),
        redemption_id=item["redemption_id"],
        app=item["app"],
        project_id=item["project_id"],
        requested_at=int(item["requested_at"]),
        dedication=item["dedication"],
        reason=item["reason"],
        reserved_at=int(item["reserved_at"]),
        points=int(item["points"]),
        max_points=int(item["max_points"]) if "max_points" in item else None,
        state=State(item["state"]),
        trees=tuple(_unpack(tree) for tree in item["trees"]),
        version=int(item["v"]),
    )


def _pack(tree: Tree) -> Item:
    packed: Item = {"number": tree.number, "history": [_pack_step(step) for step in tree.history]}
    if tree.seal:
        packed["seal"] = tree.seal._asdict()
    return packed | ({"chain": tree.chain._asdict()} if tree.chain.statements else {})


def _unpack(item: Item) -> Tree:
    history = tuple(_unpack_step(step) for step in item["history"])
    seal = Seal(**item["seal"]) if "seal" in item else None
    return Tree(item["number"], history, seal, _unpack_chain(item["chain"]) if "chain" in item else Chain())


def _unpack_chain(item: Item) -> Chain:
    return Chain(item["previous"], *(int(item[name]) for name in Chain._fields[1:]))


def _pack_step(step: Step) -> Item:
    """Return a step as a map, without its empty fields."""
    packed = {name: value for name, value in step._asdict().items() if value is not False and value not in (None, "")}
    return packed | {"state": step.state.value} | ({"planting": _pack_planting(step.planting)} if step.planting else {})


def _unpack_step(item: Item) -> Step:
    return Step(
        state=State(item["state"]),
        at=int(item["at"]),
        recorded_at=int(item["recorded_at"]),
        order_id=item.get("order_id", ""),
        reason=item.get("reason", ""),
        inspector=item.get("inspector", ""),
        evidence_url=item.get("evidence_url", ""),
        photo=item.get("photo", ""),
        planting=_unpack_planting(item["planting"]) if "planting" in item else None,
        is_correction="is_correction" in item,
        statement=int(item["statement"]) if "statement" in item else None,
    )


def _pack_planting(planting: PlantedTree) -> Item:
    packed = {name: value for name, value in planting._asdict().items() if value != ""}
    return packed | {name: Decimal(str(getattr(planting, name))) for name in ("lat", "lon")}


def _unpack_planting(item: Item) -> PlantedTree:
    return PlantedTree(
        planted_at=int(item["planted_at"]),
        tag=item["tag"],
        lat=float(item["lat"]),
        lon=float(item["lon"]),
        photo_url=item.get("photo_url", ""),
        photo=item.get("photo", ""),
    )
