"""Finds a certificate by its number. The certificate has a proof if the log records its tree."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from saxaul.catalog.calendar import Calendar
from saxaul.certificate.certificate import Certificate
from saxaul.certificate.from_log import certificate_from_log
from saxaul.log.entries import LogEntry
from saxaul.log.proof import LoggedEvent
from saxaul.problems import NotFound
from saxaul.services import wiring
from saxaul.services.unproven_certificate import unproven_certificate
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.log import LogStore
from saxaul.storage.orders import Orders
from saxaul.storage.redemptions import Redemptions
from saxaul.trees.numbers import parse_number
from saxaul.trees.orders import OrderedProject, shown_project
from saxaul.trees.redemptions import Redemption, Seal, Tree
from saxaul.trees.statements import particulars_of
from saxaul.trees.states import UNPAID


class Certificates(NamedTuple):
    """Finds the certificates of all trees that were reserved and not cancelled."""

    redemptions: Redemptions
    orders: Orders
    log: LogStore
    catalog_store: CatalogStore
    calendar: Calendar

    def find(self, typed: str) -> Certificate:
        """Return the certificate with this number. It has no proof if its tree was never planted.

        ``typed`` is the number as a person may have typed it, for example in lower case.

        Raises:
            NotFound: there is no certificate with this number.
        """
        number = parse_number(typed)
        redemption = self.redemptions.of_certificate(number) if number else None
        if number is None or redemption is None or redemption.state in UNPAID:
            raise NotFound("unknown_certificate", "There is no certificate with this number.")
        tree = redemption.tree(number)
        order = self.orders.get(tree.order_id) if tree.order_id else None
        if order and tree.seal:
            entries = self.log.get_many({step.sequence for step in tree.history if step.sequence is not None})
            return proven_certificate(redemption, tree, tree.seal, order.project, entries)
        project = shown_project(order, self.catalog_store.catalog().tree_projects.get(redemption.project_id))
        return unproven_certificate(redemption, tree, project, self.calendar)


def proven_certificate(
    redemption: Redemption, tree: Tree, seal: Seal, project: OrderedProject, entries: Mapping[int, LogEntry]
) -> Certificate:
    """Return the certificate of a tree that is in the log. ``entries`` are its log entries, by sequence."""
    events = [
        LoggedEvent(entries[step.sequence], step.leaf, step.evidence)
        for step in tree.history
        if step.sequence is not None and step.leaf is not None
    ]
    return certificate_from_log(particulars_of(redemption, seal, project), events)


@cache
def certificates() -> Certificates:
    """Return the certificate finder of this process."""
    ledger = wiring.ledger()
    return Certificates(
        Redemptions(ledger), Orders(ledger), LogStore(ledger), wiring.published_catalog(), settings().calendar
    )
