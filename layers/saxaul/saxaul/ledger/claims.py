"""Evidence: what proves an action, such as a ticket, a trip or an order. It is paid once per person, for good.

Several actions may claim the same evidence: of one app or of several, with any ids, types and dates. Only one claim
counts: the one with which the person earns most points, all other entries and caps included. If several give the same,
the one with most grams counts; if these are the same too, the one that was recorded first. The others are entered with
the reason ``same_evidence``.

The choice is made when the claims change. If they do not use the same caps, it is made again when entries of these
types change while a cap cuts one of them, and when an entry of these types stops counting. So an app takes nothing from
a person if it claims the evidence of another app: neither with a small quantity, nor with a type whose cap the person
has used up. Two contested evidences are decided together. If more depend on each other, another combination of choices
may give a few points more.
"""

from typing import NamedTuple, Self

from saxaul.ledger.actions import Owner
from saxaul.ledger.entries import app_of

MAX_CLAIMS = 4
"""The most claims of one app to one evidence that are kept. Further ones count only if one of these is reversed."""


class Claim(NamedTuple):
    """An entry that claims evidence: its name, and the window of its period."""

    name: str
    window: str


class EvidenceClaims(NamedTuple):
    """The claims to one evidence of one owner, in the order in which they were recorded."""

    owner: Owner
    evidence_id: str
    claims: tuple[Claim, ...] = ()
    version: int = 0

    def with_claim(self, claim: Claim) -> Self:
        """Return this with one more claim, or this same object if the app already has as many claims as are kept."""
        of_app = sum(app_of(known.name) == app_of(claim.name) for known in self.claims)
        return self if of_app >= MAX_CLAIMS else self._replace(claims=(*self.claims, claim))

    def without(self, claim: Claim) -> Self:
        return self._replace(claims=tuple(known for known in self.claims if known != claim))
