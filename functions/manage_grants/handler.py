"""Lets a first-party app record, show and take back what a person allows a third-party app to do."""

from typing import Annotated

from saxaul.startup import prepare
from saxaul.catalog.entries import Identifier
from saxaul.catalog.models import AfterValidator, Described, Field, Model, TypeAdapter, ValidationError
from saxaul.http.access import TO_GRANT
from saxaul.http.bodies import Record
from saxaul.http.endpoint import endpoint
from saxaul.http.grant_views import GrantsView, GrantView, NoGrantView, grant_view, grants_view, no_grant_view
from saxaul.http.operations import ERASURE_IN_PROGRESS, operation
from saxaul.http.request import Request, Response
from saxaul.ledger.grants import COVERS, Cover
from saxaul.problems import InvalidRequest
from saxaul.services import wiring
from saxaul.services.find_client import registered_client
from saxaul.services.find_mark import find_mark
from saxaul.services.manage_grants import granting
from saxaul.services.meter_calls import take_call
from saxaul.settings import settings

_APP_ID: TypeAdapter[str] = TypeAdapter(Identifier)


def _in_order(covers: tuple[Cover, ...]) -> tuple[Cover, ...]:
    if len(set(covers)) != len(covers):
        raise ValueError("this must not name anything twice")
    return tuple(cover for cover in COVERS if cover in covers)


class GrantBody(Model):
    """The body of a request for a grant: what the app may do."""

    covers: Annotated[
        tuple[Cover, ...],
        Field(min_length=1, max_length=len(COVERS)),
        AfterValidator(_in_order),
        Described({"uniqueItems": True}),
    ]
    """What the app may do for the person: report actions, read the person's data, or spend points."""


_BODY = Record("grant", GrantBody)


@operation("GET", "/users/{user_id}/grants", TO_GRANT, answers={200: GrantsView})
def list_grants(request: Request) -> Response:
    """List what a person has granted to third-party apps, by app."""
    grants = granting().of_person(request.user_id)
    return Response(grants_view(request.user_id, grants, settings().calendar))


@operation("GET", "/users/{user_id}/grants/{app_id}", TO_GRANT, answers={200: GrantView}, problems=("unknown_grant",))
def view_grant(request: Request) -> Response:
    """Show what a person has granted to a third-party app."""
    grant = granting().view(request.user_id, _app_id(request))
    return Response(grant_view(grant, settings().calendar))


@operation(
    *("PUT", "/users/{user_id}/grants/{app_id}", TO_GRANT),
    body=_BODY,
    answers={200: GrantView},
    problems=("unknown_app", "grant_not_needed", ERASURE_IN_PROGRESS),
)
def write_grant(request: Request) -> Response:
    """Record what a person grants to a third-party app, in place of what was granted before.

    The change applies to the next request. It is safe to repeat the request.
    """
    app_id = _app_id(request)
    covers = _BODY.of(request).covers
    grant = granting().grant(request.user_id, app_id, covers, request.app)
    return Response(grant_view(grant, settings().calendar))


@operation(
    *("DELETE", "/users/{user_id}/grants/{app_id}", TO_GRANT),
    answers={200: NoGrantView},
    problems=(ERASURE_IN_PROGRESS,),
)
def delete_grant(request: Request) -> Response:
    """Take back the grant of a person to a third-party app. Without a grant, this changes nothing.

    What the app reported or requested before stays valid. The app cannot reverse it any more.
    """
    app_id = _app_id(request)
    granting().take_back(request.user_id, app_id)
    return Response(no_grant_view(request.user_id, app_id))


def _app_id(request: Request) -> str:
    try:
        return _APP_ID.validate_python(request.path("app_id"))
    except ValidationError:
        raise InvalidRequest(
            "invalid_parameter", "app_id must be the id of a registered app, such as citybike."
        ) from None


handler = endpoint(
    *(list_grants, view_grant, write_grant, delete_grant),
    find_client=registered_client,
    take_call=take_call,
    find_mark=find_mark,
)
prepare(wiring.connect, GrantBody.prepare)
