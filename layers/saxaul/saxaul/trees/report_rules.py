"""The rules for the reports that a partner sends about the trees of a planting order.

One request can contain reports about any trees of the order. A report that breaks a rule is refused with a code; the
other reports of the request are accepted. A repeated report is accepted and changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from saxaul.catalog.calendar import CLOCK_SKEW, Calendar
from saxaul.catalog.faults import error_sentence
from saxaul.catalog.models import ValidationError
from saxaul.ledger.actions import RefusalReason
from saxaul.trees.evidence import KnownEvidence, Moved, Transfers, TreeEvidence, moved
from saxaul.trees.orders import PlantingOrder
from saxaul.trees.outcomes import RedemptionChange, Reported, Verdict, certificate_in, named_tree
from saxaul.trees.planting_rules import PlantingRules
from saxaul.trees.redemptions import MAX_CORRECTIONS, MAX_REPLACEMENTS, Redemption, Step, Tree
from saxaul.trees.reports import Confirmation, Correction, Failure, Inspection
from saxaul.trees.statements import Statement, stated
from saxaul.trees.states import TREE_TRANSITIONS, State

NOTHING_KNOWN = KnownEvidence()

Report = TypeVar("Report", Confirmation, Failure, Inspection, Correction)


class _WaitsError(Exception):
    """A report depends on what an earlier report changes in another redemption."""


class ReportRequest:
    """Applies the reports of one request in their order. A report sees the changes that earlier reports made.

    ``redemptions`` are those of the reported trees, by redemption_id. The functions below say what a report is.

    Each redemption is written by itself. So a report waits if it takes or gives up evidence that an earlier report took
    or gave up in another redemption: whether that is written is not known yet. The later reports on its redemption
    wait too, and those that take what its redemption may give up.
    """

    def __init__(
        self,
        order: PlantingOrder,
        redemptions: Mapping[str, Redemption],
        now: int,
        calendar: Calendar,
        known: KnownEvidence = NOTHING_KNOWN,
    ) -> None:
        self._order = order
        self._now = now
        self._calendar = calendar
        self._photos = known.photos
        self._rules = PlantingRules(order, now, calendar)
        self._before = redemptions
        self._changed: dict[str, None] = {}
        self._current = dict(redemptions)
        self._redemption_ids = {tree.number: tree.redemption_id for tree in order.trees}
        self._statements: dict[str, list[Statement]] = {}
        self._transfers = Transfers(known.holds)
        self._waiting: set[str] = set()

    def apply(
        self,
        reports: Sequence[object],
        model: type[Report],
        invalid_code: str,
        rule: Callable[[Report, Tree], RefusalReason | None],
    ) -> Reported:
        """Apply each report by ``rule``, and return the outcome. It has what changed since the last call.

        A report that is not a valid ``model`` is refused with ``invalid_code``. The reports on one redemption must all
        be in one call.
        """
        verdicts: list[Verdict | None] = []
        for report in reports:
            try:
                refusal = self._apply_one(report, model, invalid_code, rule)
            except _WaitsError:
                verdicts.append(None)
            else:
                verdicts.append(Verdict(certificate_in(report), refusal))
        return Reported(self._changes(), verdicts)

    def _changes(self) -> list[RedemptionChange]:
        changes = []
        for key in self._changed:
            redemption = self._current[key]
            refund = redemption.refunded_points - self._before[key].refunded_points
            changes.append(RedemptionChange(redemption, refund, self._statements.get(key, ()), self._transfers.of(key)))
        self._changed.clear()
        return changes

    def _apply_one(
        self,
        candidate: object,
        model: type[Report],
        invalid_code: str,
        rule: Callable[[Report, Tree], RefusalReason | None],
    ) -> RefusalReason | None:
        """Apply one report. Return the refusal, or None if the report is accepted.

        Raises:
            _WaitsError: the report has to wait.
        """
        try:
            report = model.model_validate(candidate)
        except ValidationError as error:
            return RefusalReason(invalid_code, error_sentence(error))
        named = named_tree(candidate, self._redemption_ids)
        if named is None:
            return RefusalReason("not_in_order", "This order has no tree with this certificate number.")
        if named.redemption_id in self._waiting:
            raise _WaitsError
        return rule(report, self._current[named.redemption_id].tree(named.number))

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
            return RefusalReason(
                "already_planted",
                "This tree was already confirmed with different details. A mistake is mended by a correction.",
            )
        return self._rules.refusal(report.planting, tree) or self._publish(tree, step)

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
        self._set(tree.after(step))
        return None

    def inspect(self, report: Inspection, tree: Tree) -> RefusalReason | None:
        step = report.step(self._now)
        if step.at > self._now + CLOCK_SKEW:
            return RefusalReason("in_future", "inspected_at is in the future.")
        if tree.order_id != self._order.order_id or tree.planting is None:
            return RefusalReason("not_planted", "This tree was not planted under this order.")
        if any(step.has_same_report_as(known) for known in tree.history):
            return None
        if step.at < tree.latest.at:
            return RefusalReason("out_of_order", "A later event of this tree is already recorded.")
        if step.state not in TREE_TRANSITIONS[tree.state]:
            return _step_refusal(tree.state)
        if step.planting and (refusal := self._rules.refusal(step.planting, tree)):
            return refusal
        if step.state is State.REPLACED and tree.chain.replacements >= MAX_REPLACEMENTS:
            return RefusalReason("replaced_too_often", f"A tree can be replaced at most {MAX_REPLACEMENTS} times.")
        return self._publish(tree, step)

    def correct(self, report: Correction, tree: Tree) -> RefusalReason | None:
        planting = tree.planting
        if tree.order_id != self._order.order_id or planting is None:
            return RefusalReason("not_planted", "This tree was not planted under this order.")
        withdraws = report.alive is True and tree.state is State.DEAD
        if report.corrected(planting) == planting and not withdraws:
            if report.repeats(tree):
                return None
            return RefusalReason("nothing_to_correct", "This tree is already recorded as the correction states it.")
        if report.alive and not withdraws:
            return RefusalReason("not_dead", "Only a tree that was found dead, and was not replaced, can be set alive.")
        if tree.chain.corrections >= MAX_CORRECTIONS:
            return RefusalReason("corrected_too_often", f"A tree can be corrected at most {MAX_CORRECTIONS} times.")
        step = report.step(tree, planting, self._now)
        return self._rules.corrected_refusal(planting, report.corrected(planting), tree) or self._publish(tree, step)

    def _publish(self, tree: Tree, step: Step) -> RefusalReason | None:
        """Add a step to a tree, and record it as a statement for the public log, if the evidence is the tree's own."""
        redemption_id = self._redemption_ids[tree.number]
        after, statement = stated(self._current[redemption_id], tree, step, self._order, self._calendar)
        wanted = moved(tree, after)
        self._check_waits(redemption_id, wanted)
        if refusal := self._evidence_refusal(wanted):
            return refusal
        freed_by = self._transfers.add(redemption_id, after, wanted)
        self._statements.setdefault(redemption_id, []).append(statement._replace(must_follow=freed_by))
        self._set(after)
        return None

    def _check_waits(self, redemption_id: str, wanted: Moved) -> None:
        owners = {self._redemption_ids.get(self._transfers.owner(evidence), "") for evidence in wanted.taken}
        if owners & self._waiting or any(
            self._transfers.is_of_other(redemption_id, one) for one in wanted.taken | wanted.given_up
        ):
            self._waiting.add(redemption_id)
            raise _WaitsError

    def _evidence_refusal(self, wanted: Moved) -> RefusalReason | None:
        """Return why the evidence that a step takes is refused: it is another tree's, or a photo was never uploaded."""
        for evidence in sorted(wanted.taken):
            if owner := self._transfers.owner(evidence):
                return _used_refusal(evidence, owner)
            if evidence.kind == "photo" and evidence.key not in self._photos:
                return RefusalReason("photo_not_hashed", "No uploaded photo has this SHA-256 yet: upload it, and wait.")
        return None

    def _set(self, tree: Tree) -> None:
        redemption_id = self._redemption_ids[tree.number]
        self._current[redemption_id] = self._current[redemption_id].with_tree(tree)
        self._changed[redemption_id] = None


