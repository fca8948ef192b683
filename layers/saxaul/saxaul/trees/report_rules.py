"""The rules for the reports that a partner sends about the trees of a planting order.

One request can contain reports about any trees of the order. A report that breaks a rule is refused with a code; the
other reports of the request are accepted. A repeated report is accepted and changes nothing.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from saxaul.catalog.calendar import CLOCK_SKEW, Calendar
from saxaul.catalog.faults import error_sentence, shortened
from saxaul.catalog.models import ValidationError
from saxaul.ledger.actions import RefusalReason
from saxaul.trees.numbers import parse_number
from saxaul.trees.orders import PlantingOrder
from saxaul.trees.plantings import PlantedTree
from saxaul.trees.redemptions import MAX_REPLACEMENTS, Redemption, Step, Tree
from saxaul.trees.reports import Confirmation, Failure, Inspection
from saxaul.trees.states import TREE_TRANSITIONS, State


@dataclass(frozen=True, slots=True)
class RefusedReport:
    """Why one report of a request was refused.

    Attributes:
        index: the position of the report in the request, from 0.
        certificate: the certificate number as it was sent, cut if it is too long for one; None if the report has none.
        code: a reason code for programs; it does not change.
        detail: the reason as a sentence for people.
    """

    index: int
    certificate: str | None
    code: str
    detail: str


class Statement(NamedTuple):
    """A step of a tree that must be added to the public log.

    ``follows`` is the state of the tree before the step. ``planting`` has the details of the tree that stands in the
    ground after the step; if the tree is dead, those of the tree that died.
    """

    number: str
    redemption_id: str
    step: Step
    follows: State
    planting: PlantedTree


class Reported(NamedTuple):
    """The outcome of one request with reports.

    Attributes:
        changed: the redemptions that the reports changed, in their new form.
        refunds: the points to return to each wallet, by user_id.
        statements: the steps that the public log records, in the order of its leaves.
        accepted: the number of accepted reports, including repeated ones that changed nothing.
    """

    changed: Sequence[Redemption]
    refunds: Mapping[str, int]
    statements: Sequence[Statement]
    accepted: int
    refused: Sequence[RefusedReport]


def apply_confirmations(
    order: PlantingOrder,
    redemptions: Mapping[str, Redemption],
    reports: Sequence[object],
    now: int,
    calendar: Calendar,
) -> Reported:
    """Apply reports that trees were planted. ``redemptions`` are all redemptions of the order, by redemption_id."""
    request = _ReportRequest(order, redemptions, now, calendar)
    return request.apply(reports, Confirmation, "invalid_confirmation", request.confirm)


def apply_failures(
    order: PlantingOrder,
    redemptions: Mapping[str, Redemption],
    reports: Sequence[object],
    now: int,
    calendar: Calendar,
) -> Reported:
    """Apply reports that trees could not be planted. A failed tree waits for the next order, or it is refunded."""
    request = _ReportRequest(order, redemptions, now, calendar)
    return request.apply(reports, Failure, "invalid_failure", request.fail)


def apply_inspections(
    order: PlantingOrder,
    redemptions: Mapping[str, Redemption],
    reports: Sequence[object],
    now: int,
    calendar: Calendar,
) -> Reported:
    """Apply inspections. The inspections of one tree must be reported in the order of their dates."""
    request = _ReportRequest(order, redemptions, now, calendar)
    return request.apply(reports, Inspection, "invalid_inspection", request.inspect)


Report = TypeVar("Report", Confirmation, Failure, Inspection)


class _ReportRequest:
    """Applies the reports of one request in their order. A report sees the changes that earlier reports made."""

    def __init__(
        self, order: PlantingOrder, redemptions: Mapping[str, Redemption], now: int, calendar: Calendar
    ) -> None:
        self._order = order
        self._now = now
        self._calendar = calendar
        self._before = redemptions
        self._current = dict(redemptions)
        self._redemption_ids = {tree.number: tree.redemption_id for tree in order.trees}
        self._statements: list[Statement] = []

    def apply(
        self,
        reports: Sequence[object],
        model: type[Report],
        invalid_code: str,
        rule: Callable[[Report, Tree], RefusalReason | None],
    ) -> Reported:
        """Apply each report by ``rule``, and return the outcome.

        A report that is not a valid ``model`` is refused with ``invalid_code``.
        """
        refused = [
            RefusedReport(index, _certificate_of(report), *refusal)
            for index, report in enumerate(reports)
            if (refusal := self._apply_one(report, model, invalid_code, rule))
        ]
        changed = [redemption for key, redemption in self._current.items() if redemption is not self._before[key]]
        refunds: Counter[str] = Counter()
        for redemption in changed:
            before = self._before[redemption.redemption_id]
            refunds[redemption.user_id] += redemption.refunded_points - before.refunded_points
        return Reported(changed, +refunds, self._statements, len(reports) - len(refused), refused)

    def _apply_one(
        self,
        candidate: object,
        model: type[Report],
        invalid_code: str,
        rule: Callable[[Report, Tree], RefusalReason | None],
    ) -> RefusalReason | None:
        """Apply one report. Return the refusal, or None if the report is accepted."""
        try:
            report = model.model_validate(candidate)
        except ValidationError as error:
            return RefusalReason(invalid_code, error_sentence(error))
        number = parse_number(report.certificate)
        if number is None or number not in self._redemption_ids:
            return RefusalReason("not_in_order", "This order has no tree with this certificate number.")
        return rule(report, self._current[self._redemption_ids[number]].tree(number))

    def confirm(self, report: Confirmation, tree: Tree) -> RefusalReason | None:
        step = report.step(self._now)
        if step.at > self._now + CLOCK_SKEW:
            return RefusalReason("in_future", "planted_at is in the future.")
        if tree.order_id != self._order.order_id:
            return RefusalReason(
                "already_failed", "This tree was already reported as failed, so it has left this order."
            )
        if any(step.has_same_report_as(known) for known in tree.history):
            return None
        if tree.state is not State.ORDERED:
            return RefusalReason("already_planted", "This tree was already confirmed with different details.")
        if refusal := self._planting_refusal(report.planting, tree):
            return refusal
        self._publish(tree, step, report.planting)
        return None

    def fail(self, report: Failure, tree: Tree) -> RefusalReason | None:
        step = report.step(tree, self._order.order_id, self._now)
        earlier = [step for step in tree.history if step.reason and step.order_id == self._order.order_id]
        if earlier and earlier[0].reason == report.reason:
            return None
        if earlier:
            return RefusalReason("already_failed", "The failure was already reported with another reason.")
        if tree.state is not State.ORDERED:
            return RefusalReason(
                "already_planted", "This tree was already confirmed. Report its state by an inspection."
            )
        self._add_step(tree, step)
        return None

    def inspect(self, report: Inspection, tree: Tree) -> RefusalReason | None:
        step = report.step(self._now)
        if step.at > self._now + CLOCK_SKEW:
            return RefusalReason("in_future", "inspected_at is in the future.")
        if tree.order_id != self._order.order_id or tree.planting is None:
            return RefusalReason("not_planted", "This tree was not planted under this order.")
        if any(step.has_same_report_as(known) for known in tree.history):
            return None
        if step.at < tree.history[-1].at:
            return RefusalReason("out_of_order", "A later event of this tree is already recorded.")
        if step.state not in TREE_TRANSITIONS[tree.state]:
            return _step_refusal(tree.state)
        if step.planting and (refusal := self._planting_refusal(step.planting, tree)):
            return refusal
        if step.state is State.REPLACED and tree.has_max_replacements:
            return RefusalReason("replaced_too_often", f"A tree can be replaced at most {MAX_REPLACEMENTS} times.")
        self._publish(tree, step, step.planting or tree.planting)
        return None

    def _planting_refusal(self, planting: PlantedTree, tree: Tree) -> RefusalReason | None:
        """Return why the date or the place of a planting is refused, or None if both are allowed."""
        ordered_on = self._calendar.day_of(self._order.ordered_at)
        if self._calendar.day_of(planting.planted_at) < ordered_on:
            return RefusalReason(
                "planted_before_order", f"The order was placed on {ordered_on}; planted_at must not be before that day."
            )
        died_on = self._calendar.day_of(tree.history[-1].at) if tree.state is State.DEAD else ordered_on
        if self._calendar.day_of(planting.planted_at) < died_on:
            return RefusalReason("planted_before_death", f"The old tree was found dead on {died_on}, after planted_at.")
        reach = self._order.project.reach
        if reach and not reach.contains(planting.lat, planting.lon):
            where = f"The trees of this order must be planted on its site, {reach.in_words}."
            return RefusalReason("out_of_reach", where)
        return None

    def _publish(self, tree: Tree, step: Step, planting: PlantedTree) -> None:
        """Add a step to a tree, and record the step as a statement for the public log."""
        self._add_step(tree, step)
        self._statements.append(Statement(tree.number, self._redemption_ids[tree.number], step, tree.state, planting))

    def _add_step(self, tree: Tree, step: Step) -> None:
        redemption_id = self._redemption_ids[tree.number]
        self._current[redemption_id] = self._current[redemption_id].stepped({tree.number: step})


def _step_refusal(state: State) -> RefusalReason:
    if state is State.DEAD:
        return RefusalReason("already_dead", "This tree was found dead; only its replacement can be reported.")
    return RefusalReason("not_dead", "Only a tree that was found dead can be replaced.")


def _certificate_of(candidate: object) -> str | None:
    certificate = candidate.get("certificate") if isinstance(candidate, dict) else None
    return shortened(certificate) if isinstance(certificate, str) else None
