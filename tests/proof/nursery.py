"""A small planting programme. Its partner reports the same results for each tree in every run."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from saxaul.ledger.wallets import Wallet
from saxaul.services.redeem import RedemptionRequest
from saxaul.trees.orders import PlantingOrder
from saxaul.trees.redemptions import Redemption
from saxaul.trees.report_rules import (
    ApplyReports,
    apply_confirmations,
    apply_corrections,
    apply_failures,
    apply_inspections,
)
from saxaul.trees.states import State
from tests.builders import APP, NOON, confirmation, correction, failure, inspection, label, make_tree_project
from tests.proof.soundness import assert_sound, orders_of, redemptions_of
from tests.proof.world import World

PRICE = 160
INITIAL_POINTS = 100_000
"""The points that each wallet starts with, which is more than the longest run can spend."""
PARTNER = "Alxa SEE Foundation"


class Nursery:
    """A ``World`` with enough points and saplings for every request. An order holds at most two redemptions."""

    def __init__(self, patch: pytest.MonkeyPatch, projects: Sequence[str] = ("saxaul-alxa",)) -> None:
        for module in ("saxaul.trees.orders", "saxaul.services.place_orders"):
            patch.setattr(f"{module}.MAX_REDEMPTIONS", 2)
        self.world = World(patch, NOON)
        self.projects = {name: make_tree_project(PRICE, 10_000) for name in projects}
        self.catalog = self.world.seed({}, self.projects)
        self._cut_off: tuple[PlantingOrder, ApplyReports, Sequence[Any]] | None = None

    def reserve(self, user_id: str, key: str, trees: int, project_id: str = "saxaul-alxa") -> None:
        wallets = self.world.wallets
        if not wallets.get(user_id).version:
            wallets.put(Wallet(user_id, balance=INITIAL_POINTS))
        request = RedemptionRequest(APP, user_id, key, project_id, trees, "For the desert")
        self.world.redeeming.request(request)
        assert self.world.settle(self.world.queue.sent[-1:]) == []

    def batch(self) -> None:
        self.world.order_all()

    @property
    def announced(self) -> list[PlantingOrder]:
        return self.world.announced_orders(PARTNER)[::-1]

    def report(self, order: PlantingOrder, rule: ApplyReports, reports: Sequence[Any]) -> list[str]:
        """Send reports. Return the codes of those that are refused."""
        verdicts = self.world.statements.take(order, reports, rule)
        return [verdict.refusal.code for verdict in verdicts if verdict.refusal]

    def _send(self, order: PlantingOrder, rule: ApplyReports, reports: Sequence[Any]) -> None:
        """Send reports, none of which may be refused. If that is cut off, they are sent again before the next ones."""
        if reports:
            self._cut_off = (order, rule, reports)
            assert not self.report(order, rule, reports)
            self._cut_off = None

    def _send_again(self) -> None:
        if self._cut_off:
            self._send(*self._cut_off)

    def plant(self, failures: dict[str, int]) -> None:
        """Report every open tree of each order: as failed, as often as ``failures`` says, and then as planted."""
        self._send_again()
        for order in self.announced:
            held = self.world.redemptions.of_order(order)
            trees = [held[tree.redemption_id].tree(tree.number) for tree in order.trees]
            open_trees = [tree for tree in trees if tree.state is State.ORDERED and tree.order_id == order.order_id]
            failed = [tree.number for tree in open_trees if len(tree.orders) <= failures.get(tree.number, 0)]
            planted = [tree.number for tree in open_trees if tree.number not in failed]
            self._send(order, apply_failures, [failure(number) for number in failed])
            self._send(order, apply_confirmations, [confirmation(number) for number in planted])

    def inspect(self, found: Mapping[str, Sequence[str]]) -> None:
        """Report the inspections of each tree, one after the other."""
        self._send_again()
        for order in self.announced:
            held = self.world.redemptions.of_order(order)
            trees = [held[tree.redemption_id].tree(tree.number) for tree in order.trees]
            planted = [tree.number for tree in trees if tree.planting and tree.order_id == order.order_id]
            reports = [inspection(number, state) for number in planted for state in found.get(number, ())]
            self._send(order, apply_inspections, reports)

    def correct(self) -> None:
        """Correct the tag and the place of each planted tree, and withdraw the death of each dead one."""
        self._send_again()
        for order in self.announced:
            held = self.world.redemptions.of_order(order)
            trees = [held[tree.redemption_id].tree(tree.number) for tree in order.trees]
            planted = [tree.number for tree in trees if tree.planting and tree.order_id == order.order_id]
            reports = [correction(number, **label("CX", number)) for number in planted]
            dead = [tree.number for tree in trees if tree.state is State.DEAD]
            reports += [correction(number, reason="It sprouts again.", alive=True) for number in dead]
            self._send(order, apply_corrections, reports)

    def check(self, *, counted: bool = True) -> None:
        assert_sound(self.world, self.catalog, INITIAL_POINTS, counted=counted)

    def redemptions(self) -> list[Redemption]:
        return sorted(redemptions_of(self.world), key=lambda redemption: redemption.redemption_id)

    def orders(self) -> list[PlantingOrder]:
        return orders_of(self.world)
