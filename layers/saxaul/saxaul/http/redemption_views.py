"""Views of redemptions, and of the steps of their trees."""

from typing import Annotated, TypedDict

from saxaul.catalog.calendar import Calendar
from saxaul.http.views import Link, NonNegative, Timestamp, known
from saxaul.trees.plantings import PlantedTree
from saxaul.trees.redemptions import Redemption, Step
from saxaul.trees.states import TREE_TRANSITIONS, State


class TreeView(TypedDict):
    """A tree in the ground, as its partner reported it."""

    tag: str
    """The text on the label of the tree."""
    lat: float
    """The latitude in degrees (WGS 84), with at most seven decimals."""
    lon: float
    """The longitude in degrees (WGS 84), with at most seven decimals."""
    photo_url: Link | None
    """A link to a photo of the planting; null if the partner gave none. It is no evidence."""
    photo: str | None
    """The SHA-256 of the photo that the partner uploaded, in hexadecimal digits; null if there is none."""


class StepView(TypedDict):
    """A step in the life of a tree: a change of its state, an inspection or a correction."""

    state: Annotated[str, known(*(state for state in TREE_TRANSITIONS if state is not State.REQUESTED))]
    """The state of the tree after the step."""
    at: Timestamp
    """When the step happened. The partner reported the time of a planting and of an inspection."""
    recorded_at: Timestamp
    """When Saxaul recorded the step."""
    order_id: str | None
    """The planting order, if the tree was ordered or its planting failed; else null."""
    reason: str | None
    """Why the planting failed, or why the correction was made, in the words of the partner; null for other steps."""
    inspector: str | None
    """Who inspected the tree; null if the step is not an inspection."""
    evidence_url: Link | None
    """The link to the photo of the new tree, or to that of the inspection; null if there is none. It is no evidence."""
    photo: str | None
    """The SHA-256 of the photo of the new tree or of the inspection, in hexadecimal digits; null if there is none."""
    is_correction: bool
    """Whether the step corrects what was reported before."""
    statement: int | None
    """The number of the step among the statements about this tree in the public log: 1 for its planting. It is null for
    steps that the log does not have: those before the planting.
    """
    tree: TreeView | None
    """The new tree, if the step is `planted` or `replaced`; the tree as corrected, if it is a correction; else null."""


class LifeView(TypedDict):
    """What has happened to one tree of a redemption."""

    certificate: str
    """The number of the tree's certificate."""
    state: Annotated[str, known(*State)]
    """The state of the tree. Before its redemption is reserved, it is that of the redemption."""
    history: list[StepView]
    """The stored steps of the tree, oldest first, at most 20. The oldest inspections are left out first."""


class RedemptionView(TypedDict):
    """A redemption: a request for trees, and what has become of it."""

    redemption_id: str
    """The id of the redemption."""
    user_id: str
    """The person whose points pay for the trees."""
    state: Annotated[str, known(*State)]
    """`requested` until it is settled, and then `reserved` or `rejected`; `cancelled` if an app cancelled it before its
    trees were ordered. It is `ordered` while a tree is still to be planted, and then has the state that its trees
    share, or `planted` if they differ.
    """
    reason: str | None
    """Why the request was rejected; else null."""
    project_id: str
    """The tree project."""
    trees: NonNegative
    """How many trees were requested."""
    points: NonNegative
    """The price of all trees together, in points."""
    refunded_points: NonNegative
    """The points that went back to the wallet for trees that could not be planted.

    A cancellation is not counted: it gives back all `points`, and the state is `cancelled`.
    """
    dedication: str
    """The text on the certificates; empty if the app gave none."""
    certificates: list[str]
    """The certificate numbers of the trees.

    A certificate can be read once the redemption is reserved, and no longer after it is cancelled.
    """
    lives: list[LifeView]
    """What has happened to each tree, in the order of `certificates`."""
    requested_at: Timestamp
    """When the trees were requested."""


class RequestedRedemptionView(RedemptionView):
    """The redemption for a request for trees."""

    replay: bool
    """Whether this is the redemption of an earlier request with the same `Idempotency-Key`."""


class RedemptionPage(TypedDict):
    """A page of a person's redemptions, the most recently requested first."""

    user_id: str
    """The person."""
    redemptions: list[RedemptionView]
    """The redemptions, in any state."""
    cursor: str | None
    """Requests the next page; null on the last page."""


class HarvestView(TypedDict):
    """What a harvest has moved."""

    user_id: str
    """The person."""
    moved: int
    """The ripe points that this call moved into the wallet. If the call is repeated, it is 0.

    It is negative if more points were withdrawn by reversals, after they had been harvested, than have become ripe.
    """
    spendable: int
    """The points that the person can spend now. It can be negative after a reversal of what was already spent."""


def redemption_view(redemption: Redemption, calendar: Calendar) -> RedemptionView:
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
        "requested_at": calendar.rfc3339(redemption.requested_at),
    }


def step_view(step: Step, calendar: Calendar) -> StepView:
    """Return the view of a step in the history of a tree, for the owner of the tree."""
    return {
        "state": step.state,
        "at": calendar.rfc3339(step.at),
        "recorded_at": calendar.rfc3339(step.recorded_at),
        "order_id": step.order_id or None,
        "reason": step.reason or None,
        "inspector": step.inspector or None,
        "evidence_url": step.link or None,
        "photo": step.shown_photo or None,
        "is_correction": step.is_correction,
        "statement": step.statement,
        "tree": tree_view(step.planting) if step.planting else None,
    }


def tree_view(planting: PlantedTree) -> TreeView:
    return {
        "tag": planting.tag,
        "lat": planting.lat + 0.0,
        "lon": planting.lon + 0.0,
        "photo_url": planting.photo_url or None,
        "photo": planting.photo or None,
    }
