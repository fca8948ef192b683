"""Views of redemptions, and of the steps of their trees."""

from saxaul.catalog.calendar import Calendar
from saxaul.http.views import View
from saxaul.trees.plantings import shown_planting
from saxaul.trees.redemptions import Redemption, Step


def redemption_view(redemption: Redemption, calendar: Calendar) -> View:
    return {
        "redemption_id": redemption.redemption_id,
        "user_id": redemption.user_id,
        "state": redemption.state,
        "reason": redemption.reason or None,
        "project_id": redemption.project_id,
        "trees": len(redemption.trees),
        "points": redemption.points,
        "refunded_points": redemption.refunded_points,
        "dedication": redemption.dedication,
        "certificates": [tree.number for tree in redemption.trees],
        "lives": [
            {
                "certificate": tree.number,
                "state": redemption.tree_state(tree),
                "history": [step_view(step, calendar) for step in tree.history],
            }
            for tree in redemption.trees
        ],
        "applied_at": calendar.rfc3339(redemption.requested_at),
    }


def step_view(step: Step, calendar: Calendar) -> View:
    """Return the view of a step in the history of a tree, for the owner of the tree."""
    return {
        "state": step.state,
        "at": calendar.rfc3339(step.at),
        "recorded_at": calendar.rfc3339(step.recorded_at),
        "order_id": step.order_id or None,
        "reason": step.reason or None,
        "inspector": step.inspector or None,
        "evidence_url": step.evidence or None,
        "tree": shown_planting(step.planting)._asdict() if step.planting else None,
    }
