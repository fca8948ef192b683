"""Lets operators register apps and planting partners, change, suspend and end them, and rotate their secrets."""

from typing import Annotated

from saxaul.startup import prepare
from saxaul.catalog.apps import App
from saxaul.catalog.entries import Identifier
from saxaul.catalog.faults import error_sentence
from saxaul.catalog.models import Field, Model, TypeAdapter, ValidationError
from saxaul.http.access import TO_REGISTER
from saxaul.http.app_views import AppsPage, AppView, NewAppView, NewSecretView, app_view
from saxaul.http.bodies import Record
from saxaul.http.conditional_requests import condition_of, etag_of_version
from saxaul.http.cursors import Cursors
from saxaul.http.endpoint import endpoint
from saxaul.http.operations import ETAG, IF_MATCH, IF_NONE_MATCH_OF_A_WRITE, Answer, operation
from saxaul.http.query import CURSOR, WholeNumber
from saxaul.http.request import Request, Response
from saxaul.problems import InvalidRequest
from saxaul.services import wiring
from saxaul.services.find_client import registered_client
from saxaul.services.manage_apps import app_management
from saxaul.services.rotate_secrets import secret_rotation
from saxaul.settings import settings

DAY = 86_400
LONGEST_OVERLAP = 7 * DAY


class Rotation(Model):
    """The body of a request for another secret."""

    overlap_seconds: Annotated[int, Field(strict=True, ge=0, le=LONGEST_OVERLAP)] = DAY
    """How many seconds the old secret stays valid."""


_APP = Record("app", App, added=frozenset(NewAppView.__annotations__.keys() - App.model_fields.keys()))
_ROTATION = Record("rotation", Rotation, is_optional=True)
_LIMIT = WholeNumber("limit", "The most apps of the page.", default=50, maximum=200)
_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)
_APPS = Cursors("apps", _IDENTIFIER)
_ETAG = ETAG._replace(text="Names this version of what is registered, for If-Match.")
_SHOWN = Answer(AppView, headers=(_ETAG,))


@operation("GET", "/apps", TO_REGISTER, query=(_LIMIT, CURSOR), answers={200: AppsPage})
def list_apps(request: Request) -> Response:
    """List the apps that were ever registered, sorted by id. An ended app stays in the list."""
    limit = _LIMIT.of(request)
    found = app_management().after(_APPS.place_in(request) or "", limit + 1)
    shown = found[:limit]
    cursor = _APPS.cursor_for(shown[-1].app_id) if len(found) > limit else None
    page: AppsPage = {"apps": [app_view(record, settings().calendar) for record in shown], "cursor": cursor}
    return Response(page)


@operation(
    *("GET", "/apps/{app_id}", TO_REGISTER), answers={200: _SHOWN}, problems=("invalid_identifier", "unknown_app")
)
def view_app(request: Request) -> Response:
    """Show a registered app. The values of its secrets are never shown again."""
    record = app_management().read(_app_id(request))
    return Response(app_view(record, settings().calendar), headers={"etag": etag_of_version(record.version)})


@operation(
    *("PUT", "/apps/{app_id}", TO_REGISTER),
    headers=(IF_MATCH, IF_NONE_MATCH_OF_A_WRITE),
    body=_APP,
    answers={200: _SHOWN, 201: Answer(NewAppView, headers=(_ETAG,))},
    problems=(
        *("invalid_identifier", "invalid_header", "stale_version", "already_there"),
        *("app_ended", "kind_fixed", "too_many_apps"),
    ),
)
def register_app(request: Request) -> Response:
    """Register an app or a planting partner, or change it. A change is in effect after at most three seconds.

    The body replaces all that is registered of the app: a field that is left out gets its default. To change one field,
    edit the response of a GET request and send it back with If-Match; the fields that only responses have are ignored.

    Only the response with status 201 has the secret of the app's client. If that response is lost, another secret can
    be made. It is safe to repeat the request. With If-Match, a repeat gets the status 412.
    """
    app_id = _app_id(request)
    registered = app_management().put(app_id, _APP.of(request), condition_of(request), request.username_or_client)
    view = app_view(registered.record, settings().calendar)
    headers = {"etag": etag_of_version(registered.record.version)}
    if registered.secret is None:
        return Response(view, headers=headers)
    new: NewAppView = {**view, "client_secret": registered.secret}
    return Response(new, 201, headers)


