"""Views of the trees of a redemption as an export has them: each field as it is stored."""

from typing import Annotated, TypedDict

from saxaul.catalog.calendar import Calendar
from saxaul.http.views import Link, NonNegative, Timestamp, known
from saxaul.trees.plantings import PlantedTree
from saxaul.trees.redemptions import Chain, Seal, Step, Tree
from saxaul.trees.states import TREE_TRANSITIONS, State


class ExportedPlantingView(TypedDict):
    """A tree in the ground, as its partner reported it."""

    planted_at: Timestamp
    """When the tree was planted."""
    tag: str
    """The text on the label of the tree."""
    lat: float
    """The latitude in degrees (WGS 84)."""
    lon: float
    """The longitude in degrees (WGS 84)."""
    photo_url: Link | None
    """A link to a photo of the planting; null if the partner gave none."""
    photo: str | None
    """The SHA-256 of the photo of the planting, in hexadecimal digits; null if there is none."""


class ExportedStepView(TypedDict):
    """A step in the life of a tree."""

    state: Annotated[str, known(*(state for state in TREE_TRANSITIONS if state is not State.REQUESTED))]
    """The state of the tree after the step."""
    at: Timestamp
    """When the step happened."""
    recorded_at: Timestamp
    """When Saxaul recorded the step."""
    order_id: str | None
    """The planting order, if the tree was ordered or its planting failed; else null."""
    reason: str | None
    """Why the planting failed, or why the correction was made; null for other steps."""
    inspector: str | None
    """Who inspected the tree; null if the step is not an inspection."""
    evidence_url: Link | None
    """A link that belongs to the inspection; null if there is none."""
    photo: str | None
    """The SHA-256 of the photo of an inspection, in hexadecimal digits; null if there is none."""
    planting: ExportedPlantingView | None
    """The tree that was planted, or the tree as corrected; null for other steps."""
    is_correction: bool
    """Whether the step corrects what was reported before."""
    statement: int | None
    """The number of the step among the statements about this tree in the public log; null if it is not in the log."""


class ExportedSealView(TypedDict):
    """What is needed to check the dedication against the public log."""

    requested_at: Timestamp
    """When the tree was requested, as the log commits to it."""
    salt: str | None
    """The salt of the hash of the dedication; null if the dedication was erased."""
    dedication_digest: str
    """The salted hash of the dedication."""


class ExportedChainView(TypedDict):
    """What the next statement about a tree depends on."""

    previous: str
    """The hash of the newest leaf of its chain."""
    since: NonNegative
    """How many statements came after that one."""
    statements: NonNegative
    """How many statements there are."""
    replacements: NonNegative
    """How many of them are replacements."""
    corrections: NonNegative
    """How many of them are corrections."""


class ExportedTreeView(TypedDict):
    """A tree of a redemption, as it is stored."""

    certificate: str
    """The number of the tree's certificate."""
    history: list[ExportedStepView]
    """The stored steps, oldest first. Before the redemption is reserved, there are none."""
    seal: ExportedSealView | None
    """Null until the tree is planted."""
    chain: ExportedChainView | None
    """Null until the tree is planted."""


def exported_tree(tree: Tree, calendar: Calendar) -> ExportedTreeView:
    return {
        "certificate": tree.number,
        "history": [_step(step, calendar) for step in tree.history],
        "seal": _seal(tree.seal) if tree.seal else None,
        "chain": _chain(tree.chain) if tree.chain.statements else None,
    }


def _step(step: Step, calendar: Calendar) -> ExportedStepView:
    return {
        "state": step.state,
        "at": calendar.rfc3339(step.at),
        "recorded_at": calendar.rfc3339(step.recorded_at),
        "order_id": step.order_id or None,
        "reason": step.reason or None,
        "inspector": step.inspector or None,
        "evidence_url": step.evidence_url or None,
        "photo": step.photo or None,
        "planting": _planting(step.planting, calendar) if step.planting else None,
        "is_correction": step.is_correction,
        "statement": step.statement,
    }


def _planting(planting: PlantedTree, calendar: Calendar) -> ExportedPlantingView:
    return {
        "planted_at": calendar.rfc3339(planting.planted_at),
        "tag": planting.tag,
        "lat": planting.lat + 0.0,
        "lon": planting.lon + 0.0,
        "photo_url": planting.photo_url or None,
        "photo": planting.photo or None,
    }


def _seal(seal: Seal) -> ExportedSealView:
    return {"requested_at": seal.requested_at, "salt": seal.salt, "dedication_digest": seal.dedication_digest}


def _chain(chain: Chain) -> ExportedChainView:
    return {
        "previous": chain.previous,
        "since": chain.since,
        "statements": chain.statements,
        "replacements": chain.replacements,
        "corrections": chain.corrections,
    }
