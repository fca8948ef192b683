"""Makes the certificate of a tree that is not in the log yet, or that is shown without its proof."""

from saxaul.catalog.calendar import Calendar
from saxaul.certificate.certificate import Certificate
from saxaul.trees.orders import OrderedProject
from saxaul.trees.plantings import shown_planting
from saxaul.trees.redemptions import Redemption, Tree


def unproven_certificate(
    redemption: Redemption, tree: Tree, project: OrderedProject | None, calendar: Calendar
) -> Certificate:
    """Return a tree's certificate, without a proof. ``project`` is None if the project is unknown."""
    planting = tree.planting
    return Certificate(
        number=tree.number,
        state=redemption.tree_state(tree),
        project_id=redemption.project_id,
        species=project.species if project else None,
        latin=project.latin if project else None,
        place=project.place if project else None,
        partner=project.partner if project else None,
        dedication=redemption.dedication,
        requested_at=calendar.rfc3339(redemption.requested_at),
        planted_at=calendar.rfc3339(planting.planted_at) if planting else None,
        tree=shown_planting(planting) if planting else None,
    )
