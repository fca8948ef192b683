"""The rules for the reports that a partner sends about the trees of an order.

A request may report any of the order's trees. Each report that breaks a rule is refused with a code, and the others
are accepted. A repeated report is accepted and changes nothing.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from pydantic import ValidationError

from saxaul.catalog.calendar import CLOCK_SKEW, Calendar
from saxaul.catalog.faults import faults
from saxaul.ledger.actions import Refused
from saxaul.trees.numbers import number_in
from saxaul.trees.orders import PlantingOrder
from saxaul.trees.redemptions import MAX_REPLACEMENTS, TREE_TRANSITIONS, PlantedTree, Redemption, State, Step, Tree
from saxaul.trees.reports import Confirmation, Failure, Inspection


@dataclass(frozen=True, slots=True)
class RefusedReport:
    """Why one report of a request was refused. ``code`` is stable."""

    index: int
    certificate: str | None
    code: str
    detail: str


class Statement(NamedTuple):
    """A step to add to the public log.

    ``follows`` is the state of the tree before the step. ``planting`` is the tree that stands, or last stood, in the
    ground.
    """

    number: str
    redemption_id: str
    step: Step
    follows: State
    planting: PlantedTree


class Reported(NamedTuple):
    """The outcome of one request.

    Attributes:
        changed: the redemptions that the reports changed.
        refunds: the points that go back to wallets, by user_id.
        statements: the steps that the public log records, in the order of its leaves.
        taken: the number of accepted reports, including repeated ones that changed nothing.
    """

    changed: Sequence[Redemption]
    refunds: Mapping[str, int]
    statements: Sequence[Statement]
    taken: int
    refused: Sequence[RefusedReport]


def confirm(
    order: PlantingOrder,
    redemptions: Mapping[str, Redemption],
    reported: Sequence[object],
    now: int,
    calendar: Calendar,
) -> Reported:
    """Apply the confirmations of trees of this order. ``redemptions`` are those of the order, by redemption_id."""
    call = _Call(order, redemptions, now, calendar)
    return call.outcome(
        [call.read(candidate, Confirmation, "invalid_confirmation", call.confirm) for candidate in reported], reported
    )


def fail(
    order: PlantingOrder,
    redemptions: Mapping[str, Redemption],
    reported: Sequence[object],
    now: int,
    calendar: Calendar,
) -> Reported:
    """Apply the failures. Each tree waits for the next order, or its points go back to the wallet."""
    call = _Call(order, redemptions, now, calendar)
    return call.outcome(
        [call.read(candidate, Failure, "invalid_failure", call.fail) for candidate in reported], reported
    )


def inspect(
    order: PlantingOrder,
    redemptions: Mapping[str, Redemption],
    reported: Sequence[object],
    now: int,
    calendar: Calendar,
) -> Reported:
    """Apply the inspections. Those of one tree must come in the order of their dates."""
    call = _Call(order, redemptions, now, calendar)
    return call.outcome(
        [call.read(candidate, Inspection, "invalid_inspection", call.inspect) for candidate in reported], reported
    )


Report = TypeVar("Report", Confirmation, Failure, Inspection)


class _Call:
    """The reports of one request, each applied to the result of those before it."""

    def __init__(
        self, order: PlantingOrder, redemptions: Mapping[str, Redemption], now: int, calendar: Calendar
    ) -> None:
        self._order = order
        self._now = now
        self._calendar = calendar
        self._before = redemptions
        self._current = dict(redemptions)
        self._places = {tree.number: tree.redemption_id for tree in order.trees}
        self._statements: list[Statement] = []

    def read(
        self, candidate: object, kind: type[Report], invalid: str, take: Callable[[Report, Tree], Refused | None]
    ) -> Refused | None:
        """Apply one report on a tree of this order. Return the refusal, or None if the report is accepted."""
        try:
            report = kind.model_validate(candidate)
        except ValidationError as error:
            return Refused(invalid, "; ".join(faults(error)))
        number = number_in(report.certificate)
        if number is None or number not in self._places:
            return Refused("not_in_order", "This order has no tree with this certificate number.")
        return take(report, self._current[self._places[number]].tree(number))

    def confirm(self, report: Confirmation, tree: Tree) -> Refused | None:
        step = report.step(self._now)
        if step.at > self._now + CLOCK_SKEW:
            return Refused("in_future", "planted_at is in the future.")
        if tree.order_id != self._order.order_id:
            return Refused("already_failed", "This tree was already reported as failed, so it has left this order.")
        if any(step.comes_of_the_same_report_as(known) for known in tree.history):
            return None
        if tree.state is not State.ORDERED:
            return Refused("already_planted", "This tree was already confirmed with different details.")
        if misplaced := self._misplaced(report.planting, tree):
            return misplaced
        self._publish(tree, step, report.planting)
        return None

    def fail(self, report: Failure, tree: Tree) -> Refused | None:
        step = report.step(tree, self._order.order_id, self._now)
        known = [step for step in tree.history if step.reason and step.order_id == self._order.order_id]
        if known:
            same = known[0].reason == report.reason
            return None if same else Refused("already_failed", "The failure was already reported with another reason.")
        if tree.state is not State.ORDERED:
            return Refused("already_planted", "This tree was already confirmed. Report its state by an inspection.")
        self._take(tree, step)
        return None

    def inspect(self, report: Inspection, tree: Tree) -> Refused | None:
        step = report.step(self._now)
        if step.at > self._now + CLOCK_SKEW:
            return Refused("in_future", "inspected_at is in the future.")
        if tree.order_id != self._order.order_id or tree.planting is None:
            return Refused("not_planted", "This tree was not planted under this order.")
        if any(step.comes_of_the_same_report_as(known) for known in tree.history):
            return None
        if step.at < tree.history[-1].at:
            return Refused("out_of_order", "A later event of this tree is already recorded.")
        if step.state not in TREE_TRANSITIONS[tree.state]:
            return _refused_step_after(tree.state)
        if step.planting and (misplaced := self._misplaced(step.planting, tree)):
            return misplaced
        if step.state is State.REPLACED and tree.was_replaced_too_often:
            return Refused("replaced_too_often", f"A tree can be replaced at most {MAX_REPLACEMENTS} times.")
        self._publish(tree, step, step.planting or tree.planting)
        return None

    def _misplaced(self, planting: PlantedTree, tree: Tree) -> Refused | None:
        """Return the refusal of a planting whose date or place is not allowed, or None."""
        ordered_on = self._calendar.day_of(self._order.ordered_at)
        if self._calendar.day_of(planting.planted_at) < ordered_on:
            return Refused(
                "planted_before_order", f"The order was placed on {ordered_on}; planted_at must not be before that day."
            )
        died_on = self._calendar.day_of(tree.history[-1].at) if tree.state is State.DEAD else ordered_on
        if self._calendar.day_of(planting.planted_at) < died_on:
            return Refused("planted_before_death", f"The old tree was found dead on {died_on}, after planted_at.")
        reach = self._order.project.reach
        if reach and not reach.holds(planting.lat, planting.lon):
            within = f"within {reach.radius_km:g} km of {reach.lat:g}, {reach.lon:g}"
            return Refused("out_of_reach", f"The trees of this order must be planted {within}.")
        return None

    def outcome(self, verdicts: Sequence[Refused | None], reported: Sequence[object]) -> Reported:
        refused = [
            RefusedReport(index, _certificate_of(reported[index]), *verdict)
            for index, verdict in enumerate(verdicts)
            if verdict
        ]
        changed = [redemption for key, redemption in self._current.items() if redemption is not self._before[key]]
        refunds: Counter[str] = Counter()
        for redemption in changed:
            before = self._before[redemption.redemption_id]
            refunds[redemption.user_id] += redemption.refunded_points - before.refunded_points
        return Reported(changed, +refunds, self._statements, len(reported) - len(refused), refused)

    def _publish(self, tree: Tree, step: Step, planting: PlantedTree) -> None:
        """Apply a step that becomes a statement in the public log."""
        self._take(tree, step)
        self._statements.append(Statement(tree.number, self._places[tree.number], step, tree.state, planting))

    def _take(self, tree: Tree, step: Step) -> None:
        redemption_id = self._places[tree.number]
        self._current[redemption_id] = self._current[redemption_id].stepped({tree.number: step})


def _refused_step_after(state: State) -> Refused:
    if state is State.DEAD:
        return Refused("already_dead", "This tree was found dead; only its replacement can be reported.")
    return Refused("not_dead", "Only a tree that was found dead can be replaced.")


def _certificate_of(candidate: object) -> str | None:
    certificate = candidate.get("certificate") if isinstance(candidate, dict) else None
    return certificate if isinstance(certificate, str) else None
