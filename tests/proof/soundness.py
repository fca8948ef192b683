"""Invariants of orders, trees, points, saplings and the log, checked with clients that do not fail."""

import csv
import json
from collections import Counter
from itertools import pairwise

from saxaul.audit import PAID, Books, stock_findings
from saxaul.catalog.entries import Catalog
from saxaul.log.canonical_json import decode
from saxaul.log.entries import Counts, Leaf, LogEntry
from saxaul.storage import orders, redemptions, wallets
from saxaul.storage.table import Item, python
from saxaul.trees.manifests import key_of
from saxaul.trees.orders import OrderedTree, PlantingOrder
from saxaul.trees.redemptions import STANDING_STATES, TREE_TRANSITIONS, Redemption, State
from tests.proof.world import World


def items_of(world: World, prefix: str, sk: str = "") -> list[Item]:
    found = (python(item) for item in world.store.tables["Ledger"].values())
    return [item for item in found if item["pk"].startswith(prefix) and item["sk"].startswith(sk)]


def redemptions_of(world: World) -> list[Redemption]:
    return [redemptions.from_item(item) for item in items_of(world, "USER#", "TREE#")]


def orders_of(world: World) -> list[PlantingOrder]:
    return [orders.from_item(item) for item in items_of(world, "ORDER#")]


def assert_trees_take_only_their_transitions(found: list[Redemption]) -> None:
    for tree in (tree for redemption in found for tree in redemption.trees):
        states = [State.REQUESTED, *(step.state for step in tree.history)]
        assert all(end in TREE_TRANSITIONS[start] for start, end in pairwise(states))


def assert_points_and_saplings_are_conserved(world: World, found: list[Redemption], had: int, catalog: Catalog) -> None:
    """``had`` is the balance that each wallet started with."""
    spent: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    for redemption in found:
        if redemption.state in PAID:
            spent[redemption.user_id] += redemption.points - redemption.refunded_points
            taken[redemption.project_id] += len(redemption.trees)
    for item in items_of(world, "USER#", "WALLET"):
        wallet = wallets.from_item(item)
        assert (wallet.balance, wallet.spent) == (had - spent[wallet.user_id], spent[wallet.user_id])
    for project_id in catalog.tree_projects:
        stock = world.stocks.get(project_id)
        assert stock_findings(stock, stock, taken[project_id], world.now) == []


def assert_orders_and_trees_tell_the_same(world: World, found: list[Redemption]) -> None:
    books = Books()
    for redemption in found:
        books.add_redemption(redemption)
    for order in orders_of(world):
        assert len({tree.number for tree in order.trees}) == len(order.trees), "an order has a certificate twice"
        books.add_order(order)
    for item in items_of(world, "CERT#"):
        books.add_certificate(OrderedTree(item["user_id"], item["redemption_id"], item["pk"].removeprefix("CERT#")))
    assert books.loose_ends() == []


def assert_every_announced_order_was_told_of_and_has_its_manifest(world: World) -> None:
    told = {json.loads(event["Detail"])["order_id"] for event in world.bus.told}
    for order in orders_of(world):
        if order.announced_at is None:
            continue
        assert order.order_id in told
        rows = csv.DictReader(world.bucket.objects[key_of(order.order_id, "csv")].decode("utf-8-sig").splitlines())
        document = json.loads(world.bucket.objects[key_of(order.order_id, "json")])
        numbers = [tree.number for tree in order.trees]
        assert [row["certificate"] for row in rows] == [tree["certificate"] for tree in document["trees"]] == numbers


def assert_the_log_tells_of_each_step_once_and_counts_what_stands(world: World, found: list[Redemption]) -> None:
    entries = [LogEntry.of_document(decode(text.encode())) for text in world.entries.published(0, 100_000)]
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    logged: dict[tuple[int, int], Leaf] = {
        (entry.sequence, index): leaf for entry in entries for index, leaf in enumerate(entry.leaves)
    }
    for tree in (tree for redemption in found for tree in redemption.trees):
        before = ""
        for step in tree.history:
            if step.leaf is None:
                assert step.state not in {*STANDING_STATES, State.DEAD}
                continue
            assert step.sequence is not None
            leaf = logged.pop((step.sequence, step.leaf))
            assert (leaf.number, leaf.event, leaf.follows) == (tree.number, step.state, before)
            before = leaf.event
    assert not logged, "the log has leaves for steps that no tree took"
    states = Counter(tree.state for redemption in found for tree in redemption.trees)
    standing = sum(states[state] for state in STANDING_STATES)
    counts = entries[-1].counts if entries else Counts()
    assert counts == (standing + states[State.DEAD], states[State.DEAD], standing)


def assert_sound(world: World, catalog: Catalog, had: int) -> None:
    def look() -> None:
        found = redemptions_of(world)
        assert_trees_take_only_their_transitions(found)
        assert_points_and_saplings_are_conserved(world, found, had, catalog)
        assert_orders_and_trees_tell_the_same(world, found)
        assert_every_announced_order_was_told_of_and_has_its_manifest(world)
        assert_the_log_tells_of_each_step_once_and_counts_what_stands(world, found)

    world.unobserved(look)
