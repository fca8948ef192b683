"""What is held about a person, as an export has it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from saxaul.impact.totals import Tally
from saxaul.ledger.claims import EvidenceClaims
from saxaul.ledger.early import EarlyReversals
from saxaul.ledger.grants import Grant
from saxaul.ledger.periods import Period
from saxaul.ledger.wallets import Wallet
from saxaul.people.kinds import ExportedKind
from saxaul.trees.orders import OrderedTree
from saxaul.trees.redemptions import Redemption


class CertificateLink(NamedTuple):
    """To which redemption a certificate belongs."""

    number: str
    user_id: str
    redemption_id: str


class TreeInOrder(NamedTuple):
    """A tree of a person in a planting order."""

    order_id: str
    tree: OrderedTree


class PersonalData(NamedTuple):
    """Everything that is held about a person. Each list is sorted by the keys of its items.

    Attributes:
        wallets: the wallet, if there is one.
        participations: the tallies of the person, each in one run of a campaign.
        certificates: those that are linked to a redemption of the person.
        ordered_trees: the trees of the person in all orders, also in those in which their planting failed.
    """

    user_id: str
    wallets: Sequence[Wallet] = ()
    periods: Sequence[Period] = ()
    evidence: Sequence[EvidenceClaims] = ()
    early_reversals: Sequence[EarlyReversals] = ()
    grants: Sequence[Grant] = ()
    participations: Sequence[Tally] = ()
    redemptions: Sequence[Redemption] = ()
    certificates: Sequence[CertificateLink] = ()
    ordered_trees: Sequence[TreeInOrder] = ()

    @property
    def numbers(self) -> Mapping[ExportedKind, int]:
        """How many items there are of each kind, in the order of the export. Kinds without any are left out."""
        numbers: dict[ExportedKind, int] = {
            "wallet": len(self.wallets),
            "period": len(self.periods),
            "evidence": len(self.evidence),
            "early_reversal": len(self.early_reversals),
            "grant": len(self.grants),
            "participation": len(self.participations),
            "redemption": len(self.redemptions),
            "certificate": len(self.certificates),
            "ordered_tree": len(self.ordered_trees),
        }
        return {kind: number for kind, number in numbers.items() if number}
