"""The certificate of a tree: one object, which is shown as JSON, as a picture and as a page."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from saxaul.catalog.entries import Language, Text
from saxaul.log.canonical_json import Json
from saxaul.log.entries import Particulars
from saxaul.log.proof import LoggedEvent, Proof, ShownEvent, ShownTree, planting_among, shown_history, shown_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What anyone may see of a tree: nothing in it says whose tree it is. Times are in RFC 3339.

    Attributes:
        state: the tree's state, such as ``ordered`` or ``alive``.
        species, latin, place, partner: of its project; None where the project is not known any more.
        dedication: None where it was erased.
        planted_at: when what stands now was planted; None before the first planting.
        history: what the public log records of it, oldest first.
        proof: None until the log records that it is planted.
    """

    number: str
    state: str
    project_id: str
    species: Text | None
    latin: str | None
    place: Text | None
    partner: str | None
    dedication: str | None
    applied_at: str
    planted_at: str | None
    tree: ShownTree | None
    history: tuple[ShownEvent, ...] = ()
    proof: Proof | None = None

    @classmethod
    def proven(cls, particulars: Particulars, events: Sequence[LoggedEvent]) -> "Certificate":
        """The certificate of a tree that is in the log, in the log's own words. ``events`` are oldest first."""
        last = events[-1].leaf
        planting = events[planting_among([event.leaf for event in events])]
        return cls(
            number=last.number,
            state=last.event,
            project_id=last.project_id,
            species=Text(**particulars.species),
            latin=particulars.latin,
            place=Text(**particulars.place),
            partner=particulars.partner,
            dedication=particulars.dedication,
            applied_at=particulars.applied_at,
            planted_at=planting.leaf.occurred_at,
            tree=shown_tree(last, planting.photo_url),
            history=shown_history((event.leaf, event.photo_url) for event in events),
            proof=Proof(particulars, events),
        )

    def document(self, language: Language) -> dict[str, Json]:
        """The certificate as JSON, with its texts in one language."""
        return {
            "number": self.number,
            "state": self.state,
            "project_id": self.project_id,
            "species": self.species.in_language(language) if self.species else None,
            "latin": self.latin,
            "place": self.place.in_language(language) if self.place else None,
            "partner": self.partner,
            "dedication": self.dedication,
            "applied_at": self.applied_at,
            "planted_at": self.planted_at,
            "tree": asdict(self.tree) if self.tree else None,
            "history": [asdict(event) for event in self.history],
            "proof": self.proof.document() if self.proof else None,
        }
