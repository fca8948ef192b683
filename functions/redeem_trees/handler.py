"""Redeems points for trees: harvests, takes requests, tells what became of them, and takes them back."""

from functools import cache
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from saxaul.catalog.entries import Identifier, TreeProject
from saxaul.http.endpoint import Request, Response, endpoint
from saxaul.http.views import redemption_view
from saxaul.ledger.actions import faults
from saxaul.problems import InvalidRequest, NotFound
from saxaul.services import redeem as redeeming
from saxaul.services.redeem import Redeeming
from saxaul.settings import settings
from saxaul.storage.catalog import CatalogStore
from saxaul.storage.redemptions import Redemptions
from saxaul.storage.stocks import Stocks
from saxaul.storage.table import Table
from saxaul.storage.wallets import Wallets
from saxaul.trees.dedications import clean_dedication
from saxaul.trees.redemptions import MAX_TREES_PER_REDEMPTION


class RedemptionBody(BaseModel):
    """What an app sends to redeem."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project_id: Identifier
    trees: Annotated[int, Field(strict=True, ge=1, le=MAX_TREES_PER_REDEMPTION)] = 1
    dedication: Annotated[str, AfterValidator(clean_dedication)] = ""


@cache
def _redemptions() -> Redemptions:
    return Redemptions(Table(settings().ledger_table))


@cache
def _redeeming() -> Redeeming:
    ledger = Table(settings().ledger_table)
    queue_url = settings().redemption_queue_url
    return Redeeming(Wallets(ledger), _redemptions(), Stocks(ledger), settings().calendar, queue_url)


@cache
def _catalog_store() -> CatalogStore:
    return CatalogStore(Table(settings().catalog_table))


def harvest(request: Request) -> Response:
    harvested = _redeeming().harvest(request.user_id)
    return Response({"user_id": request.user_id, "moved": harvested.moved, "spendable": harvested.wallet.balance})


def request_trees(request: Request) -> Response:
    key = request.header("idempotency-key") or ""
    if not 1 <= len(key) <= 128:  # noqa: PLR2004 - as documented in the answer
        raise InvalidRequest("missing_key", "An Idempotency-Key header of 1 to 128 characters is needed.")
    try:
        body = RedemptionBody.model_validate(request.json())
    except ValidationError as error:
        raise InvalidRequest("invalid_body", "The redemption is not of the documented shape.", faults(error)) from None
    wish = redeeming.RedemptionRequest(request.app, request.user_id, key, body.project_id, body.trees, body.dedication)
    redemption, replay = _redeeming().request(wish, _project(body.project_id))
    place = f"/users/{redemption.user_id}/redemptions/{redemption.redemption_id}"
    return Response(redemption_view(redemption, settings().calendar) | {"replay": replay}, 202, {"location": place})


def view_redemption(request: Request) -> Response:
    redemption = _redemptions().get(request.user_id, request.identifier("redemption_id"))
    if redemption is None:
        raise NotFound("unknown_redemption", "This user has no such redemption.")
    return Response(redemption_view(redemption, settings().calendar))


def cancel_redemption(request: Request) -> Response:
    cancelled = _redeeming().cancel(request.app, request.user_id, request.identifier("redemption_id"))
    return Response(redemption_view(cancelled, settings().calendar))


def _project(project_id: str) -> TreeProject:
    project = _catalog_store().catalog().tree_projects.get(project_id)
    if project is None:
        edition = _catalog_store().get("tree-projects", project_id)
        project = edition.entity if edition and isinstance(edition.entity, TreeProject) else None
    if project is None:
        raise NotFound("unknown_project", f"There is no tree project {project_id!r}.")
    return project


handler = endpoint(
    {
        ("POST", "/users/{user_id}/harvest"): harvest,
        ("POST", "/users/{user_id}/redemptions"): request_trees,
        ("GET", "/users/{user_id}/redemptions/{redemption_id}"): view_redemption,
        ("DELETE", "/users/{user_id}/redemptions/{redemption_id}"): cancel_redemption,
    }
)
