"""Public endpoints: certificates as JSON, picture or page, and the transparency log that proves them."""

from saxaul.http.conditions import is_held, tag_of
from saxaul.http.endpoint import Request, Response, endpoint, language_of, whole_number
from saxaul.log.canonical_json import encode
from saxaul.services.find_certificate import certificates
from saxaul.services.read_log import log_reading

_FOR_A_MINUTE = "public, max-age=60"
_FOR_A_DAY = "public, max-age=86400"
_FOR_EVER = "public, max-age=31536000, immutable"


def view_certificate(request: Request) -> Response:
    """Return a certificate in the form that the client wants.

    The form is SVG if the number ends with ``.svg``, JSON if it ends with ``.json``, and otherwise HTML if the client
    accepts it, as browsers do, or JSON.
    """
    name, dot, form = request.path("number").partition(".")
    language = language_of(request)
    certificate = certificates().find(name if dot + form in ("", ".svg", ".json") else "")
    address = f"{request.base_url}/certificates/{certificate.number}"
    if form == "svg":
        from saxaul.certificate.picture import picture  # noqa: PLC0415 - most requests draw nothing

        return _kept(request, picture(certificate, address, language), "image/svg+xml", _FOR_A_MINUTE)
    if not form and "text/html" in (request.header("accept") or ""):
        from saxaul.certificate.page import page  # noqa: PLC0415 - most requests draw nothing

        return _kept(request, page(certificate, address, language), "text/html; charset=utf-8", _FOR_A_MINUTE)
    text = encode(certificate.document(language)).decode()
    return _kept(request, text, "application/json", _FOR_A_MINUTE)


def view_log(request: Request) -> Response:
    """Return the log entries after a sequence, oldest first. A full page never changes, so clients may cache it."""
    after = whole_number(request, "after", default=0, least=0, most=9_999_999_999)
    limit = whole_number(request, "limit", default=100, most=500)
    page = log_reading().page(after, limit)
    text = f'{{"entries":[{",".join(page.entries)}]}}'
    return _kept(request, text, "application/json", _FOR_EVER if page.is_full else "no-cache")


def view_log_key(request: Request) -> Response:
    return _kept(request, log_reading().public_key(), "application/x-pem-file", _FOR_A_DAY)


def _kept(request: Request, text: str, content_type: str, keep: str) -> Response:
    """Return a cacheable response, or 304 if the client still has this text."""
    etag = tag_of(text)
    headers = {"cache-control": keep, "etag": etag, "vary": "accept"}
    if is_held(request.header("if-none-match"), etag):
        return Response("", 304, headers)
    # A certificate shows text that others wrote, such as the dedication, so a browser must not run scripts from it or
    # load anything for it.
    guarded = {
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
        "x-content-type-options": "nosniff",
    }
    return Response(text, 200, headers | guarded | {"content-type": content_type})


handler = endpoint(
    {
        ("GET", "/certificates/{number}"): view_certificate,
        ("GET", "/log"): view_log,
        ("GET", "/log/key"): view_log_key,
    }
)
