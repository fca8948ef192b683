"""Exports and erases everything that is held about a person."""

from http import HTTPStatus

from saxaul.startup import prepare
from saxaul.http.access import TO_ADMINISTER, TO_FOLLOW_ERASURES
from saxaul.http.endpoint import endpoint, utf8_text
from saxaul.http.erasure_views import ErasureView, ExportFileView, erasure_view
from saxaul.http.export_views import ExportLineView, export_text
from saxaul.http.operations import ERASURE_IN_PROGRESS, LOCATION, Answer, operation
from saxaul.http.request import Request, Response
from saxaul.http.sizes import MAX_PAGE_BYTES, escaped_bytes
from saxaul.services import wiring
from saxaul.services.export_person import exporting
from saxaul.services.find_client import registered_client
from saxaul.services.find_mark import find_mark
from saxaul.services.meter_calls import take_call
from saxaul.services.request_erasure import erasure_requests
from saxaul.settings import settings

_JSON_LINES = "application/jsonl"
_EXPORT = Answer(ExportLineView, media=(_JSON_LINES,))
_FILE = Answer(ExportFileView, headers=(LOCATION._replace(text="Downloads the export without a token."),))


@operation(
    *("GET", "/users/{user_id}/export", TO_ADMINISTER),
    answers={200: _EXPORT, 303: _FILE},
    problems=(ERASURE_IN_PROGRESS,),
)
def export_person(request: Request) -> Response:
    """Export everything that is held about a person, one line of JSON for each item.

    The lines are sorted by kind and then by id, and the same state gives the same bytes. An export of more than about
    4 MB, or less if it has many characters beyond ASCII, is a file, to which the response with status 303 leads.
    Without any item, the export is empty. While the person is erased, there is no export, so that no file of it is left
    behind.
    """
    text = utf8_text(export_text(exporting().read(request.user_id), settings().calendar))
    if escaped_bytes(text) <= MAX_PAGE_BYTES:
        return Response(text, headers={"content-type": _JSON_LINES})
    link = exporting().store(request.user_id, text.encode())
    shown: ExportFileView = {"url": link.url, "expires_at": settings().calendar.rfc3339(link.expires_at)}
    return Response(shown, HTTPStatus.SEE_OTHER, {"location": link.url})


@operation(
    *("DELETE", "/users/{user_id}", TO_ADMINISTER),
    answers={202: Answer(ErasureView, headers=(LOCATION,))},
)
def erase_person(request: Request) -> Response:
    """Erase everything that is held about a person. Workers finish it after a few minutes.

    It cannot be undone. Trees that are ordered or planted stay, as nobody's. While an erasure goes on, repeating the
    request changes nothing.
    """
    user_id = request.user_id
    # The username in the token of an app is that of a person, whom the receipt must not name.
    requested_by = request.username_or_client if request.caller.role == "operator" else request.app
    receipt = erasure_requests().request(user_id, requested_by, request.reason or "")
    headers = {"location": f"{request.base_url}/users/{user_id}"}
    return Response(erasure_view(receipt, settings().calendar), HTTPStatus.ACCEPTED, headers)


@operation("GET", "/users/{user_id}", TO_ADMINISTER, answers={200: ErasureView}, problems=("no_erasure",))
def view_erasure_of_person(request: Request) -> Response:
    """Show the newest erasure of a person."""
    return Response(erasure_view(erasure_requests().newest(request.user_id), settings().calendar))


@operation(
    *("GET", "/erasures/{erasure_id}", TO_FOLLOW_ERASURES), answers={200: ErasureView}, problems=("unknown_erasure",)
)
def view_erasure(request: Request) -> Response:
    """Show an erasure by its id, for whoever keeps only that: what was erased, and when."""
    receipt = erasure_requests().receipt(request.identifier("erasure_id"))
    return Response(erasure_view(receipt, settings().calendar))


handler = endpoint(
    *(export_person, erase_person, view_erasure_of_person, view_erasure),
    find_client=registered_client,
    take_call=take_call,
    find_mark=find_mark,
)
prepare(wiring.connect)