@operation(
    *("DELETE", "/apps/{app_id}", TO_REGISTER),
    answers={200: AppView},
    problems=("invalid_identifier", "unknown_app"),
)
def end_app(request: Request) -> Response:
    """End an app for good: its client is deleted, and its calls are refused after at most three seconds.

    What the app reported before is still posted, and stays under its id. So no other app ever gets the id. It is safe
    to repeat the request.
    """
    record = app_management().end(_app_id(request), request.username_or_client)
    return Response(app_view(record, settings().calendar))


@operation(
    *("POST", "/apps/{app_id}/suspend", TO_REGISTER),
    answers={200: AppView},
    problems=("invalid_identifier", "unknown_app", "app_ended"),
)
def suspend_app(request: Request) -> Response:
    """Refuse the calls of an app after at most three seconds, also those with tokens that it has already.

    What the app reported before is still posted. It is safe to repeat the request.
    """
    record = app_management().set_state(_app_id(request), "suspended", request.username_or_client)
    return Response(app_view(record, settings().calendar))


@operation(
    *("POST", "/apps/{app_id}/resume", TO_REGISTER),
    answers={200: AppView},
    problems=("invalid_identifier", "unknown_app", "app_ended"),
)
def resume_app(request: Request) -> Response:
    """Answer the calls of a suspended app again, after at most three seconds. It is safe to repeat the request."""
    record = app_management().set_state(_app_id(request), "active", request.username_or_client)
    return Response(app_view(record, settings().calendar))


@operation(
    *("POST", "/apps/{app_id}/secret", TO_REGISTER),
    body=_ROTATION,
    answers={201: NewSecretView},
    problems=("invalid_identifier", "unknown_app", "app_ended", "rotation_in_progress"),
)
def rotate_secret(request: Request) -> Response:
    """Make another secret for the client of an app. The old one stays valid for a while, and then ends.

    Only this response has the new secret. If it is lost, end the new secret, which the app then lists, and repeat the
    request.
    """
    rotated = secret_rotation().rotate(_app_id(request), _ROTATION.of(request).overlap_seconds)
    view: NewSecretView = {
        "app_id": rotated.record.app_id,
        "client_id": rotated.record.client_id,
        "secret_id": rotated.secret_id,
        "client_secret": rotated.secret,
        "old_ends_at": settings().calendar.rfc3339(rotated.old_ends_at),
    }
    return Response(view, 201)


@operation(
    *("DELETE", "/apps/{app_id}/secrets/{secret_id}", TO_REGISTER),
    answers={200: AppView},
    problems=("invalid_identifier", "unknown_app", "app_ended", "unknown_secret", "last_secret"),
)
def end_secret(request: Request) -> Response:
    """End one of the two secrets of an app at once, such as one that has leaked. The other one then does not end.

    Tokens that the app got with the secret stay valid for up to an hour.
    """
    record = secret_rotation().end_secret(_app_id(request), request.path("secret_id"))
    return Response(app_view(record, settings().calendar))


def _app_id(request: Request) -> str:
    try:
        return _IDENTIFIER.validate_python(request.path("app_id"))
    except ValidationError as error:
        raise InvalidRequest("invalid_identifier", error_sentence(error)) from None


handler = endpoint(
    *(list_apps, view_app, register_app, end_app, suspend_app, resume_app, rotate_secret, end_secret),
    find_client=registered_client,
)
prepare(wiring.connect, _IDENTIFIER.prepare)
