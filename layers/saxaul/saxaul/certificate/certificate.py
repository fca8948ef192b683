"""The certificate of a tree: the object from which the JSON, the picture and the web page are made."""

from typing import TYPE_CHECKING, NamedTuple

from saxaul.catalog.entries import Language, Text
from saxaul.log.canonical_json import Json
from saxaul.log.shown import ShownEvent, ShownTree

if TYPE_CHECKING:
    from saxaul.log.proof import Proof


class Certificate(NamedTuple):
    """The public facts of a tree. A certificate does not name the person who requested the tree. Times are in RFC 3339.

    Attributes:
        state: the tree's state, such as ``ordered`` or ``alive``.
        species, latin, place, partner: from the tree's project; None if the project no longer exists.
        dedication: the text; None would mean that it was erased, but nothing erases dedications today.
        requested_at: when the person requested the tree.
        planted_at: the time of the newest ``planted`` or ``replaced`` event; None before the first planting.
        history: the logged events that the certificate shows, oldest first.
        proof: None until the log records that the tree is planted.
    """

    number: str
    state: str
    project_id: str
    species: Text | None
    latin: str | None
    place: Text | None
    partner: str | None
    dedication: str | None
    requested_at: str
    planted_at: str | None
    tree: ShownTree | None
    history: tuple[ShownEvent, ...] = ()
    proof: "Proof | None" = None

    def document(self, language: Language) -> dict[str, Json]:
        """Return the certificate as JSON, with its texts in one language."""
        return {
            "certificate": self.number,
            "state": self.state,
            "project_id": self.project_id,
            "species": self.species.in_language(language) if self.species else None,
            "latin": self.latin,
            "place": self.place.in_language(language) if self.place else None,
            "partner": self.partner,
            "dedication": self.dedication,
            "requested_at": self.requested_at,
            "planted_at": self.planted_at,
            "tree": self.tree._asdict() if self.tree else None,
            "history": [event._asdict() for event in self.history],
            "proof": self.proof.document() if self.proof else None,
        }
