"""Statements: each planting, inspection and correction that a partner reports becomes a leaf of the public log.

So does the erasure of a dedication, which no partner reports.
"""

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, TypedDict, cast

from saxaul.catalog.calendar import Calendar
from saxaul.log.degrees import degrees
from saxaul.log.leaves import TreeLeaf
from saxaul.log.merkle import leaf_hash
from saxaul.log.particulars import Particulars
from saxaul.trees.leaf_refs import LeafRef
from saxaul.trees.orders import OrderedProject, PlantingOrder
from saxaul.trees.plantings import PlantedTree
from saxaul.trees.redemptions import Redemption, Seal, Step, Tree
from saxaul.trees.states import IllegalTransitionError

if TYPE_CHECKING:
    from saxaul.log.events import Event, TreeState


class Statement(NamedTuple):
    """A statement about a tree, as a leaf for the public log.

    ``number`` is 1 for the planting, then 2, 3 and so on. ``text`` is the leaf as the log holds it. ``link`` is the
    link whose hash is in the leaf, or empty. ``recorded_at`` is an instant in seconds. ``must_follow`` names the
    statements about other trees that freed what this one takes: they come before it in the log.
    """

    number: int
    leaf: TreeLeaf
    text: bytes
    link: str
    recorded_at: int
    must_follow: frozenset[LeafRef] = frozenset()


def stated(
    redemption: Redemption, tree: Tree, step: Step, order: PlantingOrder, calendar: Calendar
) -> tuple[Tree, Statement]:
    """Return a tree of a redemption after a step that the public log records, and the statement for the log.

    A tree without a seal gets one.

    Raises:
        IllegalTransitionError: the step is not allowed, or the tree was never planted.
    """
    number = tree.chain.statements + 1
    seal = tree.seal or _seal(redemption, order.project, calendar)
    after = tree.after(step._replace(statement=number))
    planting = after.planting
    if planting is None:
        raise IllegalTransitionError(f"{tree.number} was never planted")
    leaf = TreeLeaf(
        certificate=tree.number,
        project_id=redemption.project_id,
        by=order.partner,
        event="corrected" if step.is_correction else cast("Event", step.state.value),
        state=cast("TreeState", step.state.value),
        occurred_at=calendar.rfc3339(step.at),
        recorded_at=calendar.rfc3339(step.recorded_at),
        **_planted(planting, calendar),
        photo=step.shown_photo,
        link=sha256(step.link.encode()).hexdigest() if step.link else "",
        particulars=particulars_of(redemption, seal, order.project).commitment,
        previous=tree.chain.previous,
        since=tree.chain.since,
    )
    text = leaf.text
    statement = Statement(number, leaf, text, step.link, step.recorded_at)
    return after._replace(seal=seal, chain=tree.chain.after(leaf, leaf_hash(text))), statement


def erased(redemption: Redemption, tree: Tree, order: PlantingOrder, now: int, calendar: Calendar) -> "Erased | None":
    """Return a tree without the salt of its dedication, and the statement that the dedication was erased.

    No organisation states it. It shows neither a photo nor a link, and changes nothing that earlier statements say.
    Return None if the tree was never planted, or if its dedication was erased before: then the log needs no statement.
    """
    planting, seal = tree.planting, tree.seal
    if planting is None or seal is None or seal.salt is None:
        return None
    leaf = TreeLeaf(
        certificate=tree.number,
        project_id=redemption.project_id,
        by="",
        event="dedication_erased",
        state=cast("TreeState", tree.state.value),
        occurred_at=calendar.rfc3339(now),
        recorded_at=calendar.rfc3339(now),
        **_planted(planting, calendar),
        photo="",
        link="",
        particulars=particulars_of(redemption, seal, order.project).commitment,
        previous=tree.chain.previous,
        since=tree.chain.since,
    )
    text = leaf.text
    after = tree._replace(seal=seal._replace(salt=None), chain=tree.chain.after(leaf, leaf_hash(text)))
    return Erased(after, Statement(after.chain.statements, leaf, text, "", now))


class Erased(NamedTuple):
    """A tree whose dedication was erased, and the statement about it."""

    tree: Tree
    statement: Statement


class _Planted(TypedDict):
    """The members of a leaf that describe the tree in the ground, or the dead one."""

    planted_at: str
    tag: str
    lat: str
    lon: str


def _planted(planting: PlantedTree, calendar: Calendar) -> _Planted:
    return {
        "planted_at": calendar.rfc3339(planting.planted_at),
        "tag": planting.tag,
        "lat": degrees(planting.lat),
        "lon": degrees(planting.lon),
    }


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
