"""The views of a certificate, and of a tree in the forest of its owner."""

from typing import Annotated, TypedDict, get_args

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Language
from saxaul.certificate.certificate import Certificate
from saxaul.http.redemption_views import StepView, TreeView, step_view, tree_view
from saxaul.http.views import Link, TextView, Timestamp, known
from saxaul.log.events import Event
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
    """The text on the certificate; empty if the app gave none."""
    requested_at: Timestamp
    """When the person requested the tree."""
    planted_at: Timestamp | None
    """When the plant that stands now was planted, as the partner reported it; null before the first planting."""
    tree: TreeView | None
    """The tree in the ground; null before the first planting."""


class ForestTreeView(PublicTreeView):
    """A tree of a person: what its certificate shows, its redemption, and all stored steps."""

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


class EventView(TypedDict):
    """An event of the log that a certificate shows."""

    state: Annotated[str, known(*get_args(Event))]
    """The event."""
    at: Timestamp
    """When it happened, as the partner reported it."""
    recorded_at: Timestamp
    """When Saxaul accepted the report."""
    evidence_url: Link | None
    """The link to its photo; null if there is none, or if the certificate leaves it out."""


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


class LeafView(TypedDict):
    """A leaf of the log: what a partner stated about one tree."""

    certificate: str
    """The number of the tree's certificate."""
    project_id: str
    """The tree project."""
    event: Annotated[str, known(*get_args(Event))]
    """What the partner reported."""
    follows: str
    """The previous event of the same certificate; empty for the first."""
    occurred_at: Timestamp
    """When the event happened, as the partner reported it."""
    recorded_at: Timestamp
    """When Saxaul accepted the report."""
    tag: str
    """The text on the label of the tree."""
    lat: str
    """The latitude in degrees (WGS 84), as a text with seven decimals, because the leaf is hashed."""
    lon: str
    """The longitude in degrees (WGS 84), as a text with seven decimals."""
    evidence: str
    """SHA-256 of the link to the photo, in hexadecimal digits; empty if there is none."""
    particulars: str
    """SHA-256 of the particulars of the certificate, in hexadecimal digits."""


class CountsView(TypedDict):
    """How many trees the log has, up to and including an entry."""

    planted: int
    """All trees that were planted so far."""
    dead: int
    """Those that are known to be dead."""
    standing: int
    """The rest."""


class HeaderView(TypedDict):
    """The signed part of a log entry."""

    sequence: int
    """The number of the entry: 1, 2, 3 and so on, without a gap."""
    by: str
    """The organisation that reported the events."""
    size: int
    """The number of leaves."""
    root: str
    """The root of the Merkle tree of the leaves (RFC 9162), in hexadecimal digits."""
    previous: str
    """SHA-256 of the header before this one, in hexadecimal digits; zeros in the first entry."""
    counts: CountsView
    """The trees in the log after this entry."""
    signed_at: Timestamp
    """When the entry was signed."""
    key_id: str
    """SHA-256 of the public key, in hexadecimal digits."""
    signature: str
    """The signature of the other fields (ECDSA, P-256, SHA-256), as DER in hexadecimal digits."""


class LogEntryView(HeaderView):
    """An entry of the log: what a partner reported in one request."""

    leaves: list[LeafView]
    """One leaf for each event."""


class LogPage(TypedDict):
    """A page of the log, oldest entry first. A page without entries marks the end of the log."""

    entries: list[LogEntryView]
    """The entries."""


class ProofEventView(TypedDict):
    """An event of a tree, with its proof that the log contains it."""

    leaf: LeafView
    """The leaf of the event."""
    photo_url: Link | None
    """The link whose hash is `evidence` of the leaf; null if there is no photo, or if the link is left out."""
    index: int
    """The position of the leaf in its entry; the first is 0."""
    path: list[str]
    """The inclusion path of the leaf, from the bottom up (RFC 9162)."""
    entry: HeaderView
    """The header of the entry."""


class ProofView(TypedDict):
    """What binds a certificate to the log."""

    particulars: ParticularsView
    """The facts that the leaves commit to."""
    salt: str
    """The salt of the dedication, in hexadecimal digits."""
    events: list[ProofEventView]
    """Each shown event, oldest first."""


class CertificateView(PublicTreeView):
    """The certificate of a tree. It does not name the person. It is canonical JSON (RFC 8785)."""

    state: Annotated[str, known(*(state for state in TREE_TRANSITIONS if state is not State.REQUESTED))]
    """The state of the tree."""
    history: list[EventView]
    """The events of the log that the certificate shows, oldest first; empty before the tree is planted."""
    proof: ProofView | None
    """The proof that the log contains these events; null before the tree is planted."""


def forest_tree_view(
    certificate: Certificate, redemption: Redemption, tree: Tree, calendar: Calendar, language: Language
) -> ForestTreeView:
    """Return the view of a certificate for its owner: without a proof, but with the redemption and all stored steps."""
    return {
        "certificate": certificate.number,
        "state": certificate.state,
        "project_id": certificate.project_id,
        "species": certificate.species.in_language(language) if certificate.species else None,
        "latin": certificate.latin,
        "place": certificate.place.in_language(language) if certificate.place else None,
        "partner": certificate.partner,
        "dedication": certificate.dedication,
        "requested_at": certificate.requested_at,
        "planted_at": certificate.planted_at,
        "tree": tree_view(tree.planting) if tree.planting else None,
        "redemption_id": redemption.redemption_id,
        "history": [step_view(step, calendar) for step in tree.history],
    }
