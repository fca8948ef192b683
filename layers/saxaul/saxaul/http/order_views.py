"""Views of planting orders, and of the result of reports."""

from collections.abc import Mapping, Sequence
from typing import Annotated, TypedDict

from saxaul.catalog.calendar import Calendar
from saxaul.http.views import Link, NonNegative, Timestamp, known
from saxaul.problems import AllRefused
from saxaul.trees.manifests import ManifestLinks
from saxaul.trees.orders import FAILED, OrderProgress, OrderState, PlantingOrder, open_trees
from saxaul.trees.outcomes import Verdict
from saxaul.trees.redemptions import Redemption
from saxaul.trees.sites import Site, site_of
from saxaul.trees.states import TREE_TRANSITIONS, State

_OUTSIDE_OF_ORDERS = frozenset({State.REQUESTED, State.RESERVED, State.REFUNDED})
"""The states of a tree that is in no order."""


class OrderSummaryView(TypedDict):
    """A planting order in a list: how many trees it has, and how many of them are still to be planted."""

    order_id: str
    """The id of the order."""
    project_id: str
    """The tree project."""
    partner: str
    """The partner that plants the trees."""
    ordered_at: Timestamp
    """When the order was placed. No tree of it may be planted on an earlier day."""
    state: Annotated[str, known(*OrderState)]
    """`open` until each tree is confirmed or reported as failed, and then `closed`."""
    trees: NonNegative
    """How many trees the order has, at most 150."""
    open_trees: NonNegative
    """How many of the trees are still to be planted: neither confirmed nor reported as failed."""


class OrderPage(TypedDict):
    """A page of planting orders, newest first."""

    orders: list[OrderSummaryView]
    """The orders. One whose state has just changed can be among those of its earlier state for about a second."""
    cursor: str | None
    """Requests the next page; null on the last page."""


class OrderedTreeView(TypedDict):
    """A tree of a planting order."""

    certificate: str
    """The number of the tree's certificate, by which reports name the tree."""
    redemption_id: str
    """The redemption that the tree belongs to."""
    state: Annotated[str, known(FAILED, *(state for state in TREE_TRANSITIONS if state not in _OUTSIDE_OF_ORDERS))]
    """`ordered` if it is still to be planted, `failed` if its planting failed, and otherwise its state since then."""


class ManifestView(TypedDict):
    """Links that download the manifest of an order without a token. Each response has new ones."""

    csv: Link
    """The manifest for spreadsheets: a header, and a row for each tree.

    Texts in it are changed so that no spreadsheet runs them as a formula.
    """
    json: Link
    """The manifest for programs: JSON that the schema ``ManifestFile`` describes.

    Each text is exactly as it is in the catalog.
    """
    expires_at: Timestamp
    """When the links expire: 15 minutes after the answer."""


class OrderView(OrderSummaryView):
    """A planting order with its trees."""

    site: Site | None
    """Where the trees must be planted; null if an older order has no site, and then they may be planted anywhere."""
    ordered_trees: list[OrderedTreeView]
    """The trees of the order."""
    manifest: ManifestView | None
    """Links to the manifest; null until the order is announced."""


class RefusedReportView(TypedDict):
    """Why one report of a request was refused."""

    index: NonNegative
    """The position of the report in the request, from 0."""
    certificate: str | None
    """The certificate number as it was sent, cut after 200 bytes; null if the report has none."""
    code: str
    """The reason for programs."""
    detail: str
    """The reason for people, cut after 300 bytes."""


class ReportsView(TypedDict):
    """The result of a request with confirmations, failures, inspections or corrections."""

    accepted: NonNegative
    """How many reports were accepted, with those that repeat an earlier report."""
    refused: list[RefusedReportView]
    """The reports that were refused. Each of them would be refused again."""


def order_view(
    order: PlantingOrder, redemptions: Mapping[str, Redemption], links: ManifestLinks | None, calendar: Calendar
) -> OrderView:
    """Return the view of a planting order for its partner."""
    reach = order.project.reach
    return {
        **order_summary(OrderProgress.of(order, open_trees(order, redemptions)), calendar),
        "site": site_of(reach) if reach else None,
        "ordered_trees": [
            {
                "certificate": tree.number,
                "redemption_id": tree.redemption_id,
                "state": order.state_in_order(redemptions[tree.redemption_id], tree.number),
            }
            for tree in order.trees
        ],
        "manifest": {"csv": links.csv, "json": links.json, "expires_at": calendar.rfc3339(links.expires_at)}
        if links
        else None,
    }


def order_summary(progress: OrderProgress, calendar: Calendar) -> OrderSummaryView:
    return {
        "order_id": progress.order_id,
        "project_id": progress.project_id,
        "partner": progress.partner,
        "ordered_at": calendar.rfc3339(progress.ordered_at),
        "state": progress.state,
        "trees": progress.trees,
        "open_trees": progress.open_trees,
    }


def reports_view(verdicts: Sequence[Verdict]) -> ReportsView:
    """Return the view of a request's result, from the verdict on each of its reports.

    Raises:
        AllRefused: none of the reports was accepted.
    """
    refused: list[RefusedReportView] = [
        {"index": index, "certificate": certificate, "code": refusal.code, "detail": refusal.detail}
        for index, (certificate, refusal) in enumerate(verdicts)
        if refusal
    ]
    if len(refused) == len(verdicts):
        raise AllRefused(refused)
    return {"accepted": len(verdicts) - len(refused), "refused": refused}
