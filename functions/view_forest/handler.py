"""Shows what grew: wallets, forests, tree projects, and certificates to anyone."""

from functools import cache
from time import time

from saxaul.api import Request, Response, door, grams, language_of
from saxaul.certificates import canonical
from saxaul.problems import NotFound
from saxaul.redemptions import State
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.table import Table
from saxaul.storage.wallets import Wallets
from saxaul.views import certificate_view
from saxaul.wallets import position


@cache
def _wallets() -> Wallets:
    return Wallets(Table(settings().ledger_table))


@cache
def _redemptions() -> Redemptions:
    return Redemptions(Table(settings().ledger_table))


@cache
def _catalog() -> CatalogStore:
    return CatalogStore(Table(settings().catalog_table))


def view_wallet(request: Request) -> Response:
    wallet = _wallets().get(request.user_id)
    now = position(wallet, _wallets().open_pages(wallet), settings().calendar, int(time()))
    return Response({"user_id": request.user_id, **now._asdict(), "avoided_g": grams(now.avoided_g)})


def view_forest(request: Request) -> Response:
    language = language_of(request)
    projects = _catalog().catalogue().tree_projects
    calendar = settings().calendar
    trees = [
        certificate_view(redemption, tree, projects.get(redemption.project_id), calendar, language)
        for redemption in sorted(_redemptions().of_user(request.user_id), key=lambda it: it.requested_at, reverse=True)
        if redemption.state is not State.REJECTED
        for tree in redemption.trees
    ]
    return Response({"user_id": request.user_id, "trees": trees})


def view_certificate(request: Request) -> Response:
    number = canonical(request.path["number"])
    redemption = _redemptions().certified(number) if number else None
    if number is None or redemption is None or redemption.state in (State.REQUESTED, State.REJECTED):
        raise NotFound("unknown_certificate", "There is no certificate with this number.")
    project = _catalog().catalogue().tree_projects.get(redemption.project_id)
    tree = redemption.tree(number)
    return Response(certificate_view(redemption, tree, project, settings().calendar, language_of(request)))


def list_tree_projects(request: Request) -> Response:
    language = language_of(request)
    projects = _catalog().catalogue().tree_projects
    stocks = _redemptions().stocks(projects)
    return Response(
        {
            "projects": [
                {
                    "id": project_id,
                    "species": project.species.in_language(language),
                    "place": project.place.names.in_language(language),
                    "partner": project.partner,
                    "price_points": project.price_points,
                    "available": stocks[project_id].available,
                }
                for project_id, project in projects.items()
            ]
        }
    )


handler = door(
    {
        ("GET", "/users/{user_id}/wallet"): view_wallet,
        ("GET", "/users/{user_id}/forest"): view_forest,
        ("GET", "/certificates/{number}"): view_certificate,
        ("GET", "/tree-projects"): list_tree_projects,
    }
)
