"""Public endpoints: certificates as JSON, picture or page, and where the public log is that proves them."""

from http import HTTPStatus

from saxaul.startup import prepare
from saxaul.catalog.entries import Language
from saxaul.http.access import PUBLIC
from saxaul.http.conditional_requests import cacheable
from saxaul.http.endpoint import endpoint, utf8_text
from saxaul.http.log_views import LogView
from saxaul.http.media_types import prefers_html
from saxaul.http.operations import ETAG, IF_NONE_MATCH, NOT_MODIFIED, Answer, operation
from saxaul.http.request import LANG, Request, Response, language_of
from saxaul.http.tree_views import CertificateView
from saxaul.log.canonical_json import encode
from saxaul.services import wiring
from saxaul.services.find_certificate import UnknownCertificate, certificates, photo_host, shown_log
from saxaul.services.read_log import log_reading, read_again

_CACHE_FOR_A_MINUTE = "public, max-age=60"
_CACHE_FOR_MOMENTS = "public, max-age=2"
_HTML = "text/html; charset=utf-8"
_SHOWN = Answer(CertificateView, ("application/json", "image/svg+xml", "text/html"), (ETAG,))


@operation(
    *("GET", "/certificates/{number}", PUBLIC),
    query=(LANG,),
    headers=(IF_NONE_MATCH,),
    answers={200: _SHOWN, 304: NOT_MODIFIED, 404: Answer(media=("text/html",))},
    problems=("unknown_certificate",),
)
def view_certificate(request: Request) -> Response:
    """Show the certificate of a tree, with proofs that the public log has what it says.

    It is an SVG picture if the path ends with `.svg`, and JSON if the path ends with `.json`. Otherwise it is a page
    if the client prefers HTML, as browsers do, and JSON if not. The JSON is what the verifier reads. A browser that
    asks for an unknown number gets a page too.
    """
    name, dot, form = request.path("number").partition(".")
    language = language_of(request)
    is_page = not form and prefers_html(request.header("accept") or "")
    try:
        certificate = certificates().find(name if dot + form in ("", ".svg", ".json") else "")
    except UnknownCertificate as unknown:
        if is_page:
            return _unknown_page(name, unknown.fault, language)
        raise
    address = f"{request.base_url}/certificates/{certificate.number}"
    if form == "svg":
        from saxaul.certificate.picture import render_picture  # noqa: PLC0415 - most requests draw nothing

        picture = render_picture(certificate, address, language)
        return _cacheable(request, picture, "image/svg+xml", _CACHE_FOR_A_MINUTE, language)
    if is_page:
        from saxaul.certificate.page import render_page  # noqa: PLC0415 - most requests draw nothing

        page = render_page(certificate, address, shown_log(), language)
        return _cacheable(request, page, _HTML, _CACHE_FOR_A_MINUTE, language)
    text = encode(certificate.document(language)).decode()
    return _cacheable(request, text, "application/json", _CACHE_FOR_A_MINUTE, language)


def _unknown_page(typed: str, fault: str | None, language: Language) -> Response:
    from saxaul.certificate.page import render_unknown  # noqa: PLC0415 - most requests draw nothing

    headers = {"content-type": _HTML, "cache-control": "no-store", "vary": "accept, Accept-Language", **_guard(_HTML)}
    return Response(render_unknown(typed, fault, language), HTTPStatus.NOT_FOUND, headers)


@operation(
    *("GET", "/log", PUBLIC),
    headers=(IF_NONE_MATCH,),
    answers={200: Answer(LogView, headers=(ETAG,)), 304: NOT_MODIFIED},
)
def view_log(request: Request) -> Response:
    """Say where the public log is, which key signs it, and how many trees it has.

    The counts are those of the newest published tree, so they can be a few seconds old. Its last leaf states them too.
    """
    reading = log_reading()
    published = reading.published()
    shown: LogView = {
        "url": reading.public_log.url,
        "vkey": reading.vkey(),
        "size": published.size,
        "planted": published.counts.planted,
        "dead": published.counts.dead,
        "standing": published.counts.standing,
    }
    return _cacheable(request, utf8_text(shown), "application/json", _CACHE_FOR_MOMENTS)


def _cacheable(
    request: Request, text: str, content_type: str, cache_control: str, language: Language | None = None
) -> Response:
    caching = {"cache-control": cache_control, "vary": "accept"}
    return cacheable(request, text, caching, _guard(content_type) | {"content-type": content_type}, language)


def _guard(content_type: str) -> dict[str, str]:
    """Return the header that keeps a browser from running scripts, and from loading anything but photos for a page.

    A certificate shows text that others wrote, such as the dedication.
    """
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    if content_type == _HTML:
        policy += f"; img-src {photo_host()}"
    return {"content-security-policy": policy}


handler = endpoint(view_certificate, view_log, read_again=read_again)
prepare(wiring.connect)
