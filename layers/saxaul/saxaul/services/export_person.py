"""Reads everything that is held about a person, and stores an export that is too long for a response."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from saxaul.clock import Clock
from saxaul.ledger.actions import Owner
from saxaul.observability import logger
from saxaul.people.exports import CertificateLink, PersonalData, TreeInOrder
from saxaul.problems import Unavailable
from saxaul.services import wiring
from saxaul.settings import settings
from saxaul.storage.claims import Claims
from saxaul.storage.erasures import Erasures
from saxaul.storage.exports import ExportLink, Exports
from saxaul.storage.grants import Grants
from saxaul.storage.impact import ImpactStore
from saxaul.storage.objects import ObjectError
from saxaul.storage.orders import Orders
from saxaul.storage.periods import Periods
from saxaul.storage.redemptions import Redemptions, certificate_key
from saxaul.storage.wallets import Wallets
from saxaul.trees.redemptions import Redemption

_LAST_WINDOW = "9999-12-31"


class Exporting(NamedTuple):
    """Reads what is held about persons."""

    wallets: Wallets
    periods: Periods
    claims: Claims
    grants: Grants
    impact: ImpactStore
    redemptions: Redemptions
    orders: Orders
    erasures: Erasures
    exports: Exports
    clock: Clock

    def read(self, user_id: str) -> PersonalData:
        """Return everything that is held about a person.

        The reads are consistent, and made one after another. So what is written meanwhile may be in it or not.
        """
        owner, wallet = Owner("user", user_id), self.wallets.get(user_id)
        redemptions = self.redemptions.of_user(user_id)
        return PersonalData(
            user_id,
            wallets=[wallet] if wallet.version else [],
            periods=self.periods.between(owner, "", _LAST_WINDOW),
            evidence=list(self.claims.all_evidence(owner)),
            early_reversals=list(self.claims.all_early(owner)),
            grants=self.grants.of_person(user_id),
            participations=list(self.impact.participations(user_id)),
            redemptions=redemptions,
            certificates=sorted(self._certificates(redemptions)),
            ordered_trees=list(self._ordered_trees(user_id, redemptions)),
        )

    def _certificates(self, redemptions: Sequence[Redemption]) -> Iterator[CertificateLink]:
        found = set(self.redemptions.certificates_of(redemptions))
        for redemption in redemptions:
            for tree in redemption.trees:
                if certificate_key(tree.number) in found:
                    yield CertificateLink(tree.number, redemption.user_id, redemption.redemption_id)

    def _ordered_trees(self, user_id: str, redemptions: Iterable[Redemption]) -> Iterator[TreeInOrder]:
        named = {order_id for redemption in redemptions for tree in redemption.trees for order_id in tree.orders}
        orders = self.orders.get_many(sorted(named))
        for order_id in sorted(orders):
            of_person = (tree for tree in orders[order_id].trees if tree.user_id == user_id)
            yield from (TreeInOrder(order_id, tree) for tree in sorted(of_person))

    def store(self, user_id: str, content: bytes) -> ExportLink:
        """Write an export as a file, and return a link to it.

        Raises:
            Unavailable: S3 cannot be reached, fails or is slow.
            OutOfTimeError: too little time is left to write a file.
        """
        try:
            return self.exports.put(self.erasures.name_of(user_id), content, self.clock.now())
        except ObjectError as error:
            # The text of the error has the name of the mark, which stands for the person.
            logger.warning("an export was not stored", extra={"error": type(error.__cause__ or error).__name__})
            raise Unavailable("busy", "The export cannot be stored now; repeat the request later.") from error


@cache
def exporting() -> Exporting:
    """Return the exporting service of this process."""
    ledger = wiring.ledger()
    return Exporting(
        *(Wallets(ledger), Periods(ledger), Claims(ledger), Grants(ledger), ImpactStore(ledger)),
        *(Redemptions(ledger), Orders(ledger), Erasures(ledger), Exports(settings().export_bucket)),
        wiring.clock(),
    )