def apply_confirmations(request: ReportRequest, reports: Sequence[object]) -> Reported:
    """Apply reports that trees were planted."""
    return request.apply(reports, Confirmation, "invalid_confirmation", request.confirm)


def apply_failures(request: ReportRequest, reports: Sequence[object]) -> Reported:
    """Apply reports that trees could not be planted. A failed tree waits for the next order, or it is refunded."""
    return request.apply(reports, Failure, "invalid_failure", request.fail)


def apply_inspections(request: ReportRequest, reports: Sequence[object]) -> Reported:
    """Apply inspections. The inspections of one tree must be reported in the order of their dates."""
    return request.apply(reports, Inspection, "invalid_inspection", request.inspect)


def apply_corrections(request: ReportRequest, reports: Sequence[object]) -> Reported:
    """Apply corrections of what was reported before. It stays in the history, and in the public log."""
    return request.apply(reports, Correction, "invalid_correction", request.correct)


ApplyReports = Callable[[ReportRequest, Sequence[object]], Reported]
"""One of the functions above."""

CLOSING = (apply_confirmations, apply_failures)
"""The functions after which a tree may no longer be open."""


def _used_refusal(evidence: TreeEvidence, owner: str) -> RefusalReason:
    match evidence.kind:
        case "tag":
            return RefusalReason("tag_used", f"This tag belongs to certificate {owner}.")
        case "photo":
            return RefusalReason("photo_used", f"This photo belongs to a statement about certificate {owner}.")
        case "place":
            detail = f"The tree of certificate {owner} is at this place: its coordinates agree to five decimals."
            return RefusalReason("place_used", detail)


def _step_refusal(state: State) -> RefusalReason:
    if state is State.DEAD:
        return RefusalReason(
            "already_dead", "This tree was found dead; only its replacement, or a correction, can be reported."
        )
    return RefusalReason("not_dead", "Only a tree that was found dead can be replaced.")
