"""The rules of a tree's life: which statement may follow which, and what belongs to one tree alone.

    planted ──▶ alive ⟲
       └────┬─────┘             A correction may come after any of them, and withdraws a death or leaves the state as it
            ▼                   is. The dedication is erased at most once.
          dead ⇄ replaced ──▶ alive

The verifier, the monitor and the service apply the same rules.
"""

from datetime import datetime
from typing import Literal, NamedTuple

from .events import TreeState
from .leaves import TreeLeaf, place_key, tag_key
from .verdicts import RefusedError

_BEFORE: dict[str, tuple[TreeState, ...]] = {
    "alive": ("planted", "alive", "replaced"),
    "dead": ("planted", "alive", "replaced"),
    "replaced": ("dead",),
}
"""The states in which an event may come. The other events may come in every state."""

_OUT_OF_ORDER = frozenset({"corrected", "dedication_erased"})
"""The events whose time is that of their recording, and is not compared with the times of the others."""

EvidenceKind = Literal["tag", "place", "photo"]
KeyedEvidence = tuple[EvidenceKind, str]


class Life(NamedTuple):
    """What is known of a certificate's tree after its newest statement.

    Attributes:
        occurred_at: the time of the newest event whose time is compared with that of the next.
        photo: the photo of the planting, as in the leaves; empty if there is none.
        previous: the hash of the newest leaf of the chain, in hexadecimal.
        since: the number of statements after that leaf.
        is_erased: whether the dedication was erased.
    """

    certificate: str
    project_id: str
    particulars: str
    state: TreeState
    occurred_at: str
    planted_at: str
    tag: str
    lat: str
    lon: str
    photo: str
    previous: str
    since: int
    is_erased: bool

    def left_out_before(self, leaf: TreeLeaf) -> int:
        """Return how many statements lie between the newest known one and this leaf. All are inspections.

        Raises:
            RefusedError: a leaf of the chain lies between them, or the leaf comes before the newest.
        """
        if leaf.previous != self.previous:
            raise RefusedError(f"{name_of(leaf)} does not follow the newest leaf of its chain that is known before it")
        if leaf.since < self.since:
            raise RefusedError(f"{name_of(leaf)} states a wrong number of statements before it")
        return leaf.since - self.since


def name_of(leaf: TreeLeaf) -> str:
    """Return words that name a leaf in a reason."""
    return f"the {leaf.event} event of {leaf.certificate}, recorded {leaf.recorded_at},"


def next_life(life: Life | None, leaf: TreeLeaf, *, may_leave_out: bool = False) -> Life:
    """Return what is known after one more statement. ``life`` is None before the first.

    Args:
        may_leave_out: whether inspections that found the tree alive may be missing between the two.

    Raises:
        RefusedError: the statement may not come there.
    """
    if life is None:
        return _first_life(leaf)
    left_out = life.left_out_before(leaf)
    if left_out and (not may_leave_out or life.state == "dead"):  # no inspection finds a dead tree alive
        raise RefusedError(f"{name_of(leaf)} states a wrong number of statements before it")
    before = life._replace(state="alive") if left_out else life
    _check_event(before, leaf)
    _check_same_certificate(life, leaf)
    if leaf.event not in ("replaced", "corrected"):
        _check_same_tree(life, leaf)
    _check_times(life, leaf)
    return life._replace(
        state=leaf.state,
        occurred_at=life.occurred_at if leaf.event in _OUT_OF_ORDER else leaf.occurred_at,
        planted_at=leaf.planted_at,
        tag=leaf.tag,
        lat=leaf.lat,
        lon=leaf.lon,
        photo=leaf.photo if leaf.event in ("replaced", "corrected") else life.photo,
        previous=leaf.hash.hex() if leaf.is_in_chain else life.previous,
        since=0 if leaf.is_in_chain else leaf.since + 1,
        is_erased=life.is_erased or leaf.event == "dedication_erased",
    )


def _first_life(leaf: TreeLeaf) -> Life:
    if leaf.event != "planted":
        raise RefusedError(f"{name_of(leaf)} comes before the planting")
    if leaf.planted_at != leaf.occurred_at:
        raise RefusedError(f"{name_of(leaf)} states two times of planting")
    return Life(
        certificate=leaf.certificate,
        project_id=leaf.project_id,
        particulars=leaf.particulars,
        state=leaf.state,
        occurred_at=leaf.occurred_at,
        planted_at=leaf.planted_at,
        tag=leaf.tag,
        lat=leaf.lat,
        lon=leaf.lon,
        photo=leaf.photo,
        previous=leaf.hash.hex(),
        since=0,
        is_erased=False,
    )


