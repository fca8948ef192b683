"""The views of a certificate, and of a tree in the forest of its owner."""

from typing import Annotated, TypedDict, get_args

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Language
from saxaul.http.redemption_views import StepView, TreeView, step_view, tree_view
from saxaul.http.views import Link, TextView, Timestamp, known
from saxaul.log.events import Event, TreeState
from saxaul.trees.orders import OrderedProject
from saxaul.trees.redemptions import Redemption, Tree
from saxaul.trees.states import TREE_TRANSITIONS, State


class PublicTreeView(TypedDict):
    """What a certificate and a forest show of a tree."""

    certificate: str
    """The number of the tree's certificate."""
    project_id: str
    """The tree project."""
    species: str | None
    """The name of the species, in one language; null if the project no longer exists and the tree was never ordered."""
    latin: str | None
    """The Latin name of the species, which may be empty; null as for `species`."""
    place: str | None
    """The name of the place, in the language of `species`; null as for `species`."""
    partner: str | None
    """The planting partner; null as for `species`."""
    dedication: str | None
    """The text on the certificate; empty if the app gave none, null if it was erased."""
    requested_at: Timestamp
    """When the person requested the tree."""
    planted_at: Timestamp | None
    """When the plant that stands now was planted, as the partner reported it; null before the first planting."""


class ForestTreeView(PublicTreeView):
    """A tree of a person: what its certificate shows, its redemption, and all stored steps."""

    tree: TreeView | None
    """The tree in the ground, as its partner reported it last; null before the first planting."""
    state: Annotated[str, known(*TREE_TRANSITIONS)]
    """The state of the tree. It is `requested` until the redemption is settled."""
    redemption_id: str
    """The redemption that the tree belongs to."""
    history: list[StepView]
    """The stored steps of the tree, oldest first, at most 20. The oldest inspections are left out first."""


class ForestPage(TypedDict):
    """A page of a person's forest, the most recently requested trees first."""

    user_id: str
    """The person."""
    forest: list[ForestTreeView]
    """The trees, without those of rejected and cancelled redemptions."""
    cursor: str | None
    """Requests the next page; null on the last page."""


class ShownPhotoView(TypedDict):
    """A photo of a tree. Saxaul has hashed its bytes, and the hash is in the log, so it is evidence."""

    sha256: str
    """SHA-256 of the bytes, in hexadecimal digits."""
    url: Link
    """Where the photo is public."""


class CertifiedTreeView(TypedDict):
    """The tree of a certificate: the one in the ground, or the dead one."""

    tag: str
    """The text on the label of the tree."""
    lat: float
    """The latitude in degrees (WGS 84), with at most seven decimals."""
    lon: float
    """The longitude in degrees (WGS 84), with at most seven decimals."""
    photo: ShownPhotoView | None
    """The photo of its planting; null if there is none."""
    link: Link | None
    """A link that the partner gave for its planting; null if there is none. It is no evidence, because what it leads to
    can change.
    """


class EventView(TypedDict):
    """An event that the log records. All of an event is in the leaf of its proof too."""

    event: Annotated[str, known(*get_args(Event))]
    """What happened. `corrected` changes what was stated before."""
    state: Annotated[str, known(*get_args(TreeState))]
    """The state of the tree after it."""
    at: Timestamp
    """When it happened, as the partner reported it."""
    recorded_at: Timestamp
    """When Saxaul accepted the report."""
    photo: ShownPhotoView | None
    """The photo of the planting or of the inspection; null if there is none."""
    link: Link | None
    """The link that the partner gave; null if there is none. It is no evidence."""


class ParticularsView(TypedDict):
    """The facts of a certificate that never change. Each leaf of the tree has the hash of this object."""

    species: TextView
    """The names of the species."""
    latin: str
    """The Latin name of the species, which may be empty."""
    place: TextView
    """The names of the place."""
    partner: str
    """The planting partner."""
    requested_at: Timestamp
    """When the person requested the tree."""
    dedication_digest: str
    """SHA-256 of the dedication and the salt, in hexadecimal digits."""


class ProofView(TypedDict):
    """A leaf of the log, and the proof that the log has it."""

    leaf: str
    """The leaf as it is in the log: canonical JSON (RFC 8785)."""
    tlog_proof: str
    """The index of the leaf, its inclusion path, and the signed checkpoint (C2SP tlog-proof).

    All proofs of a certificate have the same checkpoint.
    """


class CertificateView(PublicTreeView):
    """The certificate of a tree. It does not name the person. It is canonical JSON (RFC 8785)."""

    state: Annotated[str, known(*(state for state in TREE_TRANSITIONS if state is not State.REQUESTED))]
    """The state of the tree."""
    tree: CertifiedTreeView | None
    """The tree in the ground, or the dead one; null before the first planting."""
    history: list[EventView]
    """The event of each of the `proofs`, in the same order."""
    particulars: ParticularsView | None
    """The facts that the leaves commit to; null as long as there are no proofs."""
    salt: str | None
    """The salt of the dedication, in hexadecimal digits; null as for `particulars`, and after the dedication was
    erased.
    """
    proofs: list[ProofView]
    """The statements about the tree that the certificate shows, oldest first; empty until the published log has one.

    They are all leaves of its chain, and the newest 12 that found it alive. Each leaf names the newest leaf of its
    chain before it, and how many statements lie between. So none of these can be left out unnoticed.
    """
    count: ProofView | None
    """The last leaf of the log, which counts its trees; null as for `particulars`."""


def forest_tree_view(
    project: OrderedProject | None, redemption: Redemption, tree: Tree, calendar: Calendar, language: Language
) -> ForestTreeView:
    """Return the view of a tree for its owner: with all stored steps, also those that the log does not have yet."""
    return {
        "certificate": tree.number,
        "state": redemption.tree_state(tree),
        "project_id": redemption.project_id,
        "species": project.species.in_language(language) if project else None,
        "latin": project.latin if project else None,
        "place": project.place.in_language(language) if project else None,
        "partner": project.partner if project else None,
        "dedication": redemption.dedication,
        "requested_at": calendar.rfc3339(redemption.requested_at),
        "planted_at": calendar.rfc3339(tree.planting.planted_at) if tree.planting else None,
        "tree": tree_view(tree.planting) if tree.planting else None,
        "redemption_id": redemption.redemption_id,
        "history": [step_view(step, calendar) for step in tree.history],
    }
