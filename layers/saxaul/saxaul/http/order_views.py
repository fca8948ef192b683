"""Views of planting orders, and of the result of reports."""

from collections.abc import Mapping
from dataclasses import asdict

from saxaul.catalog.calendar import Calendar
from saxaul.http.views import View
from saxaul.problems import AllRefused
from saxaul.trees.manifests import ManifestLinks
from saxaul.trees.orders import PlantingOrder, is_done
from saxaul.trees.redemptions import Redemption
from saxaul.trees.report_rules import Reported
from saxaul.trees.states import State


def order_view(
    order: PlantingOrder, redemptions: Mapping[str, Redemption], links: ManifestLinks | None, calendar: Calendar
) -> View:
    """Return the view of a planting order for its partner.

    The state of the order is ``ordered`` until each tree is confirmed or reported as failed, and then ``planted``.
    """
    return order_summary(order, calendar) | {
        "state": State.PLANTED if is_done(order, redemptions) else State.ORDERED,
        "trees": [
            {
                "certificate": tree.number,
                "redemption_id": tree.redemption_id,
                "state": order.state_in_order(redemptions[tree.redemption_id], tree.number),
            }
            for tree in order.trees
        ],
        "manifest": links._asdict() | {"expires_at": calendar.rfc3339(links.expires_at)} if links else None,
    }


def order_summary(order: PlantingOrder, calendar: Calendar) -> View:
    return {
        "order_id": order.order_id,
        "project_id": order.project_id,
        "partner": order.partner,
        "ordered_at": calendar.rfc3339(order.ordered_at),
    }


def reports_view(reported: Reported) -> View:
    """Return the view of a request's result.

    Raises:
        AllRefused: none of the reports was accepted.
    """
    refused = [asdict(refusal) for refusal in reported.refused]
    if not reported.accepted:
        raise AllRefused(refused)
    return {"accepted": reported.accepted, "refused": refused}
