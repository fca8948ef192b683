"""Harvests points, accepts redemption requests, and shows and cancels redemptions."""

import re
from typing import Annotated

from saxaul.startup import prepare
from saxaul.catalog.entries import Identifier
from saxaul.catalog.models import AfterValidator, Described, Field, Model
from saxaul.http.access import TO_CANCEL, TO_READ_A_PERSON, TO_SPEND_POINTS
from saxaul.http.bodies import Record
from saxaul.http.endpoint import endpoint
from saxaul.http.operations import ERASURE_IN_PROGRESS, LOCATION, Answer, HeaderField, operation
from saxaul.http.parameters import header_values
from saxaul.http.redemption_views import HarvestView, RedemptionView, RequestedRedemptionView, redemption_view
from saxaul.http.request import Request, Response
from saxaul.problems import InvalidRequest
from saxaul.services import wiring
from saxaul.services.cancel import cancelling
from saxaul.services.find_client import registered_client
from saxaul.services.find_mark import find_mark
from saxaul.services.harvest import harvesting
from saxaul.services.meter_calls import take_call
from saxaul.services.read_grants import covers_of
from saxaul.services.redeem import RedemptionRequest, redeeming
from saxaul.settings import settings
from saxaul.trees.dedications import MAX_SENT, clean_dedication
from saxaul.trees.redemptions import MAX_TREES_PER_REDEMPTION

_MAX_POINTS = 10**15
"""The highest ``max_points`` of a request: a JSON number of this size is still exact in every client."""

_KEY = re.compile(r"[!-+.-~-]{1,128}")
_IDEMPOTENCY_KEY = HeaderField(
    "Idempotency-Key",
    "A text of 1 to 128 visible ASCII characters without a comma, such as a UUID. The app chooses it for this request, "
    "and repeats the request with the same key. A key is kept until the person is erased.",
    required=True,
    pattern=f"^{_KEY.pattern}$",
)


class RedemptionBody(Model):
    """A request for trees of one project."""

    project_id: Identifier
    """The id of a tree project."""
    trees: Annotated[int, Field(strict=True, ge=1, le=MAX_TREES_PER_REDEMPTION)] = 1
    """How many trees."""
    dedication: Annotated[str, AfterValidator(clean_dedication), Described({"maxLength": MAX_SENT})] = ""
    """A text of at most 100 characters, which anyone can read. Needless invisible characters are removed."""
    max_points: Annotated[int | None, Field(strict=True, ge=0, le=_MAX_POINTS)] = None
    """The most points that all of the trees may cost. Always send the price that the person was shown."""


_BODY = Record("redemption request", RedemptionBody)


@operation(
    *("POST", "/users/{user_id}/harvest", TO_SPEND_POINTS),
    answers={200: HarvestView},
    problems=(ERASURE_IN_PROGRESS,),
)
def harvest(request: Request) -> Response:
    """Make a person's ripe points spendable.

    Points ripen on the day after their action. It is safe to repeat the request: what an earlier one moved is not moved
    again, so the response then has `moved: 0`.
    """
    harvested = harvesting().harvest(request.user_id)
    view: HarvestView = {
        "user_id": request.user_id,
        "moved": harvested.moved,
        "spendable": harvested.wallet.balance,
    }
    return Response(view)


@operation(
    *("POST", "/users/{user_id}/redemptions", TO_SPEND_POINTS),
    headers=(_IDEMPOTENCY_KEY,),
    body=_BODY,
    answers={202: Answer(RequestedRedemptionView, headers=(LOCATION,))},
    problems=(
        *("missing_key", "key_reused", "unknown_project", "project_closed", "sold_out"),
        *("insufficient_points", "price_changed", ERASURE_IN_PROGRESS),
    ),
)
def request_trees(request: Request) -> Response:
    """Request trees for points.

    The response does not promise a tree. The request is settled later, usually in seconds: read the redemption until
    its state is no longer `requested`. It is then `reserved`, or `rejected` with a `reason`, and no points are taken.
    It is safe to repeat a request with the same `Idempotency-Key` and the same body: the response then is the
    redemption of the first one as it is now, with `replay: true`. A key is kept until the person is erased, because no
    redemption is deleted before, not even a rejected or a cancelled one. It belongs to the app and the person, so
    another app or another person may have the same key. A request that is refused with a problem stores no key. If the
    wallet has too few points, the request first harvests ripe ones. A harvest stays done if the request is then
    refused.
    """
    key = _key_of(request)
    body = _BODY.of(request)
    requested = redeeming().request(
        RedemptionRequest(
            *(request.app, request.user_id, key, body.project_id, body.trees, body.dedication, body.max_points),
            erasure_id=request.erasure_id,
        )
    )
    redemption = requested.redemption
    view: RequestedRedemptionView = {
        **redemption_view(redemption, settings().calendar),
        "replay": requested.is_replay,
    }
    place = f"{request.base_url}/users/{redemption.user_id}/redemptions/{redemption.redemption_id}"
    return Response(view, 202, {"location": place})


def _key_of(request: Request) -> str:
    """Return the Idempotency-Key of a redemption request. A header that is sent twice with the same value counts once.

    A proxy may join two headers with a comma (RFC 9110, section 5.3), so a comma counts as two keys.

    Raises:
        InvalidRequest: there is no key, the key has another form, or there are two different keys.
    """
    keys = set(header_values(request.event, "idempotency-key"))
    key = keys.pop() if len(keys) == 1 else ""
    if not _KEY.fullmatch(key):
        raise InvalidRequest(
            "missing_key",
            "The request must have one Idempotency-Key header of 1 to 128 visible ASCII characters without a comma.",
        )
    return key


@operation(
    *("GET", "/users/{user_id}/redemptions/{redemption_id}", TO_READ_A_PERSON),
    answers={200: RedemptionView},
    problems=("unknown_redemption",),
)
def view_redemption(request: Request) -> Response:
    """Show a redemption as it is now, with what has happened to each of its trees."""
    redemption = redeeming().view(request.user_id, request.identifier("redemption_id"))
    return Response(redemption_view(redemption, settings().calendar))


@operation(
    *("DELETE", "/users/{user_id}/redemptions/{redemption_id}", TO_CANCEL),
    answers={200: RedemptionView},
    problems=("unknown_redemption", "not_yours", "already_ordered", "already_rejected", ERASURE_IN_PROGRESS),
)
def cancel_redemption(request: Request) -> Response:
    """Cancel a redemption before any of its trees was ordered, and refund its points.

    Only the app that requested it can cancel it. A redemption whose trees were ever ordered cannot be cancelled, also
    not after their planting failed. If it is already cancelled, nothing changes.
    """
    cancelled = cancelling().cancel(request.app, request.user_id, request.identifier("redemption_id"))
    return Response(redemption_view(cancelled, settings().calendar))


handler = endpoint(
    *(harvest, request_trees, view_redemption, cancel_redemption),
    find_client=registered_client,
    take_call=take_call,
    covers_of=covers_of,
    find_mark=find_mark,
    read_again=wiring.read_catalog_again,
)
prepare(wiring.connect, RedemptionBody.prepare, reading=wiring.read_catalog)
