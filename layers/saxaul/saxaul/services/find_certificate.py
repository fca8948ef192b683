"""Finding a certificate by its number, with its proof where the log tells of its tree."""

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Language
from saxaul.http.views import View, certificate_view
from saxaul.log.proof import Told, proven_certificate
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.log import LogStore
from saxaul.storage.orders import Orders
from saxaul.storage.redemptions import Redemptions
from saxaul.trees.orders import OrderedProject, shown_project
from saxaul.trees.redemptions import UNPAID, Redemption, Seal, Tree
from saxaul.trees.statements import particulars_of


class Certificates:
    """The certificates of all trees that were ever reserved."""

    def __init__(
        self,
        redemptions: Redemptions,
        orders: Orders,
        entries: LogStore,
        catalog_store: CatalogStore,
        calendar: Calendar,
    ) -> None:
        self._redemptions = redemptions
        self._orders = orders
        self._entries = entries
        self._catalog_store = catalog_store
        self._calendar = calendar

    def find(self, number: str, language: Language) -> View | None:
        """The certificate of a number as anyone may see it. A tree that was never planted has no proof, and says so."""
        redemption = self._redemptions.certified(number)
        if redemption is None or redemption.state in UNPAID:
            return None
        tree = redemption.tree(number)
        order = self._orders.get(tree.order_id) if tree.order_id else None
        if order and tree.seal:
            return self._proven(redemption, tree, tree.seal, order.project, language)
        project = shown_project(order, self._catalog_store.catalog().tree_projects.get(redemption.project_id))
        shown = certificate_view(redemption, tree, project, self._calendar, language)
        return shown | {"history": [], "proof": None}

    def _proven(
        self, redemption: Redemption, tree: Tree, seal: Seal, project: OrderedProject, language: Language
    ) -> View:
        places = [(it.sequence, it.leaf, it.evidence) for it in tree.history if it.sequence and it.leaf is not None]
        entries = self._entries.get_many({sequence for sequence, _, _ in places})
        history = [Told(entries[sequence], leaf, evidence) for sequence, leaf, evidence in places]
        return proven_certificate(particulars_of(redemption, seal, project), history, language)
