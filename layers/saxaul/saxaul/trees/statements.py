"""Statements: each planting and each inspection that a partner reports becomes a leaf of the public log.

For each statement, this module makes the leaf for the log and adds the place of the leaf to the step of the tree. For
a tree that was just planted, it also makes the seal, which the certificate needs.
"""

from collections.abc import Mapping
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.log.degrees import degrees
from saxaul.log.entries import Leaf, Particulars, evidence_of
from saxaul.log.events import TREE_STATES, TreeState
from saxaul.trees.orders import OrderedProject, PlantingOrder
from saxaul.trees.redemptions import LogPlace, Redemption, Seal
from saxaul.trees.report_rules import Reported, Statement
from saxaul.trees.states import State

_EVENTS: Mapping[State, TreeState] = {State(event): event for event in TREE_STATES}
"""The log's event for each state that the log records."""


class LogDraft(NamedTuple):
    """The leaves of one request with reports, and the changed redemptions with the places of these leaves."""

    redemptions: list[Redemption]
    leaves: list[Leaf]


def log_draft(reported: Reported, order: PlantingOrder, calendar: Calendar, sequence: int) -> LogDraft:
    """Make a leaf of log entry number ``sequence`` for each statement. A tree without a seal gets one."""
    current = {redemption.redemption_id: redemption for redemption in reported.changed}
    leaves: list[Leaf] = []
    for statement in reported.statements:
        redemption = current[statement.redemption_id]
        seal = redemption.tree(statement.number).seal or _seal(redemption, order.project, calendar)
        place = LogPlace(sequence, len(leaves))
        current[statement.redemption_id] = redemption.logged(statement.number, statement.step, place, seal)
        particulars = particulars_of(redemption, seal, order.project)
        leaves.append(_leaf(statement, redemption.project_id, particulars, calendar))
    return LogDraft(list(current.values()), leaves)


def particulars_of(redemption: Redemption, seal: Seal, project: OrderedProject) -> Particulars:
    """Return the facts of a certificate that the log commits to. ``project`` has the details from the tree's order."""
    return Particulars(
        species=project.species.model_dump(),
        latin=project.latin,
        place=project.place.model_dump(),
        partner=project.partner,
        requested_at=seal.requested_at,
        dedication=None if seal.salt is None else redemption.dedication,
        salt=seal.salt,
        dedication_digest=seal.dedication_digest,
    )


def _seal(redemption: Redemption, project: OrderedProject, calendar: Calendar) -> Seal:
    fixed = Particulars.create(
        species=project.species.model_dump(),
        latin=project.latin,
        place=project.place.model_dump(),
        partner=project.partner,
        requested_at=calendar.rfc3339(redemption.requested_at),
        dedication=redemption.dedication,
    )
    return Seal(fixed.requested_at, fixed.salt, fixed.dedication_digest)


def _leaf(statement: Statement, project_id: str, particulars: Particulars, calendar: Calendar) -> Leaf:
    return Leaf(
        certificate=statement.number,
        project_id=project_id,
        event=_EVENTS[statement.step.state],
        follows=_EVENTS.get(statement.follows, ""),
        occurred_at=calendar.rfc3339(statement.step.at),
        recorded_at=calendar.rfc3339(statement.step.recorded_at),
        tag=statement.planting.tag,
        lat=degrees(statement.planting.lat),
        lon=degrees(statement.planting.lon),
        evidence=evidence_of(statement.step.evidence),
        particulars=particulars.commitment,
    )