def _check_event(life: Life, leaf: TreeLeaf) -> None:
    if leaf.event == "planted":
        raise RefusedError(f"{name_of(leaf)} plants a tree that was planted before")
    if life.state not in _BEFORE.get(leaf.event, (life.state,)):
        raise RefusedError(f"{name_of(leaf)} cannot come after {life.state}")
    if leaf.event == "dedication_erased" and life.is_erased:
        raise RefusedError(f"{name_of(leaf)} erases a dedication that was erased before")
    withdraws = leaf.event == "corrected" and life.state == "dead" and leaf.state == "alive"
    if leaf.event in _OUT_OF_ORDER and leaf.state != life.state and not withdraws:
        raise RefusedError(f"{name_of(leaf)} changes the state from {life.state} to {leaf.state}")


def _check_same_certificate(life: Life, leaf: TreeLeaf) -> None:
    if (leaf.certificate, leaf.project_id, leaf.particulars) != (life.certificate, life.project_id, life.particulars):
        raise RefusedError(f"{name_of(leaf)} belongs to another certificate")


def _check_same_tree(life: Life, leaf: TreeLeaf) -> None:
    if (leaf.tag, leaf.lat, leaf.lon, leaf.planted_at) != (life.tag, life.lat, life.lon, life.planted_at):
        raise RefusedError(f"{name_of(leaf)} has another tag, place or time of planting than the event before it")
    if leaf.event == "dedication_erased" and leaf.photo not in ("", life.photo):
        raise RefusedError(f"{name_of(leaf)} has another photo than the planting")


def _check_times(life: Life, leaf: TreeLeaf) -> None:
    if leaf.event in _OUT_OF_ORDER:
        if leaf.occurred_at != leaf.recorded_at:
            raise RefusedError(f"{name_of(leaf)} is not dated with the time of its recording")
        return
    if leaf.event == "replaced" and datetime.fromisoformat(leaf.planted_at) > datetime.fromisoformat(leaf.occurred_at):
        raise RefusedError(f"{name_of(leaf)} was seen before its planting")
    if datetime.fromisoformat(leaf.occurred_at) < datetime.fromisoformat(life.occurred_at):
        raise RefusedError(f"{name_of(leaf)} is dated before the event that it follows")


class EvidenceChanges(NamedTuple):
    """What a statement frees for other trees, and what it takes for its own tree."""

    freed: tuple[KeyedEvidence, ...]
    taken: tuple[KeyedEvidence, ...]


def evidence_changes(life: Life | None, leaf: TreeLeaf) -> EvidenceChanges:
    """Return what a statement frees and takes. ``life`` is what is known before it.

    A planting takes its tag, its place and its photo, and an inspection takes its photo. A death frees the place, and
    nothing else. A correction frees what it replaces; one that withdraws a death takes the place again.
    """
    photo, tag, place = _photo(leaf.photo), _tag(leaf.tag), _place(leaf.lat, leaf.lon)
    if life is None or leaf.event == "replaced":
        return _changes((), (tag, place, *photo))
    place_before = _place(life.lat, life.lon)
    if leaf.event == "dead":
        return _changes((place_before,), photo)
    if leaf.event == "alive":
        return _changes((), photo)
    if leaf.event == "dedication_erased":
        return _changes((), ())
    places_before = () if life.state == "dead" else (place_before,)
    places = () if leaf.state == "dead" else (place,)
    return _changes((_tag(life.tag), *places_before, *_photo(life.photo)), (tag, *places, *photo))


def _tag(tag: str) -> KeyedEvidence:
    return "tag", tag_key(tag)


def _place(lat: str, lon: str) -> KeyedEvidence:
    return "place", place_key(lat, lon)


def _photo(digest: str) -> tuple[KeyedEvidence, ...]:
    return (("photo", digest),) if digest else ()


def _changes(freed: tuple[KeyedEvidence, ...], taken: tuple[KeyedEvidence, ...]) -> EvidenceChanges:
    """Leave out what a correction frees and takes again."""
    return EvidenceChanges(
        tuple(evidence for evidence in freed if evidence not in taken),
        tuple(evidence for evidence in taken if evidence not in freed),
    )
