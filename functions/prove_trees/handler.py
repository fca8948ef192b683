"""Public endpoints: certificates as JSON, picture or page, and the transparency log that proves them."""

from saxaul.startup import prepare
from saxaul.catalog.entries import Language
from saxaul.http.access import PUBLIC
from saxaul.http.conditional_requests import cacheable
from saxaul.http.endpoint import endpoint
from saxaul.http.media_types import prefers_html
from saxaul.http.operations import ETAG, IF_NONE_MATCH, NOT_MODIFIED, Answer, operation
from saxaul.http.query import WholeNumber
from saxaul.http.request import LANG, Request, Response, language_of
from saxaul.http.tree_views import CertificateView, LogPage
from saxaul.log.canonical_json import encode
from saxaul.services import wiring
from saxaul.services.find_certificate import certificates
from saxaul.services.read_log import log_reading, read_again

_CACHE_FOR_A_MINUTE = "public, max-age=60"
_CACHE_FOR_A_DAY = "public, max-age=86400"
_CACHE_FOREVER = "public, max-age=31536000, immutable"
_AFTER = WholeNumber(
    *("after", "The sequence number of the entry after which the page begins."),
    default=0,
    minimum=0,
    maximum=9_999_999_999,
)
_LIMIT = WholeNumber("limit", "The most entries of the page.", default=100, maximum=500)
_SHOWN = Answer(CertificateView, ("application/json", "image/svg+xml", "text/html"), (ETAG,))


@operation(
    *("GET", "/certificates/{number}", PUBLIC),
    query=(LANG,),
    headers=(IF_NONE_MATCH,),
    answers={200: _SHOWN, 304: NOT_MODIFIED},
    problems=("unknown_certificate",),
)
def view_certificate(request: Request) -> Response:
    """Show the certificate of a tree, and its proof.

    It is an SVG picture if the path ends with `.svg`, and JSON if the path ends with `.json`. Otherwise it is a page
    if the client prefers HTML, as browsers do, and JSON if not. The JSON is what the verifier reads.
    """
    name, dot, form = request.path("number").partition(".")
    language = language_of(request)
    certificate = certificates().find(name if dot + form in ("", ".svg", ".json") else "")
    address = f"{request.base_url}/certificates/{certificate.number}"
    if form == "svg":
        from saxaul.certificate.picture import render_picture  # noqa: PLC0415 - most requests draw nothing

        picture = render_picture(certificate, address, language)
        return _cacheable(request, picture, "image/svg+xml", _CACHE_FOR_A_MINUTE, language)
    if not form and prefers_html(request.header("accept") or ""):
        from saxaul.certificate.page import render_page  # noqa: PLC0415 - most requests draw nothing

        page = render_page(certificate, address, language)
        return _cacheable(request, page, "text/html; charset=utf-8", _CACHE_FOR_A_MINUTE, language)
    text = encode(certificate.document(language)).decode()
    return _cacheable(request, text, "application/json", _CACHE_FOR_A_MINUTE, language)


@operation(
    *("GET", "/log", PUBLIC),
    query=(_AFTER, _LIMIT),
    headers=(IF_NONE_MATCH,),
    answers={200: Answer(LogPage, headers=(ETAG,)), 304: NOT_MODIFIED},
)
def view_log(request: Request) -> Response:
    """Return a page of the log, oldest entry first.

    A full page never changes, so clients may cache it for a long time. A page without entries marks the end of the
    log.
    """
    after = _AFTER.of(request)
    limit = _LIMIT.of(request)
    page = log_reading().read_page(after, limit)
    text = f'{{"entries":[{",".join(page.entries)}]}}'
    return _cacheable(request, text, "application/json", _CACHE_FOREVER if page.is_full else "no-cache")


@operation(
    *("GET", "/log/key", PUBLIC),
    headers=(IF_NONE_MATCH,),
    answers={200: Answer(media=("application/x-pem-file",), headers=(ETAG,)), 304: NOT_MODIFIED},
)
def view_log_key(request: Request) -> Response:
    """Return the public key that signs the log, as PEM (RFC 7468)."""
    return _cacheable(request, log_reading().public_key(), "application/x-pem-file", _CACHE_FOR_A_DAY)


def _cacheable(
    request: Request, text: str, content_type: str, cache_control: str, language: Language | None = None
) -> Response:
    # A certificate shows text that others wrote, such as the dedication, so a browser must not run scripts from it or
    # load anything for it.
    guarded = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}
    caching = {"cache-control": cache_control, "vary": "accept"}
    return cacheable(request, text, caching, guarded | {"content-type": content_type}, language)


handler = endpoint(view_certificate, view_log, view_log_key, read_again=read_again)
prepare(wiring.connect)
