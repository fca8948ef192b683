"""The rules for the date and the place of a planting, when it is reported and when it is corrected."""

from typing import NamedTuple

from saxaul.catalog.calendar import CLOCK_SKEW, Calendar
from saxaul.ledger.actions import RefusalReason
from saxaul.trees.orders import PlantingOrder
from saxaul.trees.plantings import PlantedTree
from saxaul.trees.redemptions import Tree
from saxaul.trees.states import State


class PlantingRules(NamedTuple):
    """The rules for the trees of one order, at the instant ``now`` in seconds."""

    order: PlantingOrder
    now: int
    calendar: Calendar

    def refusal(self, planting: PlantedTree, tree: Tree) -> RefusalReason | None:
        """Return why the date or the place of a new planting is refused, or None if both are allowed."""
        died_at = tree.latest.at if tree.state is State.DEAD else None
        return self._date_refusal(planting.planted_at, died_at) or self._place_refusal(planting)

    def corrected_refusal(self, known: PlantedTree, planting: PlantedTree, tree: Tree) -> RefusalReason | None:
        """Return why the corrected date or place of a planting is refused, or None if both are allowed or unchanged."""
        is_moved = (planting.lat, planting.lon) != (known.lat, known.lon)
        is_redated = planting.planted_at != known.planted_at
        late = self._corrected_date_refusal(planting.planted_at, tree) if is_redated else None
        return late or (self._place_refusal(planting) if is_moved else None)

    def _corrected_date_refusal(self, planted_at: int, tree: Tree) -> RefusalReason | None:
        """Return why a tree cannot have been planted at its corrected date: the steps around it have dates too."""
        if planted_at > self.now + CLOCK_SKEW:
            return RefusalReason("in_future", "planted_at is in the future.")
        steps = [step for step in tree.history if not step.is_correction]
        planted = max(place for place, step in enumerate(steps) if step.planting)
        # The report of a replacement is an inspection, which has a date of its own. A confirmation has only planted_at.
        inspections = steps[planted + (steps[planted].state is State.PLANTED) :]
        if inspections and planted_at > inspections[0].at:
            return RefusalReason("out_of_order", "planted_at is after an inspection of this tree.")
        died_at = next((step.at for step in reversed(steps[:planted]) if step.state is State.DEAD), None)
        return self._date_refusal(planted_at, died_at)

    def _date_refusal(self, planted_at: int, died_at: int | None) -> RefusalReason | None:
        """Return why a tree cannot have been planted at an instant. ``died_at`` is when the one before it was dead."""
        planted_on, ordered_on = self.calendar.day_of(planted_at), self.calendar.day_of(self.order.ordered_at)
        if planted_on < ordered_on:
            return RefusalReason(
                "planted_before_order", f"The order was placed on {ordered_on}; planted_at must not be before that day."
            )
        died_on = ordered_on if died_at is None else self.calendar.day_of(died_at)
        if planted_on < died_on:
            return RefusalReason("planted_before_death", f"The old tree was found dead on {died_on}, after planted_at.")
        return None

    def _place_refusal(self, planting: PlantedTree) -> RefusalReason | None:
        reach = self.order.project.reach
        if reach and not reach.contains(planting.lat, planting.lon):
            within = f"within {reach.radius_km:g} km of {reach.lat:g}, {reach.lon:g}"
            return RefusalReason("out_of_reach", f"The trees of this order must be planted on its site, {within}.")
        return None
