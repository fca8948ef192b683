"""Invariants of orders, trees, points, saplings, statements and evidence. The checks make AWS calls that never fail."""

import csv
import json
from collections import Counter

from saxaul.audit import PAID, CrossChecks, stock_findings
from saxaul.catalog.entries import Catalog
from saxaul.storage import orders, redemptions, wallets
from saxaul.storage.table import Item, python
from saxaul.trees.manifests import manifest_key
from saxaul.trees.orders import OrderedTree, PlantingOrder
from saxaul.trees.redemptions import Redemption
from saxaul.trees.states import CORRECTIONS, TREE_TRANSITIONS, State
from tests.proof.stated import assert_each_tree_has_its_leaves, assert_evidence_belongs_to_its_trees
from tests.proof.world import World


def items_of(world: World, prefix: str, sk: str = "") -> list[Item]:
    found = (python(item) for item in world.store.tables["Ledger"].values())
    return [item for item in found if item["pk"].startswith(prefix) and item["sk"].startswith(sk)]


def redemptions_of(world: World) -> list[Redemption]:
    """Return all redemptions, those that are nobody's included."""
    return [redemptions.from_item(item) for item in items_of(world, "", "TREE#")]


def orders_of(world: World) -> list[PlantingOrder]:
    return [orders.from_item(item) for item in items_of(world, "ORDER#")]


def assert_trees_make_only_allowed_transitions(found: list[Redemption]) -> None:
    for tree in (tree for redemption in found for tree in redemption.trees):
        state = State.REQUESTED
        for step in tree.history:
            assert step.state in (CORRECTIONS if step.is_correction else TREE_TRANSITIONS)[state]
            state = step.state


def assert_points_and_saplings_are_conserved(
    world: World, found: list[Redemption], initial_points: int, catalog: Catalog
) -> None:
    """``initial_points`` is the balance that each wallet started with."""
    spent: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    for redemption in found:
        if redemption.state in PAID:
            spent[redemption.user_id] += redemption.points - redemption.refunded_points
            taken[redemption.project_id] += len(redemption.trees)
    for item in items_of(world, "USER#", "WALLET"):
        wallet = wallets.from_item(item)
        assert (wallet.balance, wallet.spent) == (initial_points - spent[wallet.user_id], spent[wallet.user_id])
    for project_id in catalog.tree_projects:
        stock = world.stocks.get(project_id)
        assert stock_findings(stock, stock, taken[project_id], world.now) == []


def assert_orders_and_trees_agree(world: World, found: list[Redemption], *, counted: bool) -> None:
    cross_checks = CrossChecks()
    for redemption in found:
        cross_checks.add_redemption(redemption)
    for order in orders_of(world):
        assert len({tree.number for tree in order.trees}) == len(order.trees), "an order has a certificate twice"
        cross_checks.add_order(order)
    for item in items_of(world, "CERT#"):
        cross_checks.add_certificate(
            OrderedTree(item["user_id"], item["redemption_id"], item["pk"].removeprefix("CERT#"))
        )
    for item in items_of(world, "PROGRESS#"):
        cross_checks.add_progress(orders.progress_from_item(item))
    assert cross_checks.disagreements() == []
    assert not counted or cross_checks.unbalanced_orders() == []


def assert_announced_orders_have_an_event_and_a_manifest(world: World) -> None:
    announced = {json.loads(event["Detail"])["order_id"] for event in world.bus.events}
    for order in orders_of(world):
        if order.announced_at is None:
            continue
        assert order.order_id in announced
        rows = csv.DictReader(
            world.bucket.objects[manifest_key(order.order_id, "csv")].decode("utf-8-sig").splitlines()
        )
        document = json.loads(world.bucket.objects[manifest_key(order.order_id, "json")])
        numbers = [tree.number for tree in order.trees]
        assert (
            [row["certificate"] for row in rows]
            == [tree["certificate"] for tree in document["ordered_trees"]]
            == numbers
        )


def assert_sound(world: World, catalog: Catalog, initial_points: int, *, counted: bool = True) -> None:
    """Check all invariants.

    A worker that is killed after it wrote reports may not have counted the open trees of their order. Until the partner
    repeats its request, ``counted`` is False.
    """

    def check() -> None:
        found = redemptions_of(world)
        assert_trees_make_only_allowed_transitions(found)
        assert_points_and_saplings_are_conserved(world, found, initial_points, catalog)
        assert_orders_and_trees_agree(world, found, counted=counted)
        assert_announced_orders_have_an_event_and_a_manifest(world)
        items = items_of(world, "")
        assert_each_tree_has_its_leaves(items, found)
        assert_evidence_belongs_to_its_trees(items)

    world.without_faults(check)
