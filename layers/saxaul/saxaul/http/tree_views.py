"""The view of a tree in the forest of its owner."""

from saxaul.catalog.calendar import Calendar
from saxaul.catalog.entries import Language
from saxaul.certificate.certificate import Certificate
from saxaul.http.redemption_views import step_view
from saxaul.http.views import View
from saxaul.trees.redemptions import Redemption, Tree


def forest_tree_view(
    certificate: Certificate, redemption: Redemption, tree: Tree, calendar: Calendar, language: Language
) -> View:
    """Return the view of a certificate for its owner: without a proof, but with the redemption and all stored steps."""
    view = certificate.document(language)
    del view["proof"], view["history"]
    history = [step_view(step, calendar) for step in tree.history]
    return view | {"redemption_id": redemption.redemption_id, "history": history}
