"""What the public log is told of trees: each step that a partner reported becomes a leaf."""

from collections.abc import Mapping
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.log.entries import EVENTS, Event, Leaf, Particulars, degrees, evidence_of
from saxaul.trees.orders import OrderedProject, PlantingOrder
from saxaul.trees.redemptions import Redemption, Seal, State
from saxaul.trees.tree_reports import News, Reported

_EVENTS: Mapping[State, Event] = {State(event): event for event in EVENTS}
"""The states that the log tells of, by its own word for them."""


class Statements(NamedTuple):
    """The redemptions that a call changed, with the seals of what it planted, and the leaves that tell of them."""

    redemptions: list[Redemption]
    leaves: list[Leaf]


def statements_of(reported: Reported, order: PlantingOrder, calendar: Calendar) -> Statements:
    """A leaf for each of the news. A tree that is planted gets its seal, under a salt of its own."""
    current = {redemption.redemption_id: redemption for redemption in reported.changed}
    leaves = []
    for news in reported.news:
        redemption = current[news.redemption_id]
        seal = redemption.tree(news.number).seal or _seal(redemption, order.project, calendar)
        current[news.redemption_id] = redemption.sealed(news.number, seal)
        leaves.append(_leaf(news, redemption.project_id, particulars_of(redemption, seal, order.project), calendar))
    return Statements(list(current.values()), leaves)


def particulars_of(redemption: Redemption, seal: Seal, project: OrderedProject) -> Particulars:
    """What the log committed to when a tree was planted. ``project`` is that of the tree's order."""
    return Particulars(
        species=project.species.model_dump(),
        latin=project.latin,
        place=project.place.model_dump(),
        partner=project.partner,
        applied_at=seal.applied_at,
        dedication=None if seal.salt is None else redemption.dedication,
        salt=seal.salt,
        dedication_digest=seal.dedication_digest,
    )


def _seal(redemption: Redemption, project: OrderedProject, calendar: Calendar) -> Seal:
    fixed = Particulars.fixed(
        species=project.species.model_dump(),
        latin=project.latin,
        place=project.place.model_dump(),
        partner=project.partner,
        applied_at=calendar.rfc3339(redemption.requested_at),
        dedication=redemption.dedication,
    )
    return Seal(fixed.applied_at, fixed.salt, fixed.dedication_digest)


def _leaf(news: News, project_id: str, particulars: Particulars, calendar: Calendar) -> Leaf:
    return Leaf(
        number=news.number,
        project_id=project_id,
        event=_EVENTS[news.step.state],
        follows=_EVENTS.get(news.follows, ""),
        occurred_at=calendar.rfc3339(news.step.at),
        recorded_at=calendar.rfc3339(news.step.recorded_at),
        tag=news.planting.tag,
        lat=degrees(news.planting.lat),
        lon=degrees(news.planting.lon),
        evidence=evidence_of(news.step.evidence),
        particulars=particulars.commitment,
    )
